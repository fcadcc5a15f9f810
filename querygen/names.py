"""What the pipeline calls a column: the snake case that all of Mozilla's schema tools agree on."""

import re
from functools import lru_cache

# A word ends at a capital that begins one (`GM|Plugins`, `M|Hz`), and between a small letter and a capital
# (`speed|MHz`, `cache|KB`). Digits belong to the word before them (`l2|Cache`, but `D2D|Enabled`).
_WORD_END = re.compile(r"[A-Z][0-9]*(?=[A-Z][a-z])|[a-z][0-9]*(?=[A-Z])")
_NO_WORD = re.compile(r"[^A-Za-z0-9]+")


@lru_cache(maxsize=50_000)
def column_name(name: str) -> str:
    """The BigQuery name of a JSON name: `activeGMPlugins` is `active_gm_plugins`.

    Whatever is no ASCII letter or digit separates words. A name that begins with a digit gets an underscore
    in front. The result may be empty, where a name is made of nothing else than separators.
    """
    words = _NO_WORD.sub("_", _WORD_END.sub(r"\g<0>_", name)).strip("_").lower()
    return f"_{words}" if name[:1].isdecimal() and words else words
