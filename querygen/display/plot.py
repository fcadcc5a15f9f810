"""The picture of an answer, as an object that a notebook shows and that can be saved."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from querygen.atomic import write_whole
from querygen.charts import as_text, chart
from querygen.charts.theme import Theme
from querygen.errors import EngineError, UsageError
from querygen.extras import require

if TYPE_CHECKING:
    import altair

    from querygen.answer import Answer

KINDS = (".svg", ".png", ".html", ".json")
"""The ends of the names of files that a picture can be saved as."""


class Plot:
    """The chart of an answer. It draws itself where it is shown, or saved.

    >>> from querygen import load
    >>> plot = load("examples/charts/means-by-os.yaml").run().plot()
    >>> plot.spec["$schema"]
    'https://vega.github.io/schema/vega-lite/v6.json'

    Attributes:
        answer: what is drawn.
        theme: `light` or `dark`.
    """

    def __init__(self, answer: "Answer", theme: Theme = "light") -> None:
        self.answer, self.theme = answer, theme
        self._spec = chart(answer, theme)  # says at once why there is none

    @property
    def spec(self) -> dict[str, Any]:
        """The chart as a Vega-Lite spec with its data: a copy, to be changed at will."""
        return chart(self.answer, self.theme)

    @property
    def description(self) -> str:
        """The chart in words, for who cannot see it."""
        said: str = self._spec["description"]
        return said

    def altair(self) -> "altair.Chart":
        """The chart as one of Altair's, to be changed with its methods.

        >>> from querygen import load
        >>> plot = load("examples/charts/means-by-os.yaml").run().plot()
        >>> plot.altair().properties(title="Spinners").to_dict()["title"]
        'Spinners'

        Raises:
            EngineError: altair is not installed.
        """
        require("altair", "altair>=6", "`plot.spec` is the same chart as a dict")
        import altair

        made: altair.Chart = altair.Chart.from_dict(self.spec)
        return made

    def save(self, path: str | Path) -> None:
        """Writes the picture.

        Args:
            path: of a file that ends in `.svg`, `.png`, `.html` (a page) or `.json` (the Vega-Lite spec).

        >>> from querygen import load
        >>> load("examples/charts/means-by-os.yaml").run().plot("dark").save("means.png")

        Raises:
            UsageError: another ending, or a folder that does not exist.
            EngineError: the extra `charts` is not installed.
        """
        write_whole(self.as_bytes(Path(path).suffix.lower()), Path(path))

    def as_bytes(self, kind: str) -> bytes:
        """The content of a file of a kind: `.svg`, `.png`, `.html` or `.json`.

        >>> from querygen import load
        >>> load("examples/charts/means-by-os.yaml").run().plot().as_bytes(".png")[1:4]
        b'PNG'

        Raises:
            UsageError: another kind.
            EngineError: the extra `charts` is not installed.
        """
        if kind == ".json":
            return as_text(self._spec).encode()
        if kind == ".html":
            from querygen.report import plot_page

            return plot_page(self.answer).encode()
        if kind not in KINDS:
            raise UsageError.of(
                "bad-flag",
                f"`{kind}` is no kind of picture",
                help=f"name a file that ends in {', '.join(KINDS[:-1])} or {KINDS[-1]}",
            )
        if kind == ".svg":
            return self._svg.encode()
        from querygen.charts.draw import png

        return png(self._spec)

    @cached_property
    def _svg(self) -> str:
        from querygen.charts.draw import svg

        return svg(self._spec)

    def __repr__(self) -> str:
        return f"Plot: {self.description}"

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """The picture, and what it shows in words; the words alone where nothing can draw.

        Some notebooks make the picture a part of their page, where it must hold nothing but shapes and text,
        and share no identifiers with others.
        """
        from querygen.report.answer import answer_id
        from querygen.report.svg import embedded

        try:
            drawn = embedded(self._svg, answer_id(self.answer), self.description)
        except EngineError as error:
            return {"text/plain": f"{self!r}\n\n{error}"}, {}
        bundle = {"text/plain": repr(self), "image/svg+xml": drawn}
        return bundle, {"image/svg+xml": {"alt": self.description}}
