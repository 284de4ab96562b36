"""Text that a method, a plug-in or a library wrote, made fit for any database and for people."""

import re

MAX_TOLD = 16_000
FRAME = re.compile(r'^  File "[^"]*", line .*\n(?:    .*\n)*', re.MULTILINE)
OUR_ERROR = re.compile(r"core\.errors\.\w+: ")


def storable(text: str) -> str:
    """The text without what no database stores: NUL, and the lone surrogates of odd file names."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def told(error: str) -> str:
    """What an error or its traceback says, up to its end, where the cause is."""
    return storable(error)[-MAX_TOLD:]


def last_words(error: str | None) -> str:
    """What a traceback ends with, for people: the whole message of an error of ours, without its class, which
    would tell them nothing; of any other error the last line, where the class says what it is.
    """
    message = FRAME.split((error or "").strip())[-1]
    ours = OUR_ERROR.match(message)
    return message[ours.end() :] if ours else message.split("\n")[-1]
