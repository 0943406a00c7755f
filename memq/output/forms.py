"""The JSON form of records: its version, what that promises, and how values of each kind stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from memq.schema.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT_VERSION = 1
"""Version of the JSON form of records, and of what `memq --schema json` prints.

It changes when something that reads the form by FORMAT_PROMISES would read it wrongly, and not for
more objects, fields, kinds, reasons, or keys that begin with an underscore.
"""

FORMAT_PROMISES = """\
A record is an object. Its keys are the names that the query asked for, in that order, names with
dots as objects within; of whole elements, their default columns.

A value has the JSON type and the form of its field's type, or is `null`.

A collection is an array: of records, or of values where one field of it was asked for by a name
of its own.

A value that is not known is `null`, and the reason stands in the same record under
`"_unknown": {key: reason}`; without that, `null` means that there is no value.

An array that is not whole holds what was found, and the reason stands in the same record under
`"_cut_short": {key: reason}`.

Where there is no record to say so, `{"_unknown": reason}` stands for the value, and
`{"_cut_short": reason}` at the end of the array.

A query that ends in one value gives that value or record, every other an array, or, as JSON
lines, one record a line.

More keys that begin with an underscore may come without a new version. Reasons are texts for
people.
"""
"""What holds of the JSON form of records while FORMAT_VERSION stays the same, a paragraph each."""


class Form(NamedTuple):
    """How the values of a kind stand in JSON."""

    type: str
    """JSON's own type: string, number, boolean or null."""
    text: str
    """What is in it."""


FORMS: Mapping[Kind, Form] = {
    Kind.NUMBER: Form("number", "an integer of up to 64 bits"),
    Kind.FLOAT: Form("number", "a number with a fraction"),
    Kind.SIZE: Form("number", "bytes"),
    Kind.ADDRESS: Form("string", "hexadecimal, with 0x before it"),
    Kind.BOOLEAN: Form("boolean", "true or false"),
    Kind.STRING: Form("string", "the text; bytes that are not UTF-8 as \\xNN"),
    Kind.TIME: Form("string", "ISO 8601 in UTC, to the microsecond, with Z behind it"),
    Kind.DURATION: Form("number", "seconds, exact to the nanosecond"),
    Kind.FLAGS: Form("number", "the bits of all flags, as one integer"),
    Kind.ENUM: Form("number", "the number, not its name"),
    Kind.NULL: Form("null", "nothing"),
}
"""Of every kind of value that a query can give; a regular expression is none."""

QUOTED = frozenset(
    kind for kind, form in FORMS.items() if form.type == "string" and kind is not Kind.STRING
)
"""Kinds whose cells only need quotes to be JSON; a text needs its escapes, too."""
