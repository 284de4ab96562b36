"""The migrations: up from empty, in agreement with the tables, down and up again with rows, on both
databases.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, inspect, select, text, update

from core.catalog.registry import installed
from core.errors import StoreNotReady
from core.plan import plan
from core.spec.forget import RandomForget
from core.spec.job import JobSpec, parse_job_spec
from core.spec.resolve import resolve
from core.spec.setting import Setting
from core.spec.units import unit_from_json
from core.store import artifacts, jobs, units
from core.store.events import append_event
from core.store.session import ROOT, Store
from core.store.tables import JobRow, SettingRow, UnitRow
from core.store.tallies import Tally, count_up, read_tally
from tests.services import fresh_postgres_url

SPEC = {"settings": [{"dataset": "digits", "model": "resnet18"}], "unlearners": ["ft"], "model_seeds": [0]}


@pytest.fixture
def postgres_url():
    with fresh_postgres_url() as fresh:
        yield fresh


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request, tmp_path):
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'lethe.db'}"
        return
    with fresh_postgres_url() as fresh:
        yield fresh


def alembic(url: str) -> Config:
    config = Config(toml_file=ROOT / "pyproject.toml")
    config.attributes["url"] = url
    return config


def submit_a_job(store: Store) -> str:
    spec = parse_job_spec(json.dumps(SPEC))
    resolved = resolve(spec, installed())
    with store.write() as session:
        return jobs.submit(session, spec, resolved, plan(resolved), actor="test")


def tables(url: str) -> set[str]:
    engine = create_engine(url)
    found = set(inspect(engine).get_table_names())
    engine.dispose()
    return found


def test_the_migrated_database_has_exactly_the_declared_tables(url):
    command.upgrade(alembic(url), "head")

    command.check(alembic(url))


def test_down_and_up_again_with_rows_in_it(url):
    store = Store(url)
    store.migrate()
    submit_a_job(store)

    command.downgrade(alembic(url), "base")
    assert tables(url) == {"alembic_version"}
    command.upgrade(alembic(url), "head")

    with store.read() as session:
        assert jobs.list_jobs(session, limit=10) == []
    store.engine.dispose()


@pytest.mark.postgres
def test_a_service_that_writes_meanwhile_loses_nothing_by_a_migration(postgres_url):
    store = Store(postgres_url)
    store.migrate()
    submit_a_job(store)
    is_over = Event()

    def beat() -> int:
        """What all these revisions know: progress, an event, counting up. How often that was committed."""
        times = 0
        while not is_over.is_set():
            with store.write() as session:
                session.execute(text("UPDATE unit SET progress = coalesce(progress, 0) + 1"))
                append_event(session, actor="test", reason="beat", text="It beats.")
                count_up(session, Tally.CACHE_HITS, "beat")
            times += 1
        return times

    with ThreadPoolExecutor(4) as pool:
        beating = [pool.submit(beat) for _ in range(4)]
        try:
            for _ in range(3):
                command.downgrade(alembic(postgres_url), "0018")
                command.upgrade(alembic(postgres_url), "0023")
        finally:
            is_over.set()
        committed = sum(each.result() for each in beating)

    with store.read() as session:
        assert read_tally(session, Tally.CACHE_HITS)["beat"][0] == committed > 0
        assert session.scalar(text("SELECT count(*) FROM event WHERE reason = 'beat'")) == committed
        assert set(session.scalars(text("SELECT progress FROM unit"))) == {committed}
        assert sum(units.count_by_state(session).values()) == 5
    store.engine.dispose()


def test_artifacts_from_before_their_sizes_were_kept_count_too(url):
    store = Store(url)
    store.migrate()
    submit_a_job(store)
    with store.write() as session:
        lease = units.claim(session, jobs.QUEUE, "w1", 60.0)
        artifact = {"sha256": "0" * 64, "size_bytes": 5_000_000_000}
        units.finish(session, lease, owner="w1", runtime_seconds=1.0, artifact=artifact, text="Done.")

    command.downgrade(alembic(url), "0011")
    command.upgrade(alembic(url), "head")

    with store.read() as session:
        assert artifacts.stored_bytes(session) == 5_000_000_000
    store.engine.dispose()


def test_a_service_from_before_losses_were_told_apart_counts_only_what_a_unit_ended_itself(url):
    store = Store(url)
    store.migrate()
    submit_a_job(store)
    with store.write() as session:
        lost = units.claim(session, jobs.QUEUE, "w1", -1.0)
        units.reap(session)
        session.execute(text("UPDATE unit SET not_before = 0"))
        again = units.claim(session, jobs.QUEUE, "w1", 60.0)
    assert (again.unit_id, again.attempt) == (lost.unit_id, 2)

    command.downgrade(alembic(url), "0019")

    with store.read() as session:
        assert session.scalars(text("SELECT attempt FROM unit WHERE attempt > 0")).all() == [1]
        reasons = session.scalars(text("SELECT reason FROM event")).all()
    assert "infra_lost" in reasons
    assert "worker_lost" not in reasons
    store.engine.dispose()


def test_what_happened_before_it_was_counted_counts_too(url):
    store = Store(url)
    store.migrate()
    submit_a_job(store)
    with store.write() as session:
        units.claim(session, jobs.QUEUE, "w1", -1.0)
        units.reap(session)
        session.execute(text("UPDATE unit SET not_before = 0"))
        lease = units.claim(session, jobs.QUEUE, "w1", 60.0)
        units.finish(session, lease, owner="w1", runtime_seconds=2.5, artifact={}, text="Done.")
    submit_a_job(store)
    with store.write() as session:
        lease = units.claim(session, jobs.QUEUE, "w1", 60.0)
        for each in jobs.list_jobs(session, limit=2):
            jobs.cancel(session, each.id, actor="test")
        units.stop_cancelled(session, lease, owner="w1")

    counted = tallies(store)
    command.downgrade(alembic(url), "0017")
    command.upgrade(alembic(url), "head")

    assert {name for name, found in counted.items() if found} == set(Tally)
    assert tallies(store) == counted
    store.engine.dispose()


def tallies(store: Store) -> dict[Tally, dict[str, tuple[int, float]]]:
    with store.read() as session:
        found = {tally: read_tally(session, tally) for tally in Tally}
    return {
        tally: {label: (times, pytest.approx(seconds)) for label, (times, seconds) in labels.items()}
        for tally, labels in found.items()
    }


def test_steps_that_were_stored_as_a_number_of_draws_can_be_read(url):
    store = Store(url)
    store.migrate()
    submit_a_job(store)
    size = {"fraction": None, "count": 50, "seed": 7}
    step = {"rule": "step", "step": 1, **size}
    command.downgrade(alembic(url), "0023")
    with store.write() as session:
        (definition,) = session.scalars(select(SettingRow.definition))
        session.execute(update(SettingRow).values(definition={**definition, "forget": step}))
        for unit in session.scalars(select(UnitRow)):
            unit.payload = {**unit.payload, "setting": {**definition, "forget": step}}
        (job,) = session.scalars(select(JobRow))
        asked = {**job.spec["settings"][0], "forget": {"rule": "sequence", "steps": 2, **size}}
        job.spec = {**job.spec, "settings": [asked]}

    command.upgrade(alembic(url), "head")

    drawn = RandomForget(count=50, seed=7)
    with store.read() as session:
        (definition,) = session.scalars(select(SettingRow.definition))
        assert Setting.model_validate(definition).forget.steps == (drawn, drawn)
        for payload in session.scalars(select(UnitRow.payload)):
            assert unit_from_json(payload).setting.forget.steps == (drawn, drawn)
        (spec,) = session.scalars(select(JobRow.spec))
        assert JobSpec.model_validate(spec).settings[0].forget.steps == (drawn, drawn)
    store.engine.dispose()


def test_migrating_twice_keeps_what_is_there(url):
    store = Store(url)
    store.migrate()
    job_id = submit_a_job(store)

    store.migrate()

    with store.read() as session:
        assert jobs.get_job(session, job_id).id == job_id
    store.engine.dispose()


def test_an_empty_database_is_refused_with_what_to_do(url):
    store = Store(url)
    with pytest.raises(StoreNotReady, match="lethe migrate"):
        store.require_current()
    store.engine.dispose()


def test_a_revision_of_the_future_is_refused(url):
    store = Store(url)
    store.migrate()
    with store.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(StoreNotReady, match="upgrade Lethe"):
        store.migrate()
    store.engine.dispose()


def test_a_database_that_does_not_answer_is_named_without_its_password():
    store = Store("postgresql+psycopg://lethe:secret@127.0.0.1:1/lethe")
    with pytest.raises(StoreNotReady, match=r"127\.0\.0\.1:1") as refusal:
        store.require_current()
    assert "secret" not in str(refusal.value)
