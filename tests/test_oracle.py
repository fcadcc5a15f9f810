"""The oracle against answers worked out by hand."""

import json
import random
import re
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path

import pytest
from oracle import Decoded, answer, band_labels, build_date, build_time, decode, measure_of
from pings import HISTOGRAM, ODD_BUILDS, ODD_HISTOGRAMS, UNDECODABLE

TUTORIAL = (
    '{"bucket_count":20,"histogram_type":0,"sum":118,"range":[1,1000],"values":{"80":0,"115":1,"165":0}}',
    '{"bucket_count":20,"histogram_type":0,"sum":19145,"range":[1,1000],"values":{"237":0,"340":1,"1000":1}}',
    '{"bucket_count":20,"histogram_type":0,"sum":1996,"range":[1,1000],"values":{"698":0,"1000":1}}',
)
FULL = {"source": "telemetry.main", "allow_full_scan": True}
SPEC = {**FULL, "histogram": HISTOGRAM.upper()}


def ping(histogram=None, client="a", day=1, build="20200420094500", **columns):
    """A ping with one histogram; `columns` by their names in the table."""
    return {
        "client_id": client,
        "submission_timestamp": f"2020-04-{day:02}T12:00:00Z",
        "application": {"build_id": build},
        "payload": {"histograms": {HISTOGRAM: histogram}},
        **columns,
    }


def values(**counts):
    """A histogram of counts by bucket: `values(b1=3)` holds three samples in bucket 1."""
    return json.dumps({"sum": 10, "values": {bucket[1:]: count for bucket, count in counts.items()}})


def column(name, rows):
    return [row[name] for row in rows]


def tutorial_pings():
    return [ping(text, client) for text, client in zip(TUTORIAL, "abc", strict=True)]


# --- Decoding ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        (TUTORIAL[0], Decoded(118, 20, 0, (1, 1000), ((80, 0), (115, 1), (165, 0)))),
        (TUTORIAL[1], Decoded(19145, 20, 0, (1, 1000), ((237, 0), (340, 1), (1000, 1)))),
        (TUTORIAL[2], Decoded(1996, 20, 0, (1, 1000), ((698, 0), (1000, 1)))),
        ("3;2;5;1,2;0:0,1:5,2:0", Decoded(5, 3, 2, (1, 2), ((0, 0), (1, 5), (2, 0)))),
        ("20;0;0;1,1000;", Decoded(0, 20, 0, (1, 1000), ())),
        ("4,31", Decoded(31, 3, 2, (1, 2), ((0, 4), (1, 31), (2, 0)))),
        ("37", Decoded(37, 3, 4, (1, 2), ((0, 37), (1, 0)))),
        ("\t-5\n", Decoded(-5, 3, 4, (1, 2), ((0, -5), (1, 0)))),
        ("{}", Decoded(None, None, None, None, ())),
        ('{"values":null,"sum":null}', Decoded(None, None, None, None, ())),
        ('{"sum":1,"sum":2,"values":{"7":1,"7":2}}', Decoded(1, None, None, None, ((7, 1), (7, 2)))),
        ('{"sum":null,"sum":2}', Decoded(None, None, None, None, ())),
        ('{ "range" :[ 1 ,\f2 ] , "log_sum":-0.25 }', Decoded(None, None, None, (1, 2), ())),
        ("999999999999999999", Decoded(10**18 - 1, 3, 4, (1, 2), ((0, 10**18 - 1), (1, 0)))),
    ],
)
def test_decodes(text, decoded):
    assert decode(text) == decoded


@pytest.mark.parametrize("text", [None, *UNDECODABLE])
def test_leaves_undecodable_strings(text):
    assert decode(text) is None


def test_all_odd_histograms_are_decodable():
    assert all(decode(text) for text in ODD_HISTOGRAMS)


def test_counts_only_entries_from_1_to_the_cap():
    text = f'{{"values":{{"1":0,"2":-1,"3":1,"4":{2**40},"5":{2**40 + 1}}}}}'
    assert decode(text).counted() == [(3, 1), (4, 2**40)]


def grammar():
    """A second reading of the grammar: one regular expression, but for "values" at most once."""
    ws, integer = r"[ \t\n\f\r]*", r"-?(?:0|[1-9][0-9]{0,17})"

    def spaced(*tokens):
        return ws.join(tokens)

    number = f"(?:{integer}|null)"
    fraction = rf"(?:{integer}(?:\.[0-9]+)?|null)"
    entry = spaced(f'"{integer}"', ":", integer)
    entries = rf"\{{{ws}(?:{entry}(?:{ws},{ws}{entry})*{ws})?\}}"
    member = "|".join(
        (
            spaced('"(?:bucket_count|histogram_type|sum)"', ":", number),
            spaced('"range"', ":", r"\[", integer, ",", integer, r"\]"),
            spaced('"(?:log_sum|log_sum_squares|sum_squares_lo|sum_squares_hi)"', ":", fraction),
            spaced('"values"', ":", f"(?:{entries}|null)"),
        )
    )
    json_object = rf"\{{{ws}(?:(?:{member})(?:{ws},{ws}(?:{member}))*{ws})?\}}"
    pair = f"{integer},{integer}"
    bucket = f"{integer}:{integer}"
    parts = f"{integer};{integer};{integer};{pair};(?:{bucket}(?:,{bucket})*)?"
    return re.compile(f"{ws}(?:{json_object}|{parts}|{pair}|{integer}){ws}")


def test_decodes_what_the_grammar_matches():
    rng, pattern, decodable = random.Random(1), grammar(), 0
    for _ in range(8000):
        characters = list(rng.choice((*ODD_HISTOGRAMS, *UNDECODABLE, *TUTORIAL)))
        for _ in range(rng.randint(0, 2)):
            at = rng.randint(0, len(characters))
            characters[at : at + rng.randint(0, 2)] = rng.choice((*'{}[]":;,-. 019\n\v\u0663', "", "null"))
        text = "".join(characters)
        matches = pattern.fullmatch(text) is not None and text.count('"values"') <= 1
        decodable += matches
        assert (decode(text) is not None) == matches, text
    assert 1000 < decodable < 4000


# --- Measures ------------------------------------------------------------------------------------


def test_tutorial_parts_of_three_histograms():
    rows = answer(
        {**SPEC, "measure": "pings", "fields": ["sum", "bucket_count"], "limit": 3}, tutorial_pings()
    )
    assert rows == [{"sum": total, "bucket_count": 20} for total in (118, 1996, 19145)]


def test_tutorial_merged_percentiles():
    # Merged: 115 → 1, 340 → 1, 1000 → 2 of 4 samples; cumulative shares 0.25, 0.5, 1.
    rows = answer({**SPEC, "percentiles": [0.95, 0.05, 0.25, 0.5, 0.51]}, tutorial_pings())
    assert column("percentile", rows) == [Fraction(n, 100) for n in (5, 25, 50, 51, 95)]
    assert column("value", rows) == [115, 115, 340, 1000, 1000]
    assert list(rows[0]) == ["percentile", "value", "n_clients", "n_samples"]
    assert {(row["n_clients"], row["n_samples"]) for row in rows} == {(3, 4)}


def test_tutorial_client_normalized():
    # Votes: 115 → 1; 340 → 1/2; 1000 → 1/2 + 1; of 3. Cumulative shares 1/3, 1/2, 1.
    spec = {**SPEC, "normalization": "client"}
    rows = answer({**spec, "percentiles": [0.33, 0.34, 0.5, 0.75]}, tutorial_pings())
    assert column("value", rows) == [115, 340, 340, 1000]
    assert answer(spec, tutorial_pings()) == [
        {"bucket": 115, "count": 1, "share": Fraction(1, 3), "n_clients": 3, "n_samples": 4},
        {"bucket": 340, "count": Fraction(1, 2), "share": Fraction(1, 6), "n_clients": 3, "n_samples": 4},
        {"bucket": 1000, "count": Fraction(3, 2), "share": Fraction(1, 2), "n_clients": 3, "n_samples": 4},
    ]


def test_tutorial_summary():
    # 118 + 19145 + 1996 = 21259 over 4 samples; 118/1 + 19145/2 + 1996/1 = 11686.5 over 3 votes.
    spec = {**SPEC, "measure": "summary"}
    plain = {"count": 4, "sum": 21259, "mean": Fraction("5314.75"), "n_clients": 3}
    voted = {"count": 3, "sum": Fraction("11686.5"), "mean": Fraction("3895.5"), "n_clients": 3}
    assert answer(spec, tutorial_pings()) == [plain]
    assert answer({**spec, "normalization": "client"}, tutorial_pings()) == [voted]


def test_three_normalizations():
    pings = [ping(values(b1=3), "a", 1), ping(values(b9=1), "a", 2), ping(values(b9=2), "b", 1)]
    # none: 1 → 3, 9 → 1 + 2 samples. client: a is 3/4 and 1/4, b is 1. client_day: (a, 1st) votes for 1,
    # (a, 2nd) and (b, 1st) for 9.
    expected = {"none": [3, 3], "client": [Fraction(3, 4), Fraction(5, 4)], "client_day": [1, 2]}
    for normalization, counts in expected.items():
        rows = answer({**SPEC, "normalization": normalization}, pings)
        assert column("count", rows) == counts
        assert {(row["n_clients"], row["n_samples"]) for row in rows} == {(2, 6)}


def test_normalization_is_within_a_group():
    # In the build of the 6th client a has 1 and 9 half each; in the other it is all on 9.
    pings = [ping(values(b1=2, b9=2), build="20200406094500"), ping(values(b9=5), build="20200407094500")]
    rows = answer({**SPEC, "normalization": "client", "dimensions": ["build_id"]}, pings)
    assert [(row["build_id"][:8], row["bucket"], row["count"]) for row in rows] == [
        ("20200406", 1, Fraction(1, 2)),
        ("20200406", 9, Fraction(1, 2)),
        ("20200407", 9, 1),
    ]


@pytest.mark.parametrize(
    ("percentile", "value"), [(0, 0), (0.25, 0), (0.2500000001, 0), (0.250000002, 1), (0.25001, 1), (1, 1)]
)
def test_ties_within_a_billionth(percentile, value):
    # Three clients give a third of their vote to bucket 0, a fourth nothing: 3 × 1/3 of 4 votes is 0.25.
    pings = [ping(values(b0=1, b1=2), client) for client in "abc"] + [ping(values(b1=7), "d")]
    spec = {**SPEC, "normalization": "client", "percentiles": [percentile]}
    assert column("value", answer(spec, pings)) == [value]


def test_ties_of_tenths():
    pings = [ping(values(**{f"b{n}": 1 for n in range(1, 11)}))]
    spec = {**SPEC, "normalization": "client", "percentiles": [n / 10 for n in range(1, 11)]}
    assert column("value", answer(spec, pings)) == list(range(1, 11))


def test_the_lowest_bucket_is_one_with_samples():
    assert column("value", answer({**SPEC, "percentiles": [0]}, [ping(values(b0=0, b4=1))])) == [4]


def test_compact_forms_count_alike():
    pings = [
        ping("2,3", "a"),
        ping("4", "b"),
        ping("3;2;5;1,2;0:1,1:5", "c"),
        ping("foo", "d"),
        ping(None, "e"),
    ]
    # Bucket 0: 2 of the pair, 4 of the single integer, 1 of the parts. Bucket 1: 3 + 0 + 5. Sums 3 + 4 + 5.
    assert column("count", answer(SPEC, pings)) == [7, 8]
    (row,) = answer({**SPEC, "measure": "summary"}, pings)
    assert row == {"count": 15, "sum": 12, "mean": Fraction(12, 15), "n_clients": 3}


def test_null_clients_count_under_none_only():
    pings = [ping(values(b1=1), None), ping(values(b1=1), None, 2), ping(values(b2=1), "")]
    rows = answer(SPEC, pings)
    assert [(row["bucket"], row["count"], row["n_clients"], row["n_samples"]) for row in rows] == [
        (1, 2, 1, 3),
        (2, 1, 1, 3),
    ]
    for normalization in ("client", "client_day"):
        (row,) = answer({**SPEC, "normalization": normalization}, pings)
        assert (row["bucket"], row["n_clients"], row["n_samples"]) == (2, 1, 1)
        assert answer({**SPEC, "normalization": normalization}, pings[:2]) == []


def test_summary_leaves_out_pings_without_samples():
    # The second has only a zero, the third only an absurd count; the fourth's sum is NULL and adds 0.
    pings = [ping('{"sum":5,"values":{"5":1}}'), ping('{"sum":70,"values":{"5":0}}')]
    pings += [ping(f'{{"sum":9,"values":{{"5":{2**40 + 1}}}}}'), ping('{"values":{"5":3}}')]
    (row,) = answer({**SPEC, "measure": "summary"}, pings)
    assert row == {"count": 4, "sum": 5, "mean": Fraction(5, 4), "n_clients": 1}
    assert answer({**SPEC, "measure": "summary"}, pings[1:3]) == []


def test_counts_the_pings_that_carry_the_histogram():
    pings = [ping(client="a"), ping("foo", client="a"), ping(TUTORIAL[0], client="b")]
    assert answer({**SPEC, "measure": "counts"}, pings) == [{"n_clients": 2, "n_pings": 2}]


def test_counts_every_ping():
    spec = {**FULL, "measure": "counts"}
    pings = [
        ping(client="a"),
        ping("foo", client="a"),
        ping(client=None),
        ping(TUTORIAL[0], client="b", day=2),
    ]
    assert answer(spec, pings) == [{"n_clients": 2, "n_pings": 4}]
    assert answer({**spec, "dimensions": ["submission_date"]}, pings) == [
        {"submission_date": date(2020, 4, 1), "n_clients": 1, "n_pings": 3},
        {"submission_date": date(2020, 4, 2), "n_clients": 1, "n_pings": 1},
    ]
    assert answer(spec, []) == []


def test_pings_are_ordered_then_limited():
    pings = [
        ping("7", "b"),
        ping("foo", "a"),
        ping(None, None),
        ping("3", "a"),
        ping(TUTORIAL[0], "b"),
    ]  # NULL is left out
    spec = {**SPEC, "measure": "pings", "fields": ["client_id", "sum", "histogram"], "limit": 3}
    assert [tuple(row.values()) for row in answer(spec, pings)] == [
        ("a", None, "foo"),
        ("a", 3, "3"),
        ("b", 7, "7"),
    ]


def test_measure_defaults():
    assert measure_of({"histogram": "X"}) == "distribution"
    assert measure_of({"histogram": "X", "percentiles": [0.5]}) == "percentiles"


@pytest.mark.parametrize("name", [HISTOGRAM, HISTOGRAM.upper(), f"Payload.Histograms.{HISTOGRAM.upper()}"])
def test_histogram_by_name_or_path(name):
    assert column("bucket", answer({**FULL, "histogram": name}, [ping("1,0"), ping("0,1")])) == [0, 1]


# --- Filters -------------------------------------------------------------------------------------

EARLY, NOON, LATE, BAD, NONE = "20200406000000", "20200413120000", "20200420235959", "2020", None
NUMBERED = [
    {
        "document_id": str(number),
        "submission_timestamp": time,
        "sample_id": number * 10,
        "normalized_os": system,
        "application": {"build_id": build},
        "environment": {"system": {"memory_mb": memory, "is_wow64": wow}},
    }
    for number, (time, system, build, memory, wow) in enumerate(
        [
            ("2020-04-05T23:59:59.999999Z", "Windows", EARLY, 2047.5, True),
            ("2020-04-06T00:00:00Z", "Mac", NOON, 2048, False),
            ("2020-04-20T23:59:59.999999Z", "Linux", LATE, 4096, None),
            ("2020-04-21T00:00:00Z", None, BAD, None, True),
            (datetime(2020, 4, 13, tzinfo=UTC), "windows", NONE, 8192, True),
        ]
    )
]


@pytest.mark.parametrize(
    ("filters", "passing"),
    [
        ({}, "01234"),
        ({"os": "Windows"}, "0"),
        ({"os": ["Mac", "windows"]}, "14"),
        ({"os": {"not": "Windows"}}, "1234"),
        ({"os": {"not": ["Windows", "Mac"]}}, "234"),
        ({"os": {"is_null": True}}, "3"),
        ({"os": {"is_null": False}}, "0124"),
        ({"os": {"not": "Mac", "is_null": False}}, "024"),
        ({"os": {"gt": "Mac", "lt": "a"}}, "0"),
        ({"os": "Mac", "sample_id": 0}, ""),
        ({"sample_id": {"from": 10, "to": 30}}, "123"),
        ({"sample_id": {"gte": 10, "lte": 30}}, "123"),
        ({"sample_id": {"gt": 10, "lt": 30}}, "2"),
        ({"sample_id": {"gt": 10, "not": [30]}}, "24"),
        ({"environment.system.memory_mb": {"gte": 2047.5, "lt": 4096}}, "01"),
        ({"environment.system.memory_mb": 4096}, "2"),
        ({"environment.system.is_wow64": True}, "034"),
        ({"environment.system.is_wow64": {"not": True}}, "12"),
        ({"submission_date": {"from": date(2020, 4, 6), "to": "2020-04-20"}}, "124"),
        ({"submission_date": {"gt": "2020-04-06", "lt": date(2020, 4, 21)}}, "24"),
        ({"submission_date": ["2020-04-05", date(2020, 4, 21)]}, "03"),
        ({"submission_date": "2020-04-13"}, "4"),
        ({"submission_date": {"last": "15 days"}}, "124"),  # the 6th to the 20th
        ({"submission_date": {"last": "2 weeks"}}, "24"),  # the 7th to the 20th
        ({"submission_date": {"last": "1 day"}}, "2"),
        ({"build_id": {"from": "20200406", "to": "20200413"}}, "01"),  # all of the last day's
        ({"build_id": {"gt": "20200406"}}, "12"),  # none of the first day's
        ({"build_id": {"lt": "20200420"}}, "013"),  # "2020" comes before
        ({"build_id": {"gte": "20200413120000", "lte": "20200420235959"}}, "12"),
        ({"build_id": {"gte": "20200413120001"}}, "2"),
        ({"build_id": "202004"}, "012"),
        ({"build_id": ["20200406", "20200420235959"]}, "02"),
        ({"build_id": {"not": "20200406"}}, "1234"),
        ({"build_date": {"from": "2020-04-06", "to": "2020-04-13"}}, "01"),
        ({"build_date": {"not": "2020-04-13"}}, "0234"),
        ({"build_date": {"is_null": True}}, "34"),
        ({"build_date": {"last": "8 days"}}, "12"),
        ({"build_time": {"from": date(2020, 4, 6), "to": date(2020, 4, 13)}}, "01"),
        ({"build_time": {"gt": "2020-04-06", "lte": "2020-04-13 11:59:59"}}, ""),
        ({"memory": "2048 to 4096"}, "1"),
        ({"memory": {"not": ["under 2048", "4096 and over"]}}, "13"),
        ({"memory": {"is_null": True}}, "3"),
    ],
)
def test_filters(filters, passing):
    memory = {"name": "memory", "of": "environment.system.memory_mb", "bands": [2048, 4096]}
    spec = {**FULL, "measure": "pings", "fields": ["document_id", memory], "today": "2020-04-20"}
    assert "".join(column("document_id", answer({**spec, "filters": filters}, NUMBERED))) == passing


# --- Dimensions ----------------------------------------------------------------------------------


def groups(definition, **spec):
    """The groups of all NUMBERED pings, as (value, pings)."""
    rows = answer({**FULL, "measure": "counts", "dimensions": [definition], **spec}, NUMBERED)
    return [(next(iter(row.values())), row["n_pings"]) for row in rows]


def test_friendly_names_paths_and_renames_sort_nulls_first():
    expected = [(None, 1), ("Linux", 1), ("Mac", 1), ("Windows", 1), ("windows", 1)]
    assert groups("os") == groups("normalized_os") == groups({"name": "system", "of": "os"}) == expected
    (row, *_) = answer(
        {**FULL, "measure": "counts", "dimensions": ["environment.system.memory_mb"]}, NUMBERED[:1]
    )
    assert row == {"memory_mb": Fraction("2047.5"), "n_clients": 0, "n_pings": 1}


def test_bands_include_their_lower_edge():
    bands = {"name": "memory", "of": "environment.system.memory_mb", "bands": [2048, 4096, 8192]}
    assert groups(bands) == [
        (None, 1),
        ("under 2048", 1),
        ("2048 to 4096", 1),
        ("4096 to 8192", 1),
        ("8192 and over", 1),
    ]
    assert band_labels([0.5]) == ("under 0.5", "0.5 and over")


def test_numbers_are_doubles():
    # 4095.999 is no double: the column's value and the spec's number are the same nearest one.
    pings = [{"environment": {"system": {"memory_mb": 4095.999}}}]
    path = "environment.system.memory_mb"
    spec = {**FULL, "measure": "counts", "dimensions": [{"name": "memory", "of": path, "bands": [4095.999]}]}
    for condition in (4095.999, [4095.999], {"from": 4095.999, "to": 4095.999}):
        assert column("memory", answer({**spec, "filters": {path: condition}}, pings)) == [
            "4095.999 and over"
        ]


def test_first_true_case_wins_in_the_written_order():
    cases = [
        {"value": "z", "when": {"os": {"not": "Mac"}, "sample_id": {"lt": 40}}},  # 0, 2 and the NULL of 3
        {"value": "a", "when": {"sample_id": {"lte": 10}}},  # 1; 0 is taken
    ]
    assert groups({"name": "x", "cases": cases}) == [(None, 1), ("z", 3), ("a", 1)]
    assert groups({"name": "x", "cases": cases, "else": "b"}) == [("z", 3), ("a", 1), ("b", 1)]
    assert groups({"name": "x", "cases": cases, "else": "z"}) == [("z", 4), ("a", 1)]


def test_cases_by_label():
    cases = {"new": {"gte": "20200413"}, "old": ["20200406", "20200407"]}
    assert groups({"name": "age", "of": "build_id", "cases": cases}) == [(None, 2), ("new", 2), ("old", 1)]


def test_dimensions_sort_in_their_order():
    spec = {**FULL, "measure": "counts", "dimensions": ["environment.system.is_wow64", "build_date"]}
    early, noon, late = date(2020, 4, 6), date(2020, 4, 13), date(2020, 4, 20)
    expected = [(None, late, 0, 1), (False, noon, 0, 1), (True, None, 0, 2), (True, early, 0, 1)]
    assert [tuple(row.values()) for row in answer(spec, NUMBERED)] == expected


def test_build_times():
    assert build_time("20200229235959") == datetime(2020, 2, 29, 23, 59, 59)
    assert build_date("20200229") == build_date("20200229000000") == date(2020, 2, 29)
    assert build_time("20200229") is None
    real = {text: build_date(text) for text in ODD_BUILDS if build_date(text)}
    assert real == {"20200410": date(2020, 4, 10), "20200410235959": date(2020, 4, 10)}


CASES = Path(__file__).parents[2] / "shared" / "udf_cases.jsonl"


@pytest.mark.skipif(not CASES.exists(), reason="the shared cases of Mozilla's functions are not here")
def test_decodes_as_mozilla_does():
    cases = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]
    compared = 0
    for case in cases:
        decoded = decode(case["inputs"][0]) if case["udf"] == "hist.extract" else None
        if decoded:
            expected = case["expected"]
            compared += 1
            assert [decoded.sum, decoded.bucket_count, decoded.histogram_type, list(decoded.range or ())] == [
                expected[name] for name in ("sum", "bucket_count", "histogram_type", "range")
            ], case["case"]
            assert decoded.entries == tuple((e["key"], e["value"]) for e in expected["values"]), case["case"]
    assert compared >= 10
