"""The tables: their columns by path, and what the friendly names mean in each."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from itertools import pairwise
from typing import Any

Row = Mapping[str, Any]  # a row of a table, nested as in BigQuery
SUBMITTED = "submission_timestamp"
# Columns whose BigQuery type is FLOAT64, so that 4096 in the data is 4096.0 in a result.
FLOAT_COLUMNS = frozenset({"environment.system.memory_mb"})
BUILD_COLUMNS = frozenset({"application.build_id", "client_info.app_build"})
VERSION_COLUMNS = frozenset({"application.display_version", "client_info.app_display_version"})


class BuildId(str):
    """A build id, which filters compare by prefixes; as a value it is text."""

    __slots__ = ()


def column(row: Row, path: str) -> Any:
    """The value at a column path. Names are case-insensitive as in BigQuery; missing fields are NULL."""
    value: Any = row
    for part in path.lower().split("."):
        fields = {name.lower(): field for name, field in (value or {}).items()}
        value = fields.get(part)
    if value is None:
        return None
    if path.lower() == SUBMITTED:
        return timestamp(value)
    if path.lower() in BUILD_COLUMNS:
        return BuildId(value)
    if path.lower() in VERSION_COLUMNS:
        return Version(value)
    return Fraction(value) if path.lower() in FLOAT_COLUMNS else value


def timestamp(value: datetime | str) -> datetime:
    """A TIMESTAMP in UTC, from a datetime or ISO text ("2020-04-20T12:34:56Z", "2020-04-20 12:34:56 UTC")."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value.replace(" UTC", "Z"))
    return value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)


def build_time(build_id: str | None) -> datetime | None:
    """DATETIME of a build.

    "NULL unless the text is 14 digits YYYYMMDDHHMMSS of a real date, year 1000..2999, hour<24, minute<60,
    second<60."
    """
    if build_id is None or len(build_id) != 14 or not _all_digits(build_id):
        return None
    year, month, day, hour, minute, second = (
        int(build_id[a:b]) for a, b in pairwise((0, 4, 6, 8, 10, 12, 14))
    )
    if not 1000 <= year <= 2999:
        return None
    try:  # refuses months, days, hours, minutes and seconds that there are not
        return datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None


def build_date(build_id: str | None) -> date | None:
    """DATE of a build: as `build_time`, and "also takes 8 digits YYYYMMDD"."""
    time = build_time(f"{build_id}000000" if build_id is not None and len(build_id) == 8 else build_id)
    return time and time.date()


def major_version(version: str | None) -> int | None:
    """The number before the first dot, of up to five digits."""
    found = re.match(r"([0-9]{1,5})(\.|\Z)", version or "")
    return int(found[1]) if found else None


def _all_digits(text: str) -> bool:
    return all("0" <= character <= "9" for character in text)


class Version(str):
    """A version of Firefox, whose ranges are of versions; as a value it is text."""

    __slots__ = ()

    def parts(self) -> tuple[tuple[int, ...], tuple[str, int] | None] | None:
        """Its up to four numbers, and its stage (`b`, 3 of 58.0b3) if it has one; None of no version."""
        found = re.fullmatch(
            r"([0-9]{1,5}(?:\.[0-9]{1,5}){0,3})(?:([ab])([0-9]{1,5}))?(?:esr|pre)?", str(self)
        )
        if found is None:
            return None
        stage = (found[2], int(found[3])) if found[2] else None
        return tuple(int(number) for number in found[1].split(".")), stage

    def rank(self) -> tuple[tuple[int, ...], tuple[str, int]] | None:
        """What it is ordered by; None of no version."""
        made = self.parts()
        return made and (_four(made[0]), made[1] or ("release", 0))

    def order(self, bound: str) -> int | None:
        """-1, 0 or 1 as it lies before, among or after the versions that begin as the bound; None if neither.

        "58.0a1, 58.0b3, 58.0, 58.0.2, 58.0.10 in this order". A bound without a stage is a prefix.
        """
        ours, theirs = self.parts(), Version(bound).parts()
        if ours is None or theirs is None:
            return None
        numbers, stage = ours
        of_bound, stage_of_bound = theirs
        if stage_of_bound is None:
            left, right = _four(numbers)[: len(of_bound)], of_bound
            return (left > right) - (left < right)
        one, other = (_four(numbers), stage or ("release", 0)), (_four(of_bound), stage_of_bound)
        return (one > other) - (one < other)


def _four(numbers: tuple[int, ...]) -> tuple[int, ...]:
    return (*numbers, 0, 0, 0, 0)[:4]


@dataclass(frozen=True)
class Table:
    """A table that specs ask: where the client's id stands, and the columns of the friendly names."""

    client_id: str
    friendly: Mapping[str, str]

    def client(self, row: Row) -> str | None:
        return column(row, self.client_id)

    def named(self, row: Row, name: str) -> Any:
        """The value of a friendly name or column path in a row, in upper or lower case."""
        name = name.lower()
        match name:
            case "build_date":
                return build_date(column(row, self.friendly["build_id"]))
            case "build_time":
                return build_time(column(row, self.friendly["build_id"]))
            case "major_version":
                return major_version(column(row, self.friendly["app_version"]))
            case "submission_date":
                submitted = column(row, SUBMITTED)
                return submitted and submitted.date()
        return column(row, self.friendly.get(name, name))


# "`channel`, `os`, `os_version`, `country` are the `normalized_*` columns in every source."
NORMALIZED = {
    "channel": "normalized_channel",
    "os": "normalized_os",
    "os_version": "normalized_os_version",
    "country": "normalized_country_code",
    "app_name": "normalized_app_name",
}
MAIN = Table(
    "client_id",
    {
        **NORMALIZED,
        "build_id": "application.build_id",
        "app_version": "application.display_version",
        "architecture": "application.architecture",
        "locale": "environment.settings.locale",
        "memory_mb": "environment.system.memory_mb",
        "cpu_cores": "environment.system.cpu.cores",
    },
)
METRICS = Table(
    "client_info.client_id",
    {
        **NORMALIZED,
        "build_id": "client_info.app_build",
        "app_version": "client_info.app_display_version",
        "architecture": "client_info.architecture",
        "locale": "client_info.locale",
    },
)
TABLES = {"telemetry.main": MAIN, "firefox_desktop.metrics": METRICS}


def table_name(spec: Mapping[str, Any]) -> str:
    """The known table whose shape the spec's source has: `telemetry.main` by default."""
    source = spec.get("source") or "telemetry.main"
    return source["like"] if isinstance(source, Mapping) else source
