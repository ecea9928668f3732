"""All speakers one after the other, full range but soft: who is who, and how loud each will be.

The first speaker plays again at the end, so that the clocks are known and arrivals compare.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft

from roomcal.dsp.delay import delay_samples
from roomcal.dsp.smoothing import smoothed_power
from roomcal.dsp.sweep_signal import sweep_samples
from roomcal.measure.low_edge import deconvolve_for_noise
from roomcal.measure.probe import FIRST_LEVEL_DBFS
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.level_check import SpeakerProfile
from roomcal.model.sweep import Sweep
from roomcal.units import FloatArray, db_from_power, log_grid_hz

_SWEEP_S = 1.5
_PRE_ROLL_S = 1.0  # the noise is measured there
_TAIL_S = 1.0  # latency of the device, flight and decay
_PRE_S = 0.05  # kept before the sweep's start
_RESPONSE_S = 0.5  # kept after the direct sound of the first speaker
_CLOCK_BAND_HZ = (1000.0, 8000.0)
_PROFILE_STEPS = 24  # per octave: a sweep passes that in the time of a block
_PROFILE_LOW_HZ = 20.0
_PROFILE_HIGH_OF_FS = 0.42


@dataclass(frozen=True)
class SurveyPlan:
    """When each speaker plays; the last start belongs to the first speaker again."""

    sweep: Sweep
    starts: tuple[int, ...]  # samples
    n_samples: int


@dataclass(frozen=True, eq=False)
class Survey:
    """What the microphone heard.

    Attributes
    ----------
    responses : tuple of ImpulseResponse
        One a speaker, on one clock.
    profiles : tuple of SpeakerProfile
    noise : (n,) float array
        The silence before the first sweep.
    """

    responses: tuple[ImpulseResponse, ...]
    profiles: tuple[SpeakerProfile, ...]
    noise: FloatArray


def plan_survey(n_speakers: int, fs: int, *, level_dbfs: float = FIRST_LEVEL_DBFS) -> SurveyPlan:
    """Lay out the survey of some speakers; louder than by default only once they are known."""
    sweep = Sweep(fs=fs, length_s=_SWEEP_S, level_dbfs=level_dbfs)
    step = sweep.n_samples + round(_TAIL_S * fs)
    starts = tuple(round(_PRE_ROLL_S * fs) + k * step for k in range(n_speakers + 1))
    return SurveyPlan(sweep, starts, starts[-1] + step)


def render_survey(plan: SurveyPlan) -> FloatArray:
    """Render one row a speaker, (n_speakers, n_samples)."""
    x = sweep_samples(plan.sweep)
    rows = np.zeros((len(plan.starts) - 1, plan.n_samples))
    for k, start in enumerate(plan.starts):
        rows[k % len(rows), start : start + x.size] = x
    return rows


def survey_from_recording(
    microphone: FloatArray,
    plan: SurveyPlan,
    *,
    speakers: Sequence[str],
    position: str,
    delay: int,
) -> Survey:
    """Derive the responses and profiles of all speakers.

    Parameters
    ----------
    microphone : (n_samples,) float array
    plan : SurveyPlan
    speakers : sequence of str
    position : str
    delay : int
        From output to input, in samples, as a probe found it.
    """
    fs = plan.sweep.fs
    x = sweep_samples(plan.sweep)
    pre = round(_PRE_S * fs)
    n = pre + delay + round(_RESPONSE_S * fs)
    noise = microphone[: plan.starts[0] - pre]
    found = [
        deconvolve_for_noise(
            microphone[start - pre : start + x.size + round(_TAIL_S * fs)],
            x,
            fs,
            noise=noise,
            repeats=1,
            start_sample=pre,
            pre_samples=pre,
            n_samples=n,
        )
        for start in plan.starts
    ]
    low_hz, high_hz = _CLOCK_BAND_HZ
    slope = delay_samples(found[0][0], found[-1][0], fs, low_hz=low_hz, high_hz=high_hz)
    slope /= plan.starts[-1] - plan.starts[0]
    responses = tuple(
        ImpulseResponse(
            samples=h,
            fs=fs,
            speaker=name,
            position=position,
            time_zero=pre + slope * (start - plan.starts[0]),
            time_reference="marks",
            snr=snr,
        )
        for name, (h, snr), start in zip(speakers, found, plan.starts, strict=False)
    )
    return Survey(responses, tuple(profile_of(r) for r in responses), noise)


def profile_of(response: ImpulseResponse) -> SpeakerProfile:
    """Gain of a response over frequency, fine enough to show its peaks.

    In the noise the profile shows the noise: it says too much rather than too little.
    """
    n_fft = scipy.fft.next_fast_len(2 * response.samples.size, real=True)
    power = np.abs(scipy.fft.rfft(response.samples, n_fft)) ** 2
    f_hz = log_grid_hz(_PROFILE_LOW_HZ, _PROFILE_HIGH_OF_FS * response.fs, _PROFILE_STEPS)
    gain_db = db_from_power(smoothed_power(power, response.fs / n_fft, f_hz, _PROFILE_STEPS))
    return SpeakerProfile(
        response.speaker,
        tuple(np.round(f_hz, 3).tolist()),
        tuple(np.round(gain_db, 2).tolist()),
    )
