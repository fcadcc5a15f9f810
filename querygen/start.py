"""A first spec, as `querygen init` writes it: short, commented, valid, and answered by the sample."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from querygen.api import Query
from querygen.catalog import Catalog
from querygen.errors import suggest
from querygen.listing import entries
from querygen.source import load_text
from querygen.yamltext import flow

Question = Literal["percentiles", "distribution", "summary", "counts", "compare", "rate"]
QUESTIONS: tuple[Question, ...] = get_args(Question)
SCHEMA_FILE = "querygen.schema.json"
"""The JSON Schema beside a first spec, which its first line names to editors."""

FIRST_DAY, LAST_DAY = dt.date(2020, 4, 6), dt.date(2020, 4, 20)
"""The days of the built-in sample."""

_MAIN, _GLEAN = "telemetry.main", "firefox_desktop.metrics"
_PROBES = {_MAIN: "FX_TAB_SWITCH_SPINNER_VISIBLE_MS", _GLEAN: "browser.tabswitch.spinner_visible"}
# What a rate counts where nothing is named, and what it is divided by.
_EVENTS = {_MAIN: {"table": "telemetry.crash"}, _GLEAN: {"scalar": "browser.engagement.tab_open_event_count"}}
_WITHOUT_PROBE = ("counts", "rate")
_WIDEST = 54  # of a line that has its comment beside it


@dataclass(frozen=True)
class _Line:
    key: str
    value: Any
    comment: str = ""
    indent: str = ""
    is_optional: bool = False

    @property
    def text(self) -> str:
        """The line without its comment; one that is only a proposal is itself a comment."""
        value = "" if self.value is None else f" {flow(self.value)}"
        return f"{self.indent}{'# ' if self.is_optional else ''}{self.key}:{value}"


@dataclass(frozen=True)
class Start:
    """What a first spec asks.

    Attributes:
        question: its measure.
        probe: a histogram, scalar or metric; None for one that the built-in sample has.
        source: the table.
        dates: the first and the last day of pings.
        by: what the answer is split by.
        channel: whose pings; None for all.
        experiment, control, branches: of `compare`.
    """

    question: Question = "percentiles"
    probe: str | None = None
    source: str = _MAIN
    dates: tuple[dt.date, dt.date] = (FIRST_DAY, LAST_DAY)
    by: tuple[str, ...] = ()
    channel: str | None = None
    experiment: str = "tab-warming-nightly-77"
    control: str = "control"
    branches: tuple[str, ...] = ("treatment",)

    def text(self, catalog: Catalog, name: str) -> str:
        """The spec as a file has it.

        Args:
            catalog: tells a histogram's name from a scalar's.
            name: of the file, for the commands in its comment.
        """
        head = [
            f"# yaml-language-server: $schema={SCHEMA_FILE}",
            f"# `querygen run {name}` answers it, on a made-up sample where no --data is given;",
            f"# `querygen explain {name}` says what that means, `querygen render {name}` prints the SQL.",
        ]
        lines = [*self._asked(catalog), *self._filters(), *self._split(), *self._measured(catalog)]
        width = max(len(line.text) for line in lines if line.comment and len(line.text) <= _WIDEST)
        return "\n".join([*head, *(row for line in lines for row in _commented(line, width))]) + "\n"

    def _is_scalar(self, catalog: Catalog) -> bool:
        """Whether the probe is a number; what no schema knows is told by how it is written."""
        if self.probe is None:
            return False
        plain = self.probe.lower().replace(".", "_")
        found = [
            entry.recordings[0].form == "number"
            for entry in entries(catalog, [self.source], self.probe)
            if entry.name.lower().replace(".", "_") == plain
        ]
        is_column = self.probe.startswith(("payload.", "metrics.", "environment."))
        return found[0] if found else "." in self.probe and self.source == _MAIN and not is_column

    def _asked(self, catalog: Catalog) -> Iterator[_Line]:
        probe = self.probe or _PROBES.get(self.source, _PROBES[_MAIN])
        kind = "scalar" if self._is_scalar(catalog) else "histogram"
        if self.question == "rate":
            events = _EVENTS.get(self.source, _EVENTS[_MAIN]) if self.probe is None else {kind: self.probe}
            has_usage = self.source != _GLEAN
            yield _Line("measure", "rate")
            yield _Line("events", events, "what is counted")
            yield _Line("exposure", "usage_hours" if has_usage else "client_days", "what that is divided by")
            yield _Line("per", 1000, "per how much of it")
        elif self.question != "counts" or self.probe is not None:
            words = {"scalar": "each client's sum counts", "histogram": "the probe"}
            yield _Line(kind, probe, words[kind])
        if self.source != _MAIN:
            yield _Line("source", self.source, "the table")

    def _filters(self) -> Iterator[_Line]:
        first, last = self.dates
        yield _Line("filters", None, "only pings where all of this holds")
        channel = self.channel or "nightly"
        yield _Line("channel", channel, "without it, all channels together", "  ", self.channel is None)
        days = {"from": first, "to": last}
        yield _Line("submission_date", days, "when pings came; or {last: 14 days}", "  ")
        if self.question == "compare":
            yield _Line("experiment", self.experiment, "only its clients; `branch` tells them apart")

    def _split(self) -> Iterator[_Line]:
        by = list(self.by) or ["os"]
        words = "an answer for each value; any column can be named"
        yield _Line("dimensions", by, words, is_optional=not self.by)
        if self.by and self.question != "rate":
            yield _Line("min_clients", 100, "groups of fewer have `low_data`")

    def _measured(self, catalog: Catalog) -> Iterator[_Line]:
        is_scalar = self._is_scalar(catalog)
        if self.question not in ("percentiles", "rate"):
            yield _Line("measure", self.question)
        if self.question not in _WITHOUT_PROBE and not is_scalar:
            yield _Line("normalization", "client", "one vote for each; none: every sample counts")
        if self.question == "percentiles":
            yield _Line("percentiles", [0.25, 0.5, 0.75, 0.95], "0.5 is the median")
        if self.question == "compare":
            yield _Line("control", self.control, "the branch that others are compared with")
            yield _Line("branches", list(self.branches), "those others")
            statistics = ["median", "mean"] if is_scalar else ["chi2", "median", 0.95]
            yield _Line("statistics", statistics, "by what they are compared")
        elif self.question == "rate":
            yield _Line("confidence", 0.95, "the limits of chance: lower and upper")
        elif self.question != "counts":
            yield _Line("confidence", 0.95, "adds the limits of chance: lower and upper", is_optional=True)


def _commented(line: _Line, width: int) -> Iterator[str]:
    """The line with its comment beside it, or above it where it is long."""
    if not line.comment:
        yield line.text
    elif len(line.text) > width:
        yield f"{line.indent}# {line.comment}"
        yield line.text
    else:
        yield f"{line.text:<{width}}  # {line.comment}"


def first_spec(start: Start, catalog: Catalog, path: Path) -> tuple[str, list[str]]:
    """The text of a first spec, which is valid, and what is to be said about it.

    Raises:
        QuerygenError: the tables don't have what it asks for; the nearest names are told.
    """
    text = start.text(catalog, path.name)
    plan = Query.of(load_text(text, str(path)), catalog).checked().sql.plan
    missing = [path for read in plan.reads for path in read.needs if path not in _sampled(read.like)]
    if not missing:
        return text, []
    told = f"the built-in sample has no `{start.probe or missing[0]}`: run it with --data"
    from querygen.sample.columns import probe_names

    near = suggest(start.probe or "", probe_names(plan.like)) if catalog.definitions is None else []
    return text, [told + (f", if you didn't mean {' or '.join(near)}" if near else "")]


def _sampled(table: str) -> frozenset[str]:
    """The paths of the columns that the built-in sample has."""
    from querygen.sample import SCHEMAS
    from querygen.sample.columns import leaves

    return frozenset(leaves(SCHEMAS[table])) if table in SCHEMAS else frozenset()
