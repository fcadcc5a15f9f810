"""A report as its reader has it: in Chromium, offline, in the light and in the dark, on a phone."""

import shutil
from pathlib import Path

import pytest

from querygen.api import load
from querygen.report import report

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright, which drives the browser, is not installed"
)
pytest.importorskip("vl_convert", reason="vl-convert, which draws, is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if CHROMIUM is None:
    pytest.skip("there is no Chromium to look with", allow_module_level=True)

ROOT = Path(__file__).parents[1]
SPECS = [
    "charts/distribution-by-os",
    "distributions/interpolated",
    "tutorial/01-raw-json",
    "experiments/compare",
]
PHONE, DESK = {"width": 390, "height": 800}, {"width": 1200, "height": 900}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A report of several specs, and a fragment in a page that has styles of its own."""
    folder = tmp_path_factory.mktemp("pages")
    answers = []
    for name in SPECS:
        probes = ROOT / "examples" / Path(name).parent / "probes"
        query = load(ROOT / "examples" / f"{name}.yaml", probes=probes if probes.is_dir() else None)
        answers.append(query.run(overlays=True))
    (folder / "report.html").write_text(report(answers), encoding="utf-8")
    pieces = [report([answer], fragment=True) for answer in answers[:2]]
    around = "<!DOCTYPE html><html lang=en><title>Board</title><main><h1>Board</h1><p id=p>Its own text</p>"
    (folder / "board.html").write_text(around + "".join(pieces) + "</main>", encoding="utf-8")
    query = answers[0].query
    blocks = [shown._repr_html_() for shown in (query, answers[0], query.sql())]
    light, dark = (f'<body data-jp-theme-light="{is_light}"><main>' for is_light in ("true", "false"))
    for name, body in (("light", light), ("dark", dark)):
        text = around.replace("<main>", body).replace("<p id=p>Its own text</p>", "") + "".join(blocks)
        (folder / f"notebook-{name}.html").write_text(f"{text}</main>", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def opened(browser, files):
    """Opens a file offline; at the end there must have been no message of an error, and no request."""
    contexts, messages, requests = [], [], []

    def opening(name="report.html", **options):
        context = browser.new_context(**{"offline": True, "viewport": DESK, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto((files / name).as_uri())
        return page

    yield opening
    for context in contexts:
        context.close()
    assert messages == []
    assert {request.rpartition("/")[2] for request in requests} <= {file.name for file in files.iterdir()}


def column(page, n, table=0):
    cells = page.locator("table").nth(table).locator(f"tbody tr td:nth-child({n})")
    return cells.all_inner_texts()


def test_columns_are_sorted_by_value_and_say_so(opened):
    page = opened()
    before = column(page, 4)
    header = page.locator("table").first.locator("th").nth(3)
    header.locator("button").click()
    numbers = [float(text.replace(",", "")) for text in column(page, 4)]
    assert numbers == sorted(numbers) and column(page, 4) != before
    assert header.get_attribute("aria-sort") == "ascending"
    header.locator("button").press("Enter")
    assert [float(text.replace(",", "")) for text in column(page, 4)] == numbers[::-1]
    assert header.get_attribute("aria-sort") == "descending"
    page.locator("table").first.locator("th").first.locator("button").click()
    assert page.locator("[aria-sort]").count() == 1
    assert column(page, 1) == sorted(column(page, 1))
    assert page.locator(".qg-status").inner_text() == "Sorted by os, ascending"


def test_the_sql_is_copied(opened):
    page = opened(permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy SQL").first.click()
    page.get_by_role("button", name="Copied").wait_for()
    assert (
        page.evaluate("navigator.clipboard.readText()")
        == load(ROOT / "examples/charts/distribution-by-os.yaml").sql()
    )


def test_everything_is_there_without_scripts(opened):
    page = opened(java_script_enabled=False)
    assert page.locator("figure svg").count() == len(SPECS)
    assert page.locator("table").count() == len(SPECS)
    assert page.locator(".qg-copy:visible").count() == 0


def test_downloads_are_files(opened):
    page = opened()
    with page.expect_download() as started:
        page.get_by_role("link", name="distribution-by-os.csv").click()
    text = Path(started.value.path()).read_text(encoding="utf-8")
    assert text.startswith("os,bucket,count,share,")


@pytest.mark.parametrize(
    ("name", "scheme", "size"),
    [("report.html", "light", DESK), ("report.html", "dark", PHONE), ("board.html", "dark", DESK)],
)
def test_axe_finds_no_violation(opened, name, scheme, size):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed")
    page = opened(name, color_scheme=scheme, viewport=size)
    found = axe.Axe().run(page).response
    assert [(rule["id"], rule["nodes"][0]["html"][:200]) for rule in found["violations"]] == []
    assert len(found["passes"]) > 15


@pytest.mark.parametrize("name", ["light", "dark"])
def test_what_a_notebook_shows_can_be_read_in_its_own_colours(opened, name):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed")
    other = {"light": "dark", "dark": "light"}[name]  # what the system says is not what the notebook says
    page = opened(f"notebook-{name}.html", color_scheme=other)
    page.evaluate("document.querySelectorAll('details').forEach((e) => { e.open = true })")
    found = axe.Axe().run(page, context=".querygen").response
    assert [(rule["id"], rule["nodes"][0]["html"][:200]) for rule in found["violations"]] == []
    paper = "getComputedStyle(document.querySelector('.querygen')).backgroundColor"
    assert (page.evaluate(paper) == "rgb(255, 255, 255)") is (name == "light")


def test_it_is_readable_on_a_phone(opened):
    page = opened(viewport=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    smallest = page.evaluate(
        "Math.min(...[...document.querySelectorAll('p, dd, dt, td, li, pre code, caption')]"
        ".map((e) => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert smallest >= 12
    letters = page.evaluate(
        "Math.min(...[...document.querySelectorAll('figure svg text')].map((e) =>"
        " parseFloat(e.getAttribute('font-size')) * e.closest('svg').getBoundingClientRect().width"
        " / e.closest('svg').viewBox.baseVal.width))"
    )
    assert letters >= 10


def test_pictures_take_the_reader_s_colours(opened):
    colours = {}
    for scheme in ("light", "dark"):
        page = opened(color_scheme=scheme)
        colours[scheme] = page.evaluate(
            "[getComputedStyle(document.body).backgroundColor,"
            " ...['figure svg text', 'figure svg .none, figure svg path[fill^=var]']"
            ".map((s) => getComputedStyle(document.querySelector(s)).fill)]"
        )
    assert colours["light"][0] == "rgb(255, 255, 255)" and colours["dark"][0] == "rgb(22, 24, 29)"
    for light, dark in zip(colours["light"], colours["dark"], strict=True):
        assert light != dark and "rgb" in light


def test_a_fragment_leaves_the_page_around_it_alone(opened):
    page = opened("board.html", color_scheme="dark")
    style = "(e) => [getComputedStyle(e).color, getComputedStyle(e).fontFamily, getComputedStyle(e).fontSize]"
    assert page.locator("#p").evaluate(style)[0] == "rgb(0, 0, 0)"
    assert page.locator("#p").evaluate(style)[2] == "16px"
    page.locator(".querygen").nth(1).locator("th button").first.click()
    assert page.locator("[aria-sort]").count() == 1
