"""What `querygen test` prints: the cases of `cases/*.txt`, word for word.

Their form is that of `textcases`; the usual command is `test .`, and what is printed is stdout, then stderr.

`pytest --update-goldens` writes the last part anew; read it aloud before you keep it.
"""

import shlex
from pathlib import Path

import pytest
from commandline import querygen
from textcases import Case, read_cases

FOLDER = Path(__file__).parent / "cases"
CASES = [case for path in sorted(FOLDER.glob("*.txt")) for case in read_cases(path, "test .")]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.home.stem}: {case.title}")
def test_reads_word_for_word(case: Case, tmp_path, monkeypatch, request):
    case.write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    ran = querygen(*shlex.split(case.command))
    printed = (ran.text + ran.stderr).replace(str(tmp_path), "FOLDER")
    if request.config.getoption("--update-goldens"):
        case.rewrite(ran.code, printed)
        return
    assert printed == case.printed
    assert ran.code == case.exit_code


def test_titles_are_unique():
    titles = [(case.home, case.title) for case in CASES]
    assert len(set(titles)) == len(titles)
