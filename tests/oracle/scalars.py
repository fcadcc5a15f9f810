"""Scalars, counters and quantities: each client has one number, the sum over its pings."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from oracle.decoding import CAP
from oracle.measures import Output, percentile_value, percentiles_of


class Sent(NamedTuple):
    """What was sent in a group: the client and number of each recording; `n_all_clients` sent any ping."""

    numbers: Sequence[tuple[str, int]]
    n_all_clients: int


def is_possible(number: int | None) -> bool:
    """Whether a number counts: those outside 0…2^40 are dropped, as NULL is."""
    return number is not None and 0 <= number <= CAP


def numbers(sent: Sent) -> list[int]:
    """The number of each client."""
    of_client: dict[str, int] = defaultdict(int)
    for client, number in sent.numbers:
        of_client[client] += number
    return sorted(of_client.values())


def percentile_rows(spec: Mapping[str, Any], sent: Sent) -> list[Output]:
    """Percentiles "over clients": the lowest number whose cumulative share reaches each."""
    counts = Counter(numbers(sent))
    return [
        {"percentile": percentile, "value": percentile_value(counts, percentile), **_counts(sent)}
        for percentile in percentiles_of(spec)
    ]


def distribution_rows(_: Mapping[str, Any], sent: Sent) -> list[Output]:
    """Its "`bucket` is a client's number", the count is of clients."""
    counts = Counter(numbers(sent))
    return [
        {"bucket": number, "count": count, "share": Fraction(count, counts.total()), **_counts(sent)}
        for number, count in sorted(counts.items())
    ]


def summary_rows(_: Mapping[str, Any], sent: Sent) -> list[Output]:
    """Of clients' numbers; the share is of "all clients whose pings pass, whether they sent it or not"."""
    found = numbers(sent)
    above_zero = sum(number > 0 for number in found)
    return [
        {
            "count": len(found),
            "sum": Fraction(sum(found)),
            "mean": Fraction(sum(found), len(found)),
            "n_clients": len(found),
            "share_of_clients": Fraction(above_zero, sent.n_all_clients),
            "n_all_clients": sent.n_all_clients,
        }
    ]


def _counts(sent: Sent) -> Output:
    """Clients, and how often they recorded a possible number."""
    return {"n_clients": len({client for client, _ in sent.numbers}), "n_samples": len(sent.numbers)}


MEASURES: dict[str, Callable[[Mapping[str, Any], Sent], list[Output]]] = {
    "percentiles": percentile_rows,
    "distribution": distribution_rows,
    "summary": summary_rows,
}
