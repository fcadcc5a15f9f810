"""The parser: which commands there are, and in which module each is written.

A new command is an entry of `COMMANDS` in its module, and a line in `HOMES`.
"""

import argparse
from collections.abc import Sequence
from importlib import import_module

from querygen import VERSION
from querygen.cli.options import SHARED, Command

# Each command, in the order of `querygen --help`, and its module.
HOMES = {
    "init": "starting",
    "render": "specs",
    "run": "specs",
    "plot": "pictures",
    "report": "pictures",
    "check": "specs",
    "verify": "specs",
    "emit": "emitting",
    "catalog": "reference",
    "sample": "tables",
    "ingest": "tables",
    "udfs": "reference",
    "schema": "reference",
    "test": "testing",
    "explain": "reference",
    "completion": "completing",
}


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Reads the command line; the function of its command is `act`."""
    return parser_for(words[0] if words else "").parse_args(words)


def parser_for(first: str) -> argparse.ArgumentParser:
    """The parser of a command line that begins with this word.

    Only the module of that command is imported; all are where it is none, for help and for errors.
    """
    parser = argparse.ArgumentParser(
        prog="querygen",
        description="Compiles short specs into BigQuery SQL for Firefox telemetry, and runs them.",
        epilog="Exit codes: 0 fine; 1 a finding; 2 bad flags or paths; 3 an engine or internal failure.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"querygen {VERSION}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in [first] if first in HOMES else HOMES:
        command: Command = import_module(f"querygen.cli.{HOMES[name]}").COMMANDS[name]
        about = command.act.__doc__
        made = commands.add_parser(name, help=about, description=about, allow_abbrev=False)
        made.set_defaults(act=command.act)
        for option in command.shared:
            SHARED[option](made.add_argument)
        command.flags(made.add_argument)
    return parser
