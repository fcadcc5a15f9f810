"""`Query` as Python has it: verbs that edit its spec, YAML, equality, SQL that is text."""

import copy
import datetime as dt
import json
import pickle
from functools import cache
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen import Query, QuerygenError, Sql, load
from querygen.api import catalog_of
from querygen.source import load_file, load_text

ROOT = Path(__file__).parents[1]
SPECS = [path.with_suffix(".yaml") for path in sorted((ROOT / "examples").rglob("*.sql"))]
SPECS = [path for path in SPECS if "queries" not in path.parts]
DAYS = {"from": "2020-04-06", "to": "2020-04-20"}
BASE = {
    "histogram": "GC_MS",
    "filters": {"submission_date": DAYS, "os": "Windows"},
    "dimensions": ["os_version"],
    "percentiles": [0.5],
    "normalization": "client",
}


def loaded(path, folder=None):
    """The query of an example, with the probe definitions beside it."""
    return Query.of(load_file(path), tables((folder or path.parent) / "probes"))


@cache
def tables(probes):
    return catalog_of(None, probes if probes.is_dir() else None)


# --- Verbs -------------------------------------------------------------------------------------------

EDITS = {
    "where": (
        lambda q: q.where(os=["Mac", "Linux"], memory_mb={"gte": 4096}),
        {"filters": {"submission_date": DAYS, "os": ["Mac", "Linux"], "memory_mb": {"gte": 4096}}},
    ),
    "where-path": (
        lambda q: q.where({"environment.system.memory_mb": {"gte": 4096}}, channel="nightly"),
        {
            "filters": {
                "submission_date": DAYS,
                "os": "Windows",
                "environment.system.memory_mb": {"gte": 4096},
                "channel": "nightly",
            }
        },
    ),
    "over": (
        lambda q: q.over("2020-04-01", dt.date(2020, 4, 2)),
        {
            "filters": {
                "submission_date": {"from": "2020-04-01", "to": dt.date(2020, 4, 2)},
                "os": "Windows",
            }
        },
    ),
    "over-builds": (
        lambda q: q.over("2020-04-01", "2020-04-02", of="build_date"),
        {
            "filters": {
                "submission_date": DAYS,
                "os": "Windows",
                "build_date": {"from": "2020-04-01", "to": "2020-04-02"},
            }
        },
    ),
    "by": (
        lambda q: q.by("channel", {"name": "memory", "of": "memory_mb", "bands": [4096]}),
        {"dimensions": ["channel", {"name": "memory", "of": "memory_mb", "bands": [4096]}]},
    ),
    "by-nothing": (lambda q: q.by(), {"dimensions": []}),
    "normalize": (lambda q: q.normalize("none"), {"normalization": "none"}),
    "percentiles": (lambda q: q.percentiles(0.25, 0.75), {"percentiles": [0.25, 0.75]}),
    "measure": (
        lambda q: q.measure("distribution", prior=None, confidence=0.95),
        {"measure": "distribution", "percentiles": None, "confidence": 0.95},
    ),
    "compare": (
        lambda q: q.compare("some-experiment", control="a", branches=["b"], statistics=["median"]),
        {
            "measure": "compare",
            "percentiles": None,
            "experiment": "some-experiment",
            "control": "a",
            "branches": ["b"],
            "statistics": ["median"],
        },
    ),
    "compare-a-dimension": (
        lambda q: q.by({"name": "branch", "of": "channel"}).compare(control="beta", branches=["nightly"]),
        {
            "measure": "compare",
            "percentiles": None,
            "dimensions": [{"name": "branch", "of": "channel"}],
            "control": "beta",
            "branches": ["nightly"],
        },
    ),
    "replace": (
        lambda q: q.replace(process="content", normalization=None, title="T"),
        {"process": "content", "normalization": "none", "title": "T"},
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_verb_is_an_edit_of_the_spec(name):
    verb, edit = EDITS[name]
    before = Query(**BASE)
    after = verb(before)
    assert after == Query(**{**BASE, **edit}) != before
    assert after.sql() == Query(**{**BASE, **edit}).sql()
    assert before == Query(**BASE)


def test_verbs_of_a_file_keep_its_tables_and_its_day():
    probes = ROOT / "examples/distributions/probes"
    query = load(
        ROOT / "examples/distributions/interpolated.yaml", probes=probes, today=dt.date(2020, 4, 20)
    ).where(submission_date={"last": "2 days"})
    assert "[4, 7)" not in query.sql()
    assert "'2020-04-19'" in query.sql()
    assert query.plan().about.bounds  # which only the definition tells


@pytest.mark.parametrize(
    ("verb", "code", "loc"),
    [
        (lambda q: q.percentiles(95), "percentile-range", "percentiles[0]"),
        (lambda q: q.percentiles(), "bad-value", "percentiles"),
        (lambda q: q.normalize("clients"), "unknown-value", "normalization"),
        (lambda q: q.replace(percentile=[0.5]), "unknown-key", "percentile"),
        (lambda q: q.where(os=None), "bad-value", "filters.os"),
        (lambda q: q.over("2020-04-20", "2020-04-06").sql(), "reversed-range", "filters.submission_date"),
        (lambda q: q.compare("x", control="a", branches=["a"]), "duplicate-branch", "branches"),
        (lambda q: q.measure("pings", fields=["os"]), "unused-key", "dimensions"),
    ],
)
def test_a_verb_s_mistakes_are_the_spec_s(verb, code, loc):
    with pytest.raises(QuerygenError) as caught:
        verb(Query(**BASE))
    (finding,) = caught.value.diagnostics
    assert (str(finding).split(": ")[0], finding.code) == (loc, code)


def test_a_mistake_of_a_verb_does_not_point_into_the_file():
    query = load(ROOT / "examples/tutorial/03-percentiles-of-one-day.yaml")
    with pytest.raises(QuerygenError) as caught:
        query.by("oss").sql()
    assert caught.value.diagnostics[0].span is None
    assert "dimensions[0]" in str(caught.value)


def test_what_was_given_may_change_afterwards():
    spec = copy.deepcopy(BASE)
    query = Query(**spec)
    spec["filters"]["os"] = "Mac"
    spec["percentiles"].append(0.9)
    assert query.data == BASE


# --- YAML --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_yaml_of_a_query_is_the_same_query(path, tmp_path):
    query = loaded(path)
    (tmp_path / "again.yaml").write_text(query.to_yaml(), encoding="utf-8")
    assert loaded(tmp_path / "again.yaml", path.parent) == query


def test_yaml_is_short():
    assert Query(**BASE).to_yaml() == (
        "histogram: GC_MS\n"
        'filters: {submission_date: {from: "2020-04-06", to: "2020-04-20"}, os: Windows}\n'
        "dimensions: [os_version]\n"
        "percentiles: [0.5]\n"
        "normalization: client\n"
    )


def test_long_yaml_is_broken_into_lines():
    query = Query(**BASE).where(locale=["en-US", "de"] * 10, country=[f"C{i}" for i in range(30)])
    lines = query.to_yaml().splitlines()
    assert lines[1:3] == ["filters:", '  submission_date: {from: "2020-04-06", to: "2020-04-20"}']
    assert "    - C29" in lines
    assert load_text(query.to_yaml(), "y").data == query.data


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.dates(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@settings(max_examples=40)
@given(st.dictionaries(st.text(), plain))
def test_whatever_is_in_it_yaml_is_read_as_it_was(data):
    from querygen.yamltext import block

    read = load_text(block(data), "made").data if data else {}
    assert repr(read) == repr(data)


def test_the_text_is_the_file_s_own():
    path = ROOT / "examples/experiments/compare.yaml"
    assert load(path).text == path.read_text(encoding="utf-8")
    assert load(path).normalize("none").text == load(path).normalize("none").to_yaml()


# --- Equality, copies, pickles -----------------------------------------------------------------------

UNEQUAL = {
    "a value": lambda q: q.where(os="Mac"),
    "true is not 1": lambda q: q.where(is_default=True),
    "1 is not true": lambda q: q.where(is_default=1),
    "1.0 is not 1": lambda q: q.where(is_default=1.0),
    "text is not a number": lambda q: q.where(is_default="1"),
    "a text for a date": lambda q: q.where(submission_date=dt.date(2020, 4, 20)),
    "another order": lambda q: q.replace(filters=dict(reversed(q.data["filters"].items()))),
    "itself": lambda q: q,
    "another key": lambda q: q.replace(process="content"),
}


def test_equal_queries_are_one_in_a_set():
    queries = [edit(Query(**BASE)) for edit in UNEQUAL.values()]
    assert len({*queries, *(edit(Query(**BASE)) for edit in UNEQUAL.values())}) == len(UNEQUAL)
    assert Query(**BASE) != BASE


def test_defaults_and_tuples_make_no_difference():
    same = Query(**{**BASE, "percentiles": (0.5,), "measure": "percentiles", "process": "parent"})
    assert same == Query(**BASE)
    assert hash(same) == hash(Query(**BASE))


def test_the_day_and_the_tables_make_a_difference():
    spec = {**BASE, "filters": {"submission_date": {"last": "2 days"}}}
    days = [load(spec, today=dt.date(2020, 4, day)) for day in (19, 20)]
    assert days[0] != days[1] != load(spec)
    assert load(BASE) == Query(**BASE)
    assert load(BASE, probes=ROOT / "examples/distributions/probes") != Query(**BASE)


def test_parameters_with_one_default_are_not_one():
    parameters = {name: {"kind": "enum", "options": ["Mac"]} for name in ("a", "b")}
    filters = [{"os": {"parameter": one}, "channel": {"parameter": two}} for one, two in ("ab", "ba")]
    one, two = (
        Query(measure="counts", parameters=parameters, filters={"submission_date": "2020-04-20", **f})
        for f in filters
    )
    assert one != two


@pytest.mark.parametrize("path", SPECS[::7], ids=lambda path: path.stem)
def test_a_pickled_query_is_the_same(path):
    query = loaded(path)
    query.checked()
    again = pickle.loads(pickle.dumps(query))
    assert (again, hash(again), again.sql(), again.text, again.name) == (
        query,
        hash(query),
        query.sql(),
        query.text,
        query.name,
    )


def test_a_pickled_query_still_knows_its_file():
    query = pickle.loads(pickle.dumps(load({**BASE, "dimensions": ["oss"]})))
    with pytest.raises(QuerygenError, match="oss"):
        query.sql()
    broken = pickle.loads(pickle.dumps(load(ROOT / "tests/data/misspelt_dimension.yaml")))
    with pytest.raises(QuerygenError) as caught:
        broken.sql()
    assert caught.value.diagnostics[0].span.line == 4


def test_copies_are_the_query_itself():
    query = Query(**BASE)
    assert copy.copy(query) is query
    assert copy.deepcopy([query])[0] is query


# --- SQL ---------------------------------------------------------------------------------------------


def test_sql_is_text():
    sql = Query(**BASE).sql()
    assert type(sql) is Sql
    assert isinstance(sql, str)
    assert sql == str(sql) == f"{sql}" == "".join(sql)
    assert json.loads(json.dumps({"query": sql})) == {"query": sql}
    assert pickle.loads(pickle.dumps(sql)) == sql


def test_duckdb_takes_it_as_it_is():
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA telemetry; CREATE TABLE telemetry.main (client_id VARCHAR)")
    query = Query(measure="counts", allow_full_scan=True)
    assert connection.sql(query.sql("duckdb")).fetchall() == []
