"""Answer: what `Query.run` gives, a `Result` that knows its question and how it was run."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from querygen.atomic import write_whole
from querygen.errors import Diagnostic
from querygen.provenance import Origin, Provenance, Seen
from querygen.render import UdfMode
from querygen.result import Result
from querygen.show import as_json, as_table

if TYPE_CHECKING:
    from querygen.api import Query
    from querygen.charts.theme import Theme
    from querygen.display.plot import Plot

MOST_ROWS = 20
"""Rows that are shown of an answer."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Answer(Result):
    """The answer to a query.

    >>> from querygen import load
    >>> answer = load("examples/tutorial/03-percentiles-of-one-day.yaml").run()
    >>> len(answer), answer.rows()[0]["percentile"]
    (5, 0.05)

    Attributes:
        query: the question.
        engine: what ran it: `duckdb`, `googlesql` or `bigquery`.
        udfs: the form of the SQL that was run.
        origin: where the rows were: the built-in `sample`, `files`, a `connection`, or `bigquery`.
        files: the files that were read, as they were then.
    """

    query: "Query"
    engine: str = "duckdb"
    udfs: UdfMode = "inline"
    origin: Origin = "sample"
    files: Sequence[Seen] = field(default_factory=tuple)

    @classmethod
    def to(
        cls,
        query: "Query",
        result: Result,
        warnings: Sequence[Diagnostic],
        *,
        engine: str,
        udfs: UdfMode,
        origin: Origin,
        files: Sequence[Seen],
    ) -> "Answer":
        """The answer to a query, of what running it gave."""
        given = {one.name: getattr(result, one.name) for one in fields(Result)}
        given["warnings"] = tuple(warnings)
        return cls(**given, query=query, engine=engine, udfs=udfs, origin=origin, files=files)

    def plot(self, theme: "Theme" = "light") -> "Plot":
        """The chart, which a notebook shows, and which can be saved.

        >>> from querygen import load
        >>> plot = load("examples/charts/means-by-os.yaml").run().plot()
        >>> plot.save("means.svg")  # or .png, .html, .json

        Args:
            theme: colours for white, or for black.

        Raises:
            QuerygenError: there are no rows.
        """
        from querygen.display.plot import Plot

        return Plot(self, theme)

    def report(self, path: str | Path) -> None:
        """Writes a page that opens offline: what is counted, chart, rows, SQL and provenance.

        Args:
            path: of the file, `answer.html`.

        >>> from querygen import load
        >>> load("examples/charts/means-by-os.yaml").run().report("means.html")

        Raises:
            UsageError: the file cannot be written.
            EngineError: the extra `charts` is not installed.
        """
        from querygen.report import report

        write_whole(report([self]).encode(), Path(path))

    @cached_property
    def provenance(self) -> Provenance:
        """Where the answer comes from: versions, and hashes of spec, SQL, data and rows.

        Files are hashed when this is first asked for.

        >>> from querygen import load
        >>> load("examples/charts/means-by-os.yaml").run().provenance.tables
        ('telemetry.main',)
        """
        return Provenance.of(
            self.engine,
            [read.table for read in self.plan.reads],
            self.origin,
            self.files,
            spec=self.query.text,
            sql=self.query.sql(udfs=self.udfs),
            rows=as_json(self),
        )

    def __repr__(self) -> str:
        lines = as_table(Result(self.table.slice(0, MOST_ROWS), self.plan)).decode().splitlines()
        if len(self) > MOST_ROWS:
            lines[-1] = f"(the first {MOST_ROWS} of {len(self):,} rows)"
        return "\n".join([self.plan.about.title, "", *lines])

    def _repr_html_(self) -> str:
        from querygen.display.blocks import answer_block

        return answer_block(self, MOST_ROWS)
