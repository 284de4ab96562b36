"""The whole embedded service as real processes, for tests that use it as a person would."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn

from api.main import create_app
from core.settings import Settings

READY_SECONDS = 60


@contextmanager
def running_service(var_dir: Path, **environment: str) -> Iterator[str]:
    """`lethe serve` on a free port; its URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    given = {"LETHE_VAR_DIR": str(var_dir), "LETHE_PORT": str(port), "LETHE_DEVICE": "cpu", **environment}
    with (var_dir / "service.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "lethe", "serve"], env={**os.environ, **given}, stdout=log, stderr=log
        )
    try:
        await_ready(process, url, var_dir / "service.log")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=60)


@contextmanager
def running_api(settings: Settings) -> Iterator[str]:
    """The API and its pages, with no worker, in a thread of this process; its URL. The store is there."""
    config = uvicorn.Config(
        create_app(settings), port=free_port(), log_level="warning", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="api")
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.05)
        assert server.started, "the API did not start"
        yield f"http://127.0.0.1:{config.port}"
    finally:
        server.should_exit = True
        thread.join()


def await_ready(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(f"The service did not get ready:\n{log.read_text()}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
