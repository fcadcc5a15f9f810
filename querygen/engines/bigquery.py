"""Runs the SQL on BigQuery, by a client of the user's: `google.cloud.bigquery.Client`, or one that is alike.

The text has no parameters, so that the client gets nothing but the text. What the client is configured with
holds: its project, its location, and its default job configuration, such as `maximum_bytes_billed`.
"""

from typing import Any, Protocol

import pyarrow as pa

from querygen.errors import EngineError, QuerygenError
from querygen.extras import require


class Client(Protocol):
    """What is needed of a client.

    `query` gives a job whose `result().to_arrow()` is a pyarrow Table, and whose `total_bytes_processed` is
    known after a dry run.
    """

    def query(self, query: str, job_config: Any = None) -> Any:
        """Starts a query."""


def run(sql: str, client: Client) -> pa.Table:
    """Runs one query, and waits for its rows.

    Raises:
        EngineError: the client or BigQuery refuses.
    """
    try:
        return client.query(sql).result().to_arrow()
    except Exception as error:
        raise _refused("run", error) from error


def scanned(sql: str, client: Client) -> int:
    """How many bytes the query would scan, as BigQuery says without running it.

    Raises:
        EngineError: google-cloud-bigquery is not installed, or BigQuery refuses.
    """
    require("google.cloud.bigquery", "querygen[bigquery]")
    from google.cloud.bigquery import QueryJobConfig

    try:
        job = client.query(sql, job_config=QueryJobConfig(dry_run=True, use_query_cache=False))
        return int(job.total_bytes_processed)
    except Exception as error:
        raise _refused("tell the cost of", error) from error


def _refused(verb: str, error: Exception) -> QuerygenError:
    """Whatever went wrong: a client raises errors of its own, of its transport, and of its credentials."""
    said = " ".join(str(getattr(error, "message", None) or error).split()) or type(error).__name__
    return EngineError.of(
        "bigquery",
        f"BigQuery cannot {verb} the query: {said}",
        help="a table without a project is looked for in the client's; name it in the spec: "
        "`source: {table: PROJECT.telemetry.main, like: telemetry.main}`"
        if "not found" in said.lower()
        else None,
    )
