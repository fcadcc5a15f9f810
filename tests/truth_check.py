"""Judges a pair: runs its spec on its pings, compares with the oracle, and makes a failing pair smaller."""

import copy
import importlib.util
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from harness import query
from oracle import same_rows
from pings import DEFINITIONS, Pair, write_ndjson
from ruamel.yaml import YAML

from querygen.catalog import catalog
from querygen.errors import QuerygenError
from querygen.running import Engine, attached

ENGINES: tuple[Engine, ...] = ("duckdb", "googlesql") if importlib.util.find_spec("zetasql") else ("duckdb",)
LONGEST_SEARCH = 30.0  # seconds


class Failure(NamedTuple):
    """What is wrong with a pair: where (an engine, or the spec's compilation), and the difference."""

    where: str
    difference: str

    def __str__(self) -> str:
        return f"{self.where}: {self.difference}"


def judged(pair: Pair, engines: Sequence[Engine] = ENGINES) -> tuple[Failure | None, int]:
    """What is wrong with a pair, if anything, and how many rows its answer has.

    An answer that depends on the clock is asked again where the day has changed meanwhile.
    """
    day = datetime.now(UTC).date()
    damaged = pair.damaged
    expected = [] if damaged else pair.expected
    failure = _failure(pair, expected, damaged, engines)
    if pair.spec.get("today") == "current" and datetime.now(UTC).date() != day:
        return judged(pair, engines)
    return failure, len(expected)


def _failure(
    pair: Pair, expected: list[dict[str, Any]], damaged: Set[str | None], engines: Sequence[Engine]
) -> Failure | None:
    where = "spec"
    try:
        with asked(pair) as rows_on:
            for where in engines:
                if damaged:
                    difference = _end(rows_on, where, damaged)
                else:
                    difference = same_rows(rows_on(where), expected, unit=pair.unit)
                if difference:
                    return Failure(where, difference)
    except Exception as error:  # whatever it is, it is a finding of this run
        return Failure(where, _first_line(error))
    return None


def _end(
    rows_on: Callable[[Engine], list[dict[str, Any]]], engine: Engine, damaged: Set[str | None]
) -> str | None:
    """None if the query ends as it must: with the id of a damaged ping, whichever it is."""
    try:
        rows = rows_on(engine)
    except QuerygenError as error:
        (finding,) = error.diagnostics
        if finding.code != "undecodable":
            raise
        ids = ["(without an id)" if one is None else one for one in damaged]
        if finding.message.startswith(tuple(f"the ping {one} holds data" for one in ids)):
            return None
        return f"ends with another ping: {finding.message}"
    return f"{len(rows)} rows, though a ping is damaged: {min(map(str, damaged))}"


def _first_line(error: Exception) -> str:
    codes = [f"{finding.code}: " for finding in getattr(error, "diagnostics", ())]
    return f"{type(error).__name__}: {''.join(codes[:1])}{str(error).strip()}".splitlines()[0]


@contextmanager
def asked(pair: Pair) -> Iterator[Callable[[Engine], list[dict[str, Any]]]]:
    """Compiles a pair's spec, and attaches its pings: what gives the rows of an engine."""
    checked = query(pair.spec, pair.defined).checked(pair.udfs)
    plan = checked.sql.plan
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pings.ndjson"
        write_ndjson(pair.pings, file)
        with attached(plan, catalog(), [f"{plan.table}={file}"]) as tables:
            yield lambda engine: tables.run(checked, engine).rows()


# --- Smaller pairs -------------------------------------------------------------------------------


def smallest(pair: Pair, failure: Failure, engines: Sequence[Engine] = ENGINES) -> tuple[Pair, Failure]:
    """A pair that fails in the same way with fewer pings and a shorter spec, as small as is found soon."""
    search = _Search(pair, failure, [one for one in engines if one == failure.where] or engines)
    search.run()
    return search.pair, search.failure


def kind(failure: Failure) -> str:
    """Whether failures are alike: a difference in rows, or the type of error and the code of the finding."""
    name, _, rest = failure.difference.partition(": ")
    return f"{name}: {rest.partition(': ')[0]}" if name.endswith("Error") else ""


class _Search:
    """Takes away what the failure doesn't need, part by part."""

    def __init__(self, pair: Pair, failure: Failure, engines: Sequence[Engine]) -> None:
        self.pair, self.failure, self.engines = pair, failure, engines
        self.until = time.monotonic() + LONGEST_SEARCH

    def run(self) -> None:
        self._with_fewer_pings()
        self._keep_if_failing(udfs="inline")
        self._keep_if_failing(defined=False)
        for _ in range(2):
            self._shorten(self.pair.spec, lambda spec: self._keep_if_failing(spec=spec))
            self._with_fewer_pings()
        for at in range(len(self.pair.pings)):
            before, ping, after = self.pair.pings[:at], self.pair.pings[at], self.pair.pings[at + 1 :]
            self._shorten(
                ping, lambda one, kept=(before, after): self._keep_if_failing(pings=[*kept[0], one, *kept[1]])
            )

    def _keep_if_failing(self, **change: Any) -> bool:
        """Takes the changed pair in place of the one so far, if it fails alike."""
        smaller = self.pair._replace(**change)
        if smaller == self.pair or time.monotonic() > self.until:
            return False
        try:
            failure, _ = judged(smaller, self.engines)
        except Exception:  # the oracle judges valid specs only
            return False
        if failure is None or failure.where != self.failure.where or kind(failure) != kind(self.failure):
            return False
        self.pair, self.failure = smaller, failure
        return True

    def _with_fewer_pings(self) -> None:
        """Without half of the pings, a quarter, …, one of them."""
        size = len(self.pair.pings)
        while size:
            start = 0
            while start < len(self.pair.pings):
                pings = self.pair.pings
                if not self._keep_if_failing(pings=pings[:start] + pings[start + size :]):
                    start += size
            size //= 2

    def _shorten(self, value: Any, keep: Callable[[Any], bool]) -> Any:
        """The value with as few keys and items as `keep` takes, from the outside to the inside."""
        places = list(value) if isinstance(value, Mapping) else range(len(value))[::-1]
        for place in places if isinstance(value, Mapping | list) else ():
            without = _replaced(value, place)
            if keep(without):
                value = without
            elif isinstance(value[place], Mapping | list):
                inner = self._shorten(
                    value[place], lambda new, value=value, place=place: keep(_replaced(value, place, new))
                )
                value = _replaced(value, place, inner)
        return value


_NOTHING = object()


def _replaced(value: Any, place: Any, new: Any = _NOTHING) -> Any:
    """The mapping or list with something else at a place, or without it."""
    if isinstance(value, Mapping):
        changed = {**value, place: new}
        return changed if new is not _NOTHING else {key: value[key] for key in value if key != place}
    return [*value[:place], *([] if new is _NOTHING else [new]), *value[place + 1 :]]


def write(pair: Pair, folder: Path) -> str:
    """Writes the spec and the pings; returns the command that asks DuckDB for the same."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "spec.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe", pure=True).dump(copy.deepcopy(pair.spec), file)
    write_ndjson(pair.pings, folder / "pings.ndjson")
    source = pair.spec.get("source", "telemetry.main")
    table = source["table"] if isinstance(source, Mapping) else source
    probes = f" --probes {DEFINITIONS}" if pair.defined else ""
    return f"querygen run {folder / 'spec.yaml'} --data {table}={folder / 'pings.ndjson'}{probes}"
