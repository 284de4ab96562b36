"""Metrics for Prometheus, with bounded labels: route templates, methods, statuses, states, queues; no ids."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector
from starlette.types import Scope

from core.store import artifacts, figures, units, workers
from core.store.session import Store

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The metrics of one application; each has a registry of its own."""

    def __init__(self, store: Store, *, online_seconds: float) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(StoreCollector(store, online_seconds=online_seconds))
        labels = ("method", "route", "status")
        self._requests = Counter(
            "lethe_http_requests", "Requests that were answered.", labels, registry=self.registry
        )
        self._seconds = Histogram(
            "lethe_http_request_seconds",
            "Seconds until an answer began.",
            ("method", "route"),
            buckets=BUCKETS,
            registry=self.registry,
        )

    def observe(self, scope: Scope, status: int, seconds: float) -> None:
        """Count one answer."""
        method = scope["method"] if scope["method"] in METHODS else "other"
        route = getattr(scope.get("route"), "path", "none")
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)


class StoreCollector(Collector):
    """What the database knows, read at each scrape; every process of the API answers the same.

    A worker that has been silent for `online_seconds` counts as that, whatever it did before.
    """

    def __init__(self, store: Store, *, online_seconds: float) -> None:
        self._store = store
        self._online_seconds = online_seconds

    def collect(self) -> Iterator[Metric]:
        """Read the figures, all of one moment."""
        with self._store.read() as session:
            ages = figures.oldest_ready_seconds(session)
            counts = units.count_by_state(session)
            expired = figures.expired_leases(session)
            at_work = workers.count_workers(session, fresh_seconds=self._online_seconds)
            (released, release_seconds), used = (
                figures.release_seconds(session),
                figures.device_seconds(session),
            )
            done, hits = figures.unit_seconds(session), figures.cache_hits(session)
            stored, evicted = artifacts.stored_bytes(session), artifacts.evicted_bytes(session)
        oldest = GaugeMetricFamily(
            "lethe_queue_oldest_seconds", "Seconds that the oldest ready unit waits.", labels=["queue"]
        )
        for queue, seconds in ages.items():
            oldest.add_metric([queue], seconds)
        by_state = GaugeMetricFamily("lethe_units", "Units, by state.", labels=["state"])
        for state, count in counts.items():
            by_state.add_metric([state], count)
        of_workers = GaugeMetricFamily("lethe_workers", "Workers, by state.", labels=["state"])
        for name, count in at_work.items():
            of_workers.add_metric([name], count)
        by_kind = SummaryMetricFamily(
            "lethe_unit_seconds", "Run times of units that are done.", labels=["kind"]
        )
        for kind, (count, seconds) in done.items():
            by_kind.add_metric([kind], count, seconds)
        by_outcome = CounterMetricFamily(
            "lethe_device_seconds", "Device-seconds used, by why attempts ended.", labels=["outcome"]
        )
        for outcome, seconds in used.items():
            by_outcome.add_metric([outcome], seconds)
        yield by_outcome
        yield by_kind
        yield CounterMetricFamily("lethe_cache_hits", "Units that a new job found done.", hits)
        releases = HistogramMetricFamily(
            "lethe_cancel_release_seconds", "Seconds from a cancellation to a free device."
        )
        releases.add_metric([], list(released.items()), release_seconds)
        yield releases
        yield oldest
        yield by_state
        yield of_workers
        yield GaugeMetricFamily("lethe_artifact_bytes", "Size of all artifacts.", stored)
        yield CounterMetricFamily("lethe_artifact_evicted_bytes", "Size of what was evicted.", evicted)
        yield CounterMetricFamily("lethe_lease_expiries", "Attempts whose worker went silent.", expired)

    def describe(self) -> list[Metric]:
        """Nothing: registering must not read a database that may not be there yet."""
        return []
