"""Where settings come from."""

import pytest

from core.settings import Settings


@pytest.fixture
def secrets(tmp_path, monkeypatch):
    monkeypatch.setenv("LETHE_SECRETS_DIR", str(tmp_path))
    return tmp_path


def test_a_secret_file_stands_for_the_variable_of_its_name(secrets):
    (secrets / "lethe_key").write_text("lethe_abc\n")

    assert Settings().key.get_secret_value() == "lethe_abc"


def test_a_variable_outranks_a_secret_file(secrets, monkeypatch):
    (secrets / "lethe_port").write_text("1111")
    monkeypatch.setenv("LETHE_PORT", "2222")

    assert Settings().port == 2222


def test_no_secrets_directory_is_no_problem(monkeypatch, tmp_path):
    monkeypatch.setenv("LETHE_SECRETS_DIR", str(tmp_path / "absent"))

    assert Settings().key.get_secret_value() == ""


def test_the_passwords_file_completes_the_databases_url(secrets, monkeypatch):
    (secrets / "lethe_database_password").write_text("p@ss/word\n")
    monkeypatch.setenv("LETHE_DATABASE_URL", "postgresql+psycopg://lethe@db/lethe")

    settings = Settings()

    assert settings.database == "postgresql+psycopg://lethe:p%40ss%2Fword@db/lethe"
    assert "p@ss" not in repr(settings)


def test_a_password_in_the_url_outranks_the_file(secrets, monkeypatch):
    (secrets / "lethe_database_password").write_text("other")
    monkeypatch.setenv("LETHE_DATABASE_URL", "postgresql+psycopg://lethe:mine@db/lethe")

    assert Settings().database == "postgresql+psycopg://lethe:mine@db/lethe"


def test_a_password_without_a_url_leaves_the_embedded_database(secrets):
    (secrets / "lethe_database_password").write_text("unused")

    assert Settings().is_embedded


def test_an_empty_variable_means_the_default(monkeypatch):
    monkeypatch.setenv("LETHE_ARTIFACTS_BUDGET_GB", "")
    assert Settings().artifacts_budget_bytes is None

    monkeypatch.setenv("LETHE_ARTIFACTS_BUDGET_GB", "1.5")
    assert Settings().artifacts_budget_bytes == 1_500_000_000
