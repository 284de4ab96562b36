"""Attacks on single samples as a spec asks for them: beside which settings, and what may be wrong."""

from collections.abc import Sequence

from core.attacks.lira_splits import DATA_SEED, MIN_IMAGES, VALIDATION_PARTS, lira_set_sizes, num_attackable
from core.catalog.attacks import AttackInfo
from core.catalog.datasets import DatasetInfo
from core.catalog.protocols import Protocol
from core.catalog.registry import Catalogue, closest
from core.errors import SpecProblem
from core.spec.forget import MODEL_SEED, LiraForget
from core.spec.job import AttackRequest, OutModels, SettingName, SettingRequest, SweepRequest, pointer
from core.spec.problems import unknown
from core.spec.setting import Setting

OF_STUDIES = ("settings", "unlearners", "splits", "forget_sets", "out", "originals")  # none of a set's attack
SEARCH_SPLITS = 32  # of a study (protocol §8.1)
MIN_ATTACKABLE = 0.005  # of a study's samples; a mean over fewer is about those few
SEARCHING = ("search_splits", "trials", "selection")  # an attack's fields that need a sweep


def attack_problems(
    request: AttackRequest, index: int, sweep: SweepRequest | None, catalogue: Catalogue
) -> list[SpecProblem]:
    """What is wrong with an attack in any setting."""
    info = catalogue.attacks.get(request.id)
    if info is None:
        return [unknown("attack", request.id, catalogue.attacks, pointer("attacks", index, "id"))]
    unused: tuple[str, ...] = (*OF_STUDIES, *SEARCHING)
    why = f"{info.title} attacks a set, so it has no study to lay out."
    if info.on == "samples":
        unused = () if sweep else SEARCHING
        why = "Nothing is searched without a sweep."
    return [
        SpecProblem(pointer("attacks", index, name), "unused", why)
        for name in unused
        if getattr(request, name) is not None
    ]


def strangers(
    request: AttackRequest, index: int, settings: Sequence[SettingRequest], unlearners: Sequence[str]
) -> list[SpecProblem]:
    """What an attack names that its job does not have."""
    pairs = [f"{setting.dataset}/{setting.model}" for setting in settings]
    named = [f"{setting.dataset}/{setting.model}" for setting in request.settings or ()]
    return [
        SpecProblem(
            pointer("attacks", index, field, place),
            "not_in_job",
            f"The job has no {field.removesuffix('s')} {name}; it has {', '.join(known)}.",
            closest(name, known),
        )
        for field, names, known in (
            ("settings", named, pairs),
            ("unlearners", request.unlearners or (), unlearners),
        )
        for place, name in enumerate(names)
        if name not in known
    ]


def is_beside(request: AttackRequest, setting: Setting) -> bool:
    """Whether an attack on single samples is to run beside a setting."""
    names = request.settings
    return names is None or SettingName(dataset=setting.dataset, model=setting.model) in names


def lira_setting(setting: Setting, dataset: DatasetInfo, protocol: Protocol) -> Setting:
    """The first model of a study beside a setting: the protocol's splits and recipe (protocol §2.2, §8.1).

    All models of a study have one model seed, so that a run seed which follows it would only be another.
    """
    run_seed = protocol.run_seed if setting.run_seed == MODEL_SEED else setting.run_seed
    return setting.model_copy(
        update={
            "forget": LiraForget(split=0, forget_set=0),
            "recipe": protocol.lira_recipe(dataset.recipes_id, setting.model),
            "validation_fraction": 1 / VALIDATION_PARTS,
            "split_seed": DATA_SEED,
            "run_seed": run_seed,
        }
    )


def too_few_models(
    index: int, info: AttackInfo, num_train: int, splits: int, forget_sets: int, out: OutModels
) -> list[SpecProblem]:
    """A study in which no sample could be attacked, or so few that their mean says nothing of the rest."""
    if num_train < MIN_IMAGES:
        detail = f"The dataset has {num_train} training images; a study needs at least {MIN_IMAGES}."
        return [SpecProblem(pointer("attacks", index), "dataset_too_small", detail)]
    found = num_attackable(num_train, splits, forget_sets, out, info.min_splits)
    retain, forget, _, out_of_split = lira_set_sizes(num_train)
    pool = retain + forget + out_of_split
    if found >= MIN_ATTACKABLE * pool:
        return []
    detail = (
        f"With {splits} split(s) and {forget_sets} forget set(s) {found:,} of {pool:,} samples are forgotten "
        f"in at least {info.min_splits} splits and never seen in at least {info.min_splits}, which "
        f"{info.title} needs to leave one out of its fit (protocol §8.2); it takes one in 200. Ask for "
        "more of either, 16 splits of 10 forget sets for example; `u_lira_pooled` and `rmia` need only two "
        "splits on each side."
    )
    return [SpecProblem(pointer("attacks", index, "splits"), "too_few_splits", detail)]
