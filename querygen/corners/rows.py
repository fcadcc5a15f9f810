"""The rows: each corner of each column once where all else passes the filters, and a crowd at random."""

import datetime as dt
import itertools
import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pyarrow as pa

from querygen.catalog import Catalog
from querygen.corners.recorded import Recorded
from querygen.corners.releases import VERSIONS, of_releases
from querygen.corners.sorting import Sorter, Values, as_table, columns_of
from querygen.corners.values import edges_in, edges_of, enrolments_of, values_of
from querygen.plan import Plan, Read
from querygen.sides import amounts_of, spec_of
from querygen.spec import Spec
from querygen.spec_values import TopKeys

_SEED = 20200420
_MOST_COMBINED = 300  # attempts for filters over several columns together
_CROWD = 60  # rows at random
_TIED = 8  # rows that are alone
_CLIENTS = tuple(f"client {number}" for number in range(12))
_MOST_TRIED = 2000  # clients, to find some that are in a sample
_LARGEST_GROUP = 500  # the most clients that are made to reach `min_clients`


@dataclass(frozen=True)
class Corners:
    """Made-up rows of the tables that a query reads.

    Attributes:
        parts: sets of rows of each table, each set to be looked at alone, typed as the schema says, with the
            columns that the query reads: all corners; for percentiles, rows that reach each of them exactly;
            for a strict query, rows of which one cannot be decoded.
        n_passing: how many of all rows pass all of the filters.
    """

    parts: tuple[Mapping[str, pa.Table], ...]
    n_passing: int

    def __str__(self) -> str:
        count = sum(rows.num_rows for part in self.parts for rows in part.values())
        return (
            f"{count} made-up pings that reach the corners of the spec, {self.n_passing} of which pass its"
            " filters"
        )


def corners(spec: Spec, plan: Plan, catalog: Catalog, today: dt.date | None = None) -> Corners:
    """Rows that reach the corners of a spec.

    Rows of several tables are of the same clients and days, and have the same values where the spec names
    some, so that what is counted in one meets what is counted in another.

    Args:
        spec: the question.
        plan: what the query does; the rows have the columns that it reads.
        catalog: the tables.
        today: overrides the spec's `today`.
    """
    made: list[list[pa.Table]] = []
    n_passing = 0
    for read in plan.reads:
        if catalog.get(read.like) is None:
            made.append([of_releases(spec, read, catalog, today)])
            continue
        with closing(_Maker(spec, read, catalog, today)) as maker:
            tables, passing = maker.made()
        made.append(tables)
        n_passing += passing
    parts = tuple(
        {read.table: tables[min(i, len(tables) - 1)] for read, tables in zip(plan.reads, made, strict=True)}
        for i in range(max(map(len, made)))
    )
    return Corners(parts, n_passing)


class _Maker:
    """Makes the rows of one table that a spec asks."""

    def __init__(self, spec: Spec, read: Read, catalog: Catalog, today: dt.date | None) -> None:
        source = catalog.get(read.like)
        if source is None:
            raise ValueError(f"the catalog has no table {read.like}")
        self._amounts = amounts_of(spec, read.table)
        spec = spec_of(spec, read.table)
        self._versions = VERSIONS if spec.align is not None else ()
        self._spec, self._read, self._source = spec, read, source
        self._rng = random.Random(_SEED)  # noqa: S311 the same rows every time
        day = today or spec.today
        self._today = day if isinstance(day, dt.date) else None
        self._filtered = {path for name in spec.filters for path in columns_of(name, spec, source)}
        self._pools = self._value_pools()
        self._sorter = Sorter(spec, catalog, source, day, {*read.needs, *self._pools})
        self._clients = self._known_clients()
        if source.client_id in self._pools:
            # Some clients have many pings, and most pings have a client.
            unknown = self._pools[source.client_id]
            self._pools[source.client_id] = [*self._clients, *self._clients[:3] * 3, *unknown]
        recorded = [path for path in read.needs if path not in self._pools]
        fields = {path: source.schema.find(path) for path in recorded}
        keys = tuple(dict.fromkeys(self._keys()))
        self._recorded = {
            path: Recorded(field, keys, self._rng, is_sound=spec.strict)
            for path, field in fields.items()
            if field
        }

    def _keys(self) -> Iterator[str]:
        """The keys that are asked for, of keyed recordings."""
        for key in (self._spec.key, *(amount.key for amount in self._amounts.values())):
            if isinstance(key, TopKeys):
                yield from (f"key {number}" for number in range(key.top + 2))
            elif key is not None:
                yield from (one for one in ((key,) if isinstance(key, str) else key) if one != "*")

    def _value_pools(self) -> dict[str, list[Any]]:
        """The values of each column that is no recording."""
        spec, source = self._spec, self._source
        edges: list[tuple[str, Iterable[Any]]] = [
            (reference, edges_of(condition, self._today)) for reference, condition in spec.filters.items()
        ]
        for dimension in spec.dimensions:
            edges += edges_in(dimension, self._today)
        edges += [(reference, ()) for reference in spec.fields or ()]
        for amount in self._amounts.values():
            edges += [(name, edges_of(condition, self._today)) for name, condition in amount.filters.items()]
        by_path: dict[str, list[Any]] = {source.timestamp: [], source.client_id: [], source.ping_id: []}
        for reference, values in edges:
            kept = list(values)
            for need in columns_of(reference, spec, source):
                by_path.setdefault(need, []).extend(kept)
        pools = {}
        for path, values in by_path.items():
            field = source.schema.find(path)
            if path in self._read.needs and field is not None:
                pools[path] = values_of(field, values, whole_length=source.prefixes.get(path))
                pools[path] += self._versions if path in source.versions else ()
        if spec.experiment is not None:
            pools |= enrolments_of(spec, source)
        if source.ping_id in pools and source.ping_id not in self._filtered:
            pools[source.ping_id] = [*(f"ping {number}" for number in range(_CROWD)), None]
        return pools

    def _known_clients(self) -> tuple[str, ...]:
        """Clients of many pings: of a share of clients ones that are in it, with each enrolment."""
        client, reads = self._source.client_id, self._sorter.needs[-1]
        if client not in reads:
            return _CLIENTS
        found: dict[str, None] = {}
        others = [path for path in reads if path != client]
        for values in itertools.product(*(self._pools[path] for path in others)):
            enrolled = dict(zip(others, values, strict=True))
            rows = [{**enrolled, client: f"client {number}"} for number in range(_MOST_TRIED)]
            passing = [
                row[client]
                for row, place in zip(rows, self._sorter.sorted(rows), strict=True)
                if place.passes[-1]
            ]
            found |= dict.fromkeys(passing[: len(_CLIENTS)])
        return tuple(found) or _CLIENTS

    def close(self) -> None:
        """Gives back what was needed to make them."""
        self._sorter.close()

    def made(self) -> tuple[list[pa.Table], int]:
        """The rows, in sets of which each is to be looked at alone, and how many pass."""
        groups = self._groups()
        passing = [self._passing(group) for group in groups]
        rows = [*self._one_at_a_time(groups, passing), *self._crowd(passing)]
        rows += self._unreached(rows, passing)
        self._fill_recordings(rows)
        rows += [dict(row) for row in rows[-2:]]  # the same ping once more
        rows += self._without_records(passing)
        rows += self._large_group(passing)
        parts = [rows]
        if self._spec.measure == "percentiles":
            parts.append(self._ties(passing))
        if self._spec.strict:
            parts.append(self._damaged(passing))
        passes = sum(found.passes_all for part in parts for found in self._sorter.sorted(part))
        root = self._source.schema.prune(self._read.needs).root
        return [as_table(part, root) for part in parts], passes

    def _ties(self, passing: Sequence[Sequence[Values]]) -> list[Values]:
        """Rows that all have one histogram, whose cumulative shares are the percentiles asked for."""
        shares = [Fraction(str(p)) for p in self._spec.percentiles_or_default if p > 0]
        whole = math.lcm(*(share.denominator for share in shares))
        steps = [after - before for before, after in itertools.pairwise((Fraction(), *shares, Fraction(1)))]
        counts = [int(step * whole) for step in steps if step]
        return [
            row | {path: recorded.of_counts(counts) for path, recorded in self._recorded.items()}
            for row in self._crowd(passing, _TIED)
        ]

    def _damaged(self, passing: Sequence[Sequence[Values]]) -> list[Values]:
        """Ordinary rows, and one that cannot be decoded: what it holds ends a query that is strict."""
        rows = list(self._crowd(passing, _TIED))
        for row in rows:
            row |= {path: recorded.ordinary() for path, recorded in self._recorded.items()}
        rows[-1] |= {path: recorded.damaged() for path, recorded in self._recorded.items()}
        return rows

    def _groups(self) -> list[list[str]]:
        """The columns, those together that one filter reads."""
        groups = [[path] for path in self._pools]
        for needs in self._sorter.needs:
            together = [group for group in groups if set(group) & set(needs)]
            groups = [group for group in groups if group not in together]
            groups.append([path for group in together for path in group])
        return [group for group in groups if group]

    def _candidates(self, group: Sequence[str]) -> list[Values]:
        """What a group of columns can hold: each value of one column, or some combinations."""
        if len(group) == 1:
            return [{group[0]: value} for value in self._pools[group[0]]]
        every = itertools.product(*(self._pools[path] for path in group))
        count = 1
        for path in group:
            count *= len(self._pools[path])
        if count <= _MOST_COMBINED:
            return [dict(zip(group, values, strict=True)) for values in every]
        return [{path: self._rng.choice(self._pools[path]) for path in group} for _ in range(_MOST_COMBINED)]

    def _passing(self, group: Sequence[str]) -> list[Values]:
        """The candidates of a group that pass the filters over its columns; all, if none does."""
        candidates = self._candidates(group)
        concerned = [n for n, needs in enumerate(self._sorter.needs) if set(needs) & set(group)]
        found = zip(candidates, self._sorter.sorted(candidates), strict=True)
        passing = [values for values, place in found if all(place.passes[n] for n in concerned)]
        return passing or candidates

    def _one_at_a_time(
        self, groups: Sequence[Sequence[str]], passing: Sequence[Sequence[Values]]
    ) -> Iterator[Values]:
        """Each candidate of each group, where all other groups pass, in the pings of two ordinary clients."""
        turns = [itertools.cycle(self._rng.sample(values, len(values))) for values in passing]
        client = self._source.client_id
        for group in groups:
            candidates = self._candidates(group)
            if len(group) > 1:
                candidates = self._rng.sample(candidates, min(len(candidates), _CROWD))
            for number, candidate in enumerate(candidates):
                for step in (0, 1):
                    row = {path: value for turn in turns for path, value in next(turn).items()}
                    if client in self._pools and client not in self._filtered:
                        row[client] = self._clients[(number + step) % len(self._clients)]
                    yield row | candidate

    def _crowd(self, passing: Sequence[Sequence[Values]], count: int | None = None) -> Iterator[Values]:
        """Rows that pass, at random: enough that each odd recording is in one of them."""
        odd = max((recorded.count_of_odd for recorded in self._recorded.values()), default=0)
        for _ in range(count or _CROWD + odd):
            yield {path: value for values in passing for path, value in self._rng.choice(values).items()}

    def _unreached(self, rows: Sequence[Values], passing: Sequence[Sequence[Values]]) -> list[Values]:
        """Rows in groups that no other row is in."""
        seen = {found.group for found in self._sorter.sorted(rows) if found.passes_all}
        further = list(self._crowd(passing, _MOST_COMBINED))
        new: dict[tuple[Any, ...], Values] = {}
        for row, found in zip(further, self._sorter.sorted(further), strict=True):
            if found.passes_all and found.group not in seen:
                new.setdefault(found.group, row)
        return list(new.values())[:_CROWD]

    def _large_group(self, passing: Sequence[Sequence[Values]]) -> list[Values]:
        """As many clients in one group as `min_clients` asks for, where that can be made."""
        wanted = self._spec.min_clients or 0
        if not 0 < wanted <= _LARGEST_GROUP:
            return []
        (row,) = self._crowd(passing, 1)
        row |= {path: recorded.ordinary() for path, recorded in self._recorded.items()}
        return [row | {self._source.client_id: f"client of many {number}"} for number in range(wanted)]

    def _without_records(self, passing: Sequence[Sequence[Values]]) -> Iterator[Values]:
        """For each record of the table a row that has none of its fields."""
        for record in dict.fromkeys(need.partition(".")[0] for need in self._read.needs if "." in need):
            (row,) = self._crowd(passing, 1)
            row |= {path: recorded.ordinary() for path, recorded in self._recorded.items()}
            yield {path: value for path, value in row.items() if not path.startswith(f"{record}.")}

    def _fill_recordings(self, rows: Sequence[Values]) -> None:
        """Recordings for each row: of those that pass, every other one is odd, each form in its turn."""
        places = self._sorter.sorted(rows)
        turn = 0
        for row, place in zip(rows, places, strict=True):
            turn += place.passes_all
            for number, (path, recorded) in enumerate(self._recorded.items()):
                is_odd = place.passes_all and (turn + number) % 2 == 0
                row[path] = recorded.odd() if is_odd else recorded.ordinary()
