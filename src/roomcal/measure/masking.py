"""Average the sweeps of a take without what disturbs one of them.

A disturbance strikes once; the sweep is always the same. So what one sweep has and the others do
not is left out where it is, in time and frequency, and the mean of the others stands there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from roomcal.dsp.short_time import block_samples, joined_blocks, short_time_spectra
from roomcal.measure.clock import air_samples
from roomcal.measure.disturbances import BLOCK_S, Disturbance, find_disturbances, overlapping
from roomcal.model.arrays import frozen_array
from roomcal.units import ComplexArray, FloatArray

# Sweeps of a clean take differ by this much anyway: a warm voice coil changes the level, and
# moving air the time (FAULTS.md allows 0.3 sample over the take; half of that within a sweep).
_GAIN_SPREAD = 0.01  # 0.09 dB
_DELAY_SPREAD_SAMPLES = 0.15
_REACH_BLOCKS = 2  # an event begins and ends below what is flagged
_MASK_ABOVE = 2.0  # power re what is usual: a bin is left out
_SMOOTHED_BINS = 5


@dataclass(frozen=True, eq=False)
class CleanMean:
    """The mean of the sweeps of a take.

    Attributes
    ----------
    segment : (n_samples,) float array
    masked : tuple of Disturbance
        What was left out.
    common : tuple of Disturbance
        What no two sweeps have alike although each has it at the same moment: it stays.
    share : float
        Part of time and frequency, over all sweeps, that was left out.
    """

    segment: FloatArray
    masked: tuple[Disturbance, ...]
    common: tuple[Disturbance, ...] = ()
    share: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "segment", frozen_array(self.segment, ndim=1, name="segment"))

    def renumbered(self, sweeps: Sequence[int]) -> "CleanMean":
        """Return the same with the numbers that the sweeps have in the take."""
        masked, common = (
            tuple(replace(e, sweep=sweeps[e.sweep]) for e in events)
            for events in (self.masked, self.common)
        )
        return replace(self, masked=masked, common=common)


def clean_mean(
    segments: FloatArray,
    fs: int,
    *,
    noise_power: FloatArray,
    sweep_power: float,
    own: Sequence[Sequence[Disturbance]],
) -> CleanMean:
    """Mean of repeated sweeps, without what only one of them has.

    Parameters
    ----------
    segments : (n_repeats, n_samples) float array
        On one time base, aligned.
    fs : int
    noise_power : (n_bins,) float array
        Short-time power of silence.
    sweep_power : float
        Mean square of a recorded sweep.
    own : sequence of sequence of Disturbance
        What each sweep shows by itself: with two sweeps it tells which of them is disturbed.
    """
    plain = segments.mean(axis=0)
    if len(segments) < 2:
        return CleanMean(plain, ())
    block = block_samples(fs, BLOCK_S)
    Y = short_time_spectra(segments, block)
    middle = np.median(Y.real, axis=0) + 1j * np.median(Y.imag, axis=0)
    usual = _usual_spread(middle, fs)
    floor = noise_power / len(segments)
    deviations = [np.abs(y - middle) ** 2 for y in Y]
    events: list[Disturbance] = []
    for k, power in enumerate(deviations if len(Y) > 2 else deviations[:1]):
        odd = np.maximum(power - usual, 0.0)
        events += find_disturbances(odd, noise_power, fs, sweep=k, sweep_power=sweep_power)
    if not events:
        return CleanMean(plain, ())
    if len(Y) == 2:
        events = [replace(e, sweep=_disturbed_of_two(e, Y, own)) for e in events]
    common = _in_all(events, len(Y))
    events = [e for e in events if e not in common]
    keep = np.ones(Y.shape, dtype=bool)
    for event in events:
        first = max(0, event.first_block - _REACH_BLOCKS)
        part = slice(first, event.last_block + _REACH_BLOCKS + 1)
        # Within an event nothing is taken for usual: what is left out costs a little noise only.
        power = deviations[event.sweep]
        limit = _MASK_ABOVE * np.maximum(np.median(power, axis=0), 0.1 * floor)
        keep[event.sweep, part] &= _smoothed(power[part]) <= limit
    count = keep.sum(axis=0)
    mean = np.where(count > 0, (Y * keep).sum(axis=0) / np.maximum(count, 1), middle)
    change = joined_blocks(mean - Y.mean(axis=0), block, plain.size)
    return CleanMean(plain + change, tuple(events), tuple(common), float(1.0 - keep.mean()))


def _in_all(events: Sequence[Disturbance], n_repeats: int) -> list[Disturbance]:
    """Events that meet one of every other sweep: the equipment does that, and no door."""
    by_sweep = [[e for e in events if e.sweep == k] for k in range(n_repeats)]
    return [
        e
        for e in events
        if n_repeats > 2
        and all(overlapping(e, others) for k, others in enumerate(by_sweep) if k != e.sweep)
    ]


def _usual_spread(middle: ComplexArray, fs: int) -> FloatArray:
    """Power by which the sweeps of a clean take may differ, (n_blocks, n_bins)."""
    n_bins = middle.shape[1]
    spread = air_samples(_DELAY_SPREAD_SAMPLES, fs)
    turn = np.pi * np.arange(n_bins) / (n_bins - 1) * spread
    return np.abs(middle) ** 2 * (_GAIN_SPREAD**2 + turn**2)


def _smoothed(power: FloatArray) -> FloatArray:
    """Mean over neighbouring bins and blocks, (n_blocks, n_bins)."""
    total = np.cumsum(np.pad(power, ((0, 0), (_SMOOTHED_BINS // 2 + 1, _SMOOTHED_BINS // 2))), 1)
    along = (total[:, _SMOOTHED_BINS:] - total[:, :-_SMOOTHED_BINS]) / _SMOOTHED_BINS
    padded = np.pad(along, ((1, 1), (0, 0)), mode="edge")
    return np.maximum(np.maximum(padded[:-2], padded[2:]), along)


def _disturbed_of_two(
    event: Disturbance, Y: ComplexArray, own: Sequence[Sequence[Disturbance]]
) -> int:
    """Which of two sweeps an event is in: the one that shows it by itself, or the louder one."""
    seen = [
        max(
            (
                e.excess_db
                for e in events
                if e.first_block <= event.last_block and event.first_block <= e.last_block
            ),
            default=0.0,
        )
        for events in own
    ]
    if abs(seen[0] - seen[1]) > 3.0:
        return int(np.argmax(seen))
    part = np.abs(Y[:, event.first_block : event.last_block + 1]) ** 2
    apart = np.abs(part[0] - part[1]) / np.maximum(part[0] + part[1], np.finfo(np.float64).tiny)
    sign = np.sign(part[0] - part[1])
    return int(np.sum(sign * (apart > 0.5)) < 0)
