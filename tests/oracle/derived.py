"""Derived numbers: each client has one, its events, or these by its exposure."""

from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

from oracle.amounts import per, shared, sides
from oracle.columns import Row
from oracle.definitions import Probes
from oracle.measures import Output, percentile_value, percentiles_of
from oracle.questions import Group, Spec


class Numbers(NamedTuple):
    """Each client's number in a group, how often these were recorded, and how many sent any ping."""

    numbers: Sequence[Fraction | int]
    n_samples: int
    n_all_clients: int


def numbers(spec: Spec, rows: Sequence[Row], probes: Probes) -> dict[Group, Numbers]:
    """The numbers of each group. "Clients without an id have none", nor those without exposure."""
    events, exposure = sides(spec, probes)
    counted = events.parts(rows)
    with_id = [row for row in rows if events.question.client(row) is not None]
    exposed = shared(events, exposure, with_id) if exposure else counted
    everyone = _everyone(events.question, rows)
    is_shared = [not d.of_recording for d in events.question.dimensions]
    found = {}
    for group in exposed:
        clients = sorted({part.client for part in exposed[group]} - {None})
        made: list[Fraction | int] = []
        n_samples = 0
        for client in clients:
            own = [part for part in counted.get(group, ()) if part.client == client]
            number = events.total(own)
            if exposure:
                divisor = exposure.total(part for part in exposed[group] if part.client == client)
                if divisor <= 0:
                    continue
                number = Fraction(number) * per(spec, exposure) / divisor
            made.append(number)
            n_samples += len(own)
        if made:
            of_all = tuple(value for value, kept in zip(group, is_shared, strict=True) if kept)
            found[group] = Numbers(made, n_samples, len(everyone[of_all]))
    return found


def _everyone(question, rows: Sequence[Row]) -> dict[Group, set[str]]:
    """All clients of the dimensions that come from the ping, whatever was recorded in it."""
    found: dict[Group, set[str]] = {}
    for row in filter(question.passes, rows):
        client = question.client(row)
        values = tuple(d.value(row) for d in question.dimensions if not d.of_recording)
        for group in question.groups(values) if client is not None else ():
            found.setdefault(group, set()).add(client)
    return found


def percentile_rows(spec: Spec, of: Numbers) -> list[Output]:
    """Percentiles over clients."""
    counts = Counter(of.numbers)
    return [
        {"percentile": percentile, "value": percentile_value(counts, percentile), **_counts(of)}
        for percentile in percentiles_of(spec)
    ]


def distribution_rows(_: Spec, of: Numbers) -> list[Output]:
    """A bucket is a client's number, the count is of clients."""
    counts = Counter(of.numbers)
    return [
        {"bucket": number, "count": count, "share": Fraction(count, counts.total()), **_counts(of)}
        for number, count in sorted(counts.items())
    ]


def summary_rows(_: Spec, of: Numbers) -> list[Output]:
    """Clients, sum and mean; and the share of all clients whose number is above zero."""
    total = Fraction(sum(of.numbers))
    return [
        {
            "count": len(of.numbers),
            "sum": total,
            "mean": total / len(of.numbers),
            "n_clients": len(of.numbers),
            "share_of_clients": Fraction(sum(number > 0 for number in of.numbers), of.n_all_clients),
            "n_all_clients": of.n_all_clients,
        }
    ]


def _counts(of: Numbers) -> Output:
    return {"n_clients": len(of.numbers), "n_samples": of.n_samples}


MEASURES: dict[str, Callable[[Spec, Numbers], list[Output]]] = {
    "percentiles": percentile_rows,
    "distribution": distribution_rows,
    "summary": summary_rows,
}
