"""Picture of an impulse response: the first milliseconds, and the energy over the whole decay."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from roomcal.model.impulse_response import ImpulseResponse
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
from roomcal.units import FloatArray, db_from_ratio

_EARLY_MS = (-2.0, 20.0)
_LATE_MS = (-20.0, 500.0)
_LATE_SPAN_DB = 80.0
_MOST_POINTS = 1200  # a screen has no more


def impulse_figure(
    responses: Sequence[ImpulseResponse],
    arrivals_samples: Sequence[float],
    *,
    title: str = "Impulse response",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw impulse responses around their direct sound, each re its own peak.

    Parameters
    ----------
    responses : sequence of ImpulseResponse
    arrivals_samples : sequence of float
        Index of the direct sound in each.
    title : str
        The finding, or the subject.
    theme : Theme
    """
    with styled(theme):
        figure, rows = new_figure(2, row_height_in=2.3, title=title)
        early, late = rows[0][0], rows[1][0]
        for i, (response, arrival) in enumerate(zip(responses, arrivals_samples, strict=True)):
            style = replace(theme.series[i % len(theme.series)], width=1.0)
            h = response.samples / max(float(np.abs(response.samples).max()), 1e-300)
            t_ms = 1000.0 * (np.arange(h.size) - arrival) / response.fs
            near = (t_ms >= _EARLY_MS[0]) & (t_ms <= _EARLY_MS[1])
            label = literal(f"{response.speaker} {response.position}")
            draw_line(early, t_ms[near], h[near], style, label=label)
            far = (t_ms >= _LATE_MS[0]) & (t_ms <= _LATE_MS[1])
            t, peak = _peaks(t_ms[far], np.abs(h[far]))
            draw_line(late, t, db_from_ratio(peak), style)
        early.set_xlim(*_EARLY_MS)
        early.set_ylabel("Pressure re peak")
        late.set_xlim(*_LATE_MS)
        level_axis(late, -_LATE_SPAN_DB, 5.0, step_db=10.0)
        late.set_ylabel("Level re peak (dB)")
        late.set_xlabel("Time after the direct sound (ms)")
        legend_below(figure, [early])
    return figure


def _peaks(t_ms: FloatArray, level: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Largest value of each of at most `_MOST_POINTS` steps: no reflection falls between points."""
    step = -(-t_ms.size // _MOST_POINTS)
    n = t_ms.size // step if step else 0
    if n == 0:
        return t_ms, level
    peaks = level[: n * step].reshape(n, step).max(axis=1)
    return t_ms[: n * step : step], peaks
