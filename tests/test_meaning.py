"""`querygen explain SPEC`: every step, column and caveat has words, where they are true."""

import re
from functools import cache
from pathlib import Path

import pytest
from commandline import querygen
from specs import ALL, EXAMPLE_FILES, query_of
from terminal import Session

from querygen import Query
from querygen.caveats import _CAVEATS, caveats
from querygen.errors import Diagnostic
from querygen.meaning import _texts, as_text, column_meanings, meaning, reason
from querygen.plan import stage_names
from querygen.report import report

ROOT = Path(__file__).parents[1]
GOLDENS = Path(__file__).parent / "explained"
DAYS = {"submission_date": {"from": "2020-04-06", "to": "2020-04-20"}}
PROBE = "FX_TAB_SWITCH_SPINNER_VISIBLE_MS"


BRANCHES = {"measure": "compare", "control": "control", "branches": ["treatment"]}
# What no example has.
MORE = {
    "branches that are a dimension": {
        "histogram": PROBE,
        "dimensions": [{"name": "branch", "of": "os"}],
        **BRANCHES,
    },
    "pings compared": {"histogram": PROBE, "experiment": "x", "analysis_unit": "ping", **BRANCHES},
    "limits of shares": {"histogram": PROBE, "confidence": 0.95},
    "limits of the share of clients": {"scalar": "a.b", "measure": "summary", "confidence": 0.95},
    "numbers": {"scalar": "a.b", "dimensions": ["os"]},
    "undecodable": {"histogram": PROBE, "measure": "pings", "fields": ["n_samples", "range_low"], "limit": 3},
}

EVERY = [*ALL, *MORE]


@cache
def asked(name):
    return Query(filters=DAYS, **MORE[name]) if name in MORE else query_of(name)


@cache
def meant(name):
    query = asked(name)
    return meaning(query.spec, query.plan())


def explained(path):
    probes = path.parent / "probes"
    flags = ["--probes", probes.relative_to(ROOT)] if probes.is_dir() else []
    return querygen("explain", path.relative_to(ROOT), *flags)


@pytest.fixture
def in_the_repository(monkeypatch):
    monkeypatch.chdir(ROOT)


# --- All that there is to explain is explained -----------------------------------------------------------


@pytest.mark.parametrize("stage", sorted(stage_names()))
def test_every_template_says_why_it_is_there(stage):
    why = reason(stage)
    assert re.fullmatch(r"[A-Z].{20,160}[^.]\.", why), why
    assert not re.search(r"\bTODO\b|\s{2}", why)


def test_no_two_stages_are_there_for_the_same_reason():
    reasons = [reason(stage) for stage in stage_names() - {"summary", "totals_of_numbers"}]
    assert len(set(reasons)) == len(reasons)


@pytest.mark.parametrize("name", EVERY)
def test_every_step_and_column_has_its_words(name):
    query, made = asked(name), meant(name)
    plan = query.plan()
    assert [step.name for step in made.steps] == [*(stage.cte for stage in plan.ctes), "SELECT"]
    assert all(step.does for step in made.steps)
    reasons = [step.why for step in made.steps if step.why]
    assert sorted(reasons) == sorted({reason(stage.name) for stage in plan.stages}), "each is said once"
    own = {split.name for split in plan.about.splits} | set(plan.key if plan.about.measure == "pings" else ())
    told = dict(made.columns)
    if plan.about.measure != "pings":  # whose columns are the user's choice
        assert [c.name for c in plan.columns if c.name not in own] == list(told)
    assert all(told.values())


@pytest.mark.parametrize("path", EXAMPLE_FILES, ids=lambda path: path.stem)
def test_every_example_is_explained(path, in_the_repository):
    ran = explained(path)
    assert (ran.code, ran.stderr) == (0, "")
    lines = ran.text.splitlines()
    assert max(map(len, lines)) <= 88
    sections = ("The question", "The answer", "The steps of the SQL", "What it cannot say", "Warnings")
    found = [line for line in lines if line in sections]
    assert found in ([*sections], [*sections[:-1]])
    for section in found:
        assert lines[lines.index(section) + 1].startswith("  "), f"{section} is empty"
    assert "  None" not in ran.text and "()" not in ran.text


def test_no_text_about_columns_is_without_a_column():
    written = {(section, column) for section, texts in _texts().items() for column in texts}
    used = set()
    for name in EVERY:
        query = asked(name)
        chosen = column_meanings(query.spec)
        columns = {c.name for c in query.plan().columns}
        used |= {
            (section, column)
            for section, texts in _texts().items()
            for column in columns & set(texts)
            if chosen.get(column) == texts[column] and section.split()[0] in (query.spec.measure, "all")
        }
    assert sorted(written - used) == []


def test_every_caveat_holds_for_some_specs_and_not_for_all():
    for _, said in _CAVEATS:
        having = [name for name in EVERY if said in meant(name).caveats]
        assert 0 < len(having) < len(EVERY), said


def test_caveats_are_sentences_and_not_a_wall_of_them():
    for _, said in _CAVEATS:
        assert re.fullmatch(r"[A-Z].*[.]", said) and len(said) < 200, said
    assert max(len(meant(name).caveats) for name in EVERY) <= 14
    assert min(len(meant(name).caveats) for name in EVERY) >= 1


# --- What is said is true ---------------------------------------------------------------------------------


def said_of(**spec):
    spec = {"histogram": PROBE, "filters": DAYS, **spec}
    query = Query(**{key: value for key, value in spec.items() if value is not None})
    return " ".join(caveats(query.spec, query.plan()))


NIGHTLY = {**DAYS, "channel": "nightly"}
PINGS = {"histogram": None, "measure": "rate", "events": "pings"}


@pytest.mark.parametrize(
    ("words", "having", "lacking"),
    [
        ("chose them", {"filters": NIGHTLY}, {"filters": {**DAYS, "channel": ["nightly", "release"]}}),
        ("On release", {"filters": {**DAYS, "channel": "release"}}, {"filters": NIGHTLY}),
        (
            "On release",
            {},
            {"source": "firefox_desktop.metrics", "histogram": "metrics.timing_distribution.a_b"},
        ),
        ("No channel is named", {}, {"filters": {**DAYS, "Channel": "beta"}}),
        ("Only a sample", {"sample": "10%"}, {}),
        ("Only a sample", {"filters": {**DAYS, "sample_id": 42}}, {"filters": {**DAYS, "os": "Mac"}}),
        ("arrive days after", {"dimensions": ["build_id"]}, {"dimensions": ["os"]}),
        ("few clients with very many", {}, {"normalization": "client"}),
        ("one with a million", {"normalization": "client"}, {"normalization": "client_day"}),
        ("reports on many days", {"normalization": "client_day"}, {}),
        ("parent process", {}, {"process": "content"}),
        ("parent process", {}, {"histogram": "payload.histograms.gc_ms"}),
        ("no finer than its bucket", {"percentiles": [0.5]}, {"measure": "distribution"}),
        (
            "is a guess",
            {"percentiles": [0.5], "percentile_method": "interpolated", "buckets": {"linear": [1, 9, 5]}},
            {"percentiles": [0.5]},
        ),
        ("adds limits", {"percentiles": [0.5]}, {"percentiles": [0.5], "confidence": 0.95}),
        ("clients as independent", {"confidence": 0.95}, {}),
        (
            "events to be independent",
            {**PINGS, "method": "poisson", "confidence": 0.95},
            {**PINGS, "confidence": 0.95},
        ),
        ("Groups of few clients", {"dimensions": ["os"]}, {"dimensions": ["os"], "min_clients": 9}),
        ("cannot be added up", {"dimensions": ["os"]}, {}),
        (
            "Nobody drew",
            {**BRANCHES, "dimensions": [{"name": "branch", "of": "os"}]},
            {**BRANCHES, "experiment": "x"},
        ),
        ("while it ran", {**BRANCHES, "experiment": "x"}, {"experiment": "x"}),
        (
            "stand in for a branch",
            {**BRANCHES, "experiment": {"slug": "x", "control": {"sample": "10%"}}},
            {**BRANCHES, "experiment": "x"},
        ),
        (
            "stand in for a branch",
            {**BRANCHES, "experiment": "x", "placebo": {"slug": "y", "control": {"sample": "10%"}}},
            {**BRANCHES, "experiment": "x", "placebo": {"slug": "y", "control": "a"}},
        ),
        (
            "resemble each other",
            {**BRANCHES, "experiment": "x", "analysis_unit": "ping"},
            {**BRANCHES, "experiment": "x"},
        ),
        ("does not tell its cause", {"dimensions": ["os"]}, {}),
        ("weighs hours", PINGS, {"histogram": None, "measure": "counts"}),
        ("single pings", {"measure": "pings", "limit": 3}, {}),
    ],
)
def test_a_caveat_is_said_where_it_holds(words, having, lacking):
    assert words in said_of(**having)
    assert words not in said_of(**lacking)


@pytest.mark.parametrize(
    ("column", "spec", "words"),
    [
        ("count", {}, "how many samples are in the bucket"),
        ("count", {"normalization": "client"}, "a client's one vote is divided"),
        ("count", {"normalization": "client_day"}, "one for each day"),
        ("value", {"percentiles": [0.5]}, "lower bound of the bucket"),
        ("value", {"histogram": None, "scalar": "a.b", "percentiles": [0.5]}, "a client's number"),
        ("n_clients", {"measure": "counts"}, "distinct client ids of the group"),
    ],
)
def test_a_column_means_what_the_spec_makes_of_it(column, spec, words):
    given = {"histogram": PROBE, "filters": DAYS, **spec}
    query = Query(**{key: value for key, value in given.items() if value is not None})
    assert words in column_meanings(query.spec)[column]


def test_what_a_row_is():
    assert (
        meant("05-client-normalized-by-build").row == "There is one row for each build_time and percentile."
    )
    assert meant("1-branches").row == "There is one row for each branch."
    assert meant("01-raw-json").row == "One row is one ping."
    total = Query(measure="counts", filters=DAYS)
    assert meaning(total.spec, total.plan()).row == "There is one row in all."


# --- As text ----------------------------------------------------------------------------------------------

SHOWN = [
    "tutorial/05-client-normalized-by-build",
    "experiments/compare",
    "mission_control/7-alerts",
    "kinds/categorical",
]


@pytest.mark.parametrize("name", SHOWN)
def test_prints_what_its_page_says(name, golden, in_the_repository):
    ran = explained(ROOT / f"examples/{name}.yaml")
    assert ran.code == 0
    golden(GOLDENS / f"{name.replace('/', '-')}.txt", ran.text)


@pytest.mark.parametrize("width", [30, 40, 60, 100, 200])
def test_fits_the_width(width):
    warning = Diagnostic("few-words", "a warning of some length, which must be wrapped as well")
    text = as_text(meant("7-alerts"), [warning], width)
    unbreakable = max(map(len, re.split(r"\s", text)))
    assert max(map(len, text.splitlines())) <= max(width, unbreakable + 6)
    assert " ".join(meant("7-alerts").caveats[0].split()) in re.sub(r"\s+", " ", text)


def test_warnings_are_part_of_it_with_their_line_and_code():
    spec = f"histogram: {PROBE}\nfilters:\n  submission_date: 2020-04-20\n  sample_id: {{lt: 10}}\n"
    ran = querygen("explain", "-", stdin=spec)
    assert ran.code == 0 and ran.stderr == ""
    _, _, told = ran.text.partition("\nWarnings\n")
    assert "(line 4) [unscaled-sample]: add `scale: true`" in re.sub(r"\s+", " ", told)
    assert "Warnings" not in querygen("explain", "-", stdin=spec + "scale: true\n").text


def test_nothing_of_a_spec_reaches_the_terminal_as_a_command():
    spec = {"measure": "counts", "title": "a\x1b[31mb\x07", "filters": {**DAYS, "os": "x\u202ey\nz\x1b]0;t"}}
    text = Query(**spec).explain()
    assert "a\\x1b[31mb\\x07" in text and "\\u202ey" in text
    assert all(c.isprintable() or c == "\n" for c in text)


def test_a_terminal_sets_the_width():
    session = Session("explain", "examples/tutorial/05-client-normalized-by-build.yaml", columns=46)
    assert session.end() == 0
    widths = [len(line) for line in session.shown.splitlines()]
    assert 40 < max(widths) <= 58, "names that are longer than a line may stand out"


# --- What is asked for ------------------------------------------------------------------------------------


def test_a_path_is_a_spec_and_a_word_is_a_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = f"histogram: {PROBE}\nfilters: {{submission_date: 2020-04-20}}\n"
    (tmp_path / "question").write_text(spec)
    assert "The steps of the SQL" in querygen("explain", "question").text
    assert querygen("explain", "legacy-probe").text.startswith("legacy-probe (warning)")
    for missing in ("nothing.yaml", "./nothing"):
        ran = querygen("explain", missing)
        assert (ran.code, ran.text) == (2, "") and "[no-such-file]" in ran.stderr
    ran = querygen("explain", "nothing")
    assert (ran.code, ran.text) == (2, "") and "no file has this name [unknown-code]" in ran.stderr


def test_a_spec_is_explained_with_the_flags_of_others(tmp_path):
    path = ROOT / "examples/glean/legacy-probe-as-glean.yaml"
    ran = querygen("explain", path, "--probes", path.parent / "probes")
    assert "is recorded here as browser.tabswitch.spinner_visible" in re.sub(r"\s+", " ", ran.text)
    last = f"histogram: {PROBE}\nfilters: {{submission_date: {{last: 3 days}}}}\n"
    assert querygen("explain", "-", stdin=last).code == 1
    assert querygen("explain", "-", "--today", "2020-04-20", stdin=last).code == 0


# --- In a report ------------------------------------------------------------------------------------------


def test_a_report_says_the_same():
    query = query_of("05-client-normalized-by-build")
    page = report([query.run()])
    said = re.sub(r"&#39;|&#x27;", "'", re.sub(r"<[^>]*>", "", page))
    made = meant("05-client-normalized-by-build")
    for text in (
        made.row,
        *made.caveats,
        *(text for _, text in made.columns),
        *(text for _, text in made.words),
    ):
        assert text.replace("`", "") in said
    for step in made.steps:
        assert step.does in said and step.why in said
    assert "<code>confidence: 0.95</code>" in page and "`confidence" not in page
