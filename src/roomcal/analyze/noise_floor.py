"""Where a decay meets the noise, how strong that noise is, and what lies hidden below it.

The method is Lundeby's (Lundeby, Vigran, Bietz and Vorlaender, Acustica 81, 1995), with one
addition: a response that still decays at its end has no noise to subtract, and says so.
"""

from dataclasses import dataclass

import numpy as np

from roomcal.units import FloatArray, db_from_power

_TAIL_SHARE = 0.1  # of the response, for the first estimate of the noise (Lundeby, step 2)
_FIRST_BLOCK_S = 0.01  # Lundeby: 10 to 50 ms
_FIRST_MARGIN_DB = 8.0  # the first fit ends this far above the noise (Lundeby: 5 to 10)
_BLOCKS_PER_10_DB = 5.0  # Lundeby: 3 to 10
_NOISE_AFTER_DB = 10.0  # the noise is averaged from this much decay after the knee (5 to 10)
_LATE_MARGIN_DB = 6.0  # the late fit ends this far above the noise (5 to 10)
_LATE_RANGE_DB = 20.0  # and spans this much (10 to 20)
_MIN_BLOCKS = 4  # a line through fewer is chance
_MAX_ROUNDS = 10
_CONVERGED = 1e-3  # of the time to the knee


@dataclass(frozen=True)
class NoiseFloor:
    """The end of the usable decay.

    Attributes
    ----------
    knee_s : float
        Time from the start at which the decay is as strong as the noise; the end of the data when
        they stop before.
    power : float
        Noise, in the unit of the decay; 0 when it was not reached.
    late_slope_db_per_s : float
        Slope of the decay before the knee, negative.
    late_power : float
        Power of the fitted decay at the knee.
    reached : bool
        Whether the response goes on until only noise is left.
    """

    knee_s: float
    power: float
    late_slope_db_per_s: float
    late_power: float
    reached: bool

    @property
    def hidden_energy(self) -> float:
        """Energy of the decay after the knee, continued on its late slope, in power x seconds."""
        return self.late_power * 10.0 / np.log(10.0) / -self.late_slope_db_per_s


def find_noise_floor(
    power: FloatArray, rate_hz: float, *, resolution_s: float = 0.0
) -> NoiseFloor | None:
    """Find the knee between decay and noise.

    Parameters
    ----------
    power : (n,) float array
        Squared response, from the direct sound on.
    rate_hz : float
    resolution_s : float
        Time over which the power is blurred (1 / bandwidth): shorter blocks hold nothing new.

    Returns
    -------
    floor : NoiseFloor or None
        None when no decay stands out of the noise.
    """
    duration = power.size / rate_hz
    noise = float(np.mean(power[int((1.0 - _TAIL_SHARE) * power.size) :]))
    block_s = max(_FIRST_BLOCK_S, resolution_s)
    line = _late_line(power, rate_hz, block_s, noise, _FIRST_MARGIN_DB, np.inf)
    if line is None:
        return None
    knee = _crossing(line, noise)
    for _ in range(_MAX_ROUNDS):
        # Wider blocks than a tenth of the data would leave no line to fit.
        block_s = max(10.0 / -line[0] / _BLOCKS_PER_10_DB, resolution_s, 4.0 / rate_hz)
        block_s = min(block_s, max(duration / 40.0, resolution_s))
        start = min(knee + _NOISE_AFTER_DB / -line[0], (1.0 - _TAIL_SHARE) * duration)
        noise = float(np.mean(power[int(max(start, 0.0) * rate_hz) :]))
        better = _late_line(power, rate_hz, block_s, noise, _LATE_MARGIN_DB, _LATE_RANGE_DB)
        if better is None:
            break
        line = better
        before, knee = knee, _crossing(line, noise)
        if abs(knee - before) < _CONVERGED * abs(knee):
            break
    if knee <= 0.0:
        return None
    # A decay that goes on into the tail made the "noise": what was averaged was decay.
    reached = knee < (1.0 - _TAIL_SHARE) * duration
    if not reached:
        noise, knee = 0.0, duration
        end = _late_line(power, rate_hz, block_s, 0.0, 0.0, _LATE_RANGE_DB)
        line = end if end is not None else line
    late = float(10.0 ** ((line[0] * knee + line[1]) / 10.0))
    return NoiseFloor(knee, noise, line[0], late, reached)


def _late_line(
    power: FloatArray,
    rate_hz: float,
    block_s: float,
    noise: float,
    margin_db: float,
    range_db: float,
) -> tuple[float, float] | None:
    """Slope (dB/s) and start (dB) of the decay just above the noise, or None."""
    width = max(round(block_s * rate_hz), 1)
    n = power.size // width
    if n < _MIN_BLOCKS:
        return None
    blocks = power[: n * width].reshape(n, width).mean(axis=1)
    level = db_from_power(blocks)
    peak = int(np.argmax(level))
    limit = 10.0 * np.log10(noise) + margin_db if noise > 0.0 else level[-1]
    below = np.flatnonzero(level[peak:] < limit)
    stop = peak + int(below[0]) if below.size else n
    above = np.flatnonzero(level[peak:stop] > limit + range_db)
    start = peak + (int(above[-1]) if above.size else 0)
    if stop - start < _MIN_BLOCKS:
        # Steep decays: take what there is between the peak and the margin.
        start = max(peak, stop - _MIN_BLOCKS)
    if stop - start < _MIN_BLOCKS - 1:
        return None
    t = (np.arange(start, stop) + 0.5) * width / rate_hz
    # The noise is part of what was measured: without it the slope would be too flat.
    clean = db_from_power(np.maximum(blocks[start:stop] - noise, 0.1 * blocks[start:stop]))
    slope, level_0 = np.polyfit(t, clean, 1)
    return (float(slope), float(level_0)) if slope < 0.0 else None


def _crossing(line: tuple[float, float], noise: float) -> float:
    """Time at which a decay line has fallen to the noise."""
    slope, level_0 = line
    return float((db_from_power(noise) - level_0) / slope)
