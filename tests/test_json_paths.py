"""Text inside a column of JSON, and text that contains another one, as dimensions and filters."""

import pytest
from harness import NEEDS_GOOGLESQL, query, rows_of

from querygen import QuerygenError

DAYS = {"submission_date": "2020-04-20"}
# Each text of `additional_properties` with what stands at its path.
TEXTS = {
    '{"payload":{"log":[["EXPERIMENT_TERMINATION",2105,"EXPIRED"]]}}': "EXPIRED",
    '{"payload":{"log":[["A",1,"with \\"quotes\\" and \\u00e9"]]}}': 'with "quotes" and é',
    '{"payload":{"log":[["A",1,2]]}}': "2",
    '{"payload":{"log":[["A",1,-2.5]]}}': "-2.5",
    '{"payload":{"log":[["A",1,true]]}}': "true",
    '{"payload":{"log":[["A",1,null]]}}': None,
    '{"payload":{"log":[["A",1,["EXPIRED"]]]}}': None,
    '{"payload":{"log":[["A",1,{"b":"EXPIRED"}]]}}': None,
    '{"payload":{"log":[["A",1]]}}': None,
    '{"payload":{"log":{}}}': None,
    '{"payload":{}}': None,
    "{}": None,
    "[]": None,
    "null": None,
    '"EXPIRED"': None,
    "": None,
    "EXPIRED": None,
    '{"payload":{"log":[["A",1,"EXPI': None,
    None: None,
}
PATH = "additional_properties.$.payload.log[0][2]"
ENGINES = ["duckdb", pytest.param("googlesql", marks=NEEDS_GOOGLESQL)]


def pings():
    return [
        {
            "submission_timestamp": "2020-04-20T12:00:00Z",
            "document_id": f"ping {number}",
            "client_id": f"client {number}",
            "additional_properties": text,
        }
        for number, text in enumerate(TEXTS)
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_text_at_a_path(engine):
    spec = {
        "filters": DAYS,
        "measure": "counts",
        "dimensions": ["document_id", {"name": "reason", "of": PATH}],
    }
    found = {row["document_id"]: row["reason"] for row in rows_of(spec, pings(), engine)}
    assert found == {f"ping {number}": value for number, value in enumerate(TEXTS.values())}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_filter_and_cases_by_a_path(engine):
    cases = {"expired": "EXPIRED", "none": {"is_null": True}}
    spec = {
        "filters": {**DAYS, PATH: {"not": "true"}},
        "measure": "counts",
        "dimensions": [{"name": "reason", "of": PATH, "cases": cases, "else": "other"}],
    }
    found = {row["reason"]: row["n_pings"] for row in rows_of(spec, pings(), engine)}
    assert found == {"expired": 1, "none": 14, "other": 3}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("part", ["EXPIRED", "expired", '"', "[[", "é", "\\", "%", "A"])
def test_text_that_contains_another(engine, part):
    spec = {"filters": {**DAYS, "additional_properties": {"contains": part}}, "measure": "counts"}
    wanted = sum(part in text for text in TEXTS if text is not None)
    assert sum(row["n_pings"] for row in rows_of(spec, pings(), engine)) == wanted


@pytest.mark.parametrize(
    ("filters", "code"),
    [
        ({"additional_properties.$.payload['x']": "a"}, "bad-path"),
        ({"additional_properties.$": "a"}, "bad-path"),
        ({"additional_properties.$.a') OR TRUE --": "a"}, "bad-path"),
        ({"additional_properties.$.payload..x": "a"}, "bad-path"),
        ({"sample_id.$.a": "a"}, "unknown-column"),
        ({"nothing.$.a": "a"}, "unknown-column"),
        ({"sample_id": {"contains": "1"}}, "wrong-type"),
    ],
)
def test_what_is_no_path_is_refused(filters, code):
    with pytest.raises(QuerygenError) as refused:
        query({"filters": {**DAYS, **filters}, "measure": "counts"}).sql()
    assert [finding.code for finding in refused.value.diagnostics] == [code]
