"""What is kept from one run to the next, since it is slow to make and can be made anew."""

import os
from pathlib import Path

from querygen.atomic import appearing_when_complete


def cache_folder(kind: str) -> Path:
    """Where things of one kind are kept; the folder need not exist."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # A relative path is to be ignored, says the XDG specification.
    root = Path(base) if os.path.isabs(base) else Path("~/.cache").expanduser()  # noqa: PTH117
    return root / "querygen" / kind


def keep(path: Path, content: str) -> None:
    """Writes a file of the cache whole or not at all: several processes may do so at once."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with appearing_when_complete(path) as partial:
            partial.write_text(content, encoding="utf-8")
    except OSError:
        pass
