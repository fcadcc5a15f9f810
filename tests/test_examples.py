"""Each example compiles to the SQL beside it and prints what its page says."""

import shutil
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from harness import NEEDS_GOOGLESQL
from oracle import same_rows
from ruamel.yaml import YAML
from specs import EXAMPLE_FILES
from stories import told

from querygen.api import load
from querygen.sample import write_sample
from querygen.show import as_table

ROOT = Path(__file__).parent.parent


STORIES = {"mission_control": "releases", "tls13": "tls13"}


def probes_of(path):
    """The probe definitions beside an example, if there are any."""
    folder = path.parent / "probes"
    return folder if folder.is_dir() else None


def data_of(path):
    """The pings beside an example, or those of the story that it tells, if there are any; else the sample."""
    folder = path.parent / "data"
    if path.parent.name in STORIES:
        return told(STORIES[path.parent.name])
    return folder if folder.is_dir() else None


@pytest.mark.parametrize("path", EXAMPLE_FILES, ids=lambda path: path.stem)
def test_prints_what_its_page_says(path, golden):
    query = load(path, probes=probes_of(path))
    command = f"$ querygen run {path.relative_to(ROOT)}"
    data = data_of(path)
    if data:
        command += f" --data {data.relative_to(ROOT) if data.is_relative_to(ROOT) else data.name}"
    if probes_of(path):
        command += f" --probes {probes_of(path).relative_to(ROOT)}"
    golden(path.with_suffix(".sql"), query.sql())
    golden(path.with_suffix(".txt"), command + "\n" + as_table(query.run(data)).decode())


def test_there_are_examples():
    assert len([path for path in EXAMPLE_FILES if path.parent.name == "tutorial"]) == 9


def test_the_tutorials_three_histograms():
    rows = load(ROOT / "examples/tutorial/02-sum-and-bucket-count.yaml").run().rows()
    assert sorted((row["sum"], row["bucket_count"]) for row in rows) == [(118, 20), (1996, 20), (19145, 20)]


def test_the_last_days_builds_count():
    """The tutorial compares build ids as strings, which drops the builds of 20 April."""
    rows = load(ROOT / "examples/tutorial/04-percentiles-by-build.yaml").run().rows()
    days = {row["build_time"].date().isoformat() for row in rows}
    assert min(days) == "2020-04-06" and max(days) == "2020-04-20" and len(days) == 15


def test_one_vote_per_client_lowers_the_upper_percentiles_and_windows_7_raises_them():
    def typical(name):
        rows = load(ROOT / "examples/tutorial" / name).run().rows()
        values = sorted(row["value"] for row in rows if row["percentile"] == 0.5)
        return values[len(values) // 2]

    merged = typical("04-percentiles-by-build.yaml")
    voted = typical("05-client-normalized-by-build.yaml")
    windows_7 = typical("06-client-normalized-windows-7.yaml")
    assert voted < merged < windows_7


def with_few_permutations(path):
    """A spec whose permutations Google's evaluator can do in a second; other specs as they are."""
    spec = YAML(typ="safe", pure=True).load(path)
    return spec | {"permutations": 20} if spec.get("measure") == "compare" else path


# Pings that some examples are about, and that are too rare to be among a few hundred otherwise.
FIRST = {
    "tls13": "payload.histograms.ssl_version_fallback_inappropriate IS NULL, "
    "hash(document_id) % 3 = 0 OR payload.histograms.ssl_tls13_intolerance_reason_pre NOT LIKE '%17%' "
    "OR environment.addons.active_experiment.id IS NOT NULL, "
}


def few_of(folder, query, output):
    """Some of a story's pings of the days that a query asks for: few enough for Google's evaluator."""
    days = query.spec.filters["submission_date"]
    for read, count in zip(query.plan().reads, (500, 100, None), strict=False):
        if count is None:
            shutil.copy(folder / f"{read.table}.parquet", output)
            continue
        some = (
            f"FROM '{folder}/{read.table}.parquet' WHERE submission_timestamp::DATE BETWEEN $1 AND $2 "
            f"ORDER BY {FIRST.get(folder.name, '')} document_id LIMIT {count}"
        )
        rows = duckdb.sql(some, params=[days.from_, days.to]).to_arrow_table()
        pq.write_table(rows, output / f"{read.table}.parquet")
    return output


@NEEDS_GOOGLESQL
@pytest.mark.parametrize("path", EXAMPLE_FILES, ids=lambda path: path.stem)
def test_all_forms_give_the_same_rows_on_both_engines(path, tmp_path):
    query = load(with_few_permutations(path), probes=probes_of(path))
    data = data_of(path) or tmp_path
    if path.parent.name in STORIES:
        data = few_of(data, query, tmp_path)
    elif data == tmp_path:
        write_sample(tmp_path, 250, 12, table=query.plan().like)
    expected = query.run(data).rows()
    assert expected or query.spec.low_data == "drop"  # no group of a small sample has enough clients
    for udfs in ("inline", "temp", "mozfun"):
        rows = query.run(data, engine="googlesql", udfs=udfs).rows()
        assert same_rows(rows, expected) is None
