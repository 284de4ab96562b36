"""The documentation: all of it found from the README, all that is cited of it there, the unlearners' pages in
step with the catalogue.
"""

import re
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field

from core.catalog.registry import installed
from core.catalog.unlearners import Hyperparameters, LearningRate, NumEpochs, Variant
from core.reference import table, with_table
from core.spec.search import OneOf

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "docs" / "unlearners"
INDEX = PAGES / "README.md"
CITING = (
    "README.md",
    "CONTRIBUTING.md",
    *(f"{folder}/**/*" for folder in ("api", "benchmarks", "core", "docs", "tests", "worker")),
)
CITATION = re.compile(
    r"\b(?P<page>protocol|methods) §(?P<sections>[\d.]+(?:(?:, | and |–)§?\d[\d.]*)*)"
    r"(?:, (?P<notes>Notes)| row (?P<row>\d+))?",
    re.IGNORECASE,
)
OURS = {  # an installed plug-in has its page in its own package
    id: info for id, info in installed().unlearners.items() if info.implementation.startswith("core.")
}


def anchors(page: str) -> set[str]:
    """What can be cited of a page: its sections, `8 row 12` of a register, and `6, Notes`."""
    text = (ROOT / "docs" / f"{page}.md").read_text()
    sections = re.findall(r"^#+ §([\d.]+) ", text, re.MULTILINE)
    rows = re.findall(r"^\| (\d+) \|", text, re.MULTILINE)
    notes = re.findall(r"^#+ Notes to §(\d+)$", text, re.MULTILINE)
    return {*sections, *(f"8 row {row}" for row in rows), *(f"{section}, Notes" for section in notes)}


def citations(text: str) -> set[tuple[str, str]]:
    """(page, anchor) of all that a text cites; a citation may go on in the next line."""
    found = set()
    for match in CITATION.finditer(re.sub(r"\s+(?:# )?", " ", text)):
        page, sections = match["page"].lower(), re.findall(r"\d+(?:\.\d+)?", match["sections"])
        found |= {(page, section) for section in sections}
        if match["notes"]:
            found.add((page, f"{sections[-1]}, Notes"))
        if match["row"]:
            found.add((page, f"{sections[-1]} row {match['row']}"))
    return found


class Example(Hyperparameters):
    learning_rate: LearningRate = 5e-4
    num_epochs: NumEpochs = 3
    norm: Annotated[int, Field(ge=1, lt=3, description="|x|."), OneOf((1, 2))] = 2
    variant: Annotated[Variant, Field(description="Which.")] = "official"
    augment: Annotated[bool, Field(description="Whether.")] = True


def test_every_page_is_found_from_the_readme():
    linked = set(re.findall(r"\]\(docs/(\w+\.md)\)", (ROOT / "README.md").read_text()))
    assert linked == {page.name for page in (ROOT / "docs").glob("*.md")}


def test_a_citation_is_read_with_its_notes_rows_lists_and_ranges():
    text = "(protocol §1.2, §10); methods\n    §8 row 12; protocol §3.2–3.4; Protocol §6, Notes."

    assert citations(text) == {
        *(("protocol", section) for section in ("1.2", "10", "3.2", "3.4", "6", "6, Notes")),
        *(("methods", section) for section in ("8", "8 row 12")),
    }


def test_every_cited_section_is_a_heading_or_a_row_of_its_page():
    known = {(page, anchor) for page in ("protocol", "methods") for anchor in anchors(page)}
    cited = {
        (str(file.relative_to(ROOT)), *citation)
        for pattern in CITING
        for file in ROOT.glob(pattern)
        if file.suffix in (".py", ".md")
        for citation in citations(file.read_text())
    }

    assert len(cited) > 200  # or the pattern no longer finds them
    assert {citation for citation in cited if citation[1:] not in known} == set()


@pytest.mark.parametrize("page", ["protocol", "methods"])
def test_a_section_without_a_page_is_one_of_the_page_that_names_it(page):
    text = (ROOT / "docs" / f"{page}.md").read_text()
    named = set(re.findall(r"(?<!protocol )(?<!methods )§(\d+(?:\.\d+)?)", text))

    assert named - anchors(page) == set()


def test_a_table_gives_default_bounds_and_search_space_of_every_field():
    assert table(Example) == (
        "| name | default | bounds | search space | meaning |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| `learning_rate` | 0.0005 | (0, 10] | `LogUniform(1e-05, 0.1)` | Peak learning rate. |\n"
        "| `num_epochs` | 3 | [0, 1000] | `Epochs()` | Passes over the data. |\n"
        "| `norm` | 2 | [1, 3) | `OneOf(1, 2)` | \\|x\\|. |\n"
        "| `variant` | official | official, fixed | – | Which. |\n"
        "| `augment` | true | false, true | – | Whether. |\n"
    )


def test_a_table_replaces_the_one_before_it_and_nothing_else():
    page = "# A\n<!-- hyperparameters -->\nold\n<!-- /hyperparameters -->\nend\n"

    filled = with_table(page, Example)

    assert filled == page.replace("old\n", table(Example))
    assert with_table(filled, Example) == filled


def test_a_page_without_markers_is_refused_by_its_title():
    with pytest.raises(ValueError, match="0 such pairs below '# Lost'"):
        with_table("# Lost\ntext", Example)


def test_every_unlearner_has_a_page_and_every_page_an_unlearner():
    assert {page.stem for page in PAGES.glob("*.md")} - {INDEX.stem} == set(OURS)


@pytest.mark.parametrize("info", OURS.values(), ids=lambda info: info.id)
def test_every_table_is_that_of_the_catalogue(info):
    page = (PAGES / f"{info.id}.md").read_text()

    assert with_table(page, info.hyperparameters) == page, "out of date; run `make docs`"


def test_the_index_names_every_unlearner_and_its_sets():
    rows = re.findall(r"^\| \[(.+?)\]\((\w+)\.md\) \|.*\| (.+?) \|$", INDEX.read_text(), re.MULTILINE)
    listed = {id: (title, set(sets.split(", "))) for title, id, sets in rows}

    for id, info in OURS.items():
        assert listed[id] == (info.title, set(info.uses))
