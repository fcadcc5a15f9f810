"""Verify: the same rows through DuckDB and Google's evaluator, compared row by row, and stage by stage.

The two texts are the ones that users get: BigQuery's as it is printed, and its translation.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa
from sqlglot import exp

from querygen import data
from querygen.catalog import Catalog, SourceTable, Table
from querygen.check import CheckedSql
from querygen.comparing import Difference, Tolerance, difference
from querygen.corners import corners
from querygen.engines import duckdb as on_duckdb
from querygen.errors import Diagnostic, QuerygenError
from querygen.plan import Read
from querygen.render import UdfMode
from querygen.running import Attached, Engine, attached
from querygen.schema import quote_identifier
from querygen.spec import Spec

if TYPE_CHECKING:
    import duckdb

MOST_PINGS = 2000
MOST_DRAWN = 200  # permutations and cells of comparisons: Google's evaluator looks at each pair of them
ANY_DAY = dt.date(2020, 4, 20)
ENGINES: tuple[Engine, Engine] = ("duckdb", "googlesql")


@dataclass(frozen=True)
class Verdict:
    """Whether the engines agree on a spec.

    Attributes:
        n_rows: of DuckDB's result.
        n_pings: that were read.
        notes: what is to be said about them.
        udfs: how functions stood in the text on which the engines differ.
        difference: of the results; None if they agree.
        stage: the first CTE at which the engines part; None if all agree, so that it is the final SELECT.
        of_stage: how its rows differ.
    """

    n_rows: int
    n_pings: int
    notes: tuple[str, ...]
    udfs: UdfMode = "inline"
    difference: Difference | None = None
    stage: str | None = None
    of_stage: Difference | None = None

    @property
    def agrees(self) -> bool:
        """Whether the engines gave the same rows."""
        return self.difference is None

    def __str__(self) -> str:
        if self.difference is None:
            return f"agrees ({_counted(self.n_rows, 'row')}, {_counted(self.n_pings, 'ping')})"
        text = f"differs with --udfs {self.udfs}: {self.difference}"
        if self.of_stage is None:
            return f"{text}\n  all CTEs agree: the engines part in the final SELECT"
        of_stage = str(self.of_stage).replace("\n", "\n  ")
        return f"{text}\n  the first CTE at which the engines part is `{self.stage}`: {of_stage}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def verify(
    queries: Sequence[CheckedSql],
    spec: Spec,
    catalog: Catalog,
    locations: Sequence[str],
    *,
    today: dt.date | None = None,
    pings: int = MOST_PINGS,
    tolerance: Tolerance | None = None,
) -> Verdict:
    """Runs queries on both engines and compares their rows.

    Args:
        queries: the spec's SQL, with its functions in one or several forms.
        spec: what they were made from.
        catalog: the tables' schemas.
        locations: what `--data` takes; none for made-up rows that reach the spec's corners.
        today: the day that `last` ends on.
        pings: how many rows of the data are compared at most.
        tolerance: of floats.

    Raises:
        UsageError: a path does not exist, or there is no data for a table.
        QuerygenError: the data does not fit the schema.
        EngineError: Google's evaluator is not installed.
    """
    plan = queries[0].sql.plan
    if locations:
        with attached(plan, catalog, locations) as tables:
            return compare(queries, few(tables, catalog, pings), tolerance)
    made = corners(spec, plan, catalog, today)
    verdicts: list[Verdict] = []
    for part in made.parts:
        with closing(on_duckdb.connect()) as connection:
            for read in plan.reads:
                _attach(connection, read, part[read.table], catalog)
            verdict = compare(queries, Attached(connection, plan, (str(made),)), tolerance)
        if not verdict.agrees:
            return verdict
        verdicts.append(verdict)
    n_rows, n_pings = sum(v.n_rows for v in verdicts), sum(v.n_pings for v in verdicts)
    return replace(verdicts[0], n_rows=n_rows, n_pings=n_pings)


def _attach(connection: "duckdb.DuckDBPyConnection", read: Read, rows: pa.Table, catalog: Catalog) -> None:
    data.attach_arrow(connection, read.table, rows, _source(read, catalog).schema, read.needs)


def _source(read: Read, catalog: Catalog) -> Table:
    source = catalog.table(read.like)
    if source is None:
        raise ValueError(f"the catalog has no table {read.like}")
    return source


def few(tables: Attached, catalog: Catalog, most: int) -> Attached:
    """At most so many of the pings, since Google's evaluator is slow: all of some clients.

    Of several tables they are of the same clients, or rates would be of none.
    """
    plan, connection = tables.plan, tables.connection
    sources = {
        read: source for read in plan.reads if isinstance(source := _source(read, catalog), SourceTable)
    }
    counts = (f"SELECT COUNT(*) AS n FROM {_named(read)}" for read in sources)  # noqa: S608
    ((count,),) = connection.sql(f"SELECT SUM(n) FROM ({' UNION ALL '.join(counts)})").fetchall()  # noqa: S608
    if count <= most:
        return tables
    # The same ones every time, in whatever order the files have them.
    orders = [_by_client(read, source) for read, source in sources.items()]
    ranked = " UNION ALL ".join(
        f"SELECT {number} AS n, {client} AS client, {ping} AS ping FROM {_named(read)}"  # noqa: S608
        for number, (read, (client, ping)) in enumerate(zip(sources, orders, strict=True))
    )
    first = f"SELECT n FROM ({ranked}) ORDER BY client, ping, n LIMIT {most}"  # noqa: S608
    kept = dict(connection.sql(f"SELECT n, COUNT(*) FROM ({first}) GROUP BY n").fetchall())  # noqa: S608
    for number, (read, order) in enumerate(zip(sources, orders, strict=True)):
        rows = connection.sql(f"FROM {_named(read)} ORDER BY {', '.join(order)} LIMIT {kept.get(number, 0)}")
        _attach(connection, read, rows.to_arrow_table(), catalog)
    note = f"of {count:,} pings {most:,} were compared, those of some clients; --pings takes more"
    return Attached(connection, plan, (*tables.notes, note))


def _named(read: Read) -> str:
    return f"{data.table_name(read.table)} AS pings"


def _by_client(read: Read, source: SourceTable) -> tuple[str, str]:
    """What puts clients' rows beside each other, in an order at random: the client's hash, then the row's."""
    client = row = "CAST(pings AS VARCHAR)"
    if source.client_id in read.needs:
        path = ".".join(map(quote_identifier, source.client_id.split(".")))
        client = f"COALESCE(pings.{path}, {row})"
    return f"MD5({client})", f"MD5({row})"


def compare(queries: Sequence[CheckedSql], tables: Attached, tolerance: Tolerance | None = None) -> Verdict:
    """The verdict on queries over rows that are attached: of the first on which the engines differ."""
    compared = _Compared(0)
    for checked in queries:
        key = checked.sql.plan.key
        compared = _compare(partial(_result, tables, checked), key, tolerance, is_ordered=True)
        if compared.difference:
            stage, of_stage = _parting(checked, tables, tolerance)
            return Verdict(
                compared.n_rows,
                tables.n_pings,
                tables.notes,
                checked.sql.udfs,
                compared.difference,
                stage,
                of_stage,
            )
    notes = (*tables.notes, f"on both engines {compared.ends}") if compared.ends else tables.notes
    return Verdict(compared.n_rows, tables.n_pings, notes)


def _parting(
    checked: CheckedSql, tables: Attached, tolerance: Tolerance | None
) -> tuple[str | None, Difference | None]:
    """The first CTE whose rows differ, and those of all that are made of it up to the final SELECT.

    The rows of mozfun's functions have empty buckets more, for one, which no later stage counts: no fault.
    """
    differing: dict[str, Difference] = {}
    for stage in checked.sql.plan.ctes:
        compared = _compare(partial(tables.cte, checked, stage.cte), (), tolerance, is_ordered=False)
        if compared.difference:
            differing[stage.cte] = compared.difference
    readers = _readers(checked)
    for name, found in differing.items():
        reader = readers.get(name)
        while reader in differing:
            reader = readers.get(reader)
        if reader is None:
            return name, found
    return None, None


def _readers(checked: CheckedSql) -> dict[str, str]:
    """Which CTE reads each CTE; the final SELECT is none."""
    ctes = checked.query.find_all(exp.CTE)
    return {table.name: cte.alias for cte in ctes for table in cte.find_all(exp.Table) if not table.db}


def _result(tables: Attached, checked: CheckedSql, engine: Engine) -> pa.Table:
    return tables.run(checked, engine).table


@dataclass(frozen=True, slots=True)
class _Compared:
    """What came of one text on both engines.

    Attributes:
        n_rows: of DuckDB's result.
        difference: of the two; None if they agree.
        ends: why there are no rows, on both: the query is strict, and a ping is damaged.
    """

    n_rows: int
    difference: Difference | None = None
    ends: str | None = None


def _compare(
    rows: Callable[[Engine], pa.Table],
    key: Sequence[str],
    tolerance: Tolerance | None,
    *,
    is_ordered: bool,
) -> _Compared:
    """Compares the rows that both engines give; that only one fails is a difference, too."""
    tables: list[pa.Table] = []
    failures: dict[Engine, Diagnostic] = {}
    for engine in ENGINES:
        try:
            tables.append(rows(engine))
        except QuerygenError as error:
            failures[engine] = error.diagnostics[0]
            if failures[engine].code == "missing-extra":
                raise
    if len(failures) == 2 and all(finding.code == "undecodable" for finding in failures.values()):
        # Which ping, if there are several, is up to the engine.
        return _Compared(0, ends=failures["duckdb"].message)
    if failures:
        told = "; ".join(f"{engine} fails: {finding.message}" for engine, finding in failures.items())
        return _Compared(0, Difference(told))
    one, other = tables
    found = difference(one, other, key, ENGINES, tolerance, is_ordered=is_ordered)
    return _Compared(one.num_rows, found)
