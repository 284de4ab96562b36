"""The embedded broker: kombu's file-system transport, made atomic.

As it ships, a reader can take a message before it is written, and one torn file ends the worker (kombu#1551).
Here a message appears under its name only when it is complete, is taken by one rename, and is set aside when
unreadable.
"""

import json
import os
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import filesystem
from kombu.transport.filesystem import exchange_queue_t

TRANSPORT = "worker.broker:Transport"


class Channel(filesystem.Channel):
    """A channel whose messages are whole files. Queues are direct: exchange, routing key and queue share a
    name.
    """

    def get_table(self, exchange: str) -> list[Any]:
        """Every exchange leads to the queue of its name, so there is no table of bindings to corrupt."""
        return [exchange_queue_t(exchange, "", exchange)]

    def _queue_bind(self, *_: object) -> None:
        """Nothing to write: see `get_table`."""

    def _put(self, queue: str, payload: dict[str, Any], **_: object) -> None:  # type: ignore[override]
        folder = Path(self.data_folder_out)
        folder.mkdir(parents=True, exist_ok=True)  # someone may have deleted it: bells ring again
        name = f"{time.time_ns():020d}_{uuid.uuid4()}"
        temporary = folder / f".{name}.tmp"
        with temporary.open("wb") as file:
            file.write(json.dumps(payload).encode())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / f"{name}.{queue}.msg")

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:  # noqa: ARG002 - kombu's
        folder = Path(self.data_folder_in)
        for path in sorted(folder.glob(f"*.{queue}.msg")):
            taken = path.with_suffix(".taken")
            try:
                path.rename(taken)
            except FileNotFoundError:  # another worker was faster
                continue
            try:
                message: dict[str, Any] = json.loads(taken.read_bytes())
            except ValueError:
                taken.rename(path.with_suffix(".bad"))
                continue
            taken.unlink()
            return message
        raise Empty


class Transport(filesystem.Transport):
    """kombu's file-system transport over our channel."""

    Channel = Channel
