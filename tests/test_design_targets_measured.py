"""Targets from the measurement: nobody loses bass, and a sub joins at the level of its mains.

The speakers are high-passes, low-passes and bells, whose level is known.
"""

from dataclasses import replace

import numpy as np
import pytest
import scipy.signal as sg

from roomcal.design.design import design
from roomcal.design.targets import target_curve
from roomcal.model.design_spec import DesignSpec
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.studio import Speaker, Studio

FS = 48000
STUDIO = Studio("s", (Speaker("L", 1), Speaker("R", 2), Speaker("Sub", 3, role="LFE")))
MEASURED = ("match", "as-measured")
# What may move where nothing is asked for: the window of an octave at the knee of a fourth-order
# Butterworth high-pass. Its level has a curvature there of at most 24 dB per octave, spread over
# 0.6 octaves or more; a Hann window of two octaves in all has a standard deviation of 0.36
# octaves, so the mean is off by at most 0.5 * 0.36^2 * 24 / 0.6 = 2.6 dB.
KNEE_DB = 2.6
NOTHING_DB = 0.7  # smoothing at 1/24 octave, and the fade of the taps
ALIKE_DB = 0.01  # rounding, and what the taps cut off
LEVEL_DB = 1.5  # of a band of a sub with rounded ends against a flat main


def speaker(name, *, highpass=None, lowpass=None, bell_db=0.0):
    x = np.zeros(FS)
    x[480] = 1.0
    if highpass:
        x = sg.sosfilt(sg.butter(4, highpass, "high", fs=FS, output="sos"), x)
    if lowpass:
        x = sg.sosfilt(sg.butter(4, lowpass, "low", fs=FS, output="sos"), x)
    if bell_db:  # Audio EQ Cookbook, 500 Hz, Q 1
        a, w = 10 ** (bell_db / 40), 2 * np.pi * 500.0 / FS
        alpha = np.sin(w) / 2
        b = [1 + alpha * a, -2 * np.cos(w), 1 - alpha * a]
        x = sg.lfilter(b, [1 + alpha / a, -2 * np.cos(w), 1 - alpha / a], x)
    return ImpulseResponse(x, FS, name, "p1", time_reference="loopback")


def made(responses, **kwargs):
    spec = DesignSpec(taps=32768, phase="minimum", **kwargs)
    return design(responses, target_curve("flat"), spec, name="x", fs=FS, studio=STUDIO)


def correction_db(result, speaker_name, f_hz):
    found = next(e for e in result.explanations if e.speaker == speaker_name)
    return found.curves["correction"].level_at(f_hz)


@pytest.mark.parametrize("target", MEASURED)
def test_a_speaker_keeps_the_bass_that_the_other_one_lacks(target):
    result = made([speaker("L", highpass=30.0), speaker("R", highpass=110.0)], target=target)

    f = np.array([40.0, 50.0, 63.0, 80.0, 100.0, 200.0])
    assert correction_db(result, "L", f).min() > -KNEE_DB
    assert np.abs(correction_db(result, "L", f[2:])).max() < NOTHING_DB


def test_match_says_where_it_matches_nothing():
    result = made([speaker("L", highpass=30.0), speaker("R", highpass=110.0)], target="match")

    assert any("R rolls off" in note for note in result.explanations[0].notes)


def test_match_leaves_speakers_alone_that_are_alike():
    """Also where a room gives them a fine structure."""
    rng = np.random.default_rng(5)
    tail = 0.1 * rng.standard_normal(FS // 2) * 10.0 ** (-6.0 * np.arange(FS // 2) / FS)
    responses = []
    for name in "LR":
        r = speaker(name, highpass=30.0)
        responses.append(replace(r, samples=r.samples + sg.fftconvolve(r.samples, tail)[:FS]))
    result = made(responses, target="match")

    f = result.explanations[0].curves["correction"].f_hz
    for name in "LR":
        assert np.abs(correction_db(result, name, f[f > 30.0])).max() < ALIKE_DB


def test_match_meets_in_the_middle():
    """R has 6 dB more at 500 Hz than L, re the treble; both come to 3 dB."""
    responses = [speaker("L", highpass=30.0), speaker("R", highpass=30.0, bell_db=6.0)]
    result = made(responses, target="match")

    for name, wanted_db in (("L", 3.0), ("R", -3.0)):
        bell, treble = correction_db(result, name, [500.0, 6000.0])
        assert bell - treble == pytest.approx(wanted_db, abs=NOTHING_DB)


@pytest.mark.parametrize("target", MEASURED)
def test_a_sub_joins_at_the_level_of_its_mains(target):
    """Sub and mains have unity gain in their bands: nothing has to be turned, and 40 Hz plays."""
    responses = [
        *(speaker(n, highpass=60.0) for n in "LR"),
        speaker("Sub", highpass=22.0, lowpass=150.0),
    ]
    result = made(responses, target=target)

    gain_db = {p.output: p.gain_db for p in result.filters.paths if p.input == "L"}
    assert gain_db["Sub"] - gain_db["L"] == pytest.approx(0.0, abs=LEVEL_DB)
    f = np.array([40.0, 500.0, 1000.0, 2000.0])
    total = sum(
        sg.freqz(sg.fftconvolve(r.samples, result.filters.path(r.speaker, "L")), worN=f, fs=FS)[1]
        for r in responses
        if r.speaker != "R"
    )
    level_db = 20 * np.log10(np.abs(total))
    assert level_db[0] - np.mean(level_db[1:]) == pytest.approx(0.0, abs=KNEE_DB)


@pytest.mark.parametrize("target", MEASURED)
def test_a_sub_with_an_input_of_its_own_keeps_its_level(target):
    responses = [
        *(speaker(n, highpass=60.0) for n in "LR"),
        speaker("Sub", highpass=22.0, lowpass=150.0),
    ]
    result = made(responses, target=target, crossover=False)

    gain_db = {e.speaker: e.gain_db for e in result.explanations}
    assert gain_db["Sub"] - gain_db["L"] == pytest.approx(0.0, abs=LEVEL_DB)


@pytest.mark.parametrize("phase", ["mixed", "linear"])
def test_a_correction_of_nothing_takes_no_time(phase):
    spec = DesignSpec(taps=8192, phase=phase, strength=0.0)
    result = design(
        [speaker("L", highpass=30.0)], target_curve("flat"), spec, name="x", fs=FS, studio=STUDIO
    )

    assert result.filters.latency_samples == 0
