"""Harmonics of a virtual speaker whose nonlinearity is known."""

import dataclasses
from functools import cache

import numpy as np
import pytest

from roomcal.analyze.distortion import ABOVE_FLOOR_DB, analyze_distortion
from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.speaker import Distortion
from roomcal.devices.virtual.studio import VirtualStudio
from roomcal.dsp.smoothing import smoothed_level_db
from roomcal.measure.evidence import Evidence
from roomcal.measure.plan import plan_take, render_take
from roomcal.model.capture import Capture
from roomcal.model.sweep import Sweep

FS = 48000
LEVEL_DBFS = -12.0
TOLERANCE_DB = 0.2  # MEASURING.md, goal 6: at -40 dB with a signal-to-noise ratio of 60 dB
# The third power also adds three times the third harmonic to the fundamental: 0.26 dB at -40 dB.
ADDED_DB = 20.0 * np.log10(1.0 + 3.0 * 10.0 ** (-40.0 / 20.0))
SNR_DB = 60.0
F_HZ = (100.0, 5000.0)


@cache
def evidence_of(second_db, third_db, noise_dbfs=None):
    room = ROOMS["control-room"]
    speaker = dataclasses.replace(
        room.speakers[0],
        distortion=Distortion(second_db, third_db, at_dbfs=LEVEL_DBFS) if second_db else None,
    )
    converters = dataclasses.replace(room.converters, noise_dbfs=noise_dbfs, hum_dbfs=None)
    room = dataclasses.replace(room, speakers=(speaker, room.speakers[1]), converters=converters)
    studio = VirtualStudio(room)
    plan = plan_take(Sweep(fs=FS, level_dbfs=LEVEL_DBFS), repeats=2)
    _, row = render_take(plan, same_speaker=True)
    recording = studio.play_record(row[None], fs=FS, output_channels=[1], input_channels=[1])
    x = np.asarray(recording.samples[0], dtype=np.float64)
    capture = Capture(x, None, FS, plan, "L", "L", "p1")
    return Evidence(capture), studio.true_response("L", "p1", FS)


def noise_for(snr_db):
    """Level of noise at which the sweep is this far above it."""
    quiet, _ = evidence_of(0, 0)
    return 10.0 * np.log10(quiet.sweep_power) - snr_db


def expected_db(truth, f_hz, order, level_db):
    """Harmonic re fundamental at the microphone: the room at both frequencies is part of it."""
    at, own = (smoothed_level_db(truth.samples, FS, f, 6) for f in (order * f_hz, f_hz))
    return level_db + at - own


def test_harmonics_are_found_and_shown_with_their_floor():
    evidence, truth = evidence_of(-40.0, -40.0, noise_for(SNR_DB))

    found = analyze_distortion(evidence)

    inside = (found.f_hz >= F_HZ[0]) & (found.f_hz <= F_HZ[1])
    for order in (2, 3):
        expected = expected_db(truth, found.f_hz, order, -40.0) - ADDED_DB
        error = (found.harmonics_db[order] - expected)[inside]
        assert np.isfinite(error).all()
        assert np.max(np.abs(error)) < TOLERANCE_DB
    assert np.all(found.floor_db[inside] < found.thd_db[inside] - ABOVE_FLOOR_DB)
    total = 10 * np.log10(sum(10 ** (found.harmonics_db[k][inside] / 10) for k in (2, 3)))
    assert found.thd_db[inside] == pytest.approx(total, abs=0.05)


def test_what_is_below_the_floor_is_no_number():
    evidence, _ = evidence_of(-75.0, -80.0, noise_for(35.0))

    found = analyze_distortion(evidence)

    inside = (found.f_hz >= F_HZ[0]) & (found.f_hz <= F_HZ[1])
    assert np.mean(np.isnan(found.thd_db[inside])) > 0.8
    assert "no harmonic stands 6 dB out of the noise" in found.reason
    assert np.isfinite(found.floor_db[inside]).all()


def test_a_clean_speaker_has_noise_alone():
    """THD+N of a sine: the noise over the sine's own power, as it is recorded."""
    noise_dbfs = noise_for(45.0)
    evidence, truth = evidence_of(0, 0, noise_dbfs)

    found = analyze_distortion(evidence)

    at = int(np.argmin(np.abs(found.f_hz - 1000.0)))
    gain_db = smoothed_level_db(truth.samples, FS, found.f_hz, 6)[at]
    sine_dbfs = LEVEL_DBFS + gain_db - 10.0 * np.log10(2.0)
    # Pink noise of one second: its level is known to about 1 dB, and 20 Hz cuts some of it off.
    assert found.thd_n_db[at] == pytest.approx(noise_dbfs - sine_dbfs, abs=1.5)


def test_a_harmonic_beyond_half_the_sample_rate_is_missing():
    evidence, _ = evidence_of(-40.0, -40.0, noise_for(SNR_DB))

    found = analyze_distortion(evidence)

    high = found.f_hz > 0.5 * FS / 5
    assert high.any()
    assert np.isnan(found.harmonics_db[5][high]).all()
