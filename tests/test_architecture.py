"""The architecture: what may import what, and that nothing is declared without being complete."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from core.catalog.registry import installed
from core.settings import Settings
from core.spec.search import search_space

ROOT = Path(__file__).parent.parent
ENTRIES = [
    entry
    for kind in ("unlearners", "datasets", "models", "attacks")
    for entry in getattr(installed(), kind).values()
]


def modules_after(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after a statement."""
    code = f"{statement}\nimport sys\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_api_never_loads_torch():
    assert not modules_after("import api.main") & {"torch", "torchvision", "timm", "celery", "worker"}


def test_the_references_train_without_what_compiles_models():
    code = (
        "import sys\n"
        "from torch import nn, ones\n"
        "from core.optimisers import SGD\n"
        "model = nn.Linear(2, 1)\n"
        "optimiser = SGD(model.parameters(), lr=0.1)\n"
        "model(ones(1, 2)).sum().backward()\n"
        "optimiser.step()\n"
        "optimiser.zero_grad()\n"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_workers_parent_never_loads_torch():
    loaded = modules_after("import worker.tasks, worker.scheduler")
    assert not loaded & {"torch", "torchvision", "timm", "api"}


@pytest.mark.parametrize("modules", ["api.main", "worker.tasks, worker.scheduler"])
def test_what_only_ranking_needs_is_not_waited_for_at_the_start(modules):
    assert not modules_after(f"import {modules}") & {"sklearn", "scipy", "optuna"}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_every_entry_of_the_catalogue_says_where_it_comes_from(entry):
    assert len(entry.source) > 10
    assert entry.title


@pytest.mark.parametrize("unlearner", installed().unlearners.values(), ids=lambda unlearner: unlearner.id)
def test_every_hyperparameter_is_explained_and_all_but_what_makes_another_method_are_searched(unlearner):
    fields = unlearner.hyperparameters.model_fields
    assert all(field.description for field in fields.values())
    assert set(fields) - set(search_space(unlearner.hyperparameters)) <= {"variant", "augment", "scope"}


def test_no_file_has_grown_into_two():
    sources = [path for package in ("api", "core", "worker") for path in (ROOT / package).rglob("*.py")]
    assert {path.name: lines for path in sources if (lines := len(path.read_text().splitlines())) > 500} == {}


def test_every_setting_and_every_command_is_documented():
    manual = (ROOT / "docs" / "running.md").read_text()
    variables = {f"`LETHE_{name.upper()}`" for name in Settings.model_fields}
    commands = subprocess.run(
        [sys.executable, "-m", "lethe", "--help"], capture_output=True, text=True, check=True
    )
    listed = commands.stdout.partition("Commands:")[2]
    named = {f"`lethe {name}" for name in re.findall(r"^  (\w+)", listed, re.MULTILINE)}
    assert len(named) > 10
    assert {word for word in variables | named if word not in manual} == set()
