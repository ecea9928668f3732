"""Judge the first quiet sounds: does the right speaker reach the right input, and with which sign.

Every function answers one question and returns what forbids to go on, or None.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import scipy.fft

from roomcal.dsp.arrival import arrival_sample
from roomcal.errors import MeasurementError
from roomcal.measure.probe import HEARD_RATIO, Heard
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.studio import Position, Speaker
from roomcal.model.verdict import Verdict
from roomcal.units import db_from_power, db_from_ratio, speed_of_sound_m_s

OTHER_INPUT_DB = 10.0  # another input that hears a speaker this much better is the microphone's
_AIR_C = 20.0
# Coordinates are measured with a tape, so a difference below tells nothing about a swap: 10 cm.
_LEAST_DIFFERENCE_S = 0.1 / 343.0
# Two responses of one speaker differ by noise alone. Their difference may be this much above the
# noise that is known, and must lie this far below the response; two speakers of one type in a
# symmetric room differ by -25 dB and more.
_SAME_ABOVE_NOISE_DB = 4.0
_SAME_BELOW_DB = -35.0
# Direct sounds of two speakers that play at once, within the flight differences of a room.
_SECOND_ARRIVAL_S = 0.008
_SECOND_ARRIVAL_DB = -6.0
_APART_S = 0.0002
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
            found = _one_speaker(first, second)
            if found is None and k and first is full[0][0]:
                found = _inverted(first, second)
            if found is None:
                found = _swapped((first, first_speaker), (second, second_speaker), position)
            if found is not None:
                verdicts.append(found)
    return tuple(verdicts)


def expected_arrivals_s(speakers: Sequence[Speaker], position: Position) -> Mapping[str, float]:
    """Flight time from every speaker whose place is known to a position that is known."""
    if position.position_m is None:
        return {}
    here = np.array(position.position_m)
    c = speed_of_sound_m_s(_AIR_C)
    return {
        s.name: float(np.linalg.norm(np.array(s.position_m) - here)) / c
        for s in speakers
        if s.position_m is not None
    }


def _swapped(
    first: tuple[ImpulseResponse, Speaker],
    second: tuple[ImpulseResponse, Speaker],
    position: Position,
) -> Verdict | None:
    """Compare the arrivals of two speakers with their places in the studio."""
    (h1, speaker1), (h2, speaker2) = first, second
    flights = expected_arrivals_s((speaker1, speaker2), position)
    if len(flights) < 2:
        return None
    expected_s = flights[speaker2.name] - flights[speaker1.name]
    if abs(expected_s) < _LEAST_DIFFERENCE_S:
        return None
    measured_s = _arrival_s(h2) - _arrival_s(h1)
    # Swapped speakers show the opposite difference; anything else is another geometry.
    if abs(measured_s + expected_s) > 0.5 * abs(expected_s):
        return None
    return Verdict(
        "swap",
        "rejection",
        "RC-543",
        f"{speaker1.name} and {speaker2.name} look swapped: {speaker2.name} arrives "
        f"{1e3 * measured_s:+.2f} ms after {speaker1.name}, from where they stand it would be "
        f"{1e3 * expected_s:+.2f} ms",
        hint="change their cables or their output channels, or correct position_m in studio.toml",
        channel=speaker2.name,
        evidence={
            "measured_ms": round(1e3 * measured_s, 3),
            "expected_ms": round(1e3 * expected_s, 3),
        },
    )


def _one_speaker(first: ImpulseResponse, second: ImpulseResponse) -> Verdict | None:
    """Tell whether two responses differ by no more than noise."""
    n = min(first.samples.size, second.samples.size)
    fs = first.fs
    n_fft = scipy.fft.next_fast_len(2 * n, real=True)
    A, B = (scipy.fft.rfft(h.samples[:n], n_fft) for h in (first, second))
    f = scipy.fft.rfftfreq(n_fft, 1.0 / fs)
    band = (f >= 100.0) & (f <= min(16000.0, 0.4 * fs))
    late = second.time_zero - first.time_zero  # the clocks: a hundredth of a sample
    B = B * np.exp(2j * np.pi * f / fs * late)
    gain = np.sum((B * np.conj(A))[band]).real / np.sum(np.abs(A[band]) ** 2)
    if gain <= 0.0:
        return None
    power = float(np.sum(np.abs(B[band]) ** 2))
    difference_db = float(db_from_power(np.sum(np.abs(B - gain * A)[band] ** 2) / power))
    noise_db = max(_noise_db(first, band, f), -300.0), max(_noise_db(second, band, f), -300.0)
    both_db = float(db_from_power(sum(10.0 ** (x / 10.0) for x in noise_db)))
    if difference_db > min(_SAME_BELOW_DB, both_db + _SAME_ABOVE_NOISE_DB):
        return None
    names = f"{first.speaker} and {second.speaker}"
    evidence: dict[str, float | str] = {"difference_db": round(difference_db, 1)}
    apart_s = _second_arrival_s(first)
    if apart_s is not None:
        return Verdict(
            "mono",
            "rejection",
            "RC-544",
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
        "RC-545",
        f"{names} are the same response (difference {difference_db:.0f} dB, as noise alone "
        "makes it): the same speaker plays twice, or the system mixes to mono",
        hint="check the output channels, the cables, and mono switches of system and monitor "
        "controller",
        channel=second.speaker,
        evidence=evidence,
    )


def _noise_db(response: ImpulseResponse, band: np.ndarray, f: np.ndarray) -> float:
    """Noise in a response re its power in a band, from its signal-to-noise ratios."""
    if response.snr is None:
        return -300.0
    H = scipy.fft.rfft(response.samples, 2 * (f.size - 1))
    power = np.abs(H[band]) ** 2
    snr_db = np.interp(f[band], response.snr.f_hz, np.nan_to_num(response.snr.snr_db, nan=300.0))
    return float(db_from_power(np.sum(power / (1.0 + 10.0 ** (snr_db / 10.0))) / np.sum(power)))


def _second_arrival_s(response: ImpulseResponse) -> float | None:
    """Time from the direct sound to another that is as strong, or None."""
    fs = response.fs
    n_fft = scipy.fft.next_fast_len(2 * response.samples.size, real=True)
    f = scipy.fft.rfftfreq(n_fft, 1.0 / fs)
    H = scipy.fft.rfft(response.samples, n_fft) * ((f >= 2000.0) & (f <= 16000.0))
    analytic = np.zeros(n_fft, dtype=np.complex128)
    analytic[: f.size] = H
    envelope = np.abs(scipy.fft.ifft(analytic))[: response.samples.size]
    first = round(_arrival_s(response) * fs + response.time_zero)
    stretch = envelope[max(0, first - 8) : first + round(_SECOND_ARRIVAL_S * fs)]
    top = np.flatnonzero((stretch[1:-1] >= stretch[:-2]) & (stretch[1:-1] > stretch[2:])) + 1
    strong = top[stretch[top] >= stretch.max() * 10.0 ** (_SECOND_ARRIVAL_DB / 20.0)]
    apart = strong[strong >= strong[0] + _APART_S * fs] - strong[0] if strong.size else strong
    return float(apart[0]) / fs if apart.size else None


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
        "RC-546",
        f"{second.speaker} is inverted against {first.speaker} (correlation of the direct sounds "
        f"{lowest:+.2f})",
        hint="change plus and minus at one end of its cable, or its polarity switch; roomcal does "
        "not invert it by itself",
        channel=second.speaker,
        evidence={"correlation": round(lowest, 3)},
    )


def _direct(response: ImpulseResponse) -> np.ndarray:
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
