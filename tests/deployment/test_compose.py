"""docker-compose.yml, read as a document: what an administrator may count on without having read it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from core.settings import Settings
from core.store.session import ROOT
from tests.services import running_s3

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
ONE_SHOT = {"migrate", "bucket"}
LASTING = {name: service for name, service in SERVICES.items() if name not in ONE_SHOT}
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
PROBE = """
from core.artifact_files.storage import open_storage
from core.settings import Settings
place = open_storage(Settings())
place.require_writable()
place.publish("unit", {"file": b"content"})
print(place.read("unit", "file"))
"""
each_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
each_lasting_service = pytest.mark.parametrize("service", LASTING.values(), ids=LASTING)
each_of_ours = pytest.mark.parametrize("service", OURS.values(), ids=OURS)


def named_volumes(service: dict) -> set[str]:
    sources = {volume.split(":")[0] for volume in service.get("volumes", [])}
    return {source for source in sources if re.fullmatch(r"\w+", source)}


def default_of(value: str) -> str:
    """What `${NAME:-default}` is without a .env."""
    return re.sub(r"\$\{\w+:-(.*?)\}", r"\1", value)


def test_everything_that_a_service_names_is_declared():
    for service in SERVICES.values():
        assert set(service.get("networks", [])) <= set(COMPOSE["networks"])
        assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
        assert named_volumes(service) <= set(COMPOSE["volumes"])
        assert set(service.get("depends_on", {})) <= set(SERVICES)


def test_nothing_is_declared_that_no_service_names():
    services = SERVICES.values()
    assert set().union(*(service.get("networks", []) for service in services)) == set(COMPOSE["networks"])
    assert set().union(*(service.get("secrets", []) for service in services)) == set(COMPOSE["secrets"])
    assert set().union(*map(named_volumes, services)) == set(COMPOSE["volumes"])


@each_lasting_service
def test_what_lasts_says_whether_it_is_well_and_comes_back(service):
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["restart"] == "unless-stopped"


def test_a_service_is_waited_for_in_a_way_that_it_can_fulfil():
    for service in SERVICES.values():
        for name, wait in service.get("depends_on", {}).items():
            expected = "service_completed_successfully" if name in ONE_SHOT else "service_healthy"
            assert wait["condition"] == expected


def test_nothing_of_ours_starts_on_a_database_that_is_not_migrated():
    for name in OURS.keys() - ONE_SHOT:
        assert "migrate" in SERVICES[name]["depends_on"]


@each_service
def test_a_service_cannot_write_into_its_image_nor_gain_rights(service):
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@each_service
def test_a_service_is_not_root(service):
    user = service.get("user")
    if user is None:
        dockerfile = ROOT / service["build"]["dockerfile"]
        user = re.findall(r"^USER (\S+)$", dockerfile.read_text(), re.MULTILINE)[-1]
    assert user not in ("root", "0")


def test_no_secret_stands_in_the_file():
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            is_secret = re.search(r"PASSWORD|SECRET|KEY", name) is not None
            assert not is_secret or (name.endswith("_FILE") and value.startswith("/run/secrets/"))
            assert not re.search(r"//[^/@]*:[^/@]*@", str(value)), f"{name} carries a password"
    for secret in COMPOSE["secrets"].values():
        assert (ROOT / secret["file"]).parent == ROOT / ".secrets"
    assert {"/.secrets/", "/.env"} <= set((ROOT / ".gitignore").read_text().splitlines())


def test_every_variable_and_every_secret_of_ours_is_a_setting():
    settings = {f"LETHE_{name}".upper() for name in Settings.model_fields}
    for service in OURS.values():
        given = {name for name in service["environment"] if name.startswith("LETHE_")}
        secrets = {secret.upper() for secret in service["secrets"] if secret.startswith("lethe_")}
        assert given | secrets <= settings


def test_only_pages_are_reached_from_outside_and_by_default_only_from_this_host():
    pages = {"api", "grafana"}
    assert {name for name, service in SERVICES.items() if "ports" in service} == pages
    assert {name for name, service in SERVICES.items() if "outside" in service["networks"]} == pages
    assert COMPOSE["networks"]["inside"]["internal"] is True
    for name in pages:
        (port,) = SERVICES[name]["ports"]
        assert ":-127.0.0.1:" in port


def test_files_that_are_mounted_are_there():
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            assert not volume.startswith("./") or (ROOT / volume.split(":")[0]).is_file()


def test_only_monitoring_and_minio_are_optional():
    optional = {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service}
    assert optional == {
        "prometheus": ["monitoring"],
        "grafana": ["monitoring"],
        "minio": ["minio"],
        "bucket": ["minio"],
    }


def test_what_rests_on_an_optional_service_starts_without_it():
    for service in SERVICES.values():
        for name, wait in service.get("depends_on", {}).items():
            is_always_there = "profiles" not in SERVICES[name]
            assert is_always_there or wait.get("required") is False or "profiles" in service


def test_what_reads_or_deletes_artifacts_reaches_them_in_either_place():
    for name in ("api", "scheduler", "worker"):
        service = SERVICES[name]
        assert default_of(service["environment"]["LETHE_ARTIFACTS_URL"]) in [
            volume.split(":")[1] for volume in service["volumes"]
        ]
        assert service["environment"]["AWS_SHARED_CREDENTIALS_FILE"] == "/run/secrets/s3_credentials"
        assert "s3_credentials" in service["secrets"]
        assert "bucket" in service["depends_on"]


def test_the_manuals_lines_for_minio_and_the_command_of_the_bucket_fit_together(tmp_path, monkeypatch):
    """What the manual writes into .env and .secrets lets a client of ours write to the bucket made here."""
    manual = (ROOT / "docs" / "operating.md").read_text()
    (lines,) = re.findall(r"```minio\n(.+?)```", manual, re.DOTALL)
    (tmp_path / ".secrets").mkdir()
    done = subprocess.run(["/bin/sh", "-ec", lines], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    given = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines())
    secrets = tmp_path / ".secrets"
    assert f"= {(secrets / 'minio_password').read_text()}\n" in (secrets / "s3_credentials").read_text()
    assert given["S3_ENDPOINT"] == "http://minio:9000"
    assert set(given["COMPOSE_PROFILES"].split(",")) == {"minio"}

    with running_s3(tmp_path) as s3:
        environment = {
            "AWS_ENDPOINT_URL": s3.environment["AWS_ENDPOINT_URL"],
            "AWS_SHARED_CREDENTIALS_FILE": str(secrets / "s3_credentials"),
            "LETHE_ARTIFACTS_URL": given["ARTIFACTS_URL"],
        }
        _, *arguments = SERVICES["bucket"]["command"]
        for command in (arguments, arguments, ["-c", PROBE]):
            done = subprocess.run(
                [sys.executable, *command],
                env={**os.environ, **environment, "LETHE_VAR_DIR": str(tmp_path)},
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stderr
        assert done.stdout == "b'content'\n"


def test_workers_can_be_scaled():
    worker = SERVICES["worker"]
    assert not {"container_name", "ports", "hostname"} & set(worker)


def test_a_worker_has_time_to_give_its_unit_back():
    assert SERVICES["worker"]["stop_grace_period"] == "2m"


def test_a_host_without_a_gpu_needs_no_other_file():
    worker = SERVICES["worker"]
    assert worker["runtime"] == "${WORKER_RUNTIME:-runc}"
    assert "deploy" not in worker


def test_everything_that_the_file_reads_from_env_has_a_default_and_is_explained():
    text = (ROOT / "docker-compose.yml").read_text()
    read = set(re.findall(r"\$\{(\w+)", text))
    assert set(re.findall(r"\$\{(\w+):-", text)) == read
    explained = set(re.findall(r"^#(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert explained == read


@pytest.mark.parametrize("name", ["api", "worker"])
def test_the_volumes_that_a_service_of_ours_writes_are_its_users(name):
    service = SERVICES[name]
    made = re.search(r"install --directory --owner=10001 (.+)", (ROOT / f"Dockerfile.{name}").read_text())
    written = {volume.split(":")[-1] for volume in service["volumes"] if not volume.endswith(":ro")}
    assert written <= set(made[1].split())
    assert default_of(service["environment"]["LETHE_ARTIFACTS_URL"]) in written


@each_of_ours
def test_what_we_build_is_built_from_a_file_that_is_there(service):
    assert Path(ROOT / service["build"]["dockerfile"]).is_file()
