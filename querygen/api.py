"""The pipeline in one screen, and the Python API on top of it: `load` and `Query`.

Data flows one way, each stage is a pure function from one immutable type to the next:

    load → validate → resolve → render → check → translate → run → show
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from querygen.builder import Verbs
from querygen.catalog import Catalog, catalog
from querygen.check import CheckedSql, check
from querygen.errors import Diagnostic, QuerygenError, UsageError
from querygen.lints import lint, lint_result
from querygen.overlays import overlaid
from querygen.plan import Plan
from querygen.redash_chart import chart_of
from querygen.render import UdfMode, render
from querygen.resolve import resolve
from querygen.schema import Schema, read_schema
from querygen.source import Source, from_mapping, load_file
from querygen.spec import Spec
from querygen.translate import translate
from querygen.validate import validate
from querygen.yamltext import block

if TYPE_CHECKING:
    import duckdb

    from querygen.answer import Answer
    from querygen.display.sql import Sql
    from querygen.engines.bigquery import Client
    from querygen.provenance import Origin
    from querygen.redash import RedashQuery
    from querygen.running import Progress
    from querygen.verify import Verdict

Dialect = Literal["bigquery", "duckdb"]
Engine = Literal["duckdb", "googlesql"]


class Query(Verbs):
    """A question to telemetry: a valid spec, ready to be printed or run.

    Takes exactly the spec's keys as keywords; `load` reads the same from a file. Immutable: its verbs
    (`where`, `over`, `by`, `percentiles`, …) give copies. A notebook shows it in words, and runs nothing.

    Queries are equal if they ask the same: specs whose keys mean the same, of the same tables and day.

    >>> from querygen import Query
    >>> query = Query(measure="counts", dimensions=["os"], filters={"submission_date": "2020-04-20"})
    >>> query.spec.measure
    'counts'
    >>> query == Query(measure="counts").by("os").where(submission_date="2020-04-20")
    True

    Raises:
        QuerygenError: the spec is not valid; all findings at once, each with its dotted path.
    """

    __slots__ = ("_catalog", "_checked", "_source", "_spec", "_today")

    def __init__(self, **spec: Any) -> None:
        self._set(from_mapping(spec), catalog_of(None), None)

    @classmethod
    def of(cls, source: Source, catalog: Catalog, today: dt.date | None = None) -> "Query":
        """A query from a source that was read, and the tables it may name."""
        made = cls.__new__(cls)
        made._set(source, catalog, today)
        return made

    def _set(self, source: Source, catalog: Catalog, today: dt.date | None) -> None:
        self._source, self._spec, self._catalog, self._today = source, validate(source), catalog, today
        self._checked: dict[UdfMode, CheckedSql] = {}

    def _edited(self, data: Mapping[str, Any]) -> "Query":
        return Query.of(from_mapping(data), self._catalog, self._today)

    @property
    def data(self) -> Mapping[str, Any]:
        """The spec's keys and values, as they were given."""
        return self._source.data

    @property
    def spec(self) -> Spec:
        """The spec as it was understood."""
        return self._spec

    @property
    def text(self) -> str:
        """The spec as its file has it, with comments; without a file as `to_yaml` has it."""
        return self._source.text

    def to_yaml(self) -> str:
        """The spec as YAML, of which `load` makes an equal query. A file's comments are in `text` only.

        >>> from querygen import Query
        >>> print(Query(measure="counts", filters={"os": ["Mac", "6.1"]}, title="A test").to_yaml(), end="")
        measure: counts
        filters: {os: [Mac, "6.1"]}
        title: A test
        """
        return block(self.data)

    @property
    def name(self) -> str | None:
        """The path of the spec's file, as it was given; None for one that was made in Python."""
        return self._source.name

    def __repr__(self) -> str:
        return f"Query({', '.join(f'{key}={value!r}' for key, value in self.data.items())})"

    def _repr_html_(self) -> str:
        from querygen.display.blocks import query_block

        return query_block(self)

    def _same(self) -> str:
        """What is the same of equal queries: text, which tells True from 1, and filters in another order.

        What refers to parameters is only in what was given, since the spec has their defaults in its place.
        """
        return repr((self._spec, self._today, self.data if self._spec.parameters else None))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Query):
            return NotImplemented
        return self._same() == other._same() and self._catalog == other._catalog

    def __hash__(self) -> int:
        return hash(self._same())

    def __copy__(self) -> "Query":
        return self

    def __deepcopy__(self, memo: object) -> "Query":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Query.of, (self._source, self._catalog, self._today)

    def plan(self) -> Plan:
        """What the SQL will do.

        >>> from querygen import load
        >>> plan = load("examples/tutorial/03-percentiles-of-one-day.yaml").plan()
        >>> plan.stages[0].cte, plan.about.unit
        ('pings', 'ms')

        Raises:
            QuerygenError: the spec asks for what the tables don't have.
        """
        try:
            return resolve(self._spec, self._catalog, self._today)
        except QuerygenError as error:
            raise self._source.locate(error) from None

    def checked(self, udfs: UdfMode = "inline") -> CheckedSql:
        """The SQL, parsed and held against the plan."""
        if udfs not in self._checked:
            self._checked[udfs] = check(render(self.plan(), udfs))
        return self._checked[udfs]

    def warnings(self) -> tuple[Diagnostic, ...]:
        """What is valid, but may not say what its reader believes; `querygen explain CODE` explains each.

        >>> from querygen import Query
        >>> filters = {"submission_date": "2020-04-20", "sample_id": {"lt": 10}}
        >>> query = Query(measure="counts", filters=filters)
        >>> [warning.code for warning in query.warnings()]
        ['unscaled-sample']

        Raises:
            QuerygenError: the spec asks for what the tables don't have.
        """
        return self._placed(lint(self._source, self._spec, self._catalog, self.checked(), self._today))

    def explain(self, width: int = 88) -> str:
        """The query in words: what is counted, what columns mean, why each step, and what it cannot say.

        Args:
            width: of a line, in characters.

        >>> from querygen import load
        >>> print(load("examples/charts/counts-by-day.yaml").explain().splitlines()[0])
        Clients and pings by submission_date

        Raises:
            QuerygenError: the spec asks for what the tables don't have.
        """
        from querygen.meaning import as_text, meaning

        return as_text(meaning(self._spec, self.plan()), self.warnings(), width)

    def located(self, error: QuerygenError) -> QuerygenError:
        """The same error, at its place in the spec's file."""
        return self._source.locate(error)

    def _placed(self, findings: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
        return tuple(self._source.locate(QuerygenError(findings)).diagnostics)

    def sql(self, dialect: Dialect = "bigquery", udfs: UdfMode = "inline") -> "Sql":
        """The SQL text: a `str`, which a notebook shows with its keywords told apart.

        Args:
            dialect: `bigquery`, or its translation to `duckdb`.
            udfs: `inline`, `temp` or `mozfun`; how decoding functions stand in BigQuery's text.

        >>> from querygen import load
        >>> load("examples/tutorial/03-percentiles-of-one-day.yaml").sql("duckdb").count("SELECT") > 5
        True

        Raises:
            QuerygenError: the spec asks for what the tables don't have.
        """
        from querygen.display.sql import Sql

        checked = self.checked(udfs)
        return Sql(translate(checked).text if dialect == "duckdb" else checked.sql.text)

    def redash(
        self,
        data: str | Path | Sequence[str | Path] | None = None,
        *,
        allow_text: bool = False,
        progress: "Progress | None" = None,
    ) -> "RedashQuery":
        """The query as Redash takes it, with its chart, after a run that shows that the chart can be drawn.

        Args:
            data: as for `run`.
            allow_text: permits parameters of free text.
            progress: as for `run`.

        Raises:
            QuerygenError: Redash would read or draw it as something else.
        """
        from querygen.redash import check_points, redash_query

        made = self
        chart = chart_of(self._spec, self.plan())
        if chart and chart.needs_series and not self._spec.series:
            made = Query.of(self._source.with_value("series", True), self._catalog, self._today)
        try:
            query = redash_query(made.checked(), made.spec, allow_text=allow_text)
            return replace(
                query, notes=(*query.notes, *check_points(made.run(data, progress=progress), made.spec))
            )
        except QuerygenError as error:
            raise self._source.locate(error) from None

    def analyze(self, udfs: UdfMode = "inline") -> None:
        """Has Google's own analyzer check the SQL against the table's whole schema.

        Raises:
            QuerygenError: it refuses the SQL: the schema is another than querygen expects.
            EngineError: the extra `googlesql` is not installed, or the analyzer stopped.
        """
        from querygen.analyze import analyze

        try:
            analyze(self.checked(udfs), self._catalog, self._spec, self._source.name or "the spec")
        except QuerygenError as error:
            raise self._source.locate(error) from None

    def verify(
        self,
        data: str | Path | Sequence[str | Path] | None = None,
        *,
        udfs: Sequence[UdfMode] | None = None,
        pings: int | None = None,
        tolerance: float | None = None,
    ) -> "Verdict":
        """Runs DuckDB and Google's reference evaluator on the same rows, and compares what they give.

        Comparisons are run with at most 200 permutations and cells.

        Args:
            data: as for `run`; by default rows are made up that reach the spec's corners.
            udfs: the forms of the SQL that are compared; by default all.
            pings: how many rows of the data at most; Google's evaluator takes about a second for a thousand.
            tolerance: how far apart floats may be, relatively.

        Raises:
            UsageError: a path does not exist.
            QuerygenError: the data does not fit the table's schema.
            EngineError: the extra `googlesql` is not installed.
        """
        from querygen.comparing import Tolerance
        from querygen.verify import ANY_DAY, MOST_DRAWN, MOST_PINGS, verify

        today = self._today
        if data is None and today is None and self._spec.today is None:
            today = ANY_DAY  # for `last`: made-up rows are of the days that it lets in
        source = self._source
        if self._spec.measure == "compare":
            for key in ("permutations", "cells"):
                source = source.with_value(key, min(getattr(self._spec, key) or MOST_DRAWN, MOST_DRAWN))
        dated = Query.of(source, self._catalog, today)
        return verify(
            [dated.checked(mode) for mode in udfs or get_args(UdfMode)],
            dated.spec,
            self._catalog,
            _flags(data),
            today=today,
            pings=pings or MOST_PINGS,
            tolerance=Tolerance() if tolerance is None else Tolerance(tolerance),
        )

    def overlays(self) -> "Mapping[str, Query]":
        """The distributions that a comparison of histograms compares, by the slugs of its experiments.

        A chart lays them over each other. There are none of other measures, and of numbers.

        >>> from querygen import load
        >>> compared = load("examples/experiments/compare.yaml")
        >>> [(slug, query.spec.measure) for slug, query in compared.overlays().items()]
        [('tab-warming-nightly-77', 'distribution')]
        """
        return {slug: self._asking(spec) for slug, spec in overlaid(self._spec).items()}

    def _asking(self, spec: Spec) -> "Query":
        """Another question, of which findings stand where this one's would."""
        made = Query.__new__(Query)
        made._source, made._spec, made._catalog, made._today = self._source, spec, self._catalog, self._today
        made._checked = {}
        return made

    def run(
        self,
        data: str | Path | Sequence[str | Path] | None = None,
        *,
        engine: Engine = "duckdb",
        connection: "duckdb.DuckDBPyConnection | None" = None,
        client: "Client | None" = None,
        udfs: UdfMode = "inline",
        repeatable: bool = False,
        overlays: bool = False,
        progress: "Progress | None" = None,
    ) -> "Answer":
        """Runs the query.

        Args:
            data: files for the tables, as `--data` takes them; by default the built-in synthetic sample.
            engine: `duckdb`, or Google's reference evaluator.
            connection: a DuckDB connection that has the table itself, instead of `data`. Nothing is
                created or changed on it.
            client: a `google.cloud.bigquery.Client`, or one alike, by which the query is run on BigQuery,
                which costs money: see `cost`.
            udfs: as in `sql`.
            repeatable: have floats that are the same to the last digit each time; takes longer.
            overlays: of a comparison of histograms also run `overlays`, for the result's chart.
            progress: is told, from another thread, what is being done and what share of it is, a few times a
                second; not with a `connection`.

        >>> from querygen import Query
        >>> query = Query(measure="counts", filters={"submission_date": "2020-04-20"})
        >>> query.run().rows()
        [{'n_clients': 1016, 'n_pings': 1336}]

        Raises:
            UsageError: a path does not exist.
            QuerygenError: the data does not fit the table's schema.
            EngineError: the engine fails.
        """
        from querygen import running
        from querygen.answer import Answer
        from querygen.provenance import Seen

        ways = {"data": data, "connection": connection, "client": client}
        given = [f"`{name}`" for name, way in ways.items() if way is not None]
        if len(given) > 1:
            raise UsageError.of("two-data", f"{' and '.join(given)} are given", help="give one of them")
        checked, flags = self.checked(udfs), _flags(data)
        files = [Seen.now(path) for path in running.files_read(checked.sql.plan, flags)]
        if client is not None:
            result = running.on_bigquery(checked, client)
        else:
            result = running.run(
                checked,
                self._catalog,
                flags,
                engine,
                connection,
                repeatable=repeatable,
                progress=progress,
            )
        beside = {
            slug: query.run(
                data,
                engine=engine,
                connection=connection,
                client=client,
                udfs=udfs,
                repeatable=repeatable,
                progress=progress,
            )
            for slug, query in (self.overlays().items() if overlays else ())
        }
        return Answer.to(
            self,
            replace(result, overlays=beside),
            self._placed(lint_result(result, self._spec)),
            engine=engine if client is None else "bigquery",
            udfs=udfs,
            origin=_origin(data, connection, client),
            files=files,
        )

    def cost(self, client: "Client", *, udfs: UdfMode = "inline") -> int:
        """How many bytes BigQuery would scan, by its dry run, which runs nothing and is free of charge.

        Bytes are what BigQuery bills on demand; of a clustered table it may be fewer than it says.

        Args:
            client: as for `run`.
            udfs: as in `sql`.

        Raises:
            EngineError: the extra `bigquery` is not installed, or BigQuery refuses the query.
        """
        from querygen.engines import bigquery

        return bigquery.scanned(self.checked(udfs).sql.text, client)


def _origin(data: object, connection: object, client: object) -> "Origin":
    """Where the rows are."""
    if client is not None:
        return "bigquery"
    return "connection" if connection is not None else "sample" if data is None else "files"


def _flags(data: str | Path | Sequence[str | Path] | None) -> list[str]:
    """What `--data` would be given."""
    paths = [data] if isinstance(data, str | Path) else data or ()
    if not isinstance(paths, Sequence) or not all(isinstance(path, str | Path) for path in paths):
        raise UsageError.of(
            "bad-data-flag",
            f"`data` is a path or a list of paths, not {type(data).__name__}",
            help="give a DuckDB connection as `connection=…`, a client of BigQuery as `client=…`",
        )
    return [str(path) for path in paths]


def load(
    spec: str | Path | Mapping[str, Any],
    *,
    schemas: Mapping[str, str | Path] | None = None,
    probes: str | Path | None = None,
    source: str | None = None,
    today: dt.date | None = None,
) -> Query:
    """Reads and validates a spec: the path of a YAML or JSON file, or a mapping of its keys.

    Args:
        spec: the file, or the keys.
        schemas: the file of `bq show --schema` for tables whose real schema shall be used.
        probes: definition files (Histograms.json, Scalars.yaml, metrics.yaml), or a folder of them.
        source: the table to compile for, instead of the spec's own.
        today: the day that `last` ends on.

    >>> from querygen import load
    >>> load("examples/tutorial/03-percentiles-of-one-day.yaml").spec.filters["os"]
    'Windows'

    Raises:
        UsageError: the file does not exist.
        QuerygenError: the spec is not valid; all findings at once.
    """
    written = from_mapping(spec) if isinstance(spec, Mapping) else load_file(spec)
    return Query.of(
        written if source is None else written.with_value("source", source),
        catalog_of(schemas, probes),
        today,
    )


def catalog_of(schemas: Mapping[str, str | Path] | None, probes: str | Path | None = None) -> Catalog:
    """The built-in catalog, with the user's schemas and probe definitions read from their files."""
    read = read_schemas(schemas or {})
    if probes is None:
        return catalog(read)
    from querygen.probes import read_probes

    return catalog(read, read_probes(probes))


def read_schemas(files: Mapping[str, str | Path]) -> dict[str, Schema]:
    """The schemas of tables, from what `bq show --schema` prints."""
    return {table: read_schema(table, path) for table, path in files.items()}
