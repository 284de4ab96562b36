"""Where a number comes from."""

import re

import pytest
import torch

from core import provenance

CPU = torch.device("cpu")


@pytest.fixture
def installed_in(tmp_path, monkeypatch):
    """Where the code lies as an image has it: without a repository around it."""
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "provenance.py"))
    provenance._git_revision.cache_clear()
    yield tmp_path
    provenance._git_revision.cache_clear()


def test_a_checkout_names_its_revision():
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?", provenance.provenance(CPU)["git_revision"])


@pytest.mark.parametrize(("written", "told"), [("4f2a\n", "4f2a"), ("\n", None)])
def test_an_image_names_what_it_was_built_from(installed_in, written, told):
    (installed_in / provenance.BUILT_FROM).write_text(written)

    assert provenance.provenance(CPU)["git_revision"] == told
