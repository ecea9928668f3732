"""Clauses about the room's size and about where speakers and listener are."""

import numpy as np

from roomcal.analyze.clause_facts import Answer, Facts, Limits
from roomcal.analyze.clauses_sound import NO_SIZE
from roomcal.units import FloatArray

NO_PLACES = "studio.toml does not say where speakers and positions are"


def volume(facts: Facts, limits: Limits) -> Answer:
    """Hold the volume against a limit."""
    if facts.size_m is None:
        return None, NO_SIZE
    volume = float(np.prod(facts.size_m))
    return volume <= limits["at_most_m3"], f"{volume:.0f} m3"


def floor_area(facts: Facts, limits: Limits) -> Answer:
    """Hold the floor area against its limits."""
    if facts.size_m is None:
        return None, NO_SIZE
    area = facts.size_m[0] * facts.size_m[1]
    return limits["at_least_m2"] <= area <= limits["at_most_m2"], f"{area:.0f} m2"


def room_ratios(facts: Facts, limits: Limits) -> Answer:
    """Hold the proportions of the room against their limits."""
    if facts.size_m is None:
        return None, NO_SIZE
    width, length, height = facts.size_m
    length, width = max(length, width), min(length, width)
    w, n = width / height, length / height
    kept = limits["least_factor"] * w <= n <= limits["slope"] * w - limits["offset"]
    kept = kept and n < limits["below"] and w < limits["below"]
    return kept, f"l/h {n:.2f}, w/h {w:.2f}"


def room_size(facts: Facts, limits: Limits) -> Answer:
    """Hold the lengths of the room against the least that is asked."""
    if facts.size_m is None:
        return None, NO_SIZE
    width, length = sorted(facts.size_m[:2])
    kept = length >= limits["length_m"] and width >= limits["width_m"]
    kept = kept and facts.size_m[2] >= limits["height_m"]
    volume = float(np.prod(facts.size_m))
    small = f" (below {limits['volume_m3']:.0f} m3)" if volume < limits["volume_m3"] else ""
    return kept, f"{length:.1f} x {width:.1f} x {facts.size_m[2]:.1f} m, {volume:.0f} m3{small}"


def _places(facts: Facts) -> tuple[dict[str, FloatArray], FloatArray] | None:
    """Return where the pair and the listener are, if studio.toml says so."""
    if facts.studio is None:
        return None
    speakers = {
        s.name: np.array(s.position_m)
        for s in facts.studio.speakers
        if s.position_m is not None and s.name in facts.responses
    }
    listeners = [p.position_m for p in facts.studio.positions if p.name == facts.position]
    if not speakers or not listeners or listeners[0] is None:
        return None
    return speakers, np.array(listeners[0])


def base_angle(facts: Facts, limits: Limits) -> Answer:
    """Hold the angle between the pair, seen from the listener, against its nominal."""
    places = _places(facts)
    if places is None or len(places[0]) < 2:
        return None, NO_PLACES
    first, second = ((p - places[1])[:2] for p in list(places[0].values())[:2])
    cosine = first @ second / (np.linalg.norm(first) * np.linalg.norm(second))
    angle = float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
    return abs(angle - limits["nominal_deg"]) <= limits["tolerance_deg"], f"{angle:.0f} degrees"


def wall_distance(facts: Facts, limits: Limits) -> Answer:
    """Hold the distance of speakers from the walls against the least that is asked."""
    places = _places(facts)
    if places is None:
        return None, NO_PLACES
    if facts.size_m is None:
        return None, NO_SIZE
    gaps = {
        name: float(min([*p[:2], *(np.array(facts.size_m)[:2] - p[:2])]))
        for name, p in places[0].items()
    }
    nearest = min(gaps, key=lambda name: gaps[name])
    return gaps[nearest] >= limits["at_least_m"], f"{nearest} {gaps[nearest]:.2f} m"


def distance(facts: Facts, limits: Limits) -> Answer:
    """Hold the listening distance against the most that is allowed."""
    places = _places(facts)
    if places is None:
        return None, NO_PLACES
    farthest = max(float(np.linalg.norm(p - places[1])) for p in places[0].values())
    return farthest <= limits["at_most_m"], f"{farthest:.2f} m"
