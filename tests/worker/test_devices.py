"""Which devices a worker may take, with a driver that lists two GPUs, or none."""

import pytest

from worker.devices import device_keys, is_gpu, machine_key

FIRST, SECOND = "GPU-aaaa-1", "GPU-bbbb-2"


@pytest.fixture(autouse=True)
def driver(tmp_path, monkeypatch):
    """The driver's command; write to the file what it is to print."""
    command = tmp_path / "nvidia-smi"
    command.write_text(f"#!/bin/sh\nprintf '{FIRST}\\n{SECOND}\\n'\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return command


@pytest.mark.parametrize("wanted", ["auto", "cuda"])
def test_a_worker_may_take_any_gpu(wanted):
    assert device_keys(wanted) == [FIRST, SECOND]


def test_a_worker_may_be_told_which_gpu():
    assert device_keys("cuda:1") == [SECOND]


def test_a_worker_may_be_told_to_use_none():
    assert device_keys("cpu") == [machine_key()]


@pytest.mark.parametrize("broken", ["exit 9", "echo 'No devices were found'"])
def test_without_a_gpu_the_machine_is_the_device(driver, broken):
    driver.write_text(f"#!/bin/sh\n{broken}\n")
    assert device_keys("auto") == [machine_key()]


def test_without_a_driver_the_machine_is_the_device(driver):
    driver.unlink()
    assert device_keys("auto") == [machine_key()]


@pytest.mark.parametrize(
    ("shown", "left"),
    [
        ("1", [SECOND]),
        ("1,0", [SECOND, FIRST]),
        ("GPU-bbbb", [SECOND]),
        ("0,7,1", [FIRST]),
        ("MIG-cccc", ["MIG-cccc"]),
        ("", [machine_key()]),
        ("-1", [machine_key()]),
    ],
)
def test_cuda_visible_devices_is_heeded(monkeypatch, shown, left):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)
    assert device_keys("auto") == left


def test_only_gpus_are_values_for_cuda():
    assert is_gpu(FIRST)
    assert is_gpu("MIG-cccc")
    assert not is_gpu(machine_key())


def test_a_machine_has_one_key_in_all_its_processes():
    assert machine_key() == machine_key()
    assert len(machine_key()) <= 80
