"""The take as a file that another program plays: laid out, and recognised again.

One channel a speaker; the takes of all speakers follow each other. The file needs no description
beside it: the plan is read out of the samples, rendered again and compared. Its comment names the
speakers, unless another program wrote it anew.
"""

import contextlib
import dataclasses
import itertools

import numpy as np

from roomcal.dsp.sweep_signal import MARK_DURATION_S
from roomcal.errors import InputError, MeasurementError
from roomcal.measure.clock import ClockLine
from roomcal.measure.judge import why_no_marks
from roomcal.measure.marks import locate_marks
from roomcal.measure.plan import PRE_ROLL_S, plan_take, render_take
from roomcal.model.sweep import Sweep
from roomcal.model.take import TakePlan
from roomcal.units import FloatArray, db_from_ratio

SPEAKERS_COMMENT = "roomcal speakers: "  # then the names of the channels, like L,R
_SOUNDING = (2e-5, 3e-3)  # of the peak: above the dither of 24 bits, and of 16
_GAP_S = 0.05  # silence that parts two sounds
_SAME = 1e-3  # of the peak: rounding to 16 bits and dither lie below, another sweep does not
_LEAST_PRE_S = 0.3  # of the silence before the first mark that the recording has to hold
_LEAST_POST_S = 0.1


def render_take_file(plan: TakePlan, n_speakers: int) -> FloatArray:
    """Render the takes of all speakers one after the other.

    Returns
    -------
    rows : (n_speakers, n_speakers * plan.n_samples) float array
        The first channel plays the timing marks of every take.
    """
    rows = np.zeros((n_speakers, n_speakers * plan.n_samples))
    for k in range(n_speakers):
        part = slice(k * plan.n_samples, (k + 1) * plan.n_samples)
        marks, sweeps = render_take(plan, same_speaker=k == 0)
        rows[0, part] += marks
        rows[k, part] += sweeps
    return rows


def speakers_of_comment(comment: str, n_speakers: int) -> tuple[str, ...]:
    """Read the names of the channels out of the comment of a file; none if it has others."""
    if not comment.startswith(SPEAKERS_COMMENT):
        return ()
    names = tuple(comment.removeprefix(SPEAKERS_COMMENT).split(","))
    return names if len(set(names)) == n_speakers == len(names) else ()


def plan_of_file(rows: FloatArray, fs: int) -> TakePlan | None:
    """Recognise a file that `render_take_file` laid out, or return None.

    Parameters
    ----------
    rows : (n_channels, n_samples) float array
        With the rounding and the dither of any format from 16 bits upwards.
    fs : int
    """
    n_channels, n = rows.shape
    first = rows[0, : n // n_channels]
    peak = float(np.abs(first).max())
    if n % n_channels or peak == 0.0:
        return None
    for sounding in _SOUNDING:
        plan = _plan_of_sounds(_sounds(first, sounding * peak, fs), n // n_channels, fs)
        if plan is not None:
            return _compared(rows, plan, peak)
    return None


def _plan_of_sounds(sounds: list[tuple[int, int]], n_samples: int, fs: int) -> TakePlan | None:
    """Find the plan whose marks and sweeps are these sounds."""
    mark_s = [k for k, (a, b) in enumerate(sounds) if (b - a) / fs < 1.1 * MARK_DURATION_S]
    sweeps = [sound for k, sound in enumerate(sounds) if k not in mark_s]
    if len(mark_s) < 3 or not sweeps or mark_s[0] != 0:
        return None
    try:
        sweep = Sweep(fs=fs, length_s=(sweeps[0][1] - sweeps[0][0]) / fs)
        mark = round(MARK_DURATION_S * fs)
        starts = [sounds[k][0] for k in mark_s]
        rest = (starts[1] - starts[0] - mark - sweep.n_samples) / fs
        for reverberation_s in (round(rest / (4.0 / 3.0), 2), round(rest - 0.25, 2)):
            plan = plan_take(sweep, repeats=len(sweeps), reverberation_s=reverberation_s)
            if plan.n_samples == n_samples and starts[0] >= round(PRE_ROLL_S * fs) - 1:
                return plan
    except ValueError:
        return None
    return None


@dataclasses.dataclass(frozen=True, eq=False)
class RecordedTake:
    """One take, cut out of a recording.

    Attributes
    ----------
    samples : (about plan.n_samples,) float array
    begin : int
        Sample of the recording at which it was cut.
    plan : TakePlan
        Of these samples: without the part of the first silence that was not recorded.
    """

    samples: FloatArray
    begin: int
    plan: TakePlan


def split_recording(recording: FloatArray, plan: TakePlan, n_speakers: int) -> list[RecordedTake]:
    """Cut the recording of a take file into its takes.

    Parameters
    ----------
    recording : (n_recorded,) float array
        Begins before the first mark and ends after the last.
    plan : TakePlan
        Of one take.
    n_speakers : int

    Returns
    -------
    takes : list of RecordedTake

    Raises
    ------
    MeasurementError
        RC-501 when the marks are not heard, RC-502 when nothing is, RC-519 when they are at
        another rate.
    InputError
        RC-306 when the recording begins too late, ends too early, or holds the file twice.
    """
    if not recording.any():
        raise MeasurementError(
            "RC-502",
            "the recording is silent: every sample is zero",
            hint="record the track of the microphone, and look at its meter while it plays",
        )
    fs, n = plan.sweep.fs, plan.n_samples
    shifts = [k * n for k in range(n_speakers)]
    together = dataclasses.replace(
        plan,
        mark_starts=tuple(s + m for s in shifts for m in plan.mark_starts),
        sweep_starts=tuple(s + m for s in shifts for m in plan.sweep_starts),
        n_samples=n * n_speakers,
    )
    missing = round(PRE_ROLL_S * fs)  # of the file that the recorder may have slept through
    padded = np.pad(recording, (missing, 0))
    clock = _located(padded, together)
    begin = round(clock.recorded_at(0)) - missing
    begins_s = begin / fs
    if begins_s < _LEAST_PRE_S - PRE_ROLL_S:
        raise InputError(
            "RC-306",
            f"the recording begins {-begins_s:.2f} s after the sweep file: the silence before the "
            "first mark is missing",
            hint="start the recorder before the player: the noise is measured there",
            missing_s=round(-begins_s, 3),
        )
    ends = clock.recorded_at(together.mark_starts[-1]) - missing
    ends += (MARK_DURATION_S + _LEAST_POST_S) * fs
    if recording.size < ends:
        raise InputError(
            "RC-306",
            f"the recording ends {(ends - recording.size) / fs:.2f} s too early",
            hint="stop the recorder a second after the last sound",
        )
    edges = [round(clock.recorded_at(k * n)) - missing for k in range(n_speakers + 1)]
    edges = np.clip(edges, 0, recording.size).tolist()
    _refuse_twice(recording, together, edges)
    plans = [_without_first(plan, max(0, -begin))] + [plan] * (n_speakers - 1)
    return [
        RecordedTake(recording[a:b], a, own)
        for (a, b), own in zip(itertools.pairwise(edges), plans, strict=True)
    ]


def _without_first(plan: TakePlan, n_missing: int) -> TakePlan:
    """Return the plan of a take whose first samples were not recorded."""
    return dataclasses.replace(
        plan,
        mark_starts=tuple(start - n_missing for start in plan.mark_starts),
        sweep_starts=tuple(start - n_missing for start in plan.sweep_starts),
        n_samples=plan.n_samples - n_missing,
        pre_roll_samples=plan.pre_roll_samples - n_missing,
    )


def _located(recording: FloatArray, plan: TakePlan) -> ClockLine:
    """Find the marks of all takes, or say why they are not there."""
    try:
        return locate_marks(recording, plan, source="the player of the sweep file")
    except MeasurementError as error:
        why = why_no_marks(recording, plan, error)[0]
        fs = plan.sweep.fs
        if why.fault == error.fault and error.evidence["heard"] == 0 and _plays(recording, plan):
            raise InputError(
                "RC-306",
                f"the recording lasts {(recording.size - round(PRE_ROLL_S * fs)) / fs:.1f} s and "
                f"the sweep file {plan.n_samples / fs:.1f} s: a part is missing",
                hint="record the whole file, from before it starts until a second after it ends",
            ) from error
        raise MeasurementError(why.fault, why.message, hint=why.hint) from error


def _plays(recording: FloatArray, plan: TakePlan) -> bool:
    """Whether two marks of the file are heard, if not all of them."""
    two = dataclasses.replace(plan, mark_starts=plan.mark_starts[:2])
    try:
        locate_marks(recording, two, source="")
    except MeasurementError:
        return False
    return True


def _refuse_twice(recording: FloatArray, plan: TakePlan, edges: list[int]) -> None:
    """Refuse a recording in which the file plays again: nobody knows which one is meant."""
    fs = plan.sweep.fs
    for part, offset in ((recording[: edges[0]], 0), (recording[edges[-1] :], edges[-1])):
        if part.size < plan.n_samples - plan.mark_starts[0]:
            continue
        with contextlib.suppress(MeasurementError):
            again = locate_marks(part, plan, source="")
            first_s = (again.recorded_at(plan.mark_starts[0]) + offset) / fs
            raise InputError(
                "RC-306",
                f"the sweep file plays twice: its first marks are at {first_s:.1f} s and "
                f"{(edges[0] + plan.mark_starts[0]) / fs:.1f} s",
                hint="cut the recording so that it holds one of them",
            )


def _sounds(x: FloatArray, threshold: float, fs: int) -> list[tuple[int, int]]:
    """First and last sample of every part that is not silent."""
    loud = np.flatnonzero(np.abs(x) > threshold)
    breaks = np.flatnonzero(np.diff(loud) > _GAP_S * fs)
    starts = loud[np.concatenate([[0], breaks + 1])]
    stops = loud[np.concatenate([breaks, [loud.size - 1]])]
    return list(zip(starts.tolist(), stops.tolist(), strict=True))


def _compared(rows: FloatArray, plan: TakePlan, peak: float) -> TakePlan | None:
    """Return the plan at the level of the file, if the file is what it renders to."""
    unit = dataclasses.replace(plan, sweep=dataclasses.replace(plan.sweep, level_dbfs=-20.0))
    rendered = render_take_file(unit, len(rows))
    gain = float(np.sum(rendered * rows) / np.sum(rendered**2))
    if gain <= 0.0 or np.abs(rows - gain * rendered).max() > _SAME * peak:
        return None
    level_dbfs = min(round(-20.0 + float(db_from_ratio(gain)), 2), -3.0)
    return dataclasses.replace(plan, sweep=dataclasses.replace(plan.sweep, level_dbfs=level_dbfs))
