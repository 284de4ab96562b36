"""Alerts and dashboard: that they watch what the service tells, and that somebody says what they mean."""

import json
import re

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from api.main import create_app
from core.settings import Settings
from core.store.session import ROOT, Store
from tests.api.steps import JOBS, SPEC
from tests.services import HERE

MONITORING = ROOT / "docs" / "monitoring"
RULES = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"][0]["rules"]
PANELS = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
EXPRESSIONS = [rule["expr"] for rule in RULES] + [panel["targets"][0]["expr"] for panel in PANELS]


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> set[str]:
    """The names of all samples of a service that has been asked something."""
    settings = Settings(var_dir=tmp_path_factory.mktemp("service"))
    store = Store(settings.database)
    store.migrate()
    with TestClient(create_app(settings), base_url=HERE) as client:
        client.post(JOBS, json=SPEC)
        families = list(text_string_to_metric_families(client.get("/metrics").text))
    store.engine.dispose()
    return {sample.name for family in families for sample in family.samples}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_is_watched_is_told(told, expression):
    assert set(re.findall(r"\blethe_\w+", expression)) <= told
    assert re.search(r"\b(lethe_\w+|up)\b", expression)


@pytest.mark.parametrize("alert", [rule["alert"] for rule in RULES])
def test_every_alert_is_explained(alert):
    assert f"| `{alert}` |" in (ROOT / "docs" / "operating.md").read_text()
