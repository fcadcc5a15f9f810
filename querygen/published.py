"""The dates of releases that a table tells: a row per version, the earliest where there are several.

published ┬ joined → dated → …   (see `aligned`)
"""

from dataclasses import dataclass, replace

from sqlglot import exp

from querygen.catalog import Catalog, Column, Table, misspelt
from querygen.dimensions import ResolvedDimension, compile_filters, operators
from querygen.errors import Diagnostic, Loc, QuerygenError, similar_name_help
from querygen.filters import FilterCompiler, Report
from querygen.plan import Comment, Read, Stage
from querygen.sides import table_name
from querygen.spec_values import DeclaredSource, ReleaseTable
from querygen.sqltext import Node, column, is_given, name, own_function, table

RELEASE_DATE = "release_date"
"""The column of the date that the table has of a version; NULL where it has none."""

_AT: Loc = ("align", "dates")
_DAYS = ("DATE", "DATETIME", "TIMESTAMP")


@dataclass(frozen=True, kw_only=True)
class Published(Stage):
    """One row per version that the table has a date of.

    Attributes:
        table: that is scanned.
        version: what tells versions apart, over the table's columns, under the dimension's name.
        date: the earliest of each.
        predicates: which rows count.
    """

    name = "published"
    table: Node
    version: Node
    date: Node
    predicates: tuple[Node, ...]


@dataclass(frozen=True)
class ReleaseDates:
    """Where the dates of releases stand.

    Attributes:
        stage: gives them by version.
        type: BigQuery's name of their type.
        read: the table, and the columns that are read.
        note: what the header says.
    """

    stage: Published
    type: str
    read: Read
    note: str

    @property
    def moment(self) -> Node:
        """When a version was released, over `release_date`: a day begins in UTC."""
        date = column(RELEASE_DATE)
        return date if self.type == "TIMESTAMP" else own_function("querygen.moment_of", date)


def release_dates(
    dates: ReleaseTable,
    version: ResolvedDimension,
    catalog: Catalog,
    compiler: FilterCompiler,
) -> ReleaseDates | None:
    """The dates that a spec's `align` takes from a table; None after a finding.

    Args:
        dates: which table, and which of its columns.
        version: the dimension that tells versions apart.
        catalog: the tables.
        compiler: of filters; it reports what is wrong.
    """
    found = _table(dates.table, catalog, compiler.report)
    if found is None:
        return None
    versions = _column(found, dates.version, "version", compiler.report)
    day = _column(found, dates.date, "date", compiler.report)
    tests = compile_filters(
        dates.filters,
        lambda reference, loc: _found(found, reference, loc, compiler.report),
        compiler,
        (*_AT, "filters"),
    )
    if versions is None or day is None:
        return None
    told = _as(version, versions)
    if told is None:
        message = f"`{dates.version}` is of the type {versions.type}, and `{version.name}` is {version.type}"
        help_ = f"name a column of the type {version.type}"
        compiler.report(Diagnostic("wrong-type", message, loc=(*_AT, "version"), help=help_))
    if day.type not in _DAYS:
        message = f"`{dates.date}` is of the type {day.type}, and a release has a date"
        help_ = f"name a column of the type {', '.join(_DAYS[:-1])} or {_DAYS[-1]}"
        compiler.report(Diagnostic("wrong-type", message, loc=(*_AT, "date"), help=help_))
    if told is None or day.type not in _DAYS:
        return None
    tests_in_words = " and ".join(f"{key} {operators(test)}" for key, test in dates.filters.items())
    where = f" where {tests_in_words}" if tests_in_words else ""
    words = f"When each {version.name} was released, as {found.table} tells"
    needs = [*versions.needs, *day.needs, *(need for _, made, _ in tests for need in made.needs)]
    return ReleaseDates(
        Published(
            sentence=Comment(f"{words}; the earliest date, if it has several."),
            table=table(found.table),
            version=exp.Alias(this=told, alias=name(version.name)),
            date=exp.Min(this=day.node),
            predicates=(is_given(versions.node), *(one for _, _, made in tests for one in made)),
        ),
        day.type,
        Read(found.table, found.known_as, tuple(dict.fromkeys(needs))),
        f"release_date is the earliest {dates.date} of each {dates.version} in {found.table}{where}; what it "
        "doesn't have was released when its first ping came",
    )


def _table(asked: str | DeclaredSource, catalog: Catalog, report: Report) -> Table | None:
    """The table that is meant."""
    known = asked.like if isinstance(asked, DeclaredSource) else asked
    found = catalog.table(known, table_name(asked))
    if found is None:
        loc: Loc = (*_AT, "table", "like") if isinstance(asked, DeclaredSource) else (*_AT, "table")
        help_ = similar_name_help(known, misspelt(known, catalog.others), "a table")
        help_ = help_ or f"give its schema, as `bq show --schema {known}` prints it: --schema {known}=FILE"
        message = f"the columns of the table `{known}` are not known"
        report(Diagnostic("unknown-source", message, loc=loc, help=help_))
    return found


def _column(found: Table, reference: str, key: str, report: Report) -> Column | None:
    """The column that the spec names under a key of `dates`."""
    return _found(found, reference, (*_AT, key), report)


def _found(found: Table, reference: str, loc: Loc, report: Report) -> Column | None:
    at_key = loc[-1] == reference
    try:
        made = found.column(reference)
    except QuerygenError as error:
        report(replace(error.diagnostics[0], loc=loc, at_key=at_key))
        return None
    if made is None:
        message = f"{found.table} has no column `{reference}`"
        help_ = found.nearest(reference)
        report(Diagnostic("unknown-column", message, loc=loc, help=help_, at_key=at_key))
    return made


def _as(version: ResolvedDimension, told: Column) -> Node | None:
    """A column of versions as the dimension has them; None if it cannot be one."""
    if told.type == version.type:
        return told.node
    if told.type == "STRING" and version.type == "INT64":
        return own_function("querygen.major_version", told.node)
    return None
