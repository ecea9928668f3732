"""Judge the first quiet sounds: does the right speaker reach the right input, and with which sign.

Every function answers one question and returns what forbids to go on, or None.
"""

import itertools
from collections.abc import Sequence

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from roomcal.dsp.arrival import arrival_sample
from roomcal.errors import MeasurementError
from roomcal.measure.probe import HEARD_RATIO, Heard
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.studio import Position, Speaker
from roomcal.model.verdict import Verdict
from roomcal.units import (
    FloatArray,
    db_from_power,
    db_from_ratio,
    power_from_db,
    ratio_from_db,
    speed_of_sound_m_s,
)

OTHER_INPUT_DB = 10.0  # another input that hears a speaker this much better is the microphone's
_AIR_C = 20.0
# Coordinates are measured with a tape, so a difference below tells nothing about a swap: 10 cm.
_LEAST_DIFFERENCE_S = 0.1 / 343.0
# Two responses of one speaker differ by noise alone, in every one of these bands: measured 0.5 dB
# around the sum of both noises, and two speakers of one type in mirrored places 0 dB re either.
_SAME_BANDS_HZ = (100.0, 300.0, 1000.0, 3000.0, 8000.0, 16000.0)
_SAME_ABOVE_NOISE_DB = 3.0
_SAME_BELOW_DB = -10.0  # nearer to the noise, nothing can be told
# Direct sounds of two speakers that play at once: as strong as each other, and apart.
_ARRIVAL_BAND_HZ = (2000.0, 16000.0)
_SECOND_ARRIVAL_DB = -6.0
_APART_S = 0.0003
_DIRECT_S = (0.0005, 0.0025)  # around the arrival: what has one sign
_SIGN_BAND_HZ = (300.0, 5000.0)
_ALIKE = 0.6  # correlation above which a sign can be told


def refuse_silence(heard: Sequence[Heard], microphone: int) -> None:
    """Refuse a microphone that delivers a constant.

    Raises
    ------
    MeasurementError
        RC-502
    """
    own = next(h for h in heard if h.input_channel == microphone)
    if not own.silent or any(h.heard for h in heard):
        return
    raise MeasurementError(
        "RC-502",
        f"the microphone is silent: input {microphone} gives exact zeros",
        hint="it is muted, the wrong input is chosen, or the system denies access to it "
        "(privacy settings of macOS and Windows)",
        input=microphone,
    )


def refuse_other_input(
    heard: Sequence[Heard], microphone: int, *, loopback: int | None = None
) -> None:
    """Refuse to listen to one input when the speaker is heard on another.

    Raises
    ------
    MeasurementError
        RC-542
    """
    own = next(h for h in heard if h.input_channel == microphone)
    best = max((h for h in heard if h.heard), key=lambda h: h.level_dbfs, default=None)
    if best is None or best.input_channel == microphone:
        return
    own_dbfs = max(own.level_dbfs, own.noise_dbfs)
    higher_db = best.level_dbfs - own_dbfs
    if higher_db < OTHER_INPUT_DB:
        return
    loop = best.input_channel == loopback
    raise MeasurementError(
        "RC-542",
        f"the signal is on input {best.input_channel}, not {microphone} ({higher_db:.0f} dB "
        "higher)",
        hint="the cables of microphone and loopback are exchanged: change them"
        if loop
        else f"use --input {best.input_channel}, or input_channel = {best.input_channel} in "
        "studio.toml, or change the cable",
        input=best.input_channel,
        expected_input=microphone,
        higher_db=round(higher_db, 1),
    )


def refuse_unheard(heard: Sequence[Heard], microphone: int, speaker: Speaker) -> None:
    """Refuse to play louder when the first quiet sound was not heard.

    Raises
    ------
    MeasurementError
        RC-541
    """
    own = next(h for h in heard if h.input_channel == microphone)
    if own.heard:
        return
    raise MeasurementError(
        "RC-541",
        f"heard no chirp from {speaker.name} (output {speaker.output_channel})",
        hint="check the speaker, its amplifier and cable, and the output channel; then the "
        "microphone's gain. Nothing louder is played before it is heard",
        speaker=speaker.name,
        output=speaker.output_channel,
        above_noise_db=round(float(db_from_ratio(own.ratio)), 1),
        needed_db=round(float(db_from_ratio(HEARD_RATIO)), 1),
        noise_dbfs=round(own.noise_dbfs, 1),
    )


def judge_survey(
    responses: Sequence[ImpulseResponse], speakers: Sequence[Speaker], position: Position
) -> tuple[Verdict, ...]:
    """Judge the responses of all speakers at one position, which share one clock.

    Parameters
    ----------
    responses : sequence of ImpulseResponse
    speakers : sequence of Speaker
        In the same order.
    position : Position
        Of the microphone.
    """
    full = [
        (response, speaker)
        for response, speaker in zip(responses, speakers, strict=True)
        if not speaker.is_sub
    ]
    verdicts: list[Verdict] = []
    for k, (second, second_speaker) in enumerate(full):
        for first, first_speaker in full[:k]:
            apart_s = _flights_apart_s(first_speaker, second_speaker, position)
            found = _one_speaker(first, second, apart_s)
            if found is None and k and first is full[0][0]:
                found = _inverted(first, second)
            if found is None:
                found = _swapped(first, second, apart_s)
            if found is not None:
                verdicts.append(found)
    return tuple(verdicts)


def _flights_apart_s(first: Speaker, second: Speaker, position: Position) -> float:
    """By how much the second arrives later, from the places in the studio; NaN if not known."""
    places = (position.position_m, first.position_m, second.position_m)
    here, one, two = (np.array((np.nan,) * 3 if p is None else p) for p in places)
    difference_m = np.linalg.norm(two - here) - np.linalg.norm(one - here)
    return float(difference_m) / speed_of_sound_m_s(_AIR_C)


def places_tell_apart(speakers: Sequence[Speaker], position: Position) -> bool:
    """Whether the studio's places would show a swap of any two full-range speakers."""
    full = [s for s in speakers if not s.is_sub]
    return all(
        abs(_flights_apart_s(one, two, position)) >= _LEAST_DIFFERENCE_S
        for one, two in itertools.combinations(full, 2)
    )


def _swapped(first: ImpulseResponse, second: ImpulseResponse, expected_s: float) -> Verdict | None:
    """Compare the arrivals of two speakers with their places in the studio."""
    if not abs(expected_s) >= _LEAST_DIFFERENCE_S:
        return None
    measured_s = _arrival_s(second) - _arrival_s(first)
    # Swapped speakers show the opposite difference; anything else is another geometry.
    if abs(measured_s + expected_s) > 0.5 * abs(expected_s):
        return None
    return Verdict(
        "swap",
        "rejection",
        "RC-527",
        f"{first.speaker} and {second.speaker} look swapped: {second.speaker} arrives "
        f"{1e3 * measured_s:+.2f} ms after {first.speaker}, from where they stand it would be "
        f"{1e3 * expected_s:+.2f} ms",
        hint="change their cables or their output channels, or correct position_m in studio.toml",
        channel=second.speaker,
        evidence={
            "measured_ms": round(1e3 * measured_s, 3),
            "expected_ms": round(1e3 * expected_s, 3),
        },
    )


def _one_speaker(
    first: ImpulseResponse, second: ImpulseResponse, expected_s: float
) -> Verdict | None:
    """Tell whether two responses differ by no more than noise."""
    n = min(first.samples.size, second.samples.size)
    fs = first.fs
    n_fft = scipy.fft.next_fast_len(2 * n, real=True)
    A, B = (scipy.fft.rfft(h.samples[:n], n_fft) for h in (first, second))
    f = scipy.fft.rfftfreq(n_fft, 1.0 / fs)
    late = second.time_zero - first.time_zero  # the clocks: a hundredth of a sample
    B = B * np.exp(2j * np.pi * f / fs * late)
    differences_db = []
    for low_hz, high_hz in itertools.pairwise(_SAME_BANDS_HZ):
        band = (f >= low_hz) & (f < min(high_hz, 0.4 * fs))
        if not band.any():
            continue
        gain = np.sum((B * np.conj(A))[band]).real / max(np.sum(np.abs(A[band]) ** 2), 1e-300)
        power = max(float(np.sum(np.abs(B[band]) ** 2)), 1e-300)
        difference_db = float(db_from_power(np.sum(np.abs(B - gain * A)[band] ** 2) / power))
        noise = sum(_noise_ratio(r, band, f) for r in (first, second))
        if gain <= 0.0 or difference_db > min(
            _SAME_BELOW_DB, float(db_from_power(noise)) + _SAME_ABOVE_NOISE_DB
        ):
            return None
        differences_db.append(difference_db)
    difference_db = max(differences_db)
    names = f"{first.speaker} and {second.speaker}"
    evidence: dict[str, float | str] = {"difference_db": round(difference_db, 1)}
    apart_s = _second_arrival_s(first, abs(expected_s))
    if apart_s is not None:
        return Verdict(
            "mono",
            "rejection",
            "RC-528",
            f"two arrivals, {1e3 * apart_s:.1f} ms apart, when only {first.speaker} should play, "
            f"and the same from {second.speaker}: the system mixes the channels",
            hint="turn off mono audio, upmixing and spatial sound in the system, the driver and "
            "the monitor controller",
            channel=first.speaker,
            evidence={**evidence, "apart_ms": round(1e3 * apart_s, 2)},
        )
    return Verdict(
        "same",
        "rejection",
        "RC-526",
        f"{names} are the same response (difference {difference_db:.0f} dB, as noise alone "
        "makes it): the same speaker plays twice, or the system mixes to mono",
        hint="check the output channels, the cables, and mono switches of system and monitor "
        "controller",
        channel=second.speaker,
        evidence=evidence,
    )


def _noise_ratio(response: ImpulseResponse, band: NDArray[np.bool_], f: FloatArray) -> float:
    """Noise in a response re its power in a band, from its signal-to-noise ratios."""
    if response.snr is None:
        return 0.0
    H = scipy.fft.rfft(response.samples, 2 * (f.size - 1))
    power = np.abs(H[band]) ** 2
    snr_db = np.interp(f[band], response.snr.f_hz, np.nan_to_num(response.snr.snr_db, nan=300.0))
    return float(np.sum(power / (1.0 + power_from_db(snr_db))) / np.sum(power))


def _second_arrival_s(response: ImpulseResponse, expected_s: float) -> float | None:
    """Time from the direct sound to another as strong where a second speaker's would be."""
    if not expected_s >= _APART_S:
        return None
    fs = response.fs
    n_fft = scipy.fft.next_fast_len(2 * response.samples.size, real=True)
    f = scipy.fft.rfftfreq(n_fft, 1.0 / fs)
    low_hz, high_hz = _ARRIVAL_BAND_HZ
    H = scipy.fft.rfft(response.samples, n_fft) * ((f >= low_hz) & (f <= high_hz))
    analytic = np.zeros(n_fft, dtype=np.complex128)
    analytic[: f.size] = H
    envelope = np.abs(scipy.fft.ifft(analytic))[: response.samples.size]
    first = round(_arrival_s(response) * fs + response.time_zero)
    edge = round(0.5 * _APART_S * fs)
    direct = first - edge + int(np.argmax(envelope[first - edge : first + 2 * edge]))
    around = direct + round(expected_s * fs)
    second = around - edge + int(np.argmax(envelope[around - edge : around + edge]))
    weaker, stronger = sorted((float(envelope[direct]), float(envelope[second])))
    if weaker < stronger * float(ratio_from_db(_SECOND_ARRIVAL_DB)):
        return None
    return (second - direct) / fs


def _inverted(first: ImpulseResponse, second: ImpulseResponse) -> Verdict | None:
    """Compare the signs of two direct sounds."""
    a, b = _direct(first), _direct(second)
    n_fft = 2 * scipy.fft.next_fast_len(a.size, real=True)
    f = scipy.fft.rfftfreq(n_fft, 1.0 / first.fs)
    low_hz, high_hz = _SIGN_BAND_HZ
    band = (f >= low_hz) & (f <= high_hz)
    A, B = scipy.fft.rfft(a, n_fft) * band, scipy.fft.rfft(b, n_fft) * band
    correlation = scipy.fft.irfft(B * np.conj(A), n_fft)
    energy = np.sqrt(
        np.sum(scipy.fft.irfft(A, n_fft) ** 2) * np.sum(scipy.fft.irfft(B, n_fft) ** 2)
    )
    highest, lowest = float(correlation.max()) / energy, float(correlation.min()) / energy
    if lowest > -_ALIKE or -lowest < 1.2 * highest:
        return None
    return Verdict(
        "polarity",
        "warning",
        "RC-525",
        f"{second.speaker} is inverted against {first.speaker} (correlation of the direct sounds "
        f"{lowest:+.2f})",
        hint="change plus and minus at one end of its cable, or its polarity switch; roomcal does "
        "not invert it by itself",
        channel=second.speaker,
        evidence={"correlation": round(lowest, 3)},
    )


def _direct(response: ImpulseResponse) -> FloatArray:
    """Cut the direct sound out, with soft edges."""
    fs = response.fs
    arrival = round(_arrival_s(response) * fs + response.time_zero)
    before, after = (round(t * fs) for t in _DIRECT_S)
    part = response.samples[max(0, arrival - before) : arrival + after].copy()
    n = before
    part[:n] *= np.sin(0.5 * np.pi * np.arange(n) / n) ** 2
    part[-n:] *= np.cos(0.5 * np.pi * np.arange(n) / n) ** 2
    return np.asarray(part)


def _arrival_s(response: ImpulseResponse) -> float:
    """Arrival after time zero."""
    return (arrival_sample(response.samples, response.fs) - response.time_zero) / response.fs
