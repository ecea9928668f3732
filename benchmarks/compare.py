"""`roomcal compare`: false alarms among pairs with nothing changed, and changes that are found.

    python benchmarks/compare.py [--pairs 200] [--json] [--quick]

Pairs of sessions of the virtual rooms: two speakers, three positions, each with noise of its own,
the microphone put back within 5 mm each time, and air within 1 K.
"""

import argparse
import dataclasses
import json
import sys

import numpy as np

from roomcal.devices.virtual.enclosure import OCTAVES_HZ, WALLS, eyring_time_s
from roomcal.devices.virtual.room import VirtualRoom
from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.sound_field import SoundField
from roomcal.model.impulse_response import BandSnr, ImpulseResponse
from roomcal.units import band_centres_hz
from roomcal.verify.compare import Comparison, compare_sessions

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


def kinds(comparison: Comparison) -> set[str]:
    """Give the kinds of what is named beside the room."""
    return {f.kind for f in comparison.findings}


def main() -> int:
    """Count, and print a table or the goals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="a tenth of the pairs")
    options = parser.parse_args()
    n = max(options.pairs // 10, 1) if options.quick else options.pairs
    few = max(n // 4, 1)
    unchanged = [unchanged_pair(seed) for seed in range(n)]
    treated = [treated_pair(seed) for seed in range(n)]
    moved = [moved_pair(seed, moved_m=MOVED_M) for seed in range(few)]
    louder = [moved_pair(seed, gain_db=GAIN_DB) for seed in range(few)]
    shares = {
        "unchanged: no significant change": np.mean([not c.changed for c in unchanged]),
        "unchanged: nothing else named": np.mean([not c.findings for c in unchanged]),
        "decay of one band halved: found": np.mean([band_is_found(*pair) for pair in treated]),
        "decay of one band halved: no false place or gain": np.mean(
            [not c.confounded for c, _ in treated]
        ),
        f"microphone moved by {1000 * MOVED_M:.0f} mm: named": np.mean(
            ["microphone" in kinds(c) for c in moved]
        ),
        f"gain changed by {GAIN_DB:g} dB: named": np.mean([kinds(c) == {"gain"} for c in louder]),
    }
    goals = [
        {"name": name, "figure": float(x), "unit": "share of pairs", "goal": GOAL, "met": x >= GOAL}
        for name, x in ((k, float(v)) for k, v in shares.items())
    ]
    if options.json:
        print(json.dumps({"goals": goals}, indent=1))
    else:
        print(f"{n} pairs, two speakers, three positions")
        for goal in goals:
            print(f"  {goal['name']:<52} {goal['figure']:7.1%}  (goal {GOAL:.0%})")
    return 0 if all(goal["met"] for goal in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
