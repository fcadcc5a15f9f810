"""Completion in shells: the command that sets it up, and what can stand at the cursor.

The shell calls `querygen` itself, with the line in its environment; argcomplete reads it by the parser of
the command. Names come out of a file in the cache: reading a production schema takes longer than a key press.
"""

import argparse
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from querygen import VERSION
from querygen.cli.options import Add, Command
from querygen.cli.output import write
from querygen.errors import QuerygenError

_CHANNELS = ("nightly", "aurora", "beta", "release", "esr")
_SPECS = (".yaml", ".yml", ".json")
_DAY = 86_400
_HOW = {
    "bash": 'add this line to ~/.bashrc:  eval "$(querygen completion bash)"',
    "zsh": 'add this line to ~/.zshrc, after compinit:  eval "$(querygen completion zsh)"',
    "fish": "write this to ~/.config/fish/completions/querygen.fish",
}


def _completion(arguments: argparse.Namespace) -> int:
    """Print a script that has bash, zsh or fish complete commands, flags, files and names of probes."""
    from argcomplete.shell_integration import shellcode

    script = shellcode(["querygen"], shell=arguments.shell).strip()
    write(f"# {_HOW[arguments.shell]}\n{script}\n".encode(), None)
    return 0


def complete() -> None:
    """Answers the shell, which calls `querygen` with `_ARGCOMPLETE` in the environment; ends the process."""
    import argcomplete

    from querygen.cli.parser import parser_for

    words = os.environ.get("COMP_LINE", "").split()
    parser = parser_for(words[1] if len(words) > 1 else "")
    for action in _actions(parser):
        completer = _COMPLETERS.get(action.dest)
        if completer is not None and action.choices is None:
            action.completer = _completer(completer)  # type: ignore[attr-defined]
    argcomplete.autocomplete(
        parser,
        always_complete_options=False,
        default_completer=_completer(lambda prefix, given: files(prefix)),  # type: ignore[arg-type]
        validator=lambda word, prefix: word.lower().startswith(prefix.lower()),
    )


def _actions(parser: argparse.ArgumentParser) -> Iterable[argparse.Action]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from command._actions
        else:
            yield action


_Completer = Callable[[str, argparse.Namespace], Iterable[str]]


def _completer(found: _Completer) -> Callable[..., list[str]]:
    """As argcomplete calls it; what cannot be read has no completions."""

    def completer(prefix: str, parsed_args: argparse.Namespace, **_: Any) -> list[str]:
        try:
            return list(found(prefix, parsed_args))
        except (QuerygenError, OSError):
            return []

    return completer


def files(prefix: str, suffixes: tuple[str, ...] = ()) -> list[str]:
    """The paths that begin so: folders, which end in a slash, and files, if need be of a kind."""
    typed, name = os.path.split(prefix)
    folder = Path(typed).expanduser() if typed else Path()
    found = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(name) and (name.startswith(".") or not path.name.startswith(".")):
            shown = os.path.join(typed, path.name)  # noqa: PTH118 as it was typed
            if path.is_dir():
                found.append(f"{shown}/")
            elif not suffixes or path.name.endswith(suffixes):
                found.append(shown)
    return found


def _specs(prefix: str, given: argparse.Namespace) -> list[str]:
    return files(prefix, _SPECS)


def _asked(prefix: str, given: argparse.Namespace) -> list[str]:
    """Of `explain`: specs, and codes."""
    from querygen.explain import explanations

    return [*(code for code in explanations() if code.startswith(prefix)), *files(prefix, _SPECS)]


def _of_tables(prefix: str, given: argparse.Namespace) -> list[str]:
    """TABLE=PATH, and paths alone."""
    table, equals, path = prefix.partition("=")
    if equals:
        return [f"{table}={found}" for found in files(path)]
    return [*(f"{name}=" for name in _names(given)["tables"]), *files(prefix)]


def _tables(prefix: str, given: argparse.Namespace) -> list[str]:
    return _names(given)["tables"]


def _probes(prefix: str, given: argparse.Namespace) -> Iterable[str]:
    """Names of probes; dots are as good as the underscores by which columns are named."""
    plain = prefix.lower().replace(".", "_")
    for name in _names(given)["probes"]:
        if name.lower().startswith(prefix.lower()):
            yield name
        elif "." in prefix and name.lower().startswith(plain):
            yield prefix + name[len(prefix) :]


def _dimensions(prefix: str, given: argparse.Namespace) -> list[str]:
    return _names(given)["dimensions"]


def _names(given: argparse.Namespace) -> Mapping[str, list[str]]:
    """Names of tables, probes and dimensions, by the flags of the line so far."""
    from querygen.cache import cache_folder, keep

    schemas, probes = getattr(given, "schema", None) or [], getattr(given, "probes", None)
    source = getattr(given, "source", None)
    facts = [VERSION, source or "", *schemas, *(_state(flag.partition("=")[2]) for flag in schemas)]
    facts += [probes, _state(probes)] if isinstance(probes, str) else []
    digest = hashlib.sha256("\0".join(facts).encode()).hexdigest()
    kept = cache_folder("completion") / f"{digest}.json"
    try:
        read: Mapping[str, list[str]] = json.loads(kept.read_bytes())
    except (OSError, ValueError):
        read = _names_anew(schemas, probes, source)
        keep(kept, json.dumps(read))
    return read


def _state(path: str) -> str:
    """What changes when a file does; of a folder, which is too large to be looked through, the day."""
    place = Path(path)
    if place.is_dir():
        return f"{place.resolve()} {time.time() // _DAY:.0f}"
    about = place.stat()
    return f"{place.resolve()} {about.st_mtime_ns} {about.st_size}"


def _names_anew(schemas: list[str], probes: str | None, source: str | None) -> Mapping[str, list[str]]:
    from querygen.api import catalog_of
    from querygen.cli.reading import schemas as by_table
    from querygen.listing import known_names

    given = by_table(schemas)
    catalog = catalog_of(given, probes)
    tables = [source] if source else [*given] or [*catalog.names]
    known = list(filter(None, map(catalog.get, tables)))
    named = set(known_names(catalog, tables))
    if not given and probes is None:  # the built-in schemas know few names, and the sample has some more
        from querygen.sample.columns import SCHEMAS, probe_names

        named |= {name for table in tables if table in SCHEMAS for name in probe_names(table)}
    return {
        "tables": sorted({*catalog.names, *given}),
        "probes": sorted(named),
        "dimensions": sorted({name for table in known for name in table.friendly}),
    }


# What stands for an argument, by its name in the namespace; files, where nothing is said.
_COMPLETERS: dict[str, _Completer] = {
    "asked": _asked,
    "by": _dimensions,
    "channel": lambda prefix, given: _CHANNELS,
    "data": _of_tables,
    "new": _specs,
    "pattern": _probes,
    "probe": _probes,
    "schema": _of_tables,
    "source": _tables,
    "spec": _specs,
    "specs": _specs,
    "table": _tables,
    # What only a person knows has no completions.
    **dict.fromkeys(
        ("branch", "control", "experiment", "first", "id", "last", "only", "received", "today"),
        lambda prefix, given: (),
    ),
}


def _flags(add: Add) -> None:
    add("shell", choices=list(_HOW), metavar="SHELL", help=", ".join(_HOW))


COMMANDS = {"completion": Command(_completion, flags=_flags)}
