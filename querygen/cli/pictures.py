"""Commands that show answers to people: a chart as a file, and a report as a page."""

import argparse
import gc
from pathlib import Path
from typing import TYPE_CHECKING

from querygen.cli.options import Add, Command
from querygen.cli.output import running_line, say, warn, write
from querygen.cli.reading import other_than_spec, reader
from querygen.errors import UsageError

if TYPE_CHECKING:
    from querygen.answer import Answer
    from querygen.api import Query

_KINDS = (".svg", ".png", ".html", ".json")  # those of display.plot, which takes its time to be imported


def _plot(arguments: argparse.Namespace) -> int:
    """Run a spec and draw its chart: SVG, PNG, a page, or the Vega-Lite spec as JSON."""
    kind = arguments.output.suffix.lower()
    if kind not in _KINDS:
        raise UsageError.of(
            "bad-flag",
            f"`--output {arguments.output}` is no picture",
            help=f"name a file that ends in {', '.join(_KINDS[:-1])} or {_KINDS[-1]}",
        )
    query = reader(arguments)(arguments.spec)
    answer = _answer(query, arguments)
    write(answer.plot(arguments.theme).as_bytes(kind), arguments.output)
    return 0


def _report(arguments: argparse.Namespace) -> int:
    """Run specs and write one page with their answers, which opens offline."""
    from querygen.report import report

    read = reader(arguments)
    queries = []
    for spec in arguments.specs:
        if other := other_than_spec(spec):
            say(f"note: {spec}: skipped, {other} and no spec")
        else:
            queries.append(read(spec))
    if not queries:
        raise UsageError.of("bad-flag", "none of the files is a spec", help="name at least one spec")
    before = [f"{i} of {len(queries)}: " if len(queries) > 1 else "" for i in range(1, len(queries) + 1)]
    answers = [_answer(query, arguments, of) for query, of in zip(queries, before, strict=True)]
    write(report(answers, fragment=arguments.fragment).encode(), arguments.output)
    return 0


def _answer(query: "Query", arguments: argparse.Namespace, before: str = "") -> "Answer":
    """Runs a query, and says what is to be said about it; `before` tells which of several it is."""
    gc.enable()
    warn(query.warnings())
    # The same input gives the same bytes.
    with running_line(before) as progress:
        answer = query.run(
            arguments.data,
            engine=arguments.engine,
            udfs=arguments.udfs,
            repeatable=True,
            overlays=True,
            progress=progress,
        )
    for note in answer.notes:
        say(f"note: {note}")
    warn(answer.warnings)
    return answer


def _plot_flags(add: Add) -> None:
    add("--output", "-o", type=Path, required=True, metavar="FILE", help=f"{', '.join(_KINDS)}")
    add("--theme", choices=["light", "dark"], default="light", help="the colours; a page has both (light)")
    _engine_flag(add)


def _report_flags(add: Add) -> None:
    add("specs", nargs="+", metavar="SPEC", help="YAML or JSON files; tests are skipped")
    add("--fragment", action="store_true", help="a piece for another page, instead of a page")
    _engine_flag(add)


def _engine_flag(add: Add) -> None:
    add("--engine", choices=["duckdb", "googlesql"], default="duckdb", help="what runs it (duckdb)")


_RUNNING = ("data", "udfs", "schema", "probes", "source", "today")

COMMANDS = {
    "plot": Command(_plot, ("spec", *_RUNNING), _plot_flags),
    "report": Command(_report, (*_RUNNING, "output"), _report_flags),
}
