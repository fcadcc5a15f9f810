"""Draws every kind of chart from the examples as PNG, light and dark, to be looked at: `make gallery`."""

import argparse
from pathlib import Path

from test_examples import data_of, probes_of

from querygen.api import load
from querygen.charts import chart
from querygen.charts.draw import png

ROOT = Path(__file__).parents[1]


def pictures(pattern: str):
    """Each example with its result."""
    for spec in sorted((ROOT / "examples").glob("*/*.yaml")):
        if spec.name.endswith(".test.yaml") or pattern not in str(spec):
            continue
        query = load(spec, probes=probes_of(spec))
        yield f"{spec.parent.name}-{spec.stem}", query.run(data_of(spec), repeatable=True, overlays=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "dist" / "gallery")
    parser.add_argument("--only", default="", help="a part of the example's path")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name, result in pictures(arguments.only):
        for theme in ("light", "dark"):
            file = arguments.output / f"{name}.{theme}.png"
            file.write_bytes(png(chart(result, theme), scale=1.5))
            print(file)


if __name__ == "__main__":
    main()
