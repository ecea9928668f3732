"""Picture of level over time and frequency, seen from above: no ridge hides another."""

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from roomcal.analyze.spectrograms import Spectrogram
from roomcal.report.panels import new_panels, say
from roomcal.report.style import LIGHT, Theme, frequency_axis, literal, styled
from roomcal.units import FloatArray, power_from_db

_SPAN_DB = 50.0
# The direct sound stands so far above the mean of its frequency; of noise, the
# loudest of some hundred moments stands 8 dB above.
_STANDS_OUT_DB, _STANDS_OUT_FROM_HZ = 11.0, 1000.0
_TINY = 1e-30
_CONTOURS_DB = (-40.0, -30.0, -20.0, -10.0)  # what grey prints keep
_ROW_HEIGHT_IN = 2.7


def spectrogram_figure(
    maps: Sequence[tuple[str, Spectrogram]],
    *,
    title: str = "Spectrogram",
    theme: Theme = LIGHT,
) -> Figure:
    """Draw spectrograms: frequency across, time downwards, level as colour.

    A dashed line joins the loudest moment of every frequency.

    Parameters
    ----------
    maps : sequence of (name, Spectrogram)
    title : str
        The finding, or the subject; the resolution is added.
    theme : Theme
    """
    if not maps:
        raise ValueError("a picture needs at least one spectrogram")
    with styled(theme):
        panels = new_panels(
            len(maps), row_height_in=_ROW_HEIGHT_IN, title=f"{title}: {maps[0][1].resolution}"
        )
        mesh: QuadMesh | None = None
        for i, (name, one) in enumerate(maps):
            axes = panels.axes[i]
            axes.set_title(literal(name))
            frequency_axis(axes, labelled=panels.at_bottom(i))
            panels.thin_frequencies(i)
            axes.grid(visible=False)
            axes.set_facecolor(theme.grid)
            if panels.at_left(i):
                axes.set_ylabel("Time (ms)")
            axes.set_ylim(1000.0 * one.t_s[-1], 1000.0 * one.t_s[0])
            if np.isfinite(one.level_db).any():
                mesh = _draw(axes, one)
            else:
                say(axes, "The response is too short", theme)
        if mesh is not None:
            bar = panels.figure.colorbar(mesh, ax=panels.axes, aspect=34, pad=0.02)
            bar.set_label("Level re the loudest (dB)")
            bar.outline.set_visible(False)
            _explain(panels.figure, [one for _, one in maps], theme)
    return panels.figure


def _explain(figure: Figure, maps: Sequence[Spectrogram], theme: Theme) -> None:
    """Name the dashed line, and the ground that shows where there is nothing, if they are there."""
    handles: dict[str, Artist] = {}
    if any(np.isfinite(_loudest_ms(one)).any() for one in maps):
        handles["Loudest moment of each frequency"] = Line2D(
            [], [], color=theme.text, linewidth=1.1, linestyle=(0.0, (4.0, 2.0))
        )
    if any(np.isnan(one.level_db).any() for one in maps):
        handles["The response has ended"] = Patch(color=theme.grid)
    if handles:
        figure.legend(
            handles.values(),
            handles.keys(),
            loc="outside lower center",
            ncols=2,
            handlelength=3.2,
        )


def _draw(axes: Axes, one: Spectrogram) -> QuadMesh:
    """Draw the map, its contours and its ridge."""
    t_ms = 1000.0 * one.t_s
    level = np.ma.masked_invalid(np.clip(one.level_db, -_SPAN_DB, 0.0))
    mesh = axes.pcolormesh(
        one.f_hz,
        t_ms,
        level,
        cmap="viridis",
        vmin=-_SPAN_DB,
        vmax=0.0,
        shading="nearest",
        rasterized=True,
    )
    contours = axes.contour(
        one.f_hz,
        t_ms,
        level,
        levels=_CONTOURS_DB,
        colors="white",
        linewidths=0.4,
        alpha=0.55,
        linestyles="solid",
    )
    contours.set_rasterized(True)  # thousands of points that nobody takes apart
    axes.plot(
        one.f_hz,
        _loudest_ms(one),
        color="white",
        linewidth=1.1,
        linestyle=(0.0, (4.0, 2.0)),
    )
    axes.set_ylim(t_ms[-1], t_ms[0])
    return mesh


def _loudest_ms(one: Spectrogram) -> FloatArray:
    """When each frequency is loudest, (n_frequencies,); NaN where nothing is, and for noise."""
    power = np.where(np.isfinite(one.level_db), power_from_db(one.level_db), 0.0)
    n_known = np.maximum(np.isfinite(one.level_db).sum(axis=0), 1)
    top = power.max(axis=0)
    mean = power.sum(axis=0) / n_known
    treble = one.f_hz >= _STANDS_OUT_FROM_HZ
    is_noise = np.median(top[treble] / np.maximum(mean[treble], _TINY)) < power_from_db(
        _STANDS_OUT_DB
    )
    heard = (top > power_from_db(-_SPAN_DB)) & np.logical_not(is_noise)
    return np.where(heard, 1000.0 * one.t_s[np.argmax(power, axis=0)], np.nan)
