"""Pings out of files: one in a file, however it is laid out, or many, one a line.

Never more than one ping is in memory. What is no ping comes out as a finding in its place, so that the caller
decides whether to go on.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import isinf
from pathlib import Path
from typing import IO, Any, Final, NoReturn

from querygen.data_locate import file_format, open_bytes
from querygen.errors import Diagnostic, Span, UsageError
from querygen.schema import broken_json

LARGEST: Final = 1 << 26
"""Bytes that a ping may have; Firefox sends at most 1 MB, compressed."""

HELP: Final = "leave it out, or go on without such pings with --skip-malformed"


@dataclass(frozen=True)
class Found:
    """A ping, or the finding that something in its place is none.

    Attributes:
        span: where it begins.
        ping: its JSON; None if there is a problem.
        problem: why it is no ping.
    """

    span: Span
    ping: dict[str, Any] | None = None
    problem: Diagnostic | None = None


class PingFiles:
    """The files that pings are read from, and how far the reading has come."""

    def __init__(self, paths: Sequence[Path], not_this: Path) -> None:
        """Finds the files: `paths`, and those inside folders among them, at any depth.

        Args:
            paths: files of any name, and folders of .json, .ndjson or .jsonl files (also .gz or .zst).
            not_this: the output, which may stand in one of the folders.

        Raises:
            UsageError: a path doesn't exist, a folder has no such files, or a file is the output.
        """
        self.files: dict[Path, int] = {}
        self._done = 0
        for path in paths:
            found = _inside(path, not_this) if path.is_dir() else [path]
            for file in found:
                if not file.is_file():
                    raise UsageError.of(
                        "missing-ping", f"the file `{file}` doesn't exist", help="check the path"
                    )
                if file.resolve() == not_this.resolve():
                    raise UsageError.of(
                        "output-is-input", f"`{file}` is both read and written", help="choose another output"
                    )
                self.files[file] = file.stat().st_size
        self._total = sum(self.files.values())

    def __iter__(self) -> Iterator[Found]:
        """Yields what is found, file by file and in the order of each."""
        before = 0
        for file, size in self.files.items():
            try:
                with open_bytes(file) as content:
                    counted = _Counted(content)
                    for found in _pings(file, counted):
                        # Of a compressed file the size says nothing about what comes out of it.
                        self._done = before + min(counted.bytes_read, size)
                        yield found
            except OSError as error:
                span = Span(str(file), 1, 1)
                reason = str(error.strerror or error).partition("\n")[0]
                yield Found(span, problem=malformed(span, f"the file cannot be read: {reason}"))
            before += size
        self._done = before

    @property
    def share(self) -> float:
        """How much of the files has been read, from 0 to 1."""
        return self._done / self._total if self._total else 1.0


def malformed(span: Span, message: str) -> Diagnostic:
    """The finding that there is something else than a ping."""
    return Diagnostic("malformed-ping", message, span, help=HELP)


def _inside(folder: Path, not_this: Path) -> list[Path]:
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and file_format(file) == "json"]
    files = [file for file in files if file.name[0] not in "._" and file.resolve() != not_this.resolve()]
    if not files:
        raise UsageError.of(
            "no-pings",
            f"there are no pings in the folder `{folder}`",
            help="they are in files that end in .json, .ndjson or .jsonl (also .gz or .zst)",
        )
    return files


class _Counted:
    """A file read by lines of a bounded length."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.bytes_read = 0

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """The lines that are not blank, with their numbers from 1."""
        number = 0
        while line := self._file.readline(LARGEST + 1):
            number += 1
            self.bytes_read += len(line)
            if line.strip():
                yield number, line
            if len(line) > LARGEST:  # no ping: its other end is not looked for
                return

    def rest(self) -> bytes:
        data = self._file.read(LARGEST + 1)
        self.bytes_read += len(data)
        return data


def _pings(file: Path, content: _Counted) -> Iterator[Found]:
    lines = content.lines()
    head = list(islice(lines, 2))
    if not head:
        span = Span(str(file), 1, 1)
        yield Found(span, problem=malformed(span, "the file is empty"))
    elif len(head) == 1:
        yield _parsed(file, *head[0])
    else:
        found = [_parsed(file, number, line) for number, line in head]
        if any(one.ping is not None for one in found):  # one ping a line
            yield from found
            for number, line in lines:
                yield _parsed(file, number, line)
        else:
            (first, line), (second, next_line) = head
            whole = line + b"\n" * (second - first - 1) + next_line + content.rest()
            yield _parsed(file, first, whole)


def _parsed(file: Path, number: int, data: bytes) -> Found:
    """The ping that `data`, which begins in line `number`, holds."""
    span = Span(str(file), number, 1)
    if len(data) > LARGEST:
        return Found(span, problem=malformed(span, f"more than {LARGEST >> 20} MB, which no ping has"))
    try:
        text = data.decode("utf-8-sig").rstrip()
        ping = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except UnicodeDecodeError as error:
        place = Span(str(file), number + data.count(b"\n", 0, error.start), 1)
        return Found(place, problem=malformed(place, "not UTF-8"))
    except json.JSONDecodeError as error:
        line = text.split("\n")[error.lineno - 1].rstrip("\r")
        problem = broken_json("malformed-ping", str(file), number + error.lineno - 1, line, error, HELP)
        return Found(problem.span or span, problem=problem)
    except (
        ValueError,
        RecursionError,
    ) as error:  # NaN, 1e999, an integer of thousands of digits, deep nesting
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error).partition(";")[0]
        return Found(span, problem=malformed(span, f"not valid JSON: {reason}"))
    if not isinstance(ping, dict):
        kind = "an array" if isinstance(ping, list) else "a value"
        return Found(span, problem=malformed(span, f"{kind}, where a ping is expected, an object"))
    return Found(span, ping)


def _finite(number: str) -> float:
    value = float(number)
    if isinf(value):
        raise ValueError(f"{number[:20]} is more than a FLOAT64 holds")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")
