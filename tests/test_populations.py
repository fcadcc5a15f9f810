"""Who is asked about: samples of clients, experiments and their branches, worked out in plain Python."""

import hashlib
from collections import defaultdict

import pytest
from harness import NEEDS_GOOGLESQL, query, rows_of

from querygen import QuerygenError

ENGINES = ["duckdb", pytest.param("googlesql", marks=NEEDS_GOOGLESQL)]
EVERYTHING = {"allow_full_scan": True}
SLUG = "tls13-compat-ff51@experiments.mozilla.org"
GLEAN = "firefox_desktop.metrics"


def share_below(client, purpose, percent):
    """Whether the first 32 bits of the client's hash are below that share of all their values."""
    head = hashlib.md5(f"querygen-{purpose}-{client}".encode()).hexdigest()[:8]
    return int(head, 16) < percent / 100 * 2**32


def enrolments(i):
    """What a ping says of its experiments: in one or two of them, in a branch or none, or in none."""
    entry = {"key": SLUG, "value": {"branch": ["enabled", "disabled", None][i % 3]}}
    other = {"key": "another", "value": {"branch": "enabled"}}
    return [[entry], [other, entry], [other], [], None][i % 5]


def ping(i, **more):
    return {
        "document_id": f"ping-{i}",
        "client_id": f"client-{i % 70}" if i % 11 else None,
        "submission_timestamp": "2020-04-20T01:00:00Z",
        "environment": {
            "experiments": enrolments(i),
            "addons": {
                "active_experiment": [None, {"id": SLUG, "branch": "enabled"}, {"id": "another"}][i % 3]
            },
        },
        **more,
    }


PINGS = [ping(i) for i in range(200)]


def branch_of(row):
    """(whether the ping is of the experiment, its branch)."""
    found = [e["value"]["branch"] for e in row["environment"]["experiments"] or [] if e["key"] == SLUG]
    return bool(found), found[0] if found else None


def counted(rows, group_of):
    groups = defaultdict(list)
    for row in rows:
        group, counts = group_of(row)
        if counts:
            groups[group].append(row["client_id"])
    ordered = sorted(groups, key=lambda group: (group is not None, group or ""))
    return [
        {"branch": g, "n_clients": len({c for c in groups[g] if c}), "n_pings": len(groups[g])}
        for g in ordered
    ]


def counts(spec, engine, rows=PINGS):
    return rows_of({"measure": "counts", "dimensions": ["branch"], **EVERYTHING, **spec}, rows, engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_branches_of_an_experiment_the_null_branch_included(engine):
    def group(row):
        return branch_of(row)[1], branch_of(row)[0]

    found = counts({"experiment": SLUG}, engine)
    assert found == counted(PINGS, group)
    assert [row["branch"] for row in found] == [None, "disabled", "enabled"]
    only = counts({"experiment": SLUG, "filters": {"branch": ["enabled"]}}, engine)
    assert only == found[2:]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_synthetic_control(engine):
    def group(row):
        enrolled, branch = branch_of(row)
        if enrolled:
            return branch, True
        return "control", row["client_id"] is not None and share_below(row["client_id"], "control", 30)

    spec = {"experiment": {"slug": SLUG, "control": {"sample": "30%"}}}
    found = counts(spec, engine)
    assert found == counted(PINGS, group)
    assert [row["branch"] for row in found] == [None, "control", "disabled", "enabled"]
    spec["experiment"]["control"] = {"sample": "100%", "name": "not enrolled"}
    everyone = counts(spec, engine)
    assert sum(row["n_pings"] for row in everyone) == len(PINGS)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_active_experiment_of_old_versions(engine):
    def group(row):
        active = row["environment"]["addons"]["active_experiment"] or {}
        return active.get("branch"), active.get("id") == SLUG

    spec = {"experiment": {"slug": SLUG, "recorded_in": "active_experiment"}}
    assert counts(spec, engine) == counted(PINGS, group) != []


@pytest.mark.parametrize("engine", ENGINES)
def test_gleans_experiments(engine):
    rows = [
        {
            "client_info": {"client_id": f"c{i}"},
            "submission_timestamp": "2020-04-20T01:00:00Z",
            "ping_info": {"experiments": enrolments(i)},
        }
        for i in range(30)
    ]
    expected = [i for i in range(30) if any(e["key"] == SLUG for e in enrolments(i) or [])]
    found = counts({"experiment": SLUG, "source": GLEAN}, engine, rows)
    assert sum(row["n_pings"] for row in found) == len(expected)
    assert [row["branch"] for row in found] == [None, "disabled", "enabled"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("percent", [0.5, 10, 50])
def test_a_sample_is_of_clients_and_the_same_everywhere(percent, engine):
    spec = {"measure": "pings", "fields": ["document_id"], "sample": f"{percent}%", **EVERYTHING}
    found = {row["document_id"] for row in rows_of(spec, PINGS, engine)}
    assert found == {
        row["document_id"]
        for row in PINGS
        if row["client_id"] and share_below(row["client_id"], "sample", percent)
    }


def test_a_sample_and_a_control_are_independent():
    clients = [f"client-{i}" for i in range(4000)]
    both = sum(share_below(c, "sample", 50) and share_below(c, "control", 50) for c in clients)
    assert 900 < both < 1100


def test_all_clients_are_no_sample():
    whole = query({"measure": "counts", "sample": "100%", **EVERYTHING}).sql()
    assert "MD5" not in whole


@pytest.mark.parametrize("engine", ENGINES)
def test_pings_that_have_samples(engine):
    texts = ['{"values":{"3":1}}', '{"values":{"3":0}}', '{"values":{"3":-1}}', "broken", None, "0,2", "{}"]
    rows = [ping(i, payload={"histograms": {"gc_ms": text}}) for i, text in enumerate(texts)]
    spec = {"histogram": "GC_MS", "has_samples": True, **EVERYTHING}
    (row,) = rows_of({**spec, "measure": "counts"}, rows, engine)
    assert row["n_pings"] == 2
    asked = {"measure": "pings", "fields": ["document_id", "n_samples"]}
    found = rows_of({**spec, **asked}, rows, engine)
    assert found == [{"document_id": "ping-0", "n_samples": 1}, {"document_id": "ping-5", "n_samples": 2}]
    plain = rows_of({**spec, "measure": "pings", "fields": ["document_id"]}, rows, engine)
    assert [row["document_id"] for row in plain] == ["ping-0", "ping-5"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_ping_with_samples_in_two_processes_counts_once(engine):
    def made(i, parent, content):
        return ping(
            i,
            payload={
                "histograms": {"gc_ms": parent},
                "processes": {"content": {"histograms": {"gc_ms": content}}},
            },
        )

    rows = [made(1, "0,1", "0,2"), made(2, "0,1", None), made(3, "{}", "0,1"), made(4, "{}", "{}")]
    spec = {"histogram": "GC_MS", "process": "combined", "measure": "counts", **EVERYTHING}
    assert rows_of({**spec, "has_samples": True}, rows, engine)[0]["n_pings"] == 3
    by = rows_of({**spec, "has_samples": True, "dimensions": ["process"]}, rows, engine)
    assert [(row["process"], row["n_pings"]) for row in by] == [("content", 2), ("parent", 2)]


@pytest.mark.parametrize("engine", ENGINES)
def test_keys_and_distributions_and_scalars_that_have_samples(engine):
    keyed = [
        ping(
            1,
            payload={
                "keyed_histograms": {"by_key": [{"key": "a", "value": "0,1"}, {"key": "b", "value": "0"}]}
            },
        ),
        ping(2, payload={"keyed_histograms": {"by_key": [{"key": "a", "value": "{}"}]}}),
        ping(
            3,
            payload={
                "keyed_histograms": {"by_key": [{"key": "a", "value": "5"}, {"key": "b", "value": "5"}]}
            },
        ),
    ]
    spec = {"histogram": "BY_KEY", "measure": "counts", "has_samples": True, **EVERYTHING}
    assert rows_of({**spec, "key": "*"}, keyed, engine)[0]["n_pings"] == 2
    by = rows_of({**spec, "dimensions": ["key"], "key": "*"}, keyed, engine)
    assert [(row["key"], row["n_pings"]) for row in by] == [("a", 2), ("b", 1)]
    glean = [
        {
            "submission_timestamp": "2020-04-20T01:00:00Z",
            "document_id": name,
            "metrics": {"custom_distribution": {"size": {"values": values}}},
        }
        for name, values in [("yes", [{"key": "1", "value": 2}]), ("no", [{"key": "1", "value": 0}])]
    ]
    spec = {
        "histogram": "metrics.custom_distribution.size",
        "source": GLEAN,
        "has_samples": True,
        **EVERYTHING,
    }
    asked = {"measure": "pings", "fields": ["document_id"]}
    assert rows_of({**spec, **asked}, glean, engine) == [{"document_id": "yes"}]
    opened = [
        ping(i, payload={"processes": {"parent": {"scalars": {"x": n}}}}) for i, n in enumerate([0, 3, None])
    ]
    spec = {"scalar": "payload.processes.parent.scalars.x", "measure": "counts", "has_samples": True}
    assert rows_of({**spec, **EVERYTHING}, opened, engine)[0]["n_pings"] == 1


@pytest.mark.parametrize(
    ("spec", "code", "at"),
    [
        ({"sample": "0%"}, "bad-share", ("sample",)),
        ({"sample": "101%"}, "bad-share", ("sample",)),
        ({"sample": "ten"}, "bad-share", ("sample",)),
        (
            {"experiment": {"slug": "x", "recorded_in": "experiment"}},
            "unknown-enrolment",
            ("experiment", "recorded_in"),
        ),
        (
            {"experiment": {"slug": "x", "recorded_in": "active_experiment"}, "source": GLEAN},
            "unknown-enrolment",
            ("experiment", "recorded_in"),
        ),
        ({"dimensions": ["branch"]}, "unknown-column", ("dimensions", 0)),
        ({"has_samples": True}, "unused-key", ("has_samples",)),
        ({"has_samples": True, "histogram": "GC_MS", "measure": "summary"}, "unused-key", ("has_samples",)),
        (
            {
                "has_samples": True,
                "histogram": "GC_MS",
                "measure": "pings",
                "process": "combined",
                "fields": ["os"],
            },
            "not-one-recording",
            ("has_samples",),
        ),
    ],
)
def test_findings(spec, code, at):
    with pytest.raises(QuerygenError) as raised:
        query({"measure": "counts", **EVERYTHING, **spec}).sql()
    assert [(finding.code, finding.loc) for finding in raised.value.diagnostics] == [(code, at)]
