"""A story of releases: telemetry.main and telemetry.crash from Firefox 56 to 59, as one table each.

It has the structure of which Mission Control's posts tell: each version looks bad in its first days, since it
reaches those first whose Firefox crashes much, and its hours are told later than its crashes. In truth every
version crashes less than the one before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import duckdb
import pyarrow as pa

from querygen.sample.columns import CRASH, MAIN, RELEASED
from querygen.sample.generate import read_sql, released_table, with_clients
from querygen.sample.shape import constants

TABLES: Final = (MAIN, CRASH, RELEASED)
"""The tables that the story is told in."""

START: Final = datetime(2017, 9, 21, tzinfo=UTC)
DAYS: Final = 183
"""The last one ends nine days after the last release."""

CLIENTS: Final = 1250


@dataclass(frozen=True, slots=True)
class Release:
    """A version of the story.

    Attributes:
        released: when clients are first offered it.
        sound: how many in 256 of what could crash does not.
    """

    version: str
    build_id: str
    released: datetime
    sound: int


def _release(version: str, build_id: str, day: tuple[int, int, int], sound: int) -> Release:
    return Release(version, build_id, datetime(*day, hour=14, tzinfo=UTC), sound)


RELEASES: Final = (
    _release("55.0.3", "20170824053622", (2017, 8, 25), 20),
    _release("56.0", "20170926190823", (2017, 9, 28), 30),
    _release("56.0.1", "20171002220106", (2017, 10, 9), 30),
    _release("56.0.2", "20171024165158", (2017, 10, 26), 30),
    _release("57.0", "20171112125346", (2017, 11, 14), 40),
    _release("58.0", "20180118215408", (2018, 1, 23), 50),
    _release("58.0.1", "20180128191252", (2018, 1, 29), 50),
    _release("58.0.2", "20180206200532", (2018, 2, 7), 50),
    _release("59.0", "20180310025718", (2018, 3, 13), 90),
)
"""The versions, in their order, on the days of the real ones; nothing else is real."""


def story_table(table: str, seed: int) -> pa.Table:
    """The story in one of its tables; pings in order of submission."""
    if table == RELEASED:
        return released_table((release.version, release.released.date()) for release in RELEASES)
    parameters: dict[str, Any] = {
        **constants(),
        "seed": str(seed),
        "clients": CLIENTS,
        "days": DAYS,
        "start": _microseconds(START),
        "versions": [release.version for release in RELEASES],
        "builds": [release.build_id for release in RELEASES],
        "released": [_microseconds(release.released) for release in RELEASES],
        "sound": [release.sound for release in RELEASES],
    }
    query = read_sql("releases.sql") + read_sql(f"releases.{table}.sql")
    named: Mapping[str, Any] = {name: value for name, value in parameters.items() if f"${name}" in query}
    with duckdb.connect() as connection:
        connection.execute(read_sql("macros.sql"))
        return with_clients(connection.sql(query, params=named).to_arrow_table(), table)


def _microseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
