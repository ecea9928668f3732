"""Polarity: speakers that disagree are brought together, and what is not clear is left alone."""

import numpy as np
import pytest
import scipy.signal as sg

from roomcal.design.align import align
from roomcal.design.design import design
from roomcal.design.polarity import CLEAR, polarity
from roomcal.design.targets import target_curve
from roomcal.model.design_spec import DesignSpec
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.studio import Speaker, Studio

FS = 48000
MIXED = DesignSpec(taps=8192)
MINIMUM = DesignSpec(taps=8192, phase="minimum")
SAME_FILTER = 1e-9  # rounding


def response(speaker, sign=1.0, *, seed=1, low_hz=40.0, **kwargs):
    """Direct sound of a speaker with a crossover, and a decaying tail."""
    rng = np.random.default_rng(seed)
    n = round(0.4 * FS)
    x = 0.02 * rng.standard_normal(n) * np.exp(-np.arange(n) / (0.04 * FS))
    x[0] = 1.0
    x = sg.sosfilt(sg.butter(2, low_hz, "high", fs=FS, output="sos"), x)
    low, high = (sg.butter(2, 2300.0, kind, fs=FS, output="sos") for kind in ("low", "high"))
    x = sg.sosfilt(np.vstack([low, low]), x) + sg.sosfilt(np.vstack([high, high]), x)
    return ImpulseResponse(sign * np.r_[np.zeros(960), x], FS, speaker, "p1", **kwargs)


def made(spec, *responses, **kwargs):
    return design(responses, target_curve("flat"), spec, name="x", fs=FS, **kwargs)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("low_hz", [30.0, 60.0, 90.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_polarity_of_a_speaker_is_read_from_its_direct_sound(sign, low_hz, seed):
    found = polarity(align([response("L", sign, seed=seed, low_hz=low_hz)], FS, main_position="p1"))

    assert sign * found > CLEAR


@pytest.mark.parametrize("spec", [MIXED, MINIMUM], ids=["mixed", "minimum"])
def test_a_speaker_that_is_inverted_against_the_other_is_turned_over(spec):
    result = made(spec, response("L"), response("R", -1.0))
    alike = made(spec, response("L"), response("R"))

    for n, sign in (("L", 1.0), ("R", -1.0)):
        np.testing.assert_allclose(
            sign * result.filters.path(n, n), alike.filters.path(n, n), atol=SAME_FILTER
        )
    assert [p.inverted for p in result.filters.paths] == [False, True]
    assert [e.inverted for e in result.explanations] == [False, True]
    assert any("inverted against" in note for note in result.explanations[1].notes)


def test_speakers_that_are_all_inverted_are_turned_over_with_their_phase_alone():
    mixed = made(MIXED, response("L", -1.0), response("R", -1.0))
    minimum = made(MINIMUM, response("L", -1.0), response("R", -1.0))

    assert all(p.inverted for p in mixed.filters.paths)
    assert not any(p.inverted for p in minimum.filters.paths)
    h = sg.fftconvolve(response("L", -1.0).samples, mixed.filters.path("L", "L"))
    assert h[np.argmax(np.abs(h))] > 0.0


def test_where_one_speaker_does_not_say_none_is_turned_over():
    quarter = sg.hilbert(response("R").samples).imag  # a quarter of a turn: neither
    unclear = ImpulseResponse(quarter, FS, "R", "p1")

    assert abs(polarity(align([unclear], FS, main_position="p1"))) < CLEAR
    result = made(MIXED, response("L", -1.0), unclear)
    assert not any(p.inverted for p in result.filters.paths)


def test_a_sub_joins_a_main_that_had_to_be_turned_over():
    clock = {"time_reference": "loopback"}
    mains = [response("L", low_hz=60.0, **clock), response("R", -1.0, low_hz=60.0, **clock)]
    x = np.zeros(mains[0].samples.size)
    x[960] = 1.0
    low = sg.butter(4, 120.0, fs=FS, output="sos")
    x = sg.sosfilt(np.vstack([low, sg.butter(2, 25.0, "high", fs=FS, output="sos")]), x)
    sub = ImpulseResponse(x, FS, "S", "p1", **clock)
    studio = Studio("s", (Speaker("L", 1), Speaker("R", 2), Speaker("S", 3, role="LFE")))
    bank = made(MIXED, *mains, sub, studio=studio).filters

    heard = [
        sg.fftconvolve(main.samples, bank.path(n, n)) + sg.fftconvolve(x, bank.path("S", n))
        for n, main in zip("LR", mains, strict=True)
    ]
    np.testing.assert_allclose(heard[0], heard[1], atol=SAME_FILTER)
    turned = {(p.output, p.input) for p in bank.paths if p.inverted}
    assert ("R", "R") in turned
    assert ("L", "L") not in turned
