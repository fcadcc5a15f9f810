"""What is wrong in a spec is refused, at its place: the cases of errors/*.txt, whatever their words are."""

import re

import pytest
import sqlglot
from harness import HISTOGRAM, query
from sqlglot import exp
from test_errors import CASES, outcome_of

from querygen import QuerygenError

TABS = "payload.processes.parent.scalars.browser_engagement_tab_open_event_count"

OF_SPECS = [case for case in CASES if case.command == "check spec.yaml" and case.exit_code is not None]


def places(stderr):
    """Line and column of each finding."""
    return re.findall(r"^spec\.yaml:(\d+):(\d+): (\w+)", stderr, re.MULTILINE)


@pytest.mark.parametrize("case", OF_SPECS, ids=lambda case: f"{case.home.stem}: {case.title}")
def test_is_refused_at_its_place(case, tmp_path, monkeypatch):
    code, stderr = outcome_of(case, tmp_path, monkeypatch)
    assert (code, places(stderr)) == (case.exit_code, places(case.printed))


def test_most_cases_have_places():
    assert sum(bool(places(case.printed)) for case in OF_SPECS) > 100


def names_given(query):
    """What a query calls its stages, columns, entries and fields, the dimension `country` aside."""
    plan = query.plan()
    tree = sqlglot.parse(query.sql(udfs="temp"), dialect="bigquery")[-1]
    given = {node.alias for node in tree.find_all(exp.CTE, exp.Alias)}
    ctes = {cte.alias for cte in tree.ctes}
    given |= {table.alias for table in tree.find_all(exp.Table) if table.name in ctes and table.alias}
    given |= {column.alias_or_name for cte in tree.ctes for column in cte.this.selects}
    given |= {name.name for alias in tree.find_all(exp.TableAlias) for name in alias.columns}
    given |= {unnest.args["offset"].name for unnest in tree.find_all(exp.Unnest) if unnest.args.get("offset")}
    given |= {field.name for field in tree.find_all(exp.PropertyEQ)}
    given |= {stage.name for stage in plan.stages} | {column.name for column in plan.columns}
    return given - {"country", "all_country"}


BY_COUNTRY = {"dimensions": ["country"], "allow_full_scan": True}
GLEAN = {"source": "firefox_desktop.metrics"}
ASKED = [
    *({"histogram": HISTOGRAM, "measure": measure} for measure in ("percentiles", "distribution", "summary")),
    {"histogram": HISTOGRAM, "normalization": "client_day", "percentiles": [0.5], "min_clients": 5},
    {"histogram": HISTOGRAM, "filters": {"sample_id": 1}, "scale": True, "buckets": {"linear": [1, 3, 4]}},
    {"histogram": HISTOGRAM, "prior": "dirichlet", "buckets": {"linear": [1, 3, 4]}},
    {"histogram": HISTOGRAM, "min_clients": 5, "low_data": "drop"},
    {"histogram": HISTOGRAM, "process": "combined", "dimensions": ["process", "histogram", "country"]},
    {"histogram": "SEARCH_COUNTS", "key": {"top": 3}, "dimensions": ["key", "country"]},
    {"histogram": "LOGIN_VERDICT"},
    {"scalar": TABS, "measure": "summary"},
    {"scalar": TABS, "measure": "percentiles"},
    {"measure": "counts", "cube": True},
    {"histogram": HISTOGRAM, "measure": "counts", "n_undecodable": True},
    {"histogram": HISTOGRAM, "strict": True},
    {**GLEAN, "histogram": "browser.tabswitch.spinner_visible", "measure": "summary"},
    {"histogram": HISTOGRAM, "measure": "pings", "fields": ["sum"], "dimensions": []},
]


@pytest.mark.parametrize("spec", ASKED, ids=str)
def test_no_dimension_has_a_name_that_queries_give(spec):
    """It would be the same name for two things in one query."""
    names = sorted(names_given(query({**BY_COUNTRY, **spec}, True)))
    asked = {**BY_COUNTRY, "measure": "counts", "dimensions": [{"name": name, "of": "os"} for name in names]}
    with pytest.raises(QuerygenError) as refused:
        query(asked).plan()
    found = {finding.loc: finding.code for finding in refused.value.diagnostics}
    assert {names[i]: found.get(("dimensions", i, "name")) for i in range(len(names))} == dict.fromkeys(
        names, "reserved-name"
    )


MOST = 2**63 - 1


@pytest.mark.parametrize(
    ("of", "number", "is_refused"),
    [
        *[("sample_id", number, False) for number in (MOST, -MOST - 1, 2**62, 0)],
        *[("sample_id", number, True) for number in (MOST + 1, -MOST - 2, 4.0)],
        *[("memory_mb", number, False) for number in (MOST + 1, 1.5, 1.7e308, -1.7e308)],
        *[("memory_mb", number, True) for number in (1.75e308, -1.75e308)],
    ],
)
def test_the_largest_numbers(of, number, is_refused):
    spec = {"measure": "counts", "filters": {of: {"not": number}}, "allow_full_scan": True}
    if not is_refused:
        assert query(spec).plan()
        return
    with pytest.raises(QuerygenError) as refused:
        query(spec).plan()
    assert [finding.code for finding in refused.value.diagnostics] == ["wrong-type"]


@pytest.mark.parametrize("of", ["sample_id", "memory_mb", "os", "submission_date", "build_time"])
@pytest.mark.parametrize("number", [10**400, -(10**400), 10**5000], ids=["long", "negative", "endless"])
def test_endless_numbers(of, number):
    """Python prints no number of more than 4,300 digits, and would not say what is wrong."""
    spec = {"measure": "counts", "filters": {of: {"not": number}}, "allow_full_scan": True}
    with pytest.raises(QuerygenError, match=r"(number -?10000|of thousands of digits)") as refused:
        query(spec).plan()
    assert [finding.code for finding in refused.value.diagnostics] == ["wrong-type"]


@pytest.mark.parametrize(
    ("edge", "is_refused"), [(MOST, False), (-MOST, False), (MOST + 1, True), (10**30, True)]
)
def test_the_largest_edges(edge, is_refused):
    bands = {"name": "band", "of": "sample_id", "bands": [edge]}
    spec = {"measure": "counts", "dimensions": [bands], "allow_full_scan": True}
    if not is_refused:
        assert query(spec).plan()
        return
    with pytest.raises(QuerygenError) as refused:
        query(spec).plan()
    assert [finding.code for finding in refused.value.diagnostics] == ["wrong-type"]


@pytest.mark.parametrize(
    ("time", "is_refused"),
    [("2020-04-06", True), ("20200406T00", False), ("2020-04-06 00:00", False), ("2020-04-06T24", True)],
)
def test_times(time, is_refused):
    """A date alone is no time: whole days are filtered by `build_date`."""
    spec = {"measure": "counts", "filters": {"build_time": {"gte": time}}, "allow_full_scan": True}
    if not is_refused:
        assert query(spec).plan()
        return
    with pytest.raises(QuerygenError) as refused:
        query(spec).plan()
    assert [finding.code for finding in refused.value.diagnostics] == ["wrong-type"]
