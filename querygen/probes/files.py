"""Finds definition files in a path and decodes them, YAML with the help of a cache.

ruamel.yaml needs seconds for Firefox's 135 YAML files (without its optional C extension), so their content is
kept as JSON in `$XDG_CACHE_HOME/querygen/probes`, under a hash of their text. Without a writable cache folder
everything works the same, slower.
"""

import hashlib
import json
import lzma
import os
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from querygen.cache import cache_folder, keep
from querygen.errors import QuerygenError, Span, UsageError

_DEFINITIONS = re.compile(r"(Histograms\.json|Scalars\.yaml|(.*[_-])?metrics\.yaml)(\.xz)?")
_TAR = re.compile(r".*\.(tar|tgz)(\.[a-z0-9]+)?")
# What a checkout also holds and Firefox on the desktop doesn't record: build output, test fixtures, vendored
# code and the mobile applications.
_NOT_OURS = re.compile(r"obj-.*|\..*|node_modules|third_party|mobile|tests?|testing")
_CACHE_FORMAT = "1"


def is_definitions(name: str) -> bool:
    """Whether a file of this name holds probe definitions."""
    return _DEFINITIONS.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class DefinitionFile:
    """A definition file, decoded.

    Attributes:
        name: its path as errors call it; inside an archive `archive.tar.xz!path/in/it`.
        content: the mapping it holds.
    """

    name: str
    text: str
    content: dict[str, Any]

    def span(self, *keys: str) -> Span:
        """Where the key stands that the path of `keys` leads to; the last of them that can be found."""
        start = 0
        for depth, key in enumerate(keys):
            indent = "" if self.is_json else r"^[ \t]+" if depth else "^"
            quote = '"' if self.is_json else "[\"']?"
            pattern = rf"{indent}{quote}({re.escape(key)}){quote}\s*:"
            found = re.compile(pattern, re.MULTILINE).search(self.text, start)
            if found:
                start = found.start(1)
        return span_at(self.name, self.text, start)

    @property
    def is_json(self) -> bool:
        """Whether it is a Histograms.json; the others are YAML."""
        return _is_json(self.name)


def _is_json(name: str) -> bool:
    return name.removesuffix(".xz").endswith(".json")


def span_at(name: str, text: str, index: int) -> Span:
    """The place of a character of a text."""
    line = text.count("\n", 0, index)
    column = index - (text.rfind("\n", 0, index) + 1)
    return Span(name, line + 1, column + 1, 1, text.split("\n")[line][:200] if column < 200 else None)


def definition_files(path: str | Path) -> Iterator[DefinitionFile]:
    """Every definition file at a path: the file itself, those in an archive, or those below a folder.

    Raises:
        UsageError: the path does not exist or holds no definition file.
        QuerygenError: a file is damaged or is no JSON or YAML.
    """
    path = Path(path)
    if not path.exists():
        raise UsageError.of(
            "no-such-file",
            f"the probe definitions {path} do not exist",
            help="give gecko's Histograms.json or Scalars.yaml, a metrics.yaml, or a folder of them",
        )
    found = False
    for file in _below(path) if path.is_dir() else [path]:
        for name, raw in _unpacked(file):
            found = True
            yield _decoded(name, raw)
    if not found:
        raise UsageError.of(
            "no-definitions",
            f"{path} holds no probe definitions",
            help="they are Histograms.json, Scalars.yaml and metrics.yaml files; .xz and .tar.xz will do",
        )


def _below(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _NOT_OURS.fullmatch(name))
        for name in sorted(names):
            if is_definitions(name) or (_TAR.fullmatch(name) and "metrics" in name):
                yield Path(parent, name)


def _unpacked(file: Path) -> Iterator[tuple[str, bytes]]:
    """The names and contents in a file: one, or those of an archive that are definition files."""
    try:
        if not _TAR.fullmatch(file.name):
            raw = file.read_bytes()
            yield str(file), lzma.decompress(raw) if file.suffix == ".xz" else raw
            return
        with tarfile.open(file) as archive:
            for member in archive:
                *folders, name = member.name.split("/")
                ours = not any(_NOT_OURS.fullmatch(part) for part in folders if part != ".")
                if member.isfile() and ours and is_definitions(name):
                    content = archive.extractfile(member)
                    if content:
                        yield f"{file}!{member.name}", content.read()
    except (OSError, EOFError, lzma.LZMAError, tarfile.TarError) as error:
        reason = getattr(error, "strerror", None) or error
        raise QuerygenError.of(
            "bad-archive",
            f"it cannot be read: {reason}",
            span=Span(str(file), 1, 1),
            help="fetch the file anew",
        ) from None


def _decoded(name: str, raw: bytes) -> DefinitionFile:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise QuerygenError.of(
            "not-utf8", "it is not UTF-8 text", span=Span(name, line, 1), help="save the file as UTF-8"
        ) from None
    content = _json(name, text) if _is_json(name) else _cached_yaml(name, text)
    if not isinstance(content, dict):
        raise QuerygenError.of(
            "not-definitions",
            "probe definitions are a mapping of names to definitions",
            span=span_at(name, text, 0),
            help="is it the right file?",
        )
    return DefinitionFile(name, text, content)


def _json(name: str, text: str) -> Any:
    def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content = dict(pairs)
        if len(content) < len(pairs):
            key = next(key for i, (key, _) in enumerate(pairs) if key in dict(pairs[:i]))
            places = [m.start(1) for m in re.finditer(rf'"({re.escape(key)})"\s*:', text)]
            # The parser doesn't say where; a key that occurs only there can be found.
            raise QuerygenError.of(
                "duplicate-key",
                f"{name}: `{key}` is given twice",
                span=span_at(name, text, places[1]) if len(places) == 2 else None,
                help="remove one of the two",
            )
        return content

    try:
        return json.loads(text, object_pairs_hook=without_duplicates)
    except json.JSONDecodeError as error:
        raise QuerygenError.of(
            "bad-json",
            f"this is not valid JSON: {error.msg[:1].lower()}{error.msg[1:]}",
            span=span_at(name, text, error.pos),
            help="look for a missing or superfluous comma before this place",
        ) from None


def _cached_yaml(name: str, text: str) -> Any:
    cached = cache_folder("probes") / f"{hashlib.sha256((_CACHE_FORMAT + text).encode()).hexdigest()}.json"
    try:
        return json.loads(cached.read_bytes())
    except (OSError, ValueError):
        pass
    # Dates (`expires: 2026-01-31`) become text, as JSON would have them.
    content = json.loads(json.dumps(_yaml(name, text), default=str))
    keep(cached, json.dumps(content))
    return content


def _yaml(name: str, text: str) -> Any:
    try:
        return YAML(typ="safe").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = (error.problem or error.context or "it cannot be read").split("\n", 1)[0]
        raise QuerygenError.of(
            "bad-yaml",
            f"this is not valid YAML: {problem}",
            span=span_at(name, text, mark.index) if mark else Span(name, 1, 1),
            help="look for uneven indentation, an unclosed quote, or a key given twice",
        ) from None
    except (YAMLError, ValueError) as error:
        raise QuerygenError.of(
            "bad-yaml", f"this is not valid YAML: {error}", span=Span(name, 1, 1), help="correct the file"
        ) from None
