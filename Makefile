# Everything installs itself: `make demo` and `make test` need only git, make and Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test lint format goldens gallery wheel benchmarks coverage mutation truth simulate clean

demo: $(INSTALLED)  ## the main job: a spec becomes SQL, and the SQL an answer
	$(BIN)/querygen render examples/tutorial/05-client-normalized-by-build.yaml
	$(BIN)/querygen run examples/tutorial/03-percentiles-of-one-day.yaml

test: $(INSTALLED)  ## all tests
	$(BIN)/python -m pytest -n auto

lint: $(INSTALLED)  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tests/typed_script.py

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

goldens: $(INSTALLED)  ## write the expected SQL and output of examples and docs anew; look at the diff before committing it
	$(BIN)/python -m pytest -q tests/test_examples.py tests/test_docs.py tests/test_reference.py tests/test_json_schema.py tests/test_meaning.py --update-goldens

gallery: $(INSTALLED)  ## draw every kind of chart from the examples, light and dark, to be looked at
	$(BIN)/python tests/gallery_run.py $(FLAGS)

wheel: $(INSTALLED)  ## build the wheel, install it elsewhere, and render a spec from there
	rm -rf dist && $(BIN)/python -m build --wheel --outdir dist .
	rm -rf dist/elsewhere && $(PYTHON) -m venv dist/elsewhere
	dist/elsewhere/bin/pip install --quiet --constraint requirements.lock dist/*.whl
	cp examples/tutorial/05-client-normalized-by-build.yaml dist/spec.yaml
	cd dist && elsewhere/bin/querygen render spec.yaml > rendered.sql && elsewhere/bin/querygen run spec.yaml > rows.txt
	cmp dist/rendered.sql examples/tutorial/05-client-normalized-by-build.sql

benchmarks: $(INSTALLED)  ## compare with peers; takes some minutes
	$(BIN)/pip install --quiet --constraint requirements.lock '.[benchmarks]'
	$(BIN)/python -m benchmarks

# The production schemas (main.*.bq, metrics.*.bq), probe definitions if there are any, and further flags.
SCHEMAS ?= ../shared/schemas
PROBES ?= $(wildcard ../shared/probes)
FLAGS ?=
coverage: $(INSTALLED)  ## a spec for each distribution and scalar of the schemas, in every form; takes a quarter of an hour
	$(BIN)/python tests/coverage_run.py --schemas $(SCHEMAS) $(if $(PROBES),--probes $(PROBES)) $(FLAGS)

mutation: $(INSTALLED)  ## change the project in many small ways, each of which a test must notice; takes hours
	$(BIN)/python tests/mutation_run.py $(FLAGS)

truth: $(INSTALLED)  ## random specs with pings that fit them, on both engines and in plain Python; takes some minutes
	$(BIN)/python tests/truth_run.py $(FLAGS)

simulate: $(INSTALLED)  ## are p-values, limits and alerts right: thousands of experiments; some hours (FLAGS=--quick: less)
	$(BIN)/python tests/simulate_compare.py $(FLAGS)
	$(BIN)/python tests/simulate_intervals.py $(FLAGS)
	$(BIN)/python tests/simulate_rates.py $(FLAGS)
	$(BIN)/python tests/simulate_samples.py $(FLAGS)

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache

$(INSTALLED): pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[googlesql,charts,dev]'
	touch $(INSTALLED)
