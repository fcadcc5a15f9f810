"""Rows that reach a spec's corners, to compare engines on where there is no data.

They are made from what the plan reads: values on, just below and just above each bound of each filter and
band, each case, one outside of all, NULL, and every form of every recording that is read. Always the same
for the same spec.
"""

from querygen.corners.rows import Corners, corners

__all__ = ["Corners", "corners"]
