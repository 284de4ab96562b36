"""Where numbers come from: what this service ran, what others say they measured, what the paper printed.
Ranks, groups and cohorts are made within one tier; no board mixes them.
"""

from enum import StrEnum


class Tier(StrEnum):
    """The origin of a set of numbers."""

    RUN_HERE = "run_here"
    SELF_REPORTED = "self_reported"
    PUBLISHED = "published"
