"""Provenance: the versions and hashes by which an answer can be told from another."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from querygen import VERSION

Origin = Literal["sample", "files", "connection", "bigquery"]

_ORIGINS = {
    "sample": "the built-in synthetic sample",
    "connection": "the tables of a DuckDB connection, as they were at the run",
    "bigquery": "the tables in BigQuery, as they were at the run",
}
_PACKAGES = {
    "duckdb": ("duckdb", "sqlglot"),
    "googlesql": ("zetasql", "duckdb"),
    "bigquery": ("google-cloud-bigquery",),
}


@dataclass(frozen=True)
class Seen:
    """A file as it was when it was read: its path, its size in bytes, and when it was changed, in ns."""

    path: Path
    size: int
    changed: int

    @classmethod
    def now(cls, path: Path) -> "Seen":
        """The file as it is.

        Raises:
            OSError: it is gone.
        """
        status = path.stat()
        return cls(path, status.st_size, status.st_mtime_ns)


@dataclass(frozen=True)
class File:
    """A file that was read.

    Attributes:
        name: without its folder.
        size: in bytes.
        sha256: of its content; None if it was changed or removed since.
    """

    name: str
    size: int
    sha256: str | None

    @classmethod
    def of(cls, seen: Seen) -> "File":
        """The file, hashed now."""
        try:
            with seen.path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            same = Seen.now(seen.path) == seen
        except OSError:
            same = False
        return cls(seen.path.name, seen.size, digest if same else None)

    def __str__(self) -> str:
        told = f"SHA-256 {self.sha256}" if self.sha256 else "changed or removed since it was read"
        return f"{self.name}, {self.size:,} bytes, {told}"


@dataclass(frozen=True)
class Provenance:
    """Where an answer comes from. There is no clock in it: the same answer has the same provenance.

    >>> from querygen import load
    >>> query = load("examples/tutorial/03-percentiles-of-one-day.yaml")
    >>> query.run().provenance == query.run().provenance
    True

    Attributes:
        querygen: its version.
        packages: the versions of what ran the query.
        tables: those that it read.
        origin: where their rows were.
        files: those that held the rows, if files did.
        spec_sha256: of the spec's text.
        sql_sha256: of the SQL that was run, as BigQuery's dialect has it.
        rows_sha256: of the rows as JSON.
    """

    querygen: str
    packages: Mapping[str, str]
    tables: tuple[str, ...]
    origin: Origin
    files: tuple[File, ...]
    spec_sha256: str
    sql_sha256: str
    rows_sha256: str

    @classmethod
    def of(
        cls,
        engine: str,
        tables: Sequence[str],
        origin: Origin,
        files: Sequence[Seen],
        *,
        spec: str,
        sql: str,
        rows: bytes,
    ) -> "Provenance":
        """That of an answer.

        Args:
            engine: what ran the query.
            tables: those that it read.
            origin: where their rows were.
            files: those that held the rows, as they were then; they are hashed now.
            spec: its text.
            sql: the text that was run.
            rows: the answer as JSON.
        """
        return cls(
            VERSION,
            {package: _version(package) for package in _PACKAGES[engine]},
            tuple(tables),
            origin,
            tuple(map(File.of, files)),
            *(hashlib.sha256(content).hexdigest() for content in (spec.encode(), sql.encode(), rows)),
        )

    def lines(self) -> list[tuple[str, str]]:
        """The same as terms and what is said of them, for pages.

        >>> from querygen import load
        >>> load("examples/tutorial/03-percentiles-of-one-day.yaml").run().provenance.lines()[2:4]
        [('Table', 'telemetry.main'), ('Data', 'the built-in synthetic sample')]
        """
        data = [str(file) for file in self.files] or [_ORIGINS[self.origin]]
        return [
            ("querygen", self.querygen),
            ("Run by", ", ".join(f"{package} {number}" for package, number in self.packages.items())),
            *(("Table", table) for table in self.tables),
            *(("Data", one) for one in data),
            ("SHA-256 of the spec", self.spec_sha256),
            ("SHA-256 of the SQL", self.sql_sha256),
            ("SHA-256 of the rows (JSON)", self.rows_sha256),
        ]


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:  # a client of BigQuery may be another one
        return "of another origin"
