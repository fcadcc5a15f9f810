"""Tests of specs: `*.test.yaml` files, run by pytest (`querygen.pytest_plugin`) and by `querygen test`.

The steps, a module each: `read` makes a `TestFile` of text, whose shape `model` says; `given` makes data of
its rows, written with the short names of `names` and histograms as `recorded` reads them; `run` asks the spec
and has the answer held by `compare` against what `values` says of each cell, or against `snapshots`; `report`
and `trace` tell what differs. `command` runs many, `starter` writes a first file, `keep` leaves what was run.
"""
