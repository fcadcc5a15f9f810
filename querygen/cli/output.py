"""What commands write: answers to stdout or a file, everything else to stderr."""

import sys
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
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    write_whole(content, output)


@contextmanager
def progress_line() -> Iterator[Callable[[str], None] | None]:
    """Writes over one line on the terminal, which is gone at the end; None where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return

    def show(line: str) -> None:
        sys.stderr.write(f"\r{line}")
        sys.stderr.flush()

    try:
        yield show
    finally:
        sys.stderr.write("\r\x1b[K")


def warn(warnings: Sequence[Diagnostic]) -> None:
    """Says each warning."""
    for warning in warnings:
        say(str(warning))


def say(text: str) -> None:
    """Writes a line to stderr."""
    sys.stderr.write(text + "\n")
