"""Are the limits of `measure: rate` right, and its alerts? Many simulated releases, by the rendered SQL.

Limits: how often they hold the true rate where a few clients crash in a loop. Alerts: how many of a thousand
releases without a change have one at any of 14 daily looks, where releases differ by more than chance; and
how much usage it takes until a rise by half is flagged.

    python tests/simulate_rates.py            # a quarter of an hour
    python tests/simulate_rates.py --quick    # a fifth of the experiments
"""

import argparse
import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[1]))

from querygen import Query
from querygen.quantiles import student

SCALARS = "payload.processes.parent.scalars"
RATE = {
    "measure": "rate",
    "events": {"scalar": f"{SCALARS}.crashes"},
    "exposure": {"scalar": f"{SCALARS}.seconds"},
    "per": 3_600_000,
    "confidence": 0.95,
    "allow_full_scan": True,
}
EXPERIMENT, LOOK = {"name": "experiment", "of": "country"}, {"name": "look", "of": "os"}
LOOKS = 14
SHARES = (0.97, 0.95, 0.98)
AT_ONCE = 300_000  # rows of one query
PER_HOUR = 0.01  # crashes of an ordinary client
LOOPING, LOOPS = 0.03, 40  # so many clients crash so much more often
TRUE_RATE = 1000 * PER_HOUR * (1 + LOOPING * (LOOPS - 1))


@dataclass(frozen=True)
class Pings:
    """One ping of each client and look, with all that it has counted until then; arrays of the same shape."""

    experiment: np.ndarray
    look: np.ndarray
    version: np.ndarray
    crashes: np.ndarray
    seconds: np.ndarray


def attached(pings: Pings) -> duckdb.DuckDBPyConnection:
    """All experiments as one table. Versions are a day apart; each version's pings come in ten minutes."""
    columns = {name: pa.array(values.ravel()) for name, values in vars(pings).items()}
    columns["client"] = pa.array(np.arange(pings.crashes.size))
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET enable_progress_bar = false")
    connection.register("flat", pa.table(columns))
    connection.execute("CREATE SCHEMA telemetry")
    connection.execute("""
        CREATE TABLE telemetry.main AS SELECT
          TIMESTAMP '2020-01-01' + to_days(version::INTEGER) + to_minutes(10 * (client % 2))
            AS submission_timestamp,
          'client-' || client AS client_id,
          lpad(experiment::VARCHAR, 6, '0') AS normalized_country_code,
          lpad(look::VARCHAR, 2, '0') AS normalized_os,
          {'display_version': (50 + version) || '.0'} AS application,
          {'processes': {'parent': {'scalars': {'crashes': crashes, 'seconds': seconds}}}} AS payload
        FROM flat
    """)
    return connection


def parts(experiments: int, rows_of_each: int) -> list[int]:
    """How many experiments go into each query."""
    most = max(1, AT_ONCE // rows_of_each)
    return [min(most, experiments - done) for done in range(0, experiments, most)]


# --- Limits --------------------------------------------------------------------------------------


def coverage(clients: int, experiments: int, seed: int) -> dict[str, float]:
    """How often the limits of each method hold the true rate."""
    chance = np.random.default_rng(seed)
    held: dict[str, list[bool]] = {"clients": [], "poisson": []}
    for count in parts(experiments, clients):
        shape = (count, clients)
        hours = np.exp(chance.normal(2, 1, shape))
        often = np.where(chance.random(shape) < LOOPING, LOOPS, 1)
        nothing = np.zeros(shape, dtype=int)
        place = np.repeat(np.arange(count), clients).reshape(shape)
        seconds = (3600 * hours).astype(int)
        crashes = chance.poisson(PER_HOUR * often * hours)
        connection = attached(Pings(place, nothing, nothing, crashes, seconds))
        for method in held:
            rows = Query(**RATE, method=method, dimensions=[EXPERIMENT]).run(connection=connection).rows()
            held[method] += [row["lower"] <= TRUE_RATE <= row["upper"] for row in rows]
        connection.close()
    return {method: float(np.mean(values)) for method, values in held.items()}


# --- Alerts --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Releases:
    """Releases, each after `before` others, whose rates differ by a standard deviation of the logarithm.

    Attributes:
        clients: of each version at each look, ascending; all of one look are there at the next one, too.
        per_hour: how often a client crashes, on average: they differ by a gamma distribution of shape 1/2.
        rise: of the rate of the last version.
        grows: clients go on to use it from look to look.
    """

    before: int
    deviation: float
    clients: tuple[int, ...]
    per_hour: float = PER_HOUR
    rise: float = 0.0
    grows: bool = True

    @property
    def rows(self) -> int:
        return (self.before + 1) * sum(self.clients)


def daily(clients: int) -> tuple[int, ...]:
    """How many clients have updated at each of 14 daily looks: fewer from day to day go on to."""
    return tuple(max(1, round(clients * (1 - 0.8**day) / (1 - 0.8**LOOKS))) for day in range(1, LOOKS + 1))


def released(of: Releases, experiments: int, chance: np.random.Generator) -> Pings:
    """The pings of so many releases and those before each."""
    versions, most, looks = of.before + 1, of.clients[-1], len(of.clients)
    true = np.exp(chance.normal(0, of.deviation, (experiments, versions, 1, 1)))
    true[:, -1] *= 1 + of.rise
    often = chance.gamma(0.5, 2, (experiments, versions, most, 1))
    activity = np.exp(chance.normal(1 if of.grows else 2, 1, (experiments, versions, most, 1)))
    started = np.searchsorted(of.clients, np.arange(most), side="right")[:, None]
    look = np.arange(looks)
    there = np.broadcast_to(look >= started, (experiments, versions, most, looks))
    used = look >= started if of.grows else look == started
    hours = activity * used
    crashes = chance.poisson(of.per_hour * true * often * hours).cumsum(axis=-1)
    seconds = (3600 * hours.cumsum(axis=-1)).astype(int)
    experiment, version, _, at = np.nonzero(there)
    return Pings(experiment, at, version, crashes[there], seconds[there])


def alerted(of: Releases, experiments: int, expected: Sequence[float], seed: int) -> dict[float, np.ndarray]:
    """Whether each release has an alert at each look, by the share that is expected in the range.

    The query is of the first share. The ranges of the others have the same centre, and are wider or narrower
    as Student's t is, which is quicker than as many queries.
    """
    chance = np.random.default_rng(seed)
    found: dict[float, list[np.ndarray]] = {share: [] for share in expected}
    spec = RATE | {"align": "release", "alert": {"expected": expected[0]}}
    for count in parts(experiments, of.rows):
        connection = attached(released(of, count, chance))
        rows = Query(**spec, dimensions=[EXPERIMENT, LOOK, "app_version"]).run(connection=connection).rows()
        last = [row for row in rows if row["app_version"] == f"{50 + of.before}.0"]
        for share in expected:
            alerts = np.array([_is_alert(row, expected[0], share) for row in last])
            found[share].append(alerts.reshape(count, len(of.clients)))
        connection.close()
    return {share: np.concatenate(values) for share, values in found.items()}


def _is_alert(row: dict[str, Any], asked: float, share: float) -> bool:
    """Whether the state is an alert, or would be if another share were expected in the range."""
    if share == asked or row["expected_upper"] is None:
        return row["state"] == "alert"
    middle = math.log(row["expected_lower"] * row["expected_upper"]) / 2
    freedom = row["n_before"] - 1
    wider = student(share, freedom) / student(asked, freedom)
    return row["adjusted_rate"] > math.exp(middle + wider * (math.log(row["expected_upper"]) - middle))


def hours(of: Releases) -> list[float]:
    """The usage hours of a version at each look, on average."""
    each = np.exp((1 if of.grows else 2) + 0.5)
    if not of.grows:
        return [count * each for count in of.clients]
    return [each * sum(of.clients[: look + 1]) for look in range(len(of.clients))]


# --- What is printed -----------------------------------------------------------------------------


def of_limits(part: int, seed: int) -> Iterator[str]:
    for clients, experiments in ((500, 1000), (2000, 1000), (10_000, 500)):
        begin = time.monotonic()
        held = coverage(clients, experiments // part, seed)
        took = time.monotonic() - begin
        yield (
            f"  {clients:>6} clients, {experiments // part:>4} experiments: limits of 95% hold the rate in "
            f"{held['clients']:.1%} by clients, {held['poisson']:.1%} of a Poisson count  [{took:.0f} s]"
        )


def of_alerts(part: int, seed: int) -> Iterator[str]:
    for before in (5, 10, 20):
        for deviation in (0.0, 0.1, 0.2):
            begin, experiments = time.monotonic(), 1000 // part
            of = Releases(before, deviation, daily(40), per_hour=0.1)
            found = alerted(of, experiments, SHARES, seed)
            took = time.monotonic() - begin
            words = ", ".join(
                f"{share:g}: {values.any(axis=1).mean():.1%}" for share, values in found.items()
            )
            yield (
                f"  {before:>2} versions before, deviation {deviation:g}, {experiments} releases: "
                f"an alert at any of {LOOKS} looks, by `expected`: {words}  [{took:.0f} s]"
            )


def of_power(part: int, seed: int) -> Iterator[str]:
    for before, experiments in ((5, 80), (10, 80), (20, 40)):
        of = Releases(before, 0.1, (200, 800, 3200, 9600), rise=0.5, grows=False)
        found = alerted(of, experiments // part, SHARES, seed)
        for share, values in found.items():
            curve = zip(hours(of), values.mean(axis=0), strict=True)
            words = ", ".join(f"{usage:,.0f} h: {flagged:.0%}" for usage, flagged in curve)
            count = experiments // part
            yield f"  {before:>2} versions before, {count} releases, expected {share:g}: {words}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a fifth of the experiments")
    parser.add_argument("--only", choices=("limits", "alerts", "power"), help="one of the parts")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    part = 5 if given.quick else 1
    crash = f"{LOOPING:.0%} of clients crash {LOOPS} times as often, {TRUE_RATE:.3g} in 1,000 hours"
    for name, title, lines in (
        ("limits", f"Limits, where {crash}:", of_limits),
        ("alerts", "Releases without a change:", of_alerts),
        (
            "power",
            f"Flagged at so much usage, after a rise by half from {1000 * PER_HOUR:g}:",
            of_power,
        ),
    ):
        if given.only in (None, name):
            print(title)
            for line in lines(part, given.seed):
                print(line, flush=True)


if __name__ == "__main__":
    main()
