"""Picture of decay times per third octave; a band without a number is a gap, not a guess."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from roomcal.report.panels import say
from roomcal.report.style import (
    LIGHT,
    LineStyle,
    Theme,
    frequency_axis,
    legend_below,
    literal,
    new_figure,
    styled,
)
from roomcal.report.traces import DecayTrace

_MARKERS = "osD^vP"
_MANY = 3  # more panels than this stand in two columns
_SCALE_FROM_HZ = 38.0  # rumble below may leave the scale
_MOST_S = 3.0  # a scale longer than this is for churches: the bands that need it show it


def decay_figure(
    speakers: Mapping[str, Sequence[DecayTrace]],
    *,
    title: str = "Decay per third octave",
    quantity: str = "T30, T20 where the range is short",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw decay times of each speaker.

    Parameters
    ----------
    speakers : mapping of str to sequence of DecayTrace
    title : str
        The finding, or the subject.
    quantity : str
        What the times are; goes into the title.
    theme : Theme
    """
    n = max(len(speakers), 1)
    n_columns = 1 if n <= _MANY else 2
    n_rows = -(-n // n_columns)
    with styled(theme):
        title = f"{title}: {quantity}" if quantity else title
        figure, rows = new_figure(n_rows, n_columns, row_height_in=2.1, title=title)
        flat = [axes for row in rows for axes in row]
        top = top_s([t for traces in speakers.values() for t in traces])
        for i, axes in enumerate(flat):
            if i >= len(speakers):
                axes.set_visible(False)
                continue
            speaker, traces = list(speakers.items())[i]
            axes.set_title(literal(speaker))
            frequency_axis(axes, labelled=i + n_columns >= len(speakers))
            if n_columns == 2:
                axes.set_xticks([20, 100, 1000, 10000], ["20", "100", "1k", "10k"])
            axes.set_ylim(0.0, top)
            axes.yaxis.set_major_locator(
                MaxNLocator(nbins=5, min_n_ticks=3, steps=[1, 2, 2.5, 5, 10])
            )
            if i % n_columns == 0:
                axes.set_ylabel("Time for 60 dB (s)")
            _draw(axes, traces, theme)
        legend_below(figure, flat[: len(speakers)], n_columns=3)
    return figure


def _draw(axes: Axes, traces: Sequence[DecayTrace], theme: Theme) -> None:
    """Draw each trace, and say so where there is nothing to draw."""
    if not any(np.isfinite(trace.time_s).any() for trace in traces):
        say(axes, "No band carries a decay time", theme)
    for i, trace in enumerate(traces):
        style = theme.roles.get(trace.role) or theme.series[i % len(theme.series)]
        _draw_one(axes, trace, style, _MARKERS[i % len(_MARKERS)])


def _draw_one(axes: Axes, trace: DecayTrace, style: LineStyle, marker: str) -> None:
    """Draw the range over positions as a band and the mean as a line with markers."""
    if np.any(trace.high_s - trace.low_s > 0.0):
        axes.fill_between(
            trace.f_hz, trace.low_s, trace.high_s, color=style.colour, alpha=0.16, linewidth=0.0
        )
    axes.plot(
        trace.f_hz,
        trace.time_s,
        color=style.colour,
        linewidth=style.width,
        marker=marker,
        markersize=4.0,
        markeredgewidth=0.0,
        linestyle=style.pattern,
        label=literal(trace.legend) or "_nolegend_",
    )


def top_s(traces: Sequence[DecayTrace]) -> float:
    """Choose the upper end of the scale: the means from 40 Hz up, and room above."""
    means = [t.time_s[np.isfinite(t.time_s) & (t.f_hz >= _SCALE_FROM_HZ)] for t in traces]
    means = [m for m in means if m.size]
    if not means:
        return 1.0
    top = max(float(m.max()) for m in means)
    step = 0.1 if top < 1.0 else 0.25 if top < _MOST_S else 1.0
    return float(step * np.ceil(1.1 * top / step))
