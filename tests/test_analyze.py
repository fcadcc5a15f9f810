"""`querygen check` with Google's analyzer: schemas other than querygen expects, told where it matters."""

import json
from pathlib import Path

import pytest
from commandline import querygen
from harness import NEEDS_GOOGLESQL

from querygen import Query, load
from querygen.api import catalog_of
from querygen.catalog import catalog
from querygen.cli import specs
from querygen.engines import googlesql
from querygen.errors import QuerygenError
from querygen.schema import Field, Schema, builtin_schema
from querygen.source import from_mapping

SCHEMAS = Path(__file__).parents[2] / "shared" / "schemas"
EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*/*.yaml"))
NEEDS_REAL = pytest.mark.skipif(not SCHEMAS.exists(), reason="the production schemas are not at ../shared")

GLEAN = "firefox_desktop.metrics"
SPEC = """\
histogram: GC_MS
filters:
  os: Windows
  submission_date: {from: 2020-04-06, to: 2020-04-20}
  build_date: 2020-04-20
dimensions: [build_time, locale]
measure: distribution
"""


def written(field: Field) -> dict:
    """A field as `bq show --schema` prints it."""
    made = {"name": field.name, "type": field.type, "mode": "REPEATED" if field.repeated else "NULLABLE"}
    return made | (
        {"fields": [written(inner) for inner in field.fields.values()]} if field.type == "RECORD" else {}
    )


def schema_with(path: str, kind: str, mode: str = "NULLABLE") -> str:
    """The built-in schema with GC_MS, and with another type of one column."""
    fields = [written(field) for field in builtin_schema("telemetry.main").root.fields.values()]
    here = fields
    *records, last = path.split(".")
    for record in records:
        here = next(field for field in here if field["name"] == record)["fields"]
    here[:] = [field for field in here if field["name"] != last]
    here.append({"name": last, "type": kind, "mode": mode})
    return json.dumps(fields)


@pytest.fixture
def checked(tmp_path, monkeypatch):
    """Runs `check` of a spec against a schema in which one column is of another type."""
    monkeypatch.chdir(tmp_path)

    def run(spec: str, path: str, kind: str, mode: str = "NULLABLE"):
        fields = json.loads(schema_with(path, kind, mode))
        if "gc_ms" not in path:
            payload = next(field for field in fields if field["name"] == "payload")
            next(f for f in payload["fields"] if f["name"] == "histograms")["fields"].append(
                {"name": "gc_ms", "type": "STRING", "mode": "NULLABLE"}
            )
        Path("main.bq").write_text(json.dumps(fields))
        Path("spec.yaml").write_text(spec)
        return querygen("check", "spec.yaml", "--schema", "telemetry.main=main.bq")

    return run


@NEEDS_GOOGLESQL
class TestFindings:
    def test_a_schema_as_expected_is_fine(self, checked):
        ran = checked(SPEC, "normalized_os", "STRING")
        assert (ran.code, ran.text, ran.stderr) == (0, "spec.yaml: ok\n", "")

    def test_a_filters_column_of_another_type(self, checked):
        ran = checked(SPEC, "application.build_id", "INT64")
        assert ran.code == 1
        assert ran.text == ""
        assert ran.stderr == (
            "spec.yaml:5:3: error: Google's analyzer refuses the SQL in stage `pings`, line 25 of the SQL:"
            " No matching signature for function REGEXP_CONTAINS with arguments of types INT64, STRING"
            " [refused]\n"
            "    5 |   build_date: 2020-04-20\n"
            "      |   ^^^^^^^^^^\n"
            "  help: by the schema given, `application.build_id` is INT64: is it this table's?"
            " If so, please report this\n"
        )

    def test_behind_a_select_the_dimension_is_meant(self, checked):
        ran = checked(SPEC.replace("  build_date: 2020-04-20\n", ""), "application.build_id", "INT64")
        assert ran.stderr.startswith(
            "spec.yaml:5:14: error: Google's analyzer refuses the SQL in stage `pings`, line 11 of the SQL: "
        )
        shown = "    5 | dimensions: [build_time, locale]\n      |              ^^^^^^^^^^\n"
        assert shown in ran.stderr

    def test_a_histogram_of_another_type_is_told_wherever_it_stops(self):
        pair = {"key": Field("key", "INT64"), "value": Field("value", "INT64")}
        values = Field("values", "RECORD", repeated=True, fields=pair)
        found = Field("x", "RECORD", fields={"sum": Field("sum", "INT64"), "values": values})
        kind = Field("timing_distribution", "RECORD", fields={"x": found})
        fields = {**builtin_schema(GLEAN).root.fields}
        fields["metrics"] = Field("metrics", "RECORD", fields={"timing_distribution": kind})
        known = catalog({GLEAN: Schema(GLEAN, Field("", "RECORD", fields=fields))})
        query = Query.of(from_mapping({"histogram": "x", "source": GLEAN, "allow_full_scan": True}), known)
        with pytest.raises(QuerygenError) as caught:
            query.analyze()
        (finding,) = caught.value.diagnostics
        assert finding.loc == ("histogram",)
        assert "in stage `histograms`, line " in finding.message
        assert (
            "`metrics.timing_distribution.x.values` is ARRAY<STRUCT<key INT64, value INT64>>" in finding.help
        )

    def test_what_resolve_knows_it_still_says(self, checked):
        ran = checked(SPEC, "normalized_os", "INT64")
        assert "spec.yaml:3:7: error: this column holds whole numbers, found the text `Windows`" in ran.stderr
        bands = SPEC.replace("locale", "{name: memory, of: memory_mb, bands: [4096]}")
        ran = checked(bands, "environment.system.memory_mb", "STRING")
        assert "`bands` needs a column of numbers, `memory_mb` is a STRING" in ran.stderr
        ran = checked(SPEC, "environment.settings.locale", "JSON")
        assert "spec.yaml:6:26: error: `locale` is JSON, by which rows can be neither sorted" in ran.stderr
        assert "analyzer" not in ran.stderr

    def test_what_came_from_no_key_is_told_at_the_sqls_line(self, checked):
        spec = "histogram: GC_MS\nallow_full_scan: true\nnormalization: client_day\n"
        ran = checked(spec, "submission_timestamp", "BYTES")
        assert ran.code == 1
        assert ran.stderr == (
            "spec.yaml, SQL:10:5: error: Google's analyzer refuses the SQL in stage `pings`:"
            " No matching signature for function DATE with arguments of types BYTES [refused]\n"
            "   10 |     DATE(submission_timestamp) AS day,\n"
            "      |     ^\n"
            "  help: by the schema given, `submission_timestamp` is BYTES: is it this table's?"
            " If so, please report this\n"
        )

    def test_in_python_findings_name_their_path(self):
        field = builtin_schema("telemetry.main").root
        application = field.fields["application"]
        fields = {**application.fields, "build_id": Field("build_id", "BYTES")}
        root = Field(
            "",
            "RECORD",
            fields={**field.fields, "application": Field("application", "RECORD", fields=fields)},
        )
        spec = {"measure": "counts", "dimensions": ["build_date"], "allow_full_scan": True}
        query = Query.of(from_mapping(spec), catalog({"telemetry.main": Schema("telemetry.main", root)}))
        with pytest.raises(QuerygenError, match=r"^dimensions\[0\]: error: Google's analyzer"):
            query.analyze()

    @pytest.mark.parametrize("udfs", ["inline", "temp"])
    def test_examples_are_valid_against_the_built_in_schemas(self, udfs):
        for path in EXAMPLES:
            if not path.name.endswith(".test.yaml"):
                probes = path.parent / "probes"
                load(path, probes=probes if probes.is_dir() else None).analyze(udfs)


@pytest.fixture(scope="module")
def real():
    files = {"telemetry.main": "main.5.bq.xz", GLEAN: "metrics.1.bq.xz"}
    return catalog_of({table: SCHEMAS / file for table, file in files.items()})


@NEEDS_GOOGLESQL
@NEEDS_REAL
class TestRealSchemas:
    @pytest.mark.parametrize(
        "spec",
        [
            {
                "histogram": "GC_MS",
                "process": "combined",
                "normalization": "client_day",
                "dimensions": ["os"],
            },
            {"histogram": "SEARCH_COUNTS", "key": {"top": 3}, "dimensions": ["key"], "percentiles": [0.5]},
            {
                "histogram": "network_http_fetch_duration",
                "source": GLEAN,
                "cube": True,
                "dimensions": ["key"],
            },
            {"scalar": "browser.engagement.tab_open_event_count", "measure": "summary", "min_clients": 5},
        ],
    )
    def test_valid_against_all_columns(self, real, spec):
        query = Query.of(from_mapping({**spec, "filters": {"submission_date": "2020-04-20"}}), real)
        query.analyze()

    def test_the_whole_schema_is_read_once(self, real, monkeypatch):
        calls = []
        call = googlesql._call

        def counted(method, *rest):
            calls.append(method)
            return call(method, *rest)

        monkeypatch.setattr(googlesql, "_call", counted)
        googlesql._kept.clear()
        spec = {"histogram": "GC_MS", "filters": {"submission_date": "2020-04-20"}}
        for measure in ("distribution", "summary"):
            Query.of(from_mapping({**spec, "measure": measure}), real).analyze()
        assert calls.count("RegisterCatalog") == 1
        assert calls.count("PrepareQuery") == calls.count("UnprepareQuery") == 2

    def test_no_column_is_left_out(self, real):
        """An unknown column is refused in the words of the real record."""
        schema = real.get("telemetry.main").schema
        tables = {"telemetry.main": schema}
        for path in ("payload.histograms.gc_ms", "payload.processes.gpu.scalars", "environment.system.gfx"):
            assert googlesql.analyze(f"SELECT {path} FROM `telemetry.main`", tables) is None
        refusal = googlesql.analyze("SELECT payload.nothing FROM `telemetry.main`", tables)
        assert refusal.message.startswith("Field name nothing does not exist in STRUCT<")
        assert (refusal.line, refusal.column) == (1, 16)


class TestWithoutTheExtra:
    SPEC = "histogram: GC_MS\nfilters: {submission_date: 2020-04-20}\n"

    @pytest.fixture
    def spec(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        Path("spec.yaml").write_text(self.SPEC)

    def test_it_is_said_once(self, spec, monkeypatch):
        monkeypatch.setattr(specs, "find_spec", lambda name: None)
        ran = querygen("check", "spec.yaml", "spec.yaml")
        assert (ran.code, ran.text) == (0, "spec.yaml: ok\n" * 2)
        assert ran.stderr == (
            "note: not read by Google's analyzer; pip install 'querygen[googlesql]' adds it\n"
        )

    def test_it_can_be_left_out(self, spec, monkeypatch):
        def never(query):
            raise AssertionError(query)

        monkeypatch.setattr(Query, "analyze", never)
        ran = querygen("check", "spec.yaml", "--no-analyze")
        assert (ran.code, ran.text, ran.stderr) == (0, "spec.yaml: ok\n", "")
