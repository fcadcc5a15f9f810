"""The judge of the compiler: what a spec means, worked out in plain Python with exact fractions.

Written from the definitions alone (they are quoted where they are applied), with none of querygen's code
and no SQL. `answer` takes a spec, the rows of its table, and what probe definitions say, and gives the rows
that the query must return, `damaged_pings` says what must end it; `same_rows` says where an engine's rows
differ from them. Slow and plain on purpose. In the order of the thought: `decoding`, `columns`, `filters`,
`definitions`, `recordings`, `dimensions`, `measures`, `scalars`, `questions`, `answers`; `comparing` stands
for itself.
"""

from oracle.answers import answer, damaged_pings
from oracle.columns import build_date, build_time
from oracle.comparing import same_rows
from oracle.decoding import Decoded, decode
from oracle.definitions import Probe, exponential, functional, linear
from oracle.dimensions import band_labels
from oracle.measures import measure_of
from oracle.questions import Question

__all__ = [
    "Decoded",
    "Probe",
    "Question",
    "answer",
    "band_labels",
    "build_date",
    "build_time",
    "damaged_pings",
    "decode",
    "exponential",
    "functional",
    "linear",
    "measure_of",
    "same_rows",
]
