"""Run: text and data become a `Result`, on an engine.

Data is attached to a DuckDB connection of our own, typed by the schema; DuckDB queries it there, and Google's
evaluator gets the same typed rows from it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from querygen import data
from querygen.catalog import Catalog
from querygen.check import CheckedSql
from querygen.ctes import alone
from querygen.engines import duckdb as on_duckdb
from querygen.errors import EngineError, QuerygenError, UsageError
from querygen.plan import Pings, Plan
from querygen.published import RELEASE_DATE, Published
from querygen.result import Result
from querygen.scan import UNDECODABLE, WITHOUT_ID
from querygen.translate import DuckSql, translate
from querygen.udfs import Udf, load_udf

if TYPE_CHECKING:
    import duckdb

    from querygen.engines.bigquery import Client

Engine = Literal["duckdb", "googlesql"]

Progress = Callable[[str, float | None], None]
"""Is told what is being done, and what share of it (0 to 1) is; None while that is not known."""

SYNTHETIC = "the built-in sample was used: it is synthetic, its numbers say nothing about Firefox"


@dataclass
class Attached:
    """Data on a connection, for any text over it: whole queries, and single CTEs, on either engine.

    Attributes:
        connection: a DuckDB connection that holds the plan's tables.
        plan: what the data was attached for.
        notes: what is to be said about the data.
    """

    connection: "duckdb.DuckDBPyConnection"
    plan: Plan
    notes: tuple[str, ...] = ()

    def run(self, checked: CheckedSql, engine: Engine = "duckdb") -> Result:
        """The rows of the query.

        Raises:
            QuerygenError: with `strict`, a ping cannot be decoded.
            EngineError: the engine fails.
        """
        with _damaged_data():
            if engine == "duckdb":
                table = on_duckdb.run(translate(checked), self.connection)
            else:
                table = self._on_googlesql(checked.sql.text, checked)
        result = Result.of(table, checked.sql.plan, self.notes)
        return replace(result, notes=(*result.notes, *_told_by_rows(result)))

    def cte(self, checked: CheckedSql, name: str, engine: Engine = "duckdb") -> pa.Table:
        """The rows of one CTE alone, in no order, as the engine types them.

        Raises:
            UsageError: the query has no such CTE.
            EngineError: the engine fails.
        """
        if engine == "duckdb":
            return on_duckdb.run(DuckSql(alone(checked, name, "duckdb"), checked.sql.plan), self.connection)
        return self._on_googlesql(alone(checked, name), checked)

    @cached_property
    def rows(self) -> Mapping[str, pa.Table]:
        """The rows of each table, its columns as the schema types them."""
        return {
            read.table: self.connection.sql(f"FROM {data.table_name(read.table)}").to_arrow_table()
            for read in self.plan.reads
        }

    @property
    def n_pings(self) -> int:
        """How many rows the tables have, together."""
        return sum(table.num_rows for table in self.rows.values())

    def _on_googlesql(self, text: str, checked: CheckedSql) -> pa.Table:
        from querygen.engines import googlesql

        return googlesql.run(text, self.rows, mozfun_functions(checked))


@contextmanager
def _damaged_data() -> Iterator[None]:
    """Makes a finding about the data of what `strict` has the engine fail with."""
    try:
        yield
    except EngineError as error:
        # DuckDB's message has lost the blanks around an id, which are all there is of an empty one.
        _, found, ping = error.diagnostics[0].message.partition(UNDECODABLE.strip())
        if not found:
            raise
        raise QuerygenError.of(
            "undecodable",
            f"the ping {ping.strip() or WITHOUT_ID} holds data that cannot be decoded, and the spec is "
            "`strict`",
            help="look at it by `measure: pings` with its `document_id`; without `strict`, such data "
            "contributes nothing",
        ) from None


@contextmanager
def attached(
    plan: Plan,
    catalog: Catalog,
    locations: Sequence[str],
    *,
    repeatable: bool = False,
    progress: Progress | None = None,
) -> Iterator[Attached]:
    """Data on a connection of our own, which is closed at the end.

    Args:
        plan: which tables and columns are needed.
        catalog: the tables' schemas.
        locations: what `--data` takes: `TABLE=PATH`, or folders; none for the built-in sample.
        repeatable: whether floats must be the same to the last digit each time, which takes longer.
        progress: is told, from another thread, how far the data is read, and then how far the query is.

    Raises:
        UsageError: a path does not exist, or there is no data for a table.
        QuerygenError: the data does not fit the schema.
    """
    doing = ["reading the data"]
    with ExitStack() as stack:
        own = on_duckdb.connect(repeatable=repeatable)
        stack.callback(own.close)
        if progress is not None:
            stack.enter_context(on_duckdb.told(own, lambda share: progress(doing[0], share)))
        found = Attached(own, plan, _attach(own, plan, catalog, data.parse_locations(locations)))
        doing[0] = "running the query"
        yield found


def run(
    checked: CheckedSql,
    catalog: Catalog,
    locations: Sequence[str],
    engine: Engine = "duckdb",
    connection: "duckdb.DuckDBPyConnection | None" = None,
    *,
    repeatable: bool = False,
    progress: Progress | None = None,
) -> Result:
    """Runs checked SQL on data.

    Args:
        checked: the SQL.
        catalog: the tables' schemas.
        locations: as for `attached`.
        engine: `duckdb`, or Google's reference evaluator.
        connection: a DuckDB connection that holds the tables, instead of locations.
        repeatable: as for `attached`.
        progress: as for `attached`; on a connection of somebody else nothing is told.

    Raises:
        UsageError: a path does not exist, or there is no data for a table.
        QuerygenError: the data does not fit the schema.
        EngineError: the engine fails.
    """
    plan = checked.sql.plan
    if connection is not None:
        return Attached(connection, plan).run(checked)
    with attached(plan, catalog, locations, repeatable=repeatable, progress=progress) as tables:
        return tables.run(checked, engine)


def on_bigquery(checked: CheckedSql, client: "Client") -> Result:
    """Runs checked SQL on BigQuery.

    Args:
        checked: the SQL.
        client: a client of BigQuery's.

    Raises:
        QuerygenError: with `strict`, a ping cannot be decoded.
        EngineError: BigQuery refuses.
    """
    from querygen.engines import bigquery

    with _damaged_data():
        result = Result.of(bigquery.run(checked.sql.text, client), checked.sql.plan)
    return replace(result, notes=tuple(_told_by_rows(result)))


def files_read(plan: Plan, locations: Sequence[str]) -> tuple[Path, ...]:
    """The files that hold the plan's tables, of what `--data` was given."""
    files = data.parse_locations(locations)
    return tuple(file for read in plan.reads for file in files.get(read.table, ()))


def _told_by_rows(result: Result) -> list[str]:
    """What the rows tell and a reader might miss: histograms without data, and groups that were dropped."""
    notes = []
    names = result.table.column_names
    if "histogram" in names and len(result.plan.histograms) > 1:
        found = set(result.table["histogram"].to_pylist())
        missing = [name for name in result.plan.histograms if name not in found]
        notes += [f"there is no data of {', '.join(missing)}"] if missing else []
    if RELEASE_DATE in names:
        notes += _told_by_releases(result)
    if "p_holm" in names:
        notes += _told_by_tests(result)
    if "n_dropped" in names and len(result):
        dropped = result.table["n_dropped"][0].as_py()
        notes += [f"{dropped} rows of too few clients were dropped"] if dropped else []
    return notes


def _told_by_releases(result: Result) -> list[str]:
    """Of versions at the same age: those of which the table of releases has no date."""
    dates = next(stage for stage in result.plan.stages if isinstance(stage, Published))
    rows = [row for row in result.rows() if row["exposure"] and row[RELEASE_DATE] is None]
    found = dict.fromkeys(row[dates.version.alias] for row in rows)
    told = [str(version) for version in found if version is not None]
    if not told:
        return []
    whose = "its first ping" if len(told) == 1 else "the first ping of each"
    return [f"{dates.table.name} has no date of {', '.join(told)}: {whose} stands for it"]


def _told_by_tests(result: Result) -> list[str]:
    """Of a comparison: experiments, branches and controls that nobody is in."""
    rows = result.rows()
    notes = []
    each = next(stage.each for stage in result.plan.stages if isinstance(stage, Pings))
    slugs = [None] if each is None else [slug.name for slug in each.expressions]
    for slug in slugs:
        of = "" if slug is None else f" of {slug}"
        these = [row for row in rows if slug is None or row["experiment"] == slug]
        found = {row["branch"] for row in these if row.get("n_clients", row.get("n_pings"))}
        branches = dict.fromkeys(row["branch"] for row in these)
        notes += [f"no client of the branch {b}{of} has data" for b in branches if b not in found]
        if not any(row["n_control"] for row in these):
            which = f"the branch {these[0]['control']}{of}" if these else f"the branches{of}"
            notes.append(f"no client of {which} has data")
    return notes


def _attach(
    connection: "duckdb.DuckDBPyConnection",
    plan: Plan,
    catalog: Catalog,
    files: Mapping[str, tuple[Path, ...]],
) -> tuple[str, ...]:
    """Gives the connection the plan's tables, and returns what is to be said about them."""
    notes: dict[str, None] = {}
    for read in plan.reads:
        source = catalog.table(read.like)
        if source is None:
            raise UsageError.of("unknown-table", f"the table `{read.like}` is not known")
        if files:
            found = files.get(read.table)
            if found is None:
                raise UsageError.of(
                    "no-data",
                    f"there is no data for the table `{read.table}`, only for {' and '.join(files)}",
                    help=f"add --data {read.table}=PATH",
                )
            told = data.attach(connection, read.table, found, source.schema, read.needs, source.strict)
            notes |= dict.fromkeys(told.notes)
        else:
            from querygen.sample import builtin_sample

            data.attach_arrow(connection, read.table, builtin_sample(read.like), source.schema, read.needs)
            notes[SYNTHETIC] = None
    return tuple(notes)


def mozfun_functions(checked: CheckedSql) -> list[Udf]:
    """The functions that the text calls by mozfun's names, for an engine that has none of its own.

    Their bodies are ours, which answer as mozfun's do.
    """
    if checked.sql.udfs != "mozfun":
        return []
    bodies = [load_udf(function).mozfun or "" for function in checked.sql.functions]
    names = dict.fromkeys(name for body in bodies for name in re.findall(r"mozfun\.(\w+\.\w+)\(", body))
    return [load_udf(name) for name in names]
