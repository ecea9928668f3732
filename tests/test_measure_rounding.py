"""Recordings of 16 bits at low levels: rounding looks neither clipped nor lost, faults still do."""

import dataclasses

import numpy as np
import pytest

from roomcal.measure.detectors import clip
from roomcal.measure.detectors.residual import dropouts
from roomcal.measure.evidence import Evidence
from roomcal.measure.steps_of_rounding import smallest_step


@pytest.fixture(scope="module")
def takes(clean_takes):
    """Four takes with nothing wrong in them."""
    return [clean_takes.random_take(seed) for seed in range(4)]


def rounded(take, peak_dbfs, bits, rng=None):
    """The take at a level in integers; with `rng`, with triangular dither."""
    x = take.capture.microphone
    steps = 2.0 ** (bits - 1)
    y = x * (steps * 10 ** (peak_dbfs / 20) / np.abs(x).max())
    if rng is not None:
        y += rng.triangular(-1.0, 0.0, 1.0, y.shape)
    return dataclasses.replace(take.capture, microphone=np.round(y) / steps)


def test_the_step_of_a_recording_survives_scaling(rng):
    x = np.round(rng.normal(0.0, 5.0, 1000)) * 2.0**-15

    assert smallest_step(x) == 2.0**-15
    assert smallest_step(0.7 * x) == pytest.approx(0.7 * 2.0**-15)
    assert smallest_step(0.0 * x) == 0.0
    assert smallest_step(rng.normal(0.0, 5.0, 1000) + 1.0) < 0.1


@pytest.mark.parametrize("peak_dbfs", [-0.01, -24.0, -36.0, -48.0, -60.0])
@pytest.mark.parametrize("dither", [True, False])
def test_a_sound_recording_of_16_bits_is_neither_clipped_nor_torn(takes, rng, peak_dbfs, dither):
    for take in takes:
        capture = rounded(take, peak_dbfs, 16, rng if dither else None)
        evidence = Evidence(capture, full_scale_known=False)

        assert clip.detect(evidence) == []
        assert dropouts(evidence) == []


@pytest.mark.parametrize(("peak_dbfs", "bits"), [(-6.0, 16), (-24.0, 16), (-36.0, 16), (-50.0, 24)])
def test_a_dropout_is_found_in_few_bits_as_well(takes, peak_dbfs, bits):
    capture = rounded(takes[3], peak_dbfs, bits)
    x = capture.microphone.copy()
    plan = capture.plan
    within = slice(plan.sweep_starts[0], plan.sweep_starts[0] + plan.sweep.n_samples)
    at = within.start + int(np.argmax(np.abs(x[within])))
    x[at : at + 64] = 0.0

    (verdict,) = dropouts(Evidence(dataclasses.replace(capture, microphone=x)))

    assert verdict.fault == "RC-515"
    assert verdict.time_s == pytest.approx(at / capture.fs, abs=2 / capture.fs)
    assert verdict.evidence["n_samples"] == pytest.approx(64, abs=3)
