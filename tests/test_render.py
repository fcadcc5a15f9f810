"""The rendered SQL: nothing but typed nodes gets into it, and it is laid out for people."""

import datetime as dt
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import jinja2
import pytest
import sqlglot
from specs import ALL, query_of
from sqlglot import exp

from querygen.catalog import catalog
from querygen.errors import EngineError
from querygen.plan import Comment
from querygen.render import _environment, lint_template, render
from querygen.resources import resource_dir
from querygen.sqltext import column, text, to_sql

TEMPLATES = sorted(resource_dir("templates").rglob("*.j2"))
UDFS = ("inline", "temp", "mozfun")


@cache
def plan(name):
    return query_of(name).plan()


@cache
def rendered(name, udfs="inline"):
    return render(plan(name), udfs).text


def statements(name, udfs="inline"):
    return sqlglot.parse(rendered(name, udfs), dialect="bigquery")


# --- Walls ---------------------------------------------------------------------------------------


def printed(template, **values):
    loader = jinja2.DictLoader(
        {"t": template, "lists.sql.j2": (TEMPLATES[0].parent / "lists.sql.j2").read_text()}
    )
    return _environment(loader).get_template("t").render(**values)


@pytest.mark.parametrize(
    "value",
    ["client_id", "", 1, 0.5, True, None, ["a"], {"a": 1}, b"a", dt.date(2020, 4, 20), object()],
    ids=lambda value: type(value).__name__ + str(value)[:9],
)
def test_a_raw_value_in_a_template_is_an_error(value):
    with pytest.raises(TypeError, match="SQL nodes and comments only"):
        printed("SELECT {{ value }}", value=value)
    with pytest.raises(TypeError, match="SQL nodes and comments only"):
        printed("SELECT {{ stage.value }}", stage={"value": value})


def test_what_is_missing_is_an_error():
    for template in ("{{ value }}", "{{ stage.value }}", "{% if stage.value %}a{% endif %}"):
        with pytest.raises((jinja2.UndefinedError, TypeError)):
            printed(template, stage=object())


def test_nodes_comments_and_macros_are_printed():
    assert printed("{{ value }}", value=column("order")) == "`order`"
    assert printed("{{ value }}", value=text("it's {{ x }} <b>")) == "'it\\'s {{ x }} <b>'"
    assert printed("-- {{ value }}", value=Comment("a */ b\n<i>")) == "-- a * / b <i>"
    macro = '{% from "lists.sql.j2" import inline %}{{ inline(value) }}'
    assert printed(macro, value=[column("a"), column("b")]).strip() == "a, b"


@pytest.mark.parametrize(
    "template",
    [
        "{{ value | upper }}",
        "{{ value | safe }}",
        "{{ value | replace('a', 'b') }}",
        "{{ range(3) }}",
        "{{ dict(a=1) }}",
        "{{ lipsum() }}",
        "{{ cycler('a') }}",
        "{{ value.sql() }}",
        "{{ value.__class__ }}",
        "{{ value.args }}",
        "{% if value is defined %}a{% endif %}",
        "{% if value is string %}a{% endif %}",
        "{% include 'nowhere' %}",
    ],
)
def test_nothing_else_works_in_a_template(template):
    with pytest.raises((TypeError, jinja2.TemplateError)):
        printed(template, value=column("a"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_our_templates_are_layout_only(path):
    assert lint_template(path.read_text()) == []


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("{{ a + 1 }}", "1: Add"),
        ("{{ a - b }}", "1: Sub"),
        ("{{ a ~ b }}", "1: Concat"),
        ("{{ 'SELECT' }}", "1: Const"),
        ("{{ 1 }}", "1: Const"),
        ("{{ a | upper }}", "1: Filter"),
        ("\n{% set a = b %}", "2: Assign"),
        ("{% if a == b %}{% endif %}", "1: Compare"),
        ("{% if a and b %}{% endif %}", "1: And"),
        ("{% if a is defined %}{% endif %}", "1: Test"),
        ("{{ a.b() }}", "1: Call"),
        ("{{ a['b'] }}", "1: Getitem"),
        ("{{ a if b else c }}", "1: CondExpr"),
        ("{{ [a] }}", "1: List"),
        ("{% include 'a' %}", "1: Include"),
        ("{% extends 'a' %}", "1: Extends"),
        ("{% filter upper %}a{% endfilter %}", "1: FilterBlock"),
    ],
)
def test_the_lint_refuses_more_than_layout(template, found):
    assert found in lint_template(template)


# --- Layout --------------------------------------------------------------------------------------


@pytest.mark.parametrize("udfs", UDFS)
@pytest.mark.parametrize("name", ALL)
def test_layout(name, udfs):
    sql = rendered(name, udfs)
    assert sql.endswith("\n")
    lines = sql.removesuffix("\n").split("\n")
    assert "\t" not in sql
    assert not any(line != line.rstrip() for line in lines)
    if udfs != "temp":
        assert "" not in lines
    assert not re.search(r"\n\n\n|\( ?,|,\s*\n\s*\)|,,", sql.replace(",\n)", ""))
    for line in lines:
        # The patterns of the grammar cannot be broken, nor can a BETWEEN of two long dates.
        assert len(line) <= 120 or "r'" in line or line.lstrip().startswith(("--", "/*")), line


@pytest.mark.parametrize("name", ALL)
def test_stages_stand_in_the_order_of_the_plan_each_below_its_sentence(name):
    sql = rendered(name)
    stages = plan(name).stages
    tops = [line for line in sql.split("\n") if re.fullmatch(r"[a-z_]+ AS \(", line)]
    assert tops == [f"{stage.cte} AS (" for stage in stages[:-1]]
    for stage in stages:
        start = "SELECT" if stage is stages[-1] else f"{stage.cte} AS ("
        words = " ".join(re.findall(r"-- (.*)", sql[: sql.index(f"\n{start}\n")].rsplit("\n)", 1)[-1]))
        assert words == stage.sentence
    assert all(stage.sentence.endswith(".") for stage in stages)


@pytest.mark.parametrize("name", ALL)
def test_duckdb_keeps_the_words(name):
    duck = query_of(name).sql("duckdb")
    comments = [line for line in duck.split("\n") if line.startswith(("--", "/*"))]
    assert comments == [line for line in rendered(name).split("\n") if line.startswith(("--", "/*"))]
    for stage in plan(name).ctes:
        last_words = rendered(name).split(f"\n{stage.cte} AS (")[0].rsplit("\n", 1)[-1]
        assert f"\n{last_words}\n{stage.cte} AS (\n" in duck


@pytest.mark.parametrize("name", ALL)
def test_the_header_is_one_line_comments_that_redash_bears(name):
    header = rendered(name).split("WITH\n")[0].removesuffix("\n").split("\n")
    assert len(header) == len(plan(name).header) >= 3
    assert all(line.startswith("/* ") and line.endswith(" */") for line in header)
    assert not set(":,") & set(header[0])
    assert sum("Counted: " in line for line in header) == 1
    assert any("querygen" in line for line in header)
    if plan(name).key:
        assert any("STMO: type " in line for line in header) or not ALL[name].get("dimensions")


@pytest.mark.parametrize("name", ALL)
def test_rendering_again_gives_the_same_bytes(name):
    for udfs in UDFS:
        again = render(query_of(name).plan(), udfs).text
        assert again == rendered(name, udfs)
        assert dt.datetime.now(dt.UTC).strftime("%Y-%m-%d") not in again


def test_rendering_depends_on_no_hash_seed():
    """Two processes whose sets are in another order."""
    tests = Path(__file__).parent
    code = (
        "from harness import query\nfrom specs import SPECS\n"
        "for spec in list(SPECS.values())[::2]: print(query(spec).sql(), query(spec).sql('duckdb'))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{tests}{os.pathsep}{tests.parent}"},
            capture_output=True,
            check=True,
            timeout=120,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1


# --- What every query has ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_rows_are_ordered_by_whatever_identifies_them(name):
    (select,) = statements(name)
    order = select.args.get("order")
    ordered = {found.name for found in order.find_all(exp.Column)} if order else set()
    identifying = plan(name).key or [
        c.name for c in plan(name).columns if ALL[name].get("measure") == "pings"
    ]
    assert {key.lower() for key in identifying} <= {key.lower() for key in ordered}
    limit = select.args.get("limit")
    assert (limit.expression.name if limit else None) == (str(ALL[name].get("limit", "")) or None)


@pytest.mark.parametrize("name", [name for name in ALL if "allow_full_scan" not in ALL[name]])
def test_every_scan_is_bounded_by_the_partition_column(name):
    (select,) = statements(name)
    tables = {read.table for read in plan(name).reads}
    names = {cte.alias for cte in select.ctes}
    every = [(cte.this, table) for cte in select.ctes for table in cte.find_all(exp.Table)]
    dotted = [(scan, ".".join(part.name for part in table.parts)) for scan, table in every]
    scans = [(scan, table) for scan, table in dotted if table not in names]
    assert {table for _, table in scans} == tables
    known = {read.table: read.like for read in plan(name).reads}
    for scan, table in scans:
        if known[table] in catalog().others:
            continue  # a few rows, in no partitions
        # The first condition, so that a reader sees it first.
        where = scan.args["where"].this
        first = next(where.flatten()) if isinstance(where, exp.And) else where
        assert {found.parts[-1].name for found in first.find_all(exp.Column)} == {"submission_timestamp"}
        assert isinstance(first, exp.Between | exp.EQ)


@pytest.mark.parametrize("name", ALL)
def test_the_forms_of_functions(name):
    (inline,) = statements(name)
    assert isinstance(inline, exp.Select)
    assert "DECLARE" not in rendered(name)
    assert "querygen." not in re.sub(r"(--|/\*).*", "", rendered(name))
    *functions, select = statements(name, "temp")
    assert isinstance(select, exp.Select)
    names = [function.this.this.name for function in functions]
    assert all(function.args["properties"].find(exp.TemporaryProperty) for function in functions)
    body = rendered(name, "temp").rsplit(";\n", 1)[-1]
    assert sorted(set(re.findall(r"querygen_\w+(?=\()", body))) == sorted(names)
    (mozfun,) = statements(name, "mozfun")
    assert isinstance(mozfun, exp.Select)
    decodes = {stage.name for stage in plan(name).stages} & {
        "histograms",
        "samples",
        "fields",
        "with_samples",
    }
    is_text = "decodable" in {stage.name for stage in plan(name).stages}
    assert ("mozfun.hist.extract(" in rendered(name, "mozfun")) == bool(decodes and is_text)
    assert "mozfun" not in rendered(name)


def test_a_compiled_sqlglot_is_named(monkeypatch):
    def refused(*_, **__):
        raise TypeError("interpreted classes cannot inherit from compiled")

    monkeypatch.setattr(exp.Literal, "sql", refused)
    with pytest.raises(EngineError, match="pip uninstall sqlglotc") as raised:
        to_sql(exp.Literal.number(1))
    assert raised.value.diagnostics[0].code == "compiled-sqlglot"
    monkeypatch.setattr(exp.Literal, "sql", lambda *_, **__: len(1))
    with pytest.raises(TypeError, match="len"):
        to_sql(exp.Literal.number(1))
