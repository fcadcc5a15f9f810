"""One case of the coverage run: compiled, checked, translated, prepared, and now and then run on a row."""

import json
import math
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
from coverage_cases import KEY, Case, FoundColumn, found_columns, found_numbers

from querygen import data
from querygen.api import Query
from querygen.catalog import Catalog
from querygen.check import CheckedSql
from querygen.engines import duckdb as on_duckdb
from querygen.errors import QuerygenError
from querygen.facts import definition_of, facts_of
from querygen.listing import entries
from querygen.plan import Plan
from querygen.probes import ProbeDefinition
from querygen.running import run
from querygen.source import from_mapping
from querygen.translate import translate

OTHER_KEY = "another key"
NUMBER = 0  # the bucket that stands for a scalar's number


class WrongError(Exception):
    """What came of a case is not what must come of it."""


@dataclass(frozen=True)
class Failure:
    """A case that failed, and how."""

    case: Case
    error: str

    def __str__(self) -> str:
        return f"{json.dumps(self.case.whole_spec)}\n{self.error}"


class Checker:
    """Checks cases one after another, on one connection.

    Args:
        bare: the tables with their real schemas.
        defined: the same with probe definitions, for the cases that need them.
        googlesql: whether Google's analyzer checks each text against the whole schema, too, and its evaluator
            runs the rows.
    """

    def __init__(self, bare: Catalog, defined: Catalog | None, googlesql: bool) -> None:
        self._bare = bare
        self._defined = defined
        self._googlesql = googlesql

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        return on_duckdb.connect()

    @cached_property
    def _paths(self) -> Mapping[str, frozenset[str]]:
        """The paths of all distributions and scalars of each table."""
        sources = {table: self._bare.get(table) for table in self._bare.schemas}
        return {
            table: frozenset(
                c.path for c in (*found_columns(source.schema), *found_numbers(source.schema)[0])
            )
            for table, source in sources.items()
            if source
        }

    def failure(self, case: Case) -> Failure | None:
        """None if all is as it must be."""
        try:
            if case.names:
                self._must_be_refused(case)
            else:
                self._must_compile(case)
        except WrongError as error:
            return Failure(case, str(error))
        except Exception as error:
            return Failure(case, f"{type(error).__name__}: {error}")
        return None

    def _catalog(self, case: Case) -> Catalog:
        return self._defined if case.definition and self._defined else self._bare

    def _must_be_refused(self, case: Case) -> None:
        try:
            Query.of(from_mapping(case.whole_spec), self._bare).plan()
        except QuerygenError as error:
            missing = [path for path in case.names if path not in str(error)]
            if missing:
                raise WrongError(f"the error does not name {', '.join(missing)}: {error}") from None
        else:
            raise WrongError("no error")

    def _must_compile(self, case: Case) -> None:
        catalog = self._catalog(case)
        query = Query.of(from_mapping(case.whole_spec), catalog)
        checked = query.checked()
        plan = checked.sql.plan
        self._must_read(plan, case)
        if case.definition and case.is_defined:
            _must_be_explained(catalog, case, case.definition)
        for read in plan.reads:
            of_read = catalog.get(read.like)
            assert of_read
            data.empty(self._connection, read.table, of_read.schema, read.needs)
        rows = on_duckdb.run(translate(checked), self._connection)
        names = [column.name for column in plan.columns]
        if rows.num_rows or rows.column_names != names:
            raise WrongError(f"of no pings came {rows.num_rows} rows of {rows.column_names}, not of {names}")
        if self._googlesql:
            query.analyze()
        if case.on_row is not None:
            for engine in ("duckdb", "googlesql") if self._googlesql else ("duckdb",):
                must_give = _must_give_known_numbers if case.is_number else _must_give_known_shares
                must_give(case, checked, catalog, engine)

    def _must_read(self, plan: Plan, case: Case) -> None:
        """The distributions that the case means, and no others."""
        paths = self._paths[case.table]
        every = [need for of_table in plan.reads for need in of_table.needs]
        needs = {need if need in paths else need.rpartition(".")[0] for need in every}
        read, meant = needs & paths, {column.path for column in case.columns}
        if read != meant:
            raise WrongError(f"it reads {sorted(read)}, not {sorted(meant)}")


def _must_be_explained(catalog: Catalog, case: Case, probe: ProbeDefinition) -> None:
    """The definition is found by the spec's name; kind, buckets and labels are known, and listed."""
    source, definitions = catalog.get(case.table), catalog.definitions
    assert source and definitions
    found = definition_of(definitions, source, str(case.spec["histogram"]))
    if found != probe:
        raise WrongError(f"its definition should be {probe.name}, not {found and found.name}")
    facts = facts_of(definitions, probe, case.scale)
    if not facts.bounds:
        raise WrongError("its bounds are not known")
    must_have_labels = probe.kind in ("categorical", "boolean", "flag")
    if must_have_labels and not facts.labels:
        raise WrongError("its labels are not known")
    if must_have_labels and not facts.is_categories:
        raise WrongError("its buckets should be categories")


def unlisted(catalog: Catalog, table: str, probes: Iterable[ProbeDefinition | None]) -> list[str]:
    """The names of the probes that `querygen catalog` lists without their kind, buckets or labels."""
    wanted = {probe.name: probe for probe in probes if probe}
    bare = set(wanted)
    for entry in entries(catalog, [table], ""):
        probe = wanted.get(entry.name) or (entry.definition and wanted.get(entry.definition.name))
        if probe and entry.definition:
            row = entry.row()
            complete = row["kind"] == probe.kind and row["buckets"] and (row["labels"] or not probe.labels)
            if complete:
                bare.discard(probe.name)
    return sorted(bare)


# ---------------------------------------------------------------------------------------------------------
# A row


def _must_give_known_shares(case: Case, checked: CheckedSql, catalog: Catalog, engine: Any) -> None:
    rng = random.Random(case.on_row)
    row, known = _row(case, rng)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, f"{case.table}.ndjson").write_text(json.dumps(row) + "\n")
        rows = run(checked, catalog, [folder], engine).rows()
    totals = Counter({key: sum(counts.values()) for key, counts in known.items()})
    expected = {
        (key, float(bucket * case.scale)): float(Fraction(count, totals[key]))
        for key, counts in known.items()
        for bucket, count in counts.items()
    }
    shown = {
        (row.get("key"), float(row["bucket"])): row["share"]
        for row in rows
        if row["n_samples"] and row["share"]
    }
    same = shown.keys() == expected.keys() and all(
        math.isclose(shown[place], share, rel_tol=1e-12) for place, share in expected.items()
    )
    if not same:
        raise WrongError(f"{engine}: on the row {json.dumps(row)} the shares are {shown}, not {expected}")
    if any(found["n_samples"] != totals[found.get("key")] or found["n_clients"] != 1 for found in rows):
        raise WrongError(f"{engine}: the counts beside the shares are wrong: {rows}")
    if case.definition and case.is_defined:
        _must_show_what_is_defined(rows, case.definition)


def _must_give_known_numbers(case: Case, checked: CheckedSql, catalog: Catalog, engine: Any) -> None:
    row, known = _row(case, random.Random(case.on_row))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, f"{case.table}.ndjson").write_text(json.dumps(row) + "\n")
        rows = run(checked, catalog, [folder], engine).rows()
    shown = "sum" if case.asks["measure"] == "summary" else "bucket"
    numbers = {row.get("key"): row[shown] for row in rows}
    expected = {key: counts[NUMBER] for key, counts in known.items()}
    if len(rows) != len(expected) or numbers != expected or any(row["n_clients"] != 1 for row in rows):
        raise WrongError(f"{engine}: on the row {json.dumps(row)} the numbers are {rows}, not {expected}")


def _must_show_what_is_defined(rows: list[dict[str, Any]], probe: ProbeDefinition) -> None:
    labels = {row["bucket"]: row.get("label") for row in rows}
    bounds = probe.bounds() or ()
    if not labels.keys() >= set(bounds):
        raise WrongError(f"of the buckets {bounds} only {sorted(labels)} have rows")
    wrong = {bucket: label for bucket, label in labels.items() if label != probe.label(bucket)}
    if wrong:
        raise WrongError(f"the labels {wrong} are wrong")


Known = dict[str | None, Counter[int]]


def _row(case: Case, rng: random.Random) -> tuple[dict[str, Any], Known]:
    """A ping that has the distribution, and the counts that the spec asks of it, by key."""
    client = {"client_id": "c"} if case.table == "telemetry.main" else {"client_info": {"client_id": "c"}}
    row: dict[str, Any] = {"submission_timestamp": "2020-04-10T12:00:00Z", **client}
    known: Known = {}
    for column in (*case.columns, *case.decoys):
        made: Known = {}
        *records, name = column.path.split(".")
        here = row
        for record in records:
            here = here.setdefault(record, {})
        here[name] = _value(case, column, made, rng)
        if column in case.columns:
            for key, counts in made.items():
                if case.keys == "one key" and key != KEY:
                    continue
                known.setdefault(key if case.keys == "dimension key" else None, Counter()).update(counts)
    return row, known


def _value(case: Case, column: FoundColumn, made: Known, rng: random.Random) -> Any:
    """A column's value; its counts are put into `made`."""
    write: Callable[[Counter[int], random.Random], Any] = _entries
    if case.is_number:
        write = _number
    elif column.kind.endswith("histograms"):
        write = _text
    if not column.is_keyed:
        made[None] = _counts(case, rng)
        return write(made[None], rng)
    for key in (KEY, OTHER_KEY):
        made[key] = _counts(case, rng)
    return [{"key": key, "value": write(counts, rng)} for key, counts in made.items()]


def _counts(case: Case, rng: random.Random) -> Counter[int]:
    """Some buckets, of the definition if there is one; a number is the count of one of them."""
    if case.is_number:
        return Counter({NUMBER: rng.randint(1, 10**6)})
    defined = (case.definition and case.definition.bounds()) or ()
    bounds: Sequence[int] = [bound for bound in defined if bound < 2**53] or range(2**30)
    buckets = rng.sample(bounds, min(len(bounds), rng.randint(1, 6)))
    return Counter({bucket: rng.randint(1, 1000) for bucket in sorted(buckets)})


def _number(counts: Counter[int], _: random.Random) -> int:
    return counts[NUMBER]


def _entries(counts: Counter[int], rng: random.Random) -> dict[str, Any]:
    """A distribution as Glean's tables hold it; some of its empty buckets, too."""
    values = [{"key": str(bucket), "value": count} for bucket, count in counts.items()]
    values.insert(rng.randint(0, len(values)), {"key": str(max(counts) + 1), "value": 0})
    return {"sum": 1, "values": values}


def _text(counts: Counter[int], rng: random.Random) -> str:
    """A distribution in one of the forms that the legacy table has, whichever can hold these counts."""
    total = sum(bucket * count for bucket, count in counts.items())
    if rng.random() < 0.5:
        values = ",".join(f"{bucket}:{count}" for bucket, count in counts.items())
        return f"50;0;{total};1,10000;{values},{max(counts) + 1}:0"
    by_bucket = {str(bucket): count for bucket, count in [*counts.items(), (max(counts) + 1, 0)]}
    histogram = {"bucket_count": 50, "histogram_type": 0, "sum": total, "range": [1, 10000]}
    return json.dumps({**histogram, "values": by_bucket})
