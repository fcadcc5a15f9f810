"""What notebooks show: the question without a run, the answer with its picture, and never their markup."""

import html
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from test_report import HARMLESS, NASTY, Page, asked_about, inert

from querygen import EngineError, Query, Sql, load, running
from querygen.charts import draw
from querygen.display.highlight import highlighted

ROOT = Path(__file__).parents[1]
MEANS = ROOT / "examples/charts/means-by-os.yaml"
TEXTS = sorted((ROOT / "examples").rglob("*.sql"))

pytest.importorskip("vl_convert", reason="vl-convert, which draws, is not installed")


def shown(thing):
    return Page(thing._repr_html_())


def words(page):
    return " ".join(" ".join(page.texts).split())


# --- Queries -----------------------------------------------------------------------------------------


@pytest.fixture
def never_run(monkeypatch):
    """Fails whatever runs a query."""

    def refused(*_args, **_named):
        raise AssertionError("a query was run")

    for name in ("run", "on_bigquery", "attached"):
        monkeypatch.setattr(running, name, refused)


def test_a_query_is_shown_in_words_without_a_run(never_run):
    query = load(MEANS)
    said = words(shown(query))
    about = query.plan().about
    for text in (about.title, about.counted, *about.filters, "ms", "What it cannot say"):
        assert text in said
    assert "".join(query.sql().split()) in "".join(said.split())
    with pytest.raises(AssertionError, match="a query was run"):
        query.run()


def test_its_sql_is_collapsed(never_run):
    page = shown(load(MEANS))
    assert page.elements.count("details") == 2
    assert not [name for tag, name, _ in page.attributes if (tag, name) == ("details", "open")]


def test_its_warnings_are_shown():
    query = Query(measure="counts", filters={"submission_date": "2020-04-20", "sample_id": {"lt": 10}})
    (warning,) = query.warnings()
    assert f"[{warning.code}]" in words(shown(query))


@pytest.mark.parametrize(
    "query",
    [
        Query(histogram="GC_MS", filters={"submission_date": "2020-04-20", "oss": "Mac"}),
        Query(histogram="GC_MS", dimensions=["oss"], filters={"submission_date": "2020-04-20"}),
        Query(histogram="GC_MS", title="All of it"),
    ],
)
def test_what_is_wrong_is_shown_instead_of_sql(query, never_run):
    page = shown(query)
    assert "details" not in page.elements
    with pytest.raises(Exception) as caught:
        query.sql()
    for finding in caught.value.diagnostics:
        assert f"{finding.message}" in words(page)
        assert f"[{finding.code}]" in words(page)


# --- Answers -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def means():
    return load(MEANS).run()


def test_an_answer_is_shown_with_its_picture_and_its_first_rows(means):
    page = shown(means)
    assert page.elements.count("svg") == 1
    assert page.elements.count("tr") == 20 + 1
    assert "The first 20 of 45 rows" in words(page)
    assert means.notes[0] in words(page)
    (label,) = [value for tag, name, value in page.attributes if (tag, name) == ("svg", "aria-label")]
    assert label == means.plot().description


def test_short_answers_are_whole():
    page = shown(load(ROOT / "examples/tutorial/03-percentiles-of-one-day.yaml").run())
    assert "5 rows" in page.texts
    assert page.elements.count("tr") == 5 + 1


def test_an_answer_without_rows_says_so(tmp_path):
    (tmp_path / "telemetry.main.ndjson").write_text('{"client_id": "a"}\n')
    answer = load(MEANS).run(tmp_path)
    assert "0 rows" in words(shown(answer))
    assert "svg" not in shown(answer).elements


def test_where_nothing_draws_the_rows_are_there(means, monkeypatch):
    def refused():
        raise EngineError.of("missing-extra", "pictures are drawn by vl-convert", help="pip install it")

    monkeypatch.setattr(draw, "_converter", refused)
    page = shown(means)
    assert "svg" not in page.elements
    assert page.elements.count("tr") == 21
    assert "pip install it" in words(page)
    bundle, _ = means.plot()._repr_mimebundle_()
    assert list(bundle) == ["text/plain"]
    assert means.plot().description in bundle["text/plain"]
    assert "pip install it" in bundle["text/plain"]


def test_a_picture_is_svg_with_words(means):
    bundle, metadata = means.plot()._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<svg")
    assert bundle["text/plain"] == repr(means.plot())
    assert metadata == {"image/svg+xml": {"alt": means.plot().description}}
    assert Page(bundle["image/svg+xml"]).values("aria-label") == [means.plot().description]


def test_pictures_on_one_page_share_no_identifier():
    names = ["charts/dropped-builds", "tutorial/05-client-normalized-by-build"]
    plots = [load(ROOT / f"examples/{name}.yaml").run().plot() for name in names]
    one, two = (set(Page(plot._repr_mimebundle_()[0]["image/svg+xml"]).values("id")) for plot in plots)
    assert one and two and not one & two


# --- What cannot happen ------------------------------------------------------------------------------


def test_whatever_is_in_the_spec_and_the_data_stays_text(tmp_path):
    blocks = {}
    for name, texts in (("nasty", NASTY), ("harmless", HARMLESS)):
        (tmp_path / name).mkdir()
        answer = asked_about(texts, tmp_path / name)
        query = answer.query
        blocks[name] = [query._repr_html_(), answer._repr_html_(), query.sql()._repr_html_()]
        broken = query.by(texts[0])
        blocks[name].append(broken._repr_html_())
        blocks[name].append(answer.plot()._repr_mimebundle_()[0]["image/svg+xml"])
    for nasty, harmless in zip(*blocks.values(), strict=True):
        for text in (nasty, harmless):
            assert "\u202e" not in text and "\x00" not in text and "\x1b" not in text
            inert(Page(text))
            assert "script" not in Page(text).elements
        # A longer text has more lines in a picture, and more words that are told apart in SQL.
        lines = {"span", "tspan"}
        marks = [Counter(e for e in Page(text).elements if e not in lines) for text in (nasty, harmless)]
        assert marks[0] == marks[1]
    assert "<script>alert(1)</script>" in words(Page(blocks["nasty"][0]))


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_highlighting_changes_no_letter(path):
    text = path.read_text(encoding="utf-8")
    assert html.unescape(re.sub("<[^>]*>", "", highlighted(text))) == text


def test_highlighting_tells_words_apart():
    text = "-- Not IN 'here'\nSELECT a.FX_MS, 'it\\'s IN', 0.5, `AS` FROM UNNEST([1e-9]) AS t1 /* 'x */"
    assert re.findall('<span class="qg-([a-z]+)">(.*?)</span>', highlighted(text)) == [
        ("comment", "-- Not IN &#39;here&#39;"),
        ("keyword", "SELECT"),
        ("text", "&#39;it\\&#39;s IN&#39;"),
        ("number", "0.5"),
        ("keyword", "FROM"),
        ("keyword", "UNNEST"),
        ("number", "1e-9"),
        ("keyword", "AS"),
        ("comment", "/* &#39;x */"),
    ]


def test_sql_is_shown_whole():
    sql = Sql("SELECT 1 < 2")
    assert "SELECT 1 < 2" in words(shown(sql)).replace("  ", " ")


def test_styles_touch_nothing_else(means):
    for thing in (means, means.query, means.query.sql()):
        (style,) = re.findall(r"<style>(.*?)</style>", thing._repr_html_(), re.S)
        style = re.sub(r"/\*.*?\*/", "", style, flags=re.S)
        for selectors in re.findall(r"([^{}]+)\{", style):
            for selector in selectors.split(","):
                assert ".querygen" in selector or selector.strip().startswith("@media"), selector
        assert "prefers-color-scheme" not in style  # a notebook says itself whether it is dark


def test_notebooks_keep_what_is_shown(means):
    """Outputs are stored as JSON."""
    bundle = {"text/html": means._repr_html_(), **means.plot()._repr_mimebundle_()[0]}
    assert json.loads(json.dumps(bundle)) == bundle
