"""Picture of levels over frequency: one panel a speaker, the same scale in all."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from roomcal.report.panels import say
from roomcal.report.style import (
    LIGHT,
    Theme,
    draw_line,
    frequency_axis,
    legend_below,
    level_axis,
    level_range_db,
    literal,
    new_figure,
    styled,
)
from roomcal.report.traces import ROLE_NAMES, ROLES, Trace

_MANY = 3  # more panels than this stand in two columns
_ROW_HEIGHT_IN = 2.35
_SCALE_FROM_HZ = 40.0  # the scale is chosen from here up: roll-off and rumble may leave it


def response_figure(
    speakers: Mapping[str, Sequence[Trace]],
    *,
    title: str = "Response at the listening positions",
    smoothing: str = "1/6 octave",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw the responses of each speaker.

    Parameters
    ----------
    speakers : mapping of str to sequence of Trace
        Traces by speaker; roles decide colour and line, ranges are drawn as bands.
    title : str
        The finding, or the subject.
    smoothing : str
        Named on the axis.
    theme : Theme
    """
    n = max(len(speakers), 1)
    n_columns = 1 if n <= _MANY else 2
    n_rows = -(-n // n_columns)
    with styled(theme):
        figure, rows = new_figure(n_rows, n_columns, row_height_in=_ROW_HEIGHT_IN, title=title)
        flat = [axes for row in rows for axes in row]
        low_db, high_db = level_range_db(
            [
                t.curve.level_db[t.curve.f_hz >= _SCALE_FROM_HZ]
                for ts in speakers.values()
                for t in ts
            ]
        )
        for i, axes in enumerate(flat):
            if i >= len(speakers):
                axes.set_visible(False)
                continue
            speaker, traces = list(speakers.items())[i]
            axes.set_title(literal(speaker))
            frequency_axis(axes, labelled=i + n_columns >= len(speakers))
            level_axis(axes, low_db, high_db)
            if n_columns == 2:
                axes.set_xticks([20, 100, 1000, 10000], ["20", "100", "1k", "10k"])
            if i % n_columns == 0:
                axes.set_ylabel(f"Level (dB), {smoothing}")
            _draw(axes, traces, theme)
            if traces and not any((t.curve.level_db > low_db).any() for t in traces):
                say(axes, f"All of it lies below {low_db:.0f} dB".replace("-", "\u2212"), theme)
        order = sorted((t for ts in speakers.values() for t in ts), key=_reading_order)
        legend_below(figure, flat[: len(speakers)], first=[literal(t.legend) for t in order])
    return figure


def overlay_figure(
    traces: Sequence[Trace],
    *,
    title: str,
    smoothing: str = "1/6 octave",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw curves that stand for themselves over each other, each in a look of its own."""
    with styled(theme):
        figure, rows = new_figure(1, row_height_in=3.4, title=title)
        axes = rows[0][0]
        frequency_axis(axes)
        level_axis(
            axes,
            *level_range_db([t.curve.level_db[t.curve.f_hz >= _SCALE_FROM_HZ] for t in traces]),
        )
        axes.set_ylabel(f"Level (dB), {smoothing}")
        for i, trace in enumerate(traces):
            style = theme.roles.get(trace.role) or theme.series[i % len(theme.series)]
            draw_line(
                axes,
                trace.curve.f_hz,
                trace.curve.level_db,
                style,
                label=literal(trace.legend),
            )
        legend_below(figure, [axes])
    return figure


def _reading_order(trace: Trace) -> int:
    """Put the legend in the order of the story, whatever is drawn on top."""
    return list(ROLE_NAMES).index(trace.role) if trace.role in ROLE_NAMES else len(ROLE_NAMES)


def _draw(axes: Axes, traces: Sequence[Trace], theme: Theme) -> None:
    """Draw bands first, then lines in the order of their roles."""
    known = {role: i for i, role in enumerate(ROLES)}
    ordered = sorted(traces, key=lambda t: known.get(t.role, len(ROLES)))
    for trace in ordered:
        if trace.low_db is not None and trace.high_db is not None:
            axes.fill_between(
                trace.curve.f_hz,
                trace.low_db,
                trace.high_db,
                color=theme.line(trace.role).colour,
                alpha=0.16,
                linewidth=0.0,
                label=literal(f"{trace.legend}, range over positions"),
            )
    for i, trace in enumerate(ordered):
        style = theme.roles.get(trace.role) or theme.series[i % len(theme.series)]
        level = np.where(np.isfinite(trace.curve.level_db), trace.curve.level_db, np.nan)
        draw_line(axes, trace.curve.f_hz, level, style, label=literal(trace.legend))
