"""Draws every kind of chart from the examples as PNG, light and dark, to be looked at: `make gallery`."""

import argparse
from pathlib import Path

from querygen.api import load
from querygen.charts import chart, has_chart
from querygen.charts.draw import png

ROOT = Path(__file__).parents[1]


def pictures(pattern: str):
    """Each example that has a chart, with its result."""
    for spec in sorted((ROOT / "examples").glob("*/*.yaml")):
        if spec.name.endswith(".test.yaml") or pattern not in str(spec):
            continue
        beside = {name: spec.parent / name for name in ("probes", "data") if (spec.parent / name).is_dir()}
        result = load(spec, probes=beside.get("probes")).run(beside.get("data"), repeatable=True)
        if has_chart(result):
            yield f"{spec.parent.name}-{spec.stem}", result


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
