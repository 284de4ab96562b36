"""A person with a browser: submit a job, watch it finish, see the ranks."""

import shutil
from collections.abc import Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import (
    presence_of_element_located,
    text_to_be_present_in_element,
)
from selenium.webdriver.support.ui import Select, WebDriverWait

from tests.e2e.service import running_service

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
JOB_SECONDS = 200
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--window-size=1280,1000",
)


@pytest.fixture
def browser(tmp_path) -> Iterator[webdriver.Chrome]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("Chromium or its driver is not installed (Debian: chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    with webdriver.Chrome(options=options, service=webdriver.ChromeService(driver)) as chrome:
        yield chrome


def wait(browser, seconds: float = 20) -> WebDriverWait:
    return WebDriverWait(browser, seconds)


def test_submit_a_job_watch_it_finish_and_see_the_ranks(browser, tmp_path, plugin_path):
    with running_service(tmp_path, PYTHONPATH=str(plugin_path)) as url:
        browser.get(f"{url}/jobs/new")
        model = wait(browser).until(presence_of_element_located((By.NAME, "model")))
        Select(model).select_by_value("toy_net")
        browser.find_element(By.XPATH, "//button[text()='None']").click()
        for unlearner in ("ft", "ga", "toy_noise"):
            browser.find_element(By.CSS_SELECTOR, f"input[value='{unlearner}']").click()
        browser.find_element(By.CSS_SELECTOR, "button.primary").click()

        state = (By.ID, "job-state")
        wait(browser).until(presence_of_element_located(state))
        wait(browser, JOB_SECONDS).until(text_to_be_present_in_element(state, "succeeded"))
        wait(browser).until(text_to_be_present_in_element((By.CSS_SELECTOR, ".log"), "All units are done."))
        assert len(browser.find_elements(By.CSS_SELECTOR, "section table tbody tr")) == 3 * 5

        browser.find_element(By.LINK_TEXT, "See the board").click()
        wait(browser).until(presence_of_element_located((By.CSS_SELECTOR, "table.board")))
        ranked = browser.find_elements(By.CSS_SELECTOR, "table.board tbody:not(.references) tr")
        assert [row.find_element(By.CSS_SELECTOR, ".rank").text for row in ranked] == ["1", "2", "3"]
        assert {row.find_element(By.TAG_NAME, "code").text for row in ranked} == {"ft", "ga", "toy_noise"}
        assert browser.get_log("browser") == []


def test_a_refused_form_says_what_is_wrong_and_where(browser, tmp_path):
    with running_service(tmp_path) as url:
        browser.get(f"{url}/jobs/new")
        seeds = wait(browser).until(presence_of_element_located((By.NAME, "seeds")))
        seeds.send_keys("0, one")
        browser.find_element(By.CSS_SELECTOR, "button.primary").click()

        notice = wait(browser).until(presence_of_element_located((By.CSS_SELECTOR, ".notice.bad")))
        assert "#/model_seeds/1" in notice.text
