"""Dimensions: a name, a path, or a definition (bands, cases) becomes a column of the result."""

import itertools
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sqlglot import exp

from querygen.catalog import Column, SourceTable
from querygen.conditions import Condition, DefinedDimension, Dimension, Filter
from querygen.errors import Diagnostic, Loc, QuerygenError
from querygen.filters import FilterCompiler, Report
from querygen.parameters import slot_of
from querygen.plan import PREFIXES, stage_names
from querygen.sqltext import NAME, Node, column, literal, own_function, text

# Names that queries use: of stages, and of the columns that stages make.
RESERVED = stage_names() | frozenset({
    "above", "adjusted_events", "adjusted_exposure", "adjusted_lower", "adjusted_n_clients", "adjusted_rate",
    "adjusted_upper", "all_amount", "all_votes", "alone_at", "amount", "arm", "asked", "at_least", "below",
    "bucket", "cell",
    "chance_before", "change", "client_id", "client_place", "control", "control_reached", "control_value",
    "count", "cumulative_share", "day", "detectable", "deviation", "difference", "distance",
    "distance_rank", "draw_factor", "draw_shift", "draw_start", "drawn_amount", "drawn_reached",
    "drawn_share", "drawn_votes", "enrolled_in", "enrolment", "entries", "entry", "events",
    "expected_lower", "expected_upper", "exposure", "first_second", "five_minutes", "freedom", "hashed",
    "histogram", "histogram_text", "hours_since_release", "is_adjusted", "is_first", "is_frame", "is_gap",
    "is_kept", "kept_events", "kept_exposure", "key", "keyed", "label", "last_second", "last_seen",
    "log_error", "log_rate", "low_data", "lower", "lower_events", "margin", "mean", "mean_before",
    "mean_deviation", "most_cells",
    "n_above_zero", "n_all_clients", "n_before", "n_cells", "n_clients", "n_control", "n_drawn",
    "n_dropped", "n_pings", "n_recorded", "n_samples", "n_tests", "n_treated", "n_undecodable", "n_units",
    "newest_started", "next_started", "number", "observed", "observed_distance", "over", "own_second",
    "own_variance", "p_bh", "p_holm", "p_rank", "p_value", "pair", "percentile", "permutation", "ping_id",
    "place_rank", "pooled_reached", "position", "previous_rate", "process", "products", "rate", "ratio",
    "reached", "recorded", "recorded_sum", "recording", "release_date", "rest", "rest_amount", "rest_reached",
    "rest_share", "second", "seconds", "share", "share_lower", "share_of_clients", "share_of_exposure",
    "share_upper", "slot",
    "smoothed", "split", "squares", "started", "state", "statistic",
    "submission_timestamp", "sum", "total", "total_fourths", "total_squares", "treated",
    "treated_amount", "treated_reached", "treated_votes", "treatment", "under", "upper", "upper_events",
    "value", "variance_before", "version_rank", "vote", "votes", "wanted", "weight",
})  # fmt: skip


_NUMBER = re.compile(r"_[0-9]+$")  # some columns come in several, one for each statistic


def _is_reserved(name: str) -> bool:
    """Whether queries use the name: of a stage also behind prefixes, of a column also with a number."""
    bare = name
    while prefix := next((prefix for prefix in PREFIXES if bare.startswith(prefix)), None):
        bare = bare.removeprefix(prefix)
    return _NUMBER.sub("", name) in RESERVED or bare in stage_names()


# Dimensions that come from a histogram's place, not from the ping: the stage that makes each.
MADE_BY: dict[str, Literal["recordings", "keys"]] = {
    "histogram": "recordings",
    "process": "recordings",
    "key": "keys",
}


@dataclass(frozen=True)
class ResolvedDimension:
    """A dimension of the result.

    Attributes:
        name: the column's name in the result.
        source: the expression over the table's columns; None for those of `MADE_BY`.
        labels: for bands and cases, the values in their written order, which is also the rows' order.
    """

    name: str
    source: Column | None
    labels: tuple[str, ...] = ()

    @property
    def made_by(self) -> str:
        """The stage at which the column first stands."""
        return "pings" if self.source is not None else MADE_BY[self.name]

    @property
    def type(self) -> str:
        """BigQuery's name of the column's type."""
        return self.source.type if self.source is not None else "STRING"

    @property
    def version_rank(self) -> Node | None:
        """What orders versions as versions, over the column; None where the dimension is no version."""
        if self.source is None:
            return None
        if self.source.is_version:
            return own_function("querygen.version_key", column(self.name))
        made = self.source.expression
        is_major = isinstance(made, exp.Dot) and made.expression.name == "major_version"
        return column(self.name) if is_major else None

    def order(self, *, with_all: bool) -> Node:
        """What rows are ordered by: the value, or the place of its label; `*` comes first of a cube's."""
        if not self.labels:
            return column(self.name)
        labels = ("*", *self.labels) if with_all else self.labels
        places = [
            exp.If(this=text(label), true=exp.Literal.number(place)) for place, label in enumerate(labels, 1)
        ]
        return exp.Case(this=column(self.name), ifs=places)


class DimensionResolver:
    """Looks up columns and builds defined dimensions; findings go to `report`."""

    def __init__(self, table: SourceTable, filters: FilterCompiler, report: Report) -> None:
        self._table = table
        self._filters = filters
        self._report = report
        self._defined: dict[str, Column] = {}

    def column(self, reference: str, loc: Loc, also: Sequence[str] = ()) -> Column | None:
        """The column that a name or path means; None after a finding. `also` are names for the help."""
        defined = self._defined.get(reference.lower())
        if defined:
            return defined
        try:
            found = self._table.column(reference)
        except QuerygenError as error:
            finding = replace(error.diagnostics[0], loc=loc, at_key=loc[-1] == reference)
            self._report(finding)
            return None
        if found is None:
            message = f"{self._table.table} has no column or dimension `{reference}`"
            self._report(
                Diagnostic(
                    "unknown-column",
                    message,
                    loc=loc,
                    help=self._table.nearest(reference, also),
                    at_key=loc[-1] == reference,
                )
            )
        return found

    def define(self, name: str, made: Column) -> None:
        """Adds a dimension that the spec can name, beside those of the table."""
        self._defined[name] = made

    def dimensions(self, wanted: Sequence[Dimension]) -> tuple[ResolvedDimension, ...]:
        """All dimensions of a spec, in order. Later ones may be made of earlier ones."""
        resolved: list[ResolvedDimension] = []
        for i, dimension in enumerate(wanted):
            loc: Loc = ("dimensions", i)
            found = (
                self._defined_one(dimension, loc)
                if isinstance(dimension, DefinedDimension)
                else self._named(dimension, loc)
            )
            if found is None:
                continue
            at = (*loc, "name") if isinstance(dimension, DefinedDimension) else loc
            if found.source is not None:
                self._check_name(found.name, at, dimension if isinstance(dimension, str) else dimension.of)
            if found.name.lower() in (other.name.lower() for other in resolved):
                self._report(
                    Diagnostic(
                        "duplicate-dimension",
                        f"two dimensions are called `{found.name}`",
                        loc=at,
                        help="leave one out, or give it another name: {name: …, of: …}",
                    )
                )
            resolved.append(found)
        return tuple(resolved)

    def _check_name(self, name: str, loc: Loc, of: str | None) -> None:
        if _is_reserved(name.lower()):
            reason = "the query uses it"
        elif "__" in name:
            reason = "Redash reads `__` in a column's name as a filter"
        else:
            return
        message = f"`{name}` cannot be a dimension's name: {reason}"
        help_ = f"give it another name: {{name: …, of: {of or '…'}}}"
        self._report(Diagnostic("reserved-name", message, loc=loc, help=help_))

    def _named(self, reference: str, loc: Loc) -> ResolvedDimension | None:
        if reference.lower() in MADE_BY:
            return ResolvedDimension(reference.lower(), None)
        found = self.column(reference, loc)
        if found is None:
            return None
        last = reference.rsplit(".", 1)[-1].lower()
        return ResolvedDimension(last, found) if NAME.fullmatch(last) else None

    def _defined_one(self, definition: DefinedDimension, loc: Loc) -> ResolvedDimension | None:
        if definition.of is not None:
            source = self.column(definition.of, (*loc, "of"))
            if source is None:
                return None
            if definition.bands is not None:
                resolved = self._bands(definition, source, loc)
            elif isinstance(definition.cases, dict):
                tests = {
                    label: self._filters.predicates(source, test, (*loc, "cases", label))
                    for label, test in definition.cases.items()
                }
                resolved = _cases(definition, list(tests.items()), source.needs)
            else:
                resolved = ResolvedDimension(definition.name, source)
        else:
            resolved = self._cases_with_conditions(definition, loc)
        if resolved and resolved.source:
            self._defined[definition.name.lower()] = resolved.source
        return resolved

    def _cases_with_conditions(self, definition: DefinedDimension, loc: Loc) -> ResolvedDimension:
        needs: list[str] = []
        branches: list[tuple[str, list[Node]]] = []
        cases = definition.cases if isinstance(definition.cases, tuple) else ()
        for i, case in enumerate(cases):
            tests: list[Node] = []
            for reference, condition in case.when.items():
                at = (*loc, "cases", i, "when", reference)
                source = self.column(reference, at)
                if source:
                    needs += source.needs
                    tests += self._filters.predicates(source, condition, at)
            branches.append((case.value, tests))
        return _cases(definition, branches, tuple(needs))

    def _bands(self, definition: DefinedDimension, source: Column, loc: Loc) -> ResolvedDimension | None:
        edges = definition.bands or ()
        if source.type not in ("INT64", "FLOAT64", "NUMERIC"):
            self._report(
                Diagnostic(
                    "wrong-type",
                    f"`bands` needs a column of numbers, `{definition.of}` is a {source.type}",
                    loc=(*loc, "bands"),
                    help="use `cases: {label: filter}` instead",
                )
            )
            return None
        if source.type == "INT64" and any(isinstance(edge, float) for edge in edges):
            self._report(
                Diagnostic(
                    "wrong-type",
                    f"`{definition.of}` holds whole numbers, so the edges of its bands must be whole",
                    loc=(*loc, "bands"),
                    help=f"write {[math.ceil(edge) for edge in edges]}",
                )
            )
            return None
        if source.type == "INT64" and any(abs(edge) >= 2**63 for edge in edges):
            message = f"`{definition.of}` is an INT64, an edge of its bands is outside the range of these"
            help_ = f"the largest is {2**63 - 1}"
            self._report(Diagnostic("wrong-type", message, loc=(*loc, "bands"), help=help_))
            return None
        labels = [f"under {edges[0]}"]
        labels += [f"{low} to {high}" for low, high in itertools.pairwise(edges)]
        labels.append(f"{edges[-1]} and over")
        below = [exp.LT(this=source.node, expression=literal(edge, source.type)) for edge in edges]
        above = exp.GTE(this=source.node, expression=literal(edges[-1], source.type))
        ifs = [
            exp.If(this=test, true=text(label)) for test, label in zip([*below, above], labels, strict=True)
        ]
        made = Column(exp.Case(ifs=ifs), "STRING", source.needs)
        return ResolvedDimension(definition.name, made, tuple(labels))


def _cases(
    definition: DefinedDimension, branches: list[tuple[str, list[Node]]], needs: tuple[str, ...]
) -> ResolvedDimension:
    ifs = [exp.If(this=exp.and_(*tests), true=text(label)) for label, tests in branches if tests]
    default = text(definition.else_) if definition.else_ is not None else None
    labels = [label for label, _ in branches] + ([definition.else_] if definition.else_ is not None else [])
    made = Column(exp.Case(ifs=ifs, default=default), "STRING", tuple(dict.fromkeys(needs)))
    return ResolvedDimension(definition.name, made, tuple(dict.fromkeys(labels)))


ColumnLookup = Callable[[str, Loc], Column | None]


def compile_filters(
    filters: dict[str, Filter], lookup: ColumnLookup, compiler: FilterCompiler, at: Loc = ("filters",)
) -> list[tuple[str, Column, list[Node]]]:
    """Each filter of a spec, which stand `at` that place, with its column and predicates, in order."""
    found = []
    for reference, condition in filters.items():
        loc: Loc = (*at, reference)
        source = lookup(reference, loc)
        if source is not None:
            found.append((reference, source, compiler.predicates(source, condition, loc)))
    return found


def operators(condition: Filter) -> str:
    """A filter in words, for comments."""
    if not isinstance(condition, Condition):
        return "is " + _words(condition)
    phrases = {
        "from_": "from", "to": "to", "gte": "at least", "gt": "above", "lte": "at most", "lt": "below",
        "not_": "is not", "contains": "contains", "last": "in the last",
    }  # fmt: skip
    given = [
        f"{phrase} {_words(getattr(condition, key))}"
        for key, phrase in phrases.items()
        if key in condition.model_fields_set
    ]
    if condition.is_null is not None:
        given.append("is missing" if condition.is_null else "is given")
    return " ".join(given)


def _words(value: object) -> str:
    slot = slot_of(value[0] if isinstance(value, tuple) else value)
    if slot is not None:
        return f"the parameter {slot.name}"
    return " or ".join(map(str, value)) if isinstance(value, tuple) else str(value)
