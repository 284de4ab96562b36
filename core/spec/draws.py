"""Whether a forget set is a random draw of its classes, as what tells a trace from noise takes it to be
(protocol §10).
"""

from math import prod

from core.spec.forget import ClassForget, ForgetRule, IndicesForget, SetRule, chooses_by_loss, set_rules

BY_LOSS = "samples were chosen by their loss"
OTHER_SHARES = "an earlier step took a part of some classes, so that held-out samples have more of them"
LISTED = "the samples were listed, and how they were chosen only those know who listed them"


def selection_bias(rule: ForgetRule, num_classes: int) -> str | None:
    """Why even a model that never saw the forget set would tell it from the held-out samples that it is
    compared with; None where nothing in the rule says so. The dataset has `num_classes`.
    """
    if chooses_by_loss(rule):
        return BY_LOSS
    return OTHER_SHARES if _has_other_shares(set_rules(rule), num_classes) else None


def possible_selection_bias(rule: ForgetRule, num_classes: int) -> str | None:
    """The same, or why it may be so: of a list, and of what an earlier one has left, nobody here can tell."""
    is_listed = any(isinstance(each, IndicesForget) for each in set_rules(rule))
    return selection_bias(rule, num_classes) or (LISTED if is_listed else None)


def _has_other_shares(rules: tuple[SetRule, ...], num_classes: int) -> bool:
    """Whether the classes that the last set is drawn from have lost different shares to the sets before."""
    if not rules:
        return False
    *before, last = rules
    steps = [step for step in before if isinstance(step, ClassForget)]
    drawn_from = last.labels if isinstance(last, ClassForget) else range(num_classes)
    # A step takes a fraction of what is left; what is forgotten wholly is not drawn from.
    left = {
        round(prod(1 - step.fraction for step in steps if label in step.labels), 9) for label in drawn_from
    }
    return len(left - {0}) > 1
