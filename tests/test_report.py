"""Reports: complete, the same each time, and inert whatever is in the spec and in the data."""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from commandline import querygen
from harness import query
from hypothesis import given, settings
from pings import pairs, write_ndjson

from querygen import EngineError, Query, QuerygenError
from querygen.api import load
from querygen.charts import draw, has_chart
from querygen.report import answer, plot_page, report
from querygen.report.svg import embedded
from querygen.show import as_csv, as_json

ROOT = Path(__file__).parents[1]
BY_DAY = ROOT / "examples/charts/means-by-os.yaml"
TUTORIAL = ROOT / "examples/tutorial/03-percentiles-of-one-day.yaml"

pytest.importorskip("vl_convert", reason="vl-convert, which draws, is not installed")


class Page(HTMLParser):
    """Elements, attributes and texts of a page."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.attributes, self.texts = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data):
        self.texts.append(data)

    def values(self, name):
        return [value for _, found, value in self.attributes if found == name]


def answered(path):
    return load(path).run(repeatable=True)


@pytest.fixture(scope="module")
def one():
    return answered(TUTORIAL)


# --- What is in it -----------------------------------------------------------------------------------


def test_says_what_is_counted_and_shows_rows_spec_sql_and_hashes(one):
    text = report([one])
    page = Page(text)
    shown = "\n".join(page.texts)
    sql = one.query.sql()
    for part in (
        one.plan.about.counted,
        one.plan.about.title,
        "it is synthetic",
        TUTORIAL.read_text(encoding="utf-8"),
        sql,
        hashlib.sha256(sql.encode()).hexdigest(),
        hashlib.sha256(TUTORIAL.read_bytes()).hexdigest(),
        hashlib.sha256(as_json(one)).hexdigest(),
    ):
        assert part in shown
    assert page.elements.count("tr") == len(one) + 1
    assert page.elements.count("h1") == 1 and "svg" in page.elements


def test_the_picture_is_there_before_any_script(one):
    text = report([one])
    assert text.index("<svg") < text.index("<script")
    (picture,) = re.findall(r"<svg.*?</svg>", text, re.S)
    label = ET.fromstring(picture).get("aria-label")
    assert label.startswith(one.plan.about.title) and "median" in label


def test_the_table_can_be_sorted_and_has_a_caption_and_headers(one):
    page = Page(report([one]))
    assert page.values("scope") == ["col"] * len(one.plan.columns)
    assert page.elements.count("caption") == 1
    assert page.values("data-key")[:3] == [str(v) for v in list(one.rows()[0].values())[:3]]


def test_downloads_hold_all(one):
    page = Page(report([one]))
    found = {}
    for tag, name, value in page.attributes:
        if tag == "a" and name == "download":
            found[value] = None
        if tag == "a" and name == "href":
            found[list(found)[-1]] = base64.b64decode(value.partition(";base64,")[2])
    stem = TUTORIAL.stem
    assert found == {
        f"{stem}.csv": as_csv(one),
        f"{stem}.json": as_json(one),
        f"{stem}.sql": one.query.sql().encode(),
    }


def test_several_specs_have_an_index(one):
    pings = answered(ROOT / "examples/tutorial/01-raw-json.yaml")
    text = report([one, pings, one])
    page = Page(text)
    ids = [value for tag, name, value in page.attributes if tag == "section" and name == "id"]
    assert len(set(ids)) == 3
    assert [value for tag, name, value in page.attributes if name == "href" and value[0] == "#"] == [
        f"#{id_}" for id_ in ids
    ]
    regions = [
        label for label in page.values("aria-label") if label.startswith(("Rows of", "SQL of", "spec of"))
    ]
    assert len(regions) == 9
    for unique in (page.values("id"), regions):
        assert len(unique) == len(set(unique))
    title = one.plan.about.title
    links = re.findall(r'<li><a href="#.*?">(.*?)</a>', text)
    assert links == [
        f"{title} (03-percentiles-of-one-day)",
        pings.plan.about.title,
        f"{title} (03-percentiles-of-one-day) (2)",
    ]
    assert page.elements.count("h1") == 1
    assert page.elements.count("svg") == 3


def test_a_result_without_rows_says_why(tmp_path):
    (tmp_path / "telemetry.main.ndjson").write_text('{"client_id": "a"}\n')
    query = Query(histogram="GC_MS", filters={"submission_date": "2020-04-20"})
    text = report([query.run(tmp_path)])
    assert "There is nothing to draw." in text and "0 rows" in text
    digest = hashlib.sha256(b'{"client_id": "a"}\n').hexdigest()
    assert f"telemetry.main.ndjson, 19 bytes, SHA-256 {digest}" in text


def test_long_results_are_cut_but_their_downloads_are_whole(one, monkeypatch):
    monkeypatch.setattr(answer, "MOST_ROWS", 2)
    page = Page(report([one]))
    assert page.elements.count("tr") == 3
    assert f"The first 2 of {len(one):,} rows; the downloads have all." in page.texts


def test_the_same_answer_gives_the_same_bytes(one):
    again = answered(TUTORIAL)
    for fragment in (False, True):
        assert report([one], fragment=fragment) == report([again], fragment=fragment)
    assert plot_page(one) == plot_page(again)
    assert not re.search(r"20(2[1-9]|[3-9]\d)-\d\d-\d\d", report([one]))  # no day but those of the question


def test_other_processes_write_the_same(tmp_path):
    """Nothing depends on the order of a set or on the machine's clock and time zone."""
    written = []
    for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "PYTHONPATH": str(ROOT)}
        for command in (["report", str(TUTORIAL)], ["plot", str(BY_DAY), "-o", str(tmp_path / "a.svg")]):
            ran = subprocess.run(
                [sys.executable, "-m", "querygen", *command], env=environment, capture_output=True, check=True
            )
            written.append(ran.stdout)
        written.append((tmp_path / "a.svg").read_bytes())
    assert written[:3] == written[3:]
    assert b"2020-04-07" in written[2]


# --- The policy --------------------------------------------------------------------------------------


def policy_of(text):
    (policy,) = re.findall(r'Content-Security-Policy" content="(.*?)"', text)
    return dict(part.strip().partition(" ")[::2] for part in policy.replace("&#39;", "'").split(";"))


def test_the_policy_lets_in_nothing_but_the_page_s_own_script_and_style(one):
    for text in (report([one]), plot_page(one)):
        policy = policy_of(text)
        assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
        for tag in ("style", "script"):
            inner = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S)
            hashes = [
                f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'"
                for one in inner
            ]
            assert policy.get(f"{tag}-src", "").split() == hashes
    assert "script-src" not in policy_of(plot_page(one))


def inert(page):
    """Nothing that runs, fetches, or goes elsewhere."""
    for tag, name, value in page.attributes:
        assert not name.startswith("on"), (tag, name)
        assert name not in ("src", "srcset", "style", "action", "formaction", "xlink:href", "srcdoc"), (
            tag,
            name,
        )
        if name == "href":
            assert value.startswith(("#", "data:text/csv;", "data:application/")), value
    assert not {"iframe", "img", "object", "embed", "form", "base", "link", "foreignobject"} & set(
        page.elements
    )


NASTY = [
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "</style><img src=x onerror=alert(3)>",
    "\"'><svg onload=alert(4)>",
    "--><!--",
    "]]>",
    "\u202eevil\u202c",
    "{{ 7 * 7 }}{% raw %}",
    "${alert(5)}`",
    "&lt;b&gt;",
    "a\x00b\x1b[31m",
    "</title></textarea></pre></code><h1>",
    "javascript:alert(6)",
]
HARMLESS = [f"word {i}" for i in range(len(NASTY))]


def asked_about(texts, folder):
    """A query and data that have the texts wherever a text can stand."""
    file = folder / "telemetry.main.ndjson"
    rows = [
        {
            "client_id": text,
            "normalized_os": text,
            "normalized_channel": texts[0],
            "submission_timestamp": "2020-04-20 10:00:00",
            "payload": {"histograms": {"gc_ms": '{"values":{"3":2}}'}},
        }
        for text in texts
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    query = Query(
        histogram="GC_MS",
        title=" ".join(texts),
        description=" ".join(texts),
        filters={"submission_date": "2020-04-20", "channel": texts[0], "client_id": list(texts)},
        dimensions=["os", {"name": "who", "of": "client_id", "cases": {text: text for text in texts}}],
        percentiles=[0.25, 0.5, 0.75],
        silence=["redash-braces"],
    )
    return query.run(folder)


@pytest.mark.parametrize("fragment", [False, True], ids=["page", "fragment"])
def test_whatever_is_in_the_spec_and_the_data_stays_text(tmp_path, fragment):
    pages = []
    for name, texts in (("nasty", NASTY), ("harmless", HARMLESS)):
        (tmp_path / name).mkdir()
        text = report([asked_about(texts, tmp_path / name)], fragment=fragment)
        assert "\u202e" not in text and "\x00" not in text and "\x1b" not in text
        pages.append(Page(text))
    nasty, harmless = pages
    for page in pages:
        inert(page)
    # A longer title needs more lines in the picture's words; nothing else may differ.
    assert Counter(nasty.elements) == Counter(harmless.elements)
    assert sorted({(t, n) for t, n, _ in nasty.attributes}) == sorted(
        {(t, n) for t, n, _ in harmless.attributes}
    )
    shown = "\n".join(nasty.texts)
    for text in ("<script>alert(1)</script>", "{{ 7 * 7 }}", "\\u202eevil\\u202c", "a\\x00b"):
        assert text in shown


def test_the_plot_s_page_is_inert(tmp_path):
    text = plot_page(asked_about(NASTY, tmp_path))
    inert(Page(text))
    assert "script" not in Page(text).elements


def test_a_picture_keeps_nothing_but_what_draws():
    given = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        'onload="a()" width="9">'
        '<script>a()</script><style>*{}</style><a xlink:href="javascript:a()"><text>gone</text></a>'
        '<foreignObject><p>b</p></foreignObject><image href="http://c"/>'
        '<defs><clipPath id="clip0"><rect width="1" style="x"/></clipPath></defs>'
        '<g clip-path="url(#clip0)" onclick="a()"><text fill="url(http://d)">&lt;b&gt; kept</text></g></svg>'
    )
    made = embedded(given, "qg-1", 'said "so"')
    assert made == (
        '<svg width="9" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="said &quot;so&quot;">'
        '<defs><clipPath id="qg-1-clip0"><rect width="1" /></clipPath></defs>'
        '<g clip-path="url(#qg-1-clip0)"><text>&lt;b&gt; kept</text></g></svg>'
    )


def test_a_fragment_is_a_piece_and_styles_nothing_else(one):
    text = report([one], fragment=True)
    page = Page(text)
    assert page.elements[0] == "div" and page.values("class")[0] == "querygen"
    assert not {"html", "head", "body", "main", "meta", "title"} & set(page.elements)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.S)
    rules = re.sub(r"/\*.*?\*/", "", style, flags=re.S)
    for selectors in re.findall(r"([^{}]+)\{", rules):
        for selector in selectors.split(","):
            assert selector.strip().startswith((".querygen", "@media")), selector


@settings(max_examples=25)
@given(pairs())
def test_any_answer_can_be_reported(pair):
    made = query(pair.spec, pair.defined)
    plan = made.plan()
    with tempfile.TemporaryDirectory() as folder:
        write_ndjson(pair.pings, Path(folder) / "pings.ndjson")
        try:
            result = made.run(f"{plan.table}={folder}/pings.ndjson", repeatable=True)
        except QuerygenError as error:
            assert error.diagnostics[0].code == "undecodable"
            return
    assert has_chart(result) is (len(result) > 0)
    text = report([result])
    inert(Page(text))
    assert (text.count("<svg") == 1) is has_chart(result)


# --- The command line --------------------------------------------------------------------------------

SPEC = """\
histogram: GC_MS
filters: {submission_date: {from: 2020-04-06, to: 2020-04-20}}
dimensions: [os]
percentiles: [0.5]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "pings.yaml").write_text(
        "measure: pings\nfilters: {submission_date: 2020-04-20}\nfields: [os]\nlimit: 3\n"
    )
    (tmp_path / "none.yaml").write_text(SPEC.replace("[os]", "[os]\nmin_clients: 100000\nlow_data: drop"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_plot_writes_what_the_name_says(folder):
    for name, start in {
        "a.svg": b"<svg",
        "a.png": b"\x89PNG",
        "a.html": b"<!DOCTYPE html>",
        "a.json": b"{",
        "b.SVG": b"<svg",
    }.items():
        ran = querygen("plot", "spec.yaml", "-o", name)
        assert (ran.code, ran.stdout) == (0, b""), ran.stderr
        assert "note: the built-in sample was used" in ran.stderr
        assert (folder / name).read_bytes().startswith(start)
    assert json.loads((folder / "a.json").read_text())["$schema"].endswith("/vega-lite/v6.json")
    assert querygen("plot", "spec.yaml", "-o", "dark.json", "--theme", "dark").code == 0
    light, dark = ((folder / name).read_text() for name in ("a.json", "dark.json"))
    assert '"background": "#ffffff"' in light and '"background": "#16181d"' in dark


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["plot", "spec.yaml"], 2, "the following arguments are required: --output/-o"),
        (["plot", "spec.yaml", "-o", "a.gif"], 2, "name a file that ends in .svg, .png, .html or .json"),
        (["plot", "spec.yaml", "-o", "nowhere/a.svg"], 2, "cannot be written"),
        (["plot", "none.yaml", "-o", "a.svg"], 1, "there are no rows to draw"),
        (["plot", "missing.yaml", "-o", "a.svg"], 2, "missing.yaml"),
        (["report"], 2, "the following arguments are required: SPEC"),
        (["report", "spec.yaml", "missing.yaml", "-o", "a.html"], 2, "missing.yaml"),
    ],
    ids=str,
)
def test_mistakes_write_nothing(folder, arguments, code, says):
    ran = querygen(*arguments)
    assert (ran.code, ran.stdout) == (code, b"")
    assert says in ran.stderr
    assert not list(folder.glob("a.*"))


def test_report_writes_a_page_or_prints_it(folder):
    ran = querygen("report", "spec.yaml", "pings.yaml", "-o", "report.html")
    assert (ran.code, ran.stdout) == (0, b"")
    printed = querygen("report", "spec.yaml", "pings.yaml")
    assert printed.stdout == (folder / "report.html").read_bytes()
    assert printed.text.count("<section") == 2
    fragment = querygen("report", "spec.yaml", "--fragment")
    assert fragment.text.startswith('<div class="querygen">')


def test_report_skips_tests_of_specs(folder):
    (folder / "spec.test.yaml").write_text("spec: spec.yaml\ntests: {a: {expect: {rows: []}}}\n")
    alone = querygen("report", "spec.yaml")
    ran = querygen("report", "spec.test.yaml", "spec.yaml")
    assert (ran.code, ran.stdout) == (0, alone.stdout)
    assert "note: spec.test.yaml: skipped" in ran.stderr
    ran = querygen("report", "spec.test.yaml")
    assert (ran.code, ran.stdout) == (2, b"") and "none of the files is a spec" in ran.stderr


COMPARISON = """\
histogram: GC_MS
experiment: tab-warming-nightly-77
filters: {submission_date: {from: 2020-04-06, to: 2020-04-20}}
measure: compare
control: control
branches: [treatment]
permutations: 20
"""


def test_a_comparison_has_the_distributions_that_it_compares(folder):
    (folder / "compare.yaml").write_text(COMPARISON)
    ran = querygen("report", "compare.yaml")
    names = re.findall(r'download="(.*?)"', ran.text)
    plain = ["compare.csv", "compare.json", "compare.sql"]
    assert names == [*plain, "compare-distributions.csv", "compare-distributions.sql"]
    query = load(folder / "compare.yaml")
    result = query.run(repeatable=True, overlays=True)
    (overlay,), (rows,) = query.overlays().values(), result.overlays.values()
    for content, kind in ((as_csv(rows), "text/csv"), (overlay.sql().encode(), "application/sql")):
        assert f"data:{kind};charset=utf-8;base64,{base64.b64encode(content).decode()}" in ran.text
    assert "The distributions are the answer to a query of their own" in ran.text
    assert querygen("plot", "compare.yaml", "-o", "a.json").code == 0
    assert "% points" in (folder / "a.json").read_text()


def test_report_hashes_its_data(folder):
    row = {"client_id": "a", "normalized_os": "Mac", "submission_timestamp": "2020-04-07 10:00:00"}
    row["payload"] = {"histograms": {"gc_ms": '{"values":{"7":2}}'}}
    (folder / "rows.ndjson").write_text(json.dumps(row) + "\n")
    ran = querygen("report", "spec.yaml", "--data", "telemetry.main=rows.ndjson")
    assert (ran.code, ran.stderr) == (0, "")
    digest = hashlib.sha256((folder / "rows.ndjson").read_bytes()).hexdigest()
    assert digest in ran.text and "synthetic" not in ran.text and str(folder) not in ran.text


def test_without_the_extra_pictures_say_what_to_install(folder, monkeypatch):
    draw._converter.cache_clear()
    monkeypatch.setattr(draw, "find_spec", lambda name: None)
    for arguments in (["plot", "spec.yaml", "-o", "a.svg"], ["report", "spec.yaml", "-o", "a.html"]):
        ran = querygen(*arguments)
        assert ran.code == EngineError.exit_code == 3
        assert "pip install 'querygen[charts]'" in ran.stderr
    assert not list(folder.glob("a.*"))
    assert querygen("plot", "spec.yaml", "-o", "a.json").code == 0
    draw._converter.cache_clear()
