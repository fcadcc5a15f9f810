"""BigQuery by a client: what it is given, what is made of its rows, and what is said when it refuses.

No test here reaches BigQuery. Its part is played by Google's reference evaluator, which runs the very text
that the client was given, on pings of ours.
"""

import base64
import datetime as dt
import json

import pyarrow as pa
import pytest
from harness import NEEDS_GOOGLESQL

from querygen import EngineError, Query, QuerygenError, load
from querygen.engines import googlesql
from querygen.result import ARROW_TYPES
from querygen.running import attached

pytestmark = NEEDS_GOOGLESQL

PINGS = [
    {
        "client_id": client,
        "document_id": f"id-{i}",
        "normalized_os": os,
        "submission_timestamp": f"2020-04-{day} 10:00:00",
        "application": {"build_id": "20200420093000"},
        "payload": {"histograms": {"gc_ms": recorded}},
    }
    for i, (client, os, day, recorded) in enumerate(
        [
            ("a", "Mac", 19, '{"values":{"3":2,"5":1}}'),
            ("b", "Mac", 20, '{"values":{"7":4}}'),
            ("c", None, 20, '{"values":{"0":1}}'),
            ("d", "Linux", 20, '{"values":{"broken'),
        ]
    )
]
ALL_DAYS = {"submission_date": {"from": "2020-04-19", "to": "2020-04-20"}}
QUERIES = {
    "percentiles": Query(histogram="GC_MS", dimensions=["os"], percentiles=[0.5, 0.9], filters=ALL_DAYS),
    "distribution": Query(
        histogram="GC_MS", dimensions=["build_time"], normalization="client", filters=ALL_DAYS
    ),
    "counts": Query(measure="counts", dimensions=["submission_date", "os"], filters=ALL_DAYS),
    "low": Query(histogram="GC_MS", dimensions=["os"], percentiles=[0.5], min_clients=2, filters=ALL_DAYS),
    "pings": Query(measure="pings", fields=["document_id", "submission_timestamp", "os"], filters=ALL_DAYS),
}


@pytest.fixture
def folder(tmp_path):
    text = "".join(json.dumps(ping) + "\n" for ping in PINGS)
    (tmp_path / "telemetry.main.ndjson").write_text(text, encoding="utf-8")
    return tmp_path


def evaluated(query, text, folder):
    """What Google's evaluator makes of a text, over the tables that the query reads."""
    with attached(query.plan(), query._catalog, [str(folder)]) as tables:
        return googlesql.run(text, tables.rows)


class Job:
    def __init__(self, table, scanned):
        self.table, self.total_bytes_processed = table, scanned

    def result(self):
        return self

    def to_arrow(self):
        return self.table


class Client:
    """What is asked of a client, as it is documented, and not more."""

    def __init__(self, query, folder):
        self.asked, self._query, self._folder = [], query, folder

    def query(self, query, job_config=None):
        self.asked.append((query, job_config))
        if job_config is not None:
            return Job(None, 1234)
        return Job(evaluated(self._query, query, self._folder), None)


@pytest.mark.parametrize("name", QUERIES)
def test_a_client_is_given_the_text_and_its_rows_are_typed(name, folder):
    query = QUERIES[name]
    client = Client(query, folder)
    answer = query.run(client=client)
    assert client.asked == [(query.sql(), None)]
    here = query.run(folder)
    assert answer.rows() == here.rows()
    assert answer.table.schema == here.table.schema
    assert (answer.engine, answer.origin, answer.warnings) == ("bigquery", "bigquery", here.warnings)
    assert ("Data", "the tables in BigQuery, as they were at the run") in answer.provenance.lines()


def test_the_form_of_the_sql_is_the_one_that_was_asked_for(folder):
    query = QUERIES["percentiles"]
    client = Client(query, folder)
    assert query.run(client=client, udfs="temp").rows() == query.run(folder).rows()
    ((text, _),) = client.asked
    assert text == query.sql(udfs="temp") != query.sql()


def test_the_cost_is_asked_for_without_running(folder):
    bigquery = pytest.importorskip("google.cloud.bigquery")
    query = QUERIES["percentiles"]
    client = Client(query, folder)
    assert query.cost(client) == 1234
    ((text, config),) = client.asked
    assert text == query.sql()
    assert isinstance(config, bigquery.QueryJobConfig)
    assert (config.dry_run, config.use_query_cache) == (True, False)


class Refusing:
    """A client that raises."""

    def __init__(self, error):
        self.error = error

    def query(self, query, job_config=None):
        raise self.error


def test_a_refusal_is_said_in_a_sentence():
    error = ValueError("Not found: Table\n my-project:telemetry.main")
    with pytest.raises(EngineError) as caught:
        QUERIES["counts"].run(client=Refusing(error))
    (finding,) = caught.value.diagnostics
    assert finding.code == "bigquery"
    assert finding.message == "BigQuery cannot run the query: Not found: Table my-project:telemetry.main"
    assert "like: telemetry.main" in finding.help
    assert caught.value.__cause__ is error
    with pytest.raises(EngineError, match="cannot run the query: PermissionError") as caught:
        QUERIES["counts"].run(client=Refusing(PermissionError()))
    assert caught.value.diagnostics[0].help is None


def test_the_cost_may_be_refused_too():
    pytest.importorskip("google.cloud.bigquery")
    with pytest.raises(EngineError, match="BigQuery cannot tell the cost of the query: no"):
        QUERIES["counts"].cost(Refusing(RuntimeError("no")))


def test_strict_names_the_ping(folder):
    query = QUERIES["percentiles"].replace(strict=True)
    with pytest.raises(QuerygenError) as caught:
        query.run(client=Client(query, folder))
    assert caught.value.diagnostics[0].code == "undecodable"
    assert "id-3" in caught.value.diagnostics[0].message


def test_a_client_and_data_are_two():
    with pytest.raises(QuerygenError, match="`data` and `client` are given"):
        QUERIES["counts"].run("data", client=Refusing(None))


# --- The real client, whose requests end here --------------------------------------------------------

WIRE = {pa.string(): "STRING", pa.int64(): "INTEGER", pa.float64(): "FLOAT", pa.bool_(): "BOOLEAN"} | {
    kind: name for name, kind in ARROW_TYPES.items() if name in ("DATE", "DATETIME", "TIMESTAMP", "NUMERIC")
}


def on_the_wire(value):
    """A value as BigQuery's REST interface writes it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dt.datetime):
        if value.tzinfo is None:
            return value.isoformat()
        return str(int(value.timestamp()) * 1_000_000 + value.microsecond)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)


class Wire:
    """The transport of google-cloud-bigquery: answers its requests as the service's documentation says."""

    is_mtls = False

    def __init__(self, query, folder):
        self.bodies, self._query, self._folder, self._table = [], query, folder, None

    def request(self, method, url, data=None, headers=None, timeout=None, **rest):
        answer = self._jobs(json.loads(data)) if method == "POST" else self._rows()
        return Response(json.dumps(answer).encode())

    def _jobs(self, body):
        self.bodies.append(body)
        text = body["configuration"]["query"]["query"]
        if not body["configuration"].get("dryRun"):
            self._table = evaluated(self._query, text, self._folder)
        destination = {"projectId": "p", "datasetId": "d", "tableId": "t"}
        return {
            "jobReference": body["jobReference"] | {"projectId": "p", "location": "US"},
            "configuration": {
                **body["configuration"],
                "query": {**body["configuration"]["query"], "destinationTable": destination},
                "jobType": "QUERY",
            },
            "status": {"state": "DONE"},
            "statistics": {"totalBytesProcessed": "4321", "query": {"totalBytesProcessed": "4321"}},
        }

    def _rows(self):
        fields = [
            {"name": field.name, "type": WIRE[field.type], "mode": "NULLABLE"} for field in self._table.schema
        ]
        rows = [
            {"f": [{"v": on_the_wire(value)} for value in row.values()]} for row in self._table.to_pylist()
        ]
        return {
            "jobComplete": True,
            "jobReference": {"projectId": "p", "jobId": "j", "location": "US"},
            "schema": {"fields": fields},
            "totalRows": str(len(rows)),
            "rows": rows,
        }


class Response:
    status_code, ok = 200, True
    headers: dict = {"content-type": "application/json"}  # noqa: RUF012

    def __init__(self, content):
        self.content, self.text = content, content.decode()

    def json(self):
        return json.loads(self.content)


@pytest.fixture
def client_of(folder):
    bigquery = pytest.importorskip("google.cloud.bigquery")
    from google.auth.credentials import AnonymousCredentials

    def made(query):
        wire = Wire(query, folder)
        return bigquery.Client("p", AnonymousCredentials(), _http=wire), wire

    return made


@pytest.mark.filterwarnings("ignore:BigQuery Storage module not found")
@pytest.mark.parametrize("name", QUERIES)
def test_google_s_own_client_takes_it(name, folder, client_of):
    query = QUERIES[name]
    client, wire = client_of(query)
    answer = query.run(client=client)
    (body,) = wire.bodies
    assert body["configuration"]["query"]["query"] == query.sql()
    assert body["configuration"]["query"]["useLegacySql"] is False
    assert "queryParameters" not in body["configuration"]["query"]
    here = query.run(folder)
    assert answer.rows() == here.rows()
    assert answer.table.schema == here.table.schema


def test_google_s_own_client_tells_the_cost(client_of):
    query = QUERIES["counts"]
    client, wire = client_of(query)
    assert query.cost(client) == 4321
    (body,) = wire.bodies
    assert body["configuration"]["dryRun"] is True
    assert body["configuration"]["query"]["useQueryCache"] is False


def test_parameters_are_literals(folder):
    spec = {
        "measure": "counts",
        "parameters": {"os": {"kind": "enum", "options": ["Mac", "Linux"]}},
        "filters": {**ALL_DAYS, "os": {"parameter": "os"}},
    }
    query = load(spec)
    client = Client(query, folder)
    assert query.run(client=client).rows() == [{"n_clients": 2, "n_pings": 2}]
    assert "'Mac'" in client.asked[0][0]
