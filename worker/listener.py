"""Who hears of the units that a worker runs."""

from collections.abc import Callable
from dataclasses import dataclass

from core.outcome import Progress
from core.store.units import Lease


def _unheard(*_: object) -> None:
    """Nobody listens."""


@dataclass(frozen=True)
class Listener:
    """What is called with a unit: `progress` at its claim, without any, and when there is some; `end` when
    the store has heard how it ended.
    """

    progress: Callable[[Lease, Progress | None], None] = _unheard
    end: Callable[[Lease], None] = _unheard


NOBODY = Listener()
