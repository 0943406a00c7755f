"""Calls of methods: the arguments held to the declaration, and made what the function takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from memq.errors import QueryError, Span
from memq.eval import suggestions
from memq.eval.checks import article
from memq.eval.regexes import compile_regex
from memq.eval.terms import NUMBER, Constant, Term
from memq.lang import ast, hints
from memq.lang.place import capital
from memq.schema.flags import bits_of, names_of
from memq.schema.kinds import Kind, ValueType

if TYPE_CHECKING:
    from collections.abc import Callable

    from memq.eval.methods import Method, Parameter

Bind: TypeAlias = "Callable[[ast.Expression], Term]"


def arguments(node: ast.Call, method: Method, receiver: ValueType, bind: Bind) -> tuple[Term, ...]:
    """Bind the arguments of a call: how many there are, of which kinds, as what they are given.

    A regular expression becomes a constant of what RE2 made of it; the name of a flag, its bits.
    """
    need_method_arguments(node, method)
    bound = []
    for number, argument in enumerate(node.arguments):
        parameter = method.parameter(number)
        if isinstance(argument, ast.Regex):
            bound.append(_regex(argument, parameter, receiver))
        elif receiver.kind is Kind.FLAGS:
            bound.append(_flag(bind(argument), parameter, receiver))
        else:
            bound.append(_of_kind(bind(argument), parameter))
    return tuple(bound)


def need_method_arguments(node: ast.Call, method: Method) -> None:
    """Refuse a call with more or fewer arguments than a method of values takes."""
    need_arguments(node, method.name, len(method.arguments), method.most, method.signature)


def need_arguments(node: ast.Call, name: str, least: int, most: int | None, written: str) -> None:
    """Refuse a call with more or fewer arguments than may be given; `written` is what is right."""
    given = len(node.arguments)
    if least <= given and (most is None or given <= most):
        return
    verb = "is" if given < 2 else "are"
    span = suggestions.method_span(node)
    if most is not None and given > most:
        span = Span(node.arguments[most].span.start, node.arguments[-1].span.end)
    raise QueryError(
        f"`{name}` takes {_count(least, most)}, and {_spelled(given)} {verb} given.",
        span=span,
        hint=f"It is written `{written}`.",
    )


_SPELLED = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def _spelled(count: int) -> str:
    return _SPELLED[count] if count < len(_SPELLED) else str(count)


def _count(least: int, most: int | None) -> str:
    words = {0: "no argument", 1: "one argument"}.get(least, f"{_spelled(least)} arguments")
    if most is None:
        return f"at least {words}"
    if least == most:
        return words
    if least == 0:
        return f"no argument or {_spelled(most)}"
    return f"{_spelled(least)} {'or' if most == least + 1 else 'to'} {_spelled(most)} arguments"


def _of_kind(term: Term, parameter: Parameter) -> Term:
    if term.type.kind in (*parameter.kinds, Kind.NULL):
        return term
    hint = "A regular expression is written `/.../`." if Kind.REGEX in parameter.kinds else None
    message = f"{_expected(parameter)} is expected, and this is {article(term.type)}."
    raise QueryError(message, span=term.span, hint=hint)


def _expected(parameter: Parameter) -> str:
    """Name what is expected; sizes and addresses are numbers, too."""
    kinds = [Kind.NUMBER if kind.is_numeric else kind for kind in parameter.kinds]
    return capital(" or ".join(article(ValueType(kind)) for kind in dict.fromkeys(kinds)))


def _regex(node: ast.Regex, parameter: Parameter, receiver: ValueType) -> Term:
    if Kind.REGEX not in parameter.kinds:
        raise QueryError(
            f"{_expected(parameter)} is expected, and this is a regular expression.",
            span=node.span,
            hint="`Matches` and `Replace` take one.",
        )
    compiled = compile_regex(node, fold=receiver.ignores_case)
    return Constant(node.span, ValueType(Kind.REGEX), compiled)


def _flag(term: Term, parameter: Parameter, receiver: ValueType) -> Term:
    if term.type.kind is not Kind.STRING:
        return _of_kind(term, parameter)
    if not isinstance(term, Constant) or not isinstance(term.value, str):
        names = names_of(receiver)
        hint = f'Such as `Has("{names[0]}")`.' if names else None
        raise QueryError("The name of a flag is written out, in quotes.", span=term.span, hint=hint)
    bits = bits_of(receiver, term.value)
    if bits is None:
        raise _unknown_flag(term, term.value, receiver)
    return Constant(term.span, NUMBER, bits)


def _unknown_flag(term: Term, text: str, receiver: ValueType) -> QueryError:
    names = names_of(receiver)
    wrong = next((one for one in text.split("|") if bits_of(receiver, one) is None), text).strip()
    prefix = names[0].partition("_")[0] + "_" if names else ""
    near = hints.nearest(wrong, names) or hints.nearest(prefix + wrong, names)
    hint = hints.did_you_mean(near) or suggestions.handful("The flags", names)
    return QueryError(f'No flag is called "{wrong}".', span=term.span, hint=hint)
