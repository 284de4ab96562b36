"""A browser for each test."""

from collections.abc import Iterator

import pytest
from selenium import webdriver

from tests.e2e.browser import chromium


@pytest.fixture
def browser(tmp_path) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path / "profile") as chrome:
        yield chrome
