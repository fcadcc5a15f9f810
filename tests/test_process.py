"""The command line as a process: pipes, locales, and what it takes to start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import querygen as package
from querygen import cli

REPOSITORY = Path(__file__).parents[1]
EXAMPLE = REPOSITORY / "examples/tutorial/05-client-normalized-by-build.yaml"


def process(*arguments, **options):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        capture_output=options.pop("capture_output", True),
        check=False,
        timeout=60,
        **options,
    )


def test_a_closed_pipe_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    ran = process("-m", "querygen", "schema", capture_output=False, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_output_is_utf8_in_any_locale(tmp_path):
    spec = 'measure: counts\nfilters: {submission_date: 2020-04-20, os: "日本"}\n'
    environment = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    ran = process("-m", "querygen", "render", "-", input=spec.encode(), env=environment)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert "= '日本'" in ran.stdout.decode()
    ran = process("-m", "querygen", "render", "-", input=spec.replace("os", "ös").encode(), env=environment)
    assert ran.returncode == 1, ran.stderr
    assert b"Traceback" not in ran.stderr


@pytest.mark.parametrize(
    "arguments", [["render"], ["render", "--dialect", "duckdb"], ["check", "--no-analyze"]], ids=" ".join
)
def test_compiling_imports_no_engine(arguments):
    code = (
        "import sys, querygen.cli as cli\n"
        f"sys.argv = ['querygen', *{arguments!r}, {str(EXAMPLE)!r}]\n"
        "try: cli.main()\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'argcomplete', 'duckdb', 'pyarrow', 'pandas', 'polars', 'numpy', 'zetasql', 'wasmtime',\n"
        "         'matplotlib', 'readline'}\n"
        "sys.stderr.write(' '.join(sorted(heavy & set(sys.modules))))\n"
    )
    ran = process("-c", code)
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_importing_the_package_imports_nothing_else():
    ran = process("-c", "import sys, querygen; print(sorted(m for m in sys.modules if 'querygen' in m))")
    assert ran.stdout.decode().strip() == "['querygen']"
    assert set(package.__all__) <= {*dir(package), *package._HOMES}
    assert callable(cli.main)
