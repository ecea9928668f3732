"""Picture of what changed between sessions, with its interval: a dot is more than chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from roomcal.model.arrays import frozen_array
from roomcal.report.panels import new_panels, say
from roomcal.report.style import (
    LIGHT,
    LineStyle,
    Theme,
    draw_line,
    frequency_axis,
    legend_below,
    literal,
    styled,
)
from roomcal.units import FloatArray

_ROW_HEIGHT_IN = 2.1
_LEAST_TOP_DB = 3.0
_STEP_DB = 1.0


@dataclass(frozen=True, eq=False)
class DifferenceTrace:
    """Differences per band.

    Attributes
    ----------
    f_hz, difference_db, uncertainty_db : (n,) float array
        The uncertainty is half the 95 % interval; NaN where nothing was compared.
    significant : (n,) float array
        1 where the difference is more than chance, else 0.
    """

    label: str
    f_hz: FloatArray
    difference_db: FloatArray
    uncertainty_db: FloatArray
    significant: FloatArray

    def __post_init__(self) -> None:
        for name in ("f_hz", "difference_db", "uncertainty_db", "significant"):
            object.__setattr__(self, name, frozen_array(getattr(self, name), ndim=1, name=name))

    @property
    def marked_db(self) -> FloatArray:
        """Differences that are more than chance; NaN for the rest."""
        return np.where(self.significant > 0.0, self.difference_db, np.nan)


def difference_figure(
    speakers: Mapping[str, Sequence[DifferenceTrace]],
    *,
    title: str = "Change of level",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw differences as lines in their interval.

    Parameters
    ----------
    speakers : mapping of str to sequence of DifferenceTrace
    title : str
        The finding, or the subject.
    theme : Theme
    """
    if not speakers:
        raise ValueError("a picture needs at least one speaker")
    top = difference_top_db([t for own in speakers.values() for t in own])
    with styled(theme):
        panels = new_panels(len(speakers), row_height_in=_ROW_HEIGHT_IN, title=title)
        for i, (speaker, traces) in enumerate(speakers.items()):
            axes = panels.axes[i]
            axes.set_title(literal(speaker))
            frequency_axis(axes, labelled=panels.at_bottom(i))
            panels.thin_frequencies(i)
            axes.set_ylim(-top, top)
            axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
            axes.axhline(0.0, color=theme.muted, linewidth=0.9)
            if panels.at_left(i):
                axes.set_ylabel("Change of level (dB)")
            for k, trace in enumerate(traces):
                _draw(axes, trace, theme.series[k % len(theme.series)])
            if not any(np.isfinite(t.difference_db).any() for t in traces):
                say(axes, "Nothing could be compared", theme)
        legend_below(panels.figure, panels.axes)
    return panels.figure


def difference_top_db(traces: Sequence[DifferenceTrace]) -> float:
    """Choose the half height of the scale: all differences, and a little more."""
    sizes = [np.abs(t.difference_db[np.isfinite(t.difference_db)]) for t in traces]
    largest = max((float(s.max()) for s in sizes if s.size), default=0.0)
    return float(max(_LEAST_TOP_DB, _STEP_DB * np.ceil(1.15 * largest / _STEP_DB)))


def _draw(axes: Axes, trace: DifferenceTrace, style: LineStyle) -> None:
    """Draw the interval, the line, and a dot for each number that is more than chance."""
    low, high = (trace.difference_db + s * trace.uncertainty_db for s in (-1.0, 1.0))
    axes.fill_between(trace.f_hz, low, high, color=style.colour, alpha=0.16, linewidth=0.0)
    draw_line(axes, trace.f_hz, trace.difference_db, style, label=literal(trace.label))
    axes.plot(
        trace.f_hz,
        trace.marked_db,
        linestyle="none",
        marker="o",
        markersize=4.5,
        color=style.colour,
        label="More than chance" if np.isfinite(trace.marked_db).any() else "_nolegend_",
    )
