"""The embedded service as a child of the process that needs it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from core.errors import DeploymentInvalid
from core.settings import Settings

READY_SECONDS = 60.0


@contextmanager
def background_service(settings: Settings) -> Iterator[None]:
    """The embedded service, ready to answer, until the end of the block.

    Raises:
        DeploymentInvalid: it does not get ready; the message says why.
    """
    log_path = settings.var_dir / "service.log"
    try:
        settings.var_dir.mkdir(parents=True, exist_ok=True)
        log_file = log_path.open("wb")
    except OSError as error:
        raise DeploymentInvalid(
            f"The directory {settings.var_dir.absolute()} cannot be written ({error.strerror}). "
            "Set LETHE_VAR_DIR."
        ) from error
    command = [sys.executable, "-m", "lethe", "serve", "--supervised-by", str(os.getpid())]
    with log_file:
        # A session of its own: Ctrl-C is for this process, which then ends the service in good order.
        process = subprocess.Popen(command, stdout=log_file, stderr=log_file, start_new_session=True)  # noqa: S603
    try:
        _await_ready(process, settings.url, log_path)
        yield
    finally:
        process.terminate()
        process.wait()


def _await_ready(process: "subprocess.Popen[bytes]", url: str, log_path: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said = log_path.read_text(errors="replace").strip()
            raise DeploymentInvalid(said or f"The service ended with status {process.returncode}.")
        with suppress(httpx.TransportError):
            if httpx.get(f"{url}/readyz").is_success:
                return
        time.sleep(0.2)
    raise DeploymentInvalid(
        f"The service did not get ready in {READY_SECONDS:.0f} s; see {log_path.absolute()}."
    )
