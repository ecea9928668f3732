"""What one take plays, and when."""

import numpy as np

from roomcal.dsp.sweep_signal import MARK_DURATION_S, mark_samples, sweep_samples
from roomcal.model.sweep import Sweep
from roomcal.model.take import TakePlan
from roomcal.units import FloatArray

PRE_ROLL_S = 1.0  # the noise is measured there
DEFAULT_PAUSE_S = 1.5  # after a sweep: rooms at home decay by 60 dB within it
POST_ROLL_S = 1.0  # also absorbs the latency of the device
# The room decays between a mark and the sweep: the sweep takes longer than that to reach the
# mark's band, so a part of the reverberation time is enough.
_GAP_OF_REVERBERATION = 1.0 / 3.0
_MIN_GAP_S = 0.25


def plan_take(
    sweep: Sweep, *, repeats: int = 3, reverberation_s: float = DEFAULT_PAUSE_S
) -> TakePlan:
    """Lay out a take: silence, mark, gap, sweep, tail, mark, ... sweep, tail, mark, silence.

    Parameters
    ----------
    sweep : Sweep
    repeats : int
        Sweeps in the take.
    reverberation_s : float
        Silence after every sweep, and length of the response that is kept.

    Notes
    -----
    A lost sample looks like a clock difference when there are only two marks. So a take with one
    sweep gets a third mark, when the room has decayed after the last.
    """
    if repeats < 1:
        raise ValueError(f"a take has at least one sweep, got {repeats=}")
    if not 0.05 <= reverberation_s <= 30.0:
        raise ValueError(f"reverberation_s must be between 0.05 and 30, got {reverberation_s}")
    fs = sweep.fs
    mark = round(MARK_DURATION_S * fs)
    gap = round(max(_MIN_GAP_S, _GAP_OF_REVERBERATION * reverberation_s) * fs)
    tail = round(reverberation_s * fs)
    at = round(PRE_ROLL_S * fs)
    mark_starts, sweep_starts = [at], []
    for _ in range(repeats):
        sweep_starts.append(at + mark + gap)
        at = sweep_starts[-1] + sweep.n_samples + tail
        mark_starts.append(at)
    if repeats == 1:
        at += mark + max(gap, tail)
        mark_starts.append(at)
    return TakePlan(
        sweep=sweep,
        mark_starts=tuple(mark_starts),
        sweep_starts=tuple(sweep_starts),
        n_samples=at + mark + round(POST_ROLL_S * fs),
        pre_roll_samples=round(PRE_ROLL_S * fs),
        tail_samples=tail,
    )


def render_take(plan: TakePlan, *, same_speaker: bool) -> tuple[FloatArray, FloatArray]:
    """Render a take for the reference speaker and for the speaker under test.

    Parameters
    ----------
    plan : TakePlan
    same_speaker : bool
        The speaker under test is the reference speaker.

    Returns
    -------
    reference_row : (plan.n_samples,) float array
        The timing marks; silence when both are the same speaker.
    speaker_row : (plan.n_samples,) float array
        The sweeps; with the marks when both are the same speaker. A loopback cable carries the
        sum of both rows.
    """
    mark = mark_samples(plan.sweep.fs, level_dbfs=plan.sweep.level_dbfs)
    sweep = sweep_samples(plan.sweep)
    reference_row = np.zeros(plan.n_samples)
    speaker_row = np.zeros(plan.n_samples)
    marks_row = speaker_row if same_speaker else reference_row
    for start in plan.mark_starts:
        marks_row[start : start + mark.size] = mark
    for start in plan.sweep_starts:
        speaker_row[start : start + sweep.size] = sweep
    return reference_row, speaker_row
