"""Picture of an impulse response: the first milliseconds, and the energy over the whole decay."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from roomcal.model.impulse_response import ImpulseResponse
from roomcal.report.panels import new_panels
from roomcal.report.style import (
    LIGHT,
    LineStyle,
    Theme,
    draw_line,
    legend_below,
    level_axis,
    literal,
    new_figure,
    styled,
)
from roomcal.units import FloatArray, db_from_ratio

_EARLY_MS = (-2.0, 20.0)
_LATE_MS = (-20.0, 500.0)
_LATE_SPAN_DB = 80.0
_MOST_OVER_EACH_OTHER = 3
_MOST_POINTS = 1200  # a screen has no more


def impulse_figure(
    responses: Sequence[ImpulseResponse],
    arrivals_samples: Sequence[float],
    *,
    names: Sequence[str] = (),
    title: str = "Impulse response",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw impulse responses around their direct sound, each re its own peak.

    Up to three lie over each other, with their decay below; more have panels of their own.

    Parameters
    ----------
    responses : sequence of ImpulseResponse
    arrivals_samples : sequence of float
        Index of the direct sound in each.
    names : sequence of str, optional
        By default speaker and position.
    title : str
        The finding, or the subject.
    theme : Theme
    """
    names = names or [f"{r.speaker} {r.position}" for r in responses]
    lines = [
        _Line(n, *_shape(r, a)) for n, r, a in zip(names, responses, arrivals_samples, strict=True)
    ]
    with styled(theme):
        if len(lines) > _MOST_OVER_EACH_OTHER:
            panels = new_panels(len(lines), row_height_in=1.7, title=title)
            for i, line in enumerate(lines):
                axes = panels.axes[i]
                axes.set_title(literal(line.name))
                _draw_early(axes, line, replace(theme.series[0], width=0.9), label="")
                if panels.at_left(i):
                    axes.set_ylabel("Pressure re peak")
                if panels.at_bottom(i):
                    axes.set_xlabel("Time after the direct sound (ms)")
            return panels.figure
        figure, rows = new_figure(2, row_height_in=2.3, title=title)
        early, late = rows[0][0], rows[1][0]
        early.set_ylabel("Pressure re peak")
        for i, line in enumerate(lines):
            style = replace(theme.series[i % len(theme.series)], width=1.0)
            _draw_early(early, line, style, label=literal(line.name))
            far = (line.t_ms >= _LATE_MS[0]) & (line.t_ms <= _LATE_MS[1])
            t, peak = _peaks(line.t_ms[far], np.abs(line.h[far]))
            draw_line(late, t, db_from_ratio(peak), style)
        late.set_xlim(*_LATE_MS)
        level_axis(late, -_LATE_SPAN_DB, 5.0, step_db=10.0)
        late.set_ylabel("Level re peak (dB)")
        late.set_xlabel("Time after the direct sound (ms)")
        legend_below(figure, [early])
    return figure


@dataclass(frozen=True, eq=False)
class _Line:
    """One response as it is drawn."""

    name: str
    t_ms: FloatArray
    h: FloatArray


def _shape(response: ImpulseResponse, arrival: float) -> tuple[FloatArray, FloatArray]:
    """Time after the direct sound, and the response re its peak."""
    h = response.samples / max(float(np.abs(response.samples).max()), 1e-300)
    return 1000.0 * (np.arange(h.size) - arrival) / response.fs, h


def _draw_early(axes: Axes, line: _Line, style: LineStyle, *, label: str) -> None:
    """Draw the first milliseconds."""
    near = (line.t_ms >= _EARLY_MS[0]) & (line.t_ms <= _EARLY_MS[1])
    draw_line(axes, line.t_ms[near], line.h[near], style, label=label)
    axes.set_xlim(*_EARLY_MS)
    axes.set_ylim(-1.1, 1.1)
    axes.xaxis.set_major_locator(MultipleLocator(5.0))


def _peaks(t_ms: FloatArray, level: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Largest value of each of at most `_MOST_POINTS` steps: no reflection falls between points."""
    step = -(-t_ms.size // _MOST_POINTS)
    n = t_ms.size // step if step else 0
    if n == 0:
        return t_ms, level
    peaks = level[: n * step].reshape(n, step).max(axis=1)
    return t_ms[: n * step : step], peaks
