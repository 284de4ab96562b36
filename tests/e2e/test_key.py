"""A service that asks for a key, used from its page."""

from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.expected_conditions import (
    presence_of_element_located,
    text_to_be_present_in_element,
    url_contains,
    visibility_of_element_located,
)

from core.settings import Settings
from core.store.keys import Scope, create_key
from core.store.session import Store
from tests.e2e.browser import wait
from tests.e2e.service import running_api

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
PAGE = Path(__file__).parents[2] / "frontend" / "dist"
AXE = PAGE.parent / "node_modules" / "axe-core" / "axe.min.js"
SUBMIT = (By.CSS_SELECTOR, "form.new-job button.primary")
KEY = (By.NAME, "key")
USE = (By.CSS_SELECTOR, "dialog button.primary")
WHY = (By.CSS_SELECTOR, "dialog [role=alert]")


@pytest.fixture
def guarded(tmp_path):
    """The URL of a service that has a key, and the key."""
    settings = Settings(var_dir=tmp_path, page_dir=PAGE)
    store = Store(settings.database)
    store.migrate()
    with store.write() as session:
        key = create_key(session, name="ada", owner="ada", scope=Scope.SUBMIT, days=None)
    store.engine.dispose()
    with running_api(settings) as url:
        yield url, key


def test_what_needs_a_key_asks_for_one_and_works_with_it_until_the_tab_is_closed(browser, guarded):
    url, key = guarded
    browser.get(f"{url}/jobs/new?unlearner=ft")
    wait(browser).until(presence_of_element_located(SUBMIT)).click()
    wait(browser).until(visibility_of_element_located(KEY))
    assert "This needs a key with the scope submit" in browser.find_element(*WHY).text
    browser.execute_script(AXE.read_text())
    found = browser.execute_async_script("axe.run().then(arguments[0])")["violations"]
    assert [each["id"] for each in found] == []

    browser.find_element(*KEY).send_keys("lethe_wrong", Keys.ENTER)
    wait(browser).until_not(text_to_be_present_in_element(WHY, "This needs a key"))
    assert browser.find_element(*KEY).is_displayed()
    browser.find_element(*KEY).clear()
    browser.find_element(*KEY).send_keys(key, Keys.ENTER)
    wait(browser).until_not(visibility_of_element_located(KEY))
    in_use = (By.XPATH, "//header//button[text()='Key in use']")
    wait(browser).until(presence_of_element_located(in_use))

    browser.find_element(*SUBMIT).click()
    wait(browser).until(url_contains("/jobs/job_"))
    log = (By.CSS_SELECTOR, ".log")
    wait(browser).until(text_to_be_present_in_element(log, "ubmitted"))
    browser.find_element(By.XPATH, "//button[text()='Cancel this job']").click()
    wait(browser).until(text_to_be_present_in_element((By.ID, "job-state"), "cancelled"))
    assert key not in browser.execute_script("return JSON.stringify(localStorage) + document.cookie")

    browser.switch_to.new_window("tab")
    browser.get(url)
    wait(browser).until(presence_of_element_located((By.XPATH, "//header//button[text()='Use a key']")))


def test_the_keyboard_opens_and_closes_the_dialog_and_comes_back_to_where_it_was(browser, guarded):
    url, _ = guarded
    browser.get(url)
    button = wait(browser).until(
        presence_of_element_located((By.XPATH, "//header//button[text()='Use a key']"))
    )
    button.send_keys(Keys.ENTER)
    wait(browser).until(visibility_of_element_located(KEY))
    assert browser.execute_script("return document.activeElement.closest('dialog') !== null")
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    wait(browser).until_not(visibility_of_element_located(KEY))
    assert browser.switch_to.active_element == button
