"""Noise that imported responses show by themselves: what does not decay any more at their end."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from roomcal.measure.snr import band_energies
from roomcal.model.impulse_response import BandSnr
from roomcal.units import FloatArray, band_centres_hz, db_from_power

# Shorter responses end before their bass has decayed into anything.
_SHORTEST_S = 0.5
# The last quarter is noise where it is hardly weaker than the quarter before it.
_QUARTERS = 4
_STILL_DB = 2.0
# Beside noise in the bands above it, a band is noise unless it falls by more than chance: so many
# standard deviations. A gap of one band is chance as well.
_CHANCE_SIGMAS, _GAP_BANDS = 3.0, 2
# Independent values in a second of noise of 1 Hz: 2, less what the Hann window takes, whose
# (sum of w^2)^2 / (n sum of w^4) is (3/8)^2 / (35/128).
_VALUES = 2.0 * (3.0 / 8.0) ** 2 / (35.0 / 128.0)
_LEAST_RATIO = 1e-3  # power; nothing is said about a signal deeper in the noise
_NOTHING = 1e-300
_MEAN_OF_BANDS = 3  # an octave: a third octave of bass in a quarter second is chance


def own_snr(h: Sequence[FloatArray], arrivals: Sequence[float], fs: int) -> BandSnr | None:
    """Signal-to-noise ratio per third octave, from the end of the responses of one speaker.

    Parameters
    ----------
    h : sequence of (n_samples,) float array
        One response a position.
    arrivals : sequence of float
        Index of the direct sound of each.
    fs : int

    Returns
    -------
    snr : BandSnr or None
        Infinite where the end still decays, because then it is no noise; None where a response is
        too short to say.

    Notes
    -----
    The noise is scaled to the length of the response, as for measured responses.
    """
    f_hz = band_centres_hz(20.0, min(20000.0, 0.4 * fs), bands_per_octave=3)
    energies = np.zeros((3, f_hz.size))
    noise_s = 0.0
    for x, arrival in zip(h, arrivals, strict=True):
        after = x[int(arrival) :]
        if after.size < _SHORTEST_S * fs:
            return None
        quarter = after.size // _QUARTERS
        noise_s += quarter / fs
        parts = [after, np.zeros(after.size), np.zeros(after.size)]
        for k in (1, 2):  # the last but one, and the last
            start = (_QUARTERS - 3 + k) * quarter
            parts[k][:quarter] = after[start : start + quarter] * np.hanning(quarter)
        found = np.stack([band_energies(part, fs, f_hz) for part in parts])
        energies += found / max(float(found[0].sum()), _NOTHING)
    # A Hann window keeps 3/8 of the energy of noise.
    scale = 8.0 / 3.0 * _QUARTERS
    window = np.ones(_MEAN_OF_BANDS) / _MEAN_OF_BANDS
    before, last = (np.convolve(np.pad(e, 1, mode="edge"), window, "valid") for e in energies[1:])
    still = (last > 0.0) & _is_still(before, last, f_hz, noise_s)
    noise = np.where(still, scale * last, 0.0)
    ratio = np.where(still, energies[0] / np.maximum(noise, _NOTHING) - 1.0, np.inf)
    return BandSnr(f_hz=f_hz, snr_db=db_from_power(np.maximum(ratio, _LEAST_RATIO)))


def _is_still(
    before: FloatArray, last: FloatArray, f_hz: FloatArray, noise_s: float
) -> NDArray[np.bool_]:
    """Whether a band falls no more than noise does by chance, (n_bands,).

    The energy of noise with n independent values scatters by 10 / ln 10 sqrt(2 / n) dB: in the
    bass of one response by several dB. There the bands above decide together with the band.
    """
    fall_db = db_from_power(before) - db_from_power(last)
    octave_hz = f_hz * (2.0**0.5 - 2.0**-0.5)
    sigma_db = 10.0 / np.log(10.0) * np.sqrt(4.0 / (_VALUES * octave_hz * noise_s))
    still = fall_db < _STILL_DB
    for k in range(f_hz.size - 2, -1, -1):
        beside = still[k + 1 : k + 1 + _GAP_BANDS].any()
        still[k] |= beside and fall_db[k] < _STILL_DB + _CHANCE_SIGMAS * sigma_db[k]
    return still
