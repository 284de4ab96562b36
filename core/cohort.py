"""The frozen reference cohort: whose results fix the cut points between groups.

If every newcomer were clustered with the rest, one bad enough to be a cluster of its own would push mediocre
rivals into a better group. The cohort is a constant, not part of an unlearner's record: no plug-in can join
it.
"""

from enum import StrEnum

REFERENCE_UNLEARNERS = frozenset(
    (
        *("ft", "ga", "srl", "fcs", "msg", "cfw", "prmq", "ct", "kde", "rni"),
        *("salun", "cf_k", "eu_k", "scrub", "bt", "ff", "iu", "ng_plus"),
    )
)  # the eighteen of the paper's Table 1, each in its official variant


class Cohort(StrEnum):
    """Whose values fix a setting's cut points."""

    REFERENCE = "reference"
    ALL = "all"
