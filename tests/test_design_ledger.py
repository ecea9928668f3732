"""The ledger names what was put into a response, with its evidence."""

import numpy as np
import pytest
import scipy.signal as sg

from roomcal.design.design import design
from roomcal.design.targets import target_curve
from roomcal.model.design_spec import DesignSpec
from roomcal.model.impulse_response import ImpulseResponse

FS = 48000
LEVEL_DB = 1.5  # smoothing over 1/12 octave rounds the top of a resonance
NEAR = 2 ** (1 / 12)


def mode(f0, decay_s, gain, *, seconds=1.3):
    """A decaying sine: the resonance of a room with exactly this decay time."""
    t = np.arange(round(seconds * FS)) / FS
    return gain * np.sin(2 * np.pi * f0 * t) * 10 ** (-3 * t / decay_s)


def responses(part, *, n=5, at=960):
    made = []
    for k in range(n):
        x = np.zeros(round(1.4 * FS))
        x[at] = 1.0
        x = part(x, k, at)
        made.append(ImpulseResponse(x, FS, "L", f"p{k + 1}"))
    return made


def entry_near(result, f0):
    ledger = result.explanations[0].ledger
    return next(e for e in ledger if f0 / NEAR < e.f_hz < f0 * NEAR)


@pytest.fixture(scope="module")
def ringing():
    def add(x, k, at):
        y = mode(70.0, 0.9, 0.004 * (1 + 0.1 * k))
        x[at : at + y.size] += y[: x.size - at]
        return x

    return design(responses(add), target_curve("flat"), DesignSpec(), name="x", fs=FS)


def test_a_shared_resonance_that_rings_is_a_mode_with_its_decay(ringing):
    entry = entry_near(ringing, 70.0)

    assert entry.kind == "mode"
    assert entry.action == "correct"
    assert entry.correction_db < -3.0
    assert entry.decay_s == pytest.approx(0.9, rel=0.25)  # a third octave rings along


def test_what_is_in_the_direct_sound_everywhere_is_the_speaker():
    def peak(x, _k, _at):
        b, a = sg.iirpeak(2500.0, 2.0, fs=FS)
        return x + 1.0 * sg.lfilter(b, a, x)  # +6 dB

    result = design(responses(peak), target_curve("flat"), DesignSpec(), name="x", fs=FS)
    entry = entry_near(result, 2500.0)

    assert entry.kind == "speaker"
    assert entry.action == "correct"
    assert entry.level_db > 6.0 - 2 * LEVEL_DB


def test_a_cancelled_bass_is_boundary_interference_at_a_quarter_wave():
    f0 = 90.0  # 0.95 m
    delay = round(FS / f0 / 2)

    def reflect(x, _k, at):
        x[at + delay] += 0.9
        treble = sg.sosfilt(sg.butter(4, 400.0, "high", fs=FS, output="sos"), x)
        return sg.sosfilt(sg.butter(2, 400.0, fs=FS, output="sos"), x) + 0.05 * treble

    result = design(responses(reflect), target_curve("flat"), DesignSpec(), name="x", fs=FS)
    entry = entry_near(result, f0)

    assert entry.level_db < -4.0
    assert entry.kind == "boundary"
    assert entry.distance_m == pytest.approx(343.2 / (4 * f0), rel=0.06)
    assert entry.action in ("move", "treat", "correct")
    assert "quarter wave" in entry.reason


def test_a_flat_response_has_an_empty_ledger():
    result = design(
        responses(lambda x, _k, _at: x), target_curve("flat"), DesignSpec(), name="x", fs=FS
    )

    assert result.explanations[0].ledger == ()


def test_what_is_not_corrected_is_predicted_as_it_was():
    """Before and predicted are one quantity, also where the direct sound has its part."""

    def reflect(x, k, at):
        for late in (90 + 7 * k, 310 - 11 * k):
            x[at + late] += 0.6
        return x

    spec = DesignSpec(strength=0.0)
    result = design(responses(reflect), target_curve("flat"), spec, name="x", fs=FS)
    curves = result.explanations[0].curves
    before, predicted = curves["before"], curves["predicted"]
    np.testing.assert_allclose(before.level_db, predicted.level_db, atol=0.01)
    assert np.ptp(before.level_db) > 1.0
    for entry in result.explanations[0].ledger:
        assert entry.left_db == pytest.approx(entry.level_db, abs=0.02)
