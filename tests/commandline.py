"""Runs the command line inside the test's process, as fast as a function call."""

import io
import sys
from dataclasses import dataclass

import pytest

from querygen.cli import main


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        return self.stdout.decode()


def querygen(*arguments: object, stdin: str | bytes = "") -> Ran:
    """`querygen ARGUMENTS`, with what it wrote and its exit code."""
    given = stdin.encode() if isinstance(stdin, str) else stdin
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["querygen", *map(str, arguments)])
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), "utf-8"))
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        with pytest.raises(SystemExit) as ended:
            main()
    code = 0 if ended.value.code is None else ended.value.code
    assert isinstance(code, int)
    written = []
    for stream in (out, err):
        stream.flush()
        written.append(stream.buffer.getvalue())
    return Ran(code, written[0], written[1].decode())
