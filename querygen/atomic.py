"""Files that are there whole, or not at all."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from os import getpid
from pathlib import Path

from querygen.errors import UsageError

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


def write_whole(content: bytes, path: Path) -> None:
    """Writes a file that appears only when it is complete.

    Raises:
        UsageError: the file cannot be written.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        with appearing_when_complete(path) as partial:
            partial.write_bytes(content)
    except OSError as error:
        message = f"{path} cannot be written: {str(error.strerror).lower()}"
        raise UsageError.of("unwritable", message, help="name a file in a folder that is there") from None
