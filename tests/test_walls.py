"""Three walls against injection, each of which holds alone; and no way around them but through a spec.

Typed nodes: a text that reaches a template is an error. Linted templates: what could make SQL of a text is
found. Parsed output: what was tampered with is no query of the plan's. Text also comes from Python's objects,
schemas, probe definitions and names of files.
"""

import dataclasses
import datetime as dt
import enum
import json
import re
from decimal import Decimal
from fractions import Fraction
from functools import cache

import jinja2
import pytest
from commandline import querygen
from harness import HISTOGRAM, query
from specs import ALL, query_of
from sqlglot import exp
from test_injection import BASE, EVERYTHING, PAYLOADS, UDFS, filtered, same_but_for, select_in

from querygen import Query, QuerygenError, load
from querygen.api import catalog_of
from querygen.catalog import catalog
from querygen.check import check
from querygen.dimensions import RESERVED
from querygen.errors import EngineError
from querygen.render import _environment, lint_template, render
from querygen.resources import resource_dir
from querygen.schema import Field, Schema
from querygen.source import from_mapping
from querygen.sqltext import NAME, Node

BREACH = "client_id FROM `x.y`; DROP TABLE `x.y`; --"
TEMPLATES = {
    str(path.relative_to(resource_dir("templates"))): path.read_text(encoding="utf-8")
    for path in sorted(resource_dir("templates").rglob("*.j2"))
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@cache
def plan(name):
    return query_of(name).plan()


# --- Typed nodes ---------------------------------------------------------------------------------


def with_text(value):
    """The value with a text instead of each node in it, one at a time."""
    if isinstance(value, Node):
        yield BREACH
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            for other in with_text(item):
                yield (*value[:index], other, *value[index + 1 :])
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            for other in with_text(getattr(value, field.name)):
                yield dataclasses.replace(value, **{field.name: other})


def templates_of(name):
    return {f"stages/{stage.name}.sql.j2" for stage in plan(name).stages}


def few():
    """Specs that reach every template between them."""
    chosen, reached = [], set()
    for name in sorted(ALL, key=lambda name: -len(templates_of(name))):
        if not templates_of(name) <= reached:
            chosen.append(name)
            reached |= templates_of(name)
    return chosen


def test_the_few_specs_reach_every_template():
    reached = {template for name in few() for template in templates_of(name)}
    assert reached | {"query.sql.j2", "lists.sql.j2"} == set(TEMPLATES)


@pytest.mark.parametrize("name", few())
def test_a_text_instead_of_any_node_is_an_error(name):
    environment, whole = _environment(), plan(name)
    refused = 0
    for stage in whole.stages:
        template = environment.get_template(f"stages/{stage.name}.sql.j2")
        for other in with_text(stage):
            try:
                # Not printed here, such as an alias that only another form of the stage needs.
                assert "DROP" not in template.render(stage=other)
            except TypeError as error:
                assert "SQL nodes and comments only, not str" in str(error)
                refused += 1
    assert refused > 5
    for change in [{"order": (BREACH,)}, {"limit": BREACH}]:
        with pytest.raises(TypeError, match="SQL nodes and comments only, not str"):
            render(dataclasses.replace(whole, **change))


# --- Linted templates ----------------------------------------------------------------------------

# What could make SQL of a text, written in place of a value that a template prints.
FORBIDDEN = {
    "a filter": "{{ %s | safe }}",
    "two filters": "{{ %s | upper | e }}",
    "a concatenation": "{{ %s ~ stage }}",
    "a sum": "{{ %s + stage }}",
    "a format": "{{ %s %% stage }}",
    "a method": "{{ %s.replace(stage, stage) }}",
    "a text": "{{ 'SELECT' }}",
    "an item": "{{ %s['sql'] }}",
    "a list": "{{ [%s] }}",
    "a choice": "{{ %s if stage else stage }}",
    "a comparison": "{% if %s == stage %}{% endif %}",
    "a test": "{% if %s is string %}{% endif %}",
    "an assignment": "{%% set x = %s %%}{{ x }}",
    "a block without escapes": "{%% autoescape false %%}{{ %s }}{%% endautoescape %%}",
    "a filtered block": "{%% filter upper %%}{{ %s }}{%% endfilter %%}",
    "a call of a method": "{{ (%s).sql() }}",
    "an import of all": "{%% import 'lists.sql.j2' as lists %%}{{ lists.alone(%s) }}",
}


def in_place(construct, value):
    return construct.replace("%s", value).replace("%%", "%")


@pytest.mark.parametrize("name", TEMPLATES)
def test_each_forbidden_construct_in_any_template_fails_the_lint(name):
    source = TEMPLATES[name]
    assert lint_template(source) == []
    printed = re.findall(r"\{\{ (\w+(?:\.\w+)*) \}\}", source) or ["stage"]
    for label, construct in FORBIDDEN.items():
        for value in dict.fromkeys(printed):
            written = in_place(construct, value)
            changed = source.replace(f"{{{{ {value} }}}}", written, 1)
            changed = changed if changed != source else source + written
            line = changed[: changed.index(written)].count("\n") + 1
            assert any(found.startswith(f"{line}: ") for found in lint_template(changed)), (
                f"{label}: {written}"
            )


@pytest.mark.parametrize(
    "template", ["{{ m() ~ text }}", "{{ m() + text }}", "{{ m() % text }}", "{{ m().replace('q', text) }}"]
)
def test_the_lint_finds_what_passes_as_the_output_of_a_macro(template):
    """With a macro's output, which is trusted, text would be printed: this wall is needed."""
    source = "{% macro m() %}%sq{% endmacro %}" + template
    loader = jinja2.DictLoader({"t": source})
    assert "DROP" in _environment(loader).get_template("t").render(text="DROP")
    assert lint_template(source)


# --- Parsed output -------------------------------------------------------------------------------

TAMPERED = {
    "another statement": lambda sql: sql + ";\nDROP TABLE `telemetry.main`\n",
    "another query": lambda sql: sql + ";\nSELECT 1\n",
    "a statement before": lambda sql: "DELETE FROM `x.y` WHERE TRUE;\n" + sql,
    "an export": lambda sql: "EXPORT DATA OPTIONS (uri = 'gs://x/*', format = 'CSV') AS\n" + sql,
    "a table made of it": lambda sql: "CREATE TABLE `x.y` AS\n" + sql,
    "an insertion": lambda sql: "INSERT INTO `x.y`\n" + sql,
    "a procedure": lambda sql: "CALL x.y();\n" + sql,
    "dynamic SQL": lambda sql: "EXECUTE IMMEDIATE 'SELECT 1';\n" + sql,
    "a variable": lambda sql: "DECLARE x STRING DEFAULT SESSION_USER();\n" + sql,
    "another table": lambda sql: re.sub(r"`[\w.-]+\.\w+`", "`x.y`", sql),
    "all tables of a name": lambda sql: re.sub(r"`([\w.-]+\.\w+)`", r"`\1*`", sql),
    "the tables of a project": lambda sql: re.sub(r"`[\w.-]+\.\w+`", "`x.INFORMATION_SCHEMA.TABLES`", sql),
    "a union": lambda sql: before_the_end(sql, "UNION ALL\nSELECT * FROM `x.y`"),
    "an intersection": lambda sql: before_the_end(sql, "INTERSECT DISTINCT\nSELECT * FROM `x.y`"),
    "a CTE more": lambda sql: sql.replace("WITH\n", "WITH\nmore AS (SELECT * FROM `x.y`),\n", 1),
    "a column more": lambda sql: selected(sql, "1 AS one"),
    "a table in a condition": lambda sql: scanned(sql, "EXISTS(SELECT 1 FROM `x.y`)"),
    "a value of another table": lambda sql: scanned(sql, "client_id = (SELECT MIN(z) FROM `x.y`)"),
    "a list of another table": lambda sql: scanned(sql, "client_id IN (SELECT z FROM `x.y`)"),
    "the schema": lambda sql: scanned(sql, "EXISTS(SELECT 1 FROM x.INFORMATION_SCHEMA.COLUMNS)"),
    "the user": lambda sql: scanned(sql, "client_id = SESSION_USER()"),
    "another database": lambda sql: scanned(sql, "EXISTS(SELECT 1 FROM EXTERNAL_QUERY('c', 'SELECT 1'))"),
    "a function of someone's": lambda sql: scanned(sql, "x.y(client_id)"),
    "a network function": lambda sql: scanned(sql, "NET.HOST(client_id) = 'x'"),
    "a regular expression": lambda sql: scanned(sql, "REGEXP_CONTAINS(client_id, r'(a+)+$')"),
    "a random number": lambda sql: scanned(sql, "RAND() < 0.5"),
    "an error on purpose": lambda sql: scanned(sql, "ERROR(client_id)"),
    "a likeness": lambda sql: scanned(sql, "client_id LIKE '%'"),
    "a parameter": lambda sql: scanned(sql, "client_id = @x"),
    "a placeholder": lambda sql: scanned(sql, "client_id = ?"),
    "a comment that opens": lambda sql: scanned(sql, "TRUE /* "),
}


def before_the_end(sql, text):
    """The text in front of the final ORDER BY, or at the end."""
    head, order, rest = sql.rpartition("\nORDER BY\n")
    return f"{head}\n{text}{order}{rest}" if order else f"{sql}{text}\n"


def selected(sql, column):
    """One column more in the final SELECT."""
    head, select, rest = sql.rpartition("\nSELECT\n")
    return f"{head}{select}  {column},\n{rest}"


def scanned(sql, condition):
    """One condition more in the scan of the table."""
    where = re.search(r"\n  WHERE\n    ", sql)
    if where:
        return f"{sql[: where.end()]}{condition}\n    AND {sql[where.end() :]}"
    return re.sub(r"(\n  FROM\n    `[^`]+`(?: AS \w+)?\n)", rf"\1  WHERE\n    {condition}\n", sql, count=1)


@pytest.mark.parametrize("tampered", TAMPERED)
def test_tampered_text_is_refused(tampered):
    for number, name in enumerate(few()):
        rendered = render(plan(name), ("inline", "temp", "mozfun")[number % 3])
        text = TAMPERED[tampered](rendered.text)
        assert text != rendered.text
        with pytest.raises(EngineError) as refused:
            check(dataclasses.replace(rendered, text=text))
        assert refused.value.exit_code == 3


# Names that templates give to windows, arrays and what stands in them.
IN_TEMPLATES = {"whole_group", "up_to_bucket", "so_far", "by_bucket", "by_place", "values"}
IN_TEMPLATES |= {"by_version", "earlier", "moment", "newest_first", "series"}
NUMBERED = re.compile(r"_[0-9]+$")  # columns that come in several, one a percentile


@pytest.mark.parametrize("name", ALL)
def test_identifiers_are_the_catalogs_the_specs_and_our_own(name):
    own, spec = plan(name), query_of(name).spec
    declared = {column.name for column in own.columns} | {"m"}
    declared |= {d if isinstance(d, str) else d.name for d in spec.dimensions}
    tables = {part for read in own.reads for part in read.table.split(".")}
    known = {part for read in own.reads for path in read.needs for part in path.split(".")}
    known |= declared | RESERVED | tables | {stage.cte for stage in own.stages} | {"querygen"} | IN_TEMPLATES
    known |= {f"all_{name}" for name in declared} if spec.cube else set()
    found = {node.name for node in check(render(own)).query.find_all(exp.Identifier)}
    assert found - {name for name in found if NUMBERED.sub("", name) in RESERVED} <= known
    assert all(NAME.fullmatch(name) for name in found - tables)


@pytest.mark.parametrize(
    ("name", "further"),
    [
        ("slot", {"buckets": {"linear": [1, 9, 5]}, "prior": "dirichlet"}),
        ("observed", {"buckets": {"linear": [1, 9, 5]}, "prior": "dirichlet"}),
        ("all_channel", {"cube": True}),
    ],
)
def test_a_dimension_is_not_named_as_something_of_ours(name, further):
    """Both engines would call it ambiguous; the spec is what should be refused."""
    with pytest.raises(QuerygenError, match="dimensions"):
        query({**BASE, **further, "dimensions": [{"name": name, "of": "os"}, "channel"]}).sql()


# --- Python's objects ----------------------------------------------------------------------------


class Liar(str):
    """A text that says something else wherever it can."""

    __slots__ = ()

    def _lie(self, *_):
        return BREACH

    __str__ = __format__ = __repr__ = replace = lower = upper = strip = casefold = translate = _lie

    def __getitem__(self, _):
        return "'"

    def __iter__(self):
        return iter(BREACH)

    def split(self, *_):
        return [BREACH]

    rsplit = splitlines = split

    def partition(self, *_):
        return (BREACH, "", "")

    rpartition = partition

    def encode(self, *_):
        return BREACH.encode()


class Word(enum.StrEnum):
    """A text of an enumeration."""

    IT_IS = "it's"


class SpeaksSql:
    """What other libraries take for SQL."""

    def __sql__(self):
        return BREACH

    __str__ = __repr__ = __html__ = sql = __sql__


def dimension_of(cases, **further):
    return {**BASE, "dimensions": [{"name": "family", "of": "os", "cases": cases, **further}]}


LYING = {
    "a value": lambda text: filtered(text("it's")),
    "a list": lambda text: filtered([text("it's"), "b"]),
    "an operator": lambda text: filtered({"not": text("it's")}),
    "a label": lambda text: dimension_of({text("it's"): "Mac"}),
    "else": lambda text: dimension_of({"a": "Mac"}, **{"else": text("it's")}),
    "a key": lambda text: {**BASE, "histogram": "SEARCH_COUNTS", "key": text("it's")},
    "title": lambda text: {**BASE, "title": text("it's")},
    "description": lambda text: {**BASE, "description": text("it's")},
    "histogram": lambda text: {**BASE, "histogram": text("GC_MS")},
    "scalar": lambda text: {"filters": BASE["filters"], "scalar": text("a.b")},
    "a dimension": lambda text: {**BASE, "dimensions": [text("os")]},
    "a dimension's name": lambda text: {**BASE, "dimensions": [{"name": text("named"), "of": text("os")}]},
    "a filter": lambda text: {**BASE, "filters": {**BASE["filters"], text("os"): "Mac"}},
    "a field": lambda text: {**BASE, "measure": "pings", "fields": [text("client_id")]},
    "a process": lambda text: {**BASE, "process": text("content")},
    "source": lambda text: {**BASE, "source": text("telemetry.main")},
    "a table": lambda text: {**BASE, "source": {"table": text("x.main"), "like": text("telemetry.main")}},
    "a day": lambda text: {**BASE, "filters": {"submission_date": text("2020-04-20")}},
    "today": lambda text: {**BASE, "today": text("2020-04-20")},
}
WAYS = {
    "Query": lambda spec: Query(**spec),
    "load": load,
    "of": lambda spec: Query.of(from_mapping(spec), catalog_of(None)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("field", LYING)
def test_texts_that_lie_are_read_as_the_text_that_they_are(field, way):
    for dialect in ("bigquery", "duckdb"):
        told = WAYS[way](LYING[field](Liar)).sql(dialect)
        assert told == query(LYING[field](str)).sql(dialect)
        assert "DROP" not in told


@pytest.mark.parametrize("way", WAYS)
def test_words_of_an_enumeration_are_texts(way):
    assert WAYS[way](filtered(Word.IT_IS)).sql() == query(filtered("it's")).sql()


OBJECTS = [
    b"a", bytearray(b"a"), memoryview(b"a"), SpeaksSql(), SpeaksSql, object(), {"a"}, {"$ne": "a"}, [[]],
    [["a"]], [None], None, (), float("nan"), float("inf"), -float("inf"), 1j, Decimal("1.5"), Fraction(1, 2),
    dt.time(1), dt.timedelta(1), dt.date(2020, 1, 1), dt.datetime(2020, 1, 1), len, lambda: "a", ...,
    exp.column("client_id"), exp.Literal.string("a"), re.compile("a"), 5, True, 10**400, 10**4000,
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("value", OBJECTS, ids=lambda value: type(value).__name__)
def test_objects_are_no_texts(value, way):
    for spec in [
        filtered(value),
        filtered([value, "b"]),
        filtered({"not": value}),
        {**BASE, "title": value or 0},
        {**BASE, "histogram": value or 0},
        {**BASE, "dimensions": [value]},
        {**BASE, "source": value},
    ]:
        with pytest.raises(QuerygenError) as refused:
            WAYS[way](spec).sql()
        assert refused.value.exit_code == 1
        assert "DROP" not in str(refused.value) or isinstance(value, SpeaksSql)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), -float("inf"), 10**400, "5", None, b"5", SpeaksSql()]
)
def test_numbers_are_finite_and_no_texts(value):
    for spec in [
        {**BASE, "percentiles": [value]},
        {**BASE, "dimensions": [{"name": "memory", "of": "memory_mb", "bands": [value]}]},
        {**BASE, "filters": {**BASE["filters"], "memory_mb": {"gt": value}}},
        {**BASE, "measure": "pings", "limit": value or 0.5},
        {**BASE, "key": {"top": value}, "dimensions": ["key"]},
        {**BASE, "buckets": {"linear": [1, value, 9]}},
    ]:
        with pytest.raises(QuerygenError) as refused:
            query(spec).sql()
        assert refused.value.exit_code == 1


def test_numbers_of_many_digits_are_refused():
    with pytest.raises(QuerygenError):
        query(filtered(10**5000)).sql()


def test_half_a_character_is_refused_or_left_out():
    for half in ("\\ud800", "\\udfff", "a\\ud83d"):
        text = json.loads(f'"{half}"')
        for spec in [filtered(text), dimension_of({text: "Mac"}), {**LYING["a key"](str), "key": text}]:
            with pytest.raises(QuerygenError, match="half a character"):
                query(spec).sql()
        query({**BASE, "title": text, "description": text}).sql().encode()


# --- Schemas, definitions, names of files --------------------------------------------------------


def column(name, kind="STRING", **more):
    return {"name": name, "type": kind, "mode": "NULLABLE", **more}


def record(name, *fields, mode="NULLABLE"):
    return {"name": name, "type": "RECORD", "mode": mode, "fields": list(fields)}


def schema_with(name):
    """A schema of telemetry.main with columns, probes and a process of that name."""
    histograms = record("histograms", column("gc_ms"), column(name))
    return [
        column("submission_timestamp", "TIMESTAMP"),
        column("client_id", description=name),
        column("normalized_os"),
        *([column(name)] if name else []),
        record("application", column("build_id"), column(name)),
        record(
            "payload",
            histograms,
            record("keyed_histograms", record(name, column("key"), column("value"), mode="REPEATED")),
            record("processes", record(name, histograms), record("content", histograms)),
        ),
    ]


def asking_for(name):
    counts = {"measure": "counts", "filters": BASE["filters"]}
    return [
        {**counts, "filters": {**BASE["filters"], name: "x"}},
        {**counts, "dimensions": [name]},
        {**counts, "dimensions": [f"application.{name}"]},
        {**counts, "dimensions": [{"name": "named", "of": f"application.{name}"}]},
        {**counts, "measure": "pings", "fields": [f"application.{name}"]},
        {**BASE, "histogram": name},
        {**BASE, "histogram": f"payload.histograms.{name}"},
        {**BASE, "histogram": f"payload.processes.{name}.histograms.gc_ms"},
        {**BASE, "histogram": name, "key": "*", "dimensions": ["key"]},
        {**BASE, "histogram": "GC_MS", "process": name},
        {**BASE, "histogram": "GC_MS", "process": "children", "dimensions": ["process"]},
    ]


@pytest.mark.parametrize("name", [text for text in PAYLOADS.values() if not NAME.fullmatch(text)])
def test_names_of_a_schema_are_names_or_refused(name, tmp_path):
    file = tmp_path / "schema.json"
    file.write_text(json.dumps(schema_with(name)))
    harmless = tmp_path / "harmless.json"
    harmless.write_text(json.dumps(schema_with("harmless")))
    for spec in asking_for(name):
        try:
            sql = load(spec, schemas={"telemetry.main": file}).sql()
        except QuerygenError as refused:
            assert refused.exit_code == 1
            assert str(refused).count("help: ") == 1
        else:  # a process with dots in its name, to which no path leads
            assert spec.get("process") == "children"
            assert "." in name
            assert f"processes.{name}" not in sql
    plain = {**BASE, "histogram": "GC_MS", "dimensions": ["os"]}
    own, other = (load(plain, schemas={"telemetry.main": f}) for f in (file, harmless))
    assert own.sql() == other.sql()


def test_schemas_made_in_python_have_the_same_wall():
    for name in (BREACH, "a b", "it's"):
        fields = {"submission_timestamp": Field("submission_timestamp", "TIMESTAMP")}
        made = Schema("telemetry.main", Field("", "RECORD", fields={**fields, name: Field(name, "STRING")}))
        asked = from_mapping({"measure": "counts", "dimensions": [{"name": "d", "of": name}],
            "filters": BASE["filters"]})  # fmt: skip
        with pytest.raises(QuerygenError, match=r"dimensions\[0\]\.of"):
            Query.of(asked, catalog({"telemetry.main": made})).sql()


def definitions_with(text, folder):
    """Definitions with the text as label, key, description, unit, and the name of what mirrors a metric."""
    words = {"description": text, "expires_in_version": text, "bug_numbers": [text]}
    histograms = {
        "VERDICT": {"kind": "categorical", "labels": [text, "b"], "record_in_processes": ["main"], **words},
        "KEYED": {
            "kind": "boolean",
            "keyed": True,
            "keys": [text],
            "record_in_processes": ["main", text],
            **words,
        },
        "GC_MS": {
            "kind": "linear",
            "high": 9,
            "n_buckets": 5,
            "record_in_processes": ["main", text],
            **words,
        },
        text: {"kind": "boolean", "record_in_processes": ["main"], **words},
    }
    metrics = {
        "$schema": "moz://mozilla.org/schemas/glean/metrics/2-0-0",
        "gc": {
            "time": {"type": "timing_distribution", "time_unit": "millisecond", "telemetry_mirror": "GC_MS"},
            "verdict": {"type": "custom_distribution", "range_max": 50, "bucket_count": 51, "unit": text}
            | {"histogram_type": "linear", "telemetry_mirror": "VERDICT", "description": text},
            "labelled": {"type": "labeled_counter", "labels": [text], "telemetry_mirror": f"h#{text}"},
        },
    }
    folder.mkdir()
    (folder / "Histograms.json").write_text(json.dumps(histograms))
    (folder / "metrics.yaml").write_text(json.dumps(metrics))
    return folder


DEFINED = [
    {**BASE, "histogram": "VERDICT"},
    {**BASE, "histogram": "VERDICT", "buckets": "all", "prior": "dirichlet"},
    {**BASE, "histogram": "KEYED", "dimensions": ["key"], "measure": "summary"},
    {**BASE, "histogram": "GC_MS", "percentile_method": "interpolated", "measure": "percentiles"},
    {**BASE, "histogram": "GC_MS", "source": "firefox_desktop.metrics"},
    {**BASE, "histogram": "gc.time", "source": "firefox_desktop.metrics", "unit": "ms"},
    {**BASE, "histogram": "gc.verdict", "source": "firefox_desktop.metrics"},
    {"scalar": "gc.labelled", "source": "firefox_desktop.metrics", "filters": BASE["filters"], "key": "*"},
]


def assert_words_of_definitions_are_no_sql(payload, folder, specs):
    """The SQL is that of harmless definitions but for literals; returns in how many it has the payload."""
    harmless = "h" * len(payload)
    definitions = definitions_with(payload, folder / "own"), definitions_with(harmless, folder / "other")
    catalogs = [catalog_of(None, found) for found in definitions]
    labelled = 0
    for number, spec in enumerate(specs):
        own, other = (Query.of(from_mapping(spec), found) for found in catalogs)
        for dialect, udfs in (("bigquery", UDFS[number % 3]), ("duckdb", "inline")):
            tree = select_in(own.sql(dialect, udfs), dialect)
            assert same_but_for(tree, {payload: harmless}) == select_in(other.sql(dialect, udfs), dialect)
            labelled += any(one.this == payload for one in tree.find_all(exp.Literal))
    with pytest.raises(QuerygenError) as refused:  # a definition doesn't make it a name
        Query.of(from_mapping({**BASE, "histogram": payload + "'"}), catalogs[0]).sql()
    assert refused.value.exit_code == 1
    return labelled


@pytest.mark.parametrize("payload", [text for text in PAYLOADS.values() if text])
def test_words_of_definitions_are_literals_and_comments(payload, tmp_path):
    assert assert_words_of_definitions_are_no_sql(payload, tmp_path, DEFINED[:1]) == 2


def test_words_of_definitions_in_queries_of_all_kinds(tmp_path):
    assert assert_words_of_definitions_are_no_sql(EVERYTHING, tmp_path, DEFINED) >= 4


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_names_of_tables_come_from_the_catalog(payload, tmp_path):
    file = tmp_path / "schema.json"
    file.write_text(json.dumps(schema_with("harmless")))
    with pytest.raises(QuerygenError):
        load(BASE, source=payload).sql()
    with pytest.raises(QuerygenError):
        load(BASE, schemas={payload: file})
    ran = querygen("run", "-", "--data", f"{payload}={file}", stdin=json.dumps(BASE))
    assert ran.code == 2
    assert ran.stdout == b""
    assert "Traceback" not in ran.stderr


def test_names_of_files_are_no_sql(tmp_path):
    ping = {"client_id": "c", "submission_timestamp": "2020-04-20T00:00:00Z"}
    ping["payload"] = {"histograms": {HISTOGRAM.lower(): "5"}}
    held = json.dumps(ping) + "\n"
    spec = json.dumps({**BASE, "measure": "counts"})
    for text in PAYLOADS.values():
        if "/" in text or "\x00" in text or not text.strip(". "):
            continue
        folder = tmp_path / f"folder {text}"
        folder.mkdir()
        file = folder / f"{text}.ndjson"
        file.write_text(held)
        ran = querygen("run", "-", "--data", f"telemetry.main={file}", "--format", "csv", stdin=spec)
        assert (ran.code, ran.text) == (0, "n_clients,n_pings\n1,1\n"), ran.stderr
