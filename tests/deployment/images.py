"""A Dockerfile replayed without Docker: its COPY and RUN steps in a folder that stands for the image's root.

All stages share the folder, so what a stage copies from another is there already. Steps that need root
(`useradd …`) are left out, as are USER, EXPOSE and the base images.
"""

import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import dockerfile_parse
from pathspec import PathSpec

from core.store.session import ROOT

NEEDS_ROOT = "useradd "
OURS = re.compile(r"(?<![\w/.:])/(app|venv|frontend|openapi\.json)(?=[\s/:]|$)")


@dataclass(frozen=True)
class Step:
    """One instruction; `stage` counts from 0."""

    stage: int
    instruction: str
    value: str


@dataclass
class Image:
    """What a replayed Dockerfile has left."""

    root: Path
    folder: Path
    environment: dict[str, str]
    command: list[str] = field(default_factory=list)

    def run(self, command: str) -> str:
        """Run a command as the image would; its standard output."""
        done = subprocess.run(
            ["/bin/sh", "-ec", command], cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def steps(name: str, folder: Path) -> list[Step]:
    """The Dockerfile's instructions; `folder` is for the parser's own use."""
    shutil.copy(ROOT / name, folder / "Dockerfile")
    parser = dockerfile_parse.DockerfileParser(path=str(folder))
    stage, found = -1, []
    for line in parser.structure:
        if line["instruction"] == "COMMENT":
            continue
        stage += line["instruction"] == "FROM"
        found.append(Step(stage, line["instruction"], line["value"]))
    return found


def copied_from_the_checkout(step: Step) -> list[str]:
    """What a COPY step takes from the build context."""
    words = shlex.split(step.value)
    return [] if words[0].startswith("--from=") else words[:-1]


@cache
def sent_to_the_builder() -> tuple[str, ...]:
    """The files that .dockerignore leaves in the build context, as paths from the checkout's root.

    Docker's patterns are Git's but for two things: they start at the root, and the last match decides.
    """
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    anchored = [re.sub(r"^(!?)/?", r"\1/", line) for line in lines if line and not line.startswith("#")]
    patterns = [pattern for line in anchored for pattern in (line, f"{line}/**")]
    ignored = PathSpec.from_lines("gitignore", patterns)
    return tuple(sorted(ignored.match_tree_files(ROOT, negate=True)))


def replay(name: str, root: Path) -> Image:
    """Do what the Dockerfile says under `root`, with its own build arguments."""
    context = root / "context"
    for path in sent_to_the_builder():
        (context / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, context / path)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("LETHE_", "PYTHON"))}
    image = Image(root, root, kept)
    for step in steps(name, root):
        _do(step, image, context)
    return image


def _do(step: Step, image: Image, context: Path) -> None:
    value = OURS.sub(lambda match: f"{image.root}/{match[1]}", step.value)
    match step.instruction:
        case "WORKDIR":
            image.folder = Path(value)
            image.folder.mkdir(exist_ok=True)
        case "ARG":
            variable, _, default = value.partition("=")
            image.environment[variable] = default
        case "ENV":
            for pair in shlex.split(value):
                variable, _, given = pair.partition("=")
                image.environment[variable] = given.replace("$PATH", image.environment["PATH"])
        case "COPY":
            _copy(value, image, context)
        case "RUN" if not value.startswith(NEEDS_ROOT):
            image.run(value)
        case "CMD":
            image.command = re.findall(r'"([^"]+)"', value)


def _copy(value: str, image: Image, context: Path) -> None:
    words = shlex.split(value)
    origin = context
    if words[0].startswith("--from="):
        origin = image.folder  # its sources are absolute
        words = words[1:]
    *sources, target = words
    for source in sources:
        found, place = origin / source, image.folder / target
        if found.is_dir():
            if found != place:
                shutil.copytree(found, place, dirs_exist_ok=True)
            continue
        place = place / found.name if target.endswith("/") or place.is_dir() else place
        if found != place:
            shutil.copy(found, place)
