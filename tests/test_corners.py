"""The made-up rows reach the corners of each example: every filter, case and band, both ways."""

import datetime as dt
import itertools
from contextlib import closing
from functools import cache

import pyarrow as pa
import pytest
from specs import ALL, EXAMPLES, query_of

from querygen import data
from querygen.api import Query
from querygen.catalog import catalog
from querygen.corners import corners
from querygen.corners.values import values_of
from querygen.engines import duckdb as on_duckdb
from querygen.resolve import resolve
from querygen.running import Attached
from querygen.schema import Field
from querygen.source import from_mapping

CATALOG = catalog()
UNREACHABLE = {"operators": {"other"}}  # all builds that its filters let in are `new`


@cache
def made(name):
    query = query_of(name)
    return corners(query.spec, query.plan(), query._catalog)


def parts(name):
    """The rows of the table that a spec asks, in sets."""
    return [part[query_of(name).plan().table] for part in made(name).parts]


def rows_of(query, rows):
    """What a query gives on made-up rows: of one table, or of several by their names."""
    plan = query.plan()
    with closing(on_duckdb.connect()) as connection:
        for read in plan.reads:
            of_table = rows[read.table] if isinstance(rows, dict) else rows
            schema = query._catalog.table(read.like).schema
            data.attach_arrow(connection, read.table, of_table, schema, read.needs)
        return Attached(connection, plan).run(query.checked()).rows()


def only(name, **changes):
    """The same question about the same table with other keys, and none of the others."""
    source = query_of(name)._source.data
    kept = {key: source[key] for key in ("source", "today") if key in source}
    asked = str(changes)
    parameters = {name: made for name, made in source.get("parameters", {}).items() if repr(name) in asked}
    kept |= {"parameters": parameters} if parameters else {}
    named = {reference.lower() for reference in changes.get("filters", ())}
    if "branch" in named:
        kept["experiment"] = source["experiment"]
    defined = [d for d in source.get("dimensions", ()) if isinstance(d, dict) and d["name"].lower() in named]
    kept |= {"dimensions": defined} if defined else {}
    return Query.of(from_mapping({**kept, "allow_full_scan": True, **changes}), query_of(name)._catalog)


def n_pings(query, rows):
    return sum(row["n_pings"] for row in rows_of(query, rows))


def filters_all(name, parameter):
    """Whether a parameter stands for all values, by default."""
    return query_of(name)._source.data.get("parameters", {}).get(parameter, {}).get("all", False)


@pytest.mark.parametrize("name", [*EXAMPLES, "operators", "today", "reserved words"])
def test_each_filter_lets_some_rows_in_and_keeps_some_out_and_the_result_is_not_empty(name):
    rows = parts(name)[0]
    assert rows_of(query_of(name), made(name).parts[0])
    filters = query_of(name)._source.data["filters"]
    for reference, condition in filters.items():
        let_in = n_pings(only(name, measure="counts", filters={reference: condition}), rows)
        chosen = isinstance(condition, dict) and filters_all(name, condition.get("parameter"))
        assert 0 < let_in < rows.num_rows + chosen, reference
    assert n_pings(only(name, measure="counts", filters=filters), rows) >= 40


@pytest.mark.parametrize(
    "name", ["percentiles by none of groups", "operators", "memory-bands", "windows-families"]
)
def test_each_case_and_band_occurs_and_so_does_none(name):
    query = query_of(name)
    defined = [d for d in query._source.data["dimensions"] if isinstance(d, dict)]
    assert defined
    for dimension in defined:
        filters = query._source.data["filters"]
        counts = only(name, measure="counts", dimensions=[dimension], filters=filters)
        found = {row[dimension["name"]] for row in rows_of(counts, parts(name)[0])}
        bands = dimension.get("bands", ())
        labels = {case["value"] for case in dimension.get("cases", ())} | {dimension.get("else")}
        if bands:
            between = {f"{low} to {high}" for low, high in itertools.pairwise(bands)}
            labels = {None, f"under {bands[0]}", f"{bands[-1]} and over", *between}
        assert found == labels - UNREACHABLE.get(name, set())


def test_clients_have_several_days_pings_and_none():
    rows = parts("percentiles by client_day")[0].to_pylist()
    days = {}
    for row in rows:
        days.setdefault(row["client_id"], []).append(row["submission_timestamp"])
    assert {None, ""} < days.keys()
    assert max(len(set(times)) for times in days.values()) > 5
    assert sum(len(times) > len(set(times)) for times in days.values()) > 3


def test_every_form_of_a_histogram_is_in_a_ping_that_passes():
    filtered = only(
        "fields", histogram=ALL["fields"]["histogram"], filters=ALL["fields"]["filters"], measure="pings"
    )
    (rows,) = parts("fields")
    texts = {row["histogram"] for row in rows_of(filtered, rows)}
    for form in (
        "",
        "foo",
        "0,31",
        "37",
        "{}",
        "20;0;118;1,1000;80:0,115:1,165:0",
        '{"values":{}}',
        '{"values":{"1":1}',
    ):
        assert form in texts, form
    everything = {
        ((row["payload"] or {}).get("histograms") or {}).get("fx_tab_switch_spinner_visible_ms")
        for row in rows.to_pylist()
    }
    assert None in everything


def test_keys_that_are_asked_for_others_null_and_twice():
    (rows,) = parts("a key")[:1]
    lists = [
        ((row["payload"] or {}).get("keyed_histograms") or {}).get("search_counts")
        for row in rows.to_pylist()
    ]
    assert None in lists and [] in lists
    keys = [[entry["key"] for entry in entries] for entries in lists if entries]
    assert any(len(set(each)) < len(each) for each in keys)
    assert {"it's", "a", None} < {key for each in keys for key in each}


def test_records_are_null_in_some_pings():
    rows = parts("percentiles by none of groups")[0].to_pylist()
    for record in ("payload", "environment", "application"):
        assert {row[record] is None for row in rows} == {True, False}


def test_the_rows_are_the_same_every_time():
    query = query_of("operators")
    again = corners(query.spec, query.plan(), query._catalog)
    assert again.parts == made("operators").parts
    assert str(again) == str(made("operators"))


def test_a_few_hundred_pings_at_most():
    counts = [sum(part.num_rows for part in parts(name)) for name in EXAMPLES]
    assert max(counts) < 700
    assert sorted(counts)[len(counts) // 2] < 300


@pytest.mark.parametrize("normalization", ["none", "client", "client_day"])
def test_all_percentiles_are_ties(normalization):
    spec = {
        "histogram": "FX_TAB_SWITCH_SPINNER_VISIBLE_MS",
        "filters": {"submission_date": {"from": "2020-04-06", "to": "2020-04-20"}},
        "percentiles": [0.001, 0.25, 1 / 3, 0.95],
        "normalization": normalization,
    }
    spec["percentiles"][2] = 0.333
    query = Query(**spec)
    _, ties = (part["telemetry.main"] for part in corners(query.spec, query.plan(), CATALOG).parts)
    spread = Query(**{**spec, "percentiles": None, "measure": "distribution"})
    shares = [row["share"] for row in rows_of(spread, ties)]
    reached = [sum(shares[: i + 1]) for i in range(len(shares))]
    assert reached == pytest.approx([0.001, 0.25, 0.333, 0.95, 1.0], abs=1e-12)


def test_last_ends_on_the_day_that_is_given():
    spec = {"measure": "counts", "filters": {"submission_date": {"last": "3 days"}}}
    query = Query.of(from_mapping(spec), CATALOG, dt.date(2024, 2, 29))
    plan = resolve(query.spec, CATALOG, dt.date(2024, 2, 29))
    (part,) = corners(query.spec, plan, CATALOG, dt.date(2024, 2, 29)).parts
    rows = part["telemetry.main"]
    days = {moment.date().isoformat() for moment in rows["submission_timestamp"].to_pylist() if moment}
    assert {"2024-02-26", "2024-02-27", "2024-02-29", "2024-03-01"} <= days


@pytest.mark.parametrize(
    ("kind", "edge", "expected"),
    [
        ("INT64", 5, {4, 5, 6, None}),
        ("INT64", 2**63 - 1, {2**63 - 2, 2**63 - 1}),
        ("FLOAT64", 0.5, {0.5, 0.49999999999999994, 0.5000000000000001}),
        ("STRING", "6.1", {"6.1", "6.1!", "6.", "6.0", "", None}),
        ("DATE", dt.date(2020, 3, 1), {dt.date(2020, 2, 29), dt.date(2020, 3, 1), dt.date(2020, 3, 2)}),
        ("DATETIME", "2020-04-20 12:00:00", {dt.datetime(2020, 4, 20, 11, 59, 59, 999999)}),
        (
            "STRING",
            dt.date(2020, 4, 20),
            {"20200420000000", "20200420235959", "20200419235959", "20200421000000"},
        ),
        ("BOOL", True, {True, False, None}),
    ],
)
def test_values_stand_on_and_beside_an_edge(kind, edge, expected):
    assert expected <= set(values_of(Field("x", kind), [edge]))


def test_a_prefix_is_made_whole():
    values = values_of(Field("x", "STRING"), ["20200420"], whole_length=14)
    assert {"20200420000000", "20200419999999", "20200421000000", "20200420"} <= set(values)
    assert pa.array(values, pa.string())


def test_versions_have_dates_of_a_table_and_some_have_none():
    """Several each, of which the earliest counts; and some versions are compared."""
    name = "dates of a table"
    dates = made(name).parts[0]["telemetry.releases"].to_pylist()
    by_version = {row["version"]: [] for row in dates}
    for row in dates:
        by_version[row["version"]].append(row["date"])
    assert None in by_version and len(by_version) > 6
    assert all(len(set(days)) > 1 for version, days in by_version.items() if version != "102.0")
    assert len({row["product"] for row in dates}) > 2
    rows = rows_of(query_of(name), made(name).parts[0])
    versions = {row["app_version"]: row["release_date"] for row in rows}
    assert versions["58.0"] is not None and versions["102.0"] is None
    assert any(row["adjusted_exposure"] for row in rows)
