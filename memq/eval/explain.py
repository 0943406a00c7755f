"""Plans for people: what is found and walked, what is asked when, and which rules changed it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from memq.eval.explain_words import Words, cost, dear, key_of, names, path
from memq.eval.places import Pick, RawStep, Step, ordered, way_to
from memq.eval.reading import bound, named, positive, walk
from memq.eval.rules import RULES
from memq.eval.series import (
    ColumnSeries,
    PlaceSeries,
    Series,
    SharedSeries,
    SourceSeries,
    Stage,
    StageSeries,
)
from memq.eval.stage_nodes import (
    ChunkStage,
    Condition,
    DistinctStage,
    FlattenStage,
    GroupStage,
    LetStage,
    ListItem,
    OrderStage,
    PairStage,
    ReverseStage,
    SelectItem,
    SelectManyStage,
    SelectStage,
    SetStage,
    SiftStage,
    SkipStage,
    TakeStage,
    TreeStage,
    ValueItem,
    WhereStage,
    WhileStage,
)
from memq.eval.terms import Aggregate, Fold, Membership, Reduction, Term
from memq.eval.widen import conjuncts, linked
from memq.node import dataclass
from memq.schema.declare import Cost

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence, Set

    from memq.eval.places import Place
    from memq.eval.plan import Plan


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One line of a plan."""

    step: str
    """The source, or the method."""
    text: str = ""
    """What it is about, as in the query."""
    cost: str = ""
    """The word of memq.schema.declare.Cost for the dearest that it takes."""
    facts: tuple[str, ...] = ()
    within: tuple[PlanStep, ...] = ()
    """The series in its terms, from their sources down."""


def explain(plan: Plan, text: str, begins: Sequence[int] = (0,)) -> str:
    """Return the lines of a plan, which was bound from the text; nothing of a dump is read.

    The text may be several, which begin at these places (memq.eval.conversation).
    """
    lines = [line for step in steps_of(plan, text, begins) for line in _lines(step, "")]
    lines += [f"rule {name}: {doc}" for name, doc in _rules(plan)]
    return "\n".join(lines)


def explained(plan: Plan, text: str) -> dict[str, Any]:
    """Return the same for programs."""
    return {
        "steps": [asdict(step) for step in steps_of(plan, text)],
        "rules": [{"name": name, "doc": doc} for name, doc in _rules(plan)],
    }


def _lines(step: PlanStep, indent: str) -> Iterator[str]:
    head = f"{step.step} {step.text}".strip()
    facts = [step.cost] * bool(step.cost) + list(step.facts)
    yield indent + head + (f"  [{'; '.join(facts)}]" if facts else "")
    for inner in step.within:
        yield from _lines(inner, indent + "  ")


def _rules(plan: Plan) -> list[tuple[str, str]]:
    docs = {rule.__name__: (rule.__doc__ or "").split("\n")[0] for rule in RULES}
    return [(name, docs.get(name, "")) for name in plan.rules]


def steps_of(plan: Plan, text: str, begins: Sequence[int] = (0,)) -> list[PlanStep]:
    """Return the steps of a plan, from the source down."""
    explainer = _Explainer(Words(text, begins))
    found = explainer.result(plan.result)
    if plan.shown is not None:
        keys = [".".join(item.path) for item in plan.shown.items]
        found.append(explainer.made("show", ", ".join(keys), plan.shown.items))
    return found


@dataclass(frozen=True, slots=True)
class _Explainer:
    words: Words

    def result(self, result: Series | Term | Place) -> list[PlanStep]:
        """Return the steps of what a query gives."""
        match result:
            case Series():
                return self.series(result)
            case Aggregate(sequence=series, body=body, operator=operator):
                return [*self.series(series), self._asked(operator, body)]
            case Fold(sequence=series, operator=operator):
                return [*self.series(series), PlanStep(operator)]
            case Pick(sequence=series, operator=operator, argument=argument):
                return [*self.series(series), self._asked(operator, argument)]
            case Term():
                return [self._asked("value", result)]
            case _:
                return [PlanStep("object", path(result), within=self._picked([result]))]

    def _asked(self, step: str, term: Term | None) -> PlanStep:
        return PlanStep(step) if term is None else self._step(step, [term])

    def _step(self, step: str, terms: list[Term], facts: Iterable[str] = ()) -> PlanStep:
        """Return a step that evaluates terms."""
        text = ", ".join(map(self.words.term, terms))
        dearest = cost(max((term.cost for term in terms), default=Cost.MEMBER))
        reads = dear(terms)
        told = (*facts, *([f"reads {', '.join(reads)}"] if reads else ()))
        return PlanStep(step, text, dearest, told, self.inside(terms))

    # Series

    def series(self, series: Series) -> list[PlanStep]:
        """Return the steps of a series, its source first."""
        stages: list[Stage] = []
        while isinstance(series, StageSeries | SharedSeries):
            stages += [series.stage] if isinstance(series, StageSeries) else []
            series = series.inner
        found = [self._source(series)]
        for stage in reversed(stages):
            found += self._stage(stage)
        return found

    def _source(self, series: Series) -> PlanStep:
        match series:
            case SourceSeries(type=type_, key=key) if key is not None:
                return PlanStep(type_.type_name, facts=(f"looked up by {key[0]} == {key[1]}",))
            case SourceSeries(type=type_, is_scan=True):
                facts = ("every one", "and what only a search through all memory finds")
                return PlanStep(type_.type_name, "", cost(Cost.SCAN), facts)
            case SourceSeries(type=type_, through=through) if through is not None:
                owners = f"{through.name} of every {through.type.type_name}"
                return PlanStep(type_.type_name, "", cost(through.cost), (owners,))
            case SourceSeries(type=type_):
                return PlanStep(type_.type_name, facts=("every one",))
            case PlaceSeries(place=place):
                return PlanStep(path(place), "", cost(place.cost), (), self._picked([place]))
            case ColumnSeries(place=place, column=column):
                return PlanStep("list", key_of(place, column))
            case _:
                return PlanStep("values", self.words.at(series.span), cost(series.cost))

    def _stage(self, stage: Stage) -> list[PlanStep]:
        match stage:
            case WhereStage(conditions):
                return [self._condition(one) for one in conditions]
            case WhileStage(condition, skips):
                return [self._step("SkipWhile" if skips else "TakeWhile", [condition.predicate])]
            case SiftStage(_, conditions):
                fact = "pushed: before the collections are walked; what is unknown stays"
                return [self._step("sift", list(conditions), [fact])]
            case SelectStage(_, items):
                keys = [".".join(item.path) for item in items]
                return [self.made("Select", ", ".join(filter(None, keys)), items)]
            case LetStage(_, name, term):
                return [self._step(f"Let {name} =", [term])]
            case SelectManyStage(_, inner):
                source, *others = self.series(inner)
                text = f"{source.step} {source.text}".strip()
                within = (*source.within, *others)
                return [PlanStep("SelectMany", text, source.cost, source.facts, within)]
            case _:
                return [self._placed(stage)]

    def _placed(self, stage: Stage) -> PlanStep:
        """Return the step of a stage on whole sequences, or one by places."""
        match stage:
            case TakeStage(count):
                return PlanStep("Take", str(count))
            case SkipStage(count):
                return PlanStep("Skip", str(count))
            case ChunkStage(size):
                return PlanStep("Chunk", str(size))
            case OrderStage(keys, most):
                facts = [] if most is None else [f"keeps the first {most}"]
                ways = ["descending" if key.descending else "ascending" for key in keys]
                return self._step("OrderBy", [key.term for key in keys], [", ".join(ways), *facts])
            case TreeStage(_, parent):
                return PlanStep("Tree", f"by {path(parent)}", cost(parent.cost))
            case DistinctStage(key) if key is not None:
                return self._step("DistinctBy", [key.term])
            case GroupStage(_, keys):
                return self.made("GroupBy", "", keys)
            case SetStage(operator, other):
                return PlanStep(operator, within=tuple(self.series(other)))
            case PairStage(operator, other):
                return self._pairs(stage, operator, other)
            case _:
                return PlanStep(_NAMES.get(type(stage), type(stage).__name__))

    def _pairs(self, stage: PairStage, operator: str, other: Series) -> PlanStep:
        keys = [self.words.term(term) for term in (stage.left, stage.right) if term is not None]
        facts = ("equal keys, by sorting",) if keys else ()
        within = tuple(self.series(other))
        return PlanStep(operator, " == ".join(keys), cost(other.cost), facts, within)

    # Conditions

    def _condition(self, condition: Condition) -> PlanStep:
        predicate = condition.predicate
        facts = []
        binds = ordered(bound(predicate))
        if binds:
            facts.append("one " + " and one ".join(names(binds)))
        facts += self._joins(predicate, binds)
        narrowed = [one for one in ordered(positive(predicate)) if condition.root in way_to(one)]
        read = names(one for one in narrowed if one.name in condition.narrows)
        unread = [name for name in names(narrowed) if name not in read]
        facts += [f"narrows {', '.join(read)}"] if read else []
        facts += [f"narrows nothing, {', '.join(unread)} being read no more"] if unread else []
        return self._step("Where", [predicate], facts)

    def _joins(self, predicate: Term, binds: tuple[Step, ...]) -> list[str]:
        """Say which collections are tied by equal keys: pairs of these are not all tried."""
        settled: set[Step] = set()
        found: list[str] = []
        for place in binds:
            ties = [one for one in conjuncts(predicate) if named(one) & settled]
            found += self._links(ties, place, settled)
            settled.add(place)
        return found

    def _links(self, terms: Sequence[Term], element: Place, settled: Set[Place]) -> list[str]:
        """Say which conditions equate something of an element with something that is settled."""
        links = [term for term in terms if linked(term, element, settled)]
        return [f"pairs by sorting where {self.words.term(term)}" for term in links]

    # What is inside of terms

    def made(self, step: str, text: str, items: tuple[SelectItem, ...]) -> PlanStep:
        """Return the step that makes records."""
        terms: list[Term] = []
        lists: list[Series] = []
        for item in _every(items):
            if isinstance(item.what, ValueItem):
                terms.append(item.what.term)
            elif isinstance(item.what, ListItem):
                lists.append(item.what.series)
        reads = dear(terms)
        walked = [one for one in lists if isinstance(one, PlaceSeries)]
        others = [s for one in lists if one not in walked for s in self.series(one)]
        facts = [f"walks {path(one.place)} of what is left" for one in walked]
        facts += [f"reads {', '.join(reads)}"] if reads else []
        costs = [term.cost for term in terms] + [series.cost for series in lists]
        text = text or ", ".join(self.words.term(term) for term in terms)
        within = (*self.inside(terms), *others)
        return PlanStep(step, text, cost(max(costs, default=Cost.MEMBER)), tuple(facts), within)

    def inside(self, terms: Iterable[Term]) -> tuple[PlanStep, ...]:
        """Return the steps of the series that terms take the whole of, or pick from."""
        found: list[PlanStep] = []
        for term in terms:
            for one in walk(term):
                series = one.sequence_of()
                if series is not None:
                    found.append(self._whole(one, series))
                found += self._picked(one.places())
        return tuple(found)

    def _whole(self, term: Term, series: Series) -> PlanStep:
        """Return the step of an aggregate: its series, and what is asked of each element."""
        operator = getattr(term, "operator", _OPERATORS.get(type(term), ""))
        body = term.body_of()
        within = self.series(series)
        if body is not None and body[1] is not None:
            facts = self._links(conjuncts(body[1]), body[0], named(body[1]))
            word = "make" if isinstance(term, Reduction) else "ask"
            within.append(self._step(word, [body[1]], facts))
        return PlanStep(operator, within=tuple(within))

    def _picked(self, places: Iterable[Place]) -> tuple[PlanStep, ...]:
        found: list[PlanStep] = []
        for place in places:
            for one in way_to(place):
                if isinstance(one, Pick):
                    found.append(PlanStep(one.operator, within=tuple(self.series(one.sequence))))
                elif isinstance(one, RawStep) and one.argument is not None:
                    found += self.inside([one.argument])
        return tuple(found)


def _every(items: tuple[SelectItem, ...]) -> Iterator[SelectItem]:
    for item in items:
        yield item
        if isinstance(item.what, ListItem):
            yield from _every(item.what.items)


_OPERATORS: dict[type[Term], str] = {Reduction: "Aggregate", Membership: "in"}
_NAMES: dict[type[Stage], str] = {
    FlattenStage: "Flatten",
    ReverseStage: "Reverse",
    DistinctStage: "Distinct",
}
