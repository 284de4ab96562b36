"""The paper's tables in the form of a snapshot, so that boards can be compared with them too."""

from functools import cache
from typing import Any

from core.board import Metric
from core.cohort import Cohort
from core.paper.tables import published, published_ranks, published_settings
from core.snapshots.content import FORMAT
from core.tier import Tier

PAPER = "paper"
TITLE = "The paper's tables"
SOURCE = "Cadet et al. 2024, Deep Unlearn: Benchmarking Machine Unlearning; Tables 1 and 2"


@cache
def paper_content() -> dict[str, Any]:
    """The content of the reference snapshot. The paper prints how many settings a method is in each group in,
    not which: its boards have no columns.
    """
    return {
        "format": FORMAT,
        "tier": Tier.PUBLISHED.value,
        "source": SOURCE,
        "protocol": PAPER,
        "rules_sha256": None,
        "places": list(published_settings()),
        "settings": {},
        "boards": {metric.value: _board(metric) for metric in Metric},
        "uncertainty": {},
        "runtime_efficiency": {
            unlearner: dict(figures) for unlearner, figures in published().efficiency.items()
        },
        "results": [],
    }


def _board(metric: Metric) -> dict[str, Any]:
    ranks, settings = published_ranks(metric), len(published_settings())
    return {
        "protocol": PAPER,
        "metric": metric.value,
        "higher_is_better": metric.higher_is_better,
        "tier": Tier.PUBLISHED.value,
        "cohort": Cohort.REFERENCE.value,
        "settings": [],
        "rows": [
            {
                "rank": ranks[unlearner],
                "is_provisional": False,
                "unlearner": unlearner,
                "variant": None,
                "label": unlearner,
                "g1": counts.g1,
                "g2": counts.g2,
                "g3": counts.g3,
                "failed": counts.failed,
                "coverage": f"{settings}/{settings}",
                "cells": [],
            }
            for unlearner, counts in published().counts[metric].items()
        ],
        "references": [],
        "moved": [],
    }
