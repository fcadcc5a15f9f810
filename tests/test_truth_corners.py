"""Corners that the random pings seldom reach, each worked out by hand on a few pings."""

import pytest
from harness import HISTOGRAM, NEEDS_GOOGLESQL, rows_of

ENGINES = ["duckdb", pytest.param("googlesql", marks=NEEDS_GOOGLESQL)]
ALL_DAYS = {"allow_full_scan": True}
TABS = "payload.processes.parent.scalars.browser_engagement_tab_open_event_count"


def ping(client, histogram=None, number=None, os=None, country=None):
    """A ping of 20 April 2020."""
    return {
        "client_id": client,
        "submission_timestamp": "2020-04-20T12:00:00Z",
        "normalized_os": os,
        "normalized_country_code": country,
        "payload": {
            "histograms": {HISTOGRAM.lower(): histogram},
            "processes": {"parent": {"scalars": {TABS.rpartition(".")[2]: number}}},
        },
    }


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("measure", ["percentiles", "distribution", "summary", "counts"])
@pytest.mark.parametrize("asked", [{"histogram": HISTOGRAM}, {"scalar": TABS}], ids=["histogram", "scalar"])
def test_without_pings_there_is_no_row(asked, measure, engine):
    """A group without a sample has no row; nor has a query without dimensions, which is one group."""
    pings = [ping("a", '{"values":{"1":1}}', 1, os="Mac")]
    spec = {**asked, "measure": measure, **ALL_DAYS}
    assert len(rows_of(spec, pings, engine)) > 0
    assert rows_of({**spec, "filters": {"os": "Windows"}}, pings, engine) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_the_prior_of_a_group_with_one_bucket(engine):
    """Four samples in one of four buckets, and a quarter of a vote in each: 4¼ of 5 votes."""
    spec = {"histogram": HISTOGRAM, "buckets": {"linear": [1, 3, 4]}, "prior": "dirichlet", **ALL_DAYS}
    rows = rows_of(spec, [ping("a", '{"values":{"1":4}}')], engine)
    assert [(row["bucket"], row["count"], row["share"]) for row in rows] == [
        (0, 0, pytest.approx(0.05)),
        (1, 4, pytest.approx(0.85)),
        (2, 0, pytest.approx(0.05)),
        (3, 0, pytest.approx(0.05)),
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_scalars_clients_of_two_dimensions(engine):
    """All clients are those of the same os and country, NULL being one."""
    pings = [
        ping("a", number=2, os="Mac", country="DE"),
        ping("b", os="Mac", country="DE"),
        ping("c", number=0, os="Mac", country="NO"),
        ping("d", number=5, os="Linux", country="DE"),
        ping("e", number=1, os="Linux"),
        ping("f", os="Linux"),
        ping("g", os="Linux"),
        ping("h", number=3),
    ]
    spec = {"scalar": TABS, "measure": "summary", "dimensions": ["os", "country"], **ALL_DAYS}
    shown = [
        (row["os"], row["country"], row["n_clients"], row["n_all_clients"], row["share_of_clients"])
        for row in rows_of(spec, pings, engine)
    ]
    assert shown == [
        (None, None, 1, 1, 1.0),
        ("Linux", None, 1, 3, pytest.approx(1 / 3)),
        ("Linux", "DE", 1, 1, 1.0),
        ("Mac", "DE", 1, 2, 0.5),
        ("Mac", "NO", 1, 1, 0.0),
    ]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("normalization", "count"), [("none", 3), ("client", 1), ("client_day", 1)])
def test_a_group_whose_sums_are_all_unknown(normalization, count, engine):
    """A NULL sum adds 0."""
    pings = [ping("a", '{"values":{"1":2}}'), ping("a", '{"sum":null,"values":{"9":1}}')]
    spec = {"histogram": HISTOGRAM, "measure": "summary", "normalization": normalization, **ALL_DAYS}
    (row,) = rows_of(spec, pings, engine)
    assert (row["count"], row["sum"], row["mean"], row["n_clients"]) == (count, 0, 0, 1)


@pytest.mark.parametrize("engine", ENGINES)
def test_clients_with_the_same_number(engine):
    """Each is a vote; what each of their pings recorded is a sample."""
    pings = [
        ping("a", number=7),
        ping("b", number=3),
        ping("b", number=4),
        ping("c", number=7),
        ping("d", number=1),
    ]
    rows = rows_of({"scalar": TABS, **ALL_DAYS}, pings, engine)
    assert [(row["bucket"], row["count"], row["share"]) for row in rows] == [(1, 1, 0.25), (7, 3, 0.75)]
    assert {(row["n_clients"], row["n_samples"]) for row in rows} == {(4, 5)}
    median = rows_of({"scalar": TABS, "percentiles": [0.25, 0.26], **ALL_DAYS}, pings, engine)
    assert [row["value"] for row in median] == [1, 7]


def keyed(client, *entries):
    """A ping whose keys have histograms of one bucket with so many samples each."""
    recorded = [{"key": key, "value": f'{{"values":{{"5":{count}}}}}'} for key, count in entries]
    return ping(client) | {"payload": {"keyed_histograms": {"search_counts": recorded}}}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("pings", "top", "named"),
    [
        ([keyed("a", ("b", 2)), *[keyed("a", ("a", 1))] * 3], 1, {"a"}),  # single samples add up
        ([keyed("a", ("b", 2), ("c", 2), ("a", 2), ("d", 1))], 2, {"a", "b"}),  # a tie: the first by name
        ([keyed("a", ("a", 1), ("b", 0), (None, 5))], 3, {"a"}),  # no samples, or no name: no top key
        ([keyed("a", ("a", 1), ("b", 1), (None, 5))], 1, {"a"}),  # nor does it take the place of one
    ],
    ids=["sum", "tie", "nothing", "no name"],
)
def test_which_keys_are_the_top_ones(pings, top, named, engine):
    spec = {"histogram": "SEARCH_COUNTS", "key": {"top": top}, "dimensions": ["key"], **ALL_DAYS}
    rows = rows_of(spec, pings, engine)
    assert list(dict.fromkeys(row["key"] for row in rows)) == [*sorted(named), "(other)"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("condition", "passing"),
    [
        ({"gt": 2}, [3, 4]),
        ({"gte": 2}, [2, 3, 4]),
        ({"from": 2}, [2, 3, 4]),
        ({"lt": 3}, [1, 2]),
        ({"lte": 3}, [1, 2, 3]),
        ({"to": 3}, [1, 2, 3]),
        ({"from": 2, "to": 3}, [2, 3]),
        ({"gte": 2, "lt": 4}, [2, 3]),
        ({"gt": 1, "lte": 3}, [2, 3]),
        ({"gt": 1, "lt": 4, "not": 3}, [2]),
        ({"not": [1, 4]}, [None, 2, 3]),
        ({"is_null": True}, [None]),
        ({"is_null": False, "not": 1}, [2, 3, 4]),
        ([4, 1, 9], [1, 4]),
        (3, [3]),
    ],
    ids=str,
)
def test_operators_at_their_bounds(condition, passing, engine):
    pings = [ping("a") | {"sample_id": number} for number in (None, 1, 2, 3, 4)]
    spec = {"measure": "counts", "dimensions": ["sample_id"], "filters": {"sample_id": condition}, **ALL_DAYS}
    assert [row["sample_id"] for row in rows_of(spec, pings, engine)] == passing


@pytest.mark.parametrize("engine", ENGINES)
def test_a_share_reaches_a_percentile_that_is_a_billionth_higher(engine):
    """A quarter of the samples is in bucket 1: that is 0.250000001, but not 0.2500000015."""
    spec = {"histogram": HISTOGRAM, "percentiles": [0.25, 0.250000001, 0.2500000015], **ALL_DAYS}
    rows = rows_of(spec, [ping("a", '{"values":{"1":5,"9":15}}')], engine)
    assert [row["value"] for row in rows] == [1, 1, 9]


BUILDS = [None, "20200406", "20200406000000", "20200410094500", "202004100945001", "20200416", "local"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("condition", "passing"),
    [
        ("20200406", ["20200406", "20200406000000"]),
        (20200406, ["20200406", "20200406000000"]),  # as YAML reads it without quotes
        ("20200410094500", ["20200410094500"]),
        (["20200406", "20200410094500"], ["20200406", "20200406000000", "20200410094500"]),
        ({"not": "20200406"}, [None, "20200410094500", "202004100945001", "20200416", "local"]),
        ({"not": ["20200406", "local"]}, [None, "20200410094500", "202004100945001", "20200416"]),
        ({"from": "20200407", "to": "20200410"}, ["20200410094500", "202004100945001"]),
        ({"from": "202004", "to": "20200410094500"}, ["20200406", "20200406000000", "20200410094500"]),
        ({"gt": "20200406", "lte": "20200416"}, ["20200410094500", "202004100945001", "20200416"]),
        ({"gte": "20200410094500", "lt": "2021"}, ["20200410094500", "202004100945001", "20200416"]),
    ],
    ids=str,
)
def test_short_and_long_build_ids(condition, passing, engine):
    """What is shorter than 14 digits is the beginning of those that pass; the rest compares as text."""
    pings = [ping("a") | {"application": {"build_id": build}} for build in BUILDS]
    spec = {"measure": "counts", "dimensions": ["build_id"], "filters": {"build_id": condition}, **ALL_DAYS}
    assert [row["build_id"] for row in rows_of(spec, pings, engine)] == passing


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("condition", "passes"),
    [
        ({"lt": "2020-04-20T14:00:00+02:00"}, False),
        ({"lte": "2020-04-20T14:00:00+02:00"}, True),
        ({"gt": "2020-04-20 11:59:59"}, True),
        ({"gt": "2020-04-20 12:00:00"}, False),
    ],
    ids=str,
)
def test_times_of_other_zones(condition, passes, engine):
    """The ping is of 12:00 UTC. A time without a zone is UTC."""
    spec = {"measure": "counts", "filters": {"submission_timestamp": condition}, **ALL_DAYS}
    assert len(rows_of(spec, [ping("a")], engine)) == passes


@pytest.mark.parametrize(
    ("condition", "of_100"),
    [
        ([7, 100, -1, 7], 1),
        ({"gte": 99}, 1),
        ({"lt": 1}, 1),
        ({"lt": 8}, 8),
        ([0, 3], 2),
        (0, 1),
        ({"lte": 0}, 1),
        ({"gt": 6, "not": 8}, 92),
        (7, 1),
    ],
    ids=str,
)
def test_of_how_many_sample_ids_counts_are(condition, of_100):
    """Sample ids are 0 to 99."""
    pings = [ping(str(number)) | {"sample_id": number} for number in range(100)]
    spec = {"measure": "counts", "filters": {"sample_id": condition}, "scale": True, **ALL_DAYS}
    (row,) = rows_of(spec, pings)
    assert row["n_clients"] == row["n_pings"] == 100, f"{of_100} ids pass"


def glean_ping(client, **metrics):
    """A ping of Glean's with entries and sum of each timing distribution."""
    recorded = {
        name: {"sum": total, "values": [{"key": str(key), "value": count} for key, count in entries.items()]}
        for name, (total, entries) in metrics.items()
    }
    return {
        "client_info": {"client_id": client},
        "submission_timestamp": "2020-04-20T12:00:00Z",
        "metrics": {"timing_distribution": recorded},
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_two_distributions_of_gleans(engine):
    """Each has its own buckets and sum; one that is empty or not sent contributes nothing."""
    first, second = "browser_tabswitch_spinner_visible", "javascript_gc_total_time"
    pings = [
        glean_ping("a", **{first: (70, {7: 2, 9: 1}), second: (5, {5: 1})}),
        glean_ping("b", **{first: (9, {9: 1}), second: (0, {})}),
        glean_ping("c", **{second: (30, {5: 6})}),
    ]
    paths = [f"metrics.timing_distribution.{name}" for name in (first, second)]
    spec = {"source": "firefox_desktop.metrics", "histogram": paths, **ALL_DAYS}
    rows = rows_of(spec, pings, engine)
    assert [(row["histogram"], row["bucket"], row["count"], row["n_clients"]) for row in rows] == [
        *((paths[0], 7, 2, 2), (paths[0], 9, 2, 2)),
        (paths[1], 5, 7, 2),
    ]
    rows = rows_of({**spec, "measure": "summary"}, pings, engine)
    assert [(row["histogram"], row["count"], row["sum"], row["mean"]) for row in rows] == [
        (paths[0], 4, 79, 79 / 4),
        (paths[1], 7, 35, 5),
    ]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("condition", "passing"),
    [
        ({"lt": 2**63}, [-1e19, 0.0, 512.0]),
        ({"gte": 2**63}, [2.0**63, 1e19]),
        ({"lt": -(2**63)}, [-1e19]),
        ({"gt": 0, "not": 10**19}, [512.0, 2.0**63]),
        ({"from": -0.0, "to": 512}, [0.0, 512.0]),
    ],
    ids=str,
)
def test_numbers_beyond_int64(condition, passing, engine):
    """A column of FLOAT64 takes them, too."""
    numbers = [-1e19, 0.0, 512.0, 2.0**63, 1e19]
    pings = [ping("a") | {"environment": {"system": {"memory_mb": number}}} for number in numbers]
    path = "environment.system.memory_mb"
    spec = {"measure": "counts", "dimensions": [path], "filters": {path: condition}, **ALL_DAYS}
    assert [row["memory_mb"] for row in rows_of(spec, pings, engine)] == passing


@pytest.mark.parametrize("engine", ENGINES)
def test_the_overflow_bucket_begins_at_its_bound(engine):
    pings = [ping("a", '{"values":{"698":1,"1000":1}}'), ping("b", '{"values":{"1000":2}}')]
    shape = {"exponential": [1, 1000, 20]}
    spec = {"histogram": HISTOGRAM, "buckets": shape, "percentiles": [0.25, 0.26, 1], **ALL_DAYS}
    rows = rows_of(spec, pings, engine)
    assert [(row["value"], row["at_least"]) for row in rows] == [(698, False), (1000, True), (1000, True)]


@pytest.mark.parametrize("engine", ENGINES)
def test_counts_of_a_cube(engine):
    pings = [ping("a", os="Mac"), ping("a", os="Linux"), ping("b", os="Mac"), ping(None)]
    rows = rows_of({"measure": "counts", "dimensions": ["os"], "cube": True, **ALL_DAYS}, pings, engine)
    assert [(row["os"], row["n_clients"], row["n_pings"]) for row in rows] == [
        *((None, 0, 1), ("*", 2, 4)),
        *(("Linux", 1, 1), ("Mac", 2, 2)),
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_categories_have_labels(engine):
    pings = [ping("a") | {"payload": {"histograms": {"login_verdict": '{"values":{"0":1,"2":2,"50":1}}'}}}]
    rows = rows_of({"histogram": "LOGIN_VERDICT", **ALL_DAYS}, pings, engine, defined=True)
    assert [(row["bucket"], row["label"], row["count"]) for row in rows] == [
        *((0, "Safe", 1), (2, "it's", 2)),
        (50, "(other)", 1),
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_shares_of_groups_of_fractions(engine):
    """BigQuery divides no window by FLOAT64."""
    path = "environment.system.memory_mb"
    pings = [
        ping("a", f'{{"values":{{"{bucket}":1}}}}') | {"environment": {"system": {"memory_mb": memory}}}
        for bucket, memory in ((1, 0.5), (2, 0.5), (2, None), (3, 1e300))
    ]
    rows = rows_of({"histogram": HISTOGRAM, "dimensions": [path], **ALL_DAYS}, pings, engine)
    assert [(row["memory_mb"], row["bucket"], row["share"]) for row in rows] == [
        *((None, 2, 1.0), (0.5, 1, 0.5), (0.5, 2, 0.5)),
        (1e300, 3, 1.0),
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_other_keys_come_last_of_each_group(engine):
    """In the order of text `(other)` would stand behind `!` and before `b`, as the key of that name does."""
    recorded = keyed("a", ("!", 5), ("b", 4), ("(other)", 1), ("c", 1))
    pings = [recorded | {"normalized_os": os} for os in ("Mac", "Linux")]
    spec = {"histogram": "SEARCH_COUNTS", "measure": "summary", "dimensions": ["os", "key"], **ALL_DAYS}
    top = rows_of({**spec, "key": {"top": 2}}, pings, engine)
    of_each = [("!", 5), ("b", 4), ("(other)", 2)]
    assert [(row["os"], row["key"], row["count"]) for row in top] == [
        (os, *row) for os in ("Linux", "Mac") for row in of_each
    ]
    plain = [row["key"] for row in rows_of({**spec, "key": "*"}, pings, engine)]
    assert plain == ["!", "(other)", "b", "c"] * 2


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("key", "carry_it"),
    [("a", ["p", "q"]), ("b", ["q", "r"]), (["a", "b"], ["p", "q", "r"]), ("c", []), ("*", ["p", "q", "r"])],
    ids=str,
)
def test_pings_that_carry_a_key(key, carry_it, engine):
    keys = {"p": ["a"], "q": ["a", "b"], "r": ["b"], "s": []}
    pings = [keyed(client, *((one, 1) for one in recorded)) for client, recorded in keys.items()]
    spec = {"histogram": "SEARCH_COUNTS", "key": key, **ALL_DAYS}
    counted = rows_of({**spec, "measure": "counts"}, pings, engine)
    n = len(carry_it)
    assert [tuple(row.values()) for row in counted] == ([(n, n)] if n else [])
    listed = rows_of({**spec, "measure": "pings", "fields": ["client_id"]}, pings, engine)
    assert [row["client_id"] for row in listed] == carry_it


@pytest.mark.parametrize("engine", ENGINES)
def test_pings_that_carry_one_of_two_distributions(engine):
    """An empty one is not carried."""
    first, second = "browser_tabswitch_spinner_visible", "javascript_gc_total_time"
    pings = [
        glean_ping("a", **{first: (7, {7: 1}), second: (5, {5: 1})}),
        glean_ping("b", **{first: (9, {9: 1}), second: (0, {})}),
        glean_ping("c", **{second: (30, {5: 6})}),
        glean_ping("d", **{second: (0, {})}),
        glean_ping("e"),
    ]
    paths = [f"metrics.timing_distribution.{name}" for name in (first, second)]
    spec = {"source": "firefox_desktop.metrics", "histogram": paths, "measure": "counts", **ALL_DAYS}
    rows = rows_of({**spec, "dimensions": ["histogram"]}, pings, engine)
    assert [tuple(row.values()) for row in rows] == [(paths[0], 2, 2), (paths[1], 2, 2)]
