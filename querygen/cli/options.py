"""What a command consists of, and the flags that several of them share."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Add = Callable[..., Any]
"""`add_argument` of the command's parser."""


@dataclass(frozen=True)
class Command:
    """A command of the command line.

    Attributes:
        act: does it and returns the exit code; its docstring is the command's help.
        shared: names of `SHARED` flags that it takes, in the order of its help.
        flags: adds the flags of its own.
    """

    act: Callable[[argparse.Namespace], int]
    shared: tuple[str, ...] = ()
    flags: Callable[[Add], object] = lambda add: None


SHARED: dict[str, Callable[[Add], object]] = {
    "spec": lambda add: add("spec", metavar="SPEC", help="a YAML or JSON file, or - for stdin"),
    "data": lambda add: add(
        "--data", action="append", metavar="[TABLE=]PATH",
        help="a file, a glob, or a folder of files named dataset.table.ext; by default rows are made up",
    ),
    "udfs": lambda add: add(
        "--udfs", choices=["inline", "temp", "mozfun"], default="inline",
        help="decoding functions in place (default), as temporary functions, or mozfun's",
    ),
    "schema": lambda add: add(
        "--schema", action="append", metavar="TABLE=FILE", help="what `bq show --schema` prints, plain or .xz"
    ),
    "source": lambda add: add("--source", metavar="TABLE", help="compile for this table instead"),
    "probes": lambda add: add(
        "--probes", metavar="PATH",
        help="probe definitions: Histograms.json, Scalars.yaml, metrics.yaml, or a folder of them",
    ),
    "today": lambda add: add("--today", metavar="DATE", help="the day that `last: 14 days` ends on"),
    "output": lambda add: add("--output", "-o", type=Path, metavar="FILE", help="write this file"),
}  # fmt: skip


def positive(text: str) -> int:
    """A number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def tolerance(text: str) -> float:
    """A number from 0 to 1, without 1."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 1")
    return found
