"""The arrival of a response is found once, and forgotten with the response."""

import gc

import numpy as np
import pytest

from roomcal.analyze import arrival
from roomcal.analyze.arrival import arrival_index
from roomcal.dsp.arrival import arrival_sample
from roomcal.model.impulse_response import ImpulseResponse

FS = 48000


def impulse(at):
    h = np.zeros(9600)
    h[at] = 1.0
    return ImpulseResponse(h, FS, "L", "p1")


def test_each_response_has_its_own_arrival_however_often_it_is_asked():
    early, late = impulse(480), impulse(960)

    asked = [arrival_index(r) for r in (early, late, early, late)]

    assert asked[:2] == asked[2:]
    assert asked[1] - asked[0] == pytest.approx(480.0, abs=1e-6)
    assert asked[0] == arrival_sample(early.samples, FS)


def test_a_response_that_is_gone_leaves_nothing_behind():
    gc.collect()
    before = len(arrival._FOUND)
    response = impulse(480)
    arrival_index(response)
    assert len(arrival._FOUND) == before + 1

    del response
    gc.collect()

    assert len(arrival._FOUND) == before
