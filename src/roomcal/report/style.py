"""How every picture looks: themes, colours and line styles by role, axes of the field.

Figures are matplotlib `Figure` objects on an explicit canvas; pyplot, which keeps figures alive
and chooses windows, is never imported.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MultipleLocator, NullFormatter

from roomcal.units import FloatArray

FREQUENCY_TICKS_HZ = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000)
FREQUENCY_RANGE_HZ = (20.0, 20000.0)
LEVEL_STEP_DB = 5.0
LEVEL_SPAN_DB = 50.0
WIDTH_IN = 7.5  # of a figure; 720 points of the page
TEXT_PT = 9.5


@dataclass(frozen=True)
class LineStyle:
    """One look; colours differ between themes, dashes and widths stay, so grey prints read too."""

    colour: str
    dashes: tuple[float, ...] = ()  # on and off, in points; empty: solid
    width: float = 1.6

    @property
    def pattern(self) -> str | tuple[float, tuple[float, ...]]:
        """Say it as matplotlib wants it."""
        return (0.0, self.dashes) if self.dashes else "-"


@dataclass(frozen=True)
class Theme:
    """Colours of one background."""

    name: str
    background: str
    text: str
    muted: str
    grid: str
    roles: Mapping[str, LineStyle] = field(default_factory=dict)  # before, predicted, ...
    series: tuple[LineStyle, ...] = ()  # speakers beside each other

    def line(self, role: str) -> LineStyle:
        """Look of a role; an unknown role is drawn like plain text."""
        return self.roles.get(role, LineStyle(self.text))


def _theme(name: str, *, ground: tuple[str, str, str, str], hues: tuple[str, ...]) -> Theme:
    background, text, muted, grid = ground
    orange, blue, green, purple, yellow, sky = hues
    solid, dashed, dash_dot, dots = (), (6.0, 2.2), (7.0, 2.0, 1.5, 2.0), (1.3, 1.9)
    roles = {
        "before": LineStyle(orange, solid, 1.2),
        # Drawn over what came true: the dashes show on the wide line as well as beside it.
        "verified": LineStyle(blue, solid, 2.6),
        "predicted": LineStyle(purple, dashed, 1.5),
        "target": LineStyle(text, dots, 1.6),
        "limit": LineStyle(muted, dash_dot, 1.2),
    }
    colours = (blue, orange, green, purple, sky, yellow)
    series = tuple(
        LineStyle(colour, dash, 1.7)
        for dash in (solid, dashed, dash_dot, dots)
        for colour in colours
    )
    # Neighbours differ in colour and in dashes: the order walks through both at once.
    order = [6 * (i % 4) + i % 6 for i in range(12)]
    order += [i for i in range(24) if i not in order]
    return Theme(
        name,
        background,
        text,
        muted,
        grid,
        MappingProxyType(roles),
        tuple(series[i] for i in order),
    )


# Okabe and Ito's colours (2008), told apart with every kind of colour vision. On each background
# the hues that reach a contrast of 3:1 (WCAG 2.1, 1.4.11); yellow and sky are darkened for paper.
LIGHT = _theme(
    "light",
    ground=("#ffffff", "#1a1d21", "#5b6269", "#d9dde1"),
    hues=("#d55e00", "#0072b2", "#009e73", "#b8548f", "#8a7a00", "#2d87b8"),
)
DARK = _theme(
    "dark",
    ground=("#15181c", "#e8eaed", "#a3abb3", "#353b42"),
    hues=("#e69f00", "#56b4e9", "#2ecc9b", "#cc79a7", "#f0e442", "#9fd4f2"),
)
THEMES: Mapping[str, Theme] = MappingProxyType({"light": LIGHT, "dark": DARK})


@contextmanager
def styled(theme: Theme) -> Iterator[None]:
    """Apply a theme to everything that is drawn or saved inside."""
    settings: Any = {
        "font.family": ["DejaVu Sans"],  # ships with matplotlib: the same picture everywhere
        "font.size": TEXT_PT,
        "axes.titlesize": TEXT_PT + 0.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.labelsize": TEXT_PT,
        "axes.facecolor": theme.background,
        "axes.edgecolor": theme.muted,
        "axes.labelcolor": theme.text,
        "axes.titlecolor": theme.text,
        "axes.linewidth": 0.8,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.unicode_minus": True,
        "grid.color": theme.grid,
        "grid.linewidth": 0.7,
        "figure.facecolor": theme.background,
        "savefig.facecolor": theme.background,
        "text.color": theme.text,
        "text.parse_math": False,  # a dollar sign in a name is a dollar sign
        "xtick.color": theme.muted,
        "ytick.color": theme.muted,
        "xtick.labelcolor": theme.text,
        "ytick.labelcolor": theme.text,
        "legend.frameon": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "roomcal",
        "pdf.fonttype": 42,
        "path.simplify": True,
        "lines.dash_capstyle": "butt",
        "lines.scale_dashes": False,
    }
    with mpl.rc_context(settings), warnings.catch_warnings():
        # A letter that the font lacks is drawn as a box; nobody who reads the picture needs more.
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")
        yield


def new_figure(
    n_rows: int, n_columns: int = 1, *, row_height_in: float, title: str
) -> tuple[Figure, list[list[Axes]]]:
    """Make an empty figure with a grid of axes; call it inside `styled`.

    Returns
    -------
    figure : Figure
    axes : list of lists of Axes
        Row by row.
    """
    height = 1.0 + n_rows * row_height_in
    figure = Figure(figsize=(WIDTH_IN, height), layout="constrained")
    FigureCanvasAgg(figure)
    if title:
        figure.suptitle(
            title, x=0.01, horizontalalignment="left", fontweight="bold", fontsize=TEXT_PT + 2.0
        )
    axes = figure.subplots(n_rows, n_columns, squeeze=False)
    return figure, [list(row) for row in axes]


def frequency_axis(
    axes: Axes, *, low_hz: float = 20.0, high_hz: float = 20000.0, labelled: bool = True
) -> None:
    """Set a logarithmic axis with the ticks that the field reads: 20, 50, 100 ... 1k ... 20k."""
    axes.set_xscale("log")
    axes.set_xlim(low_hz, high_hz)
    axes.xaxis.set_major_locator(FixedLocator(FREQUENCY_TICKS_HZ))
    decades = [d * m for d in (10, 100, 1000, 10000) for m in range(1, 10)]
    minor = [f for f in decades if f not in FREQUENCY_TICKS_HZ and low_hz < f < high_hz]
    axes.xaxis.set_minor_locator(FixedLocator(minor))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks(FREQUENCY_TICKS_HZ, [tick_text(f) for f in FREQUENCY_TICKS_HZ])
    axes.set_xlim(low_hz, high_hz)
    axes.tick_params(axis="x", which="minor", length=2.0)
    if labelled:
        axes.set_xlabel("Frequency (Hz)")


def level_axis(
    axes: Axes, low_db: float, high_db: float, *, step_db: float = LEVEL_STEP_DB
) -> None:
    """Set a level axis with a line every 5 dB and a number every 10 dB."""
    axes.set_ylim(low_db, high_db)
    numbered = 2.0 * step_db if high_db - low_db > 6.0 * step_db else step_db
    axes.yaxis.set_major_locator(MultipleLocator(numbered))
    axes.yaxis.set_minor_locator(MultipleLocator(step_db))
    axes.grid(visible=True, axis="y", which="minor", linewidth=0.4)
    axes.tick_params(axis="y", which="minor", length=0.0)


def level_range_db(levels: Sequence[FloatArray]) -> tuple[float, float]:
    """Choose the 50 dB that show the most of some curves, in whole steps."""
    finite = [level[np.isfinite(level)] for level in levels]
    finite = [level for level in finite if level.size]
    if not finite:
        return -LEVEL_SPAN_DB, 0.0
    top = max(float(level.max()) for level in finite)
    high = LEVEL_STEP_DB * float(np.ceil((top + 1.0) / LEVEL_STEP_DB))
    return high - LEVEL_SPAN_DB, high


def tick_text(f_hz: float) -> str:
    """Write a frequency for an axis: 500, 1k, 20k."""
    return f"{f_hz:g}" if f_hz < 1000 else f"{f_hz / 1000:g}k"


def legend_below(
    figure: Figure, axes: Sequence[Axes], *, n_columns: int = 5, first: Sequence[str] = ()
) -> None:
    """Put one legend for all axes under them, where it covers no curve.

    Labels in `first` come in that order; the others follow as they were drawn.
    """
    handles: dict[str, Any] = {}
    for one in axes:
        for handle, label in zip(*one.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    handles = {name: handles[name] for name in first if name in handles} | handles
    if handles:
        figure.legend(
            handles.values(),
            handles.keys(),
            loc="outside lower center",
            ncols=min(n_columns, len(handles)),
            handlelength=3.2,
            columnspacing=1.6,
        )


def look(theme: Theme, name: str, index: int) -> LineStyle:
    """Choose the look of a stage by its name, or else the one at a place in a series."""
    return theme.roles.get(name.lower()) or theme.series[index % len(theme.series)]


def literal(text: str) -> str:
    """Keep matplotlib from reading a leading underscore as "no legend"."""
    return f" {text}" if text.startswith("_") else text


def draw_line(
    axes: Axes, x: FloatArray, y: FloatArray, style: LineStyle, *, label: str = ""
) -> None:
    """Draw one curve; NaN leaves a gap."""
    axes.plot(
        x,
        y,
        color=style.colour,
        linewidth=style.width,
        linestyle=style.pattern,
        label=label or "_nolegend_",
        solid_joinstyle="round",
    )
