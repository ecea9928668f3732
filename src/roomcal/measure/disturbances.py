"""Find what does not belong to a take, in time and frequency.

What is left of a recording after its sweep has been taken out is noise. Noise has the spectrum of
the silence before the sweep, so weighed by that it is flat and steady: a block and band that
stands out is something else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from roomcal.units import FloatArray, db_from_power

BLOCK_S = 0.05  # FAULTS.md, residual
# A block this far above the median of its band is a disturbance (FAULTS.md). In clean takes the
# largest of 1 million blocks reaches 8 dB.
FLAG_DB = 10.0
# Widths of two octaves keep a block's level steady; the lowest is averaged over time, too.
BAND_EDGES_HZ = (40.0, 160.0, 640.0, 2560.0, 10240.0, 20000.0)
_LOWEST_OVER_TIME = (0.25, 0.5, 0.25)
_HIGHEST_OF_FS = 0.45
# Power re the noise before the take. A response takes some of the noise with it, all of it where
# the sweep is short: what is left is not compared with less than that.
_LEAST_MIDDLE = 0.5
_EDGE_BLOCKS = 2  # at either end of the segment, where windows and fades are cut
_LEAST_BLOCKS = 4  # that tell how a decay goes on
_MERGED_BLOCKS = 6  # blocks nearer than this belong to one event


@dataclass(frozen=True)
class Disturbance:
    """One event in one sweep of a take.

    Attributes
    ----------
    sweep : int
        Index of the sweep.
    first_block, last_block : int
        Blocks of the segment's short-time spectrum, both included.
    peak_block : int
        The one that stands out most.
    excess_db : float
        By how much.
    f_hz : float
        Where most of its energy lies.
    level_db : float
        Of its loudest block, re the rms of the recorded sweep.
    """

    sweep: int
    first_block: int
    last_block: int
    peak_block: int
    excess_db: float
    f_hz: float
    level_db: float


def band_slices(fs: int, block: int) -> list[slice]:
    """Bins of each band."""
    edges = [min(edge, _HIGHEST_OF_FS * fs) for edge in BAND_EDGES_HZ]
    index = [round(edge * block / fs) for edge in edges]
    return [slice(a, b) for a, b in pairwise(index) if b > a]


def block_excess_db(power: FloatArray, noise_power: FloatArray, fs: int) -> FloatArray:
    """Level of every block and band above the median of the band.

    Parameters
    ----------
    power : (n_blocks, n_bins) float array
        Short-time power of what is left.
    noise_power : (n_bins,) float array
        Mean short-time power of silence: what makes the bins of a band alike.
    fs : int

    Returns
    -------
    excess_db : (n_bands, n_blocks) float array
    """
    block = 2 * (power.shape[1] - 1)
    rows = []
    for k, band in enumerate(band_slices(fs, block)):
        weighed = np.mean(power[:, band] / noise_power[band], axis=1)
        if k == 0:
            weighed = np.convolve(np.pad(weighed, 1, mode="edge"), _LOWEST_OVER_TIME, "valid")
        inside = weighed[_EDGE_BLOCKS:-_EDGE_BLOCKS]
        middle = max(float(np.median(inside)), _LEAST_MIDDLE)
        row = db_from_power(weighed / middle)
        row[:_EDGE_BLOCKS] = row[-_EDGE_BLOCKS:] = 0.0
        rows.append(row)
    return np.stack(rows)


def find_disturbances(
    power: FloatArray,
    noise_power: FloatArray,
    fs: int,
    *,
    sweep: int,
    sweep_power: float,
    allowed_db: FloatArray | None = None,
) -> list[Disturbance]:
    """Events in what is left of one sweep.

    Parameters
    ----------
    power, noise_power, fs
        See `block_excess_db`.
    sweep : int
        Index of the sweep.
    sweep_power : float
        Mean square of the recorded sweep.
    allowed_db : (n_bands, n_allowed) float array, optional
        What the first blocks may stand out by themselves.
    """
    excess_db = block_excess_db(power, noise_power, fs)
    if allowed_db is not None:
        excess_db[:, : allowed_db.shape[1]] -= allowed_db
    loudest = excess_db.max(axis=0)
    flagged = np.flatnonzero(loudest >= FLAG_DB)
    if flagged.size == 0:
        return []
    block = 2 * (power.shape[1] - 1)
    bands = band_slices(fs, block)
    audible = slice(bands[0].start, bands[-1].stop)
    level = power[:, audible].sum(axis=1) / (block / 2) ** 2  # mean square of a block
    events = []
    for blocks in np.split(flagged, np.flatnonzero(np.diff(flagged) > _MERGED_BLOCKS) + 1):
        peak = int(blocks[np.argmax(loudest[blocks])])
        spectrum = power[blocks[0] : blocks[-1] + 1, audible].sum(axis=0)
        loudest_bin = audible.start + int(np.argmax(spectrum))
        events.append(
            Disturbance(
                sweep=sweep,
                first_block=int(blocks[0]),
                last_block=int(blocks[-1]),
                peak_block=peak,
                excess_db=float(loudest[peak]),
                f_hz=loudest_bin * fs / block,
                level_db=float(db_from_power(level[blocks].max() / sweep_power)),
            )
        )
    return events


def continued(decay_db: FloatArray, n_blocks: int) -> FloatArray:
    """Let a decay fall on after its end, as the line through its second half does.

    Parameters
    ----------
    decay_db : (n_bands, n_decay) float array
        Re the noise.
    n_blocks : int
        Length that is wanted.

    Returns
    -------
    decay_db : (n_bands, n_blocks) float array
        Zero where a band has met the noise, or does not fall.
    """
    n = decay_db.shape[1]
    ahead = np.arange(n, n_blocks)
    half = np.arange(n // 2, n)
    rows = []
    for row in decay_db:
        later = np.zeros(ahead.size)
        if half.size >= _LEAST_BLOCKS and row[half].min() > 0.0:
            slope, level = np.polyfit(half, row[half], 1)
            later = level + slope * ahead if slope < 0.0 else later
        rows.append(np.concatenate([row, np.maximum(later, 0.0)])[:n_blocks])
    return np.stack(rows)


def overlapping(event: Disturbance, others: Sequence[Disturbance]) -> bool:
    """Whether an event meets another one at the same moment of its sweep."""
    return any(
        event.first_block <= other.last_block and other.first_block <= event.last_block
        for other in others
    )
