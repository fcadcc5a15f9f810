"""The oracle on top keys, priors, bucket shapes, scaled counts and scalars: answers worked out by hand."""

import json
from fractions import Fraction

import pytest
from oracle import answer, damaged_pings, exponential, functional, linear
from pings import BUCKETS, PROBES

FULL = {"allow_full_scan": True}
GC = {**FULL, "histogram": "GC_MS"}
KEYED = {**FULL, "histogram": "IDLE_BUDGET_OVERUSE_MS", "dimensions": ["key"]}
SCALAR = {**FULL, "scalar": "browser.engagement.tab_open_event_count"}


def held(**counts):
    """A histogram of counts by bucket: `held(b1=3)` has three samples in bucket 1."""
    return json.dumps({"sum": 10, "values": {bucket[1:]: count for bucket, count in counts.items()}})


def ping(client="a", text=None, keyed=(), number=None, **columns):
    """A ping with GC_MS, IDLE_BUDGET_OVERUSE_MS by key, and a scalar."""
    entries = [{"key": key, "value": value} for key, value in keyed]
    return {
        "client_id": client,
        "submission_timestamp": "2020-04-01T12:00:00Z",
        "payload": {
            "histograms": {"gc_ms": text},
            "keyed_histograms": {"idle_budget_overuse_ms": entries},
            "processes": {
                "parent": {"scalars": {"browser_engagement_tab_open_event_count": number}},
                "content": {"keyed_scalars": {"searches": entries}},
            },
        },
        **columns,
    }


def columns(rows, *names):
    return [tuple(row[name] for name in names) for row in rows]


# --- Buckets and priors --------------------------------------------------------------------------


def test_shapes():
    assert exponential(1, 1000, 20) == BUCKETS
    assert exponential(1, 8, 5) == (0, 1, 2, 4, 8)
    assert linear(10, 100, 11) == (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
    assert linear(1, 4, 4) == (0, 1, 3, 4)  # 2.5 is rounded up
    assert functional(1, 0, 1000, 10) == (0, 1, 10, 100, 1000)


@pytest.mark.parametrize(
    ("shape", "buckets"),
    [
        ({"exponential": [1, 8, 5]}, [0, 1, 2, 3, 4, 8]),
        ({"linear": [1, 4, 4]}, [0, 1, 3, 4]),
        ({"functional": [2, 1, 4]}, [0, 1, 2, 3, 4]),
    ],
)
def test_a_shape_has_all_its_buckets_and_those_observed(shape, buckets):
    rows = answer({**GC, "buckets": shape}, [ping(text=held(b1=1, b3=3))])
    assert [row["bucket"] for row in rows] == buckets
    assert {row["bucket"]: row["share"] for row in rows if row["count"]} == {
        1: Fraction(1, 4),
        3: Fraction(3, 4),
    }


def test_only_bounded_shapes_have_an_open_end():
    spec = {**GC, "percentiles": [0.5, 1]}
    pings = [ping(text=held(b3=1, b8=1))]
    rows = answer({**spec, "buckets": {"exponential": [1, 8, 5]}}, pings)
    assert columns(rows, "value", "at_least") == [(3, False), (8, True)]
    assert "at_least" not in answer({**spec, "buckets": {"functional": [2, 1, 8]}}, pings)[0]


@pytest.mark.parametrize("normalization", ["none", "client"])
def test_a_prior_is_one_vote_in_equal_parts(normalization):
    # Buckets 0, 1, 2, 4, 8: a fifth each. Two samples or one vote at 1; 3 is none of the buckets.
    spec = {**GC, "prior": "dirichlet", "buckets": {"exponential": [1, 8, 5]}, "normalization": normalization}
    rows = answer(spec, [ping("a", held(b1=2)), ping("b", held(b3=2))])
    votes = 2 if normalization == "none" else 1
    fifth, total = Fraction(1, 5), 2 * votes + 1
    assert columns(rows, "bucket", "count", "share") == [
        (0, 0, fifth / total),
        (1, votes, (votes + fifth) / total),
        (2, 0, fifth / total),
        (3, votes, Fraction(votes, total)),
        (4, 0, fifth / total),
        (8, 0, fifth / total),
    ]


def test_percentiles_of_smoothed_shares():
    # Of two votes, one of them at 1: 0.1, 0.6, 0.1, 0.1, 0.1.
    spec = {**GC, "prior": "dirichlet", "buckets": {"exponential": [1, 8, 5]}, "normalization": "client"}
    percentiles = [0, 0.1, 0.11, 0.7, 0.75, 0.9, 0.95]
    rows = answer({**spec, "percentiles": percentiles}, [ping("a", held(b1=7))])
    assert [row["value"] for row in rows] == [0, 0, 1, 1, 2, 4, 8]


def test_the_end_of_a_name_is_its_unit():
    assert columns(answer({**GC, "unit": "s"}, [ping(text=held(b5=1))]), "bucket") == [(Fraction(5, 1000),)]


# --- Top keys ------------------------------------------------------------------------------------

KEYS = [
    ping("a", keyed=[("x", held(b1=3)), ("y", held(b1=1)), (None, held(b2=9))]),
    ping("b", keyed=[("y", held(b1=1)), ("z", held(b4=2)), ("zero", held(b1=0))]),
    ping(None, keyed=[("z", held(b4=5))]),
]


@pytest.mark.parametrize(
    ("top", "expected"),
    [
        (1, [("z", 4, 7), ("(other)", 1, 5), ("(other)", 2, 9)]),
        (2, [("x", 1, 3), ("z", 4, 7), ("(other)", 1, 2), ("(other)", 2, 9)]),
        (9, [("x", 1, 3), ("y", 1, 2), ("z", 4, 7), ("(other)", 2, 9)]),
    ],
)
def test_top_keys(top, expected):
    rows = answer({**KEYED, "key": {"top": top}}, KEYS)
    assert columns(rows, "key", "bucket", "count") == expected


def test_keys_of_equal_samples_are_ranked_by_name_and_by_votes_only():
    # Without the ping of nobody y and z have two samples each.
    rows = answer({**KEYED, "key": {"top": 2}, "normalization": "client"}, KEYS)
    assert list(dict.fromkeys(row["key"] for row in rows)) == ["x", "y", "(other)"]
    assert columns(rows, "key", "bucket", "count")[-2:] == [
        ("(other)", 2, 1),
        ("(other)", 4, 1),
    ]


# --- Scaled counts -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ({"lt": 50}, 2),  # 1 of 50 in 100 is 2 of all
        ({"from": 0, "to": 79, "not": [3, 43]}, 1),  # 100/78 is 1.28
        ([0, 7, 42], 33),
        (7, 100),
        ({"lt": 40}, 3),  # 2.5 is rounded up
    ],
)
def test_counts_are_scaled(condition, count):
    spec = {**FULL, "measure": "counts", "scale": True, "filters": {"sample_id": condition}}
    assert answer(spec, [ping(sample_id=7), ping(sample_id=99)]) == [{"n_clients": count, "n_pings": count}]


def test_shares_percentiles_and_low_data_are_not_scaled():
    spec = {**GC, "filters": {"sample_id": {"lt": 10}}, "min_clients": 2}
    pings = [ping("a", held(b1=1, b2=3), sample_id=1)]
    scaled = {"n_clients": 10, "n_samples": 40, "low_data": True}
    assert answer({**spec, "scale": True, "percentiles": [0.5]}, pings) == [
        {"percentile": Fraction(1, 2), "value": 2, **scaled}
    ]
    assert answer({**spec, "scale": True, "normalization": "client"}, pings)[0] == {
        "bucket": 1,
        "count": Fraction(5, 2),
        "share": Fraction(1, 4),
        **scaled,
    }


@pytest.mark.parametrize(
    ("dimensions", "filters"),
    [
        ([{"name": "part", "of": "Sample_ID"}], {"PART": {"lt": 50}}),
        ([{"name": "part", "of": "sample_id"}, {"name": "it", "of": "part"}], {"it": {"lt": 50}}),
        ([{"name": "part", "of": "sample_id"}], {"part": {"lt": 75}, "sample_id": {"gte": 25, "lt": 99}}),
        (
            [{"name": "half", "of": "sample_id", "bands": [10]}],
            {"half": "10 and over", "sample_id": {"gte": 50}},
        ),
    ],
)
def test_the_sample_is_of_the_ids_themselves(dimensions, filters):
    spec = {**FULL, "measure": "counts", "scale": True, "dimensions": dimensions, "filters": filters}
    passing = 60 if "half" in filters else 40
    assert columns(answer(spec, [ping(sample_id=passing)]), "n_pings") == [(2,)]


# --- What is damaged -----------------------------------------------------------------------------

GLEAN = {**FULL, "source": "firefox_desktop.metrics"}
DAMAGED = ["", "foo", held(b1=-1, b2=5), held(b1=2**40 + 1), "-1", "3,-4", "3;2;5;1,2;1:-1"]
SOUND = [None, "{}", held(b1=2**40), held(b1=0), "7", "3,4", "-5;-2;-5;-1,-2;-1:1"]


def recorded_by(clients, texts):
    return [
        ping(client, text, document_id=str(at))
        for at, (client, text) in enumerate(zip(clients, texts, strict=True))
    ]


@pytest.mark.parametrize("measure", ["counts", "distribution", "summary"])
def test_damaged_strings_are_counted(measure):
    pings = recorded_by("abcdefg" * 2, [*DAMAGED, *SOUND])
    assert {
        row["n_undecodable"] for row in answer({**GC, "measure": measure, "n_undecodable": True}, pings)
    } == {7}


@pytest.mark.parametrize(("normalization", "count"), [("none", 3), ("client", 2), ("client_day", 2)])
def test_damaged_strings_are_of_who_votes(normalization, count):
    pings = recorded_by(["a", "b", None, "a"], ["foo", "foo", "foo", held(b1=1)])
    spec = {**GC, "normalization": normalization}
    assert columns(answer({**spec, "n_undecodable": True}, pings), "n_undecodable") == [(count,)]
    ids = {"0", "1", "2"} if normalization == "none" else {"0", "1"}
    assert damaged_pings({**spec, "strict": True}, pings) == ids
    assert damaged_pings(spec, pings) == frozenset()


def test_damaged_strings_by_group_and_key():
    spec = {**KEYED, "dimensions": ["os", "key"], "n_undecodable": True, "cube": True}
    pings = [
        ping("a", keyed=[("x", held(b1=3)), ("y", "foo"), ("y", held(b1=1))], normalized_os="L"),
        ping("a", keyed=[("x", "foo"), ("z", "foo")], normalized_os="M", document_id="one"),
    ]
    rows = answer(
        {**spec, "scale": True, "filters": {"sample_id": 7}}, [one | {"sample_id": 7} for one in pings]
    )
    assert dict.fromkeys(columns(rows, "os", "key", "n_undecodable")) == dict.fromkeys(
        [
            *(("*", "*", 300), ("*", "x", 100), ("*", "y", 100)),
            *(("L", "*", 100), ("L", "x", 0), ("L", "y", 100)),
        ]
    )
    assert damaged_pings({**KEYED, "key": ["z"], "strict": True}, pings) == {"one"}
    assert damaged_pings({**KEYED, "key": {"top": 1}, "strict": True}, pings) == {"one", None}
    assert not damaged_pings({**KEYED, "key": "x", "filters": {"os": "L"}, "strict": True}, pings)


@pytest.mark.parametrize(
    ("entry", "count"),
    [
        *((("1", -1), 1), (("1", 2**40 + 1), 1), (("1", None), 1), (("x", 1), 1), ((None, 1), 1)),
        *((("1", 0), 0), (("x", 0), 0), (("x", None), 1), (("-5", 2**40), 0)),
    ],
)
def test_damaged_distributions(entry, count):
    key, value = entry
    values = [{"key": "3", "value": 1}, {"key": key, "value": value}]
    row = {"metrics": {"custom_distribution": {"size": {"sum": 1, "values": values}}}}
    spec = {**GLEAN, "histogram": "metrics.custom_distribution.size", "measure": "summary"}
    assert columns(answer({**spec, "n_undecodable": True}, [row]), "n_undecodable") == [(count,)]


def test_impossible_numbers():
    spec = {**SCALAR, "n_undecodable": True}
    assert {row["n_undecodable"] for row in answer(spec, [*NUMBERS, ping(None, number=-1)])} == {2}
    assert columns(
        answer({**spec, "measure": "counts"}, [*NUMBERS, ping(None, number=-1)]), "n_undecodable"
    ) == [(3,)]


# --- Pings ---------------------------------------------------------------------------------------


def test_pings_show_the_client_id_by_default():
    row = {"client_info": {"client_id": "a"}, "client_id": "b"}
    assert answer({**GLEAN, "measure": "pings"}, [row]) == [{"client_id": "a"}]
    assert answer({**FULL, "measure": "pings"}, [row]) == [{"client_id": "b"}]


def test_pings_of_several_histograms_have_no_column_for_them():
    spec = {**FULL, "histogram": ["GC_MS", "OTHER_MS"], "measure": "pings", "fields": ["client_id"]}
    assert answer(spec, [ping("a", "1"), ping("b")]) == [{"client_id": "a"}]


# --- Scalars -------------------------------------------------------------------------------------

# a's number is 5, b's is 0, c has none that counts; nobody's isn't counted.
NUMBERS = [
    *(ping("a", number=number) for number in (2, 3, None)),
    *(ping("b", number=number) for number in (0, -1, 2**40 + 1)),
    *(ping(client, number=number) for client, number in (("c", None), (None, 7))),
]


def test_each_client_has_one_number():
    assert answer(SCALAR, NUMBERS) == [
        {"bucket": 0, "count": 1, "share": Fraction(1, 2), "n_clients": 2, "n_samples": 3},
        {"bucket": 5, "count": 1, "share": Fraction(1, 2), "n_clients": 2, "n_samples": 3},
    ]
    rows = answer({**SCALAR, "percentiles": [0, 0.5, 0.51]}, NUMBERS)
    assert columns(rows, "value", "n_clients", "n_samples") == [(0, 2, 3), (0, 2, 3), (5, 2, 3)]


def test_pings_with_a_scalar():
    # All but two have a number, though an impossible one.
    assert answer({**SCALAR, "measure": "counts"}, NUMBERS) == [{"n_clients": 2, "n_pings": 6}]


def test_keys_of_a_scalar():
    spec = {**FULL, "scalar": "payload.processes.content.keyed_scalars.searches", "dimensions": ["key"]}
    pings = [ping("a", keyed=[("x", 1), ("y", 2)]), ping("a", keyed=[("x", 3), (None, None)])]
    assert columns(answer(spec, pings), "key", "bucket", "n_samples") == [("x", 4, 2), ("y", 2, 1)]
    alone = {key: value for key, value in spec.items() if key != "dimensions"}
    assert columns(answer(alone, pings), "bucket", "n_samples") == [(6, 3)]
    assert columns(answer({**alone, "key": ["y"]}, pings), "bucket", "n_samples") == [(2, 1)]


def test_the_share_is_of_all_clients():
    # a is 5, b 0; c sent none that counts, but is a client like them.
    counts = {"count": 2, "sum": 5, "mean": Fraction(5, 2), "n_clients": 2}
    spec = {**SCALAR, "measure": "summary"}
    assert answer(spec, NUMBERS) == [{**counts, "share_of_clients": Fraction(1, 3), "n_all_clients": 3}]
    by_os = [one | {"normalized_os": os} for one, os in zip(NUMBERS, "MMMMMMLM", strict=True)]
    rows = answer({**spec, "dimensions": ["os", "process"], "cube": True}, by_os)
    assert columns(rows, "os", "process", "share_of_clients", "n_all_clients") == [
        ("*", "*", Fraction(1, 3), 3),
        ("*", "parent", Fraction(1, 3), 3),
        ("M", "*", Fraction(1, 2), 2),
        ("M", "parent", Fraction(1, 2), 2),
    ]


def test_the_clients_of_a_key_are_those_of_all_keys():
    spec = {**FULL, "scalar": "payload.processes.content.keyed_scalars.searches", "dimensions": ["Key"]}
    pings = [ping("a", keyed=[("x", 1), ("y", 0)]), ping("b", keyed=[("x", 3)]), ping("c"), ping(None)]
    rows = answer({**spec, "measure": "summary", "scale": True, "filters": {"sample_id": {"lt": 50}}}, [
        {**one, "sample_id": 3} for one in pings
    ])  # fmt: skip
    assert columns(rows, "key", "share_of_clients", "n_all_clients") == [
        ("x", Fraction(2, 3), 6),
        ("y", 0, 6),
    ]


@pytest.mark.parametrize(
    ("scalar", "path"),
    [
        ("system.memory", ("quantity", "system_memory")),
        ("metrics.counter.tabs", ("counter", "tabs")),
    ],
)
def test_counters_and_quantities(scalar, path):
    record, name = path
    row = {"client_info": {"client_id": "a"}, "metrics": {record: {name: 8}}}
    spec = {**FULL, "source": "firefox_desktop.metrics", "scalar": scalar}
    assert columns(answer(spec, [row, row], PROBES), "bucket", "n_samples") == [(16, 2)]


# --- Names ---------------------------------------------------------------------------------------


def test_a_dimension_of_another():
    system = {"name": "system", "of": "os", "cases": {"desktop": ["Mac", "Windows"]}, "else": "no"}
    kind = {"name": "kind", "of": "system", "cases": {"yes": "desktop"}, "else": "rest"}
    pings = [ping(normalized_os=name) for name in ("Mac", "Linux", None)]
    rows = answer({**FULL, "measure": "counts", "dimensions": [system, kind]}, pings)
    assert columns(rows, "system", "kind", "n_pings") == [("desktop", "yes", 1), ("no", "rest", 2)]


def test_a_definition_stands_for_a_column_of_its_name():
    """In filters and in what comes after it, not in itself."""
    country = {"name": "os", "of": "country"}
    pings = [ping(normalized_os="Mac", normalized_country_code="NO")]
    spec = {**FULL, "measure": "counts", "dimensions": [country], "filters": {"OS": "NO"}}
    assert columns(answer(spec, pings), "os", "n_pings") == [("NO", 1)]
    assert answer({**spec, "filters": {"os": "Mac"}}, pings) == []


def test_another_name_of_a_build_id_is_compared_by_prefixes():
    spec = {**FULL, "measure": "counts", "dimensions": [{"name": "built", "of": "application.build_id"}]}
    pings = [ping(application={"build_id": "20200409214507"})]
    assert answer({**spec, "filters": {"built": {"to": "20200409"}}}, pings)
    assert not answer({**spec, "filters": {"built": {"lt": "20200409"}}}, pings)


@pytest.mark.parametrize(
    ("condition", "passing"),
    [
        ({"gte": "51", "lt": "52"}, "51.0a1 51.0b3 51.0b14 51.0 51.0.1"),
        ({"gt": "51.0b3", "lte": "51.0"}, "51.0b14 51.0 51.0.1"),  # 51.0.1 begins as 51.0
        ({"lt": "51.0"}, "9.0"),
        ({"gt": "51"}, "58.0.2 58.0.10 100.0 102.0esr"),
        ({"from": "58.0.10", "to": "102.0.0"}, "58.0.10 100.0 102.0esr"),
        ({"gt": "51.0b14", "lt": "58.0.10"}, "51.0 51.0.1 58.0.2"),
        ("51.0", "51.0"),  # as text
        ({"not": "51.0", "lt": "52"}, "9.0 51.0a1 51.0b3 51.0b14 51.0.1"),
    ],
)
def test_ranges_are_of_versions(condition, passing):
    versions = [
        "9.0",
        "51.0a1",
        "51.0b3",
        "51.0b14",
        "51.0",
        "51.0.1",
        "58.0.2",
        "58.0.10",
        "100.0",
        "102.0esr",
    ]
    pings = [
        {"document_id": str(at), "application": {"display_version": version}}
        for at, version in enumerate([*versions, None, "", "unknown", "51.0\n"])
    ]
    spec = {**FULL, "measure": "pings", "fields": ["app_version"], "filters": {"app_version": condition}}
    assert {row["app_version"] for row in answer(spec, pings)} == set(passing.split())
