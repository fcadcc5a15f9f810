"""What a given row may be written with: short names, and the columns that they stand for.

Short names are data of the catalog: `client_id`, and each friendly name of the table. One that the catalog
computes from a column (`submission_date`, `build_date`) is written into that column, a day as its start.
`hist` and its like stand for the columns in which the spec's histogram or scalar is recorded.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from querygen.asking import HistogramFinder
from querygen.catalog import Catalog, SourceTable, Table
from querygen.dimensions import MADE_BY, ResolvedDimension
from querygen.errors import Diagnostic, QuerygenError, similar_name_help
from querygen.recordings import Recording
from querygen.spec import Spec

Kind = Literal["histogram", "scalar"]

# Short names of what is recorded: which kind, and whether its value names several.
RECORDED: Mapping[str, tuple[Kind, bool]] = {
    "hist": ("histogram", False),
    "histograms": ("histogram", True),
    "scalar": ("scalar", False),
    "scalars": ("scalar", True),
}
PROCESSES = "processes"

# How a day or a time is written into a column of a type: of a build id, whose digits are its time, too.
_WRITTEN = {"TIMESTAMP": "%Y-%m-%dT%H:%M:%SZ", "STRING": "%Y%m%d%H%M%S"}


@dataclass(frozen=True)
class Name:
    """A short name of a column.

    Attributes:
        path: the column.
        written: how a time is written into it; None where values are written as they are.
        is_begun: whether it is text that a number begins, such as a version's major one.
    """

    path: str
    written: str | None = None
    is_begun: bool = False


@dataclass(frozen=True)
class Names:
    """The short names of one table, for rows that a spec is asked about."""

    spec: Spec
    table: Table
    catalog: Catalog

    @property
    def pings(self) -> SourceTable | None:
        """The table, if it is one of pings; others have no short names."""
        return self.table if isinstance(self.table, SourceTable) else None

    @cached_property
    def columns(self) -> Mapping[str, Name]:
        """The short names of columns."""
        if self.pings is None:
            return {}
        made = {"client_id": Name(self.pings.client_id)}
        for name, declared in self.pings.friendly.items():
            if isinstance(declared, str):
                made[name] = Name(declared)
                continue
            column = self.table.column(name)
            stored = self.table.schema.find(column.needs[0]) if column and len(column.needs) == 1 else None
            if column and stored and column.type == "INT64" and stored.type == "STRING":
                made[name] = Name(column.needs[0], is_begun=True)
            elif column and stored and stored.type in _WRITTEN:
                made[name] = Name(column.needs[0], _WRITTEN[stored.type])
        return made

    def all(self) -> Iterable[str]:
        """Every short name."""
        recorded = [] if self.pings is None else RECORDED
        return [*self.columns, *recorded, *([PROCESSES] if self.has_processes else [])]

    @property
    def has_processes(self) -> bool:
        """Whether the table tells which process recorded something."""
        places = () if self.pings is None else self.pings.recorded
        return any(place.process or "*" in place.at for place in places)

    def recording(self, kind: Kind, name: str | None, process: str | None) -> Recording:
        """The column in which something is recorded.

        Args:
            kind: a histogram, or a scalar.
            name: its name; None for the spec's own.
            process: the process; None for the one that the spec asks for.

        Raises:
            QuerygenError: there is none, or it isn't clear which one is meant.
        """
        spec = self._about(kind, name)
        short = next(short for short, (its, several) in RECORDED.items() if its == kind and not several)
        if name is None and getattr(spec, kind) is None:
            raise QuerygenError.of(
                "no-recording",
                f"the spec asks for no {kind}, so that `{short}` stands for none",
                help=f"name it: `{kind}s: {{NAME: …}}`",
            )
        if process is not None:
            spec = spec.model_copy(update={"process": "combined"})
        found = dict(self._found(spec))
        names = dict.fromkeys(histogram for histogram, _ in found)
        if len(names) > 1:
            raise QuerygenError.of(
                "which-recording",
                f"the spec asks for several {kind}s: {', '.join(names)}",
                help=f"say which: `{kind}s: {{{next(iter(names))}: …}}`",
            )
        by_process = {recording.process: recording for recording in found.values()}
        if process is None:
            if len(by_process) == 1:
                return next(iter(by_process.values()))
            some = ", ".join(map(str, by_process))
            raise QuerygenError.of(
                "which-process",
                f"the spec asks for several processes: {some}",
                help=f"say which recorded it: `{PROCESSES}: {{{next(iter(by_process))}: {{{short}: …}}}}`",
            )
        if process not in by_process:
            raise QuerygenError.of(
                "unknown-process",
                f"`{next(iter(names))}` is not recorded in the process `{process}`",
                help=similar_name_help(process, map(str, by_process), "a process")
                or f"it is recorded in {', '.join(map(str, by_process))}",
            )
        return by_process[process]

    def recordings(self, kind: Kind) -> dict[tuple[str, str | None], Recording]:
        """The columns that the spec's own histogram or scalar is recorded in, by name and process.

        Raises:
            QuerygenError: the table has none.
        """
        return {} if getattr(self.spec, kind) is None else dict(self._found(self._about(kind, None)))

    def _about(self, kind: Kind, name: str | None) -> Spec:
        """The spec as it asks this table; about something else, if that is named."""
        if name is None:
            return self.spec
        changes: dict[str, Any] = {"histogram": None, "scalar": None, "key": None, "dimensions": ()}
        changes |= {"process": self.spec.process if self.has_processes else "parent", kind: name}
        return self.spec.model_copy(update=changes)

    def _found(self, spec: Spec) -> Iterator[tuple[tuple[str, str | None], Recording]]:
        if self.pings is None:
            raise QuerygenError.of("no-recording", f"{self.table.table} records nothing")
        findings: list[Diagnostic] = []
        named = [name for name in spec.dimensions if isinstance(name, str) and name in MADE_BY]
        shown = tuple(ResolvedDimension(name, None) for name in named)
        for one in HistogramFinder(spec, self.pings, self.catalog, findings, []).asked(shown):
            yield (one.histogram, one.recording.process), one.recording
        if findings:
            raise QuerygenError(tuple(findings[:1]))


def written_time(value: object, layout: str) -> str | None:
    """A day or a time as the text of a column; None if it is none."""
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, dt.datetime):
        moment = value.astimezone(dt.UTC) if value.tzinfo else value
        return moment.strftime(layout)
    return dt.datetime.combine(value, dt.time()).strftime(layout) if isinstance(value, dt.date) else None
