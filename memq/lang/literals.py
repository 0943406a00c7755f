"""The values of literals, from their text.

Each function takes a literal's whole text and the place where it starts in the query, so that an
error points at the part that is wrong.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta

from memq.errors import QueryError, Span
from memq.lang.ast import DURATION_UNITS, SIZE_UNITS, Duration, Number, Real, Regex, Text, Time
from memq.lang.limits import MAX_DIGITS

_DIGITS = "[0-9]+(?:_[0-9]+)*"
# Patterns are texts: re compiles what a query needs when it is needed, and keeps it.
_NUMBER = rf"({_DIGITS})(\.{_DIGITS})?([eE][+-]?[0-9]+)?([0-9A-Za-z_]*)"
_HEXADECIMAL = "[0-9A-Fa-f]+(?:_[0-9A-Fa-f]+)*"
_ESCAPE = r"\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[\s\S])"
_TIME = (
    r"(?a)(\d{4})-(\d\d)-(\d\d)"
    r"(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:[Zz]|([+-])(\d\d):?(\d\d))?)?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PLAIN_ESCAPES = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "0": "\0",
    "\\": "\\",
    '"': '"',
    "'": "'",
    "/": "/",
}
_UNIT_MISTAKES = {
    "min": "m",
    "mins": "m",
    "minutes": "m",
    "sec": "s",
    "secs": "s",
    "seconds": "s",
    "hour": "h",
    "hours": "h",
    "day": "d",
    "days": "d",
    "H": "h",
    "D": "d",
    "K": "KB",
    "k": "KB",
    "M": "MB",
    "G": "GB",
    "T": "TB",
    "g": "GB",
    "KiB": "KB",
    "MiB": "MB",
    "GiB": "GB",
    "TiB": "TB",
}
_REGEX_FLAGS = "ims"


def number(text: str, start: int) -> Number | Real | Duration:
    """Return the number, the size in bytes, or the duration."""
    span = Span(start, start + len(text))
    if len(text) > MAX_DIGITS:
        raise QueryError(f"A number may have {MAX_DIGITS} digits, and this has more.", span=span)
    if text.isdecimal():
        return Number(int(text), span=span)
    if text[:2] in ("0x", "0X"):
        return _hexadecimal(text, span)
    match = re.fullmatch(_NUMBER, text)
    if match is None:
        raise QueryError(f"`{text}` is not a number.", span=span)
    whole, fraction, exponent, unit = match.groups()
    if unit:
        return _with_unit(text, whole, fraction or exponent, unit, span)
    if fraction or exponent:
        value = float(text.replace("_", ""))
        if math.isinf(value):
            raise QueryError("This number is too large.", span=span)
        return Real(value, span=span)
    return Number(int(whole.replace("_", "")), span=span)


def _hexadecimal(text: str, span: Span) -> Number:
    if not re.fullmatch(_HEXADECIMAL, text[2:]):
        raise QueryError(
            f"`{text}` is not a hexadecimal number.",
            span=span,
            hint="After `0x` come the digits 0 to 9 and a to f.",
        )
    return Number(int(text[2:].replace("_", ""), 16), "0x", span=span)


def _with_unit(
    text: str, whole: str, broken: str | None, unit: str, span: Span
) -> Number | Duration:
    amount = int(whole.replace("_", ""))
    if unit.upper() in SIZE_UNITS or unit in DURATION_UNITS:
        if broken:
            raise QueryError(
                f"A size or a duration is a whole number, and `{text}` is not.",
                span=span,
                hint="Write it in the next smaller unit: 1536MB for 1.5GB, 90m for 1.5h.",
            )
        if unit in DURATION_UNITS:
            return Duration(amount, unit, span=span)
        return Number(amount * SIZE_UNITS[unit.upper()], unit.upper(), span=span)
    raise QueryError(f"`{text}` is not a number.", span=span, hint=_unit_hint(whole, text, unit))


def _unit_hint(whole: str, text: str, unit: str) -> str:
    if unit in _UNIT_MISTAKES:
        return f"Did you mean `{whole}{_UNIT_MISTAKES[unit]}`?"
    if text[:2].lower() in ("0b", "0o"):
        return "Numbers are written in decimal, or in hexadecimal: 0xff."
    if re.fullmatch("[0-9A-Fa-f]+", text):
        return f"A hexadecimal number begins with `0x`: `0x{text}`."
    return (
        "Sizes are written 4KB, 2MB, 1GB and durations 30s, 5m, 2h, 7d; "
        "a name cannot begin with a digit."
    )


def string(text: str, start: int) -> Text:
    """Return the string within quotes, its escapes resolved."""
    body = text[1:-1]
    span = Span(start, start + len(text))
    if "\\" not in body:
        return Text(body, span=span)
    return Text(re.sub(_ESCAPE, lambda match: _escaped(match, start + 1), body), span=span)


def _escaped(match: re.Match[str], offset: int) -> str:
    code = match[1]
    if code in _PLAIN_ESCAPES:
        return _PLAIN_ESCAPES[code]
    span = Span(offset + match.start(), offset + match.end())
    if len(code) == 1:
        raise QueryError(
            f"`\\{code}` is no escape.",
            span=span,
            hint='A backslash is written `\\\\`, or the whole string raw: @"C:\\Windows".',
        )
    value = int(code[1:], 16)
    if value > 0x10FFFF or 0xD800 <= value <= 0xDFFF:
        raise QueryError(
            f"There is no character U+{value:04X}.",
            span=span,
            hint="Characters beyond U+FFFF have eight digits: \\U0001F600.",
        )
    return chr(value)


def raw_string(text: str, start: int) -> Text:
    """Return the string within `@"..."`, where only a doubled quote means something else."""
    quote = text[1]
    return Text(text[2:-1].replace(quote * 2, quote), span=Span(start, start + len(text)))


def regex(text: str, start: int) -> Regex:
    """Return the expression between the slashes; whether RE2 takes it, the binder says."""
    end = text.rindex("/")
    flags = text[end + 1 :]
    unknown = next((flag for flag in flags if flag not in _REGEX_FLAGS), None)
    if unknown is not None:
        raise QueryError(
            f"A regular expression has no flag `{unknown}`.",
            span=Span(start + end + 1, start + len(text)),
            hint="The flags are i (any case), m (^ and $ at each line), s (. takes a newline).",
        )
    pattern = re.sub(r"\\(.)", lambda m: "/" if m[1] == "/" else m[0], text[1:end])
    return Regex(pattern, "".join(sorted(set(flags))), span=Span(start, start + len(text)))


def time(text: str, start: int) -> Time:
    """Return the time within `t"..."`; UTC where it names no offset."""
    span = Span(start, start + len(text))
    match = re.fullmatch(_TIME, text[2:-1])
    moment = None if match is None else _moment(match)
    if moment is None:
        raise QueryError(
            f"`{text[2:-1]}` is not a time.",
            span=Span(start + 2, start + len(text) - 1),
            hint='A time is written t"2026-11-21T10:00:00Z", or t"2026-11-21" for midnight.',
        )
    return Time(moment, span=span)


def _moment(match: re.Match[str]) -> int | None:
    """Nanoseconds since 1970, or None where the calendar has no such moment."""
    year, month, day, hour, minute, second = (int(match[i] or 0) for i in range(1, 7))
    offset = timedelta(hours=int(match[9] or 0), minutes=int(match[10] or 0))
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        moment += offset if match[8] == "-" else -offset
    except (ValueError, OverflowError):
        return None
    since = moment - _EPOCH
    whole = since.days * 86_400 + since.seconds
    return whole * 1_000_000_000 + int((match[7] or "").ljust(9, "0"))
