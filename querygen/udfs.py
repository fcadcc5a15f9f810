"""The SQL functions that querygen stands on: one folder each, with a body per dialect.

`udfs/<dataset>/<name>/` holds

    bigquery.sql    one GoogleSQL expression over the argument names
    duckdb.sql      one DuckDB expression over the same names, with the same answer on every input
    metadata.yaml   description, arguments, returns, origin; optionally mozfun and deviations
    examples.yaml   calls with their answers, run on every engine by the tests

No body calls another function of ours, so that each can be put in place of its call.
"""

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from querygen.errors import EngineError, QuerygenError, similar_name_help
from querygen.resources import resource_dir

_REQUIRED_KEYS = {"description", "arguments", "returns", "origin"}
_OPTIONAL_KEYS = {"mozfun", "deviations"}


@dataclass(frozen=True, slots=True)
class Argument:
    """A parameter of a function. `type` is in BigQuery's spelling, `ANY TYPE` where several will do."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Deviation:
    """A case in which our function deliberately answers otherwise than mozfun's of the same name."""

    case: str
    reason: str


@dataclass(frozen=True, slots=True)
class Example:
    """A call with literal arguments, and the answer that every engine gives."""

    name: str
    arguments: tuple[Any, ...]
    expect: Any


@dataclass(frozen=True, slots=True)
class Udf:
    """A function with a body for each dialect.

    Attributes:
        name: dataset and name, `hist.extract`.
        arguments: the parameters in order; the bodies use their names.
        returns: the type of the answer in BigQuery's spelling, or `ANY TYPE`.
        description: one or two sentences.
        origin: `mozfun` where name and meaning are mozfun's, `querygen` for our own.
        mozfun: for our own, the same answer in terms of mozfun's functions, where there is one.
        bigquery: the GoogleSQL expression.
        duckdb: the DuckDB expression.
        deviations: where the answer is safer than mozfun's.
        folder: where all of it was read from.
    """

    name: str
    arguments: tuple[Argument, ...]
    returns: str
    description: str
    origin: Literal["mozfun", "querygen"]
    mozfun: str | None
    bigquery: str
    duckdb: str
    deviations: tuple[Deviation, ...]
    folder: Path

    @property
    def dataset(self) -> str:
        """The part of the name before the dot."""
        return self.name.partition(".")[0]

    @property
    def temporary_name(self) -> str:
        """The name of the temporary function: one part, since BigQuery allows no more there."""
        return self.name.replace(".", "_")

    @property
    def argument_names(self) -> tuple[str, ...]:
        """The names of the parameters in order."""
        return tuple(argument.name for argument in self.arguments)

    @property
    def examples(self) -> tuple[Example, ...]:
        """The examples, read from their file on every access: only tests and documentation ask for them."""
        return tuple(
            Example(example["name"], tuple(example["arguments"]), example["expect"])
            for example in _read_yaml(self.folder / "examples.yaml")
        )


@cache
def load_udf(name: str) -> Udf:
    """Reads one function by its name, such as `hist.extract`.

    Raises:
        EngineError: there is no such function, or its folder is malformed.
    """
    dataset, _, short = name.partition(".")
    folder = resource_dir("udfs") / dataset / short
    if not short or not (folder / "metadata.yaml").is_file():
        raise EngineError.of(
            "unknown-function",
            f"there is no function `{name}`",
            help=similar_name_help(name, _names(), "a function"),
        )
    return _read_folder(folder)


@cache
def load_udfs() -> Mapping[str, Udf]:
    """Reads all functions, by name and in the order of their names.

    Raises:
        EngineError: a folder is malformed.
    """
    return MappingProxyType({name: load_udf(name) for name in _names()})


def bigquery_function(udf: Udf, temporary: bool) -> str:
    """The statement that creates a function on BigQuery, with its semicolon.

    Args:
        udf: the function.
        temporary: a `CREATE TEMP FUNCTION hist_extract`, that lives in one script, instead of
            a `CREATE OR REPLACE FUNCTION hist.extract`.
    """
    head = (
        f"CREATE TEMP FUNCTION {udf.temporary_name}"
        if temporary
        else f"CREATE OR REPLACE FUNCTION {udf.name}"
    )
    arguments = ", ".join(f"{argument.name} {argument.type}" for argument in udf.arguments)
    # The type of an answer that depends on those of the arguments is left to BigQuery.
    returns = "" if udf.returns == "ANY TYPE" else f"RETURNS {udf.returns}\n"
    return f"{head}({arguments})\n{returns}AS (\n{_indented(udf.bigquery)}\n);\n"


def install_script(dialect: Literal["bigquery", "duckdb"]) -> str:
    """The script that installs every function.

    On DuckDB they live in an in-memory catalog `mozfun` of the connection, as on BigQuery in the project of
    that name: `mozfun.hist.extract(…)`. A further run replaces them. On BigQuery they go into the datasets of
    the current project.
    """
    statements = [
        "-- querygen's functions under the names of Mozilla's mozfun; those of its own are in `querygen`.\n"
    ]
    udfs = load_udfs().values()
    datasets = sorted({udf.dataset for udf in udfs})
    create: Callable[[Udf], str]
    if dialect == "bigquery":
        statements += [f"CREATE SCHEMA IF NOT EXISTS {dataset};\n" for dataset in datasets]
        create = _bigquery_installed
    else:
        # READ_WRITE, since a connection that was opened read-only would attach no memory otherwise.
        statements.append("ATTACH IF NOT EXISTS ':memory:' AS mozfun (READ_WRITE);\n")
        statements += [f"CREATE SCHEMA IF NOT EXISTS mozfun.{dataset};\n" for dataset in datasets]
        create = _duckdb_macro
    statements += [_commented(udf.description) + create(udf) for udf in udfs]
    return "\n".join(statements)


def _bigquery_installed(udf: Udf) -> str:
    return bigquery_function(udf, temporary=False)


def _duckdb_macro(udf: Udf) -> str:
    arguments = ", ".join(udf.argument_names)
    return f"CREATE OR REPLACE MACRO mozfun.{udf.name}({arguments}) AS (\n{_indented(udf.duckdb)}\n);\n"


def _commented(text: str) -> str:
    return textwrap.fill(text, 100, initial_indent="-- ", subsequent_indent="-- ") + "\n"


def _indented(body: str) -> str:
    return textwrap.indent(body, "  ")


def _names() -> list[str]:
    root = resource_dir("udfs")
    return sorted(f"{folder.parent.name}.{folder.name}" for folder in root.glob("*/*/") if folder.is_dir())


def _read_folder(folder: Path) -> Udf:
    """Reads a folder; its path gives the function its name."""
    metadata = _read_yaml(folder / "metadata.yaml")
    if not isinstance(metadata, dict):
        raise _malformed(folder, "metadata.yaml is no mapping")
    if missing := _REQUIRED_KEYS - metadata.keys():
        raise _malformed(folder, f"metadata.yaml lacks {', '.join(sorted(missing))}")
    if unknown := metadata.keys() - _REQUIRED_KEYS - _OPTIONAL_KEYS:
        raise _malformed(folder, f"metadata.yaml has the unknown key {', '.join(sorted(unknown))}")
    if metadata["origin"] not in ("mozfun", "querygen"):
        raise _malformed(folder, "the origin is neither mozfun nor querygen")
    try:
        return Udf(
            name=f"{folder.parent.name}.{folder.name}",
            arguments=tuple(Argument(**argument) for argument in metadata["arguments"]),
            returns=metadata["returns"],
            description=metadata["description"].strip(),
            origin=metadata["origin"],
            mozfun=metadata.get("mozfun"),
            bigquery=_read_body(folder / "bigquery.sql"),
            duckdb=_read_body(folder / "duckdb.sql"),
            deviations=tuple(Deviation(**deviation) for deviation in metadata.get("deviations", ())),
            folder=folder,
        )
    except TypeError as error:
        raise _malformed(folder, f"metadata.yaml: {error}") from error


def _read_body(file: Path) -> str:
    """An expression without the line break at its end.

    Raises:
        EngineError: it is absent, empty, or ends in a semicolon, so it cannot stand inside a statement.
    """
    try:
        body = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise _malformed(file.parent, f"{file.name} cannot be read: {error.strerror}") from error
    if not body or body.endswith(";"):
        raise _malformed(file.parent, f"{file.name} has to be one expression without a semicolon")
    return body


def _read_yaml(file: Path) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise _malformed(file.parent, f"{file.name} cannot be read: {error.strerror}") from error
    except YAMLError as error:
        raise _malformed(file.parent, f"{file.name} is no YAML: {error}") from error


def _malformed(folder: Path, what: str) -> QuerygenError:
    return EngineError.of("malformed-function", f"the folder udfs/{folder.parent.name}/{folder.name}: {what}")
