"""The command that writes queries for Redash: the files of stmo-cli, and the bodies of Redash's own API."""

import argparse
import gc
import json
from pathlib import Path

from querygen.cli.options import Add, Command, positive
from querygen.cli.output import running_line, say, warn, write
from querygen.cli.reading import reader
from querygen.errors import UsageError


def _emit(arguments: argparse.Namespace) -> int:
    """Write a query for Redash: stmo-cli's pair of files, or the body of its API."""
    _check_flags(arguments)
    query = reader(arguments)(arguments.spec)
    gc.enable()
    warn(query.warnings())
    with running_line() as progress:
        made = query.redash(arguments.data, allow_text=arguments.allow_text, progress=progress)
    for note in made.notes:
        say(f"note: {note}")
    if arguments.form == "redash-json":
        body = made.body(arguments.data_source)
        write(f"{json.dumps(body, indent=2, ensure_ascii=False)}\n".encode(), arguments.output)
        return 0
    from querygen.stmo import pair

    folder = arguments.output
    pairs = pair(made, folder, query_id=arguments.id, data_source_id=arguments.data_source)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"{folder} cannot be written: {str(error.strerror).lower()}"
        raise UsageError.of("unwritable", message, help="name a folder") from None
    for path in filter(Path.exists, pairs.files):
        say(f"note: {path} was there, and is written anew")
    for path, text in pairs.files.items():
        write(text.encode(), path)
    for path in pairs.replaces:
        path.unlink(missing_ok=True)
    write("".join(f"{path}\n" for path in pairs.files).encode(), None)
    return 0


def _check_flags(arguments: argparse.Namespace) -> None:
    if arguments.form == "stmo" and arguments.output is None:
        raise UsageError.of("bad-flag", "`emit stmo` writes files", help="add for example --output queries/")
    if arguments.form == "redash-json" and arguments.data_source is None:
        message = "`emit redash-json` needs the id of the database in Redash"
        raise UsageError.of("bad-flag", message, help="add for example --data-source 1")
    if arguments.form == "redash-json" and arguments.id is not None:
        raise UsageError.of("bad-flag", "`--id` belongs to `emit stmo`", help="leave it out")


def _emit_flags(add: Add) -> None:
    add("form", choices=["stmo", "redash-json"], metavar="FORM", help="stmo or redash-json")
    add("spec", metavar="SPEC", help="a YAML or JSON file, or - for stdin")
    add("--output", "-o", type=Path, metavar="PATH", help="the folder of stmo-cli's queries; a file of JSON")
    add(
        "--data-source", type=positive, metavar="ID", help="the database's id in Redash (STMO's BigQuery: 63)"
    )
    add("--id", type=positive, metavar="ID", help="the query of STMO to write anew, if its name has changed")
    add("--allow-text", action="store_true", help="permit parameters of free text, which are raw SQL")


COMMANDS = {"emit": Command(_emit, ("data", "schema", "probes", "source", "today"), _emit_flags)}
