"""The synthetic tables: always the same, realistic, and telling the tutorial's story."""

import json
import lzma
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from zlib import crc32

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from querygen import data
from querygen.errors import UsageError
from querygen.sample import (
    CRASH,
    GLEAN,
    MAIN,
    SCHEMA,
    SCHEMAS,
    Format,
    builtin_sample,
    generate,
    sample_table,
    tutorial,
    write_sample,
)
from querygen.sample.shape import (
    COMPOSITE_KEYS,
    GC_KEYS,
    LONG_KEYS,
    MEMORY_KEYS,
    NANO_KEYS,
    SPINNER_KEYS,
    SPINNER_NANOS,
    TAB_KEYS,
    functional_keys,
)
from querygen.schema import builtin_schema

REAL_SCHEMAS = {
    table: Path(__file__).parents[2] / "shared" / "schemas" / name
    for table, name in {MAIN: "main.5.bq.xz", GLEAN: "metrics.1.bq.xz"}.items()
}
PERCENTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@pytest.fixture(scope="module")
def builtin() -> list[dict]:
    return builtin_sample().to_pylist()


@pytest.fixture(scope="module")
def pings() -> list[dict]:
    return sample_table(4_000, 3).to_pylist()


@pytest.fixture(scope="module")
def glean_pings() -> list[dict]:
    return sample_table(4_000, 3, GLEAN).to_pylist()


def spinner(ping: dict) -> str | None:
    return ping["payload"]["histograms"]["fx_tab_switch_spinner_visible_ms"]


def decoded(text: str | None) -> dict[int, int]:
    if not text or not text.endswith("}}"):
        return {}
    return {int(key): count for key, count in json.loads(text)["values"].items()}


def percentiles(counts: dict[int, float]) -> list[int]:
    total = sum(counts.values())
    answers = []
    for percentile in PERCENTILES:
        reached = 0.0
        for key in sorted(counts):
            reached += counts[key]
            if reached / total >= percentile - 1e-9:
                answers.append(key)
                break
    return answers


def merged(rows: Iterable[dict]) -> list[int]:
    counts: Counter[int] = Counter()
    for ping in rows:
        counts.update(decoded(spinner(ping)))
    return percentiles(counts)


def one_vote_per_client(rows: Iterable[dict]) -> list[int]:
    clients: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for ping in rows:
        if ping["client_id"] is not None:
            clients[ping["client_id"]].update(decoded(spinner(ping)))
    votes: Counter[int] = Counter()
    for counts in clients.values():
        total = sum(counts.values())
        votes.update({key: count / total for key, count in counts.items() if total})
    return percentiles(votes)


def nightly_windows(rows: Iterable[dict]) -> list[dict]:
    return [
        ping
        for ping in rows
        if ping["application"]["channel"] == "nightly" and ping["normalized_os"] == "Windows"
    ]


def by_build(rows: Iterable[dict], least_clients: int) -> list[list[dict]]:
    """The pings of every build of the tutorial's days that so many clients report on, at least."""
    builds: defaultdict[str, list[dict]] = defaultdict(list)
    for ping in rows:
        build_id = ping["application"]["build_id"]
        if build_id and "20200406" <= build_id[:8] <= "20200420":
            builds[build_id].append(ping)
    return [
        pings
        for pings in builds.values()
        if len({ping["client_id"] for ping in pings if decoded(spinner(ping))}) >= least_clients
    ]


# --- The same rows everywhere ---------------------------------------------------------------------------


def digest(rows: Iterable[dict]) -> str:
    return sha256("\n".join(json.dumps(ping, default=str) for ping in rows).encode()).hexdigest()


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (MAIN, "6148119c82300ae05390b9c50f95b836a0a4535e112257de523e68fc678bb2aa"),
        (GLEAN, "ab6ea3fa15ae23087f5b431c2d377d948fdb263690efc7a103d3b3969e0bc8b1"),
        (CRASH, "dc5ebb30da4d94c383ccce2dd880c114c690b803e714453510194c3d06c6ac9f"),
    ],
)
def test_the_rows_are_those_of_every_other_machine(table: str, expected: str) -> None:
    assert digest(sample_table(500, 1, table).to_pylist()) == expected


def test_columns_that_came_later_change_no_other() -> None:
    rows = sample_table(500, 1).to_pylist()
    for ping in rows:
        del ping["environment"]["experiments"], ping["payload"]["histograms"]["composite_time"]
        del ping["payload"]["keyed_histograms"], ping["payload"]["processes"]
    assert digest(rows) == "9b3df808650645cac310ef3ecf3fc186f0e08f2dd45ae2ceac846e87cbf031e8"


@pytest.mark.parametrize("table", SCHEMAS)
def test_neither_workers_nor_shards_change_the_rows(monkeypatch: pytest.MonkeyPatch, table: str) -> None:
    expected = sample_table(1_000, 1, table)
    monkeypatch.setattr(generate, "SHARD_PINGS", 301)
    for workers in (1, 3):
        assert pa.concat_tables(generate.shards(1_000, 1, workers, table)).equals(expected)


def test_another_seed_or_size_gives_other_pings() -> None:
    first = sample_table(1_000, 1)
    for pings, seed in ((1_000, 2), (1_000, -1), (1_100, 1)):
        other = sample_table(pings, seed)
        spinners = [spinner(ping) for ping in other.to_pylist()[:997]]
        assert spinners != [spinner(ping) for ping in first.to_pylist()[:997]]


@pytest.mark.parametrize("table", [MAIN, GLEAN])
@pytest.mark.parametrize("pings", [1, 2, 3, 4, 7, 1_000])
def test_there_are_as_many_pings_as_asked_for(pings: int, table: str) -> None:
    assert sample_table(pings, 1, table).num_rows == pings


def test_pings_come_in_order_of_submission_within_the_two_weeks(pings: list[dict]) -> None:
    times = [ping["submission_timestamp"] for ping in pings]
    assert all(one < next_one for one, next_one in pairwise(times))
    assert datetime(2020, 4, 6, tzinfo=UTC) <= times[0]
    assert times[-1] < datetime(2020, 4, 21, tzinfo=UTC)
    assert {time.date() for time in times} == {date(2020, 4, day) for day in range(6, 21)}


# --- Its shape ------------------------------------------------------------------------------------------


def test_every_table_has_the_schema() -> None:
    assert SCHEMAS[MAIN].equals(SCHEMA)
    for table, schema in SCHEMAS.items():
        assert builtin_sample(table).schema.equals(schema)
        assert sample_table(10, 1, table).schema.equals(schema)


@pytest.mark.parametrize("table", REAL_SCHEMAS)
def test_names_and_types_are_those_of_the_real_table(table: str) -> None:
    if not REAL_SCHEMAS[table].exists():
        pytest.skip(f"{REAL_SCHEMAS[table]} is not there")
    types = {"INT64": pa.int64(), "FLOAT64": pa.float64(), "STRING": pa.string(), "BOOL": pa.bool_()}
    types["TIMESTAMP"] = pa.timestamp("us", tz="UTC")

    def compare(fields: Iterable[pa.Field], real: list[dict], path: str) -> None:
        columns = {column["name"]: column for column in real}
        for field in fields:
            column = columns[field.name]
            is_array = pa.types.is_list(field.type)
            assert (path + field.name, is_array) == (path + field.name, column.get("mode") == "REPEATED")
            kind = field.type.value_type if is_array else field.type
            if column["type"] == "RECORD":
                compare(kind, column["fields"], f"{path}{field.name}.")
            else:
                assert (path + field.name, kind) == (path + field.name, types[column["type"]])

    compare(SCHEMAS[table], json.loads(lzma.decompress(REAL_SCHEMAS[table].read_bytes())), "")


def test_the_crash_table_s_names_and_types_are_the_built_in_ones() -> None:
    schema = builtin_schema(CRASH)
    assert schema is not None

    def compare(fields: Iterable[pa.Field], path: str) -> None:
        for field in fields:
            column = schema.find(path + field.name)
            assert column, path + field.name
            if column.type == "RECORD" and not column.repeated:
                compare(field.type, f"{path}{field.name}.")
            else:
                kind = duckdb.from_arrow(pa.table({"x": pa.array([], field.type)})).types[0]
                # Its records have a part of the real ones' fields.
                assert column.repeated or str(kind) == column.duckdb_type(), path + field.name

    compare(SCHEMAS[CRASH], "")


def test_crashes_are_those_of_the_same_sessions(pings: list[dict]) -> None:
    crashes = sample_table(4_000, 3, CRASH).to_pylist()
    others = Counter(
        (ping["client_id"], entry["key"])
        for ping in pings
        for entry in at(ping, "payload.keyed_histograms.subprocess_crashes_with_dump") or ()
        for _ in range(json.loads(entry["value"])["sum"])
    )
    told = Counter((crash["client_id"], crash["payload"]["process_type"]) for crash in crashes)
    assert others == Counter({key: n for key, n in told.items() if key[1] != "main"})
    assert sum(others.values()) > 80
    of_main = Counter({client: n for (client, process), n in told.items() if process == "main"})
    assert sum(of_main.values()) > 30 and max(of_main.values()) > 5, "some crash in a loop"
    clients = {ping["client_id"]: ping for ping in pings}
    for crash in crashes:
        ping = clients[crash["client_id"]]
        if crash["client_id"] is not None:
            for column in ("normalized_os", "normalized_channel", "sample_id"):
                assert crash[column] == ping[column]
            system = crash["environment"]["system"]
            assert system == ping["environment"]["system"]
    times = [crash["submission_timestamp"] for crash in crashes]
    assert times == sorted(set(times))
    assert len({crash["document_id"] for crash in crashes}) == len(crashes)


def test_sample_ids_follow_from_the_client_ids(pings: list[dict]) -> None:
    for ping in pings:
        client_id = ping["client_id"]
        assert ping["sample_id"] == (None if client_id is None else crc32(client_id.encode()) % 100)


def test_a_client_keeps_its_machine(pings: list[dict]) -> None:
    machines: defaultdict[str, set] = defaultdict(set)
    for ping in pings:
        system = ping["environment"]["system"]
        machines[ping["client_id"]].add(
            (
                ping["normalized_channel"],
                ping["normalized_os_version"],
                system["memory_mb"],
                system["cpu"]["cores"],
            )
        )
    del machines[None]
    assert {len(seen) for seen in machines.values()} == {1}


def test_ids_are_unique_and_look_like_uuids(pings: list[dict]) -> None:
    documents = {ping["document_id"] for ping in pings}
    assert len(documents) == len(pings)
    for text in documents | {ping["client_id"] for ping in pings} - {None}:
        assert [len(part) for part in text.split("-")] == [8, 4, 4, 4, 12]


# --- Its histograms -------------------------------------------------------------------------------------


def at(ping: dict, path: str) -> object:
    """What a ping has at a dotted path; None behind a NULL."""
    here: object = ping
    for name in path.split("."):
        here = here[name] if isinstance(here, dict) else None
    return here


@pytest.mark.parametrize(
    ("column", "keys", "high"),
    [
        ("histograms.fx_tab_switch_spinner_visible_ms", SPINNER_KEYS, 1000),
        ("histograms.fx_tab_switch_spinner_visible_long_ms", LONG_KEYS, 64000),
        ("histograms.gc_ms", GC_KEYS, 10000),
        ("processes.content.histograms.gc_ms", GC_KEYS, 10000),
        ("processes.gpu.histograms.composite_time", COMPOSITE_KEYS, 1000),
    ],
)
def test_histograms_are_as_firefox_writes_them(
    pings: list[dict], column: str, keys: list[int], high: int
) -> None:
    seen = 0
    for ping in pings:
        text = at(ping["payload"], column)
        if not text or not text.endswith("}}"):
            continue
        seen += 1
        histogram = json.loads(text)
        assert json.dumps(histogram, separators=(",", ":")) == text
        assert list(histogram) == ["bucket_count", "histogram_type", "sum", "range", "values"]
        assert (histogram["bucket_count"], histogram["histogram_type"]) == (len(keys), 0)
        assert histogram["range"] == [keys[1], high]
        counts = {int(key): count for key, count in histogram["values"].items()}
        assert list(counts) == sorted(counts)
        assert set(counts) <= set(keys)
        filled = [keys.index(key) for key, count in counts.items() if count]
        if not filled:
            assert text.endswith('"sum":0,"range":[1,1000],"values":{}}')
            continue
        # An empty bucket on either side of the filled ones, and no other.
        padding = {filled[0] - 1, filled[-1] + 1} & set(range(len(keys)))
        assert {keys.index(key) for key, count in counts.items() if not count} == padding
        ends = [*(key - 1 for key in keys[1:]), float("inf")]
        least = sum(keys[place] * counts[keys[place]] for place in filled)
        most = sum(ends[place] * counts[keys[place]] for place in filled)
        assert least <= histogram["sum"] <= most
    assert seen > len(pings) / 3


def test_the_long_histogram_records_the_same_spinners(pings: list[dict]) -> None:
    for ping in pings[: -tutorial.PINGS]:
        short = decoded(spinner(ping))
        long = decoded(ping["payload"]["histograms"]["fx_tab_switch_spinner_visible_long_ms"])
        assert sum(short.values()) == sum(long.values())
        assert sum(count for key, count in long.items() if key >= 1000) == short.get(1000, 0)


def test_bucket_bounds_are_exponential() -> None:
    for keys in (SPINNER_KEYS, LONG_KEYS, GC_KEYS, COMPOSITE_KEYS, TAB_KEYS):
        for place in range(2, len(keys)):
            step = (keys[-1] / keys[place - 1]) ** (1 / (len(keys) - place))
            assert keys[place] == max(round(keys[place - 1] * step), keys[place - 1] + 1)


def test_two_histograms_have_the_compact_encodings(pings: list[dict]) -> None:
    histograms = [ping["payload"]["histograms"] for ping in pings]
    pairs = [row["http_pageload_is_ssl"] for row in histograms if row["http_pageload_is_ssl"] is not None]
    counts = [row["devtools_toolbox_opened_count"] for row in histograms]
    assert all(len(pair.split(",")) == 2 and pair.replace(",", "").isdigit() for pair in pairs)
    assert {len(str(int(count))) for count in counts if count is not None} == {1}
    assert 0.85 < len(pairs) / len(pings) < 0.95


def test_each_processs_histograms_are_where_it_is(pings: list[dict]) -> None:
    places: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for ping in pings[: -tutorial.PINGS]:
        for place in ("histograms.composite_time", "processes.gpu.histograms.composite_time"):
            places[ping["normalized_os"]][place] += at(ping["payload"], place) is not None
    assert all(
        (counts["histograms.composite_time"] > 0) == (os != "Windows") for os, counts in places.items()
    )
    windows = [ping for ping in pings if ping["normalized_os"] == "Windows"]
    assert (
        share(windows, lambda ping: bool(at(ping, "payload.processes.gpu.histograms.composite_time"))) > 0.99
    )
    both = [ping for ping in pings if at(ping, "payload.histograms.gc_ms")]
    assert all(at(ping, "payload.processes.content.histograms.gc_ms") for ping in both)


# --- Its proportions ------------------------------------------------------------------------------------


def share(rows: list[dict], is_so: Callable[[dict], bool]) -> float:
    return sum(map(is_so, rows)) / len(rows)


def test_proportions(builtin: list[dict]) -> None:
    texts = [spinner(ping) or "" for ping in builtin]
    lengths = [len(text) for text in texts if text]
    assert 0.37 < share(builtin, lambda ping: spinner(ping) is None) < 0.43
    assert 0.003 < share(builtin, lambda ping: ping["client_id"] is None) < 0.008
    assert 0.005 < share(builtin, lambda ping: ping["normalized_country_code"] is None) < 0.02
    assert 0.75 < share(builtin, lambda ping: ping["normalized_channel"] == "nightly") < 0.85
    assert 0.78 < share(builtin, lambda ping: ping["normalized_os"] == "Windows") < 0.87
    assert {ping["normalized_os_version"] for ping in nightly_windows(builtin)} == {"6.1", "6.3", "10.0"}
    assert 110 < sum(lengths) / len(lengths) < 122
    assert max(lengths) < 230


def test_a_few_clients_send_many_pings(builtin: list[dict]) -> None:
    counts = Counter(ping["client_id"] for ping in builtin if ping["client_id"])
    most = [count for _, count in counts.most_common()]
    assert 3_000 < len(most) < 4_000
    assert sum(most[: len(most) // 10]) > 0.3 * len(builtin)


def test_oddities_are_there_and_rare(builtin: list[dict]) -> None:
    texts = [spinner(ping) for ping in builtin]
    empty = sum(text == "" for text in texts)
    broken = sum(text is not None and text != "" and not text.endswith("}}") for text in texts)
    without_samples = sum(text is not None and text.endswith('"values":{}}') for text in texts)
    assert 0 < empty < 30
    assert 0 < broken < 15
    assert 0 < without_samples < 80
    assert 0 < sum(not ping["application"]["build_id"] for ping in builtin) < 20
    assert "NO" in {ping["normalized_country_code"] for ping in builtin}


def test_memory_is_a_little_less_than_what_is_sold(builtin: list[dict]) -> None:
    sizes = [2048, 4096, 8192, 16384, 32768]
    for ping in builtin:
        memory = ping["environment"]["system"]["memory_mb"]
        sold = next(size for size in sizes if memory <= size)
        assert 0.9 * sold < memory


def test_builds_are_used_for_some_days(builtin: list[dict]) -> None:
    nightly = [ping for ping in nightly_windows(builtin) if ping["application"]["build_id"]]
    builds = [ping["application"]["build_id"] for ping in nightly]
    assert all(datetime.strptime(build, "%Y%m%d%H%M%S") for build in builds)
    days = [ping["submission_timestamp"].strftime("%Y%m%d") for ping in nightly]
    ages = [(build[:8] > day) - (build[:8] < day) for build, day in zip(builds, days, strict=True)]
    assert 0.5 < ages.count(-1) / len(ages) < 0.9
    assert 0 < ages.count(1) / len(ages) < 0.005
    per_day = Counter(build[:8] for build in set(builds) if "20200406" <= build[:8] <= "20200420")
    assert per_day.pop("20200415") == 3
    assert set(per_day.values()) == {2}
    assert len(per_day) == 14
    few = Counter(builds)["20200415163117"]
    assert 0 < few < 60


# --- The tutorial ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 3, 12_000])
def test_sample_42_is_the_tutorials_alone(builtin: list[dict], size: int) -> None:
    rows = sample_table(size, 7).to_pylist() if size else builtin
    found = [ping for ping in rows if ping["sample_id"] == 42]
    assert [spinner(ping) for ping in found] == list(tutorial.HISTOGRAMS)
    assert {crc32(ping["client_id"].encode()) % 100 for ping in found} == {42}
    for ping in found:
        assert ping["normalized_channel"] == ping["application"]["channel"] == "nightly"
        assert ping["submission_timestamp"].date() == date(2020, 4, 20)
        assert ping["normalized_os"] == "Windows"


def test_the_tutorials_pings_use_a_build_of_the_others(builtin: list[dict]) -> None:
    builds = Counter(ping["application"]["build_id"] for ping in builtin)
    assert builds[builtin[-1]["application"]["build_id"]] > 50


def test_one_day_merged_gives_the_percentiles_that_the_tutorial_prints(builtin: list[dict]) -> None:
    day = [
        ping for ping in nightly_windows(builtin) if ping["submission_timestamp"].date() == date(2020, 4, 20)
    ]
    assert merged(day) == [13, 56, 165, 698, 1000]


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_one_vote_per_client_lowers_all_but_the_last_percentile(
    builtin: list[dict], seed: int | None
) -> None:
    rows = nightly_windows(builtin if seed is None else sample_table(20_000, seed).to_pylist())
    builds = by_build(rows, 150)
    assert len(builds) > 20
    for build_rows in builds:
        all_samples, clients = merged(build_rows), one_vote_per_client(build_rows)
        assert all_samples[3] >= 487
        assert all_samples[4] == 1000
        assert all(
            client < merged_one for client, merged_one in zip(clients[:4], all_samples[:4], strict=True)
        )
        assert clients[3] <= 165
        assert clients[4] >= 698


def test_windows_7_is_worse(builtin: list[dict]) -> None:
    everyone = nightly_windows(builtin)
    seven = [ping for ping in everyone if ping["normalized_os_version"] == "6.1"]
    assert one_vote_per_client(everyone)[2] <= 39
    assert one_vote_per_client(seven)[2] >= 487
    assert one_vote_per_client(seven)[3:] == [1000, 1000]
    for build_rows in by_build(seven, 30):
        assert one_vote_per_client(build_rows)[3:] == [1000, 1000]


def test_the_built_in_sample_is_made_once() -> None:
    assert builtin_sample() is builtin_sample() is builtin_sample(MAIN)
    assert builtin_sample(GLEAN) is builtin_sample(GLEAN)
    assert builtin_sample().num_rows == builtin_sample(GLEAN).num_rows == 20_000


# --- Experiments and crashes ----------------------------------------------------------------------------


def test_a_quarter_of_the_clients_is_in_each_experiment(pings: list[dict]) -> None:
    branches: defaultdict[str, set] = defaultdict(set)
    slugs = ("tab-warming-nightly-77", "startup-cache-nightly-77")
    for ping in pings[: -tutorial.PINGS]:
        entries = {entry["key"]: entry["value"]["branch"] for entry in ping["environment"]["experiments"]}
        assert set(entries) <= set(slugs)
        branches[ping["client_id"]].add(tuple(entries.get(slug) for slug in slugs))
    del branches[None]
    assert {len(seen) for seen in branches.values()} == {1}
    counts = Counter(both for seen in branches.values() for both in seen)
    total = sum(counts.values())
    for place in (0, 1):
        for branch in ("control", "treatment"):
            share = sum(count for both, count in counts.items() if both[place] == branch) / total
            assert 0.1 < share < 0.15
    assert 0.01 < counts["control", "treatment"] / total < 0.025, "they are drawn independently"


def crashes(ping: dict) -> dict[str, int]:
    entries = at(ping, "payload.keyed_histograms.subprocess_crashes_with_dump")
    return {entry["key"]: json.loads(entry["value"])["values"]["0"] for entry in entries or []}


def test_crashes_are_rare_but_on_one_build(builtin: list[dict]) -> None:
    counts, hours = Counter[str](), Counter[str]()
    keys = set()
    for ping in builtin:
        build = "bad" if ping["application"]["build_id"] == "20200415163117" else "any"
        keys |= set(crashes(ping))
        counts[build] += crashes(ping).get("content", 0)
        hours[build] += ping["payload"]["info"]["subsession_length"] / 3600
    assert keys == {"content", "gpu", "plugin"}
    assert 3 < 1000 * counts["any"] / hours["any"] < 15
    assert 1000 * counts["bad"] / hours["bad"] > 50


# --- Glean ----------------------------------------------------------------------------------------------


def distribution(ping: dict, path: str) -> dict[int, int]:
    found = at(ping, f"metrics.{path}")
    return {int(entry["key"]): entry["value"] for entry in found["values"]} if found else {}


def test_both_tables_hold_the_same_sessions(pings: list[dict], glean_pings: list[dict]) -> None:
    names = [name for name in pings[0] if name.startswith(("normalized_", "sub", "sample_id"))]
    for one, other in zip(pings, glean_pings, strict=True):
        info = other["client_info"]
        assert {name: one[name] for name in names} == {name: other[name] for name in names}
        assert (one["client_id"], one["application"]["build_id"], one["application"]["display_version"]) == (
            info["client_id"],
            info["app_build"],
            info["app_display_version"],
        )
        assert one["document_id"] != other["document_id"]
        assert info["os"] == {"Mac": "Darwin"}.get(one["normalized_os"], one["normalized_os"])
        assert crashes(one) == {
            entry["key"]: entry["value"]
            for entry in at(other, "metrics.labeled_counter.subprocess_crashes_with_dump") or []
        }
        branches = [
            [(entry["key"], entry["value"]["branch"]) for entry in at(ping, path) or []]
            for ping, path in ((one, "environment.experiments"), (other, "ping_info.experiments"))
        ]
        assert branches[0] == branches[1]


def test_gleans_spinners_are_the_legacy_ones_in_nanoseconds(
    pings: list[dict], glean_pings: list[dict]
) -> None:
    legacy_key = dict(zip(SPINNER_NANOS[:-1], SPINNER_KEYS[:-1], strict=True))
    for key, low, high in zip(SPINNER_NANOS, SPINNER_KEYS, [*SPINNER_KEYS[1:], 64_000], strict=True):
        assert low * 1_000_000 <= key < high * 1_000_000
    for one, other in zip(pings[: -tutorial.PINGS], glean_pings, strict=False):
        found: Counter[int] = Counter()
        for key, count in distribution(
            other, "timing_distribution.browser_tabswitch_spinner_visible"
        ).items():
            found[legacy_key.get(key, 1000)] += count
            assert key in legacy_key or key >= NANO_KEYS[NANO_KEYS.index(max(SPINNER_NANOS[:-1])) + 1]
        assert found == {key: count for key, count in decoded(spinner(one)).items() if count}


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("timing_distribution.browser_tabswitch_spinner_visible", NANO_KEYS),
        ("memory_distribution.memory_heap_allocated", MEMORY_KEYS),
        ("custom_distribution.browser_engagement_tab_count", TAB_KEYS),
    ],
)
def test_distributions_are_as_glean_sends_them(glean_pings: list[dict], path: str, keys: list[int]) -> None:
    seen = 0
    for ping in glean_pings:
        found = at(ping, f"metrics.{path}")
        if found is None:
            continue
        seen += 1
        counts = distribution(ping, path)
        assert list(counts) == sorted(counts)
        assert len(counts) == len(found["values"])
        assert set(counts) <= set(keys)
        assert min(counts.values()) > 0
        assert found["count"] == sum(counts.values())
        ends = dict(pairwise(keys))
        assert sum(key * count for key, count in counts.items()) <= found["sum"]
        assert found["sum"] < sum(ends[key] * count for key, count in counts.items())
    assert seen > len(glean_pings) / 2


def test_labelled_distributions_are_there_by_label(glean_pings: list[dict]) -> None:
    labels: Counter[str] = Counter()
    for ping in glean_pings:
        for entry in at(ping, "metrics.labeled_timing_distribution.network_http_fetch_duration") or []:
            labels[entry["key"]] += entry["value"]["count"]
            assert {int(bucket["key"]) for bucket in entry["value"]["values"]} <= set(NANO_KEYS)
    assert labels["h2_others"] > labels["h3_others"] > labels["h1_others"] > 0


@pytest.mark.parametrize("form", ["parquet", "ndjson"])
def test_the_built_in_schema_reads_what_is_written(tmp_path: Path, form: Format) -> None:
    (path,) = write_sample(tmp_path, 50, 5, format=form, table=GLEAN)
    schema, column = builtin_schema(GLEAN), "metrics.timing_distribution.browser_tabswitch_spinner_visible"
    assert schema is not None
    with duckdb.connect() as con:
        assert data.attach(con, GLEAN, [path], schema, [column, "ping_info"], strict_schema=True).notes == ()
        found = con.execute(f"SELECT {column} FROM {data.table_name(GLEAN)}").fetchall()
        data.attach_arrow(con, "again.metrics", sample_table(50, 5, GLEAN), schema, [column])
        again = con.execute(f"SELECT {column} FROM again.metrics").fetchall()
    assert [value and value["values"] for (value,) in found] == [
        value and value["values"] for (value,) in again
    ]
    assert sum(value["count"] for (value,) in found if value and value["count"]) > 50


def test_functional_buckets_are_gleans() -> None:
    assert functional_keys(16, 30, 34) == [30, 31, 33, 34]
    assert {1023, 32767} <= set(functional_keys(16, 1, 40_000))
    assert not {1024, 32768} & set(functional_keys(16, 1, 40_000))
    assert len(functional_keys(8, 1 << 20, (1 << 21) - 2)) == 8


def test_the_tutorials_spinners_make_its_histograms() -> None:
    rows = tutorial.table(GLEAN).to_pylist()
    for row, text, spinners in zip(rows, tutorial.HISTOGRAMS, tutorial.SPINNERS_MS, strict=True):
        legacy = json.loads(text)
        assert sum(spinners) == legacy["sum"]
        keys = Counter(max(key for key in SPINNER_KEYS if key <= spinner) for spinner in spinners)
        assert keys == {key: count for key, count in decoded(text).items() if count}
        found = at(row, "metrics.timing_distribution.browser_tabswitch_spinner_visible")
        assert (found["sum"], found["count"]) == (legacy["sum"] * 1_000_000, len(spinners))


# --- Writing --------------------------------------------------------------------------------------------


def test_parquet_and_ndjson_hold_the_same(tmp_path: Path) -> None:
    (parquet,) = write_sample(tmp_path / "new" / "one", 3_000, 5)
    (ndjson,) = write_sample(tmp_path / "two", 3_000, 5, format="ndjson")
    assert (parquet.name, ndjson.name) == ("telemetry.main.parquet", "telemetry.main.ndjson")
    table = pq.read_table(parquet)
    assert table.schema.equals(SCHEMA)
    assert table.equals(sample_table(3_000, 5))
    rows = table.to_pylist()
    for row in rows:
        row["submission_timestamp"] = row["submission_timestamp"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert [json.loads(line) for line in ndjson.read_text().splitlines()] == rows


def test_each_table_has_its_file(tmp_path: Path) -> None:
    for form in ("parquet", "ndjson"):
        folder = tmp_path / form
        write_sample(folder, 100, 5, format=form)
        (path,) = write_sample(folder, 100, 5, format=form, table=GLEAN)
        assert path.name == f"firefox_desktop.metrics.{form}"
        assert len(list(folder.iterdir())) == 2
    rows = pq.read_table(tmp_path / "parquet" / "firefox_desktop.metrics.parquet")
    assert rows.equals(sample_table(100, 5, GLEAN))
    lines = (tmp_path / "ndjson" / "firefox_desktop.metrics.ndjson").read_text().splitlines()
    assert [json.loads(line)["metrics"] for line in lines] == rows["metrics"].to_pylist()


def test_a_table_without_a_sample_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no sample of `telemetry\.mian`") as caught:
        write_sample(tmp_path, 10, 5, table="telemetry.mian")
    assert "`telemetry.main`" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["parquet", "ndjson"])
def test_files_are_the_same_whatever_the_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: Format
) -> None:
    monkeypatch.setattr(generate, "SHARD_PINGS", 400)
    files = [
        write_sample(tmp_path / str(workers), 2_000, 5, format=form, workers=workers)[0] for workers in (1, 2)
    ]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_progress_tells_what_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "SHARD_PINGS", 400)
    told: list[int] = []
    write_sample(tmp_path, 1_003, 5, told.append)
    assert told == [400, 800, 1_000, 1_003]


@pytest.mark.parametrize("form", ["parquet", "ndjson"])
def test_an_interruption_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: Format
) -> None:
    monkeypatch.setattr(generate, "SHARD_PINGS", 400)

    def interrupt(written: int) -> None:
        if written > 400:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_sample(tmp_path, 4_000, 5, interrupt, form)
    assert list(tmp_path.iterdir()) == []

    (path,) = write_sample(tmp_path, 10, 5, format=form)
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        write_sample(tmp_path, 4_000, 5, interrupt, form)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == before


def test_an_older_file_is_replaced(tmp_path: Path) -> None:
    write_sample(tmp_path, 10, 5)
    (path,) = write_sample(tmp_path, 20, 5)
    assert pq.read_metadata(path).num_rows == 20
    assert list(tmp_path.iterdir()) == [path]


def test_a_second_form_of_the_table_is_refused(tmp_path: Path) -> None:
    write_sample(tmp_path, 10, 5)
    with pytest.raises(UsageError, match=r"holds telemetry\.main already, as telemetry\.main\.parquet"):
        write_sample(tmp_path, 10, 5, format="ndjson")


def test_a_folder_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write"):
        write_sample(tmp_path / "file", 10, 5)


@pytest.mark.parametrize("pings", [0, -5])
def test_no_pings_are_an_error(tmp_path: Path, pings: int) -> None:
    with pytest.raises(UsageError, match="is no sample"):
        write_sample(tmp_path, pings, 5)
    assert list(tmp_path.iterdir()) == []
