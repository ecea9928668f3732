"""The frequencies at which a correction is thought out, and the bands it is held against."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roomcal.units import FloatArray, log_grid_hz

# The correction is drawn from below hearing up to nearly half the sample rate.
DESIGN_PER_OCTAVE = 48
DESIGN_LOW_HZ = 10.0
DESIGN_HIGH_HZ = 24000.0
NYQUIST_SHARE = 0.98  # of half the sample rate: the last frequency of the design grid

# Curves are explained from 20 Hz to 20 kHz at 1/24 octave.
EXPLAINED_HZ = log_grid_hz(20.0, 20000.0, 24)

# Responses are looked at this long after the arrival: 65,536 samples at 48 kHz.
ANALYSIS_S = 65536 / 48000.0


@dataclass(frozen=True)
class Band:
    """A range of frequencies."""

    low_hz: float
    high_hz: float

    def covers(self, f_hz: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
        """Which frequencies are inside."""
        return (f_hz >= self.low_hz) & (f_hz <= self.high_hz)


# Where the target is placed against a full-range speaker: the correction has mean 0 dB here.
PLACEMENT = Band(200.0, 8000.0)
# Where speakers are compared in level, and positions brought to one level.
LEVEL = Band(300.0, 6000.0)
# Gain and boost of a filter are said re its median here, as a mixing engineer hears the middle.
MIDDLE = Band(200.0, 2000.0)


def design_grid_hz(fs: int) -> FloatArray:
    """Frequencies of the design grid for one sample rate, (n,)."""
    return log_grid_hz(
        DESIGN_LOW_HZ, min(DESIGN_HIGH_HZ, NYQUIST_SHARE * fs / 2.0), DESIGN_PER_OCTAVE
    )


def transform_length(fs: int, n_taps: int = 0) -> int:
    """FFT length that holds the analysed response twice, and the filter twice; a power of two."""
    wanted = max(2.0 * ANALYSIS_S * fs, 2.0 * n_taps)
    return 1 << int(np.ceil(np.log2(wanted)))


def on_bins(f_grid: FloatArray, values: FloatArray, n_fft: int, fs: int) -> FloatArray:
    """Carry a curve of the design grid to the bins of a real FFT, held flat beyond both ends.

    Returns
    -------
    values : (n_fft // 2 + 1,) float array
    """
    f = np.arange(n_fft // 2 + 1) * (fs / n_fft)
    f[0] = f_grid[0]
    return np.interp(np.log(f), np.log(f_grid), values)
