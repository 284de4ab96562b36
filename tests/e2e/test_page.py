"""A person with a browser: submit a job, watch it finish, see the ranks."""

import httpx
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import (
    presence_of_element_located,
    text_to_be_present_in_element,
    text_to_be_present_in_element_attribute,
)
from selenium.webdriver.support.ui import Select

from core.settings import Settings
from core.store import units
from core.store.session import Store
from core.store.states import FailureClass
from tests.e2e.browser import wait
from tests.e2e.service import running_api, running_service

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
JOB_SECONDS = 200
PHONE = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
STATE = (By.ID, "job-state")
LOG = (By.CSS_SELECTOR, ".log")
FAILED = (By.CSS_SELECTOR, "details.bad summary")
FAILED_UNITS = (By.CSS_SELECTOR, "details.bad li")
FEW = {
    "settings": [{"dataset": "digits", "model": "resnet18"}],
    "unlearners": ["ft", "ga"],
    "model_seeds": [0, 1],
}


def open_form(browser, url: str, *, seeds: str, unlearners: tuple[str, ...]) -> None:
    """Fill the form in; the dataset and the model keep their first choice."""
    browser.get(f"{url}/jobs/new")
    wait(browser).until(presence_of_element_located((By.NAME, "seeds"))).send_keys(seeds)
    browser.find_element(By.XPATH, "//button[text()='None']").click()
    for unlearner in unlearners:
        browser.find_element(By.CSS_SELECTOR, f"input[value='{unlearner}']").click()


def submit(browser) -> None:
    browser.find_element(By.CSS_SELECTOR, "form.new-job button.primary").click()


def see_it_succeed(browser) -> None:
    wait(browser, JOB_SECONDS).until(text_to_be_present_in_element(LOG, "All units are done."))
    wait(browser).until(text_to_be_present_in_element(STATE, "succeeded"))
    assert browser.find_element(*STATE).text == "succeeded"


def see_the_board(browser) -> None:
    browser.find_element(By.LINK_TEXT, "See the board").click()
    wait(browser).until(presence_of_element_located((By.CSS_SELECTOR, "table.board")))


def rows(browser, part: str) -> list:
    return browser.find_elements(By.CSS_SELECTOR, f"table.board tbody.{part} tr:not(.divider)")


def test_submit_a_job_watch_it_finish_and_see_the_ranks(browser, tmp_path, plugin_path):
    with running_service(tmp_path, PYTHONPATH=str(plugin_path)) as url:
        open_form(browser, url, seeds="", unlearners=("ft", "ga", "toy_noise"))
        Select(browser.find_element(By.NAME, "model")).select_by_value("toy_net")
        submit(browser)
        see_it_succeed(browser)
        results = (By.CSS_SELECTOR, "table.results tbody tr")
        wait(browser).until(lambda browser: len(browser.find_elements(*results)) == 3 * 5)

        see_the_board(browser)
        ranked = rows(browser, "ranked")
        assert [row.find_element(By.CSS_SELECTOR, ".rank").text for row in ranked] == ["1", "2", "3"]
        assert {row.find_element(By.CSS_SELECTOR, ".title").text for row in ranked} == {"FT", "GA", "Noise"}
        assert len(rows(browser, "references")) == 2

        wait(browser).until(presence_of_element_located((By.CSS_SELECTOR, "input[value=indiscernibility]")))
        browser.find_element(By.CSS_SELECTOR, "input[value=indiscernibility]").click()
        caption = (By.CSS_SELECTOR, "table.board caption")
        wait(browser).until(text_to_be_present_in_element(caption, "ranked by indiscernibility"))
        assert "metric=indiscernibility" in browser.current_url

        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
        for path in ("/", "/jobs", "/jobs/new"):
            browser.get(url + path)
            wait(browser).until(presence_of_element_located((By.CSS_SELECTOR, "main table, main form")))
            assert browser.execute_script("return document.documentElement.scrollWidth") == PHONE["width"]
        assert browser.get_log("browser") == []


def test_a_job_shows_its_progress_and_one_seed_of_three_stays_provisional(browser, tmp_path):
    with running_service(tmp_path) as url:
        open_form(browser, url, seeds="0", unlearners=("ft", "ga"))
        submit(browser)

        running = (By.CSS_SELECTOR, "ul.running")
        wait(browser, JOB_SECONDS).until(text_to_be_present_in_element(running, "train the retrained model"))
        progress = (By.CSS_SELECTOR, "ul.running progress")
        wait(browser, JOB_SECONDS).until(text_to_be_present_in_element_attribute(progress, "value", "0."))
        see_it_succeed(browser)
        counts = "return [...document.querySelectorAll('.stages .count')].map((count) => count.textContent)"
        wait(browser).until(lambda _: browser.execute_script(counts) == ["2/2", "2/2", "2/2"])

        see_the_board(browser)
        provisional = rows(browser, "provisional")
        assert {row.find_element(By.CSS_SELECTOR, ".title").text for row in provisional} == {"FT", "GA"}
        assert all("1 of 3 seeds on digits · resnet18" in row.text for row in provisional)
        assert rows(browser, "ranked") == []


def test_a_refused_form_says_what_is_wrong_at_its_field(browser, tmp_path):
    with running_service(tmp_path) as url:
        open_form(browser, url, seeds="0, one", unlearners=("ft",))
        submit(browser)

        seeds = browser.find_element(By.NAME, "seeds")
        wait(browser).until(lambda _: seeds.get_attribute("aria-invalid") == "true")
        notes = browser.find_element(By.ID, seeds.get_attribute("aria-describedby"))
        assert "'one'" in notes.text
        assert "nothing was stored" in browser.find_element(By.CSS_SELECTOR, "[role=alert]").text


def test_what_failed_is_asked_for_once_it_is_opened_and_then_kept_up(browser, tmp_path):
    settings = Settings(var_dir=tmp_path)
    store = Store(settings.database)
    store.migrate()
    with running_api(settings) as url:
        job = httpx.post(f"{url}/api/v1/jobs", json=FEW).json()["id"]
        before = fail_one(store, job)
        browser.get(f"{url}/jobs/{job}")
        wait(browser).until(text_to_be_present_in_element(FAILED, f"{before} units failed"))
        assert asked_for_units(browser) == 0

        browser.find_element(*FAILED).click()
        wait(browser).until(lambda browser: len(browser.find_elements(*FAILED_UNITS)) == before)
        after = fail_one(store, job)
        wait(browser).until(lambda browser: len(browser.find_elements(*FAILED_UNITS)) == after)
        assert asked_for_units(browser) == 2
    store.engine.dispose()


def fail_one(store: Store, job_id: str) -> int:
    """Fail the next unit, and with it those that need it; how many of the job's have failed so far."""
    with store.write() as session:
        lease = units.claim(session, "gpu", "worker", 60)
        units.fail(session, lease, owner="worker", failure=FailureClass.USER_CODE, error="It broke.")
        return len(units.failed_units(session, job_id))


def asked_for_units(browser) -> int:
    asked = (
        "performance.getEntriesByType('resource').filter((entry) => entry.name.includes('/units?')).length"
    )
    return browser.execute_script(f"return {asked}")


def test_a_job_is_cancelled_and_can_be_run_again(browser, tmp_path, plugin_path):
    with running_service(tmp_path, PYTHONPATH=str(plugin_path)) as url:
        open_form(browser, url, seeds="0", unlearners=("ft", "ga"))
        Select(browser.find_element(By.NAME, "model")).select_by_value("toy_slow_net")
        submit(browser)
        cancel = (By.XPATH, "//button[text()='Cancel this job']")
        wait(browser).until(presence_of_element_located(cancel)).click()
        wait(browser, JOB_SECONDS).until(text_to_be_present_in_element(STATE, "cancelled"))

        again = (By.XPATH, "//button[text()='Run again what did not succeed']")
        wait(browser).until(presence_of_element_located(again)).click()
        see_it_succeed(browser)
