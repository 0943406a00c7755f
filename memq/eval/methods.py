"""Methods of values, each declared once: what has it, what it takes and gives, help, an example.

A function is given whole columns: first the value's, then those of the arguments, as many as stand
in the query; whether texts are compared without regard to case; and what to ask meanwhile whether
anybody still wants the result. What is written otherwise than
it is computed (a regular expression, the name of a flag) is settled when the query is bound
(memq.eval.calls).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from memq.column import Column
from memq.eval import method_functions as functions
from memq.eval.words import Check
from memq.node import dataclass
from memq.schema.kinds import Kind, ValueType

if TYPE_CHECKING:
    from collections.abc import Iterable

Function: TypeAlias = Callable[[Sequence[Column], bool, Check], Column]

_WHOLE = (Kind.NUMBER, Kind.SIZE, Kind.ADDRESS)


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a method takes: the name that hints show, and the kinds of value that it may have."""

    name: str
    kinds: tuple[Kind, ...]
    is_optional: bool = False
    is_repeated: bool = False
    """Whether more of the same may follow; only of the last one."""


@dataclass(frozen=True, slots=True)
class Method:
    """A method of values of some kinds."""

    name: str
    receivers: tuple[Kind, ...]
    parameters: tuple[Parameter, ...]
    result: Kind
    function: Function
    doc: str
    example: str
    """A query that finds something in the sample."""

    @property
    def arguments(self) -> tuple[Kind, ...]:
        """The first kind of each argument that must be given."""
        return tuple(one.kinds[0] for one in self.parameters if not one.is_optional)

    @property
    def most(self) -> int | None:
        """How many arguments may be given; None: any number."""
        is_endless = bool(self.parameters) and self.parameters[-1].is_repeated
        return None if is_endless else len(self.parameters)

    @property
    def signature(self) -> str:
        """The call as hints show it: `Substring(start, length?)`."""
        shown = [
            one.name + "?" * one.is_optional + ", ..." * one.is_repeated for one in self.parameters
        ]
        return f"{self.name}({', '.join(shown)})"

    def parameter(self, number: int) -> Parameter:
        """Return what the argument with a number is."""
        return self.parameters[min(number, len(self.parameters) - 1)]

    def result_type(self, receiver: ValueType) -> ValueType:
        """Return the type of the result: a text made of a name is compared as the name is."""
        if self.result is receiver.kind:
            return replace(receiver, choices=())
        return ValueType(self.result)


def method_of(kind: Kind, name: str) -> Method | None:
    """Return the method of that name, in any case, that values of a kind have."""
    method = next((one for one in METHODS.values() if one.name.lower() == name.lower()), None)
    return method if method is not None and kind in method.receivers else None


def methods_of(kind: Kind) -> tuple[Method, ...]:
    """Return all methods that values of a kind have."""
    return tuple(method for method in METHODS.values() if kind in method.receivers)


def _named(methods: Iterable[Method]) -> Mapping[str, Method]:
    return {method.name: method for method in methods}


_TEXT = Parameter("text", (Kind.STRING,))

METHODS = _named(
    (
        Method(
            "Contains",
            (Kind.STRING,),
            (_TEXT,),
            Kind.BOOLEAN,
            functions.contains,
            "Whether the text holds another.",
            'process.Where(name.Contains("sh"))',
        ),
        Method(
            "StartsWith",
            (Kind.STRING,),
            (_TEXT,),
            Kind.BOOLEAN,
            functions.starts_with,
            "Whether the text begins with another.",
            'handle.Where(name.StartsWith("/dev/"))',
        ),
        Method(
            "EndsWith",
            (Kind.STRING,),
            (_TEXT,),
            Kind.BOOLEAN,
            functions.ends_with,
            "Whether the text ends with another.",
            'process.Where(vad.file_name.EndsWith("/libc.so.6"))',
        ),
        Method(
            "Matches",
            (Kind.STRING,),
            (Parameter("regex", (Kind.REGEX,)),),
            Kind.BOOLEAN,
            functions.matches,
            "Whether a regular expression, of RE2's dialect, is found anywhere in the text.",
            r"process.Where(name.Matches(/^kworker\/\d+:/))",
        ),
        Method(
            "Like",
            (Kind.STRING,),
            (Parameter("pattern", (Kind.STRING,)),),
            Kind.BOOLEAN,
            functions.like,
            "Whether the text fits a pattern: `*` fits anything, `?` one character, `[a-z]` a set.",
            'vad.Where(file_name.Like("*/lib*.so.[0-9]"))',
        ),
        Method(
            "EqualsIgnoreCase",
            (Kind.STRING,),
            (_TEXT,),
            Kind.BOOLEAN,
            functions.equals_ignore_case,
            "Whether the texts are equal without regard to case.",
            'process.Where(name.EqualsIgnoreCase("SYSTEMD"))',
        ),
        Method(
            "ToLower",
            (Kind.STRING,),
            (),
            Kind.STRING,
            functions.to_lower,
            "The text in small letters.",
            "driver.Select(name.ToLower())",
        ),
        Method(
            "ToUpper",
            (Kind.STRING,),
            (),
            Kind.STRING,
            functions.to_upper,
            "The text in capital letters.",
            "driver.Select(name.ToUpper())",
        ),
        Method(
            "Trim",
            (Kind.STRING,),
            (),
            Kind.STRING,
            functions.trim,
            "The text without the white space at its ends.",
            'process.Where(name.Trim() == "sshd")',
        ),
        Method(
            "Length",
            (Kind.STRING,),
            (),
            Kind.NUMBER,
            functions.length,
            "How many characters the text has.",
            "process.Where(command_line.Length() > 30)",
        ),
        Method(
            "Replace",
            (Kind.STRING,),
            (Parameter("old", (Kind.STRING, Kind.REGEX)), Parameter("new", (Kind.STRING,))),
            Kind.STRING,
            functions.replace,
            "The text with `new` in place of each `old`, which is a text or a regular expression; "
            "`new` is taken as it stands.",
            r'process.Select(name.Replace(/\d+/, "N"))',
        ),
        Method(
            "Substring",
            (Kind.STRING,),
            (Parameter("start", _WHOLE), Parameter("length", _WHOLE, is_optional=True)),
            Kind.STRING,
            functions.substring,
            "The part of the text from a character on, the first being 0: as much as is there; "
            "null where start or length is negative.",
            "process.Select(name.Substring(0, 4))",
        ),
        Method(
            "IndexOf",
            (Kind.STRING,),
            (_TEXT,),
            Kind.NUMBER,
            functions.index_of,
            "Where the text first holds another, the first character being 0; -1 if nowhere.",
            'process.Where(name.IndexOf("/") >= 0)',
        ),
        Method(
            "Has",
            (Kind.FLAGS,),
            (Parameter("flag", (Kind.STRING, *_WHOLE, Kind.FLAGS), is_repeated=True),),
            Kind.BOOLEAN,
            functions.has,
            "Whether all these flags are set, given by name or as numbers.",
            'vad.Where(flags.Has("VM_READ", "VM_EXEC") && !flags.Has(0x80))',
        ),
    )
)
