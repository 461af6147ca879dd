"""JSON read strictly: a value of another type than agreed is an error, never a guess.

Two kinds of error: ``UnusableAnswer`` condemns an answer whose shape is not the agreed one,
``Unbelievable`` one value of one row. Readers decide which of the two a field deserves.
"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal, InvalidOperation
from typing import Any

from dagster_project.errors import SourceError
from dagster_project.sources.live.vendor import Received

# A figure of an interface is short; 30 digits and an exponent are the longest seen.
_NUMBER = re.compile(r"[+-]?\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,3})?", re.ASCII)
_SHOWN_CHARACTERS = 40
_CHANGED = (
    "run again later; if it stays so, the interface changed and its reader must follow: the raw "
    "answer is in the archive"
)


class UnusableAnswer(SourceError):
    """The answer does not have the shape that was agreed, or cannot be true."""


class Unbelievable(ValueError):
    """A value of one row that cannot be what it claims; the message says why."""


def malformed(source: str, what: str) -> UnusableAnswer:
    """The refusal of an answer of ``source`` that has not the shape it is known for."""
    return UnusableAnswer(
        f"{source} answered something else than expected: {what}.",
        where=source,
        mend=_CHANGED,
    )


def parse_json(reply: Received) -> Any:
    """The JSON of an answer: integers of any size, other numbers as Decimal.

    Raises UnusableAnswer for what is not UTF-8, not JSON, cut off, or nested without end; NaN
    and Infinity are not JSON.
    """
    return decode(reply.body, where=reply.url)


def decode(body: bytes, *, where: str, number: type[Decimal | float] = Decimal) -> Any:
    """The JSON of ``body``, read from ``where``. Raises UnusableAnswer as ``parse_json``."""

    def no_number(name: str) -> None:
        raise ValueError(f"{name} is not a JSON number")

    mend = "try again later; if it stays so, the source has changed its format"
    if not body.strip():
        raise UnusableAnswer("The answer is empty.", where=where, mend=mend)
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnusableAnswer(
            f"The answer is not UTF-8 (byte {error.start}).", where=where, mend=mend
        ) from None
    try:
        return json.loads(text, parse_float=number, parse_constant=no_number)
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise UnusableAnswer(
            f"The answer is not whole JSON: {error}.", where=where, mend=mend
        ) from None


def decoded_or_none(body: bytes) -> Any:
    """The JSON of the body of an error; None where it has none."""
    try:
        return decode(body, where="")
    except UnusableAnswer:
        return None


def shown(value: Any) -> str:
    """A short form of an unexpected value for a message."""
    if value is None:
        return "nothing"
    text = repr(value) if isinstance(value, str | int | float | bool) else type(value).__name__
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 3] + "..."


def _expected(kind: str, value: Any, what: str, where: str = "") -> UnusableAnswer:
    return UnusableAnswer(
        f"The answer has {shown(value)} where {what}, {kind}, belongs.", where=where, mend=_CHANGED
    )


def mapping(value: Any, what: str, where: str = "") -> dict[str, Any]:
    """``value`` where it is a JSON object. Raises UnusableAnswer."""
    if not isinstance(value, dict):
        raise _expected("an object", value, what, where)
    return value


def array(value: Any, what: str, length: int | None = None, where: str = "") -> list[Any]:
    """``value`` where it is a JSON array, of ``length``. Raises UnusableAnswer."""
    if not isinstance(value, list):
        raise _expected("a list", value, what, where)
    if length is not None and len(value) != length:
        raise UnusableAnswer(
            f"The answer has {len(value)} values of {what}, not {length}.",
            where=where,
            mend=_CHANGED,
        )
    return value


def whole_number(value: Any, what: str, where: str = "") -> int:
    """``value`` where it is an integer. Raises UnusableAnswer."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise _expected("an integer", value, what, where)
    return int(value)


def real(value: Any, what: str, where: str = "") -> float | None:
    """``value`` as a float, None where it is null, infinite where it is too large for one.

    Raises UnusableAnswer for text and every other type: a column that changed its type may
    have changed its meaning.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise _expected("a number", value, what, where)
    try:
        return float(value)
    except OverflowError:
        return math.inf
    except ValueError:
        # A signalling NaN.
        return math.nan


def number(value: Any) -> float:
    """A finite float of a JSON number or of a number written as text.

    Raises Unbelievable for everything else, None and booleans included.
    """
    if value is None:
        raise Unbelievable("a value is missing")
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise Unbelievable("a value is no number")
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            raise Unbelievable("a text is no number")
        try:
            value = Decimal(value)
        except InvalidOperation:
            raise Unbelievable("a text is no number") from None
    try:
        result = float(value)
    except OverflowError:
        raise Unbelievable("a number is too large") from None
    if not math.isfinite(result):
        raise Unbelievable("a number is not finite")
    return result


def whole(value: Any) -> int:
    """A whole number, written as an integer, as text or with zeros behind the point."""
    result = number(value)
    if not result.is_integer():
        raise Unbelievable("a number is not whole")
    return int(result)
