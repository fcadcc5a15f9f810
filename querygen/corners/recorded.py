"""What recordings hold at their corners: histogram strings, Glean's entries, scalars, and keys."""

import itertools
import json
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from querygen.schema import Field

_BUCKETS = (0, 1, 2, 3, 4, 6, 9, 13, 19, 27, 39, 56, 80, 115, 165, 237, 340, 487, 698, 1000)
_CAP = 2**40  # the largest count that is one

# Cumulative shares of exactly twentieths, tenths, quarters and thirds, which sums of floats miss.
_TIES = tuple(dict.fromkeys(_BUCKETS[:count], 1) for count in (20, 10, 4, 3))

# Every form that is decodable, with the grammar's liberties.
_SOUND_TEXTS = (
    "20;0;118;1,1000;80:0,115:1,165:0",
    " 20;0;26;1,1000;13:1,13:1 ",
    "20;0;0;1,1000;",
    "0,31",
    "5,0",
    "0,0",
    "37",
    "0",
    " 2\t",
    f"{_CAP}",
    "{}",
    '{"values":null,"sum":7}',
    '{"values":{}}',
    '\n{ "bucket_count" : 20 ,"histogram_type":0, "sum" : 34, "range":[ 1 , 1000 ], "values":{ "13" : 1 } }',
    '{"sum":26,"sum":99,"values":{"13":1,"13":1,"-0":1,"-5":1}}',
    '{"sum":118,"log_sum":4.75359,"log_sum_squares":22.5966,"values":{"80":0,"115":1}}',
    '{"sum":0,"values":{"0":0,"1000":0}}',
    f'{{"sum":12,"values":{{"56":{_CAP},"80":2}}}}',
    '{"sum":999999999999999999,"values":{"999999999999999999":1,"1":1}}',
    json.dumps({"sum": 900, "values": {str(bucket): bucket % 3 for bucket in range(60)}}),
)
# Impossible counts, and what no histogram is written like.
_DAMAGED_TEXTS = (
    "foo", "-1,3", f"{_CAP + 1}", "20;0;26;1,1000;13:1,27:-2", '{"sum":null,"values":{"3":-1,"4":1}}',
    f'{{"sum":12,"values":{{"56":{_CAP + 1},"80":2}}}}', "999999999999999999", "1000000000000000000",
    "", "  ", "null", "NaN", "1,2,3", "1.5", "007", "[]", "{", '"37"', "20;0;118;1,1000",
    '{"values":{"1":1}', '{"values":{"1":1},}', '{"values":{"1":1.5}}', '{"values":{"01":1}}',
    '{"values":{"1":1},"extra":1}', '{"values":{"1":1}} x', '{"range":[1],"values":{"1":1}}',
    '{"a":' * 100 + "1" + "}" * 100,
)  # fmt: skip

# Glean's keys are text; whatever is no integer of at most 18 digits contributes nothing.
_SOUND_ENTRIES = (("-5", 2), ("-0", 2), ("999999999999999999", 2), ("9", 0), ("9", _CAP))
_DAMAGED_ENTRIES = (
    *((key, 2) for key in ("a", "", "007", "1.0", " 5", "+5", "1000000000000000000", None)),
    *(("9", count) for count in (-3, _CAP + 1, None)),
)
_ENTRIES = (_SOUND_ENTRIES, _DAMAGED_ENTRIES)
_SOUND_NUMBERS = (0, 1, 1, 2, 3, 5, 42, _CAP)
_DAMAGED_NUMBERS = (-1, _CAP + 1)


_Form = Literal["text", "number", "entries", "record"]
_FORMS: dict[str, _Form] = {"STRING": "text", "INT64": "number"}


class Recorded:
    """Values for one column that holds recordings: ordinary ones, and each odd one in its turn.

    Args:
        field: the column.
        keys: what the spec asks for of a keyed one.
        rng: what the ordinary ones are drawn from.
        is_sound: without damaged ones, which would end a query that is `strict`.
    """

    def __init__(self, field: Field, keys: Sequence[str], rng: random.Random, *, is_sound: bool) -> None:
        self._rng = rng
        self._keys = [*keys, *(key for key in ("a", "b", "it's", "") if key not in keys)]
        self._form: _Form
        pairs = field.repeated and set(field.fields) == {"key", "value"}
        value = field.fields["value"] if pairs else field
        if pairs and field.name == "values":
            self._form, self._is_keyed = "entries", False
        else:
            self._form, self._is_keyed = _FORMS.get(value.type, "record"), pairs
        sound, damaged = self._corners()
        odd = sound if is_sound else [*sound, *damaged]
        self._damaged = damaged[0]
        odd = [*(self._odd_keyed(odd) if self._is_keyed else odd), None]
        self._odd = itertools.cycle(odd)
        self.count_of_odd = len(odd)

    def _corners(self) -> tuple[list[Any], list[Any]]:
        """The odd values of one recording, those that are sound and those that are damaged."""
        if self._form == "number":
            return [*_SOUND_NUMBERS], [*_DAMAGED_NUMBERS]
        ties = [self._with(counts) for counts in _TIES]
        if self._form == "text":
            return [*ties, *_SOUND_TEXTS], [*_DAMAGED_TEXTS]
        entries = [[[_entry(key, count), _entry("9", 1)] for key, count in of] for of in _ENTRIES]
        sound, damaged = ([], *entries[0]), entries[1]
        if self._form == "entries":
            return [*ties, *sound], damaged
        sums = itertools.cycle((None, 0, -7, 12))
        return [*ties, *map(_record, sums, sound)], [*map(_record, sums, damaged)]

    def ordinary(self) -> Any:
        """A value such as Firefox writes."""
        if not self._is_keyed:
            return self._one()
        count = self._rng.choice((1, 1, 2, 3))
        return [{"key": self._rng.choice(self._keys), "value": self._one()} for _ in range(count)]

    def odd(self) -> Any:
        """The next of the corners."""
        return next(self._odd)

    def damaged(self) -> Any:
        """A value that cannot be decoded."""
        return [{"key": self._keys[0], "value": self._damaged}] if self._is_keyed else self._damaged

    def of_counts(self, counts: Sequence[int]) -> Any:
        """A value with these counts in its first buckets; of a scalar, the number of buckets."""
        value = self._with(dict(zip(_BUCKETS, counts, strict=False)))
        return [{"key": self._keys[0], "value": value}] if self._is_keyed else value

    def _with(self, counts: dict[int, int]) -> Any:
        makers: dict[_Form, Callable[[dict[int, int]], Any]] = {
            "text": _as_text, "number": len, "entries": _as_entries, "record": _as_record,
        }  # fmt: skip
        return makers[self._form](counts)

    def _counts(self) -> dict[int, int]:
        start = self._rng.randrange(len(_BUCKETS) - 5)
        chosen = sorted(self._rng.sample(_BUCKETS[start : start + 6], self._rng.randint(1, 4)))
        return {bucket: self._rng.choice((1, 1, 2, 3, 4, 10, 97)) for bucket in chosen}

    def _one(self) -> Any:
        """An ordinary value, of one key where there are some."""
        if self._form == "number":
            return self._rng.choice((0, 1, 1, 2, 3, 7, 20))
        return self._with(self._counts())

    def _odd_keyed(self, odd: Sequence[Any]) -> Iterator[Any]:
        """No keys, a key twice, one that is NULL; each odd value under a key; more keys than top ones."""
        yield []
        yield [{"key": self._keys[0], "value": self._one()} for _ in range(2)]
        yield [{"key": None, "value": self._one()}]
        for number, value in enumerate(odd):
            yield [{"key": self._keys[number % len(self._keys)], "value": value}]
        yield [{"key": f"key {number}", "value": self._one()} for number in range(12)]


def _as_text(counts: dict[int, int]) -> str:
    total = sum(bucket * count for bucket, count in counts.items())
    values = {str(bucket): count for bucket, count in counts.items()}
    members = {"bucket_count": 20, "histogram_type": 0, "sum": total, "range": [1, 1000], "values": values}
    return json.dumps(members, separators=(",", ":"))


def _as_entries(counts: dict[int, int]) -> list[dict[str, Any]]:
    return [_entry(str(bucket), count) for bucket, count in counts.items()]


def _as_record(counts: dict[int, int]) -> dict[str, Any]:
    return _record(sum(bucket * count for bucket, count in counts.items()), _as_entries(counts))


def _entry(key: str | None, count: int | None) -> dict[str, Any]:
    return {"key": key, "value": count}


def _record(total: int | None, entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {"sum": total, "values": entries}
