"""Step 3: shorten the ringing of the room's modes at all positions at once, below 300 Hz.

No filter gives every seat the same waveform: asked for it, least squares takes the bass away.
But all seats share the poles of the room, and a filter can move those. So the wanted response of
each position is its own, decaying faster (modal equalisation: Makivirta, Antsalo, Karjalainen and
Valimaki, J. Audio Eng. Soc. 51(5), 2003), with a small part of the ideal pulse.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from roomcal.design.align import AlignedSet
from roomcal.units import ComplexArray, FloatArray, log_ramp, ratio_from_db

# Everything happens at twice this rate; what lies above these shares of it fades out.
HALF_RATE_HZ = 375.0
_BAND_EDGE_SHARES = (0.80, 0.97)
# The filter acts in full below, and not at all above.
CROSSFADE_HZ = (200.0, 300.0)
# Reach of the filter, and how long its result is looked at: with 0.5 s, 4-5 dB of tail remain.
REACH_S, OBSERVED_S = 0.9, 1.2
_OBSERVED_BEFORE_S = 0.020
# The decay that is wanted of every pole (inaudible from 100 Hz up: Fazenda, Stephenson and
# Goldberg, J. Acoust. Soc. Am. 137(3), 2015), and the share of the ideal pulse in what is wanted.
DECAY_S = 0.2
PULSE_SHARE = 0.2
# Weight of the error: late sound counts more, sound before the arrival most, the earlier the more.
_LATE_DB, _LATE_FROM_S = 12.0, 0.25
_EARLY_DB, _EARLY_DB_PER_S, _EARLY_MOST_DB = 6.0, 1600.0, 40.0
# Stiffness re the mean power of the problem, for nine positions; fewer know less.
STIFFNESS = 0.1
_NINE, _FEWER_POWER, _STIFFEST = 9.0, 0.7, 0.5
# Its shape over frequency: stiffer where positions disagree, below hearing, and off the band.
_STIFFER_ABOVE_HZ, _STIFFER_PER_HZ, _STIFFER = 80.0, 150.0, 8.0
_SUBSONIC_HZ, _SUBSONIC = 28.0, 20.0
_OFF_BAND, _OFF_BAND_HZ = 200.0, 75.0
HELD = 300.0  # where a section is dropped
# Modes move with the speed of sound: 0.8 % is 4.5 K. Copies of the responses this much longer or
# shorter, with these weights, keep the filter from depending on it. Without them the tail is 2.8 dB
# shorter where it is as warm as it was, and 1.3 dB longer at 5 K: longer than without this step.
COPIES = ((0.0, 0.73), (-0.008, 0.135), (0.008, 0.135))
_STRETCH_CIRCLES = 8  # how much longer the circle is in which responses are stretched


@dataclass(frozen=True, eq=False)
class Problem:
    """Normal equations at the low rate: of every position, or of all together.

    Attributes
    ----------
    measured, c : (n_positions, n_low) float array
        Responses as they are and through the filter so far, time 0 at index 0; what comes before
        wraps.
    normal : (n_sets, n, n) float array
    own, pulse : (n_sets, n) float array
        Right-hand sides: of the own response decaying faster, and of the pulse in its place.
    fs : float
    before : int
        Taps of the filter before time 0.
    """

    measured: FloatArray
    c: FloatArray
    normal: FloatArray
    own: FloatArray
    pulse: FloatArray
    fs: float
    before: int


def find_problem(
    aligned: AlignedSet, F: ComplexArray, D: ComplexArray, *, before_s: float, joint: bool
) -> Problem:
    """Set up the least squares.

    Parameters
    ----------
    aligned : AlignedSet
    F : (n_fft // 2 + 1,) complex array
        The correction so far.
    D : (n_fft // 2 + 1,) complex array
        The target, of minimum phase.
    before_s : float
        How far the filter may reach before the direct sound.
    joint : bool
        All positions in one set: five times as fast, and nothing can be left out.

    Notes
    -----
    With v the weight over time and q_k(u) = c(u) c(u - k), the normal matrix is
    N(i, i + k) = sum_t v(t)^2 q_k(t - i): one correlation a lag, all by FFT.
    """
    n_bins = round(HALF_RATE_HZ / aligned.bin_hz)
    n, fs = 2 * n_bins, 2.0 * n_bins * aligned.bin_hz
    f = scipy.fft.rfftfreq(n, 1.0 / fs)
    edges = (_BAND_EDGE_SHARES[0] * fs / 2.0, _BAND_EDGE_SHARES[1] * fs / 2.0)
    edge = 0.5 + 0.5 * np.cos(np.pi * log_ramp(f, edges))
    lead_s = aligned.lead_samples / aligned.fs
    start = np.exp(2j * np.pi * f * lead_s)
    shift = F[: n_bins + 1] * start
    H = scipy.fft.rfft(aligned.h, aligned.n_fft, axis=-1)[:, : n_bins + 1] * edge
    copies = [_stretched(H, n, share) for share, _ in COPIES]
    trust = np.array([weight for _, weight in COPIES])
    C = np.stack([copy * shift for copy in copies], axis=1)
    c = scipy.fft.irfft(C, n, axis=-1)
    d = scipy.fft.irfft(D[: n_bins + 1] * edge, n)
    # The pulse has the polarity of the speaker, whatever that is.
    d *= 1.0 if float(aligned.weights @ (c[:, 0] @ d)) >= 0.0 else -1.0
    before = round(before_s * fs)
    taps = np.arange(-before, int(REACH_S * fs))
    k = np.arange(-before - int(_OBSERVED_BEFORE_S * fs), int(OBSERVED_S * fs))
    v2, faster = _weights(k / fs)
    weights = aligned.weights if joint else np.ones(len(c))
    sides = [
        _correlated(C, _placed(v2 * e, k, n), taps, trust)
        for e in (c[..., k] * (faster - 1.0), d[k] - c[..., k] * faster)
    ]
    groups = [slice(0, len(c))] if joint else [slice(p, p + 1) for p in range(len(c))]
    early = int(np.ceil(lead_s * fs)) + 8  # samples before time 0 that a response may have
    V = scipy.fft.rfft(_placed(v2, k, n))
    normal = np.stack(
        [_normal(c[g], np.outer(weights[g], trust), V, taps, early=early) for g in groups]
    )
    if joint:
        sides = [(weights @ side)[np.newaxis] for side in sides]
    measured = scipy.fft.irfft(H * start, n, axis=-1)
    return Problem(measured, c[:, 0], normal, sides[0], sides[1], fs, before)


def stiffness_matrix(problem: Problem, held_hz: FloatArray | None = None) -> FloatArray:
    """Regularisation: the power of the filter over frequency, weighted, (n, n).

    Parameters
    ----------
    problem : Problem
    held_hz : (n, 2) float array, optional
        Lower and upper edges of bands in which the filter is to do nothing.
    """
    from scipy.linalg import toeplitz

    n = problem.normal.shape[-1]
    f = scipy.fft.rfftfreq(4 * n, 1.0 / problem.fs)
    weight = 1.0 + _STIFFER * (np.maximum(f - _STIFFER_ABOVE_HZ, 0.0) / _STIFFER_PER_HZ) ** 2
    weight += _SUBSONIC * (f < _SUBSONIC_HZ)
    top_hz = _BAND_EDGE_SHARES[0] * problem.fs / 2.0
    weight += _OFF_BAND * np.maximum(f - top_hz, 0.0) / _OFF_BAND_HZ
    for low, high in () if held_hz is None else held_hz:
        weight += HELD * ((f >= low) & (f < high))
    return np.asarray(toeplitz(scipy.fft.irfft(weight)[:n]))


def solve(
    problem: Problem,
    weights: FloatArray,
    R: FloatArray,
    *,
    n_positions: int,
    stiffness: float = STIFFNESS,
    shares: tuple[float, ...] = (PULSE_SHARE,),
) -> FloatArray:
    """Taps of the filter at the low rate, beside the direct sound.

    Parameters
    ----------
    problem : Problem
    weights : (n_sets,) float array
    R : (n, n) float array
        From `stiffness_matrix`.
    n_positions : int
        Fewer make the filter stiffer.
    stiffness : float
    shares : tuple of float
        Of the ideal pulse; one solution each.

    Returns
    -------
    g : (n_shares, n) float array
    """
    from scipy.linalg import cho_factor, cho_solve

    N = np.tensordot(weights, problem.normal, 1)
    b = [weights @ (problem.own + share * problem.pulse) for share in shares]
    scale = min(stiffness * (_NINE / n_positions) ** _FEWER_POWER, _STIFFEST)
    factor = cho_factor(N + scale * np.trace(N) / len(N) * R, overwrite_a=True, check_finite=False)
    return np.asarray(cho_solve(factor, np.transpose(b), check_finite=False).T)


def modal_spectrum(problem: Problem, g: FloatArray, aligned: AlignedSet) -> ComplexArray:
    """1 plus the filter at the bins of the design, 1 above the crossfade, (n_fft // 2 + 1,)."""
    n = problem.c.shape[-1]
    G = np.zeros(n)
    G[np.arange(-problem.before, g.size - problem.before)] = g
    B = scipy.fft.rfft(G)
    f = np.arange(B.size) * aligned.bin_hz
    spectrum = np.ones(aligned.n_fft // 2 + 1, dtype=np.complex128)
    spectrum[: B.size] += B * (0.5 + 0.5 * np.cos(np.pi * log_ramp(f, CROSSFADE_HZ)))
    return spectrum


def _weights(t: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Squared weight of the error, and the factor of the faster decay, over time."""
    early_db = np.clip(_EARLY_DB - _EARLY_DB_PER_S * t, 0.0, _EARLY_MOST_DB)
    late_db = _LATE_DB * np.clip(t / _LATE_FROM_S, 0.0, 1.0)
    v = ratio_from_db(np.where(t < 0.0, early_db, late_db))
    return v**2, 10.0 ** (-3.0 * np.maximum(t, 0.0) / DECAY_S)


def _stretched(H: ComplexArray, n: int, share: float) -> ComplexArray:
    """Spectra of responses that take longer by a share, at the same rate."""
    if share == 0.0:
        return H
    # At a longer circle, so that the number of samples can change by less than a thousandth.
    h = np.zeros((H.shape[0], _STRETCH_CIRCLES * n))
    h[:, :n] = scipy.fft.irfft(H, n, axis=-1)
    m = 2 * round(h.shape[1] * (1.0 + share) / 2.0)
    kept = min(m, h.shape[1]) // 2 + 1
    Y = np.zeros((H.shape[0], m // 2 + 1), dtype=np.complex128)
    Y[:, :kept] = scipy.fft.rfft(h, axis=-1)[:, :kept]
    y = scipy.fft.irfft(Y, m, axis=-1)[:, :n]
    return np.asarray(scipy.fft.rfft(y, n, axis=-1) * (m / h.shape[1]))


def _placed(values: FloatArray, k: np.ndarray, n: int) -> FloatArray:
    """Values at (negative) sample numbers of a circle of n."""
    circle = np.zeros((*values.shape[:-1], n))
    circle[..., k] = values
    return circle


def _correlated(C: ComplexArray, e: FloatArray, taps: np.ndarray, trust: FloatArray) -> FloatArray:
    """sum_t e(t) c(t - i) for every tap, averaged over the copies, (n_positions, n_taps)."""
    product = scipy.fft.rfft(e, axis=-1) * np.conj(C)
    lags = scipy.fft.irfft(product, e.shape[-1], axis=-1)[..., taps]
    return np.asarray(np.einsum("r,prt->pt", trust, lags))


def _normal(
    c: FloatArray, weights: FloatArray, V: ComplexArray, taps: np.ndarray, *, early: int
) -> FloatArray:
    """Weighted sum of the normal matrices of positions and copies, (n_taps, n_taps)."""
    n, m = c.shape[-1], taps.size
    length = n // 2 + early
    u = np.concatenate([c[..., n - early :], c[..., : length - early]], axis=-1)
    padded = np.concatenate([np.zeros((*u.shape[:-1], m)), u], axis=-1)
    lagged = np.lib.stride_tricks.sliding_window_view(padded, length, axis=-1)[..., m:0:-1, :]
    q = np.zeros((m, n))
    for (p, r), weight in np.ndenumerate(weights):
        q[:, :length] += weight * u[p, r] * lagged[p, r]
    late = np.exp(2j * np.pi * np.arange(n // 2 + 1) * early / n)
    by_lag = scipy.fft.irfft(np.conj(scipy.fft.rfft(q, axis=-1) * late) * V, n, axis=-1)[:, taps]
    N = np.zeros((m, m))
    for lag in range(m):
        np.fill_diagonal(N[:, lag:], by_lag[lag, : m - lag])
    return np.asarray(N + np.triu(N, 1).T)
