"""Schemas: reading, lookup without regard to case, open records, suggestions, pruning, type texts."""

import difflib
import json
import lzma
from pathlib import Path

import pytest

from querygen.errors import QuerygenError, UsageError
from querygen.schema import Field, Schema, builtin_schema, read_schema

SHARED = Path(__file__).parents[2] / "shared" / "schemas" / "main.5.bq.xz"
needs_real = pytest.mark.skipif(not SHARED.exists(), reason="the production schema is not at ../shared")

SMALL = [
    {"name": "Client_ID", "type": "STRING", "mode": "NULLABLE"},
    {"name": "n", "type": "INTEGER"},
    {"name": "x", "type": "FLOAT"},
    {"name": "b", "type": "BOOLEAN"},
    {"name": "day", "type": "DATE"},
    {"name": "at", "type": "TIMESTAMP"},
    {"name": "local", "type": "DATETIME"},
    {
        "name": "application",
        "type": "STRUCT",
        "fields": [{"name": "build_id", "type": "STRING"}, {"name": "name", "type": "STRING"}],
    },
    {
        "name": "experiments",
        "type": "RECORD",
        "mode": "REPEATED",
        "fields": [
            {"name": "key", "type": "STRING"},
            {"name": "value", "type": "RECORD", "fields": [{"name": "branch", "type": "STRING"}]},
        ],
    },
    {"name": "tags", "type": "STRING", "mode": "REPEATED"},
]


@pytest.fixture
def small(tmp_path: Path) -> Schema:
    path = tmp_path / "small.json"
    path.write_text(json.dumps(SMALL))
    return read_schema("d.t", path)


def builtin() -> Schema:
    schema = builtin_schema("telemetry.main")
    assert schema
    return schema


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"fields": s}, lambda s: {"schema": {"fields": s}}])
@pytest.mark.parametrize("packed", [False, True])
def test_reads_what_bq_show_writes(tmp_path: Path, wrap, packed: bool, small: Schema) -> None:
    text = json.dumps(wrap(SMALL)).encode()
    path = tmp_path / ("s.json.xz" if packed else "s.json")
    path.write_bytes(lzma.compress(text) if packed else text)
    assert read_schema("d.t", path) == small


def test_lookup_disregards_case_and_answers_in_the_schemas_spelling(small: Schema) -> None:
    assert small.resolve("CLIENT_id") == ("Client_ID", Field("Client_ID", "STRING"))
    assert small.find("Application.BUILD_ID") == Field("build_id", "STRING")
    assert small.find("application.nope") is None
    assert small.find("client_id.x") is None
    assert small.find("experiments.key") is None, "a path does not lead into an array"
    assert small.find("") is None


def test_types_are_named_as_bigquery_does(small: Schema) -> None:
    assert {path: field.type for path, field in small.leaves()} == {
        "Client_ID": "STRING",
        "n": "INT64",
        "x": "FLOAT64",
        "b": "BOOL",
        "day": "DATE",
        "at": "TIMESTAMP",
        "local": "DATETIME",
        "application.build_id": "STRING",
        "application.name": "STRING",
        "experiments": "RECORD",
        "tags": "STRING",
    }


def test_type_texts(small: Schema) -> None:
    def texts(path: str) -> tuple[str, str]:
        field = small.find(path)
        assert field
        return field.bigquery_type(), field.duckdb_type()

    assert texts("at") == ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
    assert texts("local") == ("DATETIME", "TIMESTAMP")
    assert texts("n") == ("INT64", "BIGINT")
    assert texts("tags") == ("ARRAY<STRING>", "VARCHAR[]")
    assert texts("experiments") == (
        "ARRAY<STRUCT<key STRING, value STRUCT<branch STRING>>>",
        'STRUCT("key" VARCHAR, "value" STRUCT("branch" VARCHAR))[]',
    )
    assert Field("a", "RECORD", fields={'q"': Field('q"', "INT64")}).duckdb_type() == 'STRUCT("q""" BIGINT)'


def test_prune_keeps_the_schemas_order_and_whole_records(small: Schema) -> None:
    pruned = small.prune(["experiments", "APPLICATION.name", "client_id"])
    assert [path for path, _ in pruned.leaves()] == ["Client_ID", "application.name", "experiments"]
    for paths in (["application", "application.name"], ["application.name", "application"]):
        assert small.prune(paths).find("application.build_id")
    with pytest.raises(KeyError, match="nope"):
        small.prune(["nope"])


def test_open_records_take_any_well_formed_name() -> None:
    schema = builtin()
    assert schema.resolve("payload.histograms.FX_New_Probe") == (
        "payload.histograms.fx_new_probe",
        Field("fx_new_probe", "STRING"),
    )
    keyed = schema.find("payload.processes.GPU.keyed_histograms.x")
    assert keyed
    assert keyed.bigquery_type() == "ARRAY<STRUCT<key STRING, value STRING>>"
    assert schema.find("payload.histograms.not-a-name") is None
    assert schema.find("payload.histograms.1st") is None
    assert schema.find("payload.nope") is None
    assert schema.find("payload.processes.parent.histograms.x") is None, "those are payload.histograms"
    pruned = schema.prune(["payload.histograms.b", "payload.histograms.a", "client_id"])
    assert pruned.root.bigquery_type() == (
        "STRUCT<client_id STRING, payload STRUCT<histograms STRUCT<a STRING, b STRING>>>"
    )


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("build_id", "application.build_id"),
        ("normalized_chanel", "normalized_channel"),
        ("payload.histgrams.fx_a", "payload.histograms.fx_a"),
        ("enviroment.settings.locle", "environment.settings.locale"),
        ("settings.locale", "environment.settings.locale"),
        ("Client-ID", "client_id"),
    ],
)
def test_nearest(path: str, meant: str) -> None:
    assert builtin().nearest(path)[0] == meant


def test_nearest_has_nothing_to_say_about_nonsense() -> None:
    assert builtin().nearest("qqqqxyz") == []


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nope\.json.*\n.*bq show --schema d\.t"):
        read_schema("d.t", tmp_path / "nope.json")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "s.json",
            b'[\n {"name": }]',
            r"s\.json:2:11: error: not valid JSON: expecting value \[bad-schema\]\n",
        ),
        ("s.json", b"\n\n\xff", r"s\.json:3:1: error: not UTF-8"),
        ("s.json.xz", b"no", r"not an \.xz file"),
        ("s.json", b"{}", "no list of fields"),
        ("s.json", b'[{"type": "STRING"}]', "a field without a name"),
        ("s.json", b'[{"name": "a", "type": "RECORD"}]', "no list of fields.*at `a`"),
        ("s.json", b'[{"name": "a", "type": "INTERVAL"}]', "the type 'INTERVAL'.*at `a`"),
        ("s.json", b'[{"name": "a", "type": "DATE"}, {"name": "A", "type": "DATE"}]', "occurs twice.*at `A`"),
    ],
)
def test_malformed_files(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(QuerygenError, match=message) as caught:
        read_schema("d.t", path)
    assert caught.value.exit_code == 1


def test_a_long_line_is_shown_shortened_around_the_fault(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text('[{"name": "' + "a" * 5000 + '", !' + "b" * 5000)
    with pytest.raises(QuerygenError) as caught:
        read_schema("d.t", path)
    place, source, caret = str(caught.value).split("\n")[:3]
    assert ":1:5015: error:" in place
    assert len(source) < 130
    assert source[caret.index("^")] == "!"


def test_builtin_schemas_are_for_known_tables_only() -> None:
    assert builtin_schema("telemetry.nope") is None
    assert builtin_schema("../schemas/telemetry.main") is None
    assert builtin_schema("telemetry.main") is builtin_schema("telemetry.main")


@needs_real
def test_the_builtin_schema_agrees_with_the_production_one() -> None:
    real = read_schema("telemetry.main", SHARED)
    for path, field in builtin().leaves():
        found = real.find(path)
        assert found, path
        assert found.bigquery_type() == field.bigquery_type(), path
    probe = "payload.histograms.fx_tab_switch_spinner_visible_ms"
    assert builtin().resolve(probe) == real.resolve(probe)


@needs_real
def test_no_production_name_looks_like_a_misspelt_builtin_one() -> None:
    real = read_schema("telemetry.main", SHARED)

    def check(known: Field, full: Field, path: str) -> None:
        for name, child in full.fields.items():
            twin = known.child(name)
            if twin is None:
                near = difflib.get_close_matches(name, known.fields, 1, 0.85)
                assert not near, f"{path}.{name} looks like {near}"
            elif twin.type == child.type == "RECORD":
                check(twin, child, f"{path}.{name}")

    check(builtin().root, real.root, "")


@needs_real
def test_a_misspelt_path_of_the_production_schema_has_a_nearest() -> None:
    nearest = read_schema("telemetry.main", SHARED).nearest(
        "payload.histograms.fx_tab_switch_spiner_visible_ms"
    )
    assert nearest[0] == "payload.histograms.fx_tab_switch_spinner_visible_ms"
