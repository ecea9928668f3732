"""Picture of the energy time curve: the direct sound, its reflections, and their limit."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from roomcal.analyze.reflections import (
    CRITERION_DB,
    CRITERION_S,
    EarlyReflections,
    EnergyTimeCurve,
)
from roomcal.report.panels import say
from roomcal.report.style import (
    LIGHT,
    Theme,
    draw_line,
    legend_below,
    level_axis,
    literal,
    new_figure,
    styled,
)

_SHOWN_MS = (-2.0, 40.0)
_SPAN_DB = (-40.0, 5.0)
_WIDTH_PT = 1.0  # the curve is dense
_MOST_PANELS = 6
_MOST_NAMED = 6  # surfaces written into one panel
_NAME_OFFSET_PT = (3.0, 3.0)


def etc_figure(
    curves: Sequence[tuple[str, EnergyTimeCurve, EarlyReflections]],
    *,
    title: str = "Reflections, 1-8 kHz",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw energy time curves below each other, with the reflections that were found.

    Parameters
    ----------
    curves : sequence of (name, EnergyTimeCurve, EarlyReflections)
    title : str
        The finding, or the subject.
    theme : Theme
    """
    shown = list(curves)
    if not shown:
        raise ValueError("a picture needs at least one curve")
    n_columns = 1 if len(shown) <= _MOST_PANELS // 2 else 2
    n_rows = max(-(-len(shown) // n_columns), 1)
    with styled(theme):
        figure, rows = new_figure(n_rows, n_columns, row_height_in=2.3, title=title)
        flat = [axes for row in rows for axes in row]
        for i, axes in enumerate(flat):
            if i >= len(shown):
                axes.set_visible(False)
                continue
            name, curve, early = shown[i]
            axes.set_title(literal(name))
            level_axis(axes, *_SPAN_DB, step_db=10.0)
            axes.set_xlim(*_SHOWN_MS)
            if i % n_columns == 0:
                axes.set_ylabel("Level (dB)")
            if i + n_columns >= len(shown):
                axes.set_xlabel("Time after the direct sound (ms)")
            inside = (1000.0 * curve.t_s >= _SHOWN_MS[0]) & (1000.0 * curve.t_s <= _SHOWN_MS[1])
            if early.reason:
                say(axes, early.reason[:1].upper() + early.reason[1:], theme)
                continue
            draw_line(
                axes,
                1000.0 * curve.t_s[inside],
                np.maximum(curve.level_db[inside], _SPAN_DB[0] - 20.0),
                replace(theme.series[0], width=_WIDTH_PT),
                label="Envelope",
            )
            draw_line(
                axes,
                np.array([0.7, 1000.0 * CRITERION_S, 1000.0 * CRITERION_S]),
                np.array([CRITERION_DB, CRITERION_DB, _SPAN_DB[0]]),
                theme.line("limit"),
                label="Limit of ITU-R BS.1116",
            )
            axes.plot(
                [1000.0 * r.delay_s for r in early.found],
                [r.level_db for r in early.found],
                linestyle="none",
                marker="o",
                markersize=4.0,
                color=theme.series[1].colour,
                # A legend without a mark would ask what it means.
                label="Reflection" if early.found else "_nolegend_",
            )
            named = sorted((r for r in early.found if r.surface), key=lambda r: -r.level_db)
            for r in named[:_MOST_NAMED]:
                axes.annotate(
                    literal(r.surface),
                    (1000.0 * r.delay_s, r.level_db),
                    xytext=_NAME_OFFSET_PT,
                    textcoords="offset points",
                    fontsize="small",
                    color=theme.muted,
                    bbox={"facecolor": theme.background, "edgecolor": "none", "pad": 0.6},
                )
        legend_below(figure, flat[: len(shown)], n_columns=3)
    return figure
