"""The command that writes a first spec: it asks on a terminal, and takes flags everywhere."""

import argparse
import datetime as dt
import gc
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from querygen.cli.options import Add, Command
from querygen.cli.output import say, write
from querygen.cli.reading import schemas
from querygen.errors import UsageError

if TYPE_CHECKING:
    from querygen.catalog import Catalog
    from querygen.start import Start

_QUESTIONS = ("percentiles", "distribution", "summary", "counts", "compare", "rate")


def _init(arguments: argparse.Namespace) -> int:
    """Write a first spec, commented and ready to run; asks on a terminal for what no flag says."""
    from querygen.api import catalog_of
    from querygen.start import SCHEMA_FILE, Start, first_spec

    gc.enable()
    output: Path | None = arguments.output
    if output is not None and output.exists() and not arguments.force:
        message = f"{output} exists already"
        raise UsageError.of("file-exists", message, help="name another file, or add --force to replace it")
    catalog = catalog_of(schemas(arguments.schema), arguments.probes)
    given = {key: value for key, value in _given(arguments).items() if value is not None}
    path = output or Path("spec.yaml")
    bare = not {"question", "probe"} & set(given)
    if bare and sys.stdin.isatty() and sys.stderr.isatty():
        start = _answered(given, catalog)
    else:
        start = Start(**given)
    text, notes = first_spec(start, catalog, path)
    for note in notes:
        say(f"note: {note}")
    write(text.encode(), output)
    if output is not None:
        _with_schema(output.with_name(SCHEMA_FILE))
        say(f"note: {output} is written; try `querygen run {output}`")
    return 0


def _with_schema(path: Path) -> None:
    """Writes the JSON Schema that the spec's first line names, unless it is there."""
    from querygen.spec import json_schema

    text = f"{json.dumps(json_schema(), indent=2)}\n"
    if not path.exists():
        write(text.encode(), path)
        say(f"note: {path} is written, by which editors complete and explain keys")
    elif path.read_text(encoding="utf-8", errors="replace") != text:
        say(f"note: {path} is of another version; `querygen schema --output {path}` writes this one's")


def _given(arguments: argparse.Namespace) -> dict[str, Any]:
    """What the flags say, by the names of what a first spec consists of."""
    first, last = (_day(flag, getattr(arguments, flag)) for flag in ("first", "last"))
    return {
        "question": arguments.question,
        "probe": arguments.probe,
        "source": arguments.source,
        "dates": _dates(first, last),
        "by": tuple(arguments.by) if arguments.by else None,
        "channel": arguments.channel,
        "experiment": arguments.experiment,
        "control": arguments.control,
        "branches": tuple(arguments.branch) if arguments.branch else None,
    }


def _dates(first: dt.date | None, last: dt.date | None) -> tuple[dt.date, dt.date] | None:
    from querygen.start import FIRST_DAY, LAST_DAY

    if first is None and last is None:
        return None
    if (first or FIRST_DAY) > (last or first or LAST_DAY):
        raise UsageError.of("bad-flag", f"`--to {last}` is before {first or FIRST_DAY}", help="add --from")
    return first or FIRST_DAY, last or first or LAST_DAY


def _day(flag: str, text: str | None) -> dt.date | None:
    name = {"first": "--from", "last": "--to"}[flag]
    try:
        return None if text is None else dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError.of(
            "bad-flag", f"`{name} {text}` is no date", help="write it as 2020-04-20"
        ) from None


def _answered(given: dict[str, Any], catalog: "Catalog") -> "Start":
    """What is asked, with the answers of whoever sits at the terminal; nothing takes what is in brackets."""
    from querygen.start import FIRST_DAY, LAST_DAY, Start

    start = Start(**given | {"question": _ask("What is asked", "percentiles", _question)})
    if start.question != "counts":
        probe = _ask(f"The probe or metric of {start.source}", "one that the sample has", str)
        given["probe"] = None if probe == "one that the sample has" else probe
    if "dates" not in given:
        first = _ask("The first day of pings", str(FIRST_DAY), _a_day)
        after = max(LAST_DAY, dt.date.fromisoformat(first))
        last = _ask("The last day", str(after), lambda text: _a_day(text, first))
        given["dates"] = (dt.date.fromisoformat(first), dt.date.fromisoformat(last))
    if "by" not in given:
        by = _ask("An answer for each (such as os, or os build_date)", "all together", str)
        given["by"] = () if by == "all together" else tuple(by.replace(",", " ").split())
    if start.question == "compare":
        given["experiment"] = _ask("The experiment's slug", given.get("experiment", start.experiment), str)
        given["control"] = _ask("Its branch that is the control", given.get("control", start.control), str)
        branches = _ask("The branches to compare with it", " ".join(start.branches), str)
        given["branches"] = tuple(branches.replace(",", " ").split())
    return Start(**{**given, "question": start.question})


def _ask(what: str, default: str, read: Callable[[str], str]) -> str:
    """Asks until there is an answer that can be read."""
    while True:
        sys.stderr.write(f"{what} [{default}]: ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            say("")
            raise UsageError.of("no-answer", "the questions were not answered", help="use flags instead")
        try:
            return read(line.strip()) if line.strip() else default
        except ValueError as error:
            say(f"  {error}")


def _question(text: str) -> str:
    if text not in _QUESTIONS:
        raise ValueError(f"one of {', '.join(_QUESTIONS)}")
    return text


def _a_day(text: str, since: str = "") -> str:
    try:
        day = str(dt.date.fromisoformat(text))
    except ValueError:
        raise ValueError("a date such as 2020-04-20") from None
    if day < since:
        raise ValueError(f"not before {since}")
    return day


def _flags(add: Add) -> None:
    add("--question", choices=_QUESTIONS, metavar="MEASURE", help=f"{', '.join(_QUESTIONS)} (percentiles)")
    add("--probe", metavar="NAME", help="a histogram, scalar or metric (one that the built-in sample has)")
    add("--from", dest="first", metavar="DATE", help="the first day of pings (2020-04-06)")
    add("--to", dest="last", metavar="DATE", help="the last day of pings (2020-04-20)")
    add("--by", action="append", metavar="NAME", help="an answer for each value of this; several by several")
    add("--channel", metavar="NAME", help="only this channel (all)")
    add("--experiment", metavar="SLUG", help="of compare: the experiment")
    add("--control", metavar="BRANCH", help="of compare: the branch that is the control")
    add("--branch", action="append", metavar="BRANCH", help="of compare: one that is compared with it")
    add("--force", action="store_true", help="replace a file that exists")


COMMANDS = {"init": Command(_init, ("schema", "probes", "source", "output"), _flags)}
