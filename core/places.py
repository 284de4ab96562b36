"""A setting in words and as plain JSON, for whoever shows or exports something of it. Pure."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from core.catalog.protocols import PROTOCOLS, Protocol
from core.spec.forget import MODEL_SEED, ForgetRule, IndicesForget, LiraForget, RandomForget, StepForget
from core.spec.setting import Setting

DEFAULT_SEED = RandomForget().seed


def setting_document(setting: Setting) -> dict[str, Any]:
    """What tells a setting from the others of its protocol, as plain JSON."""
    return {
        "dataset": setting.dataset,
        "model": setting.model,
        "forget": forget_document(setting.forget),
        "precision": setting.precision,
        "run_seed": setting.run_seed,
    }


def forget_document(rule: ForgetRule) -> dict[str, Any]:
    """A forget rule as plain JSON; of listed indices their number and hash stand for them.

    That of a step is its own rule's, with the number of the `step`, from 0, and the documents of those
    `before` it.
    """
    if isinstance(rule, StepForget):
        *before, own = map(forget_document, rule.steps)
        return {**own, "step": len(before), "before": before}
    fields = rule.model_dump(mode="json", exclude={"indices"})
    listed = {"count": len(rule.indices), "sha256": rule.sha256} if isinstance(rule, IndicesForget) else {}
    names = ["rule", "fraction", "count", "seed", "labels", "step", "before", "sha256"]
    names += ["split", "forget_set"] if isinstance(rule, LiraForget) else []  # no board has such a setting
    return {name: {**fields, **listed}.get(name) for name in names}


def forget_text(forget: Mapping[str, Any]) -> str:
    """A forget document in words; steps count from 1, and a seed is told where it is not the usual one."""
    own = _set_text(forget)
    if forget["step"] is None:
        return own
    runs = [(text, len(list(same))) for text, same in groupby(map(_set_text, forget["before"]))]
    before = "; ".join(text if count == 1 else f"{count} times {text}" for text, count in runs)
    return f"{own}, step {forget['step'] + 1}" + (f" after {before}" if before else "")


def _set_text(forget: Mapping[str, Any]) -> str:
    """One forget set in words, whether or not it is a step."""
    count = forget["count"]
    size = f"{100 * forget['fraction']:g} %" if count is None else f"{count} sample{'s' * (count != 1)}"
    seed = "" if forget["seed"] in (None, DEFAULT_SEED) else f", {seed_text(forget['seed'])}"
    match forget["rule"]:
        case "class":
            share = "" if forget["fraction"] == 1 else f"{size} of "
            return f"{share}class {', '.join(map(str, forget['labels']))}{seed}"
        case "hard":
            return f"{size} of highest loss"
        case "indices":
            return f"{count} listed sample{'s' * (count != 1)}, {forget['sha256'][:8]}"
        case _:
            return f"{size} at random{seed}"


def seed_text(seed: int | str) -> str:
    """A seed in words, after what it seeds."""
    return "seed per model" if seed == MODEL_SEED else f"seed {seed}"


def special(setting: Mapping[str, Any], protocol: Protocol | None) -> str:
    """What makes a setting document other than the protocol's own settings, in words; nothing where it is one
    of these. Of a protocol that is not installed nothing goes without saying.

    Documents of boards that were frozen earlier lack fields that came later, as the run seed.
    """
    usual = forget_document(RandomForget())
    told = [forget_text(setting["forget"])] if {**usual, **setting["forget"]} != usual else []
    if protocol is None or setting["precision"] != protocol.precision:
        told.append(setting["precision"])
    run_seed = setting.get("run_seed")
    if run_seed is not None and (protocol is None or run_seed != protocol.run_seed):
        told.append(f"run {seed_text(run_seed)}")
    return ", ".join(told)


def place_names(protocol: str, settings: Sequence[Mapping[str, Any]], separator: str = "/") -> list[str]:
    """Setting documents of a protocol in words: dataset and model, and what is special."""
    names = [f"{setting['dataset']}{separator}{setting['model']}" for setting in settings]
    more = [special(setting, PROTOCOLS.get(protocol)) for setting in settings]
    return [f"{name}, {what}" if what else name for name, what in zip(names, more, strict=True)]
