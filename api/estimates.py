"""Estimates from what this installation has measured, read again only when there is something new."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from core.catalog.registry import Catalogue
from core.class_sizes import forgotten_classes
from core.estimate import Conditions, Estimate, Rate, estimate, measured_rates
from core.plan import PlannedUnit
from core.store import measurements
from core.store.session import Store


class Estimator:
    """Estimates for one application. Rates are kept until there is a newer result."""

    def __init__(self, store: Store, data_dir: Path) -> None:
        self._store = store
        self._data_dir = data_dir
        self._lock = Lock()
        self._known: tuple[str | None, dict[Conditions, Rate]] = (None, {})

    def of(self, units: Sequence[PlannedUnit], catalogue: Catalogue) -> Estimate:
        """What is left to do of a planned job."""
        with self._store.read() as session:
            done = measurements.done_units(session, units)
            newest = measurements.newest_result(session)
            with self._lock:
                if newest != self._known[0]:
                    self._known = newest, measured_rates(measurements.recent_measurements(session))
                known = self._known[1]
        return estimate(units, done, known, catalogue, forgotten_classes(units, catalogue, self._data_dir))
