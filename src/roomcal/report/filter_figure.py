"""Picture of what the filters do to each speaker, with the limits they keep."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from roomcal.model.filter_bank import Explanation
from roomcal.report.style import (
    LIGHT,
    Theme,
    draw_line,
    frequency_axis,
    legend_below,
    level_axis,
    literal,
    new_figure,
    styled,
)

_SHOWN_ABOVE_DB = 5.0  # room above the highest boost
_LEAST_SPAN_DB = 25.0
_MOST_SPAN_DB = 50.0


def filter_figure(
    explanations: Sequence[Explanation],
    *,
    max_boost_db: float | None = None,
    title: str = "Gain of the correction",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw the correction of each speaker, without its level match and headroom.

    Parameters
    ----------
    explanations : sequence of Explanation
        Their curve "correction" is drawn.
    max_boost_db : float, optional
        The limit that the design kept.
    title : str
        The finding, or the subject.
    theme : Theme
    """
    curves = [(e.speaker, e.curves["correction"]) for e in explanations if "correction" in e.curves]
    with styled(theme):
        figure, rows = new_figure(1, row_height_in=3.2, title=title)
        axes = rows[0][0]
        frequency_axis(axes)
        levels = [c.level_db[np.isfinite(c.level_db)] for _, c in curves]
        levels = [level for level in levels if level.size]
        top = max([float(level.max()) for level in levels] + [max_boost_db or 0.0])
        bottom = min([float(level.min()) for level in levels] + [0.0])
        high = 5.0 * np.ceil((top + 1.0) / 5.0)
        low = 5.0 * np.floor((bottom - 1.0) / 5.0)
        low = max(min(low, high - _LEAST_SPAN_DB), high - _MOST_SPAN_DB)
        level_axis(axes, float(low), float(high))
        axes.set_ylabel("Correction (dB)")
        axes.axhline(0.0, color=theme.muted, linewidth=0.9)
        if max_boost_db is not None:
            f = np.array(axes.get_xlim())
            draw_line(
                axes,
                f,
                np.full(2, max_boost_db),
                theme.line("limit"),
                label=f"Boost limit {max_boost_db:g} dB",
            )
        for i, (speaker, curve) in enumerate(curves):
            style = theme.series[i % len(theme.series)]
            draw_line(axes, curve.f_hz, curve.level_db, style, label=literal(speaker))
        legend_below(figure, [axes], n_columns=6)
    return figure
