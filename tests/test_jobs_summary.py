"""The numbers of a calibration: a sub does not spoil what is said of the main speakers."""

import dataclasses

import numpy as np
import pytest
import scipy.signal

from roomcal.analyze.analysis import analyze
from roomcal.analyze.overview import summarize_analysis
from roomcal.analyze.session_analysis import SessionAnalysis
from roomcal.jobs.page import summary_table, tell
from roomcal.jobs.story import Story
from roomcal.jobs.summary import summarize
from roomcal.model.curve import Curve
from roomcal.model.impulse_response import ImpulseResponse

FS = 48000
FLAT = Curve(np.array([20.0, 20000.0]), np.zeros(2))
# The level of a unit impulse is 0 dB at every frequency; smoothing sums at most 1e-9 of it astray.
TOLERANCE_DB = 1e-6


def impulse(speaker):
    h = np.zeros(24000)
    h[2400] = 1.0
    return ImpulseResponse(samples=h, fs=FS, speaker=speaker, position="p1")


def sub():
    """A low-pass at 80 Hz over some noise, 10 dB louder than the main speakers."""
    rng = np.random.default_rng(7)
    sos = scipy.signal.butter(4, 80.0, fs=FS, output="sos")
    h = 3.16 * scipy.signal.sosfilt(sos, impulse("x").samples)
    h += 1e-5 * rng.standard_normal(h.size)
    return ImpulseResponse(samples=h, fs=FS, speaker="Sub", position="p1")


def test_a_sub_counts_neither_in_the_level_nor_in_the_deviation():
    mains = [impulse("L"), impulse("R")]
    targets = dict.fromkeys(("L", "R", "Sub"), FLAT)

    stage = summarize("before", [*mains, sub()], targets)

    assert stage.level_db == pytest.approx(0.0, abs=TOLERANCE_DB)
    assert max(stage.deviation_db.values()) == pytest.approx(0.0, abs=TOLERANCE_DB)


def test_left_and_right_are_matched_wherever_the_sub_stands():
    stage = summarize("before", [sub(), impulse("L"), impulse("R")], {})

    assert stage.pair == ("L", "R")
    assert stage.match_level_db == pytest.approx(0.0, abs=TOLERANCE_DB)


def test_a_sub_alone_speaks_for_itself():
    stage = summarize("before", [sub()], {"Sub": FLAT})

    assert np.isfinite(stage.level_db)


def test_a_session_without_a_bank_is_called_measured():
    stage = summarize("before", [impulse("L")], {})

    table = summary_table((stage,))

    assert table.columns == ("", "Measured")
    assert not any("Deviation" in str(row[0]) for row in table.rows)
    responses = (impulse("L"),)
    analysis = SessionAnalysis("x", "p1", analyze(responses))
    page = tell(
        Story("x", (stage,), responses, {}, analysis, summarize_analysis(analysis)), title="x"
    )
    assert not any("before" in picture.caption for picture in page.figures)


def test_several_stages_keep_their_names():
    stage = summarize("before", [impulse("L")], {"L": FLAT})

    table = summary_table((stage, dataclasses.replace(stage, role="predicted")))

    assert table.columns == ("", "Before", "Predicted")


def test_what_was_analysed_already_is_summed_up_alike():
    responses = [impulse("L"), impulse("R"), sub()]
    targets = dict.fromkeys(("L", "R", "Sub"), FLAT)

    afresh = summarize("before", responses, targets)
    known = summarize("before", responses, targets, analyses=analyze(responses))

    assert known.level_db == afresh.level_db
    assert known.deviation_db == afresh.deviation_db
    np.testing.assert_equal(
        (known.bass_decay_s, known.mid_decay_s), (afresh.bass_decay_s, afresh.mid_decay_s)
    )
    for speaker, own in afresh.decays.items():
        for a, b in zip(own, known.decays[speaker], strict=True):
            np.testing.assert_equal(a.t20_s, b.t20_s)
