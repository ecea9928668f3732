"""One wall, one mirror image: where it cancels is a quarter of a wave."""

import numpy as np
import pytest

from roomcal.analyze.boundary import find_boundary_dips
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import speed_of_sound_m_s

FS = 48000
C = speed_of_sound_m_s(20.0)
# The curve has 48 points an octave, a parabola finds the vertex between them; the reflection's own
# slope and smoothing of a sixth of an octave move it a little.
TOLERANCE = 0.03
SIZE_M = (4.0, 6.0, 2.6)
SPEAKER_M = (2.0, 0.8, 1.3)


def with_wall(distance_m, position, gain=0.7):
    h = np.zeros(FS // 2)
    h[100] = 1.0
    h[100 + round(2.0 * distance_m / C * FS)] += gain
    return ImpulseResponse(h, FS, "L", position)


@pytest.mark.parametrize("distance_m", [0.3, 0.6, 1.1])
def test_a_wall_behind_the_speaker_is_found_with_its_distance(distance_m):
    found = find_boundary_dips([with_wall(distance_m, f"p{i}") for i in range(3)])

    first = found.dips[0]
    assert first.f_hz == pytest.approx(C / (4.0 * distance_m), rel=TOLERANCE)
    assert first.quarter_wave_m == pytest.approx(distance_m, rel=TOLERANCE)
    assert first.share == 1.0


def test_the_layout_names_the_wall():
    positions = [(2.0, 3.0 + 0.1 * i, 1.3) for i in range(3)]

    found = find_boundary_dips(
        [with_wall(0.8, f"p{i}") for i in range(3)],
        speaker_m=SPEAKER_M,
        positions_m=positions,
        size_m=SIZE_M,
    )

    assert found.dips[0].surface == "front"


def test_a_dip_of_one_position_is_not_the_speakers():
    responses = [with_wall(0.6, "p1")] + [with_wall(0.6, f"p{i}", 0.0) for i in (2, 3, 4)]

    assert find_boundary_dips(responses).dips == ()


def test_a_valley_with_ripples_is_one_dip(rng):
    responses = [with_wall(0.6, f"p{i}") for i in range(3)]
    rippled = [
        ImpulseResponse(r.samples + 1e-3 * rng.standard_normal(r.samples.size), FS, "L", r.position)
        for r in responses
    ]

    below = [d for d in find_boundary_dips(rippled).dips if d.f_hz < 2.0 * C / (4.0 * 0.6)]

    assert len(below) == 1


def test_a_flat_speaker_has_none():
    assert find_boundary_dips([with_wall(0.6, f"p{i}", 0.0) for i in range(3)]).dips == ()


def test_one_position_says_that_it_is_one():
    assert "one position" in find_boundary_dips([with_wall(0.6, "p1")]).reason
