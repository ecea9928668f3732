"""How far the sweeps of one take are apart, and which of them do not belong to the others."""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from roomcal.dsp.delay import refined_delay
from roomcal.measure.clock import air_samples
from roomcal.model.arrays import frozen_array
from roomcal.units import FloatArray, db_from_power

COMPARED_HZ = (500.0, 16000.0)  # in which the delay between sweeps is measured
_LEAST_SHARE = 0.05  # of the energy: a sub has less there, and that is noise
_SUB_HZ = (20.0, 300.0)
# FAULTS.md, repeats: a sweep this much farther from the others than the best pair is apart...
DROP_ABOVE_BEST_DB = 6.0
# ...and this far in all, re the response. Moving air reaches -24 dB, a sample that is lost amid a
# sweep -11 dB.
DROP_DB = -18.0
SLIP_SAMPLES = 0.7  # air of 0.3 sample to either side moves two sweeps apart by 0.6
_SEARCHED_S = 0.043  # slips beyond are no slips


@dataclass(frozen=True, eq=False)
class Repeats:
    """The sweeps of a take, each against the others.

    Attributes
    ----------
    kept : tuple of int
        Sweeps that belong together.
    dropped : tuple of int
        Sweeps that do not: slipped, inverted, or covered as a whole.
    delays_samples : (n_repeats,) float array
        Delay of each sweep behind the mean of the kept ones.
    gains_db : (n_repeats,) float array
        Level of each sweep re the mean of the kept ones.
    inverted : tuple of int
        Those of the dropped whose polarity is reversed.
    distance_db : (n_repeats,) float array
        Of each sweep from the nearest other one, re the response, aligned in time.
    """

    kept: tuple[int, ...]
    dropped: tuple[int, ...]
    delays_samples: FloatArray
    gains_db: FloatArray
    inverted: tuple[int, ...]
    distance_db: FloatArray
    opposed: bool = False  # two of the kept have opposite polarity

    def __post_init__(self) -> None:
        for name in ("delays_samples", "gains_db", "distance_db"):
            object.__setattr__(self, name, frozen_array(getattr(self, name), ndim=1, name=name))


def compare_repeats(
    responses: FloatArray,
    fs: int,
    *,
    pre_samples: int,
    tail_samples: int,
    left_out: tuple[int, ...] = (),
) -> Repeats:
    """Compare the responses of the sweeps of one take.

    Parameters
    ----------
    responses : (n_repeats, n_fft) float array
        Circular; time 0 at index 0.
    fs : int
    pre_samples, tail_samples : int
        What is compared before and after time 0: other speakers may be nearer than that of the
        marks.
    left_out : tuple of int
        Sweeps that are known to be damaged.
    """
    n = len(responses)
    n_fft = scipy.fft.next_fast_len(2 * (pre_samples + tail_samples), real=True)
    n_fft += n_fft % 2
    compared = np.take(responses, np.arange(-pre_samples, tail_samples), axis=1)
    H = scipy.fft.rfft(compared, n_fft)
    f = scipy.fft.rfftfreq(n_fft, 1.0 / fs)
    band = (f >= COMPARED_HZ[0]) & (f <= min(COMPARED_HZ[1], 0.4 * fs))
    audible = f <= COMPARED_HZ[1]  # at high rates the most may lie above
    if np.sum(np.abs(H[:, band]) ** 2) < _LEAST_SHARE * np.sum(np.abs(H[:, audible]) ** 2):
        band = (f >= _SUB_HZ[0]) & (f <= _SUB_HZ[1])
    w = 2.0 * np.pi * np.arange(f.size) / n_fft
    late, sign, apart = np.zeros((n, n)), np.ones((n, n)), np.full((n, n), np.inf)
    energy = np.sum(np.abs(H[:, band]) ** 2, axis=1)
    for i in range(n):
        for j in range(i + 1, n):
            cross = np.where(band, H[j] * np.conj(H[i]), 0.0)
            delay, polarity = _peak(cross, n_fft, reach=round(_SEARCHED_S * fs))
            turned = polarity * np.real(np.sum(cross * np.exp(1j * w * delay)))
            # Distance at the best gain: a change of level is the business of another detector.
            distance = 1.0 - turned**2 / max(energy[i] * energy[j], np.finfo(np.float64).tiny)
            late[j, i], late[i, j] = delay, -delay
            sign[i, j] = sign[j, i] = polarity
            apart[i, j] = apart[j, i] = max(distance, 0.0)
    candidates = [k for k in range(n) if k not in left_out]
    kept = _belonging(candidates, apart, sign, late, slip=air_samples(SLIP_SAMPLES, fs))
    behind = np.array([np.mean(late[k, list(kept)]) if kept else 0.0 for k in range(n)])
    gains = 10.0 * np.log10(
        np.maximum(energy, 1e-300) / max(float(np.mean(energy[list(kept)])), 1e-300)
    )
    dropped = tuple(k for k in candidates if k not in kept)
    return Repeats(
        kept=kept,
        dropped=dropped,
        delays_samples=behind,
        gains_db=gains,
        inverted=tuple(k for k in dropped if kept and sign[k, kept[0]] < 0.0),
        distance_db=db_from_power(np.minimum(apart.min(axis=1), 1.0))
        if n > 1
        else np.full(1, -np.inf),
        opposed=any(sign[i, j] < 0.0 for i in kept for j in kept if i < j),
    )


def _peak(
    cross: np.ndarray[tuple[int], np.dtype[np.complex128]], n_fft: int, *, reach: int
) -> tuple[float, float]:
    """Delay and sign of the strongest correlation."""
    correlation = scipy.fft.irfft(cross, n_fft)
    reach = min(reach, n_fft // 2 - 1)
    near = np.concatenate([correlation[-reach:], correlation[: reach + 1]])
    peak = int(np.argmax(np.abs(near)))
    polarity = float(np.sign(near[peak])) or 1.0
    return refined_delay(cross * polarity, float(peak - reach)), polarity


def _belonging(
    candidates: list[int],
    apart: FloatArray,
    sign: FloatArray,
    late: FloatArray,
    *,
    slip: float,
) -> tuple[int, ...]:
    """Sweeps that agree with the best pair; all of fewer than three."""
    if len(candidates) < 3:
        return tuple(candidates)
    pairs = [(apart[i, j], i, j) for i in candidates for j in candidates if i < j]
    agreeing = [p for p in pairs if sign[p[1], p[2]] > 0 and abs(late[p[1], p[2]]) < slip]
    best, i, j = min(agreeing or pairs)
    limit = max(best * 10.0 ** (DROP_ABOVE_BEST_DB / 10.0), 10.0 ** (DROP_DB / 10.0))
    kept = []
    for k in candidates:
        others = [o for o in (i, j) if o != k]
        near = min(apart[k, o] for o in others)
        straight = all(sign[k, o] > 0 for o in others)
        in_time = min(abs(late[k, o]) for o in others) < slip
        if k in (i, j) or (near <= limit and straight and in_time):
            kept.append(k)
    return tuple(kept)
