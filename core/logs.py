"""Logs: events with fields, one line each, on standard error."""

import logging
import sys

import structlog


def configure_logs(minimum: int = logging.INFO) -> None:
    """Send structured events from `minimum` up, and the warnings of libraries, to standard error."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(minimum),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="level=%(levelname)s event=%(message)s"
    )
