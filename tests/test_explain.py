"""`querygen explain`: a page for every code, and pages that are true."""

import ast
import re
from pathlib import Path
from typing import get_args

import pytest
from commandline import querygen

from querygen import QuerygenError, load
from querygen.explain import explanations
from querygen.spec_values import Lint

PACKAGE = Path(__file__).parents[1] / "querygen"
PAGES = explanations()
WITH_EXAMPLE = [code for code, page in PAGES.items() if page.spec]

NO_CODES = {
    "client-days",
    "1e-10",
    "x86-64",
    "tab-warming-nightly-77",
    "querygen-sample",
    "new-line",
    "utf-8",
    "utf-8-sig",
    "utf-16",
}
REPORTERS = {"of", "Diagnostic", "problem", "_report"}


def codes_in_the_source() -> set[str]:
    """Every text with hyphens that is an argument, and the first text that is given to what reports."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call):
                found |= codes_in(call)
    return found - NO_CODES


def codes_in(call: ast.Call) -> set[str]:
    choices = [
        choice
        for argument in call.args
        for choice in ([argument.body, argument.orelse] if isinstance(argument, ast.IfExp) else [argument])
    ]
    texts = [node.value for node in choices if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    found = {text for text in texts if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", text)}
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in REPORTERS and texts and re.fullmatch("[a-z0-9]+", texts[0]):
        found.add(texts[0])
    return found


# Codes that are put together, of which a search for texts knows nothing.
MADE = {"unknown-histogram", "unknown-scalar"}


def test_every_code_has_a_page_and_every_page_a_code():
    assert '"unknown-{what}"' in (PACKAGE / "asking.py").read_text(encoding="utf-8")
    codes = codes_in_the_source() | MADE
    assert (sorted(codes - set(PAGES)), sorted(set(PAGES) - codes)) == ([], [])


def test_the_warnings_are_those_that_a_spec_can_silence():
    assert {code for code, page in PAGES.items() if page.severity == "warning"} == set(get_args(Lint))


def found_in(code: str, spec: str, folder: Path) -> set[str]:
    """The codes of all errors and warnings of a spec, run where the page says so."""
    page = PAGES[code]
    for name, text in page.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "spec.yaml").write_text(spec, encoding="utf-8")
    try:
        query = load(folder / "spec.yaml", probes=folder / page.probes if page.probes else None)
        query.sql("duckdb")
        told = [*query.warnings(), *(query.run().warnings if page.command == "run" else ())]
    except QuerygenError as error:
        assert all(finding.severity == "error" for finding in error.diagnostics)
        told = list(error.diagnostics)
    return {finding.code for finding in told}


@pytest.mark.parametrize("code", WITH_EXAMPLE)
def test_the_example_has_it_alone_and_the_repair_has_nothing(code, tmp_path):
    page = PAGES[code]
    assert found_in(code, page.spec, tmp_path) == {code}
    assert found_in(code, page.repaired, tmp_path) == set()


def test_all_warnings_and_most_errors_of_specs_have_an_example():
    without = {code for code, page in PAGES.items() if page.severity == "warning" and not page.spec}
    assert without == set()
    assert len(WITH_EXAMPLE) > 60


@pytest.mark.parametrize("code", PAGES)
def test_a_page_reads_well(code):
    page = PAGES[code]
    assert not page.title.endswith(".")
    assert page.means.rstrip().endswith((".", ".)"))
    assert bool(page.spec) == bool(page.repaired)
    lines = str(page).splitlines()
    assert lines[0] == f"{code} ({page.severity}): {page.title}"
    assert max(map(len, lines)) <= 120


def test_explains_a_warning():
    ran = querygen("explain", "unscaled-sample")
    assert (ran.code, ran.stderr) == (0, "")
    assert ran.text == (
        "unscaled-sample (warning): counts are those of a sample\n"
        "\n"
        "A filter by `sample_id` lets in that many hundredths of all clients, and a table such as\n"
        "`telemetry.main_1pct` holds one of them. Percentiles and shares of the sample are those\n"
        "of all clients, but n_clients, n_samples and the other counts are not, and a reader of a\n"
        "chart cannot see it.\n"
        "\n"
        "For example, in `querygen check spec.yaml`:\n"
        "\n"
        "    histogram: GC_MS\n"
        "    filters:\n"
        "      sample_id: {lt: 10}\n"
        "      submission_date: 2020-04-20\n"
        "\n"
        "Repaired:\n"
        "\n"
        "    histogram: GC_MS\n"
        "    filters:\n"
        "      sample_id: {lt: 10}\n"
        "      submission_date: 2020-04-20\n"
        "    scale: true\n"
        "\n"
        "To silence it, add this line to the spec:\n"
        "\n"
        "    silence: [unscaled-sample]\n"
    )


def test_shows_the_files_that_an_example_takes():
    ran = querygen("explain", "PROBE-ENDED")
    assert "`querygen check spec.yaml --probes Histograms.json`" in ran.text
    assert "with Histograms.json:\n\n    {" in ran.text


def test_an_unknown_code_names_the_nearest():
    ran = querygen("explain", "version-as-txt")
    assert (ran.code, ran.text) == (2, "")
    assert ran.stderr == (
        "error: no warning or error has the code `version-as-txt`, and no file has this name [unknown-code]\n"
        "  help: a code with a similar name exists: `version-as-text`\n"
    )
    assert "codes that `querygen explain` lists" in querygen("explain", "qqq").stderr


def test_lists_all_codes_with_their_titles():
    ran = querygen("explain")
    assert (ran.code, ran.stderr) == (0, "")
    lines = ran.text.splitlines()
    assert [line.split()[0] for line in lines] == list(PAGES)
    assert lines[0] == "build-id-as-text           warning: a build id is compared with text that is none"
