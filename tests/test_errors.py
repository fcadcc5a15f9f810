"""Every error as its user reads it: the cases of `errors/*.txt`, word for word.

Their form is that of `textcases`; the usual command is `check spec.yaml`, and what is printed is stderr.
`pytest --update-goldens` writes the last part anew; read it aloud before you keep it.
"""

import json
import re
import shlex
from pathlib import Path

import pytest
from commandline import querygen
from hypothesis import given, settings
from hypothesis import strategies as st
from textcases import Case, read_cases

from querygen import Query, QuerygenError, load

FOLDER = Path(__file__).parent / "errors"
SCHEMA = Path(__file__).parents[2] / "shared" / "schemas" / "main.5.bq.xz"


CASES = [case for path in sorted(FOLDER.glob("*.txt")) for case in read_cases(path, "check spec.yaml")]


def outcome_of(case: Case, folder: Path, monkeypatch) -> tuple[int, str]:
    case.write_files(folder)
    monkeypatch.chdir(folder)
    ran = querygen(*shlex.split(case.command.replace("$SCHEMA", str(SCHEMA))))
    return ran.code, ran.stderr.replace(str(folder), "FOLDER")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.home.stem}: {case.title}")
def test_reads_word_for_word(case, tmp_path, monkeypatch, request):
    if "$SCHEMA" in case.command and not SCHEMA.exists():
        pytest.skip("the production schema is not here")
    code, stderr = outcome_of(case, tmp_path, monkeypatch)
    if request.config.getoption("--update-goldens"):
        case.rewrite(code, stderr)
        return
    assert stderr == case.printed
    assert code == case.exit_code


def test_titles_are_unique():
    titles = [(case.home, case.title) for case in CASES]
    assert len(set(titles)) == len(titles)


DAY = {"submission_date": "2020-04-20"}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            {"histogram": "GC_MS", "filters": {**DAY, "os_version": 6.1}},
            "filters.os_version: error: this column",
        ),
        ({"histogram": "GC_MS", "filters": {**DAY, "os": ["Mac", 7]}}, "filters.os[1]: error: this column"),
        (
            {"histogram": "GC_MS", "percentiles": [0.5, 95]},
            "percentiles[1]: error: percentiles are fractions",
        ),
        ({"histogram": "GC_MS", "dimension": ["os"]}, "dimension: error: unknown key `dimension`"),
        (
            {"histogram": "GC_MS", "filters": DAY, "dimensions": [{"name": "m", "of": "memory_bm"}]},
            "dimensions[0].of: error: telemetry.main has no column",
        ),
        (
            {"histogram": "GC_MS", "filters": DAY, "dimensions": [{"name": "m", "cases": [{"value": "x"}]}]},
            "dimensions[0].cases[0]: error: the key `when` is missing",
        ),
    ],
)
def test_errors_of_python_name_dotted_paths(spec, said):
    with pytest.raises(QuerygenError) as raised:
        Query(**spec).sql()
    assert said in str(raised.value).splitlines()[0]


def test_python_tells_several_findings_at_once():
    with pytest.raises(QuerygenError) as raised:
        Query(histogram=1, measure="median", percentiles=[95])
    assert [finding.loc for finding in raised.value.diagnostics] == [
        ("histogram",),
        ("percentiles", 0),
        ("measure",),
    ]


def test_python_refuses_keys_that_are_no_text():
    with pytest.raises(QuerygenError, match="the key 1 is no text"):
        load({1: 2})


HOSTILE = {
    "nothing": b"",
    "zeros": bytes(1000),
    "a picture": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)),
    "UTF-16": "histogram: GC_MS".encode("utf-16"),
    "Latin-1": "title: café".encode("latin-1"),
    "brackets": b"[" * 5_000,
    "braces": b"{a: " * 10_000,
    "items": b"- " * 10_000,
    "references": b"a: &a [x, x]\n" + b"".join(b"b%d: &b%d [*a, *a]\n" % (i, i) for i in range(50)),
    "a bomb": b"a0: &a0 [x, x]\n"
    + b"".join(b"a%d: &a%d [%s]\n" % (i, i, b", ".join([b"*a%d" % (i - 1)] * 9)) for i in range(1, 30)),
    "digits": b"limit: " + b"9" * 100_000,
    "one line": b"histogram: " + b"x" * 1_000_000,
    "a long key": b"x" * 100_000 + b": 1",
    "many keys": b"".join(b"key%d: 1\n" % i for i in range(1000)),
    "control characters": b"title: \x07\x1b[31m",
    "half a character": b'title: "\\ud800"',
    "a clipped escape": b'title: "\\u12"',
    "null": b"null",
    "a time without a date": b"today: 25:61:61",
    "a year out of range": b"today: 99999-01-01",
    "a month out of range": b"filters: {submission_date: 2020-13-01}",
    "a zone out of range": b"filters: {submission_date: 2020-01-01T00:00:00+99:99}",
    "year nought": b"filters: {submission_date: 0000-01-01}",
    "an empty alias": b"histogram: *",
    "a directive": b"%YAML 9.9\n---\nhistogram: GC_MS",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("way", ["file", "stdin"])
def test_a_hostile_file_is_a_finding_at_its_place(content, way, tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_bytes(content)
    ran = querygen("render", path) if way == "file" else querygen("render", "-", stdin=content)
    place = str(path) if way == "file" else "<stdin>"
    assert ran.code == 1, ran.stderr
    assert ran.stderr.startswith(f"{place}:"), ran.stderr
    assert "Traceback" not in ran.stderr
    assert max(map(len, ran.stderr.splitlines())) < 1500
    assert all(c.isprintable() or c == "\n" for c in ran.stderr)


GOOD = "histogram: GC_MS\nfilters:\n  os: Windows\n  submission_date: 2020-04-20\n"
AS_JSON = '{"histogram": "GC_MS", "filters": {"os": "Windows", "submission_date": "2020-04-20"}}'
AS_GOOD = {
    "a byte order mark": b"\xef\xbb\xbf" + GOOD.encode(),
    "Windows' line ends": GOOD.replace("\n", "\r\n").encode(),
    "old Mac's line ends": GOOD.replace("\n", "\r").encode(),
    "no line end": GOOD.strip().encode(),
    "JSON": AS_JSON.encode(),
    "JSON with tabs": AS_JSON.replace(" ", "\n\t").encode(),
    "JSON's escapes": AS_JSON.replace("GC_MS", r"\u0047C_MS").replace("os", r"\u006fs").encode(),
    "an anchor": b"histogram: &a GC_MS\nfilters: {os: Windows, submission_date: 2020-04-20}\n",
    "document marks": b"---\n" + GOOD.encode() + b"...\n",
    "quotes": b"'histogram': \"GC_MS\"\n\"filters\": {'os': Windows, submission_date: '2020-04-20'}",
}


@pytest.mark.parametrize("content", AS_GOOD.values(), ids=AS_GOOD)
def test_ways_to_write_the_same_spec(content):
    ran = querygen("render", "-", stdin=content)
    assert (ran.code, ran.stderr) == (0, "")
    assert ran.stdout == querygen("render", "-", stdin=GOOD).stdout


def test_the_character_beyond_the_basic_plane_survives_json():
    spec = json.dumps({"histogram": "GC_MS", "filters": {**DAY, "client_id": "😀"}})
    assert "\\u" in spec
    assert "'😀'" in querygen("render", "-", stdin=spec).text


def test_yaml_is_version_1_2():
    spec = "measure: counts\nfilters: {submission_date: 2020-04-20, country: [NO, no, on, y]}"
    assert "normalized_country_code IN ('NO', 'no', 'on', 'y')" in querygen("render", "-", stdin=spec).text


KEYS = ["histogram", "source", "process", "filters", "dimensions", "normalization", "percentiles", "measure"]
KEYS += ["fields", "limit", "title", "description", "today", "allow_full_scan", "bogus"]
WORDS = [
    "GC_MS",
    "os",
    "build_id",
    "submission_date",
    "client",
    "counts",
    "pings",
    "x",
    "",
    "not",
    "from",
    "last",
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.datetimes()
    | st.sampled_from(WORDS)
    | st.text(max_size=5)
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*WORDS, "name", "of", "cases", "when", "value"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)
GOOD_START = {"histogram": "GC_MS", "filters": DAY}


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(KEYS), ANYTHING, max_size=4))
def test_any_values_give_sql_or_findings_with_a_path(changes):
    try:
        Query(**{**GOOD_START, **changes}).sql("duckdb")
    except QuerygenError as error:
        assert error.exit_code == 1, error
        assert error.diagnostics
        for finding in error.diagnostics:
            assert finding.message
            assert finding.code != "internal", error


@settings(max_examples=200)
@given(st.data())
def test_any_damage_to_a_spec_is_a_finding_at_its_place(data):
    text = (
        "histogram: GC_MS\nfilters: {os: [Windows, Mac], submission_date: {from: 2020-04-06, to: 2020-04-20}}"
        '\ndimensions:\n  - {name: memory, of: memory_mb, bands: [2048]}\npercentiles: [0.5]\ntitle: "a"\n'
    )
    at = data.draw(st.integers(0, len(text)))
    gone = data.draw(st.integers(0, 12))
    damaged = (
        text[:at] + data.draw(st.text("[]{}:,-\"'#&*!|>%@`\t\n aZ0\x00é", max_size=4)) + text[at + gone :]
    )
    ran = querygen("render", "-", stdin=damaged)
    assert ran.code in (0, 1), ran.stderr
    assert ran.code == 0 or re.match(r"<stdin>:\d+:\d+: error: ", ran.stderr), ran.stderr
