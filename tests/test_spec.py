"""The spec: what it may leave out, what its keys mean to each other, and its JSON Schema."""

import datetime as dt

import pydantic
import pytest
from harness import query

from querygen import QuerygenError
from querygen.conditions import Condition
from querygen.source import from_mapping, load_text
from querygen.spec import Spec, json_schema
from querygen.spec_values import DEFAULT_PERCENTILES
from querygen.validate import validate

DAY = {"filters": {"submission_date": "2020-04-20"}}
BASE = {"histogram": "GC_MS", **DAY}


def spec_of(**keys):
    return validate(from_mapping({**BASE, **keys}))


def refused(**keys):
    """The code and place of the one finding."""
    with pytest.raises(QuerygenError) as raised:
        query({**BASE, **keys}).plan()
    (finding,) = raised.value.diagnostics
    assert finding.help
    return finding.code, finding.loc


# --- What may be left out ------------------------------------------------------------------------


def test_a_spec_of_a_few_lines():
    spec = validate(
        load_text(
            "histogram: FX_TAB_SWITCH_SPINNER_VISIBLE_MS\n"
            "filters: {channel: nightly, submission_date: {from: 2020-04-06, to: 2020-04-20}}\n"
            "percentiles: [0.95, 0.5]\n",
            "spec.yaml",
        )
    )
    assert spec.source == "telemetry.main"
    assert spec.process == "parent"
    assert spec.key is None
    assert spec.dimensions == ()
    assert spec.normalization == "none"
    assert spec.measure == "percentiles"
    assert spec.percentiles == (0.5, 0.95)
    assert spec.filters["submission_date"].from_ == dt.date(2020, 4, 6)
    assert not spec.allow_full_scan


@pytest.mark.parametrize(
    ("keys", "measure"),
    [
        ({}, "distribution"),
        ({"percentiles": [0.5]}, "percentiles"),
        ({"percentiles": None}, "distribution"),
        ({"measure": None, "percentiles": [0.5]}, "percentiles"),
        ({"measure": "percentiles"}, "percentiles"),
        ({"measure": "summary"}, "summary"),
        ({"measure": "counts"}, "counts"),
        ({"measure": "pings"}, "pings"),
    ],
    ids=str,
)
def test_the_measure_follows_from_the_percentiles(keys, measure):
    assert spec_of(**keys).measure == measure


def test_default_percentiles():
    assert spec_of(measure="percentiles").percentiles_or_default == DEFAULT_PERCENTILES
    assert list(DEFAULT_PERCENTILES) == sorted(DEFAULT_PERCENTILES)
    assert spec_of(percentiles=[1, 0]).percentiles_or_default == (0.0, 1.0)
    assert all(isinstance(p, float) for p in spec_of(percentiles=[1, 0]).percentiles_or_default)


def test_pings_show_the_histogram_or_the_client_by_default():
    columns = [c.name for c in query({**BASE, "measure": "pings"}).plan().columns]
    assert columns == ["histogram"]
    columns = [c.name for c in query({**DAY, "measure": "pings"}).plan().columns]
    assert columns == ["client_id"]


@pytest.mark.parametrize(
    ("last", "days"), [("1 day", 1), ("14 days", 14), ("2 weeks", 14), ("1 week", 7), ("99999 days", 99999)]
)
def test_last(last, days):
    assert Condition(last=last).days == days


@pytest.mark.parametrize(
    "last", ["0 days", "-1 days", "1.5 days", "14", "14days", "14  days", "١ days", "5 years", ""]
)
def test_no_last(last):
    assert refused(filters={"submission_date": {"last": last}}, today="2020-04-20")[0] == "bad-last"


@pytest.mark.parametrize("today", ["2020-04-20", dt.date(2020, 4, 20), "current"])
def test_today(today):
    assert spec_of(today=today).today == ("current" if today == "current" else dt.date(2020, 4, 20))


@pytest.mark.parametrize(
    "today",
    ["now", "20200420", 20200420, 0, dt.datetime(2020, 4, 20, tzinfo=dt.UTC), "2020-02-30", "２020-04-20"],
)
def test_no_today(today):
    assert refused(today=today) == ("bad-today", ("today",))


def test_a_spec_cannot_be_changed():
    spec = spec_of(dimensions=["os"])
    with pytest.raises(pydantic.ValidationError):
        spec.measure = "counts"
    assert isinstance(spec.dimensions, tuple)


# --- What keys mean to each other ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "code", "loc"),
    [
        ({"histogram": None}, "no-histogram", ()),
        ({"measure": "summary", "histogram": None}, "no-histogram", ()),
        ({"measure": "distribution", "percentiles": [0.5]}, "unused-key", ("percentiles",)),
        ({"measure": "summary", "percentiles": [0.5]}, "unused-key", ("percentiles",)),
        ({"measure": "counts", "percentiles": [0.5]}, "unused-key", ("percentiles",)),
        ({"measure": "pings", "percentiles": [0.5]}, "unused-key", ("percentiles",)),
        ({"fields": ["sum"]}, "unused-key", ("fields",)),
        ({"limit": 3}, "unused-key", ("limit",)),
        ({"measure": "pings", "dimensions": ["os"]}, "unused-key", ("dimensions",)),
        ({"measure": "pings", "normalization": "client"}, "unused-key", ("normalization",)),
        ({"measure": "counts", "normalization": "client_day"}, "unused-key", ("normalization",)),
        ({"measure": "pings", "fields": ["sum"], "histogram": None}, "no-histogram", ("fields", 0)),
        ({"measure": "pings", "fields": ["os", "OS"]}, "duplicate-field", ("fields", 1)),
        ({"percentiles": [0.5, 0.5]}, "duplicate-percentile", ("percentiles",)),
        (
            {"dimensions": ["os", {"name": "OS", "of": "country"}]},
            "duplicate-dimension",
            ("dimensions", 1, "name"),
        ),
        ({"dimensions": [{"name": "x", "of": "os", "else": "a"}]}, "unused-else", ("dimensions", 0, "else")),
        ({"dimensions": [{"name": "x"}]}, "nothing-to-define", ("dimensions", 0)),
        ({"dimensions": [{"name": "x", "bands": [1]}]}, "nothing-to-define", ("dimensions", 0)),
        ({"dimensions": [{"name": "x", "cases": {"a": "b"}}]}, "nothing-to-define", ("dimensions", 0)),
        (
            {"dimensions": [{"name": "x", "of": "memory_mb", "bands": [2, 2]}]},
            "unordered-bands",
            ("dimensions", 0, "bands"),
        ),
        (
            {"dimensions": [{"name": "x", "of": "os", "bands": [1], "cases": {"a": "b"}}]},
            "bands-and-cases",
            ("dimensions", 0, "cases"),
        ),
        (
            {"dimensions": [{"name": "x", "of": "os", "cases": [{"value": "a", "when": {"os": "b"}}]}]},
            "unused-of",
            ("dimensions", 0, "of"),
        ),
        (
            {"filters": {"submission_date": {"from": "2020-04-06"}}},
            "unbounded-dates",
            ("filters", "submission_date"),
        ),
        (
            {"filters": {"submission_date": {"not": "2020-04-06"}}},
            "unbounded-dates",
            ("filters", "submission_date"),
        ),
        ({"filters": {"os": "Mac"}}, "unbounded-dates", ("filters",)),
        ({"filters": {"build_date": "2020-04-06"}}, "unbounded-dates", ("filters",)),
        ({"filters": {}}, "unbounded-dates", ()),
    ],
    ids=str,
)
def test_keys_that_do_not_go_together(keys, code, loc):
    assert refused(**keys) == (code, loc)


LOWER, UPPER = ("from", "gte", "gt"), ("to", "lte", "lt")


@pytest.mark.parametrize("lower", LOWER)
@pytest.mark.parametrize("upper", UPPER)
def test_a_range_has_one_lower_and_one_upper_end(lower, upper):
    def told(**condition):
        return refused(filters={**DAY["filters"], "memory_mb": condition})[0]

    query({**BASE, "filters": {**DAY["filters"], "memory_mb": {lower: 1, upper: 2}}}).plan()
    assert told(**{lower: 2, upper: 1}) == "reversed-range"
    is_empty = "gt" in (lower, "") or upper == "lt"
    if is_empty:
        assert told(**{lower: 2, upper: 2}) == "reversed-range"
    else:
        query({**BASE, "filters": {**DAY["filters"], "memory_mb": {lower: 2, upper: 2}}}).plan()
    for ends in (LOWER, UPPER):
        for other in ends:
            if other not in (lower, upper):
                assert told(**{lower: 1, upper: 2, other: 1}) == "two-bounds"


@pytest.mark.parametrize("bound", [*LOWER, *UPPER])
def test_last_goes_with_no_bound(bound):
    condition = {"last": "7 days", bound: "2020-04-20"}
    assert refused(filters={"submission_date": condition}, today="2020-04-20")[0] == "two-bounds"


@pytest.mark.parametrize(
    "dates",
    [
        "2020-04-20",
        ["2020-04-20", "2020-04-22"],
        {"from": "2020-04-06", "to": "2020-04-20"},
        {"gt": "2020-04-06", "lt": "2020-04-20"},
        {"last": "7 days"},
    ],
    ids=str,
)
def test_what_bounds_the_dates(dates):
    query({**BASE, "filters": {"submission_date": dates}, "today": "2020-04-20"}).plan()
    query(
        {
            **BASE,
            "filters": {"submission_timestamp": {"gte": "2020-04-06 00:00:00", "lt": "2020-04-07 00:00:00"}},
        }
    ).plan()


def test_a_full_scan_may_be_permitted():
    query({"histogram": "GC_MS", "allow_full_scan": True}).plan()


def test_values_keep_their_types():
    spec = spec_of(
        filters={**DAY["filters"], "sample_id": [1, 2], "os": {"not": "6.1"}, "memory_mb": {"gt": 1.5}}
    )
    assert spec.filters["sample_id"] == (1, 2)
    assert all(type(value) is int for value in spec.filters["sample_id"])
    assert spec.filters["os"].not_ == "6.1"
    for wrong in ({"os": True}, {"sample_id": True}, {"sample_id": 1.0}, {"memory_mb": "1"}, {"os": 6.1}):
        assert refused(filters={**DAY["filters"], **wrong})[0] == "wrong-type"


# --- JSON Schema ---------------------------------------------------------------------------------


def test_the_json_schema_explains_every_key():
    schema = json_schema()
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == set(Spec.model_fields)
    for definition in (schema, *schema["$defs"].values()):
        assert definition["additionalProperties"] is False
        for key, about in definition["properties"].items():
            assert about.get("description") or "$ref" in about, key
            assert not key.endswith("_")
    assert {"from", "to", "not", "is_null", "last"} <= set(schema["$defs"]["Condition"]["properties"])
