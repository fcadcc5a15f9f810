"""Writes a first test file for a spec: a few real rows, short, and what the spec really answers to them."""

import datetime as dt
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp

from querygen.api import Query, catalog_of
from querygen.atomic import appearing_when_complete
from querygen.cases.names import Kind, Names
from querygen.cases.read import SUFFIX
from querygen.cases.read import read as read_test
from querygen.cases.run import Options, result_of
from querygen.catalog import Catalog
from querygen.errors import QuerygenError, UsageError
from querygen.plan import Pings, Read
from querygen.published import Published
from querygen.recordings import Recording
from querygen.running import attached
from querygen.scan import scanned
from querygen.sides import spec_of
from querygen.source import load_file
from querygen.sqltext import text
from querygen.translate import translate
from querygen.yamltext import flow

_MOST_EXPECTED = 40  # rows that people read in a test file; more are a snapshot
_TEST = "first pings"


@dataclass(frozen=True)
class Starter:
    """What the first test file is made of.

    Attributes:
        spec: the spec's path; the test file will stand beside it.
        data: what `--data` takes; none for the built-in sample.
        rows: how many rows it is given.
        probes: probe definitions.
        schemas: files of the tables' schemas.
        today: the day that `last` ends on.
    """

    spec: Path
    data: Sequence[str] = ()
    rows: int = 5
    probes: str | None = None
    schemas: Mapping[str, str] | None = None
    today: dt.date | None = None

    @property
    def path(self) -> Path:
        """Where the test file will stand."""
        return self.spec.with_suffix(SUFFIX)

    def write(self) -> Path:
        """Writes the file; returns its path.

        Raises:
            UsageError: there is one already, or a path does not exist.
            QuerygenError: the spec is not valid, the data doesn't fit, or no row passes the filters.
        """
        if self.path.exists():
            raise UsageError.of(
                "file-exists", f"{self.path} exists already", help="move it away, or add tests to it"
            )
        query = Query.of(load_file(self.spec), self._catalog, self.today)
        found = self._passing(query)
        rows = self._short(query, found)
        if not any(rows.values()):
            raise QuerygenError.of(
                "no-rows", "no row of the data passes the spec's filters", help="name other data with --from"
            )
        try:
            self._write(self._text(query, rows, None))
            answer = result_of(read_test(self.path), _TEST, Options())
            self._write(self._text(query, rows, answer.rows()))
        except QuerygenError:
            self.path.unlink(missing_ok=True)
            raise
        return self.path

    def _names(self, query: Query, read: Read) -> Names:
        table = self._catalog.table(read.like, read.table)
        assert table is not None  # noqa: S101 there would be no plan
        return Names(spec_of(query.spec, read.table), table, self._catalog)

    def _short(self, query: Query, found: Mapping[str, Sequence[Any]]) -> dict[str, list[dict[str, Any]]]:
        """Each table's rows as test files write them: short names, buckets, and no real client's id."""
        every = [(read, self._names(query, read)) for read in query.plan().reads]
        clients = dict.fromkeys(
            _at(row, names.pings.client_id)
            for read, names in every
            if names.pings
            for row in found[read.table]
        )
        numbers = {client: i for i, client in enumerate(clients, 1) if client is not None}
        return {read.table: _short_rows(found[read.table], read, names, numbers) for read, names in every}

    @cached_property
    def _catalog(self) -> Catalog:
        return catalog_of(self.schemas, self.probes)

    def _passing(self, query: Query) -> dict[str, list[dict[str, Any]]]:
        """The first rows of each table that a scan of it lets in, with the columns that the query reads.

        Events come first; of a further table they are those of the same clients, if there are any.
        """
        checked = query.checked()
        plan = checked.sql.plan
        tree = sqlglot.parse_one(translate(checked).text, dialect="duckdb")
        texts = {cte.alias: cte.this for cte in tree.find_all(exp.CTE)}
        scans: dict[str, exp.Select] = {}
        for stage in plan.ctes:
            if isinstance(stage, Pings | Published):
                scans.setdefault(scanned(stage), texts[stage.cte])
        found: dict[str, list[dict[str, Any]]] = {read.table: [] for read in plan.reads}
        clients: list[str] = []
        with attached(plan, self._catalog, self.data) as tables:
            for table, scan in scans.items():
                scan.set("expressions", [exp.Star()])
                scan.set("group", None)
                pings = next(self._names(query, read) for read in plan.reads if read.table == table).pings
                id_ = pings.client_id if pings else ""
                same = exp.In(this=pings.node(id_), expressions=[*map(text, clients)]) if pings else None
                for chosen in (scan.where(same), scan) if clients and same else (scan,):
                    sql = chosen.limit(self.rows).sql(dialect="duckdb")
                    found[table] = found[table] or tables.connection.sql(sql).to_arrow_table().to_pylist()
                known = (_at(row, id_) for row in found[table]) if pings else ()
                clients += [one for one in known if one is not None]
        return found

    def _text(
        self, query: Query, rows: Mapping[str, Sequence[Mapping[str, Any]]], answer: Sequence[Any] | None
    ) -> str:
        every = [row for of_table in rows.values() for row in of_table]
        common = {
            name: value
            for name, value in every[0].items()
            if len(every) > 1 and name != "client_id" and all(row.get(name, ...) == value for row in every)
        }
        origin = "rows of your data with other client ids" if self.data else "the built-in synthetic sample"
        lines = [
            f"# A first test of {self.spec.name}, from {origin}.",
            "# TODO: see that the expected rows are right (they are what the spec answers now), or make the",
            "# rows fewer and simpler until you can. Then delete this comment.",
            f"spec: {flow(self.spec.name)}",
        ]
        if self.probes is not None:
            lines.append(f"probes: {flow(self._beside(self.probes))}")
        if self.schemas:
            schemas = {table: self._beside(file) for table, file in self.schemas.items()}
            lines.append(f"schema: {flow(schemas)}")
        day = {} if self.today is None else {"today": self.today}
        defaults = {**day, "row": common} if common else day
        lines += ["defaults:"] if defaults else []
        lines += [f"  {key}: {flow(value)}" for key, value in defaults.items()]
        lines += [f"tests:\n  {_TEST}:\n    given:"]
        for table, of_table in rows.items():
            lines.append(f"      {table}:{'' if of_table else ' []'}")
            for row in of_table:
                own = {name: value for name, value in row.items() if name not in common}
                lines.append(f"        - {flow(own)}")
        if answer is None or len(answer) > _MOST_EXPECTED:
            lines.append("    snapshot: true")
        else:
            lines.append("    expect:\n      columns: exact\n      order: strict")
            lines.append("      rows:" if answer else "      rows: []")
            lines += [f"        - {flow(row)}" for row in answer]
        return "\n".join(lines) + "\n"

    def _beside(self, path: str) -> str:
        return os.path.relpath(path, self.path.parent)

    def _write(self, text: str) -> None:
        with appearing_when_complete(self.path) as partial:
            partial.write_text(text, encoding="utf-8")


def _short_rows(
    rows: Sequence[Mapping[str, Any]], read: Read, names: Names, numbers: Mapping[str, int]
) -> list[dict[str, Any]]:
    """Rows of the table, with clients by their numbers."""
    recorded = dict(_recordings(names))
    return [_short_row(row, read, names, recorded, numbers) for row in rows]


def _short_row(
    row: Mapping[str, Any],
    read: Read,
    names: Names,
    recorded: Mapping[str, tuple[tuple[str, ...], Recording]],
    numbers: Mapping[str, int],
) -> dict[str, Any]:
    by_path = {name.path: short for short, name in names.columns.items() if name.written is None}
    made: dict[str, Any] = {}
    for path in read.needs:
        value = _at(row, path)
        if value is None or any(_leads(path, other) for other in recorded):
            continue
        if names.pings and path == names.pings.timestamp:
            made["submission_date"] = value.astimezone(dt.UTC).date()
        elif names.pings and path == names.pings.client_id and "client_id" not in names.spec.filters:
            made["client_id"] = f"client {numbers[value]}"
        else:
            made[by_path.get(path, path)] = value
    for path, (keys, recording) in recorded.items():
        value = _at(row, path)
        if value is not None:
            here = made
            for key in keys[:-1]:
                here = here.setdefault(key, {})
            here[keys[-1]] = _buckets(recording, value, exact=names.spec.measure in ("summary", "pings"))
    return made


def _recordings(names: Names) -> Iterator[tuple[str, tuple[tuple[str, ...], Recording]]]:
    """The columns in which the spec's histogram is recorded, with the short names that lead to each."""
    kind: Kind = "scalar" if names.spec.scalar is not None else "histogram"
    short = "scalar" if kind == "scalar" else "hist"
    found = names.recordings(kind)
    processes = {process for _, process in found}
    several = len({name for name, _ in found}) > 1
    for (name, process), recording in found.items():
        keys: tuple[str, ...] = (f"{kind}s", name) if several else (short,)
        if len(processes) > 1:
            keys = ("processes", str(process), *keys)
        yield recording.path, (keys, recording)


def _leads(path: str, recorded: str) -> bool:
    return path == recorded or path.startswith(f"{recorded}.")


def _at(row: Any, path: str) -> Any:
    for part in path.split("."):
        row = row.get(part) if isinstance(row, Mapping) else None
    return row


def _buckets(recording: Recording, value: Any, *, exact: bool) -> Any:
    """A stored value in short; as it is where that says more."""
    if recording.is_keyed:
        keys = [entry["key"] for entry in value]
        if len(set(keys)) < len(keys) or None in keys:
            return [{"key": one["key"], "value": _one(recording, one["value"], exact)} for one in value]
        return {one["key"]: _one(recording, one["value"], exact) for one in value}
    return _one(recording, value, exact)


def _one(recording: Recording, value: Any, exact: bool) -> Any:
    if value is None or recording.form == "number":
        return value
    entries: Any = value.get("values") if recording.form == "array" else None
    of_all = value if recording.form == "array" else {}
    if recording.form == "array":
        entries = {entry["key"]: entry["value"] for entry in entries or []}
    else:
        try:
            of_all = json.loads(value)
            entries = of_all["values"] or {}
        except (ValueError, TypeError, KeyError):
            return value
    short = {key: count for key, count in entries.items() if count}
    total = of_all.get("sum")
    implied = sum(int(key) * count for key, count in short.items())
    return {"values": short, "sum": total} if exact and total not in (None, implied) else short
