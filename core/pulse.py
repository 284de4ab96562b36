"""A process's sign of life for what runs on its machine: the age of a file under the var directory.

Celery's own ping stays unanswered while a unit runs, and a scheduler serves nothing that could be asked.
"""

import time
from pathlib import Path

from core.errors import DeploymentInvalid


def beat_pulse(var_dir: Path, name: str) -> None:
    """Say that the process `name` is at work."""
    var_dir.mkdir(parents=True, exist_ok=True)
    _file(var_dir, name).touch()


def require_pulse(var_dir: Path, name: str, *, within_seconds: float) -> None:
    """Check that the process `name` has said so lately.

    Raises:
        DeploymentInvalid: it has not, or never has.
    """
    try:
        age = time.time() - _file(var_dir, name).stat().st_mtime
    except FileNotFoundError:
        raise DeploymentInvalid(f"No {name} has been at work on {var_dir.absolute()}.") from None
    if age > within_seconds:
        raise DeploymentInvalid(
            f"The {name} on {var_dir.absolute()} has been silent for {age:.0f} s; look at its log."
        )


def _file(var_dir: Path, name: str) -> Path:
    return var_dir / f"{name}.pulse"
