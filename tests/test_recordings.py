"""Where a distribution is found: oddities of the real schemas, and the names of the other generation."""

import pytest
from mini import write_definitions, write_schemas

from querygen.api import catalog_of, load
from querygen.catalog import Catalog
from querygen.errors import QuerygenError
from querygen.listing import entries
from querygen.plan import Plan

DAYS = {"submission_date": "2020-04-20"}
GLEAN = "firefox_desktop.metrics"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mini")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        yield {"schemas": write_schemas(folder), "probes": write_definitions(folder)}


@pytest.fixture(scope="module")
def known(files) -> Catalog:
    return catalog_of(files["schemas"], files["probes"])


def plan(files, **spec) -> Plan:
    return load({"filters": DAYS, **spec}, **files).plan()


def test_a_keyed_probe_among_the_unkeyed_of_its_process_is_one_recording(known, files):
    """The real schema has 42 such columns; Firefox's are in the keyed record."""
    (entry,) = entries(known, ["telemetry.main"], "LATE_ACK")
    assert entry.row()["processes"] == "parent socket"
    needs = plan(files, histogram="LATE_ACK", process="socket").needs
    assert "payload.processes.socket.keyed_histograms.late_ack" in needs
    path = "payload.processes.socket.histograms.late_ack"
    assert path not in needs
    assert path in plan(files, histogram=path, process="socket").needs


def test_a_path_says_which_process_is_meant(files):
    path = "payload.processes.socket.histograms.late_ack"
    assert path in plan(files, histogram=path).needs
    assert path in plan(files, histogram=path, dimensions=["process"]).needs
    with pytest.raises(QuerygenError, match="not recorded in the process `parent`"):
        plan(files, histogram=path, process="parent")


def test_a_metric_whose_last_word_is_its_legacy_name(files):
    """media.audible_percent mirrors AUDIBLE_PERCENT, but is no other spelling of it."""
    needs = plan(files, histogram="media.audible_percent").needs
    assert "payload.histograms.audible_percent" in needs


def test_a_mirror_has_the_type_of_its_definition(files):
    """gc.slice stands under two types, so its name is refused, but its legacy name means one of them."""
    needs = plan(files, histogram="GC_SLICE_MS", source=GLEAN).needs
    assert "metrics.timing_distribution.gc_slice.values" in needs
    with pytest.raises(QuerygenError, match="under several metric types"):
        plan(files, histogram="gc.slice", source=GLEAN)


def test_a_legacy_name_with_the_words_of_its_metric_is_the_legacy_name(files):
    """GC_WAIT is also how the column of gc.wait is spelt, but its values are seconds, not nanoseconds."""
    (column,) = [c for c in plan(files, histogram="GC_WAIT", source=GLEAN).columns if c.name == "bucket"]
    assert column.type == "FLOAT64"
    (column,) = [c for c in plan(files, histogram="gc.wait", source=GLEAN).columns if c.name == "bucket"]
    assert column.type == "INT64"


def test_a_path_is_explained_by_the_definition_of_its_own_type(files):
    """Of the two columns of gc.slice only one is what is defined, so the other's bounds are not known."""
    path = "metrics.timing_distribution.gc_slice"
    assert plan(files, histogram=path, source=GLEAN, buckets="all")
    with pytest.raises(QuerygenError, match="needs to know which buckets"):
        plan(files, histogram=path.replace("timing", "labeled_timing"), source=GLEAN, buckets="all")


def test_a_name_of_text_or_of_a_number_is_no_other_kind_of_recording(known, files):
    with pytest.raises(QuerygenError, match=r"scalars\.theme` holds no scalar: it is STRING"):
        plan(files, scalar="theme")
    with pytest.raises(QuerygenError, match=r"telemetry\.main has no histogram `tabs`"):
        plan(files, histogram="tabs")
    assert [entry.name for entry in entries(known, ["telemetry.main"], "theme")] == []
    assert "payload.processes.parent.scalars.tabs" in plan(files, scalar="tabs").needs
