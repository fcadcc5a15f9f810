"""How commands read specs, and the flags that say what tables look like."""

import argparse
import datetime as dt
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from querygen.cli.output import say
from querygen.errors import UsageError

if TYPE_CHECKING:
    from querygen.api import Query
    from querygen.catalog import Catalog


def reader(arguments: argparse.Namespace, *, probes_beside: bool = False) -> "Callable[[str], Query]":
    """What reads the specs of one command; schemas and definitions are read once.

    With `probes_beside`, a folder `probes` beside a spec stands for a missing --probes.
    """
    from querygen.api import Query, catalog_of
    from querygen.source import load_bytes, load_file

    @cache
    def catalog(probes: str | None) -> "Catalog":
        if probes != arguments.probes:
            say(f"note: with the probe definitions in {probes} for the specs beside it")
        return catalog_of(schemas(arguments.schema), probes)

    def read(spec: str) -> Query:
        source = load_bytes(sys.stdin.buffer.read(), "<stdin>") if spec == "-" else load_file(spec)
        if arguments.source:
            source = source.with_value("source", arguments.source)
        beside = Path(spec).parent / "probes"
        is_beside = probes_beside and arguments.probes is None and spec != "-" and beside.is_dir()
        return Query.of(source, catalog(str(beside) if is_beside else arguments.probes), day(arguments.today))

    return read


def schemas(flags: Sequence[str] | None) -> dict[str, str]:
    """The tables and their files that `--schema` names.

    Raises:
        UsageError: a flag is not TABLE=FILE.
    """
    pairs = {}
    for flag in flags or ():
        table, equals, path = flag.partition("=")
        if not equals or not table or not path:
            raise UsageError.of(
                "bad-flag",
                f"`--schema {flag}` is not TABLE=FILE",
                help="write for example --schema telemetry.main=main.5.bq",
            )
        pairs[table] = path
    return pairs


def day(text: str | None) -> dt.date | None:
    """What `--today` says; None where it says nothing.

    Raises:
        UsageError: it is no date.
    """
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError.of(
            "bad-flag", f"`--today {text}` is no date", help="write it as 2020-04-20"
        ) from None


def other_than_spec(path: str) -> str | None:
    """What a file is by its name, if no spec: globs take those beside specs, too."""
    from querygen.probes import is_definitions

    if path.endswith(".test.yaml"):
        return "a test"
    if "__querygen__" in Path(path).parts:
        return "a test's snapshot"
    return "probe definitions" if is_definitions(Path(path).name) else None
