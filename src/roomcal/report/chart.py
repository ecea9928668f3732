"""A graph of the page: what the reader zooms into and switches on and off, as plain data.

Beside every graph stands the same as a picture: for paper, and for readers that run no script.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from roomcal.model.arrays import frozen_array
from roomcal.report.page_css import colour_names
from roomcal.report.style import LIGHT, LineStyle
from roomcal.report.table import Table
from roomcal.units import FloatArray

_MISSING = -32768  # of an int16: a number that cannot be had
_LARGEST = 32767
_X_DIGITS = 6  # significant, of the places along the horizontal axis
_COLOURS = {colour: name for name, colour in colour_names(LIGHT).items()}


@dataclass(frozen=True, eq=False)
class Line:
    """One curve of a panel, or several that are shown as their mean and range.

    Attributes
    ----------
    key : str
        Which of the chart's keys switches it.
    rows : (n_rows, n) float array
        NaN leaves a gap. Several rows are levels over positions: the page averages their energy.
    low, high : (n,) float array or None
        Range of a line with a single row.
    """

    key: str
    rows: FloatArray
    low: FloatArray | None = None
    high: FloatArray | None = None
    band: bool = False  # draw the range
    marks: bool = False  # draw a point at each value
    quiet: bool = False  # points of another line: not read out again

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", frozen_array(self.rows, ndim=2, name="rows"))


@dataclass(frozen=True, eq=False)
class Panel:
    """What lies over each other in one frame."""

    name: str
    lines: tuple[Line, ...]
    reason: str = ""  # why there is nothing to see


@dataclass(frozen=True)
class Key:
    """What a toggle switches, in every panel at once."""

    key: str
    label: str
    style: LineStyle
    on: bool = True


@dataclass(frozen=True, eq=False)
class Chart:
    """One graph.

    Attributes
    ----------
    identifier : str
        Letters and hyphens, one of a kind on a page.
    alt : str
        What it shows, for those who cannot see it.
    x : (n,) float array
        Frequencies, or times in ms.
    quantum : float
        Values are kept in whole multiples of it.
    views : sequence of (name, range)
        Ranges of the horizontal axis to choose from, besides the whole one.
    figure : Figure
        The same as a picture of the light theme.
    """

    identifier: str
    title: str
    caption: str
    alt: str
    x: FloatArray
    panels: tuple[Panel, ...]
    keys: tuple[Key, ...]
    figure: Figure
    y_label: str
    y_range: tuple[float, float]
    y_unit: str
    x_range: tuple[float, float]
    y_step: float | None = None
    digits: int = 1
    quantum: float = 0.01
    over_frequency: bool = True
    range_label: str = "Range over positions"
    smoothing: bool = False  # rows are windows of 1/48 octave, 96 an octave; the page smooths them
    views: tuple[tuple[str, tuple[float, float]], ...] = ()
    tables: tuple[Table, ...] = field(default_factory=tuple)

    def __post_init__(self) -> None:
        object.__setattr__(self, "x", frozen_array(self.x, ndim=1, name="x"))
        keys = {key.key for key in self.keys}
        for panel in self.panels:
            for line in panel.lines:
                if line.rows.shape[1] != self.x.size:
                    raise ValueError(f"a line of {self.title!r} does not fit its axis")
                if line.key not in keys:
                    raise ValueError(f"{self.title!r} has no key {line.key!r}")


def charts_json(charts: Sequence[Chart]) -> str:
    """Write charts as the script of the page reads them, fit for the inside of a script element.

    No name of a user can end that element: "<" is written as an escape of JSON.
    """
    text = json.dumps(
        {"charts": [_chart(chart) for chart in charts]},
        separators=(",", ":"),
        ensure_ascii=True,
        allow_nan=False,
    )
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _chart(chart: Chart) -> dict[str, Any]:
    views: list[dict[str, Any]] = [{"label": "Show all", "range": None}]
    views += [{"label": name, "range": list(limits)} for name, limits in chart.views]
    return {
        "id": chart.identifier,
        "title": chart.title,
        "x": {
            "kind": "frequency" if chart.over_frequency else "time",
            "label": "Frequency (Hz)"
            if chart.over_frequency
            else "Time after the direct sound (ms)",
            "unit": "Hz" if chart.over_frequency else "ms",
            "range": list(chart.x_range),
            "values": [float(f"{v:.{_X_DIGITS}g}") for v in chart.x],
        },
        "y": {
            "label": chart.y_label,
            "unit": chart.y_unit,
            "range": list(chart.y_range),
            "step": chart.y_step,
            "digits": chart.digits,
        },
        "smoothing": chart.smoothing,
        "range": chart.range_label,
        "views": views,
        "keys": [_key(key) for key in chart.keys],
        "panels": [
            {
                "name": p.name,
                "reason": p.reason,
                "lines": [_line(line, chart.quantum) for line in p.lines],
            }
            for p in chart.panels
        ],
    }


def _key(key: Key) -> dict[str, Any]:
    return {
        "key": key.key,
        "label": key.label,
        "on": key.on,
        "colour": _COLOURS[key.style.colour],
        "width": key.style.width,
        "dash": list(key.style.dashes),
    }


def _line(line: Line, quantum: float) -> Mapping[str, Any]:
    made: dict[str, Any] = {
        "key": line.key,
        "quantum": quantum,
        "rows": [_encoded(row, quantum) for row in line.rows],
    }
    if line.low is not None and line.high is not None:
        made |= {"low": _encoded(line.low, quantum), "high": _encoded(line.high, quantum)}
    return made | {name: True for name in ("band", "marks", "quiet") if getattr(line, name)}


def _encoded(values: FloatArray, quantum: float) -> str:
    """Whole multiples of a quantum as little-endian int16 in base64: a quarter of their text."""
    steps = np.clip(np.rint(values / quantum), -_LARGEST, _LARGEST)
    whole = np.where(np.isfinite(steps), steps, _MISSING).astype("<i2")
    return base64.b64encode(whole.tobytes()).decode("ascii")
