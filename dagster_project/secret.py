"""Words that must never be written down."""

from __future__ import annotations

from collections.abc import Iterable

BLANK = "***"


class Secret:
    """A key from the environment that shows itself to nobody who does not ask by name."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The key itself: for a request's header and nowhere else."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({BLANK})"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, _memo: object) -> Secret:
        return self

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written into files or messages")


NO_SECRET = Secret("")


def secret_words(values: Iterable[str]) -> tuple[str, ...]:
    """What must be blanked out for these header values: each whole and by its parts.

    ``Token abc…`` hides ``abc…`` too. Words under eight characters hide nothing worth hiding
    and would blank out ordinary text.
    """
    words = {word for value in values for word in (value, *value.split()) if len(word) >= 8}
    return tuple(sorted(words, key=lambda word: (-len(word), word)))


def blanked(text: str, words: Iterable[str]) -> str:
    """``text`` without the secret words."""
    for word in words:
        text = text.replace(word, BLANK)
    return text


def blanked_bytes(body: bytes, words: Iterable[str]) -> bytes:
    """``body`` without the secret words."""
    for word in words:
        body = body.replace(word.encode(), BLANK.encode())
    return body
