"""From the recording of a take to the impulse response of its path."""

import numpy as np

from roomcal.dsp.deconvolution import LOWEST_HZ, stimulus_band_hz
from roomcal.dsp.resample import sample_at
from roomcal.dsp.sweep_signal import sweep_samples
from roomcal.errors import MeasurementError
from roomcal.measure.calibration import without_microphone
from roomcal.measure.clock import ClockLine
from roomcal.measure.low_edge import deconvolve_for_noise
from roomcal.measure.marks import locate_marks
from roomcal.model.capture import Capture
from roomcal.model.curve import Curve
from roomcal.model.impulse_response import BandSnr, ImpulseResponse
from roomcal.units import FloatArray, frequency_text

# Kept before time zero: other speakers may be nearer than the reference, and the low edge of the
# band rings symmetrically.
PRE_S = 0.1
_NOISE_GUARD_S = 0.03  # before the first mark: speakers that are nearer, and filters that ring
# Below this in every run of three bands, a response says nothing at all. How good is good enough
# is judged by the detectors of the take.
HOPELESS_SNR_DB = 10.0
_BANDS_TOGETHER = 3


def clock_of_capture(capture: Capture) -> ClockLine:
    """Where the recorder's samples lie on the player's clock.

    Marks are heard over the loopback cable when there is one, through the air otherwise.

    Raises
    ------
    MeasurementError
        RC-501 when the marks are not heard, RC-502 when the channel is dead.
    """
    if capture.loopback is None:
        _refuse_silence(capture)
        source = f"speaker {capture.reference_speaker} at position {capture.position}"
        return locate_marks(capture.microphone, capture.plan, source=source)
    return locate_marks(capture.loopback, capture.plan, source="the loopback cable")


def sweep_segments(capture: Capture, clock: ClockLine) -> tuple[FloatArray, float]:
    """Cut the sweeps of a take out of its recording, on the player's clock.

    Parameters
    ----------
    capture : Capture
    clock : ClockLine

    Returns
    -------
    segments : (n_repeats, n_samples) float array
        From `PRE_S` before each sweep was sent until the room has decayed.
    time_zero : float
        Index at which the sweep was sent, the same for all.
    """
    plan = capture.plan
    pre = round(PRE_S * plan.sweep.fs)
    offsets = np.arange(-pre, plan.sweep.n_samples + plan.tail_samples)
    starts = [clock.recorded_at(start) for start in plan.sweep_starts]
    if clock.needs_correction:
        rows = [
            sample_at(capture.microphone, start + clock.ratio * offsets.astype(np.float64))
            for start in starts
        ]
        return np.stack(rows), float(pre)
    # One clock: whole samples are kept as they are, and time zero carries the fraction.
    first = round(starts[0])
    index = first - plan.sweep_starts[0] + np.array(plan.sweep_starts)[:, None] + offsets
    inside = (index >= 0) & (index < capture.microphone.size)
    x = capture.microphone[np.clip(index, 0, capture.microphone.size - 1)]
    return np.where(inside, x, 0.0), pre + starts[0] - first


def response_from_capture(
    capture: Capture,
    *,
    calibration: Curve | None = None,
    full_scale_db_spl: float | None = None,
) -> ImpulseResponse:
    """Impulse response of the path from a capture's speaker to its position.

    Parameters
    ----------
    capture : Capture
    calibration : Curve, optional
        Of the microphone; its level is subtracted.
    full_scale_db_spl : float, optional
        Sound pressure level that reads 0 dBFS.

    Returns
    -------
    response : ImpulseResponse
        Its time reference is "loopback" or "marks".

    Raises
    ------
    MeasurementError
        RC-501 no timing mark was heard, RC-502 the microphone gave exact zeros, RC-503 the sweep
        is not heard above the noise.
    """
    _refuse_silence(capture)
    fs = capture.fs
    plan = capture.plan
    clock = clock_of_capture(capture)
    segments, time_zero = sweep_segments(capture, clock)
    stimulus = sweep_samples(plan.sweep)
    pre = round(PRE_S * fs)
    until = int(clock.mark_samples[0]) - round(_NOISE_GUARD_S * fs)
    h, snr = deconvolve_for_noise(
        segments.mean(axis=0),
        stimulus,
        fs,
        noise=capture.microphone[max(0, until - plan.pre_roll_samples) : max(until, 1)],
        repeats=len(segments),
        start_sample=pre,
        pre_samples=pre,
        n_samples=pre + plan.tail_samples,
    )
    _refuse_hopeless(snr, capture)
    if calibration is not None:
        low_hz, high_hz = stimulus_band_hz(stimulus, fs)
        low_hz = max(low_hz, LOWEST_HZ)
        h = without_microphone(h, fs, calibration, low_hz=low_hz, high_hz=high_hz)
    return ImpulseResponse(
        samples=h,
        fs=fs,
        speaker=capture.speaker,
        position=capture.position,
        time_zero=time_zero,
        time_reference="marks" if capture.loopback is None else "loopback",
        full_scale_db_spl=full_scale_db_spl,
        snr=snr,
    )


def _refuse_silence(capture: Capture) -> None:
    """Refuse a channel that never changes."""
    x = capture.microphone
    if x.size == 0 or np.ptp(x) == 0.0:
        value = 0.0 if x.size == 0 else float(x[0])
        raise MeasurementError(
            "RC-502",
            f"the microphone is silent: {x.size} samples of exactly {value:g}",
            hint="it is muted, the wrong input is chosen, or the system denies access to it "
            "(privacy settings of macOS and Windows)",
            n_samples=x.size,
            value=value,
        )


def _refuse_hopeless(snr: BandSnr, capture: Capture) -> None:
    """Refuse a response that is noise in all bands, and say what is missing."""
    levels = np.where(np.isnan(snr.snr_db), np.inf, snr.snr_db)
    together = min(_BANDS_TOGETHER, levels.size)
    runs = np.lib.stride_tricks.sliding_window_view(levels, together).min(axis=1)
    if runs.max() >= HOPELESS_SNR_DB:
        return
    speaker = f"speaker {capture.speaker} at position {capture.position}"
    if capture.loopback is not None and capture.speaker == capture.reference_speaker:
        # The cable brought the marks, whatever the speaker did: listen for them in the air.
        locate_marks(capture.microphone, capture.plan, source=speaker)
    best = int(np.argmax(levels))
    raise MeasurementError(
        "RC-503",
        f"the sweep of {speaker} is buried in noise: {levels[best]:.0f} dB above it in the best "
        f"band ({frequency_text(float(snr.f_hz[best]))}), {HOPELESS_SNR_DB:.0f} dB needed in three",
        hint="check that this speaker is on and on the right output channel, then the "
        "microphone's gain, the level, and what makes the noise",
        best_db=round(float(levels[best]), 1),
        best_hz=round(float(snr.f_hz[best]), 1),
        needed_db=HOPELESS_SNR_DB,
    )
