"""Files that are there whole, or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from os import getpid
from pathlib import Path


@contextmanager
def appearing_when_complete(path: Path) -> Iterator[Path]:
    """A path to write to, beside `path`, that becomes `path` at the end, or nothing if that fails.

    Raises:
        OSError: the file cannot take its name.
    """
    partial = path.with_name(f".{path.name}.{getpid()}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
