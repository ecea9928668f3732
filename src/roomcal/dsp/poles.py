"""Decaying sinusoids that several signals share: their frequency and damping, found in a subband.

The method is ESPRIT (Roy and Kailath, IEEE Trans. Acoust. Speech Signal Process. 37(7), 1989):
what the signals have in common at all times spans a subspace, and a step in time turns that
subspace by the poles. A wrong model order gives poles that change with the
order; those that stay are real.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from roomcal.units import ComplexArray, FloatArray

# A subband is flat over `FLAT_HZ` and falls to nothing over `EDGE_HZ` on either side, which rings
# for about 1 / EDGE_HZ. That ring has the frequency at which the fall begins and can pass for a
# pole: poles count within `CORE_HZ` alone.
CORE_HZ, FLAT_HZ, EDGE_HZ = 40.0, 52.0, 30.0
_SPARE = 1.15  # rate of a subband re its width
_LEAST_ORDER = 4
_MOST_ORDER = 0.9  # re the most that the data allow
# A pole stays when the next order has one within this part of its damping.
_STAYS = 0.1
_SAME = 0.15  # poles this near, re their damping, are one
_LEAST_SHARE = 0.35  # of the orders in which a pole must stay
_MEDIAN_TO_STANDARD = 1.4826  # median absolute deviation to standard deviation, normal errors


@dataclass(frozen=True)
class Pole:
    """One decaying sinusoid, exp(s t)."""

    s: complex  # 1 / s
    share: float  # of the model orders that agree on it
    spread: float  # of its damping among them, standard deviation re the damping


def subband(h: FloatArray, fs: int, centre_hz: float) -> tuple[ComplexArray, float]:
    """Positive frequencies around a centre, moved to 0 Hz, at a low rate.

    Parameters
    ----------
    h : (n_samples,) float array
        A whole number of bins of 1 / duration lies below the centre, or the phase drifts.
    fs : int
    centre_hz : float

    Returns
    -------
    y : (n,) complex array
        Half the amplitude of a sinusoid inside `FLAT_HZ`.
    rate_hz : float
    """
    bin_hz = fs / h.size
    middle = round(centre_hz / bin_hz)
    half = int((0.5 * FLAT_HZ + EDGE_HZ) / bin_hz)
    H = scipy.fft.rfft(h)
    k = np.arange(-half, half + 1)
    beyond = np.clip((np.abs(k * bin_hz) - 0.5 * FLAT_HZ) / EDGE_HZ, 0.0, 1.0)
    inside = (k + middle > 0) & (k + middle < H.size)
    n = scipy.fft.next_fast_len(int(_SPARE * k.size))
    part = np.zeros(n, dtype=np.complex128)
    part[k[inside]] = H[k[inside] + middle] * np.cos(0.5 * np.pi * beyond[inside]) ** 2
    return np.asarray(scipy.fft.ifft(part) * (n / h.size)), n * bin_hz


def shared_poles(signals: ComplexArray, rate_hz: float) -> list[Pole]:
    """Poles on which the model orders agree.

    Parameters
    ----------
    signals : (n_signals, n) complex array
        Free decays, each as strong as it shall count.
    rate_hz : float

    Returns
    -------
    poles : list of Pole
        Relative to the centre of the subband.
    """
    basis = _signal_basis(signals)
    orders = range(_LEAST_ORDER, int(_MOST_ORDER * min(basis.shape[1], basis.shape[0] - 1)))
    stayed: list[complex] = []
    before = np.zeros(0, dtype=np.complex128)
    for order in orders:
        s = _poles(basis, order, rate_hz)
        s = s[s.real < 0.0]
        if before.size and s.size:
            distance = np.abs(s[:, None] - before[None, :]).min(axis=1)
            stayed += list(s[distance < _STAYS * -s.real])
        before = s
    return _clusters(np.array(stayed, dtype=np.complex128), len(orders))


def amplitudes(signal: ComplexArray, rate_hz: float, poles: ComplexArray) -> ComplexArray:
    """Amplitude of each pole at the first value of a signal, by least squares.

    Parameters
    ----------
    signal : (n,) complex array
    rate_hz : float
    poles : (n_poles,) complex array

    Returns
    -------
    a : (n_poles,) complex array
    """
    t = np.arange(signal.size) / rate_hz
    return np.asarray(np.linalg.lstsq(np.exp(np.outer(t, poles)), signal, rcond=None)[0])


def all_poles(signals: ComplexArray, rate_hz: float, order: int) -> ComplexArray:
    """Return the poles of one model order, real or not: together they explain the signals."""
    basis = _signal_basis(signals)
    return _poles(basis, min(order, basis.shape[1], basis.shape[0] - 1), rate_hz)


def _signal_basis(signals: ComplexArray) -> ComplexArray:
    """Directions in which the signals' short stretches lie, the strongest first, (n_taps, k)."""
    n_taps = signals.shape[1] // 2
    stretches = np.lib.stride_tricks.sliding_window_view(signals, n_taps, axis=1)
    stretches = stretches.reshape(-1, n_taps)
    _, vectors = np.linalg.eigh(stretches.T @ stretches.conj())
    return np.asarray(vectors[:, ::-1][:, : min(n_taps, stretches.shape[0])])


def _poles(basis: ComplexArray, order: int, rate_hz: float) -> ComplexArray:
    """Poles of one order, (order,): how the subspace turns within one step."""
    U = basis[:, :order]
    # Least squares of U[1:] = U[:-1] turn: the columns of U are orthonormal, so that their inner
    # products without the last row differ from 1 by that row alone (Sherman and Morrison).
    last = U[-1].conj()
    product = U[:-1].conj().T @ U[1:]
    rest = max(1.0 - float(np.vdot(last, last).real), np.finfo(float).tiny)
    turn = product + np.outer(last, last.conj() @ product) / rest
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.linalg.eigvals(turn)) * rate_hz)


def _clusters(stayed: ComplexArray, n_orders: int) -> list[Pole]:
    """Gather what is the same pole, the most agreed first."""
    found = []
    while stayed.size:
        near = np.abs(stayed[:, None] - stayed[None, :]) < _SAME * -stayed.real[:, None]
        best = near[int(near.sum(axis=1).argmax())]
        members, stayed = stayed[best], stayed[~best]
        if members.size < _LEAST_SHARE * n_orders:
            break
        s = complex(np.median(members.real), np.median(members.imag))
        spread = _MEDIAN_TO_STANDARD * float(np.median(np.abs(members.real - s.real)))
        found.append(Pole(s, min(members.size / n_orders, 1.0), spread / -s.real))
    return found
