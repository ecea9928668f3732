"""Panels beside and below each other, one a speaker: their grid, outer labels and notes."""

import textwrap
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from roomcal.report.style import Theme, new_figure

_WRAP = 70  # letters across a panel as wide as the figure
MANY = 3  # more panels than this stand in two columns
_NARROW_TICKS_HZ = {20: "20", 100: "100", 1000: "1k", 10000: "10k"}


@dataclass(frozen=True, eq=False)
class Panels:
    """The axes of a figure that are used, row by row."""

    figure: Figure
    axes: list[Axes]
    n_columns: int

    def at_left(self, i: int) -> bool:
        """Whether a panel carries the name of the vertical axis."""
        return i % self.n_columns == 0

    def at_bottom(self, i: int) -> bool:
        """Whether a panel carries the name of the horizontal axis."""
        return i + self.n_columns >= len(self.axes)

    def thin_frequencies(self, i: int) -> None:
        """Leave only the ticks of the decades where two columns make an axis short."""
        if self.n_columns > 1:
            self.axes[i].set_xticks(list(_NARROW_TICKS_HZ), list(_NARROW_TICKS_HZ.values()))


def new_panels(n: int, *, row_height_in: float, title: str) -> Panels:
    """Make a figure with `n` panels, at least one; call it inside `styled`."""
    n = max(n, 1)
    n_columns = 1 if n <= MANY else 2
    n_rows = -(-n // n_columns)
    figure, rows = new_figure(n_rows, n_columns, row_height_in=row_height_in, title=title)
    flat = [axes for row in rows for axes in row]
    for axes in flat[n:]:
        axes.set_visible(False)
    return Panels(figure, flat[:n], n_columns)


def say(axes: Axes, text: str, theme: Theme) -> None:
    """Write into an empty panel why it is empty."""
    place = axes.get_subplotspec()
    alone = place is None or place.get_gridspec().ncols == 1
    axes.text(
        0.5,
        0.5,
        textwrap.fill(text, _WRAP if alone else _WRAP // 2),
        transform=axes.transAxes,
        horizontalalignment="center",
        verticalalignment="center",
        color=theme.muted,
    )
