"""Impulse responses from a recording of sweeps that something else played.

Nothing is known but the sweep: not when it starts, nor how long the player waits between two
speakers. So a recording gives arrivals on its own clock, and no time zero: the wait and the
flight cannot be told apart. Only a known spacing of the sweeps ties the speakers together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from roomcal.dsp.arrival import arrival_sample
from roomcal.dsp.deconvolution import deconvolve
from roomcal.errors import InputError
from roomcal.measure.low_edge import deconvolve_for_noise
from roomcal.measure.responses import PRE_S
from roomcal.measure.sweep_search import dispersion_s, find_sweeps
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import FloatArray

_TAIL_S = 1.5  # wanted after each arrival; less where the next sweep begins earlier
_MIN_NOISE_S = 0.1  # silence before the first sweep that is long enough to measure noise
_CUT_TOLERANCE_S = 0.02  # of the sweep's end that may be missing: it fades there
_SEGMENT_LEAD_S = 0.2  # recording taken before each arrival
# Octaves of one direct sound arrive within 20 ms in any room; those of another sweep do not.
_DISPERSED_S = 0.04


@dataclass(frozen=True)
class RecordedSweep:
    """One speaker's sweep in a recording.

    Attributes
    ----------
    response : ImpulseResponse
        Its index 0 is `PRE_S` before the arrival.
    arrival_sample : float
        Where a sweep would have to start in the recording to arrive there without any flight:
        the direct sound's arrival. Differences between speakers are the spacing of the sweeps
        plus the difference of their flights.
    """

    response: ImpulseResponse
    arrival_sample: float


def responses_from_recording(
    recording: FloatArray,
    stimulus: FloatArray,
    fs: int,
    *,
    speakers: Sequence[str],
    position: str,
) -> list[ImpulseResponse]:
    """Impulse responses of several speakers that played one after the other.

    Like `sweeps_in_recording`, without the arrivals.
    """
    found = sweeps_in_recording(recording, stimulus, fs, speakers=speakers, position=position)
    return [sweep.response for sweep in found]


def sweeps_in_recording(
    recording: FloatArray,
    stimulus: FloatArray,
    fs: int,
    *,
    speakers: Sequence[str],
    position: str,
    spacing_samples: float | None = None,
) -> list[RecordedSweep]:
    """Find the sweeps of a recording and deconvolve each.

    Parameters
    ----------
    recording : (n_recorded,) float array
    stimulus : (n_stimulus,) float array
        The sweep that was played.
    fs : int
    speakers : sequence of str
        In the order in which they played, each once.
    position : str
    spacing_samples : float, optional
        From the start of one sweep to the start of the next, on the recorder's clock. With it the
        responses share a time base (reference "marks"): time zero is the arrival of the first
        speaker, moved by the spacing.

    Raises
    ------
    InputError
        RC-306 if there are not as many sweeps as speakers, or one is cut off.
    """
    first_samples = find_sweeps(recording, stimulus)
    _refuse_other_count(first_samples, fs, speakers)
    _refuse_cut_off(first_samples, recording.size, stimulus.size, fs=fs, speakers=speakers)
    pre = round(PRE_S * fs)
    lead = round(_SEGMENT_LEAD_S * fs)
    noise = recording[: max(0, first_samples[0] - lead)]
    found: list[RecordedSweep] = []
    for speaker, first, until in zip(
        speakers, first_samples, [*first_samples[1:], recording.size + pre], strict=True
    ):
        tail = int(np.clip(until - pre - first - stimulus.size, 0, round(_TAIL_S * fs)))
        segment = recording[max(0, first - lead) : first + stimulus.size + tail]
        place = {"start_sample": min(first, lead), "pre_samples": pre, "n_samples": 2 * pre + tail}
        snr = None
        if noise.size >= _MIN_NOISE_S * fs:
            h, snr = deconvolve_for_noise(segment, stimulus, fs, noise=noise, repeats=1, **place)
        else:
            h = deconvolve(segment, stimulus, fs, **place)
        _refuse_dispersed(dispersion_s(h, fs, snr), speaker, first / fs)
        response = ImpulseResponse(samples=h, fs=fs, speaker=speaker, position=position, snr=snr)
        found.append(RecordedSweep(response, first - pre + arrival_sample(h, fs)))
    return found if spacing_samples is None else _on_one_time_base(found, spacing_samples)


def _on_one_time_base(found: list[RecordedSweep], spacing_samples: float) -> list[RecordedSweep]:
    """Set time zero to the first speaker's arrival, moved by the spacing of the sweeps."""
    tied = []
    for k, sweep in enumerate(found):
        sent = found[0].arrival_sample + k * spacing_samples
        index = _index_of_arrival(sweep) + sent - sweep.arrival_sample
        response = replace(sweep.response, time_zero=index, time_reference="marks")
        tied.append(replace(sweep, response=response))
    return tied


def _index_of_arrival(sweep: RecordedSweep) -> float:
    return arrival_sample(sweep.response.samples, sweep.response.fs)


def _refuse_other_count(found: list[int], fs: int, speakers: Sequence[str]) -> None:
    """Refuse a recording with more or fewer sweeps than speakers."""
    if len(found) == len(speakers) > 0:
        return
    places = ", ".join(f"{first / fs:.2f} s" for first in found)
    where = f" (at {places})" if found else ""
    hint = (
        "name the speakers in the order in which they play, each once"
        if found
        else "is it the recording of this sweep, at its sample rate? Another sweep is not found, "
        "nor is one that was resampled or is buried in noise"
    )
    raise InputError(
        "RC-306",
        f"found {len(found)} sweep{'' if len(found) == 1 else 's'}{where} in the recording, "
        f"{len(speakers)} speaker{'' if len(speakers) == 1 else 's'} named "
        f"({', '.join(speakers)})",
        hint=hint,
        found=len(found),
        expected=len(speakers),
        starts_s=[round(first / fs, 3) for first in found],
    )


def _refuse_dispersed(apart_s: float, speaker: str, start_s: float) -> None:
    """Refuse the response of another sweep, or of this one at another rate."""
    if apart_s <= _DISPERSED_S:
        return
    raise InputError(
        "RC-306",
        f"the recording holds another sweep: what plays for {speaker} at {start_s:.2f} s "
        f"arrives {1e3 * apart_s:.0f} ms earlier in one octave than in another",
        hint="give the very file that was played, and record at its sample rate",
        apart_s=round(apart_s, 4),
        start_s=round(start_s, 3),
    )


def _refuse_cut_off(
    found: list[int], n_recorded: int, n_stimulus: int, *, fs: int, speakers: Sequence[str]
) -> None:
    """Refuse a recording that begins or ends within a sweep."""
    missing_s = max(-found[0], found[-1] + n_stimulus - n_recorded) / fs
    if missing_s <= _CUT_TOLERANCE_S:
        return
    begins = -found[0] / fs == missing_s
    raise InputError(
        "RC-306",
        f"the recording {'begins' if begins else 'ends'} within the sweep of "
        f"{speakers[0] if begins else speakers[-1]}: {missing_s:.2f} s of it are missing",
        hint="start the recorder before the player, and stop it a second after the last sweep",
        missing_s=round(missing_s, 3),
    )
