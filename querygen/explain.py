"""What each code means: `querygen explain CODE`, from the pages in `explanations/`.

A page is a title, a paragraph, and, where a spec alone can have the finding, one that has it and its repair;
the tests run both.
"""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

from ruamel.yaml import YAML

from querygen.errors import UsageError, similar_name_help

_FOLDER = Path(__file__).parent / "explanations"
_WIDTH = 88


@dataclass(frozen=True)
class Explanation:
    """The page of one code.

    Attributes:
        title: what is found, in a few words.
        means: why it matters and what to do, as one paragraph.
        spec: a spec that has the finding; empty where files, flags or engines have it.
        repaired: the same spec without it.
        files: further files that it takes, by name.
        probes: which of them `--probes` reads, if any.
        command: the command that shows it.
    """

    code: str
    severity: Literal["error", "warning"]
    title: str
    means: str
    spec: str = ""
    repaired: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    probes: str | None = None
    command: Literal["check", "run"] = "check"

    def __str__(self) -> str:
        """The page as it is printed."""
        parts = [f"{self.code} ({self.severity}): {self.title}", textwrap.fill(self.means, _WIDTH)]
        if self.spec:
            probes = f" --probes {self.probes}" if self.probes else ""
            parts += [f"For example, in `querygen {self.command} spec.yaml{probes}`:", _indented(self.spec)]
            for name, text in self.files.items():
                parts += [f"with {name}:", _indented(text)]
            parts += ["Repaired:", _indented(self.repaired)]
        if self.severity == "warning":
            parts.append(f"To silence it, add this line to the spec:\n\n    silence: [{self.code}]")
        return "\n\n".join(parts) + "\n"


def _indented(text: str) -> str:
    return textwrap.indent(text.rstrip("\n"), "    ")


@cache
def explanations() -> Mapping[str, Explanation]:
    """All pages by their codes: warnings, then errors of specs, then those of files, flags and engines."""
    found: dict[str, Explanation] = {}
    for name in ("warnings", "specs", "others"):
        pages = YAML(typ="safe", pure=True).load((_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
        for code, page in pages.items():
            severity: Literal["error", "warning"] = "warning" if name == "warnings" else "error"
            found[code] = Explanation(code, severity, **page)
    return found


def explained(code: str) -> str:
    """The page of a code.

    Raises:
        UsageError: there is no such code.
    """
    page = explanations().get(code.lower())
    if page is None:
        raise UsageError.of(
            "unknown-code",
            f"no warning or error has the code `{code}`, and no file has this name",
            help=similar_name_help(code, explanations(), "a code")
            or "name the file of a spec, or one of the codes that `querygen explain` lists",
        )
    return str(page)


def listed() -> str:
    """All codes with their titles."""
    width = max(map(len, explanations()))
    lines = [f"{code:<{width}}  {page.severity}: {page.title}" for code, page in explanations().items()]
    return "\n".join(lines) + "\n"
