"""Pictures of phase and of group delay over frequency: one panel a speaker."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, MultipleLocator

from roomcal.analyze.phase import PhaseResponse
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

_ROW_HEIGHT_IN = 2.3
_JUMP_DEG = 180.0  # a step beyond this is the turn of a wrapped phase, and no line is drawn
_LEAST_TOP_MS, _MOST_TOP_MS = 10.0, 200.0
_SCALE_SHARES = (1.0, 99.0)  # percentiles that the scale of group delay holds
_SCALE_FROM_HZ = 25.0

Named = Sequence[tuple[str, PhaseResponse]]


def phase_figure(
    speakers: Mapping[str, Named], *, title: str = "Phase", theme: Theme = LIGHT
) -> Figure:
    """Draw the phase: of one response with its minimum and excess parts, of several alone.

    Parameters
    ----------
    speakers : mapping of str to sequence of (name, PhaseResponse)
        By speaker; the names tell sessions apart.
    title : str
    theme : Theme
    """

    def lines(named: Named) -> list[tuple[str, FloatArray, FloatArray]]:
        if len(named) == 1:
            one = named[0][1]
            return [
                ("Minimum phase", one.f_hz, _broken(one.minimum_phase_deg)),
                ("Excess phase", one.f_hz, _broken(one.excess_phase_deg)),
                ("Phase", one.f_hz, _broken(one.phase_deg)),
            ]
        return [(name, one.f_hz, _broken(one.phase_deg)) for name, one in named]

    def scale(axes: Axes) -> None:
        axes.set_ylim(-180.0, 180.0)
        axes.yaxis.set_major_locator(MultipleLocator(90.0))

    return _figure(speakers, lines, scale, title=title, label="Phase (degrees)", theme=theme)


def group_delay_figure(
    speakers: Mapping[str, Named], *, title: str = "Group delay", theme: Theme = LIGHT
) -> Figure:
    """Draw the group delay: of one response with its minimum and excess parts, of several alone.

    Parameters
    ----------
    speakers : mapping of str to sequence of (name, PhaseResponse)
    title : str
    theme : Theme
    """

    def lines(named: Named) -> list[tuple[str, FloatArray, FloatArray]]:
        if len(named) == 1:
            one = named[0][1]
            return [
                ("Minimum phase", one.f_hz, 1000.0 * one.minimum_group_delay_s),
                ("Excess", one.f_hz, 1000.0 * one.excess_group_delay_s),
                ("Group delay", one.f_hz, 1000.0 * one.group_delay_s),
            ]
        return [(name, one.f_hz, 1000.0 * one.group_delay_s) for name, one in named]

    drawn = [line for named in speakers.values() for line in lines(named)]
    low, high = delay_range_ms([(f, y) for _, f, y in drawn])

    def scale(axes: Axes) -> None:
        axes.set_ylim(low, high)
        axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
        axes.axhline(0.0, color=theme.muted, linewidth=0.8)

    return _figure(speakers, lines, scale, title=title, label="Group delay (ms)", theme=theme)


def _figure(
    speakers: Mapping[str, Named],
    lines: Callable[[Named], list[tuple[str, FloatArray, FloatArray]]],
    scale: Callable[[Axes], None],
    *,
    title: str,
    label: str,
    theme: Theme,
) -> Figure:
    """Draw one panel a speaker."""
    if not speakers:
        raise ValueError("a picture needs at least one response")
    first = next(iter(speakers.values()))[0][1]
    window = f"window of {first.cycles:g} cycles" if first.cycles is not None else "no window"
    with styled(theme):
        panels = new_panels(
            len(speakers), row_height_in=_ROW_HEIGHT_IN, title=f"{title}, {window}" if title else ""
        )
        for i, (speaker, named) in enumerate(speakers.items()):
            axes = panels.axes[i]
            axes.set_title(literal(speaker))
            frequency_axis(axes, labelled=panels.at_bottom(i))
            panels.thin_frequencies(i)
            scale(axes)
            if panels.at_left(i):
                axes.set_ylabel(label)
            drawn = lines(named)
            styles = _styles(theme, parts=len(named) == 1)
            for k, (name, f_hz, y) in enumerate(drawn):
                style = theme.roles.get(name.lower()) or styles[k % len(styles)]
                draw_line(axes, f_hz, y, style, label=literal(name))
            if not any(np.isfinite(y).any() for _, _, y in drawn):
                say(axes, "The response is silent", theme)
        legend_below(panels.figure, panels.axes, first=("Phase", "Group delay"))
    return panels.figure


def _styles(theme: Theme, *, parts: bool) -> Sequence[LineStyle]:
    """Parts lie under the whole, thinner; sessions have the looks of series."""
    if not parts:
        return theme.series
    minimum, excess, whole = theme.series[1], theme.series[2], theme.series[0]
    return (
        LineStyle(minimum.colour, (6.0, 2.2), 1.2),
        LineStyle(excess.colour, (1.3, 1.9), 1.5),
        LineStyle(whole.colour, (), 1.5),
    )


def _broken(phase_deg: FloatArray) -> FloatArray:
    """Leave a gap where a wrapped phase jumps from one edge to the other."""
    broken = np.array(phase_deg)
    broken[1:][np.abs(np.diff(phase_deg)) > _JUMP_DEG] = np.nan
    return broken


def delay_range_ms(lines: Sequence[tuple[FloatArray, FloatArray]]) -> tuple[float, float]:
    """Choose a scale that single spikes do not decide."""
    values = np.concatenate([y[(f >= _SCALE_FROM_HZ) & np.isfinite(y)] for f, y in lines])
    if not values.size:
        return -_LEAST_TOP_MS, _LEAST_TOP_MS
    low, high = np.percentile(values, _SCALE_SHARES)
    top = float(np.clip(1.15 * high, _LEAST_TOP_MS, _MOST_TOP_MS))
    bottom = float(np.clip(1.15 * low, -_MOST_TOP_MS, -0.25 * top))
    return bottom, top
