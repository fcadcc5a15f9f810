"""`python tests/simulate_samples.py`: what a random sample can tell, and a biased one can't.

Many populations of clients are made, some of whose Firefox crashes far more often than others'. Each is
asked for its crash rate by rendered SQL: of a random share of clients, and of the same share of those who
answer, which are half as many among those who crash most. Prints for each share how far the rate is off on
average, how wide its limits of 95% are, and how often they hold the true one.
"""

import argparse
import sys
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

from querygen import Query  # noqa: E402 the project need not be installed
from querygen.show import text_table  # noqa: E402

CLIENTS = 4000  # of each population
SHARES = ("5%", "20%", "100%")
HOURS = 3600
SPEC = {
    "measure": "rate",
    "events": {"scalar": "browser.engagement.tab_open_event_count"},
    "dimensions": ["country"],
    "filters": {"submission_date": "2020-04-20"},
    "confidence": 0.95,
}


def populations(count: int, seed: int) -> pa.Table:
    """So many of them, a row a client: its population, usage, crashes, and whether it answers."""
    rng = np.random.default_rng(seed)
    total = count * CLIENTS
    hours = rng.integers(1, 24, total)
    crashy = rng.random(total) < 0.2
    crashes = rng.poisson(hours * np.where(crashy, 0.2, 0.02) * rng.gamma(1, 1, total))
    answers = rng.random(total) < np.where(crashy, 0.5, 1.0)
    numbers = np.arange(total)
    made = {
        "number": numbers,
        "population": numbers // CLIENTS,
        "seconds": hours * HOURS,
        "crashes": crashes,
        "answers": answers,
    }
    return pa.table(made)


TABLE = """
CREATE SCHEMA telemetry;
CREATE TABLE telemetry.main AS SELECT
  TIMESTAMPTZ '2020-04-20 12:00:00+00' AS submission_timestamp,
  'client ' || number AS client_id,
  'population ' || population AS normalized_country_code,
  if(answers, 'answers', 'silent') AS normalized_os,
  {
    'info': {'subsession_length': seconds},
    'processes': {'parent': {'scalars': {'browser_engagement_tab_open_event_count': crashes}}}
  } AS payload
FROM clients
"""


def rates(connection: duckdb.DuckDBPyConnection, **keys: object) -> dict[str, dict]:
    """What the rendered SQL says of each population."""
    found = Query(**{**SPEC, **keys}).run(connection=connection)
    return {row["country"]: row for row in found.rows()}


def judged(truth: dict[str, dict], found: dict[str, dict]) -> dict[str, str]:
    """How far the rates are from the true ones, and how often the limits hold these."""
    off = [found[name]["rate"] / truth[name]["rate"] - 1 for name in found]
    wide = [(row["upper"] - row["lower"]) / row["rate"] for row in found.values()]
    holds = [row["lower"] <= truth[name]["rate"] <= row["upper"] for name, row in found.items()]
    return {
        "off by": f"{np.mean(off):+.1%}",
        "width of limits": f"{np.mean(wide):.0%}",
        "hold the truth": f"{np.mean(holds):.1%}",
    }


def simulated(count: int, seed: int) -> list[dict[str, str]]:
    """A row for each kind of sample and share of clients."""
    with duckdb.connect() as connection:
        connection.register("clients", populations(count, seed))
        connection.execute(TABLE)
        truth = rates(connection)
        rows = []
        for kind, filters in {"random": {}, "biased": {"os": "answers"}}.items():
            for share in SHARES:
                keys = {"filters": {**SPEC["filters"], **filters}, "sample": share}
                rows.append({"sample": kind, "of clients": share} | judged(truth, rates(connection, **keys)))
        return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--populations", type=int, default=1000, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--quick", action="store_true", help="100 populations")
    flags = parser.parse_args()
    count = 100 if flags.quick else flags.populations
    print(f"{count} populations of {CLIENTS} clients")
    print(text_table(simulated(count, flags.seed)).decode(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
