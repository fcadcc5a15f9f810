"""The notebook runs from top to bottom, shows pictures, and says what its outputs show."""

import os
import re
import warnings
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="the extra `notebook` is not installed")
nbclient = pytest.importorskip("nbclient", reason="the extra `notebook` is not installed")
pytest.importorskip("ipykernel", reason="the extra `notebook` is not installed")
pytest.importorskip("vl_convert", reason="vl-convert, which draws, is not installed")

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "examples/notebook/tab_switches.ipynb"


@pytest.fixture(scope="module")
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture(scope="module")
def executed(notebook, tmp_path_factory):
    """The notebook with the outputs of a kernel of its own, in an empty folder."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of jupyter's own
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        client = nbclient.NotebookClient(
            nbformat.from_dict(notebook),
            timeout=300,
            kernel_name="python3",
            allow_errors=True,
            resources={"metadata": {"path": str(tmp_path_factory.mktemp("notebook"))}},
        )
        return client.execute()


def outputs(cell):
    return cell.get("outputs", [])


def told(cell):
    """All that a cell's outputs say as text."""
    return " ".join(
        output.get("text", "") or output.data.get("text/html", "") + output.data.get("text/plain", "")
        for output in outputs(cell)
    )


def pictures(cell):
    return sum(
        "image/svg+xml" in output.data or "<svg" in output.data.get("text/html", "")
        for output in outputs(cell)
        if "data" in output
    )


def test_no_output_is_stored(notebook):
    """They would be old the day after; who reads the file where it is not run, has its text."""
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs") and cell.get("execution_count") is None
        assert set(cell.metadata) == set()


def test_every_cell_runs(executed):
    for cell in executed.cells:
        for output in outputs(cell):
            assert output.output_type != "error", output.traceback
            assert output.get("name") != "stderr", output.text


def test_it_shows_pictures(executed):
    drawn = [cell.source for cell in executed.cells if pictures(cell)]
    assert len(drawn) >= 3
    for cell in executed.cells:
        if ".plot()" in cell.source or "tested.run(" in cell.source or cell.source.endswith("by_version"):
            assert cell.source in drawn


def test_a_query_that_is_shown_is_not_run(executed):
    (cell,) = [cell for cell in executed.cells if cell.source.endswith("\nspinner")]
    assert "Only pings where" in told(cell)
    assert "<td" not in told(cell)


def test_numbers_in_the_text_are_those_of_the_outputs(executed):
    before, found = "", []
    for cell in executed.cells:
        if cell.cell_type == "markdown":
            numbers = re.findall(r"\*\*(\d+)\*\*", cell.source)
            assert set(numbers) <= set(re.findall(r"\d+", before.replace(",", ""))), cell.source
            found += numbers
        else:
            before += told(cell)
    assert len(found) == 5


def test_what_the_text_says_of_the_experiment_is_true(executed):
    (cell,) = [cell for cell in executed.cells if "tested.run(" in cell.source]
    names, _, *rows = outputs(cell)[0].data["text/plain"].splitlines()[2:-1]
    assert len(rows) == 3
    assert all(float(row.split()[names.split().index("p_holm")]) > 0.05 for row in rows)


def test_what_the_text_says_of_the_builds_is_true(executed):
    (cell,) = [cell for cell in executed.cells if cell.source.endswith("\nbuilt.plot()")]
    # The picture's own words for who cannot see it.
    assert "Median: 19 to 27 ms." in outputs(cell)[0].data["text/plain"]
