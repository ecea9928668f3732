"""How loud filters play: what the K-weighting of ITU-R BS.1770 makes of pink noise through them."""

import numpy as np
import scipy.fft

from roomcal.units import FloatArray, db_from_power

# The two sections of the K-weighting at 48 kHz (ITU-R BS.1770-5, annex 1, tables 1 and 2): a shelf
# for the head, and a high-pass. b0, b1, b2, a0, a1, a2.
K_WEIGHTING_FS = 48_000
K_WEIGHTING = np.array(
    [
        [
            *(1.53512485958697, -2.69169618940638, 1.19839281085285),
            *(1.0, -1.69065929318241, 0.73248077421585),
        ],
        [*(1.0, -2.0, 1.0), *(1.0, -1.99004745483398, 0.99007225036621)],
    ]
)
# Of the noise: what is heard. The weighting of higher frequencies is not defined at all rates.
PINK_RANGE_HZ = (20.0, 20_000.0)


def k_weighting_power(f_hz: FloatArray) -> FloatArray:
    """Power gain of the K-weighting, of the shape of `f_hz`; at most 24 kHz."""
    # By hand: scipy.signal takes a second to load, and a live run is to start in two.
    z = np.exp(-2j * np.pi * f_hz / K_WEIGHTING_FS)
    power = np.ones(f_hz.shape)
    for b0, b1, b2, a0, a1, a2 in K_WEIGHTING:
        power *= np.abs((b0 + z * (b1 + z * b2)) / (a0 + z * (a1 + z * a2))) ** 2
    return power


def pink_loudness_db(taps: FloatArray, fs: int) -> float:
    """Loudness of pink noise through a matrix of filters, in dB re the noise without filters.

    Parameters
    ----------
    taps : (n_outputs, n_inputs, n_taps) float array
    fs : int

    Returns
    -------
    loudness_db : float
        Every input carries noise of its own and the same level. 0 if each went to one output
        as it is.

    Notes
    -----
    L = 10 lg (sum over all paths of the integral of ``|H|^2 K^2 / f`` over f, re the same with
    H = 1 for every input). Channel weights are 1, and there is no gate: the noise never pauses.
    """
    n_outputs, n_inputs, n_taps = taps.shape
    n_fft = scipy.fft.next_fast_len(max(n_taps, fs), real=True)
    f_hz = scipy.fft.rfftfreq(n_fft, 1.0 / fs)
    low_hz, high_hz = PINK_RANGE_HZ
    heard = (f_hz >= low_hz) & (f_hz <= min(high_hz, 0.5 * fs))
    weight = k_weighting_power(f_hz[heard]) / f_hz[heard]
    power = 0.0
    for output in range(n_outputs):
        for source in range(n_inputs):
            if np.any(taps[output, source]):
                H = scipy.fft.rfft(taps[output, source], n_fft)[heard]
                power += float(np.sum(np.abs(H) ** 2 * weight))
    return float(db_from_power(power / (n_inputs * np.sum(weight))))
