"""`%%querygen`: a cell of YAML that is a query, for specs that are pasted from files.

    %load_ext querygen

    %%querygen --run -o answer
    histogram: GC_MS
    filters: {submission_date: {last: 7 days}}
    today: 2020-04-20

Queries in Python are objects with types; a magic is the short way for those that are YAML already.
"""

import argparse
import shlex
from typing import Any, NoReturn

from querygen.api import Query, catalog_of
from querygen.errors import UsageError
from querygen.source import load_text


class _Parser(argparse.ArgumentParser):
    """Flags of a cell, whose mistakes must not end the kernel."""

    def error(self, message: str) -> NoReturn:
        raise UsageError.of("bad-flag", message, help="%%querygen [--run [--data PATH]…] [-o NAME]")


def load_ipython_extension(shell: Any) -> None:
    """Gives IPython's shell the magic; `%load_ext querygen` calls this."""

    def querygen(line: str, cell: str) -> Any:
        """A query of the cell's YAML, or with `--run` its answer; `-o NAME` also names it."""
        made, name = asked(line, cell)
        if name:
            shell.push({name: made})
        return made

    shell.register_magic_function(querygen, magic_kind="cell")


def asked(line: str, cell: str) -> tuple[Any, str | None]:
    """The cell's query, or its answer, and the name that it is to have.

    Raises:
        UsageError: a flag is wrong.
        QuerygenError: the spec is not valid, or the run fails.
    """
    parser = _Parser(prog="%%querygen", add_help=False)
    parser.add_argument("--run", action="store_true")
    parser.add_argument("--data", action="append")
    parser.add_argument("-o", "--output")
    flags = parser.parse_args(shlex.split(line))
    query = Query.of(load_text(cell, "cell"), catalog_of(None))
    return (query.run(flags.data) if flags.run else query), flags.output
