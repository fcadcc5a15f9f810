"""Lints: warnings about a query that is valid, but may not say what its reader believes.

Each is a function from what is known about a query (its spec, plan, text and definitions) to findings, and is
explained by `querygen explain CODE`. A spec silences them by their codes: `silence: [unscaled-sample]`.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from querygen.amounts import Amount
from querygen.catalog import Catalog, Column, SourceTable
from querygen.check import CheckedSql
from querygen.conditions import Condition, DefinedDimension, Filter
from querygen.dimensions import DimensionResolver
from querygen.errors import Diagnostic, Loc
from querygen.facts import definition_of, mirror_in
from querygen.filters import SAMPLE_IDS, FilterCompiler, sample_ids
from querygen.permutations import Tested as TestedBranches
from querygen.releases import releases
from querygen.row_lints import ROW_LINTS, too_few
from querygen.sampling import held_by
from querygen.sides import amounts_of
from querygen.source import Source
from querygen.spec import Spec

if TYPE_CHECKING:
    from querygen.probes import Definitions, ProbeDefinition
    from querygen.result import Result

# Since this day Mozilla's own dashboard, GLAM, has no legacy telemetry any more (bigquery-etl#8762).
END_OF_LEGACY = dt.date(2026, 1, 26)

_BOUNDS = ("from_", "to", "gte", "gt", "lte", "lt")
_UPPER = ("to", "lte", "lt")
# The types that Redash tells apart; any other arrives as text.
_REDASH_TYPES = {"STRING", "INT64", "FLOAT64", "BOOL", "TIMESTAMP", "DATETIME", "DATE"}


@dataclass(frozen=True)
class Tested:
    """A condition of the spec on one column, in a filter or in a dimension's cases."""

    loc: Loc
    reference: str
    column: Column
    condition: Filter

    def values(self, *operators: str) -> Iterator[tuple[str, Any, Loc]]:
        """Each operator, value and its place; `is` is the operator of a bare value. All, or those named."""
        given: Mapping[str, Any] = {"is": self.condition}
        if isinstance(self.condition, Condition):
            condition = self.condition
            given = {key: getattr(condition, key) for key in (*_BOUNDS, "not_")}
        for operator, value in given.items():
            if value is None or (operators and operator not in operators):
                continue
            loc = self.loc if operator == "is" else (*self.loc, operator.rstrip("_"))
            if isinstance(value, tuple):
                yield from ((operator, item, (*loc, i)) for i, item in enumerate(value))
            else:
                yield operator, value, loc

    @property
    def path(self) -> str:
        """The column's path; empty for an expression over several, or for one that isn't text."""
        is_path = self.column.type == "STRING" and len(self.column.needs) == 1
        return self.column.needs[0] if is_path and not self.column.expression.find(exp.Case) else ""


@dataclass(frozen=True)
class Linted:
    """What lints look at: the spec as it was written and understood, and what became of it.

    Attributes:
        table: the table that the spec asks.
        amounts: events and exposure by their keys in the spec, each with the table that it is counted in.
        today: the day that `last` ends on, `current`, or None.
    """

    source: Source
    spec: Spec
    table: SourceTable
    amounts: Mapping[str, tuple[Amount, SourceTable]]
    definitions: "Definitions | None"
    sql: CheckedSql
    today: dt.date | str | None

    @cached_property
    def filters(self) -> list[Tested]:
        """The filters that every ping must pass."""
        return [test for test in self.tests if test.loc[0] == "filters"]

    @cached_property
    def tests(self) -> list[Tested]:
        """Every condition of the spec."""
        columns = DimensionResolver(self.table, FilterCompiler(self.today, _ignore), _ignore)
        columns.dimensions(self.spec.dimensions)
        conditions: list[tuple[Loc, str, Filter]] = [
            (("filters", name), name, condition) for name, condition in self.spec.filters.items()
        ]
        for i, dimension in enumerate(self.spec.dimensions):
            at: Loc = ("dimensions", i, "cases")
            if not isinstance(dimension, DefinedDimension):
                continue
            if isinstance(dimension.cases, dict):
                for label, condition in dimension.cases.items():
                    conditions.append(((*at, label), dimension.of or "", condition))
            for j, case in enumerate(dimension.cases if isinstance(dimension.cases, tuple) else ()):
                for name, condition in case.when.items():
                    conditions.append(((*at, j, "when", name), name, condition))
        found = [(loc, name, columns.column(name, loc), condition) for loc, name, condition in conditions]
        for key, (amount, table) in self.amounts.items():
            own = DimensionResolver(table, FilterCompiler(self.today, _ignore), _ignore)
            for name, condition in amount.filters.items():
                loc: Loc = (key, "filters", name)
                found.append((loc, name, own.column(name, loc), condition))
        return [Tested(loc, name, column, condition) for loc, name, column, condition in found if column]

    @cached_property
    def dated(self) -> list[Tested]:
        """The filters by the day, or time, that tables are partitioned by."""
        return [test for test in self.filters if test.column.needs == (self.table.timestamp,)]

    @cached_property
    def last_day(self) -> dt.date:
        """The last day whose pings the filters let in; the calendar's last if they let in every later day.

        Without such a filter it is the first of all days, since then the question is not about the present.
        """
        ends = [dt.date.max if self.dated else dt.date.min]
        for test in self.dated:
            if isinstance(test.condition, Condition) and test.condition.last:
                ends += [self.today] if isinstance(self.today, dt.date) else []
            ends += [_day(value, inclusive=operator != "lt") for operator, value, _ in test.values(*_UPPER)]
            named = [_day(value) for _, value, _ in test.values("is")]
            ends += [max(named)] if named else []
        return min(ends)

    @property
    def probes(self) -> "list[tuple[str, Loc, ProbeDefinition | None]]":
        """Each probe that is asked for: its name, where the spec has it, and its definition in this table."""
        wanted: Any = self.spec.scalar if self.spec.scalar is not None else self.spec.histogram
        loc: Loc = ("scalar",) if self.spec.scalar is not None else ("histogram",)
        if isinstance(wanted, dict):
            table = self.table.known_as if self.table.known_as in wanted else self.table.table
            wanted, loc = wanted[table], (*loc, table)
        names = wanted if isinstance(wanted, tuple) else () if wanted is None else (wanted,)
        numbers = self.spec.scalar is not None
        found = [
            (one, (*loc, i) if isinstance(wanted, tuple) else loc, self._definition(one, self.table, numbers))
            for i, one in enumerate(names)
        ]
        for key, (amount, table_of) in self.amounts.items():
            is_scalar = amount.scalar is not None
            name = amount.scalar if is_scalar else amount.histogram
            if name is not None:
                at: Loc = (key, "scalar" if is_scalar else "histogram")
                found.append((name, at, self._definition(name, table_of, is_scalar)))
        return found

    def _definition(self, name: str, table: SourceTable, numbers: bool) -> "ProbeDefinition | None":
        if self.definitions is None:
            return None
        own = definition_of(self.definitions, table, name, numbers=numbers)
        if own or numbers:
            return own
        pair = mirror_in(self.definitions, table, name)
        if pair is None:
            return None
        return pair.glean if table.dotted_names else pair.legacy


def lint(
    source: Source, spec: Spec, catalog: Catalog, sql: CheckedSql, today: dt.date | None
) -> tuple[Diagnostic, ...]:
    """The warnings about a query, but for those that its spec silences.

    Args:
        source: the spec as it was written.
        spec: the same as it was understood.
        catalog: the tables, and the definitions of probes where they are given.
        sql: the text that was made of it.
        today: overrides the spec's `today`.
    """
    table = catalog.like(sql.sql.plan.table, sql.sql.plan.like)
    if table is None:
        return ()
    amounts: dict[str, tuple[Amount, SourceTable]] = {}
    for read in sql.sql.plan.reads:
        found = catalog.like(read.table, read.like)
        amounts |= {key: (one, found) for key, one in amounts_of(spec, read.table).items() if found}
    linted = Linted(source, spec, table, amounts, catalog.definitions, sql, today or spec.today)
    return _told((finding for each in LINTS for finding in each(linted)), spec)


def lint_result(result: "Result", spec: Spec) -> tuple[Diagnostic, ...]:
    """The warnings about the rows that a query gave, but for those that its spec silences."""
    return _told((finding for each in ROW_LINTS for finding in each(result, spec)), spec)


def _told(findings: Iterable[Diagnostic], spec: Spec) -> tuple[Diagnostic, ...]:
    return tuple(
        replace(
            finding, severity="warning", help=f"{finding.help}; or accept it: `silence: [{finding.code}]`"
        )
        for finding in findings
        if finding.code not in spec.silence
    )


def build_id_as_text(linted: Linted) -> Iterator[Diagnostic]:
    """Values that begin no build id, and build ids in columns where a short value is no prefix."""
    for test in linted.tests:
        for operator, value, loc in test.values():
            shown = str(value)
            if test.column.whole_length and not _begins_a_build_id(shown):
                yield Diagnostic(
                    "build-id-as-text",
                    f"`{shown}` is compared as text, and no build id begins with it",
                    loc=loc,
                    help='a build id is a time such as "20200420095234"; write its digits, or fewer of them',
                )
            elif not test.column.whole_length and re.search(r"build_?id$", test.path) and len(shown) < 14:
                after = operator in _UPPER
                yield Diagnostic(
                    "build-id-as-text",
                    f"`{test.reference}` is compared as text, in which the builds of `{shown}` come after it"
                    if after
                    else f"`{test.reference}` is compared as text, and `{shown}` is no whole build id",
                    loc=loc,
                    help="use `build_id`, of which fewer digits are a prefix, or `build_date`",
                )


def _begins_a_build_id(text: str) -> bool:
    """Whether a time of 14 digits, of this century, can begin with these."""
    whole = text + "20000101000000"[len(text) :]
    if not re.fullmatch(r"20[0-9]{12}", whole, re.ASCII):
        return False
    month, day, hour, minute, second = (int(whole[at : at + 2]) for at in range(4, 14, 2))
    return 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 60


def version_as_text(linted: Linted) -> Iterator[Diagnostic]:
    """Ranges of versions that are no application's, and so are text, in which 10.0 is below 6.1."""
    for test in linted.tests:
        bounds = list(test.values(*_BOUNDS))
        if not bounds or test.column.is_version or not test.path.endswith("version"):
            continue
        digits = {len(re.match("[0-9]*", str(value))[0]) for _, value, _ in bounds}  # type: ignore[index]
        if len(bounds) == 2 and len(digits) == 1 and digits != {0}:
            continue  # between 6.1 and 6.3 text is in the order of versions
        yield Diagnostic(
            "version-as-text",
            f"`{test.reference}` is compared as text, in which 10.0 comes before 6.1",
            loc=bounds[0][2],
            help="list the versions, or give both ends with equally many digits before the dot",
        )


def unscaled_sample(linted: Linted) -> Iterator[Diagnostic]:
    """Counts of a sample, which readers take for those of all clients."""
    if linted.spec.measure == "pings" or linted.spec.scale:
        return
    for test in linted.filters:
        is_sample_id = test.column.expression == linted.table.node("sample_id")
        count = len(sample_ids(test.condition)) if is_sample_id else 0
        if 0 < count < len(SAMPLE_IDS):
            yield Diagnostic(
                "unscaled-sample",
                f"counts are those of the {count}% of clients that `sample_id` lets in",
                loc=test.loc,
                help="add `scale: true` to scale them to all clients",
            )
            return
    tables: dict[str, Loc] = {linted.table.table: ("source",)}
    for key, (amount, table) in linted.amounts.items():
        if amount.table is not None:
            tables.setdefault(table.table, (key, "table"))
    for table_name, loc in tables.items():
        share = held_by(table_name)
        if share:
            yield Diagnostic(
                "unscaled-sample",
                f"counts are those of the {share} of clients that `{table_name}` holds",
                loc=loc,
                help="filter by the `sample_id` that it holds, and add `scale: true`",
            )


def probe_ended(linted: Linted) -> Iterator[Diagnostic]:
    """Probes that Firefox has stopped to record before the last day that is asked for."""
    for name, loc, probe in linted.probes:
        end = _expiry(probe)
        if probe and end and end <= linted.last_day:
            yield Diagnostic(
                "probe-ended",
                f"`{name}` expired in Firefox {probe.expires}: releases since {end} don't record it",
                loc=loc,
                help=_successor(linted, probe) or f"end the range of dates before {end}",
            )


def legacy_probe(linted: Linted) -> Iterator[Diagnostic]:
    """Probes of legacy telemetry, asked for on days when Glean has taken its place."""
    if linted.table.dotted_names or linted.last_day < END_OF_LEGACY:
        return
    for name, loc, probe in linted.probes:
        successor = _successor(linted, probe) if probe else None
        ended = _expiry(probe)
        if linted.definitions and (successor is None or (ended and ended <= linted.last_day)):
            continue  # nothing better is known, or `probe-ended` has told it
        yield Diagnostic(
            "legacy-probe",
            f"`{name}` is legacy telemetry, which Mozilla stopped aggregating on {END_OF_LEGACY}",
            loc=loc,
            help=successor or "add `--probes PATH` to be told the Glean metric that records the same",
        )


def _expiry(probe: "ProbeDefinition | None") -> dt.date | None:
    """The day of the release that stopped to record a probe; None if there is none yet."""
    if probe is None or not probe.expires.isdecimal():
        return None
    days = releases()
    return days.get(max(int(probe.expires), min(days)))


def _successor(linted: Linted, probe: "ProbeDefinition") -> str | None:
    """The help that names the Glean metric which records the same as a legacy probe, and still does."""
    if linted.definitions is None or probe.generation != "legacy":
        return None
    for pair in linted.definitions.mirrors_of(probe):
        ended = _expiry(pair.glean)
        if not ended or ended > linted.last_day:
            name = pair.glean.name
            return f"ask for `{name}`, which records the same, with `--source firefox_desktop.metrics`"
    return None


def full_scan(linted: Linted) -> Iterator[Diagnostic]:
    """No bound on the partition column, without which Mozilla's tables refuse a query."""
    for test in linted.dated:
        last = isinstance(test.condition, Condition) and test.condition.last
        if last or any(test.values("is", *_BOUNDS)):
            return
    yield Diagnostic(
        "full-scan",
        f"no bound on the date: {linted.table.table} refuses such a query, or bills every day that it holds",
        loc=("allow_full_scan",),
        help="add `submission_date: {from: …, to: …}` to `filters`",
    )


def redash_braces(linted: Linted) -> Iterator[Diagnostic]:
    """Text that Redash takes for a parameter, wherever it stands in a query."""
    for text in _texts(linted.sql):
        if "{{" in text or "}}" in text:
            loc, at_key = _place(linted, text)
            yield Diagnostic(
                "redash-braces",
                "Redash takes `{{…}}` for a parameter of the query, in quoted text, too",
                loc=loc,
                at_key=at_key,
                help="leave out the double braces if the query goes to STMO",
            )


def redash_split(linted: Linted) -> Iterator[Diagnostic]:
    """Text after which Redash, which knows no dialect, takes quoted and unquoted for each other."""
    for text in _texts(linted.sql):
        if text.endswith("\\"):
            loc, at_key = _place(linted, text)
            yield Diagnostic(
                "redash-split",
                "Redash doesn't see that a text ends whose last character is a backslash",
                loc=loc,
                at_key=at_key,
                help="leave out the backslash if the query goes to STMO",
            )


def redash_type(linted: Linted) -> Iterator[Diagnostic]:
    """Columns of the result that Redash shows as something else."""
    for column in linted.sql.sql.plan.columns:
        found = _column_place(linted.spec, column.name)
        if column.type not in _REDASH_TYPES:
            yield Diagnostic(
                "redash-type",
                f"`{column.name}` is a {column.type}, which Redash shows as text",
                loc=found,
                help="use `bands` or `cases` of it",
            )
        elif column.type == "TIMESTAMP" and found[0] == "dimensions":
            yield Diagnostic(
                "redash-type",
                f"`{column.name}` is a TIMESTAMP, which Redash shows in the time zone of its own machine",
                loc=found,
                help="use `submission_date`, `build_date` or `build_time`",
            )


def _column_place(spec: Spec, name: str) -> Loc:
    """Where the spec asks for a column of the result."""
    for i, dimension in enumerate(spec.dimensions):
        written = dimension.name if isinstance(dimension, DefinedDimension) else dimension
        if written.rsplit(".", 1)[-1].lower() == name.lower():
            return ("dimensions", i)
    for i, field in enumerate(spec.fields or ()):
        if field.rsplit(".", 1)[-1].lower() == name:
            return ("fields", i)
    return ("measure",)


def _texts(sql: CheckedSql) -> list[str]:
    """The quoted texts of the query, each once."""
    found = (str(node.this) for node in sql.query.find_all(exp.Literal) if node.is_string)
    return list(dict.fromkeys(found))


def _place(linted: Linted, text: str) -> tuple[Loc, bool]:
    """Where the spec has a text, and whether as a key; the probe's place for what its definition says."""

    def search(data: Any, at: Loc) -> Iterator[tuple[Loc, bool]]:
        if data == text:
            yield at, False
        elif isinstance(data, Mapping):
            for key, value in data.items():
                if key == text:
                    yield (*at, key), True
                yield from search(value, (*at, key))
        elif isinstance(data, list | tuple):
            for i, item in enumerate(data):
                yield from search(item, (*at, i))

    shown = {key: value for key, value in linted.source.data.items() if key not in ("title", "description")}
    probe = "scalar" if linted.spec.scalar is not None else "histogram"
    return next(search(shown, ()), ((probe,), False))


def few_permutations(linted: Linted) -> Iterator[Diagnostic]:
    """Permutations so few that no test could pass, whatever the data are."""
    for stage in linted.sql.sql.plan.stages:
        if isinstance(stage, TestedBranches) and stage.is_hopeless(stage.known_tests):
            yield too_few(stage.known_tests)


LINTS: tuple[Callable[[Linted], Iterator[Diagnostic]], ...] = (
    build_id_as_text,
    version_as_text,
    unscaled_sample,
    probe_ended,
    legacy_probe,
    full_scan,
    redash_braces,
    redash_split,
    redash_type,
    few_permutations,
)


def _day(value: Any, *, inclusive: bool = True) -> dt.date:
    """The day of a date or time, as a spec writes it, or the one before."""
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value)
    day: dt.date = value.date() if isinstance(value, dt.datetime) else value
    return day if inclusive or day == dt.date.min else day - dt.timedelta(days=1)


def _ignore(finding: Diagnostic) -> None:
    """A query that is linted has no errors."""
