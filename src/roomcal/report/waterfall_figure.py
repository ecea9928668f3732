"""Picture of how the bass dies away: frequency across, time downwards, level as colour."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from roomcal.analyze.waterfall import HIGH_HZ, LAST_S, LOW_HZ, Waterfall
from roomcal.report.style import LIGHT, Theme, frequency_axis, literal, new_figure, styled

_SPAN_DB = 50.0
_STEP_DB = 20.0  # between the contour lines, which grey prints keep
_TICKS_HZ = (20, 30, 40, 50, 60, 80, 100, 150, 200, 300)
_TICKS_TWO_COLUMNS_HZ = (20, 30, 50, 100, 200, 300)


def waterfall_figure(
    falls: Sequence[tuple[str, Waterfall]],
    *,
    title: str = "Decay of the bass",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw waterfalls seen from above, so that no ridge hides another.

    Parameters
    ----------
    falls : sequence of (name, Waterfall)
    title : str
        The finding, or the subject.
    theme : Theme
    """
    if not falls:
        raise ValueError("a picture needs at least one waterfall")
    n_columns = 1 if len(falls) <= 3 else 2
    n_rows = -(-len(falls) // n_columns)
    with styled(theme):
        figure, rows = new_figure(n_rows, n_columns, row_height_in=2.6, title=title)
        flat = [axes for row in rows for axes in row]
        mesh = None
        for i, axes in enumerate(flat):
            if i >= len(falls):
                axes.set_visible(False)
                continue
            name, fall = falls[i]
            axes.set_title(literal(name))
            frequency_axis(
                axes, low_hz=LOW_HZ, high_hz=HIGH_HZ, labelled=i + n_columns >= len(falls)
            )
            ticks = _TICKS_HZ if n_columns == 1 else _TICKS_TWO_COLUMNS_HZ
            axes.set_xticks(ticks, [f"{f}" for f in ticks])
            axes.set_xlim(LOW_HZ, HIGH_HZ)
            axes.set_ylim(1000.0 * LAST_S, 0.0)
            axes.grid(visible=False)
            if i % n_columns == 0:
                axes.set_ylabel("Time (ms)")
            level = np.ma.masked_invalid(np.clip(fall.level_db, -_SPAN_DB, 0.0))
            t_ms = 1000.0 * fall.t_s
            mesh = axes.pcolormesh(
                fall.f_hz,
                t_ms,
                level,
                cmap="cividis",
                vmin=-_SPAN_DB,
                vmax=0.0,
                shading="gouraud" if not np.ma.is_masked(level) else "nearest",
                rasterized=True,
            )
            if level.count() and not np.ma.is_masked(level[0]):
                axes.contour(
                    fall.f_hz,
                    t_ms,
                    level,
                    levels=np.arange(-_SPAN_DB + 0.5 * _STEP_DB, 0.0, _STEP_DB),
                    colors="white",
                    linewidths=0.5,
                    linestyles="solid",
                )
            if np.ma.is_masked(level):
                axes.text(
                    0.5,
                    0.04,
                    "The response ends here" if level.count() else "The response is too short",
                    transform=axes.transAxes,
                    horizontalalignment="center",
                    fontsize="small",
                    color=theme.muted,
                )
        if mesh is not None:
            bar = figure.colorbar(mesh, ax=flat[: len(falls)], aspect=30, pad=0.02)
            bar.set_label("Level (dB)")
    return figure
