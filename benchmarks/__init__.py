"""How fast querygen is, as ratios to what people would write instead. Run `python -m benchmarks`."""
