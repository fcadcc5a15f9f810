"""Whatever text a spec holds, the SQL is one SELECT that differs from a harmless one in literals alone."""

import json
from functools import cache

import pytest
import sqlglot
from harness import HISTOGRAM, NEEDS_GOOGLESQL, query, rows_of
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from querygen import Query, QuerygenError
from querygen.api import catalog_of
from querygen.source import load_text
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


def compared(**keys):
    branches = {"control": "control~", "branches": ["treatment~"]}
    return {**BASE, "measure": "compare", "experiment": "slug", **branches, **keys}


# Where text becomes a literal of the SQL (and words of a comment).
LITERALS = {
    "a value": filtered,
    "a list": lambda text: filtered([text, "b"]),
    "from": lambda text: filtered({"from": text}),
    "to": lambda text: filtered({"to": text}),
    "gt and lte": lambda text: filtered({"gt": "", "lte": text + "~"}),
    "lt": lambda text: filtered({"lt": text}),
    "gte": lambda text: filtered({"gte": text}),
    "not": lambda text: filtered({"not": text}),
    "not a list": lambda text: filtered({"not": ["b", text]}),
    "a build": lambda text: {**BASE, "filters": {**BASE["filters"], "build_id": {"not": text}}},
    "a label": lambda text: dimension(of="os", cases={text: "Mac", "b": "Linux"}),
    "else": lambda text: dimension(of="os", cases={"a": "Mac"}, **{"else": text}),
    "a case's value": lambda text: dimension(cases=[{"value": text, "when": {"os": "Mac"}}]),
    "a case's condition": lambda text: dimension(cases=[{"value": "a", "when": {"os": text}}]),
    "a label's condition": lambda text: dimension(of="os", cases={"a": {"not": [text, "b"]}}),
    "a pings query": lambda text: {**filtered(text), "measure": "pings", "fields": ["client_id", "sum"]},
    "a counts query": lambda text: {**filtered(text), "measure": "counts"},
    "a summary query": lambda text: {**filtered(text), "measure": "summary", "normalization": "client_day"},
    "a control": lambda text: compared(control=text),
    "a branch": lambda text: compared(branches=["treatment~", text]),
}
# Where text becomes words of a comment only.
COMMENTS = {
    "title": lambda text: {**BASE, "title": text},
    "description": lambda text: {**BASE, "description": text},
}
# Where text names something that exists, or becomes a name.
NAMES = {
    "histogram": lambda text: {**BASE, "histogram": text},
    "a histogram's path": lambda text: {**BASE, "histogram": f"payload.histograms.{text}"},
    "one of two histograms": lambda text: {**BASE, "histogram": ["GC_MS", text]},
    "source": lambda text: {**BASE, "source": text},
    "a declared table": lambda text: {**BASE, "source": {"table": text, "like": "telemetry.main"}},
    "like": lambda text: {**BASE, "source": {"table": "telemetry.main_1pct", "like": text}},
    "process": lambda text: {**BASE, "process": text},
    "a filter": lambda text: {**BASE, "filters": {**BASE["filters"], text: "a"}},
    "a filter's path": lambda text: {**BASE, "filters": {**BASE["filters"], f"environment.{text}": "a"}},
    "a dimension": lambda text: {**BASE, "dimensions": [text]},
    "a dimension's path": lambda text: {**BASE, "dimensions": [f"payload.histograms.{text}"]},
    "a dimension's name": lambda text: {**BASE, "dimensions": [{"name": text, "of": "os"}]},
    "of": lambda text: dimension(of=text),
    "when": lambda text: dimension(cases=[{"value": "a", "when": {text: "b"}}]),
    "a field": lambda text: {**BASE, "measure": "pings", "fields": [text]},
    "measure": lambda text: {**BASE, "measure": text},
    "normalization": lambda text: {**BASE, "normalization": text},
    "unit": lambda text: {**BASE, "unit": text},
    "last": lambda text: {**BASE, "today": "2020-04-20", "filters": {"submission_date": {"last": text}}},
    "today": lambda text: {**BASE, "today": text},
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


@settings(max_examples=25)
@given(TEXT, st.sampled_from(UDFS))
def test_any_text_is_one_literal(payload, udfs):
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
