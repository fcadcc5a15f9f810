"""The tables: their columns by path, and what the friendly names mean in each."""

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


def _all_digits(text: str) -> bool:
    return all("0" <= character <= "9" for character in text)


@dataclass(frozen=True)
class Table:
    """A table that specs ask: where the client's id stands, and the columns of the friendly names."""

    client_id: str
    friendly: Mapping[str, str]

    def client(self, row: Row) -> str | None:
        return column(row, self.client_id)

    def named(self, row: Row, name: str) -> Any:
        """The value of a friendly name or column path in a row."""
        match name:
            case "build_date":
                return build_date(column(row, self.friendly["build_id"]))
            case "build_time":
                return build_time(column(row, self.friendly["build_id"]))
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
