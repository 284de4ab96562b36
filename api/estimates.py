"""Estimates from what this installation has measured, read again when there is something new."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from time import monotonic

from core.catalog.registry import Catalogue
from core.class_sizes import forgotten_classes
from core.estimate import Estimate, MeasuredRates, estimate, measured_rates
from core.plan import PlannedUnit
from core.store import measurements
from core.store.session import Store

KEPT_SECONDS = 30.0  # a sweep's trials come by the second, and are many


class Estimator:
    """Estimates for one application. Rates are kept until there is a newer result, but not for long: then
    there may be newer trials.
    """

    def __init__(self, store: Store, data_dir: Path) -> None:
        self._store = store
        self._data_dir = data_dir
        self._lock = Lock()
        self._rates: MeasuredRates = {}
        self._newest: str | None = None  # result that the rates know of
        self._read_at = float("-inf")

    def of(self, units: Sequence[PlannedUnit], catalogue: Catalogue) -> Estimate:
        """What is left to do of a planned job."""
        with self._store.read() as session:
            done = measurements.done_units(session, units)
            newest = measurements.newest_result(session)
            with self._lock:
                if newest != self._newest or monotonic() - self._read_at > KEPT_SECONDS:
                    self._rates = measured_rates(measurements.recent_measurements(session))
                    self._newest, self._read_at = newest, monotonic()
                known = self._rates
        return estimate(units, done, known, catalogue, forgotten_classes(units, catalogue, self._data_dir))
