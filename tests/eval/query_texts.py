"""Random queries: well formed, nearly all of their names known, most of what they say meant so.

A Writer knows of which type the elements around are, for the systems of tests.eval.world and
tests.eval.raw_world. Now and then something stands where it means nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from memq.eval.chain_methods import SERIES_METHODS

if TYPE_CHECKING:
    from collections.abc import Sequence

NUMBER, TEXT, TRUTH, TIME, FLAGS, ADDRESS = "number", "text", "truth", "time", "flags", "address"
KINDS = (NUMBER, TEXT, TRUTH, TIME, FLAGS, ADDRESS)


@dataclass(frozen=True)
class Type:
    """What elements are: their values by kind, the objects and the collections that they have."""

    name: str
    values: tuple[tuple[str, str], ...] = ()
    objects: tuple[tuple[str, str], ...] = ()
    many: tuple[tuple[str, str], ...] = ()
    columns: tuple[tuple[str, Type], ...] = ()
    """Lists in a record, and what is in them."""

    def of(self, kind: str) -> list[str]:
        return [name for name, has in self.values if has == kind]


PROCESS = Type(
    "process",
    (
        *(("pid", NUMBER), ("x", NUMBER), ("dear", NUMBER), ("name", TEXT), ("state", TEXT)),
        *(("odd", TRUTH), ("born", TIME), ("flags", FLAGS), ("base", ADDRESS)),
    ),
    (("parent", "process"), ("process_object", "process")),
    (("vad", "vad"), ("vad_object", "vad"), ("handle", "handle"), ("children", "process")),
)
VAD = Type(
    "vad",
    (
        *(("n", NUMBER), ("i", NUMBER), ("f", TEXT), ("b", TRUTH), ("a", TRUTH), ("c", TRUTH)),
        *(("size", NUMBER), ("start", ADDRESS)),
    ),
    (("process", "process"),),
)
HANDLE = Type(
    "handle",
    (("n", NUMBER), ("i", NUMBER), ("f", TEXT), ("b", TRUTH)),
    (("process", "process"),),
)
TYPES = {one.name: one for one in (PROCESS, VAD, HANDLE)}
TASK = Type(
    "task",
    (
        *(("pid", NUMBER), ("comm", TEXT), ("on", TRUTH), ("cred", ADDRESS), ("state", NUMBER)),
        *(("own.uid", NUMBER), ("parent.pid", NUMBER), ("cred.uid", NUMBER), ("kind", NUMBER)),
        *(("limits[1]", NUMBER), ("stack", ADDRESS), ("grid[1][0]", NUMBER), ("weight", NUMBER)),
    ),
)
LITERALS = {
    NUMBER: ("0", "1", "2", "3", "-1", "1.5", "4KB", "9223372036854775807"),
    TEXT: ('"a"', '"b"', '""', '"running"'),
    TRUTH: ("true", "false"),
    TIME: ('t"2026-11-21"', 't"1970-01-01"'),
    FLAGS: ("3", '"F_READ"'),
    ADDRESS: ("0xff", "0", "0xffffffffffffffff"),
}
STRAY = (
    *("zzz", "process", "vad", "[1, 2]", "{k: 1}", "p => p", "1..3", "/x/", "parent", "null", "f"),
    *("process.raw", "handle.n", "process.Count", '"x"', "5m", "items", "key", "sizeof", "ghost"),
    *("(p, q) => p", "g", "18446744073709551615", "[]", "process.First()", "name.Split(4)"),
)


@dataclass
class Writer:
    """Writes parts of a query by drawing from hypothesis."""

    draw: st.DrawFn
    scope: tuple[tuple[str, Type | str], ...] = ()
    """Names of the elements around, innermost first, and what they are; "": named by its type."""
    raw: bool = False
    lets: dict[str, Type | str] = field(default_factory=dict)
    budget: list[int] = field(default_factory=lambda: [14])
    """How many calls the text may still have."""

    def choice(self, options: Sequence[str]) -> str:
        return self.draw(st.sampled_from(options))

    def number(self, most: int) -> int:
        return self.draw(st.integers(0, most))

    def is_over(self) -> bool:
        self.budget[0] -= 1
        return self.budget[0] < 0

    def within(self, name: str, element: Type | str) -> Writer:
        return replace(self, scope=((name, element), *self.scope))

    # Values

    def value(self, kind: str) -> str:
        """A value of a kind; of one time in thirty anything."""
        if self.number(29) == 0:
            return self.choice(STRAY)
        if self.number(3) == 0 or self.is_over():
            return self.leaf(kind)
        made = getattr(self, f"_{kind}", None)
        return self.leaf(kind) if made is None or self.number(2) == 0 else str(made())

    def leaf(self, kind: str) -> str:
        """A field or a literal."""
        paths = [path for path, has in self.paths() if has == kind]
        return self.choice(paths if paths and self.number(3) else LITERALS[kind])

    def paths(self) -> list[tuple[str, str]]:
        """All values that have a name here."""
        found: list[tuple[str, str]] = []
        for depth, (name, element) in enumerate(self.scope):
            if isinstance(element, str):
                found += [(name, element)] if name else []
                continue
            before = f"{name or element.name}." if depth or name else ""
            found += [(before + path, kind) for path, kind in element.values]
            for part, type_ in (*element.objects, *element.many):
                inner = TYPES[type_]
                found += [(f"{before}{part}.{path}", kind) for path, kind in inner.values]
            if self.raw and element.name == "process":
                start = f"{name or 'process'}.raw."
                found += [(start + path, kind) for path, kind in TASK.values]
        return found

    def _number(self) -> str:
        match self.number(7):
            case 0 | 1:
                sign = self.choice(("+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"))
                return f"({self.value(NUMBER)} {sign} {self.value(NUMBER)})"
            case 2:
                return f"({self.truth()} ? {self.value(NUMBER)} : {self.value(NUMBER)})"
            case 3:
                return f"({self.value(NUMBER)} ?? {self.value(NUMBER)})"
            case 4:
                return (
                    f"{self.value(TEXT)}.{self.choice(('Length()', 'IndexOf(name)', 'IndexOf(f)'))}"
                )
            case 5:
                return f"{self.choice('-~')}{self.value(NUMBER)}"
            case _:
                return self.folded(NUMBER)

    def _text(self) -> str:
        match self.number(4):
            case 0:
                return f"{self.value(TEXT)}.{self.choice(('ToLower()', 'Trim()', 'ToUpper()'))}"
            case 1:
                return f"{self.value(TEXT)}.Substring({self.value(NUMBER)}, 2)"
            case 2:
                return f"{self.value(TEXT)}.Replace({self.value(TEXT)}, {self.value(TEXT)})"
            case 3:
                return f"({self.value(TEXT)} ?? {self.value(TEXT)})"
            case _:
                return self.folded(TEXT)

    def folded(self, kind: str) -> str:
        """One value of a collection."""
        collection, element = self.collection()
        inner = self.argument(element, kind)
        match self.number(6):
            case 0:
                return f"{collection}.Count({self.argument(element, TRUTH)})"
            case 1:
                picked = self.choice(("First", "FirstOrNull", "Last"))
                return f"{collection}.{picked}().{self.path(element)}"
            case 2:
                return f"{collection}[{self.value(NUMBER)}].{self.path(element)}"
            case 3:
                return (
                    f"{collection}.{self.choice(('MinBy', 'MaxBy'))}({inner}).{self.path(element)}"
                )
            case 4:
                step = self.within("q", element).within("p", kind).value(kind)
                return f"{collection}.Aggregate({self.value(kind)}, (p, q) => {step})"
            case _:
                names = ("Min", "Max") if kind == TEXT else ("Sum", "Min", "Max", "Average")
                return f"{collection}.{self.choice(names)}({inner})"

    def path(self, element: Type | str) -> str:
        values = () if isinstance(element, str) else element.values
        return self.choice([name for name, _ in values] or ["Length()"])

    def truth(self) -> str:
        return self.value(TRUTH)

    def _truth(self) -> str:
        kind = self.choice((NUMBER, NUMBER, TEXT, TEXT, TIME, FLAGS, ADDRESS))
        match self.number(11):
            case 0 | 1:
                return f"({self.truth()} {self.choice(('&&', '||'))} {self.truth()})"
            case 2:
                return f"!({self.truth()})"
            case 3:
                return f"{self.value(kind)} in [{self.value(kind)}, {self.value(kind)}]"
            case 4:
                return f"{self.value(NUMBER)} in {self.value(NUMBER)}..{self.value(NUMBER)}"
            case 5:
                collection, element = self.collection()
                return f"{self.value(kind)} in {collection}.{self.path(element)}"
            case 6:
                asked = self.choice(("Contains", "StartsWith", "EndsWith", "Like"))
                return f"{self.value(TEXT)}.{asked}({self.value(TEXT)})"
            case 7:
                return f"is_{self.choice(('known', 'unknown'))}({self.value(kind)})"
            case 8 | 9:
                collection, element = self.collection()
                asked = self.choice(("Any", "All", "None"))
                return f"{collection}.{asked}({self.argument(element, TRUTH)})"
            case _:
                sign = self.choice(("==", "!=", "===", "<", "<=", ">", ">="))
                other = "null" if self.number(8) == 0 else self.value(kind)
                return f"{self.value(kind)} {sign} {other}"

    # Collections

    def collection(self) -> tuple[str, Type | str]:
        """A collection in an expression, and what its elements are."""
        found: list[tuple[str, Type | str]] = []
        for depth, (name, element) in enumerate(self.scope):
            if isinstance(element, str):
                continue
            before = f"{name or element.name}." if depth or name else ""
            found += [(before + part, TYPES[type_]) for part, type_ in element.many]
            found += [(before + part, type_) for part, type_ in element.columns]
        named = {name for name, _ in self.scope}
        if "" not in named:
            found += list(TYPES.items())
        found += [(name, type_) for name, type_ in self.lets.items() if name not in "gh"]
        if not found:
            found = [("[1, 2, 3]", NUMBER), ('["a", null]', TEXT)]
        text, element = found[self.number(len(found) - 1)]
        return (text, element) if self.number(2) or self.is_over() else self.stage(text, element)

    def argument(self, element: Type | str, kind: str) -> str:
        """An expression over the elements, with or without a name for them."""
        needs_name = isinstance(element, str) or element is TASK
        name = self.choice(("p", "q", "v")) if needs_name or self.number(1) else ""
        text = self.within(name, element).value(kind)
        return f"{name} => {text}" if name else text

    def stage(self, text: str, element: Type | str) -> tuple[str, Type | str]:
        """A collection behind any method that gives one."""
        name = self.choice([one.name for one in SERIES_METHODS.values()])
        if self.number(39) == 0:
            return f"{text}.{name}({self.choice(STRAY)})", element
        kept = self.kept(name, element)
        return (f"{text}.{kept}", element) if kept else self.changed(name, text, element)

    def kept(self, name: str, element: Type | str) -> str:
        """A method after which the elements are of the same type; "" if it is none of these."""
        match name:
            case "Where" | "TakeWhile" | "SkipWhile":
                return f"{name}({self.argument(element, TRUTH)})"
            case "Take" | "Skip":
                return f"{name}({self.number(3)})"
            case "OrderBy" | "OrderByDescending" | "DistinctBy":
                return f"{name}({self.argument(element, self.choice(KINDS))})"
            case "ThenBy" | "ThenByDescending":
                first, then = self.argument(element, TEXT), self.argument(element, NUMBER)
                return f"OrderBy({first}).{name}({then})"
            case "Reverse" | "ToList" | "Distinct":
                return f"{name}()"
            case "Chunk":
                return f"Chunk({1 + self.number(2)}).SelectMany(c => c)"
            case _:
                return ""

    def changed(self, name: str, text: str, element: Type | str) -> tuple[str, Type | str]:
        """A method after which the elements may be of another type."""
        kind = self.choice(KINDS)
        match name:
            case "Union" | "Except" | "Intersect" | "Concat":
                return f"{text}.{name}({text}.Where({self.argument(element, TRUTH)}))", element
            case "GroupBy":
                columns = (("items", element),) if isinstance(element, Type) else ()
                made = Type("", (("key", kind),), columns=columns)
                return f"{text}.GroupBy({self.argument(element, kind)})", made
            case "CountBy":
                made = Type("", (("key", kind), ("count", NUMBER)))
                return f"{text}.CountBy({self.argument(element, kind)})", made
            case "Let":
                inner = self.within("p", element).value(kind)
                base = Type("") if isinstance(element, str) else element
                made = replace(base, values=(*base.values, ("m", kind)))
                return f"{text}.Let(p => {{m: {inner}}})", made
            case "SelectMany" | "Flatten":
                return self.flattened(text, element)
            case "Join" | "LeftJoin" | "AntiJoin" | "Zip":
                return self.joined(name, text, element)
            case _:
                return self.selected(text, element)

    def flattened(self, text: str, element: Type | str) -> tuple[str, Type | str]:
        many = () if isinstance(element, str) else element.many
        if not many:
            columns = () if isinstance(element, str) else element.columns
            if not columns:
                return f"{text}.Select(p => [p, p]).Flatten()", element
            name, inner = columns[self.number(len(columns) - 1)]
            return f"{text}.SelectMany(r => r.{name})", inner
        name, type_ = many[self.number(len(many) - 1)]
        return f"{text}.SelectMany({name})", TYPES[type_]

    def joined(self, name: str, text: str, element: Type | str) -> tuple[str, Type | str]:
        other, its = self.collection()
        kind = self.choice((NUMBER, TEXT))
        left, right = self.argument(element, kind), self.argument(its, kind)
        pair = self.within("p", element).within("q", its)
        made = Type("", (("k", NUMBER), ("l", TEXT)))
        result = f"(p, q) => {{k: {pair.value(NUMBER)}, l: {pair.value(TEXT)}}}"
        if name == "AntiJoin":
            return f"{text}.AntiJoin({other}, {left}, {right})", element
        if name == "Zip":
            return f"{text}.Zip({other}, {result})", made
        if self.number(3) == 0:
            return f"{text}.{name}({other}, {left}, {right})", Type("")
        return f"{text}.{name}({other}, {left}, {right}, {result})", made

    def selected(self, text: str, element: Type | str) -> tuple[str, Type | str]:
        kind = self.choice(KINDS)
        if self.number(2) == 0:
            return f"{text}.Select({self.argument(element, kind)})", kind
        name = "p" if self.number(1) or isinstance(element, str) else ""
        inner = self.within(name, element)
        if self.number(2) == 0:
            found = [inner.leaf(self.choice(KINDS)) for _ in range(1 + self.number(2))]
            found += [inner.collection()[0]] if self.number(1) else []
            return f"{text}.Select({name + ' => ' if name else ''}[{', '.join(found)}])", Type("")
        listed, its = inner.collection()
        record = f"{{k: {inner.value(kind)}, m: {{n: {inner.value(NUMBER)}}}, l: {listed}}}"
        columns = (("l", its),) if isinstance(its, Type) else ()
        made = Type("", (("k", kind), ("m.n", NUMBER)), columns=columns)
        return f"{text}.Select({name + ' => ' if name else ''}{record})", made


LETS: tuple[tuple[str, dict[str, Type | str]], ...] = (
    ("", {}),
    ("", {}),
    ("let s = process.Where(odd); ", {"s": PROCESS}),
    ("let s = vad.OrderBy(n).Take(3); ", {"s": VAD}),
    (
        "let s = process.GroupBy(x); ",
        {"s": Type("", (("key", NUMBER),), columns=(("items", PROCESS),))},
    ),
    ("let s = process.Select(x); ", {"s": NUMBER}),
    ("let g = p => p.odd; let s = process.Where(g); ", {"s": PROCESS}),
    ("let h = (p, q) => p.x == q.x; let s = process.Where(p => h(p, p)); ", {"s": PROCESS}),
)
TASKS = 'let s = list_of(symbol("tasks"), "task", "tasks").Take(2); '


@st.composite
def queries(draw: st.DrawFn, *, raw: bool = False) -> str:
    """Whole scripts."""
    lets, names = draw(st.sampled_from(LETS))
    if raw and draw(st.integers(0, 3)) == 0:
        lets, names = TASKS, {"s": TASK}
    writer = Writer(draw, raw=raw, lets=names)
    text, element = writer.collection()
    for _ in range(draw(st.integers(1, 4))):
        text, element = writer.stage(text, element)
    if draw(st.integers(0, 7)) == 0:
        return lets + writer.value(draw(st.sampled_from(KINDS)))
    ends = ("Count", "First", "Last", "Single", "Any", "None", "Sum", "Min", "Max", "Average")
    end = draw(st.sampled_from(["", "", "", *(f".{name}()" for name in ends)]))
    return lets + text + end
