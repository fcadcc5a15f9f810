"""The mutation run: its mutants are what they should be, and it tells which of them are noticed."""

import re
import subprocess
import sys
from dataclasses import replace

import mutation_log
import pytest
from mutation_effect import take_effect
from mutation_log import Outcome
from mutation_mutants import ROOT, Mutant, of_template, of_udf, sql_mutants
from mutation_python import of_module, python_files, python_mutants
from mutation_reach import Reached, keep, kept
from mutation_run import chosen, excuses, findings, main

from querygen import translate

ALL = [*sql_mutants(), *python_mutants()]
BY_ID = {made.id: made for made in ALL}


def text_of(file):
    return (ROOT / file).read_text(encoding="utf-8")


# --- What is mutated -----------------------------------------------------------------------------

TEMPLATE = """\
SELECT
{{ listed(stage.dimensions) }}
  day,
{% if stage.all %}
  SUM(n_samples) AS n_samples,
{% endif %}
FROM
  pings  -- a comment with = and > in it
WHERE
  n_samples > 7
  AND day BETWEEN 1 AND {{ stage.most }}
  AND text != 'a = b'
GROUP BY
{{ listed(stage.dimensions) }}
  day
"""


def test_of_a_small_template():
    assert {(made.line, made.what) for made in of_template("t.sql.j2", TEMPLATE)} == {
        ("{{ listed(stage.dimensions) }}", "keys dropped"),
        ("day,", "key dropped"),
        ("{% if stage.all %}", "if inverted"),
        ("SUM(n_samples) AS n_samples,", "SUM( → COUNT("),
        ("SUM(n_samples) AS n_samples,", "SUM( → MIN("),
        ("SUM(n_samples) AS n_samples,", "n_samples → n_clients"),
        ("n_samples > 7", "n_samples → n_clients"),
        ("n_samples > 7", "> → >="),
        ("n_samples > 7", "7 → 8"),
        ("n_samples > 7", "7 → 6"),
        ("n_samples > 7", "condition dropped"),
        ("AND day BETWEEN 1 AND {{ stage.most }}", "AND → OR"),
        ("AND day BETWEEN 1 AND {{ stage.most }}", "1 → 2"),
        ("AND day BETWEEN 1 AND {{ stage.most }}", "1 → 0"),
        ("AND day BETWEEN 1 AND {{ stage.most }}", "upper bound + 1"),
        ("AND day BETWEEN 1 AND {{ stage.most }}", "upper bound - 1"),
        ("AND day BETWEEN 1 AND {{ stage.most }}", "condition dropped"),
        ("AND text != 'a = b'", "AND → OR"),
        ("AND text != 'a = b'", "!= → ="),
        ("AND text != 'a = b'", "condition dropped"),
    }


def test_a_dropped_key_is_an_aggregate_above():
    (dropped,) = [made for made in of_template("t.sql.j2", TEMPLATE) if made.what == "key dropped"]
    changed = dropped.apply(TEMPLATE)
    assert "  MIN(day) AS day,\n" in changed
    assert changed.endswith("GROUP BY\n{{ listed(stage.dimensions) }}\n  IF(TRUE, 1, 1)\n")


MODULE = '''\
"""Words of 3 > 2."""

REWRITERS = (one, two)


def test(node, values=1):
    """More words: 3 > 2."""
    help_ = "a" if node else "b"
    if isinstance(node, exp.GT) and not node.is_string:
        report(Diagnostic("code", values == 3, help=help_))
    found.append(len(values) >= 2)
    words.append(f"{values > 3}")
    return [value for value in values if value is not None] + [node]
'''


def test_of_a_small_module():
    assert {(made.line, made.what) for made in of_module("m.py", MODULE)} == {
        ("REWRITERS = (one, two)", "one left out"),
        ("REWRITERS = (one, two)", "two left out"),
        ("if isinstance(node, exp.GT) and not node.is_string:", "condition inverted"),
        ("if isinstance(node, exp.GT) and not node.is_string:", "and → or"),
        ("if isinstance(node, exp.GT) and not node.is_string:", "not → nothing"),
        ("if isinstance(node, exp.GT) and not node.is_string:", "exp.GT → exp.GTE"),
        ("found.append(len(values) >= 2)", ">= → >"),
        ("found.append(len(values) >= 2)", "2 → 3"),
        ("found.append(len(values) >= 2)", "statement dropped"),
        ("return [value for value in values if value is not None] + [node]", "condition dropped"),
        ("return [value for value in values if value is not None] + [node]", "is not → is"),
        ("return [value for value in values if value is not None] + [node]", "+ … dropped"),
    }


def test_of_a_body():
    made = of_udf("u.sql", "IF(x >= 1.5 AND y = 'a > 1', x / 2, 0) -- 3 > 2")
    assert {one.what for one in made} == {
        *(">= → >", "1.5 → 2.5", "1.5 → 0.5", "AND → OR", "= → !="),
        *("/ → *", "2 → 3", "2 → 1", "0 → 1", "0 → -1"),
    }


# --- All of the project --------------------------------------------------------------------------


def test_names_are_unique_and_tell_no_line_numbers():
    assert len(BY_ID) == len(ALL)
    (made, *_) = of_template("t.sql.j2", TEMPLATE)
    (later, *_) = of_template("t.sql.j2", "\n\n" + TEMPLATE)
    assert made.id == later.id and made.edits != later.edits


def test_every_template_that_does_more_than_list_columns_has_mutants():
    mutated = {made.file for made in ALL}
    for path in (ROOT / "templates").rglob("*.j2"):
        does = re.search(r"\{% if|WHERE|GROUP BY|[A-Z]\(| [<>=]+ ", path.read_text(encoding="utf-8"))
        assert not does or path.relative_to(ROOT).as_posix() in mutated, path


@pytest.mark.parametrize("head", ["WHERE", "GROUP BY", "HAVING", "QUALIFY"])
def test_every_filter_and_key_of_every_template_is_dropped(head):
    what = {"GROUP BY": ("key dropped", "keys dropped")}.get(head, ("condition dropped",))
    for path in (ROOT / "templates/stages").glob("*.j2"):
        clauses = len(re.findall(rf"^{head}$", path.read_text(encoding="utf-8"), re.MULTILINE))
        file = path.relative_to(ROOT).as_posix()
        assert sum(made.file == file and made.what in what for made in ALL) >= clauses, path


def test_every_rewriter_is_turned_off():
    names = {rewriter.__name__ for rewriter in translate.REWRITERS}
    assert {f"{name} left out" for name in names} <= {
        made.what for made in ALL if made.line == f"{made.what.split()[0]},"
    }
    assert "translate" in {path.stem for path in python_files()}


def test_every_mutant_of_python_is_python():
    for path in python_files():
        text = path.read_text(encoding="utf-8")
        of_file = [made for made in ALL if ROOT / made.file == path]
        assert of_file
        for made in of_file[::5]:
            assert compile(made.apply(text), path.name, "exec")


# --- What becomes of them ------------------------------------------------------------------------


def outcome(made, killed_by=None):
    return Outcome(made, killed_by, by_rows=True, n_tests=(1, 1))


def test_survivors_need_an_excuse_and_are_few():
    survives, *killed = ALL[:40]
    outcomes = [outcome(survives), *(outcome(made, "tests/test_x.py::test_y") for made in killed)]
    assert findings(outcomes, {}, ALL) == ["1 mutants survived without an excuse"]
    assert findings(outcomes, {survives.id: "equivalent"}, ALL) == []
    assert findings(outcomes[:10], {survives.id: "equivalent"}, ALL) == [
        "10.0% of the mutants survived, at most 5% may"
    ]


def test_excuses_that_are_out_of_date_are_findings():
    killed = [outcome(made, "tests/test_x.py::test_y") for made in ALL[:3]]
    found = findings(killed, {"gone": "equivalent", ALL[0].id: "equivalent"}, ALL)
    assert found == [
        "excused, but there is no such mutant: gone",
        f"excused, but tests/test_x.py::test_y notices it: {ALL[0].id}",
    ]


def test_excuses_are_of_mutants_and_have_reasons():
    for name, reason in excuses().items():
        assert name in BY_ID, f"there is no mutant {name}"
        assert len(reason.split()) > 3, name


def test_the_same_sample_for_the_same_seed():
    assert chosen(ALL, [], 5, 1) == chosen(ALL, [], 5, 1) != chosen(ALL, [], 5, 2)
    assert chosen(ALL, ["top_keys.sql"], None, 0) == [made for made in ALL if "top_keys.sql" in made.id]
    assert main(["--only", "no such mutant"]) == 2


# --- What is known from before -------------------------------------------------------------------

TESTS = [ROOT / "tests/test_scalars.py", ROOT / "tests/test_udfs.py"]


def test_a_log_of_which_the_last_entries_count(tmp_path):
    log = tmp_path / "mutants.log"
    assert mutation_log.read(log) == {}
    first, second = ALL[:2]
    killed = outcome(second, "tests/test_scalars.py::test_y[a → ü]")
    for made in (outcome(first), outcome(second), killed):
        mutation_log.append(log, mutation_log.entry_of(made, TESTS))
    with log.open("a", encoding="utf-8") as file:
        file.write('\n{"id": "interr')
    mutation_log.append(log, mutation_log.entry_of(outcome(ALL[2]), TESTS))
    entries = mutation_log.read(log)
    assert [entries[made.id].outcome(made) for made in ALL[:3]] == [
        outcome(first),
        killed,
        outcome(ALL[2]),
    ]


def test_an_entry_holds_while_the_mutated_file_and_its_judges_are_the_same():
    made = ALL[0]
    noticed = mutation_log.entry_of(outcome(made, "tests/test_scalars.py::test_summary_by_os[duckdb]"), TESTS)
    other = mutation_log.entry_of(outcome(made, "tests/test_scalars.py::test_nowhere"), TESTS)
    assert len(noticed.judge) == 16 and other.judge == ""
    unnoticed = mutation_log.entry_of(outcome(made), TESTS)
    assert noticed.holds(made, TESTS, {}) and unnoticed.holds(made, TESTS, {})
    for entry in (noticed, unnoticed):
        assert not replace(entry, file="another text").holds(made, TESTS, {made.id})
        assert not replace(entry, judge="another text").holds(made, TESTS, {})
    assert noticed.holds(made, TESTS[1:], {}), "whichever other tests there are"
    assert not unnoticed.holds(made, [*TESTS, ROOT / "tests/test_spec.py"], {})
    assert unnoticed.holds(made, [], {made.id}), "an excuse is for all tests"


def test_what_a_test_reaches_is_kept_until_what_it_read_changes(tmp_path, monkeypatch):
    path = tmp_path / "mutants.reach"
    test = "tests/test_scalars.py::test_y"
    reached = Reached(
        passed=True,
        seconds=0.5,
        files=frozenset({"templates/stages/totals.sql.j2"}),
        lines=frozenset({("querygen/units.py", 10)}),
        stages={},
    )
    assert list(kept(path)) == []
    keep(path, {test: reached, "tests/test_scalars.py::test_failed": replace(reached, passed=False)}, {})
    keep(path, {}, {})
    path.write_bytes(path.read_bytes() + b"\x80\x04interrupted")
    assert list(kept(path)) == [({test: reached}, {}), ({}, {})]
    monkeypatch.setattr("mutation_reach.pickle.loads", lambda _: pytest.fail("its class may be gone"))
    for changed in ("tests/test_scalars.py", "templates/stages/totals.sql.j2", "querygen/units.py"):
        monkeypatch.setattr(
            "mutation_reach.digest", lambda file, changed=changed: str(file == ROOT / changed)
        )
        assert list(kept(path)) == [({}, {}), ({}, {})]


def test_a_mutant_that_is_nowhere_is_an_error():
    path = "querygen/units.py"
    nothing = Mutant(path, "", "nothing", ())
    assert nothing.apply(text_of(path)) == text_of(path)
    with pytest.raises(LookupError):
        take_effect(nothing)


def test_noticed_and_unnoticed_mutants(tmp_path):
    """In processes of their own, with one test of scalars, whose query knows no days and no top keys."""
    test = "tests/test_scalars.py::test_summary_by_os[duckdb]"
    totals = "templates/stages/totals_of_numbers.sql.j2"
    noticed = [
        f"{totals} | SUM(CAST(number AS FLOAT64)) AS sum, | SUM( → MIN(",
        f"{totals} | COUNTIF(number > 0) AS n_above_zero, | COUNTIF( → COUNT(",
    ]
    unnoticed = [
        "templates/stages/top_keys.sql.j2 | SUM(n_samples) DESC, | DESC → nothing",
        "querygen/translate.py | dates_are_utc, | dates_are_utc left out",
    ]
    only_ids = [*noticed, *unnoticed]
    only = [f"--only={name}" for name in only_ids]
    log = tmp_path / "mutants.log"

    def run(*flags):
        return subprocess.run(
            [sys.executable, "tests/mutation_run.py", *only, f"--tests={test}", f"--log={log}", *flags],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    ran = run("--verbose")
    assert (ran.returncode, ran.stderr) == (1, "")
    for name in noticed:
        assert f"{test} after 1 of 1: {name}\n" in ran.stdout
    for name in unnoticed:
        assert re.search(rf"^SURVIVED after (0 of 0|1 of 1): {re.escape(name)}$", ran.stdout, re.MULTILINE)
    assert "\n-  SUM(n_samples) DESC,\n+  SUM(n_samples),\n(no test reaches it)\n" in ran.stdout
    assert "\n-    dates_are_utc,\n" in ran.stdout
    assert ran.stdout.splitlines()[-2] == "2 mutants survived without an excuse"

    entries = mutation_log.read(log)
    assert {name: entries[name].killed_by for name in only_ids} == dict.fromkeys(
        noticed, test
    ) | dict.fromkeys(unnoticed)
    stale = replace(entries[noticed[0]], file="another text")
    log.write_text("")
    for entry in (stale, entries[noticed[1]], entries[unnoticed[0]]):
        mutation_log.append(log, entry)
    again = run("--resume", "--verbose")
    assert re.search(r"^4 mutants, 2 of them from the log, \d+ s$", again.stdout, re.MULTILINE)
    assert again.stdout.splitlines()[:8] == ran.stdout.splitlines()[:8]
    assert [mutation_log.read(log)[name].file for name in only_ids] == [
        entries[name].file for name in only_ids
    ]
