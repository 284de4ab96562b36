"""What is wrong with a spec's forget rules, as far as it can be told without labels and losses."""

from core.catalog.datasets import DatasetInfo
from core.errors import ForgetSetInvalid, SpecProblem
from core.spec.forget import (
    ClassForget,
    ForgetRequest,
    IndicesForget,
    RandomForget,
    SequenceForget,
    SetRule,
    set_rules,
)
from core.spec.setting import Setting
from core.splits import Split, draw_split, num_training, set_size

MIN_RETAINED = 2  # batch norm cannot train on a single sample


def forget_problems(
    settings: list[Setting], rule: ForgetRequest, dataset: DatasetInfo, where: str
) -> list[SpecProblem]:
    """What is wrong with the rule that stands at the pointer `where`.

    Of a sequence, whose `settings` are its steps, first what is wrong with single steps; only where they are
    right what their order makes wrong, and there only the first, as the steps behind it rest on it.
    """
    if not isinstance(rule, SequenceForget):
        return _strange(rule, settings[0], dataset, where) or _too_much(settings[0], dataset, where)
    places = [f"{where}/steps/{index}" for index in range(len(rule.steps))]
    strange = [
        problem
        for step, setting, place in zip(rule.steps, settings, places, strict=True)
        for problem in _strange(step, setting, dataset, place)
    ]
    if strange:
        return strange
    together = (
        _too_much(setting, dataset, place) or _again(settings[: index + 1], dataset, place)
        for index, (setting, place) in enumerate(zip(settings, places, strict=True))
    )
    return next((problems for problems in together if problems), [])


def _strange(rule: SetRule, setting: Setting, dataset: DatasetInfo, where: str) -> list[SpecProblem]:
    """A class or an image that a single rule names and that is not there to be forgotten."""
    if isinstance(rule, ClassForget) and max(rule.labels) >= dataset.num_classes:
        detail = f"{dataset.id} has the classes 0 to {dataset.num_classes - 1}; got {max(rule.labels)}."
        return [SpecProblem(f"{where}/labels", "unknown_class", detail)]
    if isinstance(rule, IndicesForget):
        try:
            _drawn(setting.model_copy(update={"forget": rule}), dataset)
        except ForgetSetInvalid as error:
            return [SpecProblem(f"{where}/indices", "not_in_training_split", str(error))]
    return []


def _too_much(setting: Setting, dataset: DatasetInfo, where: str) -> list[SpecProblem]:
    """Sets that leave too little to retain; how many samples a class has, only the labels tell."""
    rules, training = set_rules(setting.forget), num_training(dataset, setting)
    whole = {
        label
        for rule in rules
        if isinstance(rule, ClassForget) and rule.fraction == 1
        for label in rule.labels
    }
    if len(whole) == dataset.num_classes:
        detail = "These are all classes, so nothing would be retained."
        return [SpecProblem(f"{where}/labels", "set_too_small", detail)]
    sizes = [set_size(rule, training) for rule in rules if not isinstance(rule, ClassForget)]
    if sum(sizes) <= training - MIN_RETAINED:
        return []
    who = "This forgets" if len(rules) == 1 else f"Steps 1 to {len(rules)} forget"
    detail = (
        f"{who} {sum(sizes):,} samples, but the training split has {training:,}, of which at least "
        f"{MIN_RETAINED} must be retained."
    )
    return [SpecProblem(where, "set_too_small", detail)]


def _again(steps: list[Setting], dataset: DatasetInfo, where: str) -> list[SpecProblem]:
    """What the last of the steps names though an earlier one has forgotten it."""
    rule = set_rules(steps[-1].forget)[-1]
    for number, before in enumerate(steps[:-1], start=1):
        earlier = set_rules(before.forget)[-1]
        match rule, earlier:
            case ClassForget(), ClassForget() if earlier.fraction == 1:
                field, what, repeated = "labels", "Class", set(rule.labels) & set(earlier.labels)
            case IndicesForget(), IndicesForget():
                field, what, repeated = "indices", "Image", set(rule.indices) & set(earlier.indices)
            case IndicesForget(), RandomForget(seed="model_seed"):
                detail = (
                    f"Step {number} draws other images for each model seed, which may be among those that "
                    f"step {len(steps)} lists: list them before it, or give step {number} a number as seed."
                )
                return [SpecProblem(where, "may_be_forgotten", detail)]
            case IndicesForget(), RandomForget() if _is_drawn_by_seeds(before):
                drawn = _drawn(before, dataset).forget.tolist()
                field, what, repeated = "indices", "Image", set(rule.indices) & set(drawn)
            case _:
                continue
        if repeated:
            detail = f"{what} {min(repeated)} of step {len(steps)} is forgotten by step {number} already."
            return [SpecProblem(f"{where}/{field}", "already_forgotten", detail)]
    return []


def _is_drawn_by_seeds(setting: Setting) -> bool:
    return all(isinstance(rule, RandomForget | IndicesForget) for rule in set_rules(setting.forget))


def _drawn(setting: Setting, dataset: DatasetInfo) -> Split:
    return draw_split(
        dataset.num_train,
        dataset.num_test,
        setting.forget,
        validation_fraction=setting.validation_fraction,
        seed=setting.split_seed,
    )
