"""Commands to look things up: what can be asked for, functions, schemas, and what warnings mean."""

import argparse

from querygen.cli.options import Add, Command
from querygen.cli.output import say, write
from querygen.cli.reading import schemas


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
    """Explain the code of a warning or error, with a spec that has it and its repair."""
    from querygen.explain import explained, listed

    write((listed() if arguments.code is None else explained(arguments.code)).encode(), None)
    return 0


def _catalog_flags(add: Add) -> None:
    add("pattern", nargs="?", default="", metavar="PATTERN", help="a part of the name, or a glob")
    add("--format", choices=["table", "json"], default="table", help="how it is shown (table)")


def _udfs_flags(add: Add) -> None:
    add("--dialect", choices=["bigquery", "duckdb"], default="duckdb", help="the SQL dialect (duckdb)")


def _schema_flags(add: Add) -> None:
    add("--tests", action="store_true", help="the schema of *.test.yaml files instead")


def _explain_flags(add: Add) -> None:
    add("code", nargs="?", metavar="CODE", help="the code; without it all codes are listed")


COMMANDS = {
    "catalog": Command(_catalog, ("schema", "probes", "output"), _catalog_flags),
    "udfs": Command(_udfs, ("output",), _udfs_flags),
    "schema": Command(_schema, ("output",), _schema_flags),
    "explain": Command(_explain, (), _explain_flags),
}
