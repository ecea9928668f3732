import numpy as np
import pytest

from roomcal.dsp.sweep_signal import mark_samples
from roomcal.measure.plan import plan_take, render_take
from roomcal.model.sweep import Sweep

FS = 48000


@pytest.mark.parametrize(("repeats", "marks"), [(1, 3), (2, 3), (3, 4), (8, 9)])
def test_a_take_has_a_mark_around_every_sweep_and_three_at_least(repeats, marks):
    plan = plan_take(Sweep(fs=FS, length_s=1.0), repeats=repeats)

    assert len(plan.sweep_starts) == repeats
    assert len(plan.mark_starts) == marks
    for k, start in enumerate(plan.sweep_starts):
        assert plan.mark_starts[k] < start < plan.mark_starts[k + 1]


def test_silence_surrounds_a_take_and_follows_every_sweep():
    plan = plan_take(Sweep(fs=FS, length_s=1.0), repeats=2, reverberation_s=0.7)
    marks, sweeps = render_take(plan, same_speaker=False)
    both = np.abs(marks) + np.abs(sweeps)

    assert plan.pre_roll_samples == FS
    assert both.shape == (plan.n_samples,)
    assert not both[:FS].any()
    assert not both[-FS:].any()
    for start in plan.sweep_starts:
        end = start + plan.sweep.n_samples
        assert not both[end : end + round(0.7 * FS)].any()
    assert not (marks * sweeps).any()


def test_marks_play_from_the_reference_speaker_and_sweeps_from_the_other():
    plan = plan_take(Sweep(fs=FS, length_s=1.0, level_dbfs=-30.0), repeats=1)
    mark = mark_samples(FS, level_dbfs=-30.0)

    reference, speaker = render_take(plan, same_speaker=False)
    silent, both = render_take(plan, same_speaker=True)

    for start in plan.mark_starts:
        np.testing.assert_array_equal(reference[start : start + mark.size], mark)
    assert not silent.any()
    np.testing.assert_array_equal(both, reference + speaker)


def test_a_take_without_sweeps_is_a_mistake():
    with pytest.raises(ValueError, match="at least one sweep"):
        plan_take(Sweep(fs=FS), repeats=0)
