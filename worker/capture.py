"""What is logged while a unit runs, as messages to the runner's parent: ours, plug-ins' and libraries'.

Everything goes through `logging`, so that a plug-in needs to know of nothing else; warnings too.
"""

import logging
import math
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import structlog

from core.foreign_text import storable, told
from core.outcome import LogLine

MAX_LINES = 1000  # of a unit's attempt; a training of hundreds of epochs fits
MAX_TEXT = 2_000
STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class ToParent(logging.Handler):
    """Sends every record, while a unit runs, up to `MAX_LINES` of them."""

    def __init__(self, send: Callable[[LogLine], None]) -> None:
        super().__init__()
        self._send = send
        self._left = 0

    def begin(self) -> None:
        """A unit begins, with room for its lines."""
        self._left = MAX_LINES

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record. What the last line that has room says is that there is no more."""
        if self._left <= 0:
            return
        self._left -= 1
        if self._left == 0:
            self._send(LogLine(datetime.now(UTC), "warning", "The log is full; the rest is left out.", {}))
            return
        try:
            line = line_of(record)
        except Exception:  # noqa: BLE001 - as logging's own handlers: no method fails for how it logs
            self.handleError(record)
            return
        self._send(line)


def capture_logs(send: Callable[[LogLine], None]) -> ToParent:
    """Send this process's log to its parent; warnings go to standard error as well."""
    handler, shown = ToParent(send), logging.StreamHandler(sys.stderr)
    shown.setLevel(logging.WARNING)
    shown.setFormatter(logging.Formatter("level=%(levelname)s logger=%(name)s event=%(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler, shown], force=True)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.stdlib.render_to_log_kwargs],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return handler


def line_of(record: logging.LogRecord) -> LogLine:
    """A record as a bounded line: its text, and what was logged with it as fields."""
    extra = {name: value for name, value in record.__dict__.items() if name not in STANDARD}
    fields = {storable(name): _plain(value) for name, value in extra.items()}
    if record.exc_info:
        fields["traceback"] = told(logging.Formatter().formatException(record.exc_info))
    at = datetime.fromtimestamp(record.created, UTC)
    text = storable(record.getMessage().strip())
    return LogLine(at, record.levelname.lower(), text[:MAX_TEXT], {"logger": record.name, **fields})


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever was logged
    """A value that JSON has, or its text."""
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return storable(str(value))[:MAX_TEXT]
