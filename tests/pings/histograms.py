"""Histogram strings: as Firefox writes them, with all the grammar's liberties, and undecodable."""

import json
import random
from collections.abc import Callable

BUCKETS = (0, 1, 2, 3, 4, 6, 9, 13, 19, 27, 39, 56, 80, 115, 165, 237, 340, 487, 698, 1000)

# Decodable, with all the grammar's liberties; then each count's edge.
ODD_HISTOGRAMS = (
    "{}",
    " \t{ }\n",
    '{"values":{}}',
    '{"values":null,"sum":7}',
    '{"sum":null,"bucket_count":null,"histogram_type":null,"range":[1,2],"values":{"56":2}}',
    '{"values":{"1":7},"range":[1,2],"histogram_type":4,"bucket_count":3,"sum":7}',
    '\n{ "bucket_count" : 20 ,\t"histogram_type":0, "sum" : 34,\r\n"range":[ 1 , 1000 ], '
    '"values":{ "13" : 1 , "19":1 } } ',
    '{"bucket_count":20,"histogram_type":0,"sum":26,"sum":99,"range":[1,1000],"values":{"13":1,"13":1}}',
    '{"bucket_count":20,"histogram_type":0,"sum":118,"log_sum":4.75359,"log_sum_squares":22.5966,'
    '"range":[1,1000],"values":{"80":0,"115":1,"165":0}}',
    '{"bucket_count":20,"histogram_type":1,"sum":6,"sum_squares_lo":36,"sum_squares_hi":0,"values":{"6":1}}',
    '{"bucket_count":20,"histogram_type":0,"sum":0,"range":[1,1000],"values":{"0":0,"1":0,"1000":0}}',
    '{"bucket_count":20,"histogram_type":0,"sum":5,"range":[1,1000],"values":{"-0":1,"0":1,"-5":1,"9":1}}',
    '{"sum":12,"values":{"56":-3,"80":2,"115":0}}',
    '{"sum":-4,"values":{"3":-1}}',
    f'{{"sum":12,"values":{{"56":{2**40},"80":2}}}}',
    f'{{"sum":12,"values":{{"56":{2**40 + 1},"80":2}}}}',
    f'{{"sum":12,"values":{{"56":{2**40 + 1},"80":{2**41}}}}}',
    '{"sum":999999999999999999,"values":{"999999999999999999":1,"1":1}}',
    "20;0;118;1,1000;80:0,115:1,165:0",
    " 20;0;0;1,1000; ",
    "20;0;26;1,1000;13:1,13:1,27:-2",
    "3;2;5;1,2;0:0,1:5,2:0\n",
    "0,31",
    "5,0",
    "0,0",
    "-1,3",
    f" {2**40},{2**40 + 1} ",
    "37",
    "0",
    "-5",
    " 2\t",
    "999999999999999999",
)

UNDECODABLE = (
    "",
    "  ",
    "null",
    "true",
    "NaN",
    "Infinity",
    "foo",
    "a,b",
    "1,2,3",
    "1;2",
    "1.5",
    "1e3",
    "+1",
    "007",
    "0x10",
    "1_000",
    "1,",
    "1, 2",
    "٣",
    "1000000000000000000",
    "[]",
    '"37"',
    "{",
    "{]",
    '{"values":{"1":1}',
    '{"values":{"1":1}}}',
    '{"values":{"1":1},}',
    '{"values":{"1":1,}}',
    '{"values":{1:1}}',
    '{"values":{"1":"1"}}',
    '{"values":{"1":1.5}}',
    '{"values":{"1":1e2}}',
    '{"values":{"01":1}}',
    '{"values":{" 1":1}}',
    '{"values":{"a":1}}',
    '{"values":{"1":null}}',
    '{"values":{"1":{"2":3}}}',
    '{"values":{"1":[1]}}',
    '{"values":[1,2]}',
    '{"values":{"1":1},"values":{"1":1}}',
    '{"values":{"1":1000000000000000000}}',
    '{"values":{"1":NaN}}',
    '{"sum":"5","values":{"1":1}}',
    '{"sum":5.0,"values":{"1":1}}',
    '{"sum":NaN,"values":{"1":1}}',
    '{"range":[1],"values":{"1":1}}',
    '{"range":null,"values":{"1":1}}',
    '{"range":[1,2,3],"values":{"1":1}}',
    '{"log_sum":1.,"values":{"1":1}}',
    '{"extra":1,"values":{"1":1}}',
    '{"SUM":1,"values":{"1":1}}',
    "{'values':{'1':1}}",
    '{"\\u0073um":5,"values":{"1":1}}',
    '\u00a0{"values":{"1":1}}',
    '\ufeff{"values":{"1":1}}',
    '\v{"values":{"1":1}}',
    '{"values":{"1":1}} x',
    "20;0;118;1,1000",
    "20;0;118;1,1000;80:0;",
    "20;0;118;1,1000;80:0,",
    "20;0;118;1,1000;80",
    "20;0;118;1;80:0",
    "20;0;;1,1000;80:1",
    "20; 0;118;1,1000;80:1",
    '{"a":' * 200 + "1" + "}" * 200,
)

# Cumulative shares of exactly p, which sums of floats miss: tenths, sixths and thirds of a client's vote.
TIED_HISTOGRAMS = (
    json.dumps({"sum": 10, "values": {str(key): 1 for key in BUCKETS[:10]}}),
    json.dumps({"sum": 6, "values": {str(key): 1 for key in BUCKETS[:6]}}),
    *[json.dumps({"sum": 3, "values": {"0": 1, "1": 2}})] * 3,
    json.dumps({"sum": 1, "values": {"1": 1}}),
)


def _counts(rng: random.Random) -> dict[int, int]:
    """A few neighbouring buckets with small counts, now and then a large one."""
    start = rng.randrange(len(BUCKETS) - 4)
    keys = rng.sample(BUCKETS[start : start + 8], rng.randint(1, 4))
    return {key: rng.choice((1, 1, 1, 2, 2, 3, 4, 10, 97)) for key in keys}


def _json_histogram(rng: random.Random) -> str:
    """As Firefox writes it: ascending keys between two empty buckets; `sum` is at least the keys' total."""
    counts = _counts(rng)
    low, high = BUCKETS.index(min(counts)), BUCKETS.index(max(counts))
    padding = {BUCKETS[max(low - 1, 0)]: 0, BUCKETS[min(high + 1, len(BUCKETS) - 1)]: 0}
    values = {str(key): count for key, count in sorted((padding | counts).items())}
    total = sum(key * count for key, count in counts.items()) + rng.randint(0, 9)
    members = {"bucket_count": 20, "histogram_type": 0, "sum": total, "range": [1, 1000], "values": values}
    return json.dumps(members, separators=(",", ":"))


def _compact_histogram(rng: random.Random) -> str:
    counts = _counts(rng)
    total = sum(key * count for key, count in counts.items())
    return f"20;0;{total};1,1000;" + ",".join(f"{key}:{count}" for key, count in counts.items())


def wide_histogram(rng: random.Random) -> str:
    return json.dumps({"sum": 900, "values": {str(key): rng.randint(0, 2) for key in range(300)}})


HISTOGRAM_MAKERS: tuple[tuple[Callable[[random.Random], str | None], int], ...] = (
    (_json_histogram, 60),
    (_compact_histogram, 8),
    (lambda rng: f"{rng.randint(0, 3)},{rng.randint(0, 9)}", 6),
    (lambda rng: str(rng.randint(0, 9)), 5),
    (lambda _: None, 10),
    (lambda rng: rng.choice(ODD_HISTOGRAMS), 7),
    (lambda rng: rng.choice(UNDECODABLE), 7),
)


def random_histogram(rng: random.Random) -> str | None:
    """The string of one ping, NULL for one in ten."""
    makers, weights = zip(*HISTOGRAM_MAKERS, strict=True)
    return rng.choices(makers, weights)[0](rng)
