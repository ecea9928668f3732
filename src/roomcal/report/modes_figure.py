"""Picture of the modes of a room: how long each rings, and which are heard most."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from roomcal.analyze.modes import HIGH_HZ, LOW_HZ, RoomModes
from roomcal.report.panels import new_panels, say
from roomcal.report.style import LIGHT, Theme, frequency_axis, literal, styled
from roomcal.units import FloatArray, frequency_text

_ROW_HEIGHT_IN = 2.8
_TICKS_HZ = (20, 30, 40, 50, 60, 80, 100, 150, 200)
_TICKS_TWO_COLUMNS_HZ = (20, 50, 100, 200)
_SPAN_DB = 30.0  # below the strongest: smaller dots are not told apart
_DOTS_PT2 = (14.0, 150.0)
_NAMED = 8  # of the strongest get their frequency written above them
_NAMES_APART_OCTAVES = 0.22  # or they would touch


def modes_figure(
    rooms: Sequence[tuple[str, RoomModes]],
    *,
    title: str = "Modes of the room: the larger the dot, the louder",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw the decay time of every mode as a stem; the larger its dot, the louder it is.

    Parameters
    ----------
    rooms : sequence of (name, RoomModes)
        Sessions below each other, on one scale.
    title : str
    theme : Theme
    """
    if not rooms:
        raise ValueError("a picture needs at least one room")
    top_s = 1.22 * max((m.t60_s for _, room in rooms for m in room.modes), default=0.8)
    with styled(theme):
        panels = new_panels(len(rooms), row_height_in=_ROW_HEIGHT_IN, title=title)
        for i, (name, room) in enumerate(rooms):
            axes = panels.axes[i]
            if len(rooms) > 1:
                axes.set_title(literal(name))
            frequency_axis(axes, low_hz=LOW_HZ, high_hz=HIGH_HZ, labelled=panels.at_bottom(i))
            ticks = _TICKS_HZ if panels.n_columns == 1 else _TICKS_TWO_COLUMNS_HZ
            axes.set_xticks(ticks, [f"{f}" for f in ticks])
            axes.set_xlim(0.95 * LOW_HZ, 1.05 * HIGH_HZ)
            axes.set_ylim(0.0, top_s)
            axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
            if panels.at_left(i):
                axes.set_ylabel("Decay, T60 (s)")
            if room.modes:
                _draw(axes, room, theme)
            else:
                say(axes, f"No modes: {room.reason}", theme)
    return panels.figure


def _draw(axes: Axes, room: RoomModes, theme: Theme) -> None:
    """Draw stems, their uncertainty, dots, and the names of the strongest."""
    f = np.array([m.f_hz for m in room.modes])
    t60 = np.array([m.t60_s for m in room.modes])
    level = np.array([float(m.level_db.max()) for m in room.modes])
    share = np.clip(1.0 + (level - level.max()) / _SPAN_DB, 0.0, 1.0)
    colour = theme.series[0].colour
    axes.vlines(f, 0.0, t60, color=colour, linewidth=1.4, alpha=0.75)
    axes.errorbar(
        f,
        t60,
        yerr=[m.t60_std_s for m in room.modes],
        fmt="none",
        ecolor=theme.muted,
        elinewidth=1.0,
        capsize=2.0,
    )
    axes.scatter(
        f,
        t60,
        s=_DOTS_PT2[0] + share**2 * (_DOTS_PT2[1] - _DOTS_PT2[0]),
        color=colour,
        edgecolor=theme.background,
        linewidth=0.8,
        zorder=3.0,
    )
    for i in _named(f, t60, level):
        axes.annotate(
            frequency_text(float(f[i])),
            (f[i], t60[i]),
            xytext=(0.0, 9.0),
            textcoords="offset points",
            horizontalalignment="center",
            fontsize="small",
            color=theme.text,
        )


def _named(f_hz: FloatArray, t60_s: FloatArray, level_db: FloatArray) -> list[int]:
    """Choose the strongest modes whose names touch neither each other nor a dot."""
    chosen: list[int] = []
    for i in np.argsort(-level_db):
        apart = np.abs(np.log2(f_hz / f_hz[i]))
        covered = (apart < 0.5 * _NAMES_APART_OCTAVES) & (t60_s > t60_s[i])
        near = (apart[chosen] < _NAMES_APART_OCTAVES).any()
        if len(chosen) < _NAMED and not near and not covered.any():
            chosen.append(int(i))
    return chosen
