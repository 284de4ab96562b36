"""How far from 1 indiscernibility lies by chance alone, by the sizes of the two sets (protocol §5.3)."""

from math import ceil, sqrt

from core.attacks.u_mia import MIN_COUNT, NUM_PARTITIONS, TEST_SHARE

UPPER_HALF_NORMAL = 1.96  # 95 % of a half-normal lie below it


def indiscernibility_floor(forget_count: int, heldout_count: int, *, share_below: float = 0.5) -> float:
    """What one in twenty models without a trace falls below, in [0, 1].

    Indiscernibility is `1 − 2 |accuracy − 0.5|`, which under the null is 1 less a half-normal.

    Args:
        forget_count: of forget samples, at least 1.
        heldout_count: of held-out samples, at least 1.
        share_below: as of `accuracy_error`.

    Raises:
        ValueError: one is out of its range.
    """
    error = accuracy_error(forget_count, heldout_count, share_below=share_below)
    return max(0.0, 1 - 2 * error * UPPER_HALF_NORMAL)


def accuracy_error(forget_count: int, heldout_count: int, *, share_below: float = 0.5) -> float:
    """Standard error of the attack's accuracy about 0.5 where both sides' losses are from one distribution.

    Under the null, a sample of a partition's test share is classified by a threshold that it did not help to
    fit, so it is right with chance q or 1 − q by its side, q being the share of losses below the threshold.
    Both sides are trimmed to the smaller count.
    It is tested in c ~ Binomial(10, τ) of the ten partitions, τ being their test share, with nearly the same
    threshold each time. Partitions are stratified, so q(1 − q) is the variance on either side, and

        Var(accuracy) = 2·count · q(1 − q) · E[c²] / (10 · tested)²,  E[c²] = 10τ(1 − τ) + (10τ)²,

    about 0.95 q(1 − q) / count. Below ten samples the attack is the rank statistic, which trims nothing: of F
    and E samples its null variance is (F + E + 1) / (12·F·E). Both are approximations: simulated errors are
    within 15 % from 30 samples on.

    Args:
        forget_count: of forget samples, F, at least 1.
        heldout_count: of held-out samples, E, at least 1.
        share_below: q, in (0, 1): where the threshold lies, near the mean loss. 0.5 is the widest; 0.8 is
            usual for the heavy-tailed losses of trained classifiers.

    Raises:
        ValueError: one is out of its range.
    """
    count = min(forget_count, heldout_count)
    if count < 1 or not 0 < share_below < 1:
        raise ValueError(
            f"The noise floor takes counts of at least 1 and a share between 0 and 1, not {forget_count}, "
            f"{heldout_count} and {share_below}."
        )
    if count < MIN_COUNT:
        return sqrt((forget_count + heldout_count + 1) / (12 * forget_count * heldout_count))
    tested = ceil(TEST_SHARE * 2 * count)
    chosen = NUM_PARTITIONS * tested / (2 * count)  # how often a sample is tested, on average
    square = chosen * (1 - chosen / NUM_PARTITIONS) + chosen**2
    return sqrt(2 * count * share_below * (1 - share_below) * square) / (NUM_PARTITIONS * tested)
