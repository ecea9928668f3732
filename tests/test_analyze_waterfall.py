"""A mode falls down the waterfall at its own rate, and its picture says what it shows."""

import time

import numpy as np
import pytest

from roomcal.analyze.waterfall import WINDOW_S, waterfall
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.report.rendering import svg_text
from roomcal.report.waterfall_figure import waterfall_figure

FS = 48000
# The window sees each slice alike, so only the other end of the spectrum and the low-pass leak.
DECAY_TOLERANCE = 0.01
LIMIT_S = 2.0  # issue 6: a response of 1M samples


def ringing(f_hz, t60_s, *, duration_s=1.4, fs=FS, start=1000):
    t = np.arange(round(duration_s * fs)) / fs
    h = np.exp(-3.0 * np.log(10.0) / t60_s * t) * np.sin(2.0 * np.pi * f_hz * t)
    h = np.concatenate([np.zeros(start), 0.01 * h])
    h[start] = 0.05
    return ImpulseResponse(h, fs, "L", "p1")


@pytest.mark.parametrize("fs", [44100, 48000, 96000])
@pytest.mark.parametrize(("f_hz", "t60_s"), [(31.0, 1.2), (63.0, 0.6), (140.0, 0.4)])
def test_a_mode_falls_60_db_in_its_decay_time(f_hz, t60_s, fs):
    fall = waterfall(ringing(f_hz, t60_s, fs=fs))
    at = int(np.argmin(np.abs(fall.f_hz - f_hz)))
    late = (fall.t_s > 0.06) & (fall.level_db[:, at] > -45.0)  # the direct sound has gone

    slope, _ = np.polyfit(fall.t_s[late], fall.level_db[late, at], 1)

    assert slope == pytest.approx(-60.0 / t60_s, rel=DECAY_TOLERANCE)


def test_the_ridge_stands_at_the_frequency_of_the_mode():
    fall = waterfall(ringing(50.0, 1.0))

    ridge = fall.f_hz[np.argmax(fall.level_db[20])]

    assert ridge == pytest.approx(50.0, rel=0.02)  # 48 points an octave: 1.5 %
    assert fall.level_db[0].max() == 0.0


def test_what_the_response_does_not_hold_is_nan():
    fall = waterfall(ringing(50.0, 1.0, duration_s=0.8))

    known = np.isfinite(fall.level_db).all(axis=1)
    # 15/16 of 0.82 s, less what lies before the direct sound, is seen to its end by the window.
    assert fall.t_s[known].max() == pytest.approx(0.75 - WINDOW_S, abs=0.011)
    assert np.isnan(fall.level_db[~known]).all()


def test_a_million_samples_are_quick():
    response = ringing(50.0, 1.0, duration_s=1_000_000 / FS)
    start = time.process_time()

    waterfall(response)

    assert time.process_time() - start < LIMIT_S


def texts(figure):
    every = [text.get_text() for axes in figure.axes for text in axes.texts]
    return [text for text in every if text.startswith("The response")]


def test_a_short_response_says_where_it_ends():
    figure = waterfall_figure([("L p1", waterfall(ringing(50.0, 1.0, duration_s=0.6)))])

    assert texts(figure) == [
        # 15/16 of 0.62 s is 0.58 s, 0.02 s before the direct sound, and a window of 0.4 s.
        "The response ends after 160 ms"
    ]
    assert texts(waterfall_figure([("L p1", waterfall(ringing(50.0, 1.0)))])) == []
    shorter = waterfall_figure([("L p1", waterfall(ringing(50.0, 1.0, duration_s=0.1)))])
    assert texts(shorter) == ["The response is too short"]


@pytest.mark.parametrize("duration_s", [0.1, 1.4])
@pytest.mark.parametrize("n", [1, 2, 12])
def test_each_speaker_has_its_panel(n, duration_s):
    fall = waterfall(ringing(50.0, 1.0, duration_s=duration_s))

    figure = waterfall_figure([(f"S{i}", fall) for i in range(n)])

    assert [a.get_title(loc="left") for a in figure.axes[:n]] == [f"S{i}" for i in range(n)]


def test_the_same_picture_is_the_same_file():
    fall = waterfall(ringing(50.0, 1.0))

    assert svg_text(waterfall_figure([("L", fall)])) == svg_text(waterfall_figure([("L", fall)]))


def test_a_picture_of_nothing_is_a_mistake():
    with pytest.raises(ValueError, match="at least one"):
        waterfall_figure([])
