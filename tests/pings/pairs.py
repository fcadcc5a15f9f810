"""Pairs of a random spec and pings made to fit it."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple

from hypothesis import strategies as st
from oracle import Question, answer, damaged_pings
from oracle.columns import table_name
from oracle.questions import facts_of

from pings.conditions import LAST
from pings.derived import derived_spec_of
from pings.dimensions import MAIN, Spec
from pings.glean import glean_pings
from pings.probes import PROBES
from pings.recordings import recording_pings
from pings.rows import Ping
from pings.specs import spec_of

POOL, POOLS = 400, 4
MOST_PINGS = 60
EVERY = 4  # of so many pairs one is of events and exposure
UDFS = ("inline", "inline", "inline", "temp", "mozfun")


class Pair(NamedTuple):
    """What to compile, run and judge; whether with probe definitions, and in which form of the text.

    `name` is what makes it again: the seed and number.
    """

    spec: Spec
    pings: list[Ping]
    defined: bool
    udfs: str
    name: str

    def __repr__(self) -> str:
        with_probes = " with probes" if self.defined else ""
        return f"<pair {self.name}: {self.spec}{with_probes}, {self.udfs}, {len(self.pings)} pings>"

    @property
    def expected(self) -> list[dict[str, Any]]:
        """What the definitions say."""
        return answer(self.spec, self.pings, PROBES if self.defined else None)

    @property
    def unit(self) -> Fraction:
        """What one of the recorded unit is among the values, if these lie inside of buckets."""
        if self.spec.get("percentile_method") != "interpolated":
            return Fraction(1)
        question = Question.of(self.spec, PROBES if self.defined else {})
        return facts_of(self.spec, question.columns).scale

    @property
    def damaged(self) -> frozenset[str | None]:
        """The ids of the pings any of which must end the query instead."""
        return damaged_pings(self.spec, self.pings, PROBES if self.defined else None)


def numbered(seed: int, number: int) -> Pair:
    """The pair of that number: always the same, but that `today: current` moves its pings to these days."""
    name = f"{seed}/{number}"
    rng = random.Random(name)
    spec, defined = (derived_spec_of if number % EVERY == EVERY - 1 else spec_of)(rng)
    return Pair(spec, _fitting(spec, defined, rng), defined, rng.choice(UDFS), name)


def pairs(holds: Callable[[Pair], Any] = lambda _: True) -> st.SearchStrategy[Pair]:
    """Random pairs for which something holds."""

    def first(number: int) -> Pair:
        return next(pair for at in count(number) if holds(pair := numbered(0, at)))

    return st.integers(0, 10**6).map(first)


@lru_cache(maxsize=2 * POOLS)
def _pool(table: str, seed: int) -> list[Ping]:
    return (recording_pings if table == MAIN else glean_pings)(POOL, seed)


def _fitting(spec: Spec, defined: bool, rng: random.Random) -> list[Ping]:
    """Pings most of which pass the spec's filters and carry what it asks, and some others among them.

    Few where the spec looks at each in many ways, since Google's evaluator takes its time for these.
    """
    question = Question.of(spec, PROBES if defined else {})
    most = max(4, MOST_PINGS // _ways(question))
    size = rng.randint(0, 4) if rng.random() < 0.02 else rng.randint(min(5, most), most)
    pings = rng.sample(_pool(table_name(spec), rng.randrange(POOLS)), POOL)
    if spec.get("today") == "current":
        pings = [_moved(ping, datetime.now(UTC).date() - LAST) for ping in pings]
    if spec.get("strict") and rng.random() < 0.5:
        pings = [ping for ping in pings if not any(one.is_damaged for one in question.recorded(ping))]
    fitting: list[Ping] = []
    others: list[Ping] = []
    for ping in pings:
        (fitting if question.passes(ping) and _counts(question, ping) else others).append(ping)
        if len(fitting) >= size:
            break
    chosen = fitting[:size] + others[: max(size // 4, 1)]
    rng.shuffle(chosen)
    return chosen


def _ways(question: Question) -> int:
    """How many rows of the query a ping may become, more or less."""
    spec = question.spec
    ways = max(len(question.columns), 1) * (2 ** len(question.dimensions) if spec.get("cube") else 1)
    if spec.get("n_undecodable"):
        ways *= 2
    if spec.get("prior") or spec.get("buckets", "observed") != "observed":
        ways *= max(len(facts_of(spec, question.columns).bounds) // 20, 1)
    return ways


def _counts(question: Question, ping: Ping) -> bool:
    """Whether a ping adds to the answer, as far as it is asked for something recorded."""
    return not question.columns or any(one.held is not None for one in question.recorded(ping))


def _moved(ping: Ping, by: timedelta) -> Ping:
    """The ping as if submitted so much later."""
    submitted = ping.get("submission_timestamp")
    if submitted is None:
        return ping
    day = date.fromisoformat(submitted[:10]) + by
    return ping | {"submission_timestamp": f"{day}{submitted[10:]}"}
