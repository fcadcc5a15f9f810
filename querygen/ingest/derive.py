"""What the pipeline adds to a ping: when it came, whose sample it is in, and the normalized columns."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

from querygen.schema import Schema

_UUID = re.compile(r"\{?([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\}?")
_OS_VERSION = re.compile(r"\d+(?:\.\d+){0,2}", re.ASCII)
_CHANNELS = ("release", "esr", "beta", "aurora", "nightly")
_APPS = ("Fennec", "Focus", "Klar", "Lockbox", "Firefox")
# The tables' views say which application a Glean ping comes from; the ping doesn't.
_APP_OF_DATASET = {"firefox_desktop": "Firefox"}


def derived(row: Mapping[str, Any], schema: Schema, received: datetime | None) -> dict[str, Any]:
    """The columns that a row gets besides its ping's own, as far as the schema has them.

    What the ping itself has under such a name (one that went through the pipeline already) stays, but for
    the time of a `received` that is given.

    Args:
        row: as `convert` makes it.
        schema: the table's.
        received: when the ping came; without it, when it says it was made.

    Raises:
        ValueError: the ping doesn't say when it was made, and nobody else does.
    """
    is_glean = schema.find("client_info") is not None
    about = _of_glean(row, schema) if is_glean else _of_main(row)
    client_id, channel, system, os_version, app, document_id = about
    found: dict[str, Any] = {
        "document_id": document_id,
        "sample_id": None if client_id is None else crc32(client_id.encode("utf-8", "replace")) % 100,
        "normalized_app_name": app,
        "normalized_channel": None if channel is None else normalized_channel(channel),
        "normalized_country_code": _country(row),
        "normalized_os": None if system is None else normalized_os(system),
        "normalized_os_version": None if os_version is None else normalized_os_version(os_version),
    }
    if not is_glean and (uri := _uri(row)):
        found["metadata"] = {"uri": uri} | row.get("metadata", {})
    found = {name: value for name, value in found.items() if name == "metadata" or name not in row}
    found["submission_timestamp"] = timestamp(_submitted(row, received, is_glean))
    return {name: value for name, value in found.items() if value is not None and schema.find(name)}


def with_bare_ids(ping: Mapping[str, Any]) -> dict[str, Any]:
    """The ping with its client id, if that is a UUID, in lower case and without braces."""
    result = dict(ping)
    for name in ("clientId", "client_id"):
        if isinstance(ping.get(name), str):
            result[name] = _bare_uuid(ping[name])
    info = ping.get("client_info")
    if isinstance(info, Mapping) and isinstance(info.get("client_id"), str):
        result["client_info"] = {**info, "client_id": _bare_uuid(info["client_id"])}
    return result


def normalized_channel(name: str) -> str:
    """One of the five channels, or `Other`. A beta may have any suffix, a nightly that of a repack."""
    if name in _CHANNELS:
        return name
    if name.startswith("nightly-cck-"):
        return "nightly"
    return "beta" if name.startswith("beta") else "Other"


def normalized_os(name: str) -> str:
    """Windows, Mac, Linux, iOS, Android or `Other`."""
    if name.startswith(("Windows", "WINNT")):
        return "Windows"
    if name.startswith("Darwin"):
        return "Mac"
    if any(kernel in name for kernel in ("Linux", "BSD", "SunOS")):
        return "Linux"
    if name.startswith("iOS") or "iPhone" in name:
        return "iOS"
    return "Android" if name.startswith("Android") else "Other"


def normalized_os_version(version: str) -> str:
    """At most three numbers with dots between; the empty text if it doesn't begin with a number."""
    found = _OS_VERSION.match(version)
    return found[0] if found else ""


def _in_utc(moment: datetime) -> datetime:
    """The same moment; without a time zone it is taken for one in UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def timestamp(moment: datetime) -> str:
    """The moment as rows have it: in UTC, with microseconds."""
    moment = _in_utc(moment)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def _of_main(row: Mapping[str, Any]) -> tuple[str | None, ...]:
    channel = _text(row, "application", "channel")
    app = _text(row, "application", "name")
    name = next((known for known in _APPS if app.startswith(known)), "Other") if app else None
    system = ("environment", "system", "os")
    version = _text(row, *system, "version")
    return _text(row, "client_id"), channel, _text(row, *system, "name"), version, name, _text(row, "id")


def _of_glean(row: Mapping[str, Any], schema: Schema) -> tuple[str | None, ...]:
    channel, system, version, client_id = (
        _text(row, "client_info", name) for name in ("app_channel", "os", "os_version", "client_id")
    )
    return client_id, channel, system, version, _APP_OF_DATASET.get(schema.table.partition(".")[0]), None


def _uri(row: Mapping[str, Any]) -> dict[str, str]:
    """What Firefox put into the address that it sent the ping to."""
    sources = {"name": "app_name", "version": "app_version", "channel": "app_update_channel"}
    sources["build_id"] = "app_build_id"
    found = {target: _text(row, "application", source) for source, target in sources.items()}
    return {name: value for name, value in found.items() if value is not None}


def _country(row: Mapping[str, Any]) -> str | None:
    """Known to the pipeline alone, from the sender's address; here only if the ping was there already."""
    country = _text(row, "metadata", "geo", "country")
    if country is None:
        return None
    return country.upper() if re.fullmatch("[A-Za-z]{2}", country) else "Other"


def _submitted(row: Mapping[str, Any], received: datetime | None, is_glean: bool) -> datetime:
    if received is not None:
        return received
    path = ("ping_info", "end_time") if is_glean else ("creation_date",)
    text = _text(row, "submission_timestamp") or _text(row, *path)
    where = "ping_info.end_time" if is_glean else "creationDate"
    if text is None:
        raise ValueError(f"there is no `{where}`, so when the ping was made is unknown")
    try:
        return _in_utc(datetime.fromisoformat(text.removesuffix(" UTC")))
    except (ValueError, OverflowError):
        raise ValueError(f"`{where}` is {text!r}, which is no date") from None


def _text(row: Mapping[str, Any], *path: str) -> str | None:
    here: Any = row
    for name in path:
        here = here.get(name) if isinstance(here, Mapping) else None
    return here if isinstance(here, str) and here else None


def _bare_uuid(text: str) -> str:
    found = _UUID.fullmatch(text)
    return found[1].lower() if found else text
