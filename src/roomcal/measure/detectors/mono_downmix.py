"""Both speakers play although one should: the system mixes down to mono (FAULTS.md, row 5)."""

from collections.abc import Sequence

import numpy as np
import scipy.fft

from roomcal.measure.detectors.same_response import correlation, is_same
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.studio import Studio
from roomcal.model.verdict import Verdict
from roomcal.units import FloatArray, db_from_ratio

# A second speaker is as loud as the first; a reflection lost its treble and some dB.
WEAKEST_DB = -6.0
LATEST_S = 0.02  # 7 m farther away
_NEAREST_S = 0.0001
_BAND_HZ = (2000.0, 16000.0)


def mono_downmix(
    responses: Sequence[ImpulseResponse], studio: Studio | None = None
) -> list[Verdict]:
    """Find pairs of speakers whose responses are one, with two arrivals in it.

    Parameters
    ----------
    responses : sequence of ImpulseResponse
        Of one position.
    studio : Studio, optional
        Not needed; every detector across takes has it.
    """
    del studio
    found = []
    for k, first in enumerate(responses):
        for second in responses[k + 1 :]:
            apart_s = second_arrival_s(first)
            if np.isnan(apart_s) or not is_same(first, second):
                continue
            found.append(
                Verdict(
                    "mono_downmix",
                    "rejection",
                    "RC-528",
                    f"two arrivals, {1e3 * apart_s:.1f} ms apart, when only {first.speaker} should "
                    f"play, and {second.speaker} gives the same",
                    hint="the system mixes to mono or up to several speakers: switch off mono "
                    "audio, spatial sound and upmixing, or use the device exclusively",
                    channel=first.speaker,
                    evidence={
                        "apart_ms": round(1e3 * apart_s, 3),
                        "correlation": round(correlation(first, second), 7),
                    },
                )
            )
    return found


def second_arrival_s(response: ImpulseResponse) -> float:
    """Time from the first arrival to a second one that is as loud; NaN if there is none."""
    fs = response.fs
    envelope = _treble_envelope(response.samples, fs)
    top = float(envelope.max())
    loud = envelope >= top * 10.0 ** (WEAKEST_DB / 20.0)
    inner = loud[1:-1] & (envelope[1:-1] >= envelope[:-2]) & (envelope[1:-1] > envelope[2:])
    peaks = np.flatnonzero(inner) + 1
    later = peaks[(peaks - peaks[0] >= _NEAREST_S * fs) & (peaks - peaks[0] <= LATEST_S * fs)]
    if later.size == 0 or db_from_ratio(envelope[peaks[0]] / top) < WEAKEST_DB:
        return float("nan")
    strongest = later[int(np.argmax(envelope[later]))]
    return float(strongest - peaks[0]) / fs


def _treble_envelope(h: FloatArray, fs: int) -> FloatArray:
    """Envelope of the treble, in which reflections are weak, (n_samples,)."""
    n_fft = scipy.fft.next_fast_len(2 * h.size, real=True)
    f = scipy.fft.rfftfreq(n_fft, 1.0 / fs)
    octaves = np.log2(np.maximum(f, 1.0) / np.sqrt(_BAND_HZ[0] * _BAND_HZ[1]))
    half = 0.5 * np.log2(_BAND_HZ[1] / _BAND_HZ[0])
    analytic = np.zeros(n_fft, dtype=np.complex128)
    analytic[: f.size] = scipy.fft.rfft(h, n_fft) * np.exp(-((octaves / half) ** 4))
    return np.abs(scipy.fft.ifft(analytic))[: h.size]
