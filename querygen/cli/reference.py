"""Commands to look things up: what can be asked for, functions, schemas, and what warnings mean."""

import argparse
import sys
from pathlib import Path

from querygen.cli.options import Add, Command
from querygen.cli.output import say, write
from querygen.cli.reading import reader, schemas

_WIDTH = 88  # of lines that go into a file or a pipe
_WIDEST = 100


def _catalog(arguments: argparse.Namespace) -> int:
    """List and search the distributions and scalars that can be asked for."""
    from querygen.api import catalog_of
    from querygen.listing import entries
    from querygen.show import json_rows, text_table

    given = schemas(arguments.schema)
    catalog = catalog_of(given, arguments.probes)
    found = [entry.row() for entry in entries(catalog, [*given] or [*catalog.names], arguments.pattern)]
    if not given:
        say("note: the built-in schemas know few names, but take any; --schema lists the real ones")
    write(json_rows(found) if arguments.format == "json" else text_table(found), arguments.output)
    return 0 if found else 1


def _udfs(arguments: argparse.Namespace) -> int:
    """Print a script that installs the functions (in DuckDB as mozfun.hist.extract, per connection)."""
    from querygen.udfs import install_script

    write(install_script(arguments.dialect).encode(), arguments.output)
    return 0


def _schema(arguments: argparse.Namespace) -> int:
    """Print the JSON Schema of specs, or of test files, for editors that complete and explain keys."""
    import json

    if arguments.tests:
        from querygen.cases.model import json_schema
    else:
        from querygen.spec import json_schema
    write(f"{json.dumps(json_schema(), indent=2)}\n".encode(), arguments.output)
    return 0


def _explain(arguments: argparse.Namespace) -> int:
    """Explain a spec in words, or the code of a warning or error; without either, list the codes."""
    asked = arguments.asked
    if asked is not None and _is_spec(asked):
        from shutil import get_terminal_size

        width = min(get_terminal_size().columns, _WIDEST) if sys.stdout.isatty() else _WIDTH
        text = reader(arguments)(asked).explain(width)
    else:
        from querygen.explain import explained, listed

        text = listed() if asked is None else explained(asked)
    write(text.encode(), None)
    return 0


def _is_spec(asked: str) -> bool:
    """Whether it names a spec: no code has a dot or a slash, or is a file."""
    return asked == "-" or any(c in asked for c in "./\\") or Path(asked).is_file()


def _catalog_flags(add: Add) -> None:
    add("pattern", nargs="?", default="", metavar="PATTERN", help="a part of the name, or a glob")
    add("--format", choices=["table", "json"], default="table", help="how it is shown (table)")


def _udfs_flags(add: Add) -> None:
    add("--dialect", choices=["bigquery", "duckdb"], default="duckdb", help="the SQL dialect (duckdb)")


def _schema_flags(add: Add) -> None:
    add("--tests", action="store_true", help="the schema of *.test.yaml files instead")


def _explain_flags(add: Add) -> None:
    add(
        "asked",
        nargs="?",
        metavar="SPEC|CODE",
        help="a YAML or JSON file, or - for stdin; or a code, such as legacy-probe",
    )


COMMANDS = {
    "catalog": Command(_catalog, ("schema", "probes", "output"), _catalog_flags),
    "udfs": Command(_udfs, ("output",), _udfs_flags),
    "schema": Command(_schema, ("output",), _schema_flags),
    "explain": Command(_explain, ("schema", "probes", "source", "today"), _explain_flags),
}
