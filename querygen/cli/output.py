"""What commands write: answers to stdout or a file, everything else to stderr."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from querygen.atomic import write_whole
from querygen.errors import Diagnostic


def write(content: bytes, output: Path | None) -> None:
    """Prints, or writes a file that appears only when it is complete.

    Raises:
        UsageError: the file cannot be written.
    """
    if output is None:
        _clear()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    write_whole(content, output)


CLEAR = "\r\x1b[K"
"""Goes to the start of the terminal's line, and empties it."""

_shown: list[str] = []  # the line of progress that the terminal shows, if there is one


def is_terminal() -> bool:
    """Whether somebody looks at stderr: a terminal, and no log of a CI."""
    is_quiet = os.environ.get("CI", "").lower() not in ("", "0", "false") or os.environ.get("TERM") == "dumb"
    return sys.stderr.isatty() and not is_quiet


@contextmanager
def progress_line() -> Iterator[Callable[[str], None] | None]:
    """Writes over one line on the terminal, which is gone at the end; None where nobody looks at it."""
    if not is_terminal():
        yield None
        return

    from shutil import get_terminal_size

    def show(line: str) -> None:
        if _shown == [line]:
            return
        _shown[:] = [line]
        sys.stderr.write(f"{CLEAR}{line[: get_terminal_size().columns - 1]}")
        sys.stderr.flush()

    try:
        yield show
    finally:
        _clear()


def _clear() -> None:
    """Takes the line of progress away; whatever is written next begins on an empty one."""
    if _shown:
        _shown.clear()
        sys.stderr.write(CLEAR)
        sys.stderr.flush()


@contextmanager
def running_line(before: str = "") -> Iterator[Callable[[str, float | None], None] | None]:
    """Shows after `before` what a run is at, and what share is done, or for how long; else None."""
    with progress_line() as show:
        if show is None:
            yield None
            return
        start = time.monotonic()

        def told(what: str, share: float | None) -> None:
            done = f"{time.monotonic() - start:.0f} s" if share is None else f"{share:.0%}"
            show(f"{before}{what}: {done}")

        yield told


def warn(warnings: Sequence[Diagnostic]) -> None:
    """Says each warning."""
    for warning in warnings:
        say(str(warning))


def say(text: str) -> None:
    """Writes a line to stderr."""
    _clear()
    sys.stderr.write(text + "\n")
