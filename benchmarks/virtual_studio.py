"""The virtual studio: how long a room takes, and how near it comes to mathematics.

    python benchmarks/virtual_studio.py [--quick] [--json]

Times are medians of single-process runs; figures are the worst of all that was looked at.
"""

import argparse
import json
import statistics
import sys
import time

import numpy as np
import scipy.fft

from roomcal.devices.virtual.enclosure import WALLS, Enclosure
from roomcal.devices.virtual.grid import band_limit
from roomcal.devices.virtual.microphone import FLAT_MICROPHONE
from roomcal.devices.virtual.modes import modes_of
from roomcal.devices.virtual.room import VirtualRoom
from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.sound_field import SoundField
from roomcal.devices.virtual.speaker import SpeakerModel
from roomcal.devices.virtual.studio import VirtualStudio
from roomcal.devices.virtual.tail import TAIL_FS, tail_of, tail_response
from roomcal.dsp.delay import delay_samples
from roomcal.units import speed_of_sound_m_s

FS = 48000
C = speed_of_sound_m_s(20.0)
BOX_M = (4.2, 3.4, 2.5)
HALL_M = (10.0, 9.0, 8.0)


def main():
    """Print the table, or the goals as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one room, fewer draws")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rooms = [ROOMS["bedroom"]] if options.quick else list(ROOMS.values())
    n_draws = 8 if options.quick else 24
    build_s, path_s, take_s = zip(*(times(room) for room in rooms), strict=True)
    goals = [
        goal("virtual room, build time", max(build_s), "s", 2.0),
        goal("virtual room, mode frequency error", mode_error_percent(), "%", 0.5),
        goal("virtual room, modal decay error", decay_error_percent(), "%", 1.0),
        goal("virtual room, tail decay error", tail_error_percent(n_draws), "%", 5.0),
        goal("virtual room, arrival error", arrival_error_samples(), "sample", 0.01),
    ]
    if options.json:
        print(json.dumps({"goals": goals}, indent=2))
    else:
        print(f"{max(path_s):.3f} s for a path, {max(take_s):.2f} s for a take of 24 s")
        for item in goals:
            sign = "met " if item["met"] else "MISS"
            print(f"{sign} {item['name']}: {item['figure']:.4f} {item['unit']} ({item['goal']:g})")
    return 0 if all(item["met"] for item in goals) else 1


def goal(name: str, figure: float, unit: str, most: float) -> dict:
    """Describe one figure that must not exceed its goal."""
    met = bool(figure <= most)
    return {"name": name, "figure": float(figure), "unit": unit, "goal": most, "met": met}


def times(room: VirtualRoom) -> tuple[float, float, float]:
    """Seconds for a new room with the first path of each speaker, for a path, for a take."""
    start = time.perf_counter()
    studio = VirtualStudio(room)
    for speaker in room.speakers:
        studio.true_response(speaker.name, "p1", FS)
    build_s = time.perf_counter() - start
    paths_s = []
    for position in room.positions[1:]:
        start = time.perf_counter()
        studio.true_response(room.speakers[0].name, position.name, FS)
        paths_s.append(time.perf_counter() - start)
    output = np.zeros((1, 24 * FS))
    sweep = 0.1 * scipy.fft.irfft(np.exp(1j * np.linspace(0.0, 9e5, 131073)), norm="ortho")
    for second in (1, 8, 15):
        output[0, second * FS : second * FS + sweep.size] = sweep
    start = time.perf_counter()
    studio.play_record(output, fs=FS, output_channels=[1], input_channels=[1])
    return build_s, statistics.median(paths_s), time.perf_counter() - start


def flat_speaker(at_m: tuple[float, float, float]) -> SpeakerModel:
    """Return a speaker that changes nothing above 10 Hz."""
    return SpeakerModel(
        "S",
        1,
        at_m,
        (2.0, 1.5, 1.2),
        gain_db=0.0,
        highpass_hz=10.0,
        highpass_order=2,
        crossover_hz=0.0,
        lowpass_hz=1e9,
        directivity_hz=0.0,
    )


def uniform(size_m: tuple[float, float, float], absorption: float) -> Enclosure:
    """Return a room with six equal walls."""
    return Enclosure(size_m, dict.fromkeys(WALLS, (absorption,) * 8))


def corner_response(damping_per_s: float) -> np.ndarray:
    """Response from corner to corner: every mode sounds."""
    room, far = uniform(BOX_M, 0.02), (4.13, 3.35, 2.44)
    modes = modes_of(room, C, damping_per_s=damping_per_s)
    field = SoundField(room, FLAT_MICROPHONE, reference_m=far, modes=modes)
    return field.response(flat_speaker((0.05, 0.06, 0.04)), far, FS)


def mode_error_percent() -> float:
    """Worst error of the first well-parted modes' frequencies."""
    n_fft = 1 << 21
    level = np.abs(scipy.fft.rfft(corner_response(2.0), n_fft))
    f = np.arange(level.size) * FS / n_fft
    worst = 0.0
    for numbers in ((1, 0, 0), (0, 1, 0), (1, 1, 0), (0, 0, 1), (0, 1, 1)):
        expected = C / 2 * np.sqrt(np.sum((np.array(numbers) / BOX_M) ** 2))
        found = f[np.argmax(level * (np.abs(f - expected) < 1.5))]
        worst = max(worst, abs(found / expected - 1.0))
    return 100.0 * worst


def decay_error_percent() -> float:
    """Worst error of the decay of two modes at three dampings."""
    worst = 0.0
    for damping in (5.0, 9.0, 14.0):
        h = corner_response(damping)
        n_fft = 2 * h.size
        f = np.arange(n_fft // 2 + 1) * FS / n_fft
        for mode_hz in (C / 2 / BOX_M[0], C / 2 / BOX_M[1]):
            band = np.zeros(n_fft, dtype=complex)
            band[: f.size] = scipy.fft.rfft(h, n_fft) * np.exp(-0.5 * ((f - mode_hz) / 2.0) ** 2)
            t = np.arange(n_fft) / FS
            inside = (t > 0.35) & (t < min(0.35 + 4.0 / damping, 0.95))
            slope = np.polyfit(t[inside], np.log(np.abs(scipy.fft.ifft(band)[inside])), 1)[0]
            worst = max(worst, abs(-slope / damping - 1.0))
    return 100.0 * worst


def tail_error_percent(n_draws: int) -> float:
    """Worst error of the mean decay of several draws, against Eyring, 250 Hz to 8 kHz."""
    size, alpha = (5.0, 4.0, 2.8), 0.25
    area, volume = 2 * (5 * 4 + 5 * 2.8 + 4 * 2.8), 56.0
    n_fft = 2 * round(2.8 * TAIL_FS)
    f = np.arange(n_fft // 2 + 1) * TAIL_FS / n_fft
    octaves_hz = np.array([250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0])
    air = np.array([3e-4, 6.3e-4, 1.07e-3, 2.28e-3, 6.84e-3, 2.42e-2])  # ISO 9613-1
    weight = np.exp(-0.5 * (np.log2(np.maximum(f, 1.0) / octaves_hz[:, None]) / 0.22) ** 2)
    centre = np.array([2.5, 2.0, 1.2])
    energy = np.zeros((octaves_hz.size, n_fft // 4))
    for seed in range(n_draws):
        tail = tail_of(uniform(size, alpha), centre, handover_s=(0.03, 0.045), seed=(seed,))
        for offset in ((-0.4, 0.3, 0.1), (0.3, -0.3, -0.2), (0.5, 0.4, 0.3)):
            H = scipy.fft.rfft(tail_response(tail, centre + offset, c_m_s=C), n_fft)
            energy += scipy.fft.irfft(weight * H, n_fft, axis=1)[:, : n_fft // 4] ** 2
    worst = 0.0
    for row, m in zip(energy[:, round(0.05 * TAIL_FS) :], air, strict=True):
        decay_db = 10.0 * np.log10(np.cumsum(row[::-1])[::-1] / np.sum(row))
        inside = np.flatnonzero((decay_db <= -2.0) & (decay_db >= -27.0))
        found = -60.0 / np.polyfit(inside / TAIL_FS, decay_db[inside], 1)[0]
        expected = 55.26 / C * volume / (-area * np.log(1 - alpha) + 4 * m * volume)
        worst = max(worst, abs(found / expected - 1.0))
    return 100.0 * worst


def arrival_error_samples() -> float:
    """Worst error of the direct sound's arrival in a hall without near reflections."""
    source, worst = (4.9, 3.4, 3.9), 0.0
    for receiver in ((5.0, 5.0, 4.0), (5.123, 6.377, 4.211), (4.4, 5.9, 3.7)):
        expected = np.linalg.norm(np.subtract(receiver, source)) / C * FS
        field = SoundField(uniform(HALL_M, 0.99), FLAT_MICROPHONE, reference_m=receiver)
        h = np.array(field.response(flat_speaker(source), receiver, FS))
        h[round(expected) + 96 :] = 0.0
        f = np.arange(h.size // 2 + 1) * FS / h.size
        impulse = np.roll(scipy.fft.irfft(band_limit(f, FS), h.size), 1000)
        found = delay_samples(impulse, h, FS, low_hz=3000, high_hz=20000) + 1000
        worst = max(worst, abs(found - expected))
    return worst


if __name__ == "__main__":
    sys.exit(main())
