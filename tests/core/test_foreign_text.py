"""What people are told of a traceback."""

import pytest

from core.foreign_text import last_words

TRACEBACK = 'Traceback (most recent call last):\n  File "x.py", line 1, in f\n'


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("core.errors.DatasetInvalid: t10k-labels is cut short.", "t10k-labels is cut short."),
        ("core.errors.SpecInvalid: Two problems:\n- one\n- two", "Two problems:\n- one\n- two"),
        ("ValueError: no retain set", "ValueError: no retain set"),
        ("RuntimeError: see core.errors.Foo: bar", "RuntimeError: see core.errors.Foo: bar"),
    ],
)
def test_our_errors_are_sentences_and_those_of_others_keep_their_class(error, told):
    assert last_words(TRACEBACK + error) == told


def test_the_error_that_ended_it_is_told_not_the_one_it_came_of():
    first = "core.errors.ArtifactMissing: gone"
    again = "\n\nDuring handling of the above exception, another exception occurred:\n\n"

    assert last_words(f"{TRACEBACK}{first}{again}{TRACEBACK}ValueError: later") == "ValueError: later"


def test_nothing_said_is_nothing_told():
    assert last_words(None) == ""
