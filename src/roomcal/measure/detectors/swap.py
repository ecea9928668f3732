"""Two speakers on each other's cable, told by where they stand (FAULTS.md, row 4)."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from roomcal.dsp.arrival import arrival_sample
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.studio import Studio
from roomcal.model.verdict import Verdict
from roomcal.units import speed_of_sound_m_s

# Coordinates are taken with a tape: arrivals are trusted to some centimetres.
TOLERANCE_S = 0.15e-3  # 5 cm
LEAST_DIFFERENCE_S = 0.25e-3  # less than that cannot be told either way
_CELSIUS = 20.0


def swap(responses: Sequence[ImpulseResponse], studio: Studio | None = None) -> list[Verdict]:
    """Find pairs of speakers whose arrivals fit the layout only when they are exchanged.

    Parameters
    ----------
    responses : sequence of ImpulseResponse
        Of one position, on a common time base.
    studio : Studio, optional
        Without coordinates of speakers and position nothing can be said.
    """
    if studio is None:
        return []
    speakers = {s.name: s.position_m for s in studio.speakers}
    places = {p.name: p.position_m for p in studio.positions}
    found = []
    for first, second in combinations(responses, 2):
        at = places.get(first.position)
        one, two = speakers.get(first.speaker), speakers.get(second.speaker)
        if at is None or one is None or two is None:
            continue
        if first.time_reference == "none" or first.time_reference != second.time_reference:
            continue
        c = speed_of_sound_m_s(_CELSIUS)
        expected_s = (
            float(np.linalg.norm(np.subtract(one, at)) - np.linalg.norm(np.subtract(two, at))) / c
        )
        measured_s = _arrival_s(first) - _arrival_s(second)
        if abs(expected_s) < LEAST_DIFFERENCE_S:
            continue
        if (
            abs(measured_s + expected_s) > TOLERANCE_S
            or abs(measured_s - expected_s) <= TOLERANCE_S
        ):
            continue
        found.append(
            Verdict(
                "swap",
                "rejection",
                "RC-527",
                f"{first.speaker} and {second.speaker} look swapped: at {first.position} "
                f"{first.speaker} arrives {1e3 * abs(measured_s):.2f} ms "
                f"{'later' if measured_s > 0 else 'earlier'} than {second.speaker}, and the studio "
                f"says {1e3 * abs(expected_s):.2f} ms {'later' if expected_s > 0 else 'earlier'}",
                hint="exchange the cables, or the output channels in studio.toml",
                channel=second.speaker,
                evidence={
                    "measured_ms": round(1e3 * measured_s, 3),
                    "expected_ms": round(1e3 * expected_s, 3),
                },
            )
        )
    return found


def _arrival_s(response: ImpulseResponse) -> float:
    """When the direct sound arrives, after it was sent."""
    return (arrival_sample(response.samples, response.fs) - response.time_zero) / response.fs
