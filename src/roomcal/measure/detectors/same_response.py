"""Two speakers whose responses are one and the same (FAULTS.md, row 6)."""

from collections.abc import Sequence

import numpy as np

from roomcal.dsp.delay import refined_delay
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.studio import Studio
from roomcal.model.verdict import Verdict

# FAULTS.md: a correlation of 0.99999 between responses without noise. A room that is symmetric,
# with two speakers of one type, stays far below: 1 mm of microphone is -20 dB at 5 kHz.
LEAST_CORRELATION = 0.99999
# Beyond that a difference counts as noise if noise explains it.
_NOISE_MARGIN = 2.0
_MOST_NOISE = 1e-4  # power re the response: with more of it nothing can be said
_BAND_HZ = (200.0, 10000.0)
_LENGTH_S = 0.15  # compared from before the arrival on: where the response is above the noise
_LAG_SAMPLES = 0.3  # takes of one speaker are this near in time


def same_response(
    responses: Sequence[ImpulseResponse], studio: Studio | None = None
) -> list[Verdict]:
    """Find pairs of speakers of one position that are one.

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
            if is_same(first, second):
                found.append(
                    Verdict(
                        "same_response",
                        "rejection",
                        "RC-526",
                        f"{first.speaker} and {second.speaker} are the same response at "
                        f"{first.position}: the same speaker was measured twice",
                        hint="check the output channels in studio.toml, the cables, and that no "
                        "mono switch is on",
                        channel=second.speaker,
                        evidence={"correlation": round(correlation(first, second), 7)},
                    )
                )
    return found


def is_same(first: ImpulseResponse, second: ImpulseResponse) -> bool:
    """Whether nothing but noise is between two responses."""
    if first.fs != second.fs:
        return False
    apart = 1.0 - correlation(first, second) ** 2
    # Both noises are in the difference, one in each energy.
    noise = _noise_share(first) + _noise_share(second)
    if noise > _MOST_NOISE:
        return False
    return apart <= 1.0 - LEAST_CORRELATION**2 + _NOISE_MARGIN * noise


def correlation(first: ImpulseResponse, second: ImpulseResponse) -> float:
    """Correlation coefficient of two responses in the treble and middle, best aligned."""
    fs = first.fs
    pieces = []
    for r in (first, second):
        peak = int(np.argmax(np.abs(r.samples)))
        start = max(0, peak - round(0.01 * fs))
        pieces.append(start)
    start = min(pieces)
    n = round(_LENGTH_S * fs)
    n_fft = 4 * n
    f = np.fft.rfftfreq(n_fft, 1.0 / fs)
    band = (f >= _BAND_HZ[0]) & (f <= _BAND_HZ[1])
    window = np.ones(n)
    window[-n // 4 :] = np.cos(np.linspace(0.0, np.pi / 2.0, window[-n // 4 :].size)) ** 2
    H = []
    for r in (first, second):
        # What differs in time zero only is still the same response.
        piece = r.samples[start : start + n]
        H.append(np.fft.rfft(piece * window[: piece.size], n_fft) * band)
    cross = H[1] * np.conj(H[0])
    lags = np.fft.irfft(cross, n_fft)
    peak = int(np.argmax(np.abs(lags)))
    sign = float(np.sign(lags[peak])) or 1.0
    guess = float(peak - n_fft if peak > n_fft // 2 else peak)
    delay = refined_delay(cross * sign, guess)
    total = np.real(np.sum(cross * np.exp(2j * np.pi * f / fs * delay)))
    size = np.sqrt(np.sum(np.abs(H[0]) ** 2) * np.sum(np.abs(H[1]) ** 2))
    return float(total / size) if size > 0.0 else 0.0


def _noise_share(response: ImpulseResponse) -> float:
    """Noise power re the response in the band and time that are compared."""
    if response.snr is None:
        return 0.0
    inside = (response.snr.f_hz >= _BAND_HZ[0]) & (response.snr.f_hz <= _BAND_HZ[1])
    snr_db = response.snr.snr_db[inside]
    if snr_db.size == 0 or np.isnan(snr_db).all():
        return 0.0
    shorter = _LENGTH_S * response.fs / response.samples.size
    # Weighed by the width of the bands, as the energies are that the correlation compares.
    weight = response.snr.f_hz[inside]
    return (
        float(np.average(10.0 ** (-np.nan_to_num(snr_db, nan=200.0) / 10.0), weights=weight))
        * shorter
    )
