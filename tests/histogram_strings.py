"""Histogram strings and build ids, right and nearly right ones, and a plain reading of them in Python."""

import random
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any


class UndecodableError(Exception):
    """The text is in none of the four written forms."""


class Reader:
    """Reads a histogram string character by character, as the grammar is written; no regular expressions."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self, token: str) -> None:
        if not self.text.startswith(token, self.at):
            raise UndecodableError(token)
        self.at += len(token)

    def takes(self, token: str) -> bool:
        if not self.text.startswith(token, self.at):
            return False
        self.at += len(token)
        return True

    def space(self) -> None:
        while self.peek() and self.peek() in " \t\n\f\r":
            self.at += 1

    def token(self, token: str) -> None:
        self.space()
        self.take(token)
        self.space()

    def digits(self, most: int) -> str:
        start = self.at
        while self.peek() and self.peek() in "0123456789" and self.at - start < most:
            self.at += 1
        if start == self.at:
            raise UndecodableError("digits")
        return self.text[start : self.at]

    def integer(self) -> int:
        sign = -1 if self.takes("-") else 1
        if self.takes("0"):
            return 0
        if self.peek() == "0":
            raise UndecodableError("leading zero")
        return sign * int(self.digits(18))

    def fraction(self) -> None:
        self.integer()
        if self.takes("."):
            self.digits(len(self.text))

    def members(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self.token("{")
        if self.takes("}"):
            return found
        while True:
            self.take('"')
            end = self.text.find('"', self.at)
            name = self.text[self.at : end]
            self.at = end
            self.take('"')
            self.token(":")
            value = self.member(name)
            if name == "values" and name in found:
                raise UndecodableError("values twice")
            found.setdefault(name, value)
            self.space()
            if self.takes("}"):
                return found
            self.token(",")

    def member(self, name: str) -> Any:
        if name == "range":
            self.take("[")
            self.space()
            low = self.integer()
            self.token(",")
            high = self.integer()
            self.space()
            self.take("]")
            return [low, high]
        names = {"bucket_count", "histogram_type", "sum", "log_sum", "log_sum_squares"}
        if name not in names | {"sum_squares_lo", "sum_squares_hi", "values"}:
            raise UndecodableError(name)
        if self.takes("null"):
            return None
        if name == "values":
            return self.entries()
        return self.integer() if name in ("bucket_count", "histogram_type", "sum") else self.fraction()

    def entries(self) -> list[dict[str, int]]:
        entries: list[dict[str, int]] = []
        self.token("{")
        if self.takes("}"):
            return entries
        while True:
            self.take('"')
            key = self.integer()
            self.take('"')
            self.token(":")
            entries.append({"key": key, "value": self.integer()})
            self.space()
            if self.takes("}"):
                return entries
            self.token(",")

    def compact(self) -> dict[str, Any]:
        numbers = [self.integer()]
        if self.takes(","):
            numbers.append(self.integer())
        if not self.takes(";"):
            return {
                "bucket_count": 3,
                "histogram_type": 2 * (3 - len(numbers)),
                "sum": numbers[-1],
                "range": [1, 2],
                "values": [{"key": key, "value": value} for key, value in enumerate(numbers)],
            }
        if len(numbers) > 1:
            raise UndecodableError("pair")
        histogram_type = self.integer()
        self.take(";")
        total = self.integer()
        self.take(";")
        low = self.integer()
        self.take(",")
        high = self.integer()
        self.take(";")
        entries = []
        while self.peek() and (self.peek() == "-" or self.peek() in "0123456789"):
            key = self.integer()
            self.take(":")
            entries.append({"key": key, "value": self.integer()})
            if not self.takes(","):
                break
            if not self.peek() or self.peek() not in "-0123456789":
                raise UndecodableError("trailing comma")
        return {
            "bucket_count": numbers[0],
            "histogram_type": histogram_type,
            "sum": total,
            "range": [low, high],
            "values": entries,
        }

    def read(self) -> dict[str, Any]:
        self.space()
        found = self.members() if self.peek() == "{" else self.compact()
        self.space()
        if self.peek():
            raise UndecodableError("rest")
        return found


def read(text: str | None) -> dict[str, Any] | None:
    try:
        return None if text is None else Reader(text).read()
    except UndecodableError:
        return None


SPACES = ["", "", "", " ", "\t", "\n", "\f", "\r", " \n "]
INTEGERS = ["0", "1", "7", "31", "118", "1000", "-1", "-0", "9" * 18, "-" + "9" * 18, "1" + "0" * 18, "007"]
WRONG_INTEGERS = ["9" * 19, "1.5", "", "+1", "1e3", "٣", "null", '"1"', "true", "--1", "-"]
MUTATIONS = [
    *'{}[],:;"-.0123456789ae',
    " ",
    "\f",
    "\v",
    "\u00a0",
    "\u2003",
    "٣",
    "\x00",
    "é",
    "null",
    "values",
]


def random_histogram(chance: random.Random) -> str:
    """A histogram string in one of the four forms, nearly always a right one."""

    def space() -> str:
        return chance.choice(SPACES)

    def integer() -> str:
        return chance.choice(WRONG_INTEGERS if chance.random() < 0.01 else INTEGERS[:10])

    def entry(quote: str) -> str:
        gap = (space() + ":" + space()) if quote else ":"
        return f"{quote}{integer()}{quote}{gap}{integer()}"

    def member() -> str:
        name = chance.choice(["bucket_count", "histogram_type", "sum", "range", "log_sum", "sum_squares_lo"])
        if name == "range":
            value = f"[{space()}{integer()}{space()},{space()}{integer()}{space()}]"
        elif name in ("log_sum", "sum_squares_lo"):
            value = chance.choice([integer(), "1.25", "0." + "1" * 20, "null"])
        else:
            value = chance.choice([integer(), integer(), "null"])
        return f'"{name}"{space()}:{space()}{value}'

    def values() -> str:
        entries = [space() + entry('"') + space() for _ in range(chance.randrange(5))]
        value = chance.choice(["{" + ",".join(entries) + "}"] * 8 + ["null", "{ }"])
        return f'"values"{space()}:{space()}{value}'

    form = chance.randrange(8)
    if form == 0:
        return f"{space()}{integer()}{space()}"
    if form == 1:
        return f"{space()}{integer()},{integer()}{space()}"
    if form in (2, 3):
        entries = ",".join(entry("") for _ in range(chance.randrange(4)))
        return f"{space()}{integer()};{integer()};{integer()};{integer()},{integer()};{entries}{space()}"
    members = [member() for _ in range(chance.randrange(5))]
    for _ in range(chance.choice([0, 1, 1, 1, 1, 1, 2])):
        members.insert(chance.randrange(len(members) + 1), values())
    return space() + "{" + ",".join(space() + m + space() for m in members) + "}" + space()


def mutated(chance: random.Random, text: str) -> str:
    """The text with a few characters deleted, inserted, swapped, doubled, or its end cut off."""
    for _ in range(chance.choice([0, 0, 0, 1, 1, 2])):
        at = chance.randrange(len(text) + 1)
        kind = chance.randrange(6)
        if kind == 0:
            text = text[:at] + text[at + 1 :]
        elif kind == 1:
            text = text[:at] + chance.choice(MUTATIONS) + text[at:]
        elif kind == 2:
            text = text[:at] + text[at + 1 : at + 2] + text[at : at + 1] + text[at + 2 :]
        elif kind == 3:
            text = text[:at]
        elif kind == 4:
            end = min(len(text), at + chance.randrange(1, 12))
            text = text[:end] + text[at:end] + text[end:]
        else:
            text = "{" + text + "}"
    return text


def plain_build_time(text: str) -> datetime | None:
    if len(text) != 14 or any(character not in "0123456789" for character in text):
        return None
    parts = [int(text[:4]), *(int(text[at : at + 2]) for at in range(4, 14, 2))]
    try:
        return datetime(*parts) if 1000 <= parts[0] <= 2999 else None  # type: ignore[arg-type]
    except ValueError:
        return None


def plain_build_date(text: str) -> date | None:
    moment = plain_build_time(text + "000000" if len(text) == 8 else text)
    return moment.date() if moment else None


def build_ids() -> Iterator[str]:
    for year in (0, 999, 1000, 1582, 1600, 1900, 1970, 2000, 2019, 2020, 2100, 2999, 3000, 9999):
        for month in range(14):
            for day in (0, 1, 28, 29, 30, 31, 32):
                yield f"{year:04}{month:02}{day:02}"
                yield f"{year:04}{month:02}{day:02}235959"
    for hour, minute, second in ((0, 0, 0), (23, 59, 60), (23, 60, 0), (24, 0, 0), (9, 99, 9), (99, 0, 0)):
        yield f"20200415{hour:02}{minute:02}{second:02}"
    for text in ("20200415094500", "20200415"):
        for at in range(len(text)):
            for other in ("٣", "３", "²", " ", "-", "a", "", "\n", "00"):
                yield text[:at] + other + text[at + 1 :]
    yield from ("", " ", "\n20200415", "20200415\n", "20200415094500\n", "2020-04-15", "+2020415", "-2020415")
