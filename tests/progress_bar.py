"""How far a long run is, on one line of the terminal."""

import sys


def show_progress(done: int, of: int, what: str, failed: int) -> None:
    """Writes over the line."""
    width = 30
    filled = width * done // of
    bar = "█" * filled + "·" * (width - filled)
    sys.stderr.write(f"\r{bar} {done:,} of {of:,} {what}, {failed:,} failed")
    sys.stderr.flush()
