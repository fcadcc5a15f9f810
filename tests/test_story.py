"""The story of releases: the same everywhere, and with the structure that its page explains."""

import json
from collections.abc import Iterable
from hashlib import sha256

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from stories import told

from querygen.sample import CRASH, MAIN, SCHEMAS, story_table
from querygen.sample.story import RELEASES


def digest(rows: Iterable[dict]) -> str:
    return sha256("\n".join(json.dumps(ping, default=str) for ping in rows).encode()).hexdigest()


def told_in(table: str) -> pa.Table:
    return pq.read_table(told("releases") / f"{table}.parquet")


@pytest.fixture(scope="module")
def story() -> duckdb.DuckDBPyConnection:
    """The story's tables, `main` and `crash`: version, client, time, usage in hours, process."""
    connection = duckdb.connect()
    for table in (MAIN, CRASH):
        connection.execute(
            f"CREATE TABLE {table.partition('.')[2]} AS SELECT client_id AS client, document_id, payload,"
            " application.version AS version, submission_timestamp AT TIME ZONE 'UTC' AS time"
            f" FROM '{told('releases')}/{table}.parquet'"
        )
    return connection


def of_story(story: duckdb.DuckDBPyConnection, query: str) -> list:
    return story.execute(query).fetchall()


@pytest.mark.parametrize(
    ("table", "rows", "expected"),
    [
        (MAIN, 171_155, "3c23d4299cac8b8e4105df84248793ac1afc5133128d6e9f51b27c929f003e48"),
        (CRASH, 9_090, "20c1f46e10c64627b1b7e386bbcc8675dbfd491e05e3c871dac0351e8dbe1c29"),
    ],
)
def test_the_story_is_that_of_every_other_machine(table: str, rows: int, expected: str) -> None:
    told = told_in(table)
    assert told.schema.equals(SCHEMAS[table])
    assert told.num_rows == rows
    assert digest(told.slice(0, 300).to_pylist() + told.slice(rows - 300).to_pylist()) == expected


def test_the_story_s_pings_are_in_order_and_told_apart(story: duckdb.DuckDBPyConnection) -> None:
    for table in ("main", "crash"):
        ((count, ids, times),) = of_story(
            story, f"SELECT COUNT(*), COUNT(DISTINCT document_id), COUNT(DISTINCT time) FROM {table}"
        )
        assert count == ids
        assert times > 0.99 * count
    for table in (MAIN, CRASH):
        moments = told_in(table)["submission_timestamp"].to_pylist()
        assert moments == sorted(moments)


def test_nobody_has_a_version_before_its_release_or_goes_back(story: duckdb.DuckDBPyConnection) -> None:
    released = {release.version: release.released.replace(tzinfo=None) for release in RELEASES}
    for version, first in of_story(story, "SELECT version, MIN(time) FROM main GROUP BY version"):
        assert first > released[version], version
    order = [release.version for release in RELEASES]
    seen: dict[str, int] = {}
    for client, version in of_story(
        story, "SELECT client, version FROM main WHERE client IS NOT NULL ORDER BY time"
    ):
        place = order.index(version)
        assert place >= seen.get(client, 0)
        seen[client] = place
    assert len(seen) == 1250


def test_uptake_takes_days(story: duckdb.DuckDBPyConnection) -> None:
    ((first, week, month),) = of_story(
        story,
        "SELECT AVG((version = '57.0')::INT) FILTER (time::DATE = '2017-11-15'), "
        "AVG((version = '57.0')::INT) FILTER (time::DATE = '2017-11-21'), "
        "AVG((version = '57.0')::INT) FILTER (time::DATE = '2017-12-14') FROM main",
    )
    assert 0 < first < 0.25 < week < 0.8
    assert month > 0.9


RATE = """
SELECT (SELECT COUNT(*) FROM crash WHERE payload.process_type = 'main' AND {where})
  / SUM(payload.info.subsession_length) * 3600000 FROM main WHERE {where}
"""


def rate(story: duckdb.DuckDBPyConnection, where: str) -> float:
    ((found,),) = of_story(story, RATE.format(where=where))
    return float(found)


def test_who_crashes_much_is_updated_first(story: duckdb.DuckDBPyConnection) -> None:
    early = rate(story, "version = '57.0' AND time::DATE BETWEEN '2017-11-14' AND '2017-11-21'")
    late = rate(story, "version = '57.0' AND time::DATE BETWEEN '2017-12-14' AND '2018-01-20'")
    left_behind = rate(story, "version = '56.0.2' AND time::DATE BETWEEN '2017-11-18' AND '2017-11-21'")
    assert early > 1.4 * late
    assert left_behind < 0.7 * late


def test_the_newest_version_looks_worse_and_is_not(story: duckdb.DuckDBPyConnection) -> None:
    newest = rate(story, "version = '59.0'")
    assert newest > rate(story, "version LIKE '58.%'")
    assert newest < 0.9 * rate(story, "version LIKE '58.%' AND time < '2018-02-01 12:00:00'")


def test_few_clients_make_many_of_the_crashes(story: duckdb.DuckDBPyConnection) -> None:
    counts = [
        count
        for (count,) in of_story(
            story,
            "SELECT COUNT(*) FROM crash WHERE payload.process_type = 'main' AND client IS NOT NULL "
            "GROUP BY client ORDER BY 1 DESC",
        )
    ]
    assert sum(counts[:12]) > 0.2 * sum(counts)
    ((most,),) = of_story(
        story,
        "SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM crash WHERE payload.process_type = 'main' "
        "AND client IS NOT NULL GROUP BY client, time::DATE)",
    )
    assert most >= 8, "a crash loop"


def test_content_crashes_are_in_both_tables(story: duckdb.DuckDBPyConnection) -> None:
    told = "SELECT COUNT(*) FROM crash WHERE payload.process_type = 'content'"
    counted = (
        "SELECT SUM(json_extract(entry.value, '$.sum')::INT) FROM "
        "(SELECT UNNEST(payload.keyed_histograms.subprocess_crashes_with_dump) AS entry FROM main)"
    )
    assert of_story(story, told) == of_story(story, counted)


def test_another_seed_tells_the_same_story_of_other_pings() -> None:
    first, other = told_in(CRASH), story_table(CRASH, 2)
    assert other.schema.equals(first.schema)
    assert other["document_id"].to_pylist()[:100] != first["document_id"].to_pylist()[:100]
