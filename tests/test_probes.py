"""Probe definitions: what gecko's and Glean's files say, and what they say about the production schemas."""

import json
import lzma
import tarfile
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest
from test_buckets import histograms_in

from querygen.errors import QuerygenError, UsageError
from querygen.names import column_name
from querygen.probes import (
    Definitions,
    ProbeDefinition,
    is_use_counter,
    match_schema,
    read_probes,
)
from querygen.schema import read_schema

SHARED = Path(__file__).parents[2] / "shared"
needs_real = pytest.mark.skipif(
    not (SHARED / "probes").exists(), reason="Firefox's own definitions are not at ../shared"
)

HISTOGRAMS = """{
  "PAGE_LOAD_MS": {
    "record_in_processes": ["main", "content"], "kind": "exponential", "high": "60 * 1000", "n_buckets": "50",
    "description": "Time to\\n  load", "expires_in_version": "never", "bug_numbers": [1, 2]
  },
  "CACHE_SIZE_2": {
    "record_in_processes": ["all"], "kind": "linear", "low": 5, "high": 100, "n_buckets": 20,
    "description": "Size (KB)", "keyed": "true", "keys": ["disk", "memory"]
  },
  "REASON": {"kind": "enumerated", "n_values": 16, "record_in_processes": ["main"]},
  "GC_REASON": {"kind": "enumerated", "n_values": "JS::GCReason::NUM_TELEMETRY_REASONS"},
  "VERDICT": {"kind": "categorical", "labels": ["Safe", "Unsafe"], "record_in_processes": ["main"]},
  "VERDICT_OF_60": {"kind": "categorical", "labels": ["Safe"], "n_values": 60},
  "IS_PRIVATE": {"kind": "boolean", "record_in_processes": ["all_children"]},
  "STARTED": {"kind": "flag"},
  "TABS_COUNT": {"kind": "count", "keyed": true},
  "USE_COUNTER2_FETCH_PAGE": {"kind": "boolean"}
}
"""

SCALARS = """\
browser.engagement:
  active_ticks:
    kind: uint
    description: >
      The count
      of ticks
    record_in_processes: ['main']
    expires: never
  tabOpens:
    kind: uint
    keyed: true
    record_in_processes: ['main', 'content']
    expires: "150"
"""

METRICS = """\
---
$schema: moz://mozilla.org/schemas/glean/metrics/2-0-0
$tags:
  - 'Core :: DOM'

page.load:
  time:
    type: timing_distribution
    time_unit: millisecond
    telemetry_mirror: PAGE_LOAD_MS
    bugs: &bugs
      - https://bugzil.la/1
    expires: 2026-01-31
  raw_time:
    type: timing_distribution
    bugs: *bugs
  size:
    type: labeled_memory_distribution
    memory_unit: kilobyte
    labels: [disk, memory]
    telemetry_mirror: CACHE_SIZE_2
  reason:
    type: custom_distribution
    range_min: 0
    range_max: 16
    bucket_count: 17
    histogram_type: linear
    telemetry_mirror: REASON
  rate:
    type: labeled_custom_distribution
    range_max: 1000
    bucket_count: 20
  verdict:
    type: labeled_counter
    labels: [Safe, Unsafe]
    telemetry_mirror: h#VERDICT
  private:
    type: labeled_counter
    labels: ["false", "true"]
    telemetry_mirror: h#IS_PRIVATE
  tabs:
    type: labeled_counter
    telemetry_mirror: h#TABS_COUNT
  opened:
    type: labeled_counter
    telemetry_mirror: BROWSER_ENGAGEMENT_TABOPENS
  both:
    type: dual_labeled_counter
    dual_labels:
      key: {description: The host, labels: [a, b]}
      category: {description: The result, labels: [ok, failed]}
  took:
    type: timespan
    time_unit: second
    telemetry_mirror: BROWSER_ENGAGEMENT_ACTIVE_TICKS
  clicked:
    type: event
    telemetry_mirror: Page_Click
  lost:
    type: counter
    send_in_pings: [default, usage]
    telemetry_mirror: NO_SUCH_SCALAR
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, monkeypatch) -> Path:
    """Tests use no cache but one for all runs on the real files, which would otherwise take seconds each."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder / "querygen" / "probes"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {
        "telemetry/Histograms.json": HISTOGRAMS,
        "telemetry/Scalars.yaml": SCALARS,
        "dom/metrics.yaml": METRICS,
        "dom/tests/metrics.yaml": "not: read",
        "obj-x86_64/dom/metrics.yaml": "not: read",
        "mobile/android/metrics.yaml": "not: read",
        "dom/moz.yaml": "not: read",
    }.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


@pytest.fixture
def small(folder: Path) -> Definitions:
    return read_probes(folder)


def found(definitions: Definitions, name: str) -> ProbeDefinition:
    probe = definitions.find(name)
    assert probe, name
    return probe


def test_legacy_histograms(small: Definitions) -> None:
    load = found(small, "page_load_ms")
    assert (load.name, load.kind) == ("PAGE_LOAD_MS", "exponential")
    assert (load.low, load.high, load.n_buckets) == (1, 60000, 50)
    assert load.unit == load.stored_unit == "ms"
    assert (load.description, load.bugs) == ("Time to load", ("1", "2"))
    assert load.paths() == (
        "payload.histograms.page_load_ms",
        "payload.processes.content.histograms.page_load_ms",
    )
    assert load.overflow == 60000
    assert load.label(5) is None

    size = found(small, "CACHE_SIZE_2")
    assert (size.keyed, size.keys, size.unit) == (True, ("disk", "memory"), "kilobytes")
    assert size.paths()[0] == "payload.keyed_histograms.cache_size_2"
    assert size.processes == ("parent", "content", "gpu", "rdd", "socket", "utility", "extension")


def test_bounds_and_labels_by_kind(small: Definitions) -> None:
    bounds = {probe.name: probe.bounds() or () for probe in small.probes}
    assert bounds["REASON"] == tuple(range(17))
    assert bounds["GC_REASON"] == tuple(range(102)), "a constant of gecko's"
    assert bounds["VERDICT"] == tuple(range(51)), "room for 50 labels"
    assert bounds["VERDICT_OF_60"] == tuple(range(61))
    assert bounds["IS_PRIVATE"] == bounds["STARTED"] == bounds["TABS_COUNT"] == (0, 1, 2)
    assert bounds["browser.engagement.active_ticks"] == ()

    verdict, private = found(small, "VERDICT"), found(small, "IS_PRIVATE")
    assert [verdict.label(bucket) for bucket in (0, 1, 2, 50)] == ["Safe", "Unsafe", None, "(other)"]
    assert [private.label(bucket) for bucket in (0, 1, 2)] == ["false", "true", None]
    assert private.overflow is None
    assert private.processes == ("content", "gpu", "rdd", "socket", "utility", "extension")
    counter = found(small, "USE_COUNTER2_FETCH_PAGE")
    assert (counter.kind, counter.label(0)) == ("use_counter", None)
    assert is_use_counter("use_counter2_fetch_page")


def test_scalars(small: Definitions) -> None:
    ticks = found(small, "browser.engagement.active_ticks")
    assert (ticks.kind, ticks.keyed, ticks.is_distribution) == ("uint", False, False)
    assert ticks.paths() == ("payload.processes.parent.scalars.browser_engagement_active_ticks",)
    opens = found(small, "Browser.Engagement.tabopens")
    assert opens.paths()[0] == "payload.processes.parent.keyed_scalars.browser_engagement_tab_opens"
    assert opens.expires == "150"


def test_glean_metrics(small: Definitions) -> None:
    timing = found(small, "page.load.time")
    assert (timing.unit, timing.stored_unit, timing.bugs) == ("ms", "ns", ("https://bugzil.la/1",))
    assert (timing.expires, timing.pings) == ("2026-01-31", ("metrics",))
    assert timing.paths() == ("metrics.timing_distribution.page_load_time",)
    bounds = timing.bounds() or ()
    assert bounds[:2] == (961548, 1048576), "the first holds 1 ms, the least that is recorded"
    assert len(bounds) <= 316, "as many as Glean says there are"
    assert timing.overflow is None

    raw = found(small, "page.load.raw_time")
    assert (raw.unit, (raw.bounds() or ())[:3]) == ("ns", (1, 2, 3))
    assert found(small, "page.load.rate").bounds() == (
        0, 1, 2, 3, 4, 6, 9, 13, 19, 27, 39, 56, 80, 115, 165, 237, 340, 487, 698, 1000,
    ), "exponential from 1 unless it says otherwise"  # fmt: skip
    size = found(small, "page.load.size")
    assert (size.keyed, size.labels, size.unit, size.stored_unit) == (
        True,
        ("disk", "memory"),
        "kilobytes",
        "bytes",
    )
    both = found(small, "page.load.both")
    assert (both.keyed, both.keys, both.labels) == (True, ("a", "b"), ("ok", "failed"))
    assert found(small, "page.load.lost").pings == ("metrics", "usage")


def test_find(small: Definitions) -> None:
    assert found(small, "page_load_time").name == "page.load.time", "a column's name will do"
    assert small.find("page.load.time", "legacy") is None
    assert small.find("nope") is None
    assert "REASON" in small.names("legacy")
    assert "REASON" not in small.names("glean")
    scalar = ProbeDefinition("a.b", "legacy", "uint", "f")
    metric = ProbeDefinition("a.b", "glean", "counter", "f")
    both = Definitions((metric, scalar))
    assert (both.find("a.b"), both.find("a.b", "glean"), both.find("a_b")) == (scalar, metric, None)


def test_mirrors(small: Definitions) -> None:
    forms = {
        pair.glean.name.rpartition(".")[2]: (pair.legacy.name, pair.form, pair.scale)
        for pair in small.mirrors
    }
    assert forms == {
        "time": ("PAGE_LOAD_MS", "distribution", 1_000_000),
        "size": ("CACHE_SIZE_2", "distribution", 1024),
        "reason": ("REASON", "distribution", 1),
        "verdict": ("VERDICT", "categorical", 1),
        "private": ("IS_PRIVATE", "boolean", 1),
        "tabs": ("TABS_COUNT", "count", 1),
        "opened": ("browser.engagement.tabOpens", "scalar", 1),
        "took": ("browser.engagement.active_ticks", "scalar", Fraction(1, 1000)),
    }
    assert [probe.name for probe in small.unmirrored()] == ["page.load.lost"]
    verdict, started = small.find("verdict", "legacy"), small.find("STARTED", "legacy")
    assert verdict
    assert started
    assert [pair.glean.name for pair in small.mirrors_of(verdict)] == ["page.load.verdict"]
    assert small.mirrors_of(started) == ()
    assert small.find("nope", "legacy") is None
    (opened,) = small.mirrors_of(found(small, "page.load.opened"))
    assert opened.legacy.name == "browser.engagement.tabOpens"
    assert small.mirrors_of(found(small, "page.load.raw_time")) == ()

    reason = found(small, "page.load.reason")
    assert small.mirrors_of(reason)[0].same_buckets
    assert small.is_categories(reason), "its mirror is enumerated"
    assert not small.is_categories(found(small, "page.load.time"))
    assert not small.mirrors_of(found(small, "page.load.time"))[0].same_buckets


def test_a_legacy_unit_may_be_known_by_the_mirror_only() -> None:
    legacy = ProbeDefinition("WAIT", "legacy", "linear", "f", bucketing="linear")
    metric = ProbeDefinition(
        "a.wait", "glean", "timing_distribution", "f", bucketing="functional", unit="s", mirror="WAIT"
    )
    assert Definitions((legacy, metric)).unit_of(legacy) == "s"
    assert Definitions((legacy,)).unit_of(legacy) is None


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("GC_MS", "gc_ms"),
        ("HTTP3_TLS_HANDSHAKE", "http3_tls_handshake"),
        ("dom.contentprocess.buildID_mismatch", "dom_contentprocess_build_id_mismatch"),
        ("installation.firstSeen.from_msi", "installation_first_seen_from_msi"),
        ("browser.ui.interaction.preferences_paneHome", "browser_ui_interaction_preferences_pane_home"),
    ],
)
def test_column_name(name: str, column: str) -> None:
    assert column_name(name) == column


def test_files_archives_and_folders_give_the_same(folder: Path, small: Definitions, tmp_path: Path) -> None:
    def names(definitions: Definitions) -> set[str]:
        return set(definitions.names())

    packed = tmp_path / "packed"
    packed.mkdir()
    for name in ("Histograms.json", "Scalars.yaml"):
        (packed / f"{name}.xz").write_bytes(lzma.compress((folder / "telemetry" / name).read_bytes()))
    with tarfile.open(packed / "metrics.yaml.tar.xz", "w:xz") as archive:
        archive.add(folder / "dom", "dom")
    again = read_probes(packed)
    assert again.names() and names(again) == names(small)
    assert found(again, "page.load.time").source.endswith("metrics.yaml.tar.xz!dom/metrics.yaml")
    parts = [packed / "Histograms.json.xz", folder / "telemetry/Scalars.yaml", packed / "metrics.yaml.tar.xz"]
    assert set().union(*(names(read_probes(part)) for part in parts)) == names(small)


def test_the_cache_gives_the_same_and_is_never_needed(
    folder: Path, small: Definitions, own_cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kept = list(own_cache.glob("*.json"))
    assert len(kept) == 2, "the two YAML files"
    assert read_probes(folder) == small
    for file in kept:
        file.write_text('{"torn')
    assert read_probes(folder) == small
    assert all(json.loads(file.read_bytes()) for file in own_cache.glob("*.json")), "and are mended"
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert read_probes(folder) == small
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(blocked))
    monkeypatch.chdir(tmp_path)
    assert read_probes(folder) == small
    assert not (tmp_path / "relative").exists()


def test_paths_without_definitions(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="do not exist"):
        read_probes(tmp_path / "nope")
    with pytest.raises(UsageError, match="holds no probe definitions"):
        read_probes(tmp_path)


HJ, SY, MY = "Histograms.json", "Scalars.yaml", "metrics.yaml"
LINEAR = '{"A": {"kind": "linear", "high": %s, "n_buckets": %s}}'
GLEAN = "$schema: glean\na:\n  b: {%s}"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (HJ, '{\n "A": {"kind": }}', r"Histograms\.json:2:16: error: this is not valid JSON: expecting"),
        (HJ, '{\n "A": {"kind": "flag"},\n "A": {}}', r":3:3: error: .*`A` is given twice"),
        (HJ, '{"A": {"B": 1}, "C": {"B": 1, "B": 2}}', r"error: .*Histograms\.json: `B` is given twice"),
        (
            HJ,
            '{\n "A": {"kind": "flat"}}',
            r":2:9: error: A: the kind `flat` is unknown \[bad",
        ),
        (HJ, '{\n "A": {\n  "low": 1}}', r":2:3: error: A: `kind` is missing"),
        (HJ, LINEAR % ('"a+1"', 5), r":1:27: error: A: `high: a\+1` is not a whole number"),
        (HJ, LINEAR % ('"9**9**9"', 9), r"is not a whole number"),
        (HJ, LINEAR % ("true", 9), r"is not a whole number"),
        (HJ, LINEAR % (9, "1e9"), r"`n_buckets: 1000000000\.0` is not"),
        (HJ, LINEAR % (9, '"9*99999"'), r"can't be 899991 buckets"),
        (HJ, '{"A": {"kind": "enumerated", "n_values": 0}}', r"can't be 1 buckets"),
        (HJ, '{"A": {"kind": "categorical"}}', r"needs `labels`"),
        (HJ, '{"A": {"kind": "categorical", "labels": [1]}}', r"must be a list of texts"),
        (HJ, '{"A": 5}', r":1:3: error: `A` is no mapping"),
        (HJ, "[]", r"are a mapping"),
        (HJ, b"\xff", r":1:1: error: it is not UTF-8"),
        ("Histograms.json.xz", b"no", r"Histograms\.json\.xz:1:1: error: it cannot be read"),
        ("metrics.tar.xz", b"no", r"cannot be read"),
        (SY, "a.b:\n  c:\n    kind: [", r"Scalars\.yaml:3:12: error: this is not valid YAML"),
        (SY, "a:\n  b: {kind: uint}\n  b: {}", r":3:3: error: this is not valid YAML: found duplicate"),
        (
            SY,
            "a.b:\n  c:\n    kind: int\n",
            r":3:5: error: a\.b\.c: the kind `int` is unknown \[bad",
        ),
        (SY, "x:\n  c: {kind: uint}\na.b:\n  c: {expires: 1}\n", r":4:3: error: a\.b\.c: `kind` is"),
        (SY, "a.b: 5", r":1:1: error: `a\.b` is no mapping"),
        (MY, GLEAN % "expires: never", r":3:3: error: a\.b: a metric needs a `type`"),
        (MY, GLEAN % "type: timing_distribution, time_unit: ms", r"the time_unit `ms` is"),
        (MY, GLEAN % "type: custom_distribution, range_max: 9", r"`bucket_count` is missing"),
    ],
)
def test_malformed_files(tmp_path: Path, name: str, text: str | bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(QuerygenError, match=message) as caught:
        read_probes(path)
    assert caught.value.exit_code == 1
    assert "help: " in str(caught.value)


def test_all_findings_of_a_file_are_told(tmp_path: Path) -> None:
    path = tmp_path / "Histograms.json"
    path.write_text('{"A": {"kind": "x"},\n "B": {"kind": "linear"}}')
    with pytest.raises(QuerygenError) as caught:
        read_probes(path)
    assert [finding.span.line for finding in caught.value.diagnostics if finding.span] == [1, 2]


# ---------------------------------------------------------------------------------------------------------
# Firefox's own definitions


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Definitions:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
        return read_probes(SHARED / "probes")


@needs_real
def test_all_of_firefoxs_definitions_are_read(real: Definitions) -> None:
    kinds = Counter((probe.generation, probe.kind) for probe in real.probes if probe.is_distribution)
    assert kinds == {
        ("legacy", "exponential"): 571, ("legacy", "enumerated"): 190, ("legacy", "count"): 92,
        ("legacy", "boolean"): 90, ("legacy", "linear"): 81, ("legacy", "categorical"): 77,
        ("glean", "timing_distribution"): 403, ("glean", "custom_distribution"): 338,
        ("glean", "labeled_timing_distribution"): 69, ("glean", "memory_distribution"): 55,
        ("glean", "labeled_custom_distribution"): 53, ("glean", "labeled_memory_distribution"): 4,
    }  # fmt: skip
    assert sum(probe.generation == "legacy" and not probe.is_distribution for probe in real.probes) == 401
    assert len(real.probes) == 4936
    for probe in real.probes:
        if probe.is_distribution:
            bounds = probe.bounds()
            assert bounds, probe.name
            assert len(bounds) >= 3, probe.name
            assert probe.kind != "categorical" or (probe.labels and probe.label(0) == probe.labels[0])


@needs_real
def test_yaml_is_not_parsed_a_second_time(real: Definitions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("querygen.probes.files._yaml")
    assert read_probes(SHARED / "probes") == real


@needs_real
def test_every_telemetry_mirror_has_its_legacy_probe(real: Definitions) -> None:
    assert real.unmirrored() == ()
    assert Counter(pair.form for pair in real.mirrors) == {
        "distribution": 772, "scalar": 339, "count": 87, "boolean": 72, "categorical": 57,
    }  # fmt: skip
    assert len({pair.legacy.name for pair in real.mirrors}) == len(real.mirrors), "one to one"
    for pair in real.mirrors:
        assert pair.glean.keyed == pair.legacy.keyed or pair.form in {"categorical", "boolean"}, pair
        if pair.form == "categorical":
            assert set(pair.glean.labels or ()) == set(pair.legacy.labels or ()), pair
        if pair.form == "boolean":
            assert set(pair.glean.labels or ()) == {"false", "true"}, pair
        if pair.form == "distribution" and pair.glean.bucketing == "functional":
            assert pair.legacy.unit in {None, pair.glean.unit}, pair


# Mirrors of which the two definitions have different ranges; 40 more differ by Glean's rounding only.
DIFFERENT_SHAPES = {
    "HPACK_BYTES_EVICTED_RATIO_COMPRESSOR",
    "HPACK_BYTES_EVICTED_RATIO_DECOMPRESSOR",
    "SPDY_SERVER_INITIATED_STREAMS",
}


@needs_real
def test_custom_distributions_have_their_mirrors_buckets(real: Definitions) -> None:
    custom = [pair for pair in real.mirrors if pair.glean.kind.endswith("custom_distribution")]
    other = [pair for pair in custom if not pair.same_buckets]
    rounded = [pair for pair in other if pair.glean.bucketing == "linear"]
    assert (len(custom), len(other)) == (345, 43)
    assert {pair.legacy.name for pair in other if pair not in rounded} == DIFFERENT_SHAPES
    for pair in rounded:
        ours, theirs = pair.glean.bounds() or (), pair.legacy.bounds() or ()
        assert len(ours) == len(theirs), pair.glean.name
        assert all(a in {b, b - 1} for a, b in zip(ours, theirs, strict=True)), pair.glean.name


@needs_real
@pytest.mark.parametrize(
    ("generation", "file", "count", "without"),
    [
        ("legacy", "main.5.bq.xz", 1066, {"a probe for tests": 35}),
        ("glean", "metrics.1.bq.xz", 919, {"sent in other pings": 3}),
    ],
)
def test_distributions_of_the_production_schemas(
    real: Definitions, generation: str, file: str, count: int, without: dict[str, int]
) -> None:
    """Every distribution that is defined has its column, but for probes for tests and of other pings."""
    match = match_schema(real, read_schema("a.table", SHARED / "schemas" / file))
    resolved = {probe.name for probe in match.columns.values() if probe.is_distribution}
    assert len(resolved) == count
    defined = {p.name for p in real.probes if p.is_distribution and p.generation == generation}
    assert Counter(match.absent[name].split(":")[0] for name in defined - resolved) == without
    for probe in match.columns.values():
        assert bool(probe.bounds()) == probe.is_distribution


@needs_real
def test_columns_that_no_definition_explains_have_a_reason(real: Definitions) -> None:
    def reasons(file: str) -> Counter[str]:
        match = match_schema(real, read_schema("a.table", SHARED / "schemas" / file))
        return Counter(reason.split(":")[0] for reason in match.undefined.values())

    assert reasons("main.5.bq.xz") == {"not defined here": 3034, "of another version of Firefox": 26}
    assert reasons("metrics.1.bq.xz") == {"not defined here": 587, "of another version of Firefox": 34}


# Definitions that are not what the pings of 2015 and 2018 were recorded with.
CHANGED = {
    "DOM_SCRIPT_LOADING_SOURCE": "categorical, which that Firefox sent as linear",
    "FX_SESSION_RESTORE_WRITE_FILE_MS": "was up to 3,000 in 10 buckets, is up to 9,000 in 20",
}
TYPES = {
    "exponential": 0,
    "linear": 1,
    "enumerated": 1,
    "boolean": 2,
    "flag": 3,
    "count": 4,
    "categorical": 5,
}


@needs_real
def test_real_pings_were_recorded_by_these_definitions(real: Definitions) -> None:
    changed, same, retired = set(), 0, set()
    for file in sorted((SHARED / "pings").glob("main.*.json")):
        for path, histogram in histograms_in(json.loads(file.read_bytes())):
            probe = next((p for part in path if (p := real.find(part, "legacy")) and p.is_distribution), None)
            if probe is None:
                retired.add(path[-1])
                continue
            kind = TYPES[probe.kind]
            defined = (kind, [probe.low, probe.high], probe.n_buckets)
            sent = (histogram["histogram_type"], histogram["range"], histogram["bucket_count"])
            if defined != sent:
                changed.add(probe.name)
                continue
            same += 1
            assert set(map(int, histogram["values"])) <= set(probe.bounds() or ()), probe.name
    assert changed == set(CHANGED)
    assert same == 329
    assert len(retired) > 300
