"""The columns of the synthetic tables: subsets of the real ones, under their own names, nesting and types."""

from collections.abc import Iterator, Mapping
from typing import Final

import pyarrow as pa

MAIN: Final = "telemetry.main"
GLEAN: Final = "firefox_desktop.metrics"
CRASH: Final = "telemetry.crash"
RELEASED: Final = "telemetry.releases"
"""When versions were released: a table without pings."""


def _struct(**fields: pa.DataType) -> pa.DataType:
    return pa.struct(list(fields.items()))


def _pairs(value: pa.DataType) -> pa.DataType:
    return pa.list_(_struct(key=pa.string(), value=value))


_TEXT, _WHOLE, _TRUTH = pa.string(), pa.int64(), pa.bool_()
_BUILD = {"architecture": _TEXT, "build_id": _TEXT}
_DISTRIBUTION = _struct(count=_WHOLE, sum=_WHOLE, values=_pairs(_WHOLE))

_ADDED_BY_THE_PIPELINE = {
    "normalized_app_name": _TEXT,
    "normalized_channel": _TEXT,
    "normalized_country_code": _TEXT,
    "normalized_os": _TEXT,
    "normalized_os_version": _TEXT,
    "metadata": _struct(geo=_struct(country=_TEXT)),
}

_LEGACY = {
    "submission_timestamp": pa.timestamp("us", tz="UTC"),
    "client_id": _TEXT,
    "document_id": _TEXT,
    "sample_id": _WHOLE,
    **{name: kind for name, kind in _ADDED_BY_THE_PIPELINE.items() if name != "metadata"},
    "application": _struct(**_BUILD, channel=_TEXT, display_version=_TEXT, name=_TEXT, version=_TEXT),
    "environment": _struct(
        build=_struct(**_BUILD, version=_TEXT),
        experiments=_pairs(_struct(branch=_TEXT, enrollment_id=_TEXT, type=_TEXT)),
        settings=_struct(
            e10s_enabled=_TRUTH, is_default_browser=_TRUTH, locale=_TEXT, telemetry_enabled=_TRUTH
        ),
        system=_struct(
            cpu=_struct(cores=_WHOLE, count=_WHOLE),
            memory_mb=pa.float64(),
            os=_struct(name=_TEXT, version=_TEXT),
        ),
    ),
    "metadata": _ADDED_BY_THE_PIPELINE["metadata"],
}

_MAIN = pa.schema(
    {
        **_LEGACY,
        "payload": _struct(
            histograms=_struct(
                composite_time=_TEXT,
                devtools_toolbox_opened_count=_TEXT,
                fx_tab_switch_spinner_visible_long_ms=_TEXT,
                fx_tab_switch_spinner_visible_ms=_TEXT,
                gc_ms=_TEXT,
                http_pageload_is_ssl=_TEXT,
            ),
            info=_struct(profile_subsession_counter=_WHOLE, reason=_TEXT, subsession_length=_WHOLE),
            keyed_histograms=_struct(subprocess_crashes_with_dump=_pairs(_TEXT)),
            processes=_struct(
                content=_struct(histograms=_struct(gc_ms=_TEXT)),
                gpu=_struct(histograms=_struct(composite_time=_TEXT)),
                parent=_struct(
                    keyed_scalars=_struct(browser_engagement_navigation_urlbar=_pairs(_WHOLE)),
                    scalars=_struct(
                        browser_engagement_tab_open_event_count=_WHOLE,
                        browser_engagement_total_uri_count=_WHOLE,
                    ),
                ),
            ),
        ),
    }
)

_CRASH = pa.schema(
    {
        **_LEGACY,
        "payload": _struct(
            crash_date=_TEXT,
            crash_id=_TEXT,
            crash_time=_TEXT,
            has_crash_environment=_TRUTH,
            metadata=_struct(startup_crash=_TEXT),
            process_type=_TEXT,
            version=_WHOLE,
        ),
    }
)

_GLEAN = pa.schema(
    {
        "submission_timestamp": pa.timestamp("us", tz="UTC"),
        "document_id": _TEXT,
        "sample_id": _WHOLE,
        **_ADDED_BY_THE_PIPELINE,
        "client_info": _struct(
            app_build=_TEXT,
            app_channel=_TEXT,
            app_display_version=_TEXT,
            architecture=_TEXT,
            client_id=_TEXT,
            locale=_TEXT,
            os=_TEXT,
            os_version=_TEXT,
        ),
        "metrics": _struct(
            boolean=_struct(browser_default_at_launch=_TRUTH),
            counter=_struct(browser_engagement_tab_open_event_count=_WHOLE),
            custom_distribution=_struct(browser_engagement_tab_count=_DISTRIBUTION),
            labeled_counter=_struct(subprocess_crashes_with_dump=_pairs(_WHOLE)),
            labeled_timing_distribution=_struct(network_http_fetch_duration=_pairs(_DISTRIBUTION)),
            memory_distribution=_struct(memory_heap_allocated=_DISTRIBUTION),
            quantity=_struct(system_memory=_WHOLE),
            timing_distribution=_struct(browser_tabswitch_spinner_visible=_DISTRIBUTION),
        ),
        "ping_info": _struct(
            end_time=_TEXT,
            experiments=_pairs(_struct(branch=_TEXT, extra=_struct(enrollment_id=_TEXT, type=_TEXT))),
            reason=_TEXT,
            seq=_WHOLE,
            start_time=_TEXT,
        ),
    }
)

SCHEMAS: Final[Mapping[str, pa.Schema]] = {MAIN: _MAIN, CRASH: _CRASH, GLEAN: _GLEAN}
"""The columns of each table that there is a sample of."""

RELEASED_SCHEMA: Final = pa.schema(
    {
        "build_number": _WHOLE,
        "category": _TEXT,
        "date": pa.date32(),
        "description": _TEXT,
        "is_security_driven": _TRUTH,
        "product": _TEXT,
        "version": _TEXT,
    }
)
"""The columns of RELEASED that Mozilla's list of releases (product-details) has."""


def leaves(kind: pa.Schema | pa.StructType, at: str = "") -> Iterator[str]:
    """The paths of all columns, each record after what is in it."""
    for field in kind:
        path = f"{at}{field.name}"
        if pa.types.is_struct(field.type):
            yield from leaves(field.type, f"{path}.")
        yield path


def probe_names(table: str) -> list[str]:
    """What the sample of a table has recordings of, as specs name it."""
    recorded = [path for path in leaves(SCHEMAS[table]) if "histograms." in path or "scalars." in path]
    names = {path: path.rpartition(".")[2] for path in recorded}
    return sorted({name.upper() if "histograms." in path else name for path, name in names.items()})
