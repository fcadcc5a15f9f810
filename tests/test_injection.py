"""Whatever text a spec holds, the SQL is one SELECT that differs from a harmless one in literals alone."""

import json
from functools import cache

import pytest
import sqlglot
from harness import HISTOGRAM, NEEDS_GOOGLESQL, query, rows_of
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from specs import DAYS, SPECS
from sqlglot import exp

from querygen import Query, QuerygenError
from querygen.api import catalog_of
from querygen.source import load_text
from querygen.spec import Spec, json_schema
from querygen.sqltext import comment

PAYLOADS = {
    "quote": "it's",
    "quotes": "''; DROP TABLE x; --",
    "double quote": 'a"b""c',
    "backtick": "`telemetry.main`",
    "backslash at the end": "a\\",
    "backslash and quote": "\\'; SELECT 1; --",
    "escapes": "\\n\\x27\\u0027\\047",
    "line break": "a\nb",
    "carriage return": "a\r\nb\rc",
    "tab and blanks": " \t a \t ",
    "three quotes": "'''",
    "raw string": "r'\\'",
    "bytes": "b'x'",
    "dollar quotes": "$$ $tag$ x $tag$",
    "semicolon": "; SELECT 1;",
    "line comment": "-- x",
    "hash comment": "# x",
    "comment": "*/ SELECT 1 /*",
    "opened comment": "/* x",
    "redash": "{{ parameter }}",
    "jinja": "{% raw %}{# x #}{% endraw %}",
    "parameter": "@x ?1 :y %(z)s $1",
    "own function": "querygen.histogram_text(histogram)",
    "own function twice": "' || querygen.histogram_buckets(recorded) || '",
    "temporary function": "querygen_histogram_text(x)",
    "other function": "mozfun.hist.extract(x).values",
    "end of a stage": "\n)\nSELECT\n",
    "start of a stage": "), decodable AS (\n",
    "next stage": "\n),\ndecodable AS (\n  SELECT\n",
    "next line": "a\u0085b",
    "line separator": "a\u2028b\u2029c",
    "vertical tab": "a\x0bb\x0cc",
    "nought": "a\x00b",
    "escape": "\x1b[31m",
    "delete": "\x7f",
    "right to left": "\u202e\u2066txt\u2069\u200f",
    "byte order mark": "\ufeffa",
    "emoji": "😀👩\u200d👩",
    "last plane": "\U0010ffff",
    "date": "2020-04-21",
    "number": "1e9",
    "null": "NULL",
    "empty": "",
}
TEXT = st.text(max_size=12) | st.text("'\"`\\\n\r;-*/{}%#$ \u0085\u2028ax\x1f@:()", max_size=12)
BASE = {"histogram": HISTOGRAM, "filters": {"submission_date": "2020-04-20"}}


def filtered(condition):
    return {**BASE, "filters": {**BASE["filters"], "client_id": condition}}


def dimension(**definition):
    return {**BASE, "dimensions": [{"name": "family", **definition}]}


# The forms of a filter, and the places where one can stand, by their paths in the schema of specs.
FILTERS = {
    "{}": lambda text: text,
    "{}[]": lambda text: [text, "b"],
    "{}.from": lambda text: {"from": text},
    "{}.to": lambda text: {"to": text},
    "{}.gte": lambda text: {"gte": text},
    "{}.gt": lambda text: {"gt": "", "lte": text + "~"},
    "{}.lte": lambda text: {"gt": "", "lte": text + "~"},
    "{}.lt": lambda text: {"lt": text},
    "{}.contains": lambda text: {"contains": text or "a"},
    "{}.not": lambda text: {"not": text},
    "{}.not[]": lambda text: {"not": ["b", text]},
}
PLACES = {
    "filters": filtered,
    "dimensions[].cases": lambda condition: dimension(of="client_id", cases={"a": condition}),
    "dimensions[].cases[].when": lambda condition: dimension(
        cases=[{"value": "a", "when": {"client_id": condition}}]
    ),
}


def composed(place, form):
    return lambda text: place(form(text))


def enrolled(text, **keys):
    """A count of the clients in an experiment."""
    return {**BASE, "measure": "counts", "experiment": {"slug": text, **keys}}


def rated(**keys):
    """A rate of events."""
    return {"filters": BASE["filters"], "measure": "rate", "events": "GC_MS", **keys}


def amount(side, **keys):
    """A rate with such an amount as its events or exposure."""
    return rated(**{side: {"histogram": "GC_MS", **keys}})


def released(**keys):
    """A rate of versions at the same age, whose dates stand in a table."""
    table = {"table": "telemetry.releases", **keys}
    return rated(dimensions=["app_version"], align={"dates": table})


SIDES = ("events", "exposure")


def of_side(side, condition):
    return amount(side, filters={"client_id": condition})


def compared(**keys):
    branches = {"control": "control~", "branches": ["treatment~"]}
    return {**BASE, "measure": "compare", "experiment": "slug", **branches, **keys}


# Where text becomes a literal of the SQL (and words of a comment). What stands behind a blank tells further
# cases of one field apart.
LITERALS = {
    **{place + form: composed(at, make) for place, at in PLACES.items() for form, make in FILTERS.items()},
    "filters{}.not of builds": lambda text: {
        **BASE,
        "filters": {**BASE["filters"], "build_id": {"not": text}},
    },
    "filters{} of pings": lambda text: {**filtered(text), "measure": "pings", "fields": ["client_id", "sum"]},
    "dimensions[].cases{key}": lambda text: dimension(of="os", cases={text: "Mac", "b": "Linux"}),
    "dimensions[].else": lambda text: dimension(of="os", cases={"a": "Mac"}, **{"else": text}),
    "dimensions[].cases[].value": lambda text: dimension(cases=[{"value": text, "when": {"os": "Mac"}}]),
    "key": lambda text: {**BASE, "histogram": "SEARCH_COUNTS", "key": text},
    "key[]": lambda text: {**BASE, "histogram": "SEARCH_COUNTS", "key": ["b", text], "dimensions": ["key"]},
    "experiment": lambda text: {**BASE, "measure": "counts", "experiment": text or "a"},
    "experiment.slug": lambda text: enrolled(text or "a", recorded_in="active_experiment"),
    "experiment.control.name": lambda text: {
        **enrolled("a", control={"sample": "10%", "name": text or "a"}),
        "dimensions": ["branch"],
    },
    **{
        f"{side}.filters{form}": (lambda text, side=side, make=make: of_side(side, make(text)))
        for side in SIDES
        for form, make in FILTERS.items()
    },
    **{
        f"{side}.key{form}": (
            lambda text, side=side, make=make: rated(
                **{side: {"histogram": "SEARCH_COUNTS", "key": make(text)}}
            )
        )
        for side in SIDES
        for form, make in {"": lambda text: text, "[]": lambda text: [text, "b"]}.items()
    },
    "align.dates{key}": lambda text: rated(dimensions=["app_version"], align={"dates": {text: "2020-04-20"}}),
    **{
        f"align.dates.filters{form}": lambda text, make=make: released(filters={"product": make(text)})
        for form, make in FILTERS.items()
    },
    "placebo": lambda text: compared(placebo=text or "a"),
    "placebo.slug": lambda text: compared(placebo={"slug": text or "a", "branches": ["b~"]}),
    "placebo.control": lambda text: compared(placebo={"slug": "a", "control": text}),
    "placebo.control.name": lambda text: compared(
        placebo={"slug": "a", "control": {"sample": "10%", "name": text or "a"}}
    ),
    "placebo.branches[]": lambda text: compared(placebo={"slug": "a", "branches": ["treatment~", text]}),
    "control": lambda text: compared(control=text),
    "branches[]": lambda text: compared(branches=["treatment~", text]),
}
# Where text becomes words of a comment only.
COMMENTS = {
    "title": lambda text: {**BASE, "title": text},
    "description": lambda text: {**BASE, "description": text},
    "parameters{}.title": lambda text: {
        **BASE,
        "parameters": {"p": {"kind": "number", "default": 1, "title": text}},
        "filters": {**BASE["filters"], "memory_mb": {"parameter": "p"}},
    },
}


def last(text):
    return {"last": text}


def keyed(*path):
    """A spec with the text at a path of keys."""

    def build(text):
        value = text
        for key in reversed(path[1:]):
            value = [value] if key == 0 else {key: value}
        return {**BASE, path[0]: value}

    return build


# What stands in a filter for a parameter's name.
REFERENCES = {
    "{}.parameter": lambda text: {"parameter": text},
    **{
        f"{{}}.{bound}.parameter": (lambda text, bound=bound: {bound: {"parameter": text}})
        for bound in ("from", "to", "gte", "gt", "lte", "lt")
    },
}


def chosen(parameter, **also):
    """A spec with such a parameter."""
    return {**filtered({"parameter": "p"}), "parameters": {"p": parameter}, **also}


def dated(default, kind="date range"):
    return {"parameters": {"p": {"kind": kind, "default": default}}} | {
        **BASE,
        "filters": {"submission_date": {"parameter": "p"}},
    }


# Where text names something that exists, or becomes a name, or is one of a few words.
NAMES = {
    "histogram": keyed("histogram"),
    "histogram of a path": lambda text: {**BASE, "histogram": f"payload.histograms.{text}"},
    "histogram[]": lambda text: {**BASE, "histogram": ["GC_MS", text]},
    "histogram{key}": lambda text: {**BASE, "histogram": {text: "GC_MS"}},
    "histogram{}": keyed("histogram", "telemetry.main"),
    "histogram{}[]": keyed("histogram", "telemetry.main", 0),
    "scalar": lambda text: {"filters": BASE["filters"], "scalar": text},
    "source": keyed("source"),
    "source.table": lambda text: {**BASE, "source": {"table": text, "like": "telemetry.main"}},
    "source.like": lambda text: {**BASE, "source": {"table": "telemetry.main_1pct", "like": text}},
    "process": keyed("process"),
    "process[]": keyed("process", 0),
    "filters{key}": lambda text: {**BASE, "filters": {**BASE["filters"], text: "a"}},
    "filters{key} of a path": lambda text: {
        **BASE,
        "filters": {**BASE["filters"], f"environment.{text}": "a"},
    },
    "dimensions[]": keyed("dimensions", 0),
    "dimensions[] of a path": lambda text: {**BASE, "dimensions": [f"payload.histograms.{text}"]},
    "dimensions[].name": lambda text: {**BASE, "dimensions": [{"name": text, "of": "os"}]},
    "dimensions[].of": lambda text: dimension(of=text),
    "dimensions[].cases[].when{key}": lambda text: dimension(cases=[{"value": "a", "when": {text: "b"}}]),
    "fields[]": lambda text: {**BASE, "measure": "pings", "fields": [text]},
    "today": keyed("today"),
    "filters{}.last": lambda text: {
        **BASE,
        "today": "2020-04-20",
        "filters": {"submission_date": {"last": text}},
    },
    "dimensions[].cases{}.last": composed(PLACES["dimensions[].cases"], last),
    "dimensions[].cases[].when{}.last": composed(PLACES["dimensions[].cases[].when"], last),
    "measure": keyed("measure"),
    "normalization": keyed("normalization"),
    "unit": keyed("unit"),
    "low_data": keyed("low_data"),
    "percentile_method": keyed("percentile_method"),
    "buckets": keyed("buckets"),
    "prior": keyed("prior"),
    "silence[]": keyed("silence", 0),
    "sample": keyed("sample"),
    "interval": lambda text: rated(interval=text),
    "method": lambda text: rated(method=text, confidence=0.9),
    "align": lambda text: rated(align=text, dimensions=["app_version"]),
    "align.dates{}": lambda text: rated(align={"dates": {"58.0": text}}, dimensions=["app_version"]),
    **{
        f"align.dates.{key}": lambda text, key=key: released(**{key: text})
        for key in ("table", "version", "date")
    },
    "align.dates.table.table": lambda text: released(table={"table": text, "like": "telemetry.releases"}),
    "align.dates.table.like": lambda text: released(table={"table": "a.b", "like": text}),
    "align.dates.filters{key}": lambda text: released(filters={text: "a"}),
    "align.dates.filters{}.last": lambda text: {
        **released(filters={"date": last(text)}),
        "today": "2020-04-20",
    },
    **{
        f"align.dates.filters{form}": lambda text, make=make: released(filters={"product": make(text)})
        for form, make in REFERENCES.items()
    },
    **{side: (lambda text, side=side: rated(**{side: text})) for side in SIDES},
    **{
        f"{side}.{key}": (lambda text, side=side, key=key: rated(**{side: {key: text}}))
        for side in SIDES
        for key in ("histogram", "scalar", "column", "count", "table")
    },
    **{
        f"{side}.{key}": (lambda text, side=side, key=key: amount(side, **{key: text}))
        for side in SIDES
        for key in ("process", "take", "unit")
    },
    **{f"{side}.process[]": (lambda text, side=side: amount(side, process=[text])) for side in SIDES},
    **{
        f"{side}.filters{{key}}": (lambda text, side=side: amount(side, filters={text: "a"}))
        for side in SIDES
    },
    **{
        f"{side}.filters{{}}.last": (
            lambda text, side=side: {**of_side(side, last(text)), "today": "2020-04-20"}
        )
        for side in SIDES
    },
    **{
        f"{side}.table.table": (
            lambda text, side=side: rated(**{side: {"table": {"table": text, "like": "telemetry.main"}}})
        )
        for side in SIDES
    },
    **{
        f"{side}.table.like": (
            lambda text, side=side: rated(**{side: {"table": {"table": "a.b", "like": text}}})
        )
        for side in SIDES
    },
    "experiment.recorded_in": lambda text: enrolled("a", recorded_in=text),
    "experiment.control.sample": lambda text: enrolled("a", control={"sample": text}),
    "placebo.recorded_in": lambda text: compared(placebo={"slug": "a", "recorded_in": text}),
    "placebo.control.sample": lambda text: compared(placebo={"slug": "a", "control": {"sample": text}}),
    "analysis_unit": lambda text: compared(analysis_unit=text),
    **{place + form: composed(at, make) for place, at in PLACES.items() for form, make in REFERENCES.items()},
    **{
        f"{side}.filters{form}": (lambda text, side=side, make=make: of_side(side, make(text)))
        for side in SIDES
        for form, make in REFERENCES.items()
    },
    "parameters{key}": lambda text: {
        **filtered({"parameter": f"{text}'"}),
        "parameters": {f"{text}'": {"kind": "text", "default": "a"}},
    },
    "parameters{}.kind": lambda text: chosen({"kind": text, "default": "a"}),
    "parameters{}.options[]": lambda text: chosen({"kind": "enum", "options": ["a", f"{text}'"]}),
    "parameters{}.default": lambda text: chosen({"kind": "text", "default": f"{text}'"}),
    "parameters{}.default of an enum": lambda text: chosen(
        {"kind": "enum", "options": ["a"], "default": f"{text}'"}
    ),
    "parameters{}.default of a number": lambda text: chosen({"kind": "number", "default": text}),
    "parameters{}.default of a date": lambda text: dated(f"{text}'", "date"),
    "parameters{}.default[]": lambda text: chosen(
        {"kind": "enum", "options": ["a"], "multiple": True, "default": ["a", f"{text}'"]}
    ),
    "parameters{}.default.from": lambda text: dated({"from": f"{text}'", "to": "2020-04-20"}),
    "parameters{}.default.to": lambda text: dated({"from": "2020-04-20", "to": f"{text}'"}),
    "statistics[]": lambda text: compared(statistics=[text]),
    "seed": lambda text: compared(seed=f"{text}'"),  # letters and digits alone are a good seed
    "p_value": lambda text: compared(p_value=text),
}
# Specs of all kinds, which together have all keys.
KINDS = {
    **SPECS,
    "a scalar": {"scalar": "browser.engagement.tab_open_event_count", "filters": DAYS},
    "a declared table": {**BASE, "source": {"table": "p-1.telemetry.main_1pct", "like": "telemetry.main"}},
    "top keys": {**BASE, "histogram": "SEARCH_COUNTS", "key": {"top": 3}, "dimensions": ["key"]},
    "interpolated": {**BASE, "percentile_method": "interpolated", "buckets": {"linear": [1, 9, 5]}}
    | {"measure": "percentiles"},
    "smoothed": {**BASE, "prior": "dirichlet", "buckets": {"functional": [2, 8, 99]}},
    "a sample": {"histogram": HISTOGRAM, "filters": {**DAYS, "sample_id": 42}, "scale": True},
    "strict": {**BASE, "strict": True},
    "undecodable": {**BASE, "n_undecodable": True},
    "a share of clients": {**BASE, "sample": "10%"},
    "limits": {**BASE, "measure": "percentiles", "confidence": 0.9},
    "with samples": {**BASE, "measure": "counts", "has_samples": True},
    "branches": compared(statistics=["chi2", 0.5], permutations=20, cells=40, seed="a", p_value="raw"),
    "a placebo": compared(placebo="other", analysis_unit="ping"),
    "silent": {**BASE, "silence": ["unscaled-sample"]},
}
UDFS = ("inline", "temp", "mozfun")
EVERYTHING = "".join(PAYLOADS.values())


def everywhere(text):
    """A spec with the text in all kinds of places at once."""
    return {
        "measure": "counts",
        "filters": filtered({"gt": "", "lte": text + "~", "not": ["b", text]})["filters"],
        "dimensions": [
            {"name": "system", "of": "os", "cases": {text: "Mac", "b": {"not": text}}, "else": text + "~"},
            {"name": "place", "cases": [{"value": text, "when": {"country": [text, "c"], "os": text}}]},
        ],
        "title": text,
        "description": text,
    }


def of_kind(name):
    """A spec of that kind with the text wherever it can stand in all of them."""
    spec = KINDS[name]

    def build(text):
        others = {"locale": {"gt": "", "lte": text + "~", "not": ["b", text]}}
        made = {**spec, "filters": {**spec.get("filters", {}), **others}, "title": text, "description": text}
        if spec.get("measure") != "pings":
            cases = {text: "a", "b": {"not": text}}
            named = {"name": "named", "of": "locale", "cases": cases, "else": text + "~"}
            made["dimensions"] = [*spec.get("dimensions", []), named]
        return {**made, "key": [text, "b"]} if isinstance(spec.get("key"), str) else made

    return build


def text_fields(node, definitions, path=""):
    """The paths of all text in a JSON Schema: `[]` is an item, `{key}` a key and `{}` its value."""
    if "$ref" in node:
        node = definitions[node["$ref"].rpartition("/")[2]]
    for branch in [*node.get("anyOf", ()), *node.get("oneOf", ())]:
        yield from text_fields(branch, definitions, path)
    if "string" in node.get("type", ()):  # a type, or a list of them
        yield path
    if "items" in node:
        yield from text_fields(node["items"], definitions, f"{path}[]")
    for name, inner in node.get("properties", {}).items():
        yield from text_fields(inner, definitions, f"{path}.{name}".removeprefix("."))
    if isinstance(node.get("additionalProperties"), dict):
        yield f"{path}{{key}}"
        yield from text_fields(node["additionalProperties"], definitions, f"{path}{{}}")


def test_every_text_field_has_its_case():
    schema = json_schema()
    found = set(text_fields(schema, schema["$defs"]))
    assert len(found) > 60
    assert {label.partition(" ")[0] for label in (*LITERALS, *COMMENTS, *NAMES)} == found


def test_every_key_has_its_kind():
    assert {key for name in KINDS for key in of_kind(name)("a")} == set(Spec.model_fields)


def harmless_like(text):
    """Other text of the same length, which a prefix of a build id has."""
    return "h" * len(text)


def select_in(text, dialect="bigquery"):
    """The one SELECT of the text, behind nothing but functions."""
    *functions, select = sqlglot.parse(text, dialect=dialect)
    assert isinstance(select, exp.Select)
    assert all(isinstance(function, exp.Create) for function in functions)
    return select


def same_but_for(tree, literals):
    """The tree with those literals, given as {value: replacement}, replaced."""

    def replaced(node):
        if isinstance(node, exp.Literal) and node.is_string and node.this in literals:
            return exp.Literal.string(literals[node.this])
        return node

    return tree.transform(replaced)


def by_yaml(spec):
    return Query.of(load_text(json.dumps(spec), "spec.yaml"), catalog_of(None))


@cache
def tree_of(build, text, dialect, udfs):
    return select_in(query(build(text)).sql(dialect, udfs), dialect)


def assert_only_literals_differ(build, payload, udfs="inline", dialect="bigquery"):
    harmless = harmless_like(payload)
    literals = {payload: harmless, payload + "~": harmless + "~"}
    tree = select_in(query(build(payload)).sql(dialect, udfs), dialect)
    assert any(literal.this in literals for literal in tree.find_all(exp.Literal) if literal.is_string)
    assert same_but_for(tree, literals) == tree_of(build, harmless, dialect, udfs)


def assume_new(build, payload, udfs):
    """That the text is no literal which the query has anyway, such as the 0 that digits are replaced by."""
    tree = tree_of(build, harmless_like(payload), "bigquery", udfs)
    assume(payload not in {literal.this for literal in tree.find_all(exp.Literal)})


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_a_value_is_one_literal_wherever_it_stands(payload):
    assert_only_literals_differ(everywhere, payload)
    assert_only_literals_differ(everywhere, payload, dialect="duckdb")
    assert by_yaml(everywhere(payload)).spec == query(everywhere(payload)).spec


@pytest.mark.parametrize("field", LITERALS)
def test_a_field_holds_any_value(field):
    for udfs in UDFS:
        assert_only_literals_differ(LITERALS[field], EVERYTHING, udfs)
    assert_only_literals_differ(LITERALS[field], EVERYTHING, dialect="duckdb")


@pytest.mark.parametrize("kind", KINDS)
def test_a_spec_of_any_kind_holds_any_value(kind):
    udfs = UDFS[len(kind) % 3]  # all of them with some kinds
    assert_only_literals_differ(of_kind(kind), EVERYTHING, udfs)
    assert_only_literals_differ(of_kind(kind), EVERYTHING, dialect="duckdb")


@settings(max_examples=10)
@given(TEXT, st.sampled_from(sorted(KINDS)), st.sampled_from(UDFS))
def test_a_spec_of_any_kind_holds_any_text(payload, kind, udfs):
    assume_new(of_kind(kind), payload, udfs)
    assert_only_literals_differ(of_kind(kind), payload, udfs)
    assert_only_literals_differ(of_kind(kind), payload, dialect="duckdb")


@settings(max_examples=25)
@given(TEXT, st.sampled_from(UDFS))
def test_any_text_is_one_literal(payload, udfs):
    assume_new(everywhere, payload, udfs)
    assert_only_literals_differ(everywhere, payload, udfs)
    assert_only_literals_differ(everywhere, payload, dialect="duckdb")


@pytest.mark.parametrize("dialect", ["bigquery", "duckdb"])
@pytest.mark.parametrize("field", COMMENTS)
def test_words_stay_in_their_comment(field, dialect):
    plain = query(COMMENTS[field]("harmless")).sql(dialect)
    for words in [
        *filter(None, PAYLOADS.values()),
        EVERYTHING,
        "*" + "/" * 9,
        "/*" * 9,
        "{" * 9,
        "{ {*/ } }",
    ]:
        assert_only_a_comment_differs(query(COMMENTS[field](words)).sql(dialect), plain)


@settings(max_examples=200)
@given(TEXT | st.text("*/{}%-\n ", max_size=12))
def test_any_words_make_one_comment(words):
    made = comment(words)
    assert not {"*/", "/*", "{{", "}}"} & {made[i : i + 2] for i in range(len(made))}
    assert not {*"\n\r\x0b\x0c\x85\u2028\u2029\u202e\x1b\x00"} & {*made}
    assert comment(made) == made


def assert_only_a_comment_differs(text, plain):
    header, body = text[: text.index("WITH\n")], text[text.index("WITH\n") :]
    assert body == plain[plain.index("WITH\n") :]
    assert header.count("\n") == plain[: plain.index("WITH\n")].count("\n")
    assert "{{" not in header
    for line in header.split("\n")[:-1]:
        assert line.startswith("/* ")
        assert line.endswith(" */")
        assert "/*" not in line[2:]
        assert "*/" not in line[:-2]


@pytest.mark.parametrize("field", NAMES)
def test_a_name_that_does_not_exist_is_refused(field):
    for payload in PAYLOADS.values():
        if payload not in ("NULL", PAYLOADS["date"]):  # a good name, a good day
            assert_refused(query, NAMES[field](payload))


@settings(max_examples=200)
@given(
    st.sampled_from(sorted(NAMES)), st.text("'\"`\\\n;-*/{}%#$ \u0085\u2028@:()😀", min_size=1, max_size=9)
)
def test_any_name_with_other_characters_is_refused(field, payload):
    if not set(payload) <= set("-"):  # a table's name may have hyphens
        assert_refused(by_yaml, NAMES[field](payload))


def assert_refused(way, spec):
    with pytest.raises(QuerygenError) as refused:
        way(spec).sql()
    assert refused.value.exit_code == 1, refused.value


# --- The value that the query compares with is the value that the data has -----------------------


def pings_of(*clients):
    return [
        {"client_id": client, "submission_timestamp": "2020-04-20 10:00:00", "normalized_os": "Mac"}
        for client in clients
    ]


def assert_find_themselves(engine, texts):
    """Each text finds its own ping and no other, in every kind of comparison; its label is read back."""

    def named(name, condition):
        cases = [{"value": text, "when": {"client_id": condition(text)}} for text in texts]
        return {"name": name, "cases": cases, "else": "none of them"}

    spec = {
        "measure": "counts",
        "filters": {"submission_date": "2020-04-20"},
        "dimensions": [
            {"name": "client", "of": "client_id"},
            named("equal", lambda text: text),
            named("listed", lambda text: [text, text + "!"]),
            named("between", lambda text: {"gte": text, "lte": text}),
        ],
    }
    others = {change for text in texts for change in (text + "x", "x" + text, text.swapcase() + "x")} - {
        *texts
    }
    rows = rows_of(spec, pings_of(*texts, *others), engine)
    told = {row["client"]: (row["equal"], row["listed"], row["between"]) for row in rows}
    expected = dict.fromkeys(others, ("none of them",) * 3) | {text: (text,) * 3 for text in texts}
    for text in texts:  # one that is another with an exclamation mark is listed with that
        if text.endswith("!") and text[:-1] in texts:
            expected[text] = told[text]
    assert told == expected


def test_values_find_themselves_on_duckdb():
    assert_find_themselves("duckdb", list(PAYLOADS.values()))


@settings(max_examples=20)
@given(st.lists(TEXT, min_size=1, max_size=6, unique=True))
def test_any_values_find_themselves_on_duckdb(texts):
    assert_find_themselves("duckdb", texts)


@NEEDS_GOOGLESQL
def test_values_find_themselves_on_googlesql():
    assert_find_themselves("googlesql", list(PAYLOADS.values()))
