"""Text that a method, a plug-in or a library wrote, made fit for any database."""

MAX_TOLD = 16_000


def storable(text: str) -> str:
    """The text without what no database stores: NUL, and the lone surrogates of odd file names."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def told(error: str) -> str:
    """What an error or its traceback says, up to its end, where the cause is."""
    return storable(error)[-MAX_TOLD:]
