"""`querygen verify`: engines that agree, and DuckDB's text broken in many ways, each told by key and CTE."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from commandline import querygen
from harness import NEEDS_GOOGLESQL
from sqlglot import exp

import querygen.translate as translation
from querygen import Query
from querygen.sample import write_sample
from querygen.udfs import load_udf

pytestmark = NEEDS_GOOGLESQL

EXAMPLES = Path(__file__).parents[1] / "examples"
DAYS = {"submission_date": {"from": "2020-04-06", "to": "2020-04-20"}}
SPEC = {
    "histogram": "FX_TAB_SWITCH_SPINNER_VISIBLE_MS",
    "filters": {**DAYS, "os": ["Windows", "Mac"]},
    "dimensions": ["os"],
    "normalization": "client",
    "percentiles": [0.25, 0.5],
}
SPREAD = {**SPEC, "percentiles": None, "measure": "distribution"}
TOP_KEYS = {
    "histogram": "SEARCH_COUNTS",
    "filters": DAYS,
    "key": {"top": 2},
    "dimensions": ["key"],
    "measure": "summary",
}
YAML = """\
histogram: FX_TAB_SWITCH_SPINNER_VISIBLE_MS
filters: {submission_date: {from: 2020-04-06, to: 2020-04-20}}
measure: summary
"""


def broken(monkeypatch, *added, off=()):
    """DuckDB's translation without some of its rewriters, and with others that make it wrong."""
    kept = [rewrite for rewrite in translation.REWRITERS if rewrite not in off]
    monkeypatch.setattr(translation, "REWRITERS", (*kept, *added))


def test_the_engines_agree_where_nothing_is_broken():
    verdict = Query(**{**SPEC, "percentiles": [0.5], "dimensions": []}).verify()
    assert verdict.agrees
    assert verdict.n_rows == 2  # of all corners, and of exact ties
    assert re.fullmatch(r"agrees \(\d+ rows, \d\d\d pings\)", str(verdict))


# ---------------------------------------------------------------------------------------------------------
# Broken in each stage


def windows_is_linux(node):
    return exp.Literal.string("Linux") if isinstance(node, exp.Literal) and node.name == "Windows" else node


def days_end_early(node):
    if isinstance(node, exp.Between) and "2020-04-20" in node.args["high"].sql():
        node = node.copy()
        after = exp.LT(this=node.this.copy(), expression=node.args["high"])
        return exp.and_(exp.GTE(this=node.this, expression=node.args["low"]), after)
    return node


def empty_counts_count(node):
    if isinstance(node, exp.Between) and node.args["low"].name == "1":
        return exp.Between(this=node.this, low=exp.Literal.number(0), high=node.args["high"])
    return node


def clients_vote_twice(node):
    is_vote = isinstance(node, exp.Div) and isinstance(node.parent, exp.Sum)
    return exp.Mul(this=node, expression=exp.Literal.number(2)) if is_vote else node


def shares_lack_a_millionth(node):
    if isinstance(node, exp.Alias) and node.alias == "cumulative_share":
        return exp.alias_(exp.Sub(this=node.this, expression=exp.Literal.number("0.000001")), node.alias)
    return node


def keys_are_swapped(node):
    return exp.column("value", "entry") if node == exp.column("key", "entry") else node


def percentiles_are_above(node):
    is_reached = isinstance(node, exp.GTE) and node.this.name == "cumulative_share"
    return exp.GT(this=node.this, expression=exp.Literal.number("0.9")) if is_reached else node


def fewest_come_first(node):
    return (
        exp.Ordered(this=node.this, desc=False)
        if isinstance(node, exp.Ordered) and node.args.get("desc")
        else node
    )


@pytest.mark.parametrize(
    ("rewrite", "spec", "stage", "column"),
    [
        (windows_is_linux, SPEC, "pings", None),
        (days_end_early, SPREAD, "pings", "n_samples"),
        (empty_counts_count, SPREAD, "clients", None),
        (keys_are_swapped, SPREAD, "clients", "count"),
        (clients_vote_twice, SPREAD, "buckets", "count"),
        (shares_lack_a_millionth, SPEC, "shares", "value"),
        (percentiles_are_above, SPEC, None, "value"),
        (fewest_come_first, TOP_KEYS, "top_keys", None),
    ],
)
def test_a_wrong_translation_is_told_by_the_cte_that_it_is_in(monkeypatch, rewrite, spec, stage, column):
    broken(monkeypatch, rewrite)
    verdict = Query(**spec).verify(udfs=["inline"])
    assert not verdict.agrees
    assert verdict.stage == stage
    key = verdict.difference.key
    assert set(key) == {
        *spec["dimensions"],
        *{"percentiles": ["percentile"], "distribution": ["bucket"]}.get(
            spec.get("measure", "percentiles"), []
        ),
    }
    if column:
        assert verdict.difference.column == column
        one, other = verdict.difference.values
        assert one != other
        assert f"{column}: duckdb {one}, googlesql {other}" in str(verdict)
    else:
        assert "only " in str(verdict)


def test_a_rewriter_that_is_off(monkeypatch):
    """WITH OFFSET then counts from 1, so that no client has a first entry."""
    broken(monkeypatch, off=[translation.arrays_unnest_in_projection])
    verdict = Query(**SPREAD).verify(udfs=["inline"])
    assert verdict.stage == "buckets"
    assert verdict.difference.column == "n_clients"
    assert verdict.difference.values[0] == 0 < verdict.difference.values[1]


@pytest.mark.parametrize("udfs", ["inline", "temp", "mozfun"])
def test_a_function_that_answers_otherwise(monkeypatch, udfs):
    def other(name):
        udf = load_udf(name)
        return replace(udf, duckdb=udf.duckdb.replace("range(len(", "range(1, 1 + len("))

    assert other("querygen.histogram_buckets") != load_udf("querygen.histogram_buckets")
    monkeypatch.setattr(translation, "load_udf", other)
    verdict = Query(**SPREAD).verify(udfs=[udfs])
    assert (verdict.udfs, verdict.stage) == (udfs, "histograms")
    assert str(verdict).startswith(f"differs with --udfs {udfs}: ")


def test_an_engine_that_fails(monkeypatch):
    def nonsense(node):
        return exp.Literal.string("x") if isinstance(node, exp.Literal) and node.name == f"{2**40}" else node

    broken(monkeypatch, nonsense)
    verdict = Query(**SPREAD).verify(udfs=["inline"])
    assert str(verdict).startswith("differs with --udfs inline: duckdb fails: DuckDB cannot run the query: ")
    assert verdict.stage == "clients"


def test_a_strict_query_fails_alike_on_both():
    query = Query(**{**SPREAD, "strict": True})
    assert query.verify(udfs=["inline"]).agrees


def test_that_a_strict_query_has_no_rows_is_said(folder):
    Path("pings.ndjson").write_text(pings(2).replace("sum", "no sum"))
    Path("spec.yaml").write_text(YAML + "strict: true\n")
    ran = querygen("verify", "spec.yaml", "--data", "telemetry.main=pings.ndjson", "--udfs", "inline")
    assert (ran.code, ran.text) == (0, "spec.yaml: agrees (0 rows, 2 pings)\n")
    assert ran.stderr.startswith("note: spec.yaml: on both engines the ping (without an id) holds data that")


# ---------------------------------------------------------------------------------------------------------
# The command


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text(YAML)
    return tmp_path


def pings(count):
    """Pings of as many clients, in the order of their ids."""
    histogram = {"sum": 5, "values": {"1": 5}}
    return "".join(
        json.dumps({
            "client_id": f"c{number}",
            "submission_timestamp": "2020-04-20 12:00:00+00:00",
            "payload": {"histograms": {"fx_tab_switch_spinner_visible_ms": json.dumps(histogram)}},
        })
        + "\n"
        for number in range(count)
    )  # fmt: skip


def test_the_command_says_that_they_agree_and_on_what(folder):
    ran = querygen("verify", "spec.yaml", "--udfs", "inline")
    assert ran.code == 0
    assert re.fullmatch(r"spec\.yaml: agrees \(1 row, \d{3} pings\)\n", ran.text)
    assert re.fullmatch(
        r"note: spec\.yaml: (\d{3}) made-up pings that reach the corners of the spec, \d+ of which pass its"
        r" filters\n",
        ran.stderr,
    )


def test_the_command_shows_key_values_and_cte_of_a_difference(folder, monkeypatch):
    Path("pings.ndjson").write_text(pings(4))
    Path("spec.yaml").write_text(YAML.replace("summary", "distribution"))
    broken(monkeypatch, clients_vote_twice)
    (folder / "votes.yaml").write_text(YAML.replace("measure: summary", "normalization: client"))
    ran = querygen("verify", "votes.yaml", "--data", "telemetry.main=pings.ndjson", "--udfs", "mozfun")
    assert ran.code == 1
    assert ran.text == (
        "votes.yaml: differs with --udfs mozfun: 1 of 1 rows differs\n"
        "  at bucket=1\n"
        "    count: duckdb 8.0, googlesql 4.0\n"
        "  the first CTE at which the engines part is `buckets`: 1 of 1 rows differs\n"
        "    at bucket=1, n_samples=20, n_clients=4\n"
        "      votes: duckdb 8.0, googlesql 4.0\n"
    )
    assert ran.stderr == ""


def test_of_much_data_some_clients_pings_are_compared(folder):
    Path("pings.ndjson").write_text(pings(50) * 2)
    command = ("verify", "spec.yaml", "--data", "telemetry.main=pings.ndjson", "--udfs", "inline")
    ran = querygen(*command, "--pings", 10)
    assert ran.text == "spec.yaml: agrees (1 row, 10 pings)\n"
    assert ran.stderr == (
        "note: spec.yaml: of 100 pings 10 were compared, those of some clients; --pings takes more\n"
    )
    assert querygen(*command).text == "spec.yaml: agrees (1 row, 100 pings)\n"


def test_the_clients_that_are_compared_are_whole():
    from querygen.catalog import catalog
    from querygen.running import attached
    from querygen.verify import few

    query = Query(**SPEC)
    with attached(query.plan(), catalog(), []) as tables:
        all_ids = tables.rows["telemetry.main"]["client_id"].to_pylist()
        some = few(tables, catalog(), 100).rows["telemetry.main"]["client_id"].to_pylist()
    whole = [client for client in set(some) - {None} if some.count(client) == all_ids.count(client)]
    assert len(some) == 100
    assert len(whole) >= len(set(some) - {None}) - 1


def test_the_tolerance_can_be_chosen(folder, monkeypatch):
    broken(monkeypatch, clients_vote_twice)
    Path("spec.yaml").write_text(YAML.replace("measure: summary", "normalization: client"))
    assert querygen("verify", "spec.yaml", "--udfs", "inline").code == 1
    assert querygen("verify", "spec.yaml", "--udfs", "inline", "--tolerance", "0.6").code == 0
    assert querygen("verify", "spec.yaml", "--tolerance", "7").code == 2


def test_several_specs_and_what_is_no_spec(folder):
    (folder / "bad.yaml").write_text("histogram: GC_MS\n")
    (folder / "spec.test.yaml").write_text("spec: spec.yaml\n")
    (folder / "metrics.yaml").write_text("a: b\n")
    (folder / "__querygen__").mkdir()
    (folder / "__querygen__/rows.yaml").write_text("rows: []\n")
    others = ["metrics.yaml", "spec.test.yaml", "__querygen__/rows.yaml"]
    ran = querygen("verify", "bad.yaml", *others, "spec.yaml", "--udfs", "temp")
    assert ran.code == 1
    assert ran.text.startswith("spec.yaml: agrees (")
    assert "bad.yaml:1:1: error: no range of dates" in ran.stderr
    assert "note: metrics.yaml: skipped, probe definitions and no spec\n" in ran.stderr
    assert "note: spec.test.yaml: skipped, a test and no spec\n" in ran.stderr
    assert "note: __querygen__/rows.yaml: skipped, a test's snapshot and no spec\n" in ran.stderr
    assert querygen("verify", "nowhere.yaml").code == 2


def test_definitions_beside_a_spec_are_read():
    path = EXAMPLES / "distributions" / "smoothed.yaml"
    ran = querygen("verify", path, "--udfs", "inline")
    assert ran.code == 0
    assert (
        f"note: with the probe definitions in {path.parent / 'probes'} for the specs beside it" in ran.stderr
    )
    other = querygen("verify", path, "--udfs", "inline", "--probes", EXAMPLES / "kinds" / "probes")
    assert "needs to know which buckets" in other.stderr


def test_made_up_rows_need_no_day_for_last_to_end_on(folder):
    Path("spec.yaml").write_text(YAML.replace("{from: 2020-04-06, to: 2020-04-20}", "{last: 7 days}"))
    assert querygen("verify", "spec.yaml", "--udfs", "inline").code == 0
    Path("pings.ndjson").write_text(pings(2))
    data = ("--data", "telemetry.main=pings.ndjson", "--udfs", "inline")
    assert "`last: 7 days` ends on a day that isn't given" in querygen("verify", "spec.yaml", *data).stderr
    assert querygen("verify", "spec.yaml", *data, "--today", "2020-04-21").text.endswith("(1 row, 2 pings)\n")


def test_the_sample_agrees(tmp_path):
    write_sample(tmp_path, 300, 5)
    assert Query(**SPEC).verify(tmp_path, udfs=["inline"]).agrees
