"""Every page of a filled service: what leads where, what can be taken away, and who can use it."""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.expected_conditions import (
    presence_of_element_located,
    text_to_be_present_in_element,
)
from selenium.webdriver.support.ui import Select

from api.client import Client
from tests.e2e.browser import chromium, wait
from tests.e2e.populated import populate
from tests.e2e.service import running_service

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
FRONTEND = Path(__file__).parents[2] / "frontend"
AXE = FRONTEND / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
HEIGHTS = {360: 740, 1440: 1000}
SETTLED = (
    "return !document.querySelector('[aria-busy=true]') && !/Loading|Drawing/.test(document.body.innerText)"
)
REPORT = {
    "protocol": "quick/1.0",
    "origin": "A group that measured",
    "link": "https://example.org/code",
    "measured_on": "2026-01-31",
    "results": [
        {
            "unlearner": "theirs",
            "dataset": "digits",
            "model": "resnet18",
            "model_seed": 0,
            "retention_deviation": 0.001,
        }
    ],
}
PAGES = {
    "board": "/",
    "board_moved": "/?cohort=all&sort=-name",
    "unlearners": "/unlearners",
    "unlearner": "/unlearners/bt",
    "unknown_unlearner": "/unlearners/nobody",
    "setting": "/settings/{setting}",
    "unknown_setting": "/settings/set_none",
    "result": "/results/{result}",
    "unknown_result": "/results/res_none",
    "compare": "/compare?a=ft&b=ga&c=bt",
    "trade_offs": "/trade-offs",
    "privacy": "/privacy",
    "privacy_of_forget_sets": "/privacy?attack=u_mia",
    "privacy_of_nobody": "/privacy?setting={other_setting}",
    "sensitivity": "/sensitivity",
    "paper": "/paper",
    "snapshots": "/snapshots",
    "snapshot": "/snapshots/{snapshot}",
    "snapshot_diff": "/snapshots/diff?from=paper&to={snapshot}",
    "jobs": "/jobs",
    "job": "/jobs/{job}",
    "unknown_job": "/jobs/job_none",
    "sweep": "/jobs/{swept}",
    "submit": "/jobs/new?unlearner=bt",
    "status": "/status",
    "workers": "/workers",
    "not_found": "/nowhere",
    "api": "/docs",
    "problems": "/docs/problems",
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> Iterator[dict[str, str]]:
    """A service with a job that is done: its URL, and what the addresses of its pages need."""
    var_dir = tmp_path_factory.mktemp("var")
    job, swept = populate(var_dir)
    with running_service(var_dir, LETHE_READS_PER_MINUTE="100000") as url:
        board = httpx.get(f"{url}/api/v1/leaderboard").json()
        result = httpx.get(f"{url}/api/v1/results", params={"unlearner": "retrained"}).json()["items"][0]
        frozen = httpx.post(f"{url}/api/v1/snapshots", json={"title": "First"}).json()
        httpx.post(f"{url}/api/v1/self-reported", json=REPORT).raise_for_status()
        yield {
            "url": url,
            "snapshot": frozen["id"],
            "sha256": frozen["sha256"],
            "job": job,
            "swept": swept,
            "setting": board["settings"][0]["id"],
            "other_setting": board["settings"][1]["id"],
            "result": result["id"],
        }


@pytest.fixture(scope="module")
def chrome(tmp_path_factory) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def visit(chrome, filled):
    """Open a page and wait until it shows what it has."""

    def go(path: str) -> webdriver.Chrome:
        chrome.get(filled["url"] + path.format(**filled))
        wait(chrome).until(presence_of_element_located((By.TAG_NAME, "h1")))
        settle(chrome)
        return chrome

    chrome.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    chrome.get_log("browser")
    return go


def settle(browser) -> None:
    wait(browser).until(lambda _: browser.execute_script(SETTLED))


def heading(browser) -> str:
    return browser.find_element(By.TAG_NAME, "h1").text


def click(browser, link) -> None:
    link.click()
    settle(browser)


TEXTS = (
    "return [...document.querySelectorAll(arguments[0])]"
    ".map(each => (each.innerText ?? each.textContent).trim())"
)


def texts(browser, selector: str) -> list[str]:
    """All at one moment, as the page may draw them anew while they are read."""
    return list(browser.execute_script(TEXTS, selector))


@pytest.fixture(params=HEIGHTS, ids=lambda width: f"{width}px")
def screen(request, visit, chrome) -> int:
    """A phone and a desk, by their widths."""
    width = request.param
    size = {"width": width, "height": HEIGHTS[width], "deviceScaleFactor": 1, "mobile": width < 600}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    return int(width)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_no_violation_that_axe_finds_fits_the_screen_and_asks_no_other_host(
    visit, chrome, filled, page, screen
):
    visit(PAGES[page])
    for details in chrome.find_elements(By.CSS_SELECTOR, "main details"):
        chrome.execute_script("arguments[0].open = true", details)

    assert chrome.execute_script("return document.documentElement.scrollWidth") <= screen
    hosts = chrome.execute_script(
        "return [...new Set(performance.getEntries().map(e => e.name).filter(n => /^[a-z]+:/.test(n))"
        ".map(n => new URL(n).host))]"
    )
    assert hosts == [urlsplit(filled["url"]).netloc]
    complaints = [entry["message"] for entry in chrome.get_log("browser")]  # also what the policy blocked
    assert [text for text in complaints if "404" not in text or "_none" not in text] == []

    chrome.execute_script(AXE.read_text())
    for theme in ("light", "dark"):
        scheme = {"name": "prefers-color-scheme", "value": theme}
        chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        assert violations(chrome) == [], theme


def violations(browser) -> list[tuple[str, list[str]]]:
    """What axe finds, each with its first places."""
    found = browser.execute_async_script("axe.run({runOnly: arguments[0]}).then(arguments[1])", RULES)
    return [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found["violations"]]


USABLE = (
    "return [...document.querySelectorAll('a[href], button, select, input, summary, [tabindex=\"0\"]')]"
    ".filter(e => e.checkVisibility() && !e.disabled && !(e.type === 'radio' && !e.checked)).length"
)
WATCH_FOCUS = (
    "window.reached = new Set(); window.hidden = [];"
    "document.addEventListener('focusin', e => { window.reached.add(e.target);"
    " const s = getComputedStyle(e.target), t = e.target.nextElementSibling;"
    " const n = t ? getComputedStyle(t) : s;"
    " if (s.outlineStyle === 'none' && n.outlineStyle === 'none')"
    " window.hidden.push(e.target.outerHTML); })"
)


@pytest.mark.parametrize("page", PAGES)
def test_the_keyboard_alone_reaches_all_that_can_be_used_and_shows_where_it_is(visit, screen, page):
    browser = visit(PAGES[page])
    usable = browser.execute_script(USABLE)
    browser.execute_script(WATCH_FOCUS)
    webdriver.ActionChains(browser).send_keys(Keys.TAB * (usable + 2)).perform()
    assert browser.execute_script("return window.reached.size") >= usable
    assert browser.execute_script("return window.hidden") == []


def test_the_first_load_is_at_most_150_kilobytes_as_they_are_sent(browser, filled):
    browser.get(filled["url"])
    wait(browser).until(presence_of_element_located((By.CSS_SELECTOR, "table.board")))
    settle(browser)
    sent = browser.execute_script(
        "return performance.getEntries().filter(e => e.transferSize).map(e => [e.name, e.transferSize])"
    )
    assert sum(size for _, size in sent) <= 150_000
    assert {name.rsplit(".")[-1] for name, _ in sent} >= {"js", "css", "woff2"}


def test_a_value_on_the_board_leads_to_its_runs_in_two_clicks(visit, filled):
    browser = visit("/")
    value = browser.find_element(By.CSS_SELECTOR, "tbody.ranked .mean a")
    shown = value.text
    click(browser, value)
    assert heading(browser) == "digits · resnet18"
    means = dict(
        zip(texts(browser, "table.methods tbody th"), texts(browser, "table.methods .mean"), strict=True)
    )
    assert shown in means.values()
    click(browser, browser.find_element(By.CSS_SELECTOR, "table.methods .seeds a"))
    assert heading(browser) == "Original, model seed 0" or "Retrained" in heading(browser)
    assert "A reference has no run time to compare." in texts(browser, "main")[0]
    assert filled["job"] in texts(browser, "dl.facts")[0]


def test_a_setting_shows_a_dot_for_every_run_and_the_references_as_lines(visit):
    browser = visit("/settings/{setting}")
    wait(browser).until(presence_of_element_located((By.CSS_SELECTOR, ".plot svg .runs path")))
    marks = browser.find_elements(By.CSS_SELECTOR, ".plot svg .runs path")
    runs = browser.find_elements(By.CSS_SELECTOR, "table.methods tbody tr:nth-child(n+3) .seeds a")
    assert len(marks) == len(runs) == 18 * 3
    assert {"Original", "Retrained"} <= set(texts(browser, ".plot svg text"))
    frame = browser.find_element(By.CSS_SELECTOR, ".plot [role=img]")
    assert "FF 0.134" in frame.get_attribute("aria-label")


def test_a_view_of_the_board_is_all_in_its_address(visit, filled):
    browser = visit("/")
    browser.find_element(By.CSS_SELECTOR, "input[value=indiscernibility]").click()
    model = browser.find_element(By.XPATH, "//label[starts-with(., 'Model')]/select")
    Select(model).select_by_value("resnet18")
    settle(browser)
    browser.find_element(By.XPATH, "//button[starts-with(., 'Unlearner')]").click()
    caption = (By.CSS_SELECTOR, "table.board caption")
    wait(browser).until(text_to_be_present_in_element(caption, "indiscernibility · 1 setting"))
    before = texts(browser, "table.board tbody.ranked .title")
    assert before == sorted(before, key=str.lower)
    address = browser.current_url

    browser.get(f"{filled['url']}/jobs")
    browser.get(address)
    wait(browser).until(text_to_be_present_in_element(caption, "indiscernibility · 1 setting"))
    settle(browser)
    assert texts(browser, "table.board tbody.ranked .title") == before
    sorted_by = browser.find_element(By.CSS_SELECTOR, "th.name").get_attribute("aria-sort")
    assert sorted_by == "ascending"


def test_unlearners_are_compared_seed_by_seed_and_the_link_brings_the_same_view_back(visit):
    browser = visit("/unlearners/ft")
    click(browser, browser.find_element(By.LINK_TEXT, "Compare it with another"))
    second = browser.find_element(By.XPATH, "//label[starts-with(., 'Unlearner 2')]/select")
    Select(second).select_by_value("ga")
    wait(browser).until(text_to_be_present_in_element((By.CSS_SELECTOR, "table.sides thead"), "GA − FT"))
    settle(browser)
    rows = texts(browser, "table.sides tbody tr")
    assert len(rows) == 2
    assert all("of 3 seeds" in row for row in rows)
    address = browser.current_url
    assert {"a=ft", "b=ga"} <= set(urlsplit(address).query.split("&"))

    browser.get(address)
    wait(browser).until(text_to_be_present_in_element((By.CSS_SELECTOR, "table.sides thead"), "GA − FT"))
    settle(browser)
    assert texts(browser, "table.sides tbody tr") == rows


def test_an_unlearner_shows_its_hyperparameters_its_citation_and_a_badge_that_loads(visit):
    browser = visit("/unlearners/bt")
    assert heading(browser) == "BT Bad teacher"
    names = texts(browser, "table.hyperparameters tbody th")
    assert {"temperature", "learning_rate", "variant"} <= set(names)
    assert "eprint = {2205.08096}" in texts(browser, "figure.code pre")[0]
    badge = browser.find_element(By.CSS_SELECTOR, "img.badge")
    wait(browser).until(lambda _: browser.execute_script("return arguments[0].naturalWidth", badge) > 0)
    assert len(texts(browser, "table.results tbody tr")) == 2 * 3


def test_what_is_downloaded_as_csv_is_what_is_downloaded_as_json(visit, tmp_path):
    browser = visit("/settings/{setting}")
    where = {"behavior": "allow", "downloadPath": str(tmp_path)}
    browser.execute_cdp_cmd("Page.setDownloadBehavior", where)
    for title in ("CSV", "JSON", "LaTeX"):
        browser.find_element(By.XPATH, f"//button[text()='{title}']").click()
    name = "lethe-digits-resnet18-retention_deviation"
    paths = {ending: tmp_path / f"{name}.{ending}" for ending in ("csv", "json", "tex")}
    wait(browser).until(lambda _: all(path.is_file() for path in paths.values()))
    with paths["csv"].open(newline="") as file:
        lines = list(csv.DictReader(file))
    items = json.loads(paths["json"].read_text())
    assert len(items) == 20 * 3
    assert lines == [
        {key: "" if value is None else str(value) for key, value in item.items()} for item in items
    ]
    assert paths["tex"].read_text().count("\\\\\n") == 20 * 3 + 1


def test_the_form_starts_from_the_unlearner_that_the_address_names(visit):
    browser = visit("/jobs/new?unlearner=bt")
    chosen = browser.find_elements(By.CSS_SELECTOR, "input[name=unlearner]:checked")
    assert [box.get_attribute("value") for box in chosen] == ["bt"]


def test_the_form_says_what_the_job_would_cost_while_it_is_filled_in(visit, filled):
    browser = visit("/jobs/new?unlearner=bt")
    cost = (By.CSS_SELECTOR, ".estimate")
    wait(browser).until(text_to_be_present_in_element(cost, "Nothing is left to run."))
    browser.find_element(By.NAME, "seeds").send_keys("0, 7")
    wait(browser).until(text_to_be_present_in_element(cost, "10 units, 5 of them done already"))
    spec = json.loads(browser.find_element(By.CSS_SELECTOR, "figure.code pre").text)
    found = httpx.post(f"{filled['url']}/api/v1/jobs/estimate", json=spec).json()
    settle(browser)
    rows = [row.split()[-4:-2] for row in texts(browser, ".estimate tbody tr")]
    assert rows == [[str(stage["units"]), str(stage["cached"])] for stage in found["stages"].values()]
    assert texts(browser, ".estimate .hint") == found["rests_on"]

    browser.find_element(By.NAME, "seeds").send_keys(", one")
    wait(browser).until(text_to_be_present_in_element(cost, "Not known for this spec"))


def test_the_form_shows_the_same_request_for_a_shell_and_for_python(visit, filled):
    browser = visit("/jobs/new")
    forms = dict(zip(texts(browser, ".code figcaption"), texts(browser, ".code pre"), strict=True))
    said = {title.split("\n")[0]: text for title, text in forms.items()}
    assert said["Command line"] == f"lethe submit job.json --url {filled['url']} --wait"
    assert f'Client("{filled["url"]}")' in said["Python"]
    compile(said["Python"], "said", "exec")
    called = re.findall(r"client\.(\w+)\(", said["Python"])
    assert len(called) == 2
    assert all(hasattr(Client, name) for name in called)


def test_a_chosen_theme_stays_and_is_there_before_the_page_is_drawn(visit):
    browser = visit("/")
    paper = "return getComputedStyle(document.documentElement).backgroundColor"
    system = browser.execute_script(paper)
    Select(browser.find_element(By.CSS_SELECTOR, "header select")).select_by_value("dark")
    dark = browser.execute_script(paper)
    assert dark != system
    visit("/jobs")
    assert browser.execute_script(paper) == dark
    scripts = browser.execute_script("return [...document.scripts].map(s => [s.src, s.type, !!s.async])")
    assert scripts[0][0].endswith("/theme.js")
    assert scripts[0][1:] == ["", False]  # it is run before anything is drawn
    Select(browser.find_element(By.CSS_SELECTOR, "header select")).select_by_value("system")
    assert browser.execute_script(paper) == system


def test_the_board_is_the_same_as_csv_as_json_and_on_the_page_and_is_cited_by_its_address(
    visit, filled, tmp_path
):
    browser = visit("/?metric=indiscernibility&model=tiny_vit")
    query = {"metric": "indiscernibility", "model": "tiny_vit"}
    address = f"{filled['url']}/api/v1/leaderboard"
    board = httpx.get(address, params=query).json()
    lines = list(csv.DictReader(httpx.get(address, params={**query, "format": "csv"}).text.splitlines()))
    cells = {row["label"]: row["cells"][0] for row in board["rows"]}
    ranked = [line for line in lines if line["rank"]]
    assert {line["label"]: float(line["mean"]) for line in ranked} == {
        label: cell["mean"] for label, cell in cells.items()
    }
    assert texts(browser, "tbody.ranked .mean") == [f"{cell['mean']:.3f}" for cell in cells.values()]

    where = {"behavior": "allow", "downloadPath": str(tmp_path)}
    browser.execute_cdp_cmd("Page.setDownloadBehavior", where)
    browser.find_element(By.XPATH, "//button[text()='BibTeX']").click()
    cited = tmp_path / "lethe-board.bib"
    wait(browser).until(lambda _: cited.is_file())
    assert f"url = {{{browser.current_url}}}" in cited.read_text()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/unlearners",
        "/unlearners/bt",
        "/settings/{setting}",
        "/compare?a=ft&b=ga",
        "/trade-offs",
        "/privacy",
        "/privacy?attack=u_mia",
        "/sensitivity",
        "/paper",
        "/jobs/{job}",
    ],
)
def test_every_view_can_be_taken_along_in_every_format_and_as_a_link(visit, path):
    offered = texts(visit(path), ".downloads a, .downloads button")
    assert {"CSV", "JSON", "LaTeX", "BibTeX", "Copy link"} <= set(offered)


def test_the_status_names_the_worker_and_says_that_no_job_is_open(visit):
    browser = visit("/status")
    assert "No job is open." in browser.find_element(By.TAG_NAME, "main").text
    assert len(texts(browser, "table.workers tbody tr")) >= 1


def test_a_sweep_shows_what_it_tried_with_the_best_score_first_and_why_an_attempt_failed(visit):
    browser = visit("/jobs/{swept}")
    rows = texts(browser, "table.trials tbody tr")
    assert len(rows) == 3 * 2
    assert all("completed" in row and "0.3000" in row for row in rows[:3])
    assert all("it raised" in row for row in rows[3:])


def test_the_board_says_how_sure_each_rank_is_and_who_cannot_be_told_apart(visit, filled):
    browser = visit("/")
    wait(browser).until(lambda _: texts(browser, "tbody.ranked .drawn")[0] != "")
    sure = httpx.get(f"{filled['url']}/api/v1/leaderboard/uncertainty").json()["rows"]
    alike = {row["label"]: set(row["not_distinguishable"]) for row in sure}
    names = browser.find_elements(By.CSS_SELECTOR, "tbody.ranked .name")
    found = [
        {letter for sup in name.find_elements(By.TAG_NAME, "sup") for letter in sup.text.split()}
        for name in names
    ]
    letters = dict(zip((row["label"] for row in sure), found, strict=True))
    assert len(letters) == 18
    for one in letters:
        assert {other for other in letters if other != one and letters[one] & letters[other]} == alike[one]


def test_the_board_leads_to_the_same_results_ranked_otherwise(visit, filled):
    browser = visit("/?metric=indiscernibility")
    click(browser, browser.find_element(By.LINK_TEXT, "What these ranks hang on"))
    assert heading(browser) == "What the ranks hang on"
    query = {"metric": "indiscernibility"}
    found = httpx.get(f"{filled['url']}/api/v1/leaderboard/sensitivity", params=query).json()
    titles = [other["title"] for other in found["alternatives"]]
    heads = texts(browser, "table.ranks th.alternative")
    assert [head.split("\n")[0] for head in heads] == titles
    assert titles[-2:] == ["resnet18 alone", "tiny_vit alone"]
    first = texts(browser, "table.ranks tbody tr:first-child td:last-child")
    best = next(iter(found["ranks"]))
    assert first[-1].endswith(str(found["alternatives"][-1]["ranks"][best]))
    assert len(texts(browser, "table.ranks tbody tr")) == 2 * 18


def test_the_paper_stands_beside_what_came_out_here_with_a_verdict_on_every_claim(visit, filled):
    browser = visit("/paper?metric=indiscernibility")
    assert len(texts(browser, "table.paper-ranks tbody tr")) == 18
    claims = httpx.get(f"{filled['url']}/api/v1/leaderboard/claims").json()["claims"]
    verdicts = texts(browser, "table.claims tbody td:nth-child(2)")
    expected = [claim["verdict"].replace("_", " ") for claim in claims]
    assert [verdict.split("\n")[0] for verdict in verdicts] == expected
    wait(browser).until(presence_of_element_located((By.CSS_SELECTOR, ".plot svg path")))


def test_what_an_attack_finds_is_shown_by_method_beside_the_models_that_calibrate_it(visit, filled):
    browser = visit("/privacy")
    found = httpx.get(f"{filled['url']}/api/v1/attacks/{filled['setting']}").json()["items"]
    accuracies = {attack["subject"]: attack["mean_accuracy"] for attack in found}
    rows = texts(browser, "table.privacy tbody tr")
    assert [row.split()[0] for row in rows] == ["Retrained", "Original", "MSG", "FT", "CT"]
    assert f"{accuracies['ft']:.3f}" in rows[3]
    assert "could not be attacked" not in rows[3]
    assert "1 of 70 models (ct) have no scores" in rows[4]

    curves = browser.find_element(By.XPATH, "//label[starts-with(., 'Curves of')]/select")
    Select(curves).select_by_value("msg")
    title = (By.CSS_SELECTOR, ".plot figcaption")
    wait(browser).until(text_to_be_present_in_element(title, "of what MSG forgot"))
    assert "of=msg" in browser.current_url
    wait(browser).until(lambda _: "MSG" in texts(browser, ".plot svg text"))


def test_u_mia_says_what_is_noise_and_what_forgot_too_much(visit):
    rows = texts(visit("/privacy?attack=u_mia"), "table.privacy tbody tr")
    assert len(rows) == 20
    (too_much,) = [row for row in rows if "below the retrained models' 90.0 %" in row]
    assert too_much.startswith("GA")


def test_where_nobody_asked_for_an_attack_the_page_has_a_spec_that_the_service_accepts(visit, filled):
    browser = visit("/privacy?setting={other_setting}")
    spec = browser.find_element(By.CSS_SELECTOR, "figure.code pre").text
    answer = httpx.post(f"{filled['url']}/api/v1/jobs/estimate", json=json.loads(spec))
    assert answer.status_code == 200
    assert answer.json()["stages"]["attack"]["units"] == 4


def test_a_worker_is_drained_and_resumed(visit):
    browser = visit("/workers")
    drain = (By.XPATH, "//button[starts-with(., 'Drain')]")
    wait(browser).until(presence_of_element_located(drain)).click()
    resume = (By.XPATH, "//button[starts-with(., 'Resume')]")
    wait(browser).until(presence_of_element_located(resume)).click()
    wait(browser).until(presence_of_element_located(drain))


def test_a_frozen_board_shows_its_hash_its_citation_and_the_rows_of_then(visit, filled):
    browser = visit("/snapshots/{snapshot}?metric=indiscernibility")
    assert heading(browser) == "First"
    frozen = httpx.get(f"{filled['url']}/api/v1/leaderboard", params={"metric": "indiscernibility"}).json()
    assert len(texts(browser, "tbody.ranked tr:not(.divider)")) == len(frozen["rows"])
    check, bibtex = texts(browser, "figure.code pre")
    assert filled["sha256"] in check
    assert filled["sha256"] in bibtex
    csv_link = browser.find_element(By.LINK_TEXT, "CSV").get_attribute("href")
    assert httpx.get(csv_link).text.count("\n") == 1 + 20 * 2

    click(browser, browser.find_element(By.LINK_TEXT, "What has moved since"))
    assert "Nobody stands elsewhere." in texts(browser, "main")[0]
    assert "18 of 18 ranks" in texts(browser, "main")[0]


def test_freezing_a_board_that_has_not_changed_leads_to_the_snapshot_there_is(visit, filled):
    browser = visit("/snapshots")
    assert texts(browser, "table.snapshots tbody th") == ["First", "The paper's tables"]
    browser.find_element(By.XPATH, "//button[text()='Freeze the board']").click()
    wait(browser).until(text_to_be_present_in_element((By.TAG_NAME, "h1"), "First"))
    assert urlsplit(browser.current_url).path == f"/snapshots/{filled['snapshot']}"


def test_a_diff_with_the_paper_names_every_row_that_differs_with_its_cause(visit, filled):
    browser = visit("/snapshots/diff?from=paper&to={snapshot}&metric=indiscernibility")
    path = f"{filled['url']}/api/v1/snapshots/paper/diff"
    found = httpx.get(path, params={"to": filled["snapshot"]}).json()
    (board,) = [each for each in found["boards"] if each["metric"] == "indiscernibility"]
    assert len(texts(browser, "table.moves tbody tr")) == len(board["moved"]) > 0
    assert "paper before, quick/1.0 after" in texts(browser, "table.moves tbody td:last-child")[0]


def test_what_was_measured_elsewhere_stands_apart_from_the_ranks(visit):
    for path in ("/", "/settings/{setting}"):
        browser = visit(path)
        reported = (By.CSS_SELECTOR, "table.reported tbody tr")
        wait(browser).until(presence_of_element_located(reported))
        (line,) = texts(browser, "table.reported tbody tr")
        assert all(text in line for text in ("theirs", "0.001", "1/3", "A group that measured"))
        assert "theirs" not in "".join(texts(browser, "table.board, table.methods"))
