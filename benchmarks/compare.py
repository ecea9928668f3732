"""`roomcal compare`: false alarms among pairs with nothing changed, and changes that are found.

    python benchmarks/compare.py [--pairs 200] [--part PART] [--json] [--quick]

Pairs of sessions of the virtual rooms: two speakers, three positions, each with noise of its own,
the microphone put back within 5 mm each time, and air within 1 K.
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable

import numpy as np

from roomcal.devices.virtual.enclosure import OCTAVES_HZ, WALLS, eyring_time_s
from roomcal.devices.virtual.room import VirtualRoom
from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.sound_field import SoundField
from roomcal.model.impulse_response import BandSnr, ImpulseResponse
from roomcal.units import band_centres_hz
from roomcal.verify.compare import NO_CHANGE, Comparison, compare_sessions

FS = 48000
PLACEMENT_M = 0.005
AIR_K = 1.0
SNR_DB = (40.0, 60.0)  # of the whole response, from one session to the next
NAMES = ("bedroom", "control-room", "living-room")
HALVED_HZ = (250.0, 500.0, 1000.0, 2000.0)  # a band of these decays in half the time
GOAL = 0.95
MOVED_M, GAIN_DB = 0.03, 1.0


def session(
    room: VirtualRoom,
    rng: np.random.Generator,
    *,
    n_positions: int = 3,
    moved_m: float = 0.0,
    gain_db: float = 0.0,
    air_k: float = AIR_K,
    placement_m: float = PLACEMENT_M,
) -> list[ImpulseResponse]:
    """Measure a room once, as a careful person would."""
    field = SoundField(
        room.enclosure,
        room.microphone,
        reference_m=room.positions[0].position_m,
        temperature_c=room.temperature_c + rng.uniform(0.0, air_k),
        seed=room.seed,
    )
    snr_db = rng.uniform(*SNR_DB)
    responses = []
    for position in room.positions[:n_positions]:
        step = rng.standard_normal(3)
        step *= placement_m * rng.uniform() ** (1.0 / 3.0) / np.linalg.norm(step)
        away = rng.standard_normal(3)
        step += moved_m * away / np.linalg.norm(away)
        point = tuple(np.array(position.position_m) + step)
        for speaker in room.speakers:
            h = field.response(speaker, point, FS)
            responses.append(measured(h, snr_db, speaker.name, position.name, gain_db, rng))
    return responses


def measured(
    h: np.ndarray,
    snr_db: float,
    speaker: str,
    position: str,
    gain_db: float,
    rng: np.random.Generator,
) -> ImpulseResponse:
    """Add noise, which deconvolution makes white, and say how much as a measurement does."""
    sigma = np.sqrt(np.mean(h**2)) * 10.0 ** (-snr_db / 20.0)
    f_hz = band_centres_hz(20.0, 20000.0, bands_per_octave=3)
    power = np.abs(np.fft.rfft(h)) ** 2
    f = np.fft.rfftfreq(h.size, 1.0 / FS)
    edge = 10.0**0.05
    bands = [power[(f >= c / edge) & (f < c * edge)].mean() for c in f_hz]
    snr = BandSnr(f_hz, 10.0 * np.log10(np.array(bands) / (sigma**2 * h.size)))
    x = 10.0 ** (gain_db / 20.0) * (h + sigma * rng.standard_normal(h.size))
    return ImpulseResponse(x, FS, speaker, position, time_reference="loopback", snr=snr)


def with_half_the_decay(room: VirtualRoom, f_hz: float) -> VirtualRoom:
    """Add absorbers that halve the reverberation time of one octave (Eyring), and of it alone."""
    band = OCTAVES_HZ.index(f_hz)
    goal_s = 0.5 * float(eyring_time_s(room.enclosure, np.array([f_hz]))[0])
    low, high = 0.0, 1.0
    for _ in range(40):
        share = 0.5 * (low + high)
        changed = _absorbing(room, band, share)
        if float(eyring_time_s(changed.enclosure, np.array([f_hz]))[0]) > goal_s:
            low = share
        else:
            high = share
    return changed


def _absorbing(room: VirtualRoom, band: int, share: float) -> VirtualRoom:
    """Room whose walls absorb this share of what they reflected in one octave."""
    walls = {}
    for wall in WALLS:
        alpha = list(room.enclosure.walls[wall])
        alpha[band] += share * (1.0 - alpha[band])
        walls[wall] = tuple(alpha)
    return dataclasses.replace(room, enclosure=dataclasses.replace(room.enclosure, walls=walls))


def unchanged_pair(seed: int, *, n_positions: int = 3) -> Comparison:
    """Compare two sessions of one room in which nothing changed."""
    rng = np.random.default_rng((65, seed))
    room = ROOMS[NAMES[seed % len(NAMES)]]
    a, b = (session(room, rng, n_positions=n_positions) for _ in range(2))
    return compare_sessions(a, b)


def treated_pair(seed: int) -> tuple[Comparison, float]:
    """Compare a room with itself, one band damped; the band comes second."""
    rng = np.random.default_rng((66, seed))
    room = ROOMS[NAMES[seed % len(NAMES)]]
    f_hz = float(rng.choice(HALVED_HZ))
    a = session(room, rng)
    return compare_sessions(a, session(with_half_the_decay(room, f_hz), rng)), f_hz


def moved_pair(seed: int, *, moved_m: float = 0.0, gain_db: float = 0.0) -> Comparison:
    """Compare a room with itself, the microphone or a gain moved."""
    rng = np.random.default_rng((67, seed))
    room = ROOMS[NAMES[seed % len(NAMES)]]
    return compare_sessions(
        session(room, rng), session(room, rng, moved_m=moved_m, gain_db=gain_db)
    )


def band_is_found(comparison: Comparison, f_hz: float) -> bool:
    """Tell whether the decay of the damped octave is significantly shorter for a speaker."""
    return any(
        c.significant and c.difference < 0.0 and abs(np.log2(c.at / f_hz)) < 0.1
        for s in comparison.speakers
        for c in s.decays
    )


def is_quiet(comparison: Comparison) -> bool:
    """Tell whether nothing is called a change and nothing beside the room is named."""
    return comparison.verdict == NO_CHANGE and not comparison.findings


def is_found(comparison: Comparison, f_hz: float) -> bool:
    """Tell whether the damped band is found, and not taken for another place or gain."""
    return band_is_found(comparison, f_hz) and not comparison.confounded


def kinds(comparison: Comparison) -> set[str]:
    """Give the kinds of what is named beside the room."""
    return {f.kind for f in comparison.findings}


def share_of(name: str, n: int, holds: Callable[[int], bool]) -> float:
    """Share of the seeds for which something holds; says on stderr how far it is."""
    found = 0
    for seed in range(n):
        found += holds(seed)
        if (seed + 1) % 10 == 0 or seed + 1 == n:
            print(f"{name}: {found} of {seed + 1}", file=sys.stderr, flush=True)
    return found / n


def main() -> int:
    """Count, and print a table or the goals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="a tenth of the pairs")
    parser.add_argument("--part", choices=("unchanged", "treated", "named"), help="only this one")
    options = parser.parse_args()
    n = max(options.pairs // 10, 1) if options.quick else options.pairs
    few = max(n // 4, 1)
    parts: dict[str, dict[str, tuple[int, Callable[[int], bool]]]] = {
        "unchanged": {
            "nothing changed: no significant change, nothing named": (
                n,
                lambda seed: is_quiet(unchanged_pair(seed)),
            )
        },
        "treated": {
            "decay of one band halved: found, no place or gain named": (
                n,
                lambda seed: is_found(*treated_pair(seed)),
            )
        },
        "named": {
            f"microphone moved by {1000 * MOVED_M:.0f} mm: named": (
                few,
                lambda seed: "microphone" in kinds(moved_pair(seed, moved_m=MOVED_M)),
            ),
            f"gain changed by {GAIN_DB:g} dB: named": (
                few,
                lambda seed: kinds(moved_pair(seed, gain_db=GAIN_DB)) == {"gain"},
            ),
        },
    }
    goals = []
    for part, rows in parts.items():
        for name, (count, holds) in rows.items() if options.part in (None, part) else ():
            share = share_of(name, count, holds)
            goals.append(
                {
                    "name": f"{name}, {count} pairs",
                    "figure": share,
                    "unit": "share of pairs",
                    "goal": GOAL,
                    "met": share >= GOAL,
                }
            )
    if options.json:
        print(json.dumps({"goals": goals}, indent=1))
    else:
        for goal in goals:
            print(f"  {goal['name']:<68} {goal['figure']:6.1%}  (goal {GOAL:.0%})")
    return 0 if all(goal["met"] for goal in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
