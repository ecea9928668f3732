"""Picture of distortion over frequency, with the floor below which nothing is known."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from roomcal.analyze.distortion import ORDERS, RANGE_HZ, Distortion
from roomcal.report.panels import new_panels, say
from roomcal.report.style import (
    LIGHT,
    LineStyle,
    Theme,
    draw_line,
    frequency_axis,
    legend_below,
    level_axis,
    literal,
    styled,
)

_ROW_HEIGHT_IN = 2.5
_SPAN_DB = 60.0
_STEP_DB = 10.0
_TOP_DB = -20.0  # 10 %: a speaker that distorts more moves the scale
_PERCENT = ((-20.0, "10 %"), (-40.0, "1 %"), (-60.0, "0.1 %"), (-80.0, "0.01 %"))
TICKS_HZ = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
FIRST = ("THD", "THD+N", "Noise floor")


def distortion_figure(
    speakers: Mapping[str, Sequence[tuple[str, Distortion]]],
    *,
    title: str = "Distortion",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw harmonics, their sum and the floor; of several sessions the sums alone.

    Parameters
    ----------
    speakers : mapping of str to sequence of (name, Distortion)
        By speaker; the names tell sessions apart.
    title : str
        The finding, or the subject.
    theme : Theme
    """
    if not speakers:
        raise ValueError("a picture needs at least one speaker")
    every = [d for named in speakers.values() for _, d in named]
    low_db, high_db = distortion_range_db(every)
    levels = {d.level_dbfs for d in every if np.isfinite(d.level_dbfs)}
    at = (
        f", sweep at {levels.pop():.0f} dBFS".replace("-", "\u2212")
        if len(levels) == 1 and title
        else ""
    )
    with styled(theme):
        panels = new_panels(len(speakers), row_height_in=_ROW_HEIGHT_IN, title=f"{title}{at}")
        for i, (speaker, named) in enumerate(speakers.items()):
            axes = panels.axes[i]
            axes.set_title(literal(speaker))
            frequency_axis(axes, high_hz=RANGE_HZ[1], labelled=panels.at_bottom(i))
            if panels.n_columns > 1:
                axes.set_xticks([20, 100, 1000, 10000], ["20", "100", "1k", "10k"])
            axes.set_xlim(*RANGE_HZ)
            level_axis(axes, low_db, high_db, step_db=_STEP_DB)
            if panels.at_left(i):
                axes.set_ylabel("Re the fundamental (dB)")
            _percent_axis(axes, low_db, high_db)
            for name, style, d, y in _lines(named, theme):
                draw_line(axes, d.f_hz, y, style, label=literal(name))
            known = [d for _, d in named if d.f_hz.size]
            if not known:
                say(axes, _sentence(named[0][1].reason), theme)
        legend_below(panels.figure, panels.axes, n_columns=7, first=FIRST)
    return panels.figure


def distortion_range_db(found: Sequence[Distortion]) -> tuple[float, float]:
    """Choose the 60 dB that hold the largest sum of harmonics."""
    tops = [float(np.nanmax(d.thd_db)) for d in found if np.isfinite(d.thd_db).any()]
    top = max([_TOP_DB, *(_STEP_DB * np.ceil((t + 1.0) / _STEP_DB) for t in tops)])
    return float(top - _SPAN_DB), float(top)


def part_styles(theme: Theme) -> dict[str, LineStyle]:
    """Give the looks of the sum, the harmonics and the floor."""
    harmonics = {
        f"H{order}": LineStyle(theme.series[i + 1].colour, theme.series[i + 1].dashes, 1.2)
        for i, order in enumerate(ORDERS)
    }
    return {
        "THD": LineStyle(theme.series[0].colour, (), 2.0),
        **harmonics,
        "Noise floor": LineStyle(theme.muted, (1.3, 1.9), 1.4),
    }


def _lines(
    named: Sequence[tuple[str, Distortion]], theme: Theme
) -> list[tuple[str, LineStyle, Distortion, np.ndarray]]:
    """Everything of one session; of several, the sum of each."""
    if len(named) > 1:
        return [
            (f"THD, {name}", theme.series[k % len(theme.series)], d, d.thd_db)
            for k, (name, d) in enumerate(named)
            if d.f_hz.size
        ]
    d = named[0][1]
    if not d.f_hz.size:
        return []
    styles = part_styles(theme)
    rows = {"Noise floor": d.floor_db, "THD": d.thd_db}  # the dashes show on the wide line
    rows |= {f"H{k}": d.harmonics_db[k] for k in ORDERS}
    return [(name, styles[name], d, y) for name, y in rows.items() if np.isfinite(y).any()]


def _percent_axis(axes: Axes, low_db: float, high_db: float) -> None:
    """Write what the levels are as a share of the fundamental, at the right."""
    right = axes.secondary_yaxis("right")
    inside = [(db, text) for db, text in _PERCENT if low_db <= db <= high_db]
    right.set_yticks([db for db, _ in inside], [text for _, text in inside])
    right.tick_params(axis="y", length=0.0)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}" if text else "Nothing is known"
