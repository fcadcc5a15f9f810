"""Intervals of time: what `interval` may be, and the columns that it makes."""

from typing import Literal

Interval = Literal["5 minutes", "hour", "day", "week"]

TIME = "time"
"""The dimension that `interval` adds: the first moment of each, in UTC."""

FIVE_MINUTES = "five_minutes"
"""The column of the five minutes that a ping came in."""

SECONDS = {"5 minutes": 300, "hour": 3600, "day": 86_400, "week": 604_800}
"""How long each is."""

STARTS = {
    "5 minutes": "querygen.start_of_five_minutes",
    "hour": "querygen.start_of_hour",
    "day": "querygen.start_of_day",
    "week": "querygen.start_of_week",
}
"""The function that gives the first moment of each."""
