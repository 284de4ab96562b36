"""What installed packages may declare, and what is said of a declaration that is refused."""

import pytest

from core.catalog import registry
from core.errors import PluginInvalid

ATTACK = """
from core.catalog.attacks import AttackInfo

GUESS = AttackInfo(id="guess", title="Guess", source="nobody", implementation="strange:guess", on="sets")
"""


@pytest.fixture
def strange(tmp_path, monkeypatch):
    """An installed package with that attack."""
    metadata = tmp_path / "strange-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: strange\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[lethe.attacks]\nguess = strange:GUESS\n")
    (tmp_path / "strange.py").write_text(ATTACK)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.installed.cache_clear()
    yield
    registry.installed.cache_clear()


@pytest.mark.usefixtures("strange")
def test_an_attack_on_sets_is_refused_as_no_job_would_run_it():
    with pytest.raises(PluginInvalid) as refused:
        registry.installed()

    assert str(refused.value) == (
        "strange: entry point 'guess' = 'strange:GUESS' cannot be loaded: the attack 'guess' is declared on "
        'sets, where u_mia alone is run, with every result: declare it on "samples"'
    )
