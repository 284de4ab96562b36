"""What is logged in a runner, as its parent gets it."""

import logging

import pytest

from core.foreign_text import MAX_TOLD
from core.outcome import LogLine
from worker.capture import MAX_LINES, MAX_TEXT, ToParent, line_of


@pytest.fixture
def sent() -> list[LogLine]:
    return []


@pytest.fixture
def log(sent):
    """A logger of its own, whose handler has begun a unit."""
    handler = ToParent(sent.append)
    handler.begin()
    logger = logging.Logger("a_plugin")
    logger.addHandler(handler)
    return logger


def test_a_line_has_its_text_its_level_and_its_fields(log, sent):
    log.warning("The %s is %d.", "answer", 42, extra={"answer": 42, "of": {"life"}, "share": float("nan")})
    (line,) = sent
    assert (line.level, line.text) == ("warning", "The answer is 42.")
    assert line.fields == {"logger": "a_plugin", "answer": 42, "of": "{'life'}", "share": "nan"}


def test_an_exception_comes_with_its_traceback_from_the_end(log, sent):
    try:
        raise RuntimeError("x" * 2 * MAX_TOLD + "the end")
    except RuntimeError:
        log.exception("It failed.")
    trace = sent[0].fields["traceback"]
    assert trace.endswith("the end")
    assert len(trace) == MAX_TOLD


def test_lines_are_cut_and_what_no_database_stores_is_replaced(log, sent):
    log.info("a\0\udce9" + "b" * MAX_TEXT, extra={"\udce9": "\udce9"})
    assert len(sent[0].text) == MAX_TEXT
    assert sent[0].text.startswith("a\N{REPLACEMENT CHARACTER}?b")
    assert sent[0].fields["?"] == "?"


def test_a_call_that_logging_cannot_format_does_not_fail_the_method(log, sent, capsys):
    log.info("%d epochs", "ten")
    log.info("Goes on.")
    assert [line.text for line in sent] == ["Goes on."]
    assert "%d format" in capsys.readouterr().err


def test_a_unit_that_logs_without_end_is_cut_off_and_the_next_one_is_not(log, sent):
    for number in range(MAX_LINES + 10):
        log.info("%d", number)
    assert len(sent) == MAX_LINES
    assert sent[-1].text == "The log is full; the rest is left out."
    log.handlers[0].begin()
    log.info("the next unit")
    assert sent[-1].text == "the next unit"


def test_outside_a_unit_nothing_is_sent(sent):
    handler = ToParent(sent.append)
    handler.emit(logging.makeLogRecord({"msg": "between units"}))
    assert sent == []


def test_a_record_without_fields_has_only_its_logger():
    assert line_of(logging.makeLogRecord({"name": "root", "msg": "hello"})).fields == {"logger": "root"}
