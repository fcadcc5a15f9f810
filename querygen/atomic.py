"""Files that are there whole, or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from os import getpid
from pathlib import Path

_UNFINISHED: set[Path] = set()


def discard_unfinished() -> None:
    """Removes what is only partly written, for a process that ends without unwinding."""
    for partial in list(_UNFINISHED):
        partial.unlink(missing_ok=True)


@contextmanager
def appearing_when_complete(path: Path) -> Iterator[Path]:
    """A path to write to, beside `path`, that becomes `path` at the end, or nothing if that fails.

    Raises:
        OSError: the file cannot take its name.
    """
    partial = path.with_name(f".{path.name}.{getpid()}.partial")
    _UNFINISHED.add(partial)
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
        _UNFINISHED.discard(partial)
