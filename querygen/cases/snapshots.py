"""Snapshots: results and SQL texts that are stored beside a test file, and held against later ones.

They stand in `__querygen__/<test file's stem>/<test's name>.yaml` (rows) and `….sql` (text), are read as
expectations, and written only if they changed.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from querygen.atomic import appearing_when_complete
from querygen.cases.model import Expectation
from querygen.cases.read import SUFFIX, TEST_FILE, TestFile, slug
from querygen.errors import QuerygenError
from querygen.result import Result
from querygen.source import Source, load_file
from querygen.yamltext import flow

FOLDER = "__querygen__"


def rows_path(file: TestFile, name: str) -> Path:
    """Where the rows of a test's result are stored."""
    return _folder(file) / f"{slug(name)}.yaml"


def sql_path(file: TestFile, name: str) -> Path:
    """Where the text of a test's SQL is stored."""
    return _folder(file) / f"{slug(name)}.{file.case(name).sql_snapshot}.sql"


def _folder(file: TestFile) -> Path:
    return file.path.parent / FOLDER / file.stem


def rows_text(file: TestFile, name: str, result: Result) -> str:
    """The result as it is stored: its columns with their types, and a line for each row."""
    columns = {column.name: column.type for column in result.plan.columns}
    head = [f"# The rows of `{name}` in {file.path.name}; written by --update.", f"columns: {flow(columns)}"]
    rows = [f"  - {flow(row)}" for row in result.rows()]
    return "\n".join([*head, "rows:" if rows else "rows: []", *rows]) + "\n"


def read_rows(path: Path) -> tuple[Source, dict[str, str], Expectation]:
    """A stored result: its file, its columns with their types, and its rows, in order.

    Raises:
        QuerygenError: the file is no such thing.
    """
    source = load_file(path, TEST_FILE)
    columns, rows = source.data.get("columns"), source.data.get("rows")
    bad = QuerygenError.of(
        "bad-snapshot", f"{path} is no stored result", help="delete it, and write it anew with --update"
    )
    if not isinstance(columns, dict):
        raise bad
    try:
        return source, columns, Expectation(rows=rows, columns="exact", order="strict")
    except ValidationError:
        raise bad from None


def write(path: Path, text: str) -> bool:
    """Stores a snapshot, and says whether it changed."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    with appearing_when_complete(path) as partial:
        partial.write_text(text, encoding="utf-8")
    return True


def unused(file: TestFile) -> Sequence[Path]:
    """Stored files that belong to no test of the file."""
    wanted: set[Path] = set()
    for name, case in file.content.tests.items():
        wanted |= {rows_path(file, name)} if case.snapshot else set()
        wanted |= {sql_path(file, name)} if case.sql_snapshot else set()
    return sorted(set(_stored(_folder(file))) - wanted)


def orphans(folder: Path) -> Sequence[Path]:
    """Folders of snapshots in `folder` whose test file is gone."""
    homes = folder / FOLDER
    if not homes.is_dir():
        return []
    return sorted(home for home in homes.iterdir() if home.is_dir() and not _has_file(folder, home.name))


def _has_file(folder: Path, stem: str) -> bool:
    return (folder / f"{stem}{SUFFIX}").exists()


def _stored(folder: Path) -> Iterator[Path]:
    return (
        (path for path in folder.glob("*") if path.suffix in (".yaml", ".sql"))
        if folder.is_dir()
        else iter(())
    )


def typed(columns: Sequence[Any]) -> dict[str, str]:
    """A plan's columns with their types, as they are stored."""
    return {column.name: column.type for column in columns}
