"""The pair of files that mozilla/stmo-cli deploys: a query's text, and beside it what Redash knows of it.

Files are called `{id}-{slug of the name}`, with the id 0 before Redash has given one. Deploying writes the
file anew with the ids that it gave; so does whoever sets a schedule. Emitting keeps all that.
"""

import io
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from querygen.errors import QuerygenError, Span, UsageError
from querygen.redash import CHART_NAMES, RedashQuery

DATA_SOURCE = 63
"""The id of BigQuery in STMO."""

# Words that YAML 1.1 and 1.2 read as text: none of `no`, `on`, `y`, `null`, `nan`, and no number or date.
_WORDS = re.compile(
    r"(?!(?i:y|n|yes|no|on|off|true|false|null|nan|inf)\Z)[A-Za-z_][A-Za-z0-9_ .()/-]*(?<! )", re.ASCII
)


@dataclass(frozen=True)
class Pair:
    """Two files to write, and those that they take the place of.

    Attributes:
        stem: the path of both without its end.
        replaces: files of the same query under another name.
    """

    stem: Path
    sql: str
    metadata: str
    replaces: tuple[Path, ...] = ()

    @property
    def files(self) -> dict[Path, str]:
        """The content of each file."""
        named = {".sql": self.sql, ".yaml": self.metadata}
        return {self.stem.with_name(self.stem.name + end): text for end, text in named.items()}


def pair(query: RedashQuery, folder: Path, *, query_id: int | None, data_source_id: int | None) -> Pair:
    """The files of a query in a folder, with the ids, the schedule and the tags that it has there.

    Args:
        query: what is emitted.
        folder: where stmo-cli looks for queries.
        query_id: the query of STMO that it is; by default that of the file of the same name.
        data_source_id: of the database; by default as before, or STMO's.

    Raises:
        UsageError: the folder has several queries of this name, or none of the id.
        QuerygenError: the file that is there holds something else.
    """
    slug = slugify(query.name)
    before = _existing(folder, slug, query_id)
    known = {} if before is None else _read(before)
    metadata = {
        **known,
        "id": int(known.get("id") or 0),
        "name": query.name,
        "description": query.description or known.get("description"),
        "data_source_id": data_source_id or known.get("data_source_id") or DATA_SOURCE,
        "schedule": known.get("schedule"),
        "options": {**(known.get("options") or {}), "parameters": [*query.parameters]},
        "visualizations": _visualizations(known.get("visualizations") or [], query),
        "tags": known.get("tags"),
    }
    stem = folder / f"{metadata['id']}-{slug}"
    old = () if before is None or before.stem == stem.name else (before, before.with_suffix(".sql"))
    return Pair(stem, query.sql, _yaml(metadata), old)


def slugify(name: str) -> str:
    """The name of a query as stmo-cli has it in names of files: letters and digits, in lower case."""
    return "-".join(re.findall(r"[^\W_]+", name.lower()))


def _existing(folder: Path, slug: str, query_id: int | None) -> Path | None:
    """The file of a query that is there already."""
    files = sorted(folder.glob("*.yaml")) if folder.is_dir() else []
    named = {path: re.fullmatch(r"([0-9]+)-(.*)", path.stem) for path in files}
    if query_id is not None:
        found = [path for path, name in named.items() if name and name[1] == str(query_id)]
        if not found:
            raise UsageError.of(
                "no-such-query",
                f"{folder} has no file {query_id}-….yaml",
                help=f"fetch it with `stmo-cli fetch {query_id}`, or leave out --id for a new query",
            )
    else:
        found = [path for path, name in named.items() if name and name[2] == slug]
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise UsageError.of("several-queries", f"{folder} has {names}", help="say which by --id NUMBER")
    return found[0] if found else None


def _read(path: Path) -> dict[str, Any]:
    wrong = QuerygenError.of(
        "not-a-query",
        "this is no query of stmo-cli: a mapping with an `id` and a list of `visualizations`",
        span=Span(str(path), 1, 1),
        help="move it away, or fetch it again with stmo-cli",
    )
    try:
        data = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError):
        raise wrong from None
    if not isinstance(data, dict) or not isinstance(data.get("id"), int):
        raise wrong
    charts = data.get("visualizations")
    is_list = charts is None or (isinstance(charts, list) and all(isinstance(one, dict) for one in charts))
    if not is_list or not isinstance(data.get("options") or {}, dict):
        raise wrong
    return data


def _visualizations(known: list[dict[str, Any]], query: RedashQuery) -> list[dict[str, Any]]:
    """Those that are there, ours among them with new settings; what was set beside these stays."""
    made = [*known]
    names = {ours["name"] for ours in query.visualizations}
    for ours in query.visualizations:
        at = _place(made, {ours["name"]})
        # Of another measure it had another name.
        at = _place(made, CHART_NAMES - names) if at is None else at
        if at is None:
            made.append(dict(ours))
            continue
        before = made[at]
        options = before.get("options")
        kept = options if isinstance(options, Mapping) else {}
        made[at] = {**before, **ours, "options": {**kept, **ours["options"]}}
        made[at]["description"] = before.get("description")
    return made


def _place(charts: Sequence[Mapping[str, Any]], names: Collection[str]) -> int | None:
    """Where the first chart of one of these names is."""
    found = (i for i, one in enumerate(charts) if one.get("type") == "CHART" and one.get("name") in names)
    return next(found, None)


def _yaml(metadata: dict[str, Any]) -> str:
    """The same bytes for the same content, in YAML that every reader of it understands alike."""
    writer = YAML()
    writer.version = None
    writer.width = 2**16
    writer.indent(mapping=2, sequence=4, offset=2)
    writer.representer.ignore_aliases = lambda *_: True
    writer.representer.add_representer(type(None), _null)
    out = io.StringIO()
    writer.dump(_plain(metadata), out)
    return out.getvalue()


def _null(representer: Any, _: None) -> Any:
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")


def _plain(value: Any) -> Any:
    """Texts in quotes, unless no version of YAML reads them as anything else; lines each in a line."""
    if isinstance(value, Mapping):
        return {_plain(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if not isinstance(value, str):
        return value
    if "\n" in value:
        return LiteralScalarString(value)
    return value if _WORDS.fullmatch(value) else DoubleQuotedScalarString(value)
