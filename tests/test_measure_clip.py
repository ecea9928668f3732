"""The clip detector: cut tops against tops that are flat by themselves."""

import types

import numpy as np
import pytest
import scipy.signal

from roomcal.measure.clock import fit_clock
from roomcal.measure.detectors.clip import detect
from roomcal.measure.plan import plan_take
from roomcal.model.capture import Capture
from roomcal.model.sweep import Sweep

FS = 48000


def judged(x, *, full_scale_known=True):
    """What the detector says of a recording; its plan only names the frequency."""
    plan = plan_take(Sweep(fs=FS, length_s=1.0), repeats=1)
    capture = Capture(x, None, FS, plan, "L", "L", "p1")
    starts = np.array(plan.mark_starts, dtype=float)
    clock = types.SimpleNamespace(all_marks=fit_clock(starts, starts))
    evidence = types.SimpleNamespace(
        capture=capture, fs=FS, time=clock, full_scale_known=full_scale_known
    )
    return detect(evidence)


def tone(f_hz, *, third=0.0, level=0.3, phase=0.3):
    """A sine with a third harmonic that flattens its tops: at 1/9 their curvature vanishes."""
    w = 2 * np.pi * f_hz * np.arange(FS) / FS + phase
    return level * (np.sin(w) + third * np.sin(3 * w))


@pytest.mark.parametrize("f_hz", [20.0, 31.7, 87.3, 440.0, 3000.0])
@pytest.mark.parametrize("third", [0.0, 0.05, 1 / 9])
def test_slow_and_flattened_tops_are_not_cut(f_hz, third):
    assert judged(tone(f_hz, third=third)) == []


@pytest.mark.parametrize("f_hz", [20.0, 87.3, 440.0])
@pytest.mark.parametrize("below_peak_db", [0.2, 1.0, 6.0])
def test_a_cut_top_is_found(f_hz, below_peak_db):
    x = tone(f_hz)
    top = np.abs(x).max() * 10 ** (-below_peak_db / 20)

    (verdict,) = judged(np.clip(x, -top, top))

    # A sine is above the cut for 2 acos(cut) of its period.
    run = 2 * np.arccos(10 ** (-below_peak_db / 20)) / (2 * np.pi * f_hz) * FS
    assert verdict.evidence["run_samples"] == pytest.approx(run, rel=0.05, abs=2)
    assert verdict.severity == "rejection"


def test_full_scale_is_clipping_whatever_the_top_looks_like():
    (verdict,) = judged(tone(440.0, level=1.0))

    assert verdict.evidence["top_dbfs"] == pytest.approx(0.0, abs=0.001)


@pytest.mark.parametrize("resonance_hz", [31.7, 440.0, 3000.0])
@pytest.mark.parametrize("top", [1.0, 1.7])
@pytest.mark.parametrize("bits", [16, None])
def test_what_a_daw_has_normalised_is_not_clipped(resonance_hz, top, bits):
    """Its one highest sample lies at full scale, or above: that says nothing of the converter."""
    sweep = scipy.signal.chirp(np.arange(FS) / FS, 15.0, 1.0, 16000.0, method="logarithmic")
    b, a = scipy.signal.iirpeak(resonance_hz, 4.0, fs=FS)
    x = np.tile(0.3 * sweep + scipy.signal.lfilter(b, a, sweep), 3)
    x *= top / np.abs(x).max()
    if bits:
        x = np.round(x * 2**15) / 2**15

    assert judged(x, full_scale_known=False) == []
    assert len(judged(x)) == 1  # of a converter it does


@pytest.mark.parametrize("f_hz", [87.3, 440.0, 3000.0, 9001.0])
@pytest.mark.parametrize("scaled", [0.2, 1.0, 2.0])
def test_a_cut_top_is_found_whatever_a_daw_made_of_the_level(f_hz, scaled):
    x = tone(f_hz, level=1.0)
    cut = scaled * np.clip(x, -0.7, 0.7)

    (verdict,) = judged(cut, full_scale_known=False)
    assert verdict.fault == "RC-510"


@pytest.mark.parametrize("bits", [16, 24])
def test_clipped_treble_is_found_after_it_was_scaled_and_dithered(rng, bits):
    """A cut top of the treble has 2 samples, and dither moves each by a step and a half."""
    x = scipy.signal.chirp(np.arange(FS) / FS, 15.0, 1.0, 20000.0, method="logarithmic")
    b, a = scipy.signal.iirpeak(9001.0, 2.0, fs=FS)
    x = np.tile(0.3 * x + scipy.signal.lfilter(b, a, x), 3)
    x /= np.abs(x).max()
    cut = 0.7 * np.clip(x, -(10 ** (-3 / 20)), 10 ** (-3 / 20))

    assert judged(dithered(0.7 * x, bits, rng), full_scale_known=False) == []
    (verdict,) = judged(dithered(cut, bits, rng), full_scale_known=False)
    assert verdict.fault == "RC-510"


@pytest.mark.parametrize("level", [1e-3, 0.3])
@pytest.mark.parametrize("bits", [16, 24])
def test_a_flat_sweep_is_not_clipped_though_all_its_tops_are_alike(rng, bits, level):
    """What a cable brings back: thousands of tops at one height, and as many slopes below it."""
    x = scipy.signal.chirp(np.arange(FS) / FS, 15.0, 1.0, 20000.0, method="logarithmic")

    assert judged(dithered(level * x, bits, rng), full_scale_known=False) == []


def dithered(x, bits, rng):
    """Round to integers with triangular dither, as a DAW exports."""
    step = 2.0 ** (1 - bits)
    return step * np.round(x / step + rng.triangular(-1.0, 0.0, 1.0, x.shape))
