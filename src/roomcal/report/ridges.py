"""Slices of a decay behind each other, seen from the front: what a waterfall looks like.

Every slice is filled with the colours of its levels, so that a height reads without an axis too,
and hides what lies behind it, as mountains do.
"""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from roomcal.report.style import Theme
from roomcal.units import FloatArray

SPAN_DB = 50.0
BAND_DB = 5.0
COLOURS = "cividis"
# Of the picture: how far the last slice lies to the left of and below the first one.
_DEPTH_X, _DEPTH_Y = 0.12, 0.42
_MOST_SLICES = 41
_OUTLINE, _OUTLINE_PX = (16, 19, 26, 255), 2.0
_FINER = 2  # the picture is painted so much finer, and averaged
_MARKS_FROM = 800  # columns of a picture that has room for every mark


def draw_ridges(
    axes: Axes,
    t: FloatArray,
    f_hz: FloatArray,
    level_db: FloatArray,
    *,
    ticks_hz: Sequence[float],
    labels: Sequence[str],
    time_unit: str,
    size: tuple[int, int],
    theme: Theme,
) -> None:
    """Draw slices, the first at the back.

    Parameters
    ----------
    axes : Axes
        Taken over whole: it gets its own scales.
    t : (n_slices,) float array
        In `time_unit`, from 0.
    f_hz : (n,) float array
    level_db : (n_slices, n) float array
        Re 0; NaN in a slice leaves it out.
    ticks_hz, labels : sequence
        Marks along the front edge.
    time_unit : str
        Written at the ends of the depth.
    size : (int, int)
        Rows and columns of the picture.
    theme : Theme
    """
    last = float(t[-1])
    across = np.log(f_hz / f_hz[0]) / np.log(f_hz[-1] / f_hz[0]) * (1.0 - _DEPTH_X)
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(0.0, 1.0)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    every = size[1] >= _MARKS_FROM
    ticks = np.interp(np.log(ticks_hz), np.log(f_hz), across)
    _draw_room(axes, ticks, labels, (2.0 if every else 4.0) * BAND_DB, theme)
    _draw_times(axes, last, time_unit, 5 if every else 3, theme)
    axes.imshow(
        ridge_image(t / last, across, level_db, size=size),
        extent=(0.0, 1.0, 0.0, 1.0),
        aspect="auto",
        interpolation="antialiased",
        zorder=10.0,
    )
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(0.0, 1.0)


def ridge_image(
    share: FloatArray, across: FloatArray, level_db: FloatArray, *, size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Paint the slices from back to front, each over what lies behind it.

    Parameters
    ----------
    share : (n_slices,) float array
        0: the back, 1: the front.
    across : (n,) float array
        Place along a slice, from 0 to 1 less the depth.
    level_db : (n_slices, n) float array
        Slices with NaN are left out.
    size : (int, int)
        Rows and columns.

    Returns
    -------
    image : (n_rows, n_columns, 4) uint8 array
        Red, green, blue, opacity; the first row is the top.
    """
    n_rows, n_columns = (_FINER * n for n in size)
    # Numbers of colours: 0 nothing, then the bands from the floor up, then the outline.
    n_bands = round(SPAN_DB / BAND_DB)
    image = np.zeros((n_rows, n_columns), dtype=np.uint8)
    row = np.arange(n_rows, dtype=np.int16)[:, None]
    x = (np.arange(n_columns) + 0.5) / n_columns
    for i in range(0, share.size, max(-(-share.size // _MOST_SLICES), 1)):
        if not np.isfinite(level_db[i]).all():
            continue
        dx, dy = _floor(float(share[i]))
        columns = np.flatnonzero((x >= dx) & (x <= dx + across[-1]))
        height = _height(np.clip(np.interp(x[columns] - dx, across, level_db[i]), -SPAN_DB, 0.0))
        bottom = round(n_rows * (1.0 - dy))
        top = np.rint(n_rows * (1.0 - dy - height)).astype(np.int16)
        first = max(int(top.min()), 0)
        part = image[first:bottom, columns[0] : columns[-1] + 1]
        rows = row[first:bottom]
        above = (bottom - 0.5 - rows) / (n_rows * (1.0 - _DEPTH_Y))
        band = 1 + np.clip((above * n_bands).astype(np.uint8), 0, n_bands - 1)
        inside = rows >= top
        np.copyto(part, band, where=inside)
        # The outline is as thick along a steep flank as along the top.
        steep = np.maximum(np.abs(np.gradient(top.astype(np.float64))), _OUTLINE_PX)
        np.copyto(part, n_bands + 1, where=inside & (rows < top + steep.astype(np.int16)))
    colours = np.zeros((n_bands + 2, 4), dtype=np.uint8)
    colours[1:-1] = mpl.colormaps[COLOURS](np.arange(1, n_bands + 1) / n_bands, bytes=True)
    colours[-1] = _OUTLINE
    return _coarser(colours[image])


def _coarser(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Average blocks of pixels, colours weighted with their opacity: smooth edges."""
    n_rows, n_columns = image.shape[0] // _FINER, image.shape[1] // _FINER
    blocks = image.reshape(n_rows, _FINER, n_columns, _FINER, 4)
    # Opacity is all or nothing, and what is not there is black: sums weigh by themselves.
    total = blocks.sum(axis=(1, 3), dtype=np.uint16)
    opaque = np.maximum(total[..., 3:] // 255, 1)
    return np.concatenate([total[..., :3] // opaque, total[..., 3:] // _FINER**2], axis=-1).astype(
        np.uint8
    )


def _floor(share: float) -> tuple[float, float]:
    """Lower left corner of the slice at this share of the time."""
    return _DEPTH_X * (1.0 - share), _DEPTH_Y * (1.0 - share)


def _height(level_db: FloatArray | float) -> FloatArray:
    """Height of a level above the floor of its slice."""
    return (1.0 - _DEPTH_Y) / SPAN_DB * (np.asarray(level_db) + SPAN_DB)


def _draw_room(
    axes: Axes, ticks: FloatArray, labels: Sequence[str], step_db: float, theme: Theme
) -> None:
    """Draw the floor with the frequencies and the back wall with the levels."""
    right = 1.0 - _DEPTH_X
    grid: dict[str, Any] = {"color": theme.grid, "linewidth": 0.7, "zorder": 1.0, "clip_on": False}
    edge = grid | {"color": theme.muted, "linewidth": 0.8}
    for x, label in zip(ticks, labels, strict=True):
        axes.plot([x, x + _DEPTH_X, x + _DEPTH_X], [0.0, _DEPTH_Y, 1.0], **grid)
        axes.plot([x, x], [0.0, -0.018], **edge)
        axes.text(x, -0.03, label, ha="center", va="top", color=theme.text)
    for level in np.arange(0.0, -SPAN_DB, -step_db):
        y = _DEPTH_Y + float(_height(float(level)))
        axes.plot([_DEPTH_X, 1.0], [y, y], **grid)
        text = f"{level:.0f} dB".replace("-", "\u2212")
        axes.text(1.014, y, text, ha="left", va="center", color=theme.text)
    axes.plot([0.0, right], [0.0, 0.0], **edge)
    axes.plot([1.0, 1.0], [_DEPTH_Y, 1.0], **edge)
    for x in (0.0, right):
        axes.plot([x, x + _DEPTH_X], [0.0, _DEPTH_Y], **edge)


def _draw_times(axes: Axes, last: float, unit: str, n_marks: int, theme: Theme) -> None:
    """Write the times along the right edge of the floor."""
    for share in np.linspace(0.0, 1.0, n_marks):
        x, y = _floor(float(share))
        at = 1.0 - _DEPTH_X + x
        text = f"{share * last:g} {unit}" if share in (0.0, 1.0) else f"{share * last:g}"
        axes.plot([at, at + 0.008], [y, y], color=theme.muted, linewidth=0.8, clip_on=False)
        axes.text(at + 0.014, y, text, ha="left", va="center", color=theme.text, zorder=200.0)
