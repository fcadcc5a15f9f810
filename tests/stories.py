"""Stories for tests, written once for as long as what they are made of stays the same."""

import shutil
import tempfile
from functools import cache
from hashlib import sha256
from pathlib import Path

import querygen.sample
from querygen.sample import write_story


@cache
def told(story: str) -> Path:
    """A folder of the story's name with it."""
    home = Path(querygen.sample.__file__).parent
    made_of = b"".join(path.read_bytes() for path in sorted(home.iterdir()) if path.is_file())
    folder = Path(tempfile.gettempdir()) / f"querygen-{sha256(made_of).hexdigest()[:16]}"
    if not (folder / story).is_dir():
        mine = Path(tempfile.mkdtemp(prefix="querygen-"))
        write_story(story, mine / story, 1)
        folder.mkdir(exist_ok=True)
        try:
            (mine / story).rename(folder / story)
        except OSError:  # another process was first
            shutil.rmtree(mine)
    return folder / story
