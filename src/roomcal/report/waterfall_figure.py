"""Pictures of slices behind each other: how the bass of a room dies away, or a speaker's treble."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from roomcal.analyze.cumulative_decay import CumulativeDecay
from roomcal.analyze.waterfall import Waterfall
from roomcal.report.panels import Panels, new_panels, say
from roomcal.report.ridges import draw_ridges
from roomcal.report.style import LIGHT, Theme, literal, styled, tick_text
from roomcal.units import FloatArray

_WATERFALL_HZ = (20, 30, 40, 50, 60, 80, 100, 150, 200, 300)
_WATERFALL_TWO_COLUMNS_HZ = (20, 30, 50, 100, 200, 300)
_TREBLE_HZ = (1000, 2000, 3000, 5000, 7000, 10000, 20000)
_TREBLE_TWO_COLUMNS_HZ = (1000, 2000, 5000, 10000, 20000)
_PIXELS = (480, 1040)  # of a panel as wide as the figure
_ROW_HEIGHT_IN = (2.9, 1.9)  # one column, two columns


class _Slices(Protocol):
    """What both decays are."""

    @property
    def t_s(self) -> FloatArray: ...
    @property
    def f_hz(self) -> FloatArray: ...
    @property
    def level_db(self) -> FloatArray: ...


def waterfall_figure(
    falls: Sequence[tuple[str, Waterfall]],
    *,
    title: str = "Decay of the bass",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw waterfalls, 20 to 300 Hz over 500 ms and 50 dB.

    Parameters
    ----------
    falls : sequence of (name, Waterfall)
    title : str
        The finding, or the subject.
    theme : Theme
    """
    return _slices_figure(
        falls, title=title, theme=theme, ticks_hz=(_WATERFALL_HZ, _WATERFALL_TWO_COLUMNS_HZ)
    )


def cumulative_decay_figure(
    decays: Sequence[tuple[str, CumulativeDecay]],
    *,
    title: str = "Cumulative decay of the direct sound",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw cumulative spectral decays.

    Parameters
    ----------
    decays : sequence of (name, CumulativeDecay)
    title : str
        The finding, or the subject.
    theme : Theme
    """
    return _slices_figure(
        decays, title=title, theme=theme, ticks_hz=(_TREBLE_HZ, _TREBLE_TWO_COLUMNS_HZ)
    )


def _slices_figure(
    named: Sequence[tuple[str, _Slices]],
    *,
    title: str,
    theme: Theme,
    ticks_hz: tuple[Sequence[int], Sequence[int]],
) -> Figure:
    """Draw one panel of slices a name."""
    if not named:
        raise ValueError("a picture needs at least one waterfall")
    with styled(theme):
        wide = len(named) <= 3
        panels = new_panels(len(named), row_height_in=_ROW_HEIGHT_IN[0 if wide else 1], title=title)
        for i, (name, slices) in enumerate(named):
            axes = panels.axes[i]
            axes.set_title(literal(name))
            _draw(axes, panels, slices, ticks_hz[panels.n_columns - 1], theme)
            if panels.at_bottom(i):
                axes.set_xlabel("Frequency (Hz)", labelpad=16.0)
            _say_where_it_ends(axes, slices, theme)
    return panels.figure


def _draw(axes: Axes, panels: Panels, slices: _Slices, ticks: Sequence[int], theme: Theme) -> None:
    inside = [f for f in ticks if slices.f_hz[0] * 0.99 <= f <= slices.f_hz[-1] * 1.03]
    draw_ridges(
        axes,
        1000.0 * slices.t_s,
        slices.f_hz,
        slices.level_db,
        ticks_hz=inside,
        labels=[tick_text(f) for f in inside],
        time_unit="ms",
        size=(_PIXELS[0] // panels.n_columns, _PIXELS[1] // panels.n_columns),
        theme=theme,
    )


def _say_where_it_ends(axes: Axes, slices: _Slices, theme: Theme) -> None:
    """Name the reason where slices are missing."""
    known = np.isfinite(slices.level_db).all(axis=1)
    if known.all():
        return
    if not known.any():
        say(axes, "The response is too short", theme)
        return
    axes.text(
        0.44,
        0.04,
        f"The response ends after {1000.0 * float(slices.t_s[known][-1]):.0f} ms",
        horizontalalignment="center",
        fontsize="small",
        color=theme.muted,
        zorder=300.0,
    )
