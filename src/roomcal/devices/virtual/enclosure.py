"""The box: its size, what its walls absorb, and what Sabine's successors say about it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from roomcal.units import FloatArray, speed_of_sound_m_s

# Octave bands of every absorption below; held flat beyond both ends.
OCTAVES_HZ = (63.0, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)

# x runs from left to right, y from front to back, z from floor to ceiling.
Wall = Literal["left", "right", "front", "back", "floor", "ceiling"]
WALLS: tuple[Wall, ...] = ("left", "right", "front", "back", "floor", "ceiling")

Absorption = tuple[float, float, float, float, float, float, float, float]

# Energy attenuation of air per metre at 20 degrees Celsius and 50 % humidity (ISO 9613-1:1993,
# table 1, dB/km divided by 4343), at the octaves 125 Hz to 8 kHz, extended to 16 kHz by the
# standard's formula.
_AIR_HZ = (125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16000.0)
_AIR_PER_M = (1.0e-4, 3.0e-4, 6.3e-4, 1.07e-3, 2.28e-3, 6.84e-3, 2.42e-2, 8.3e-2)

# A wall never reflects nothing: keeps logarithms finite.
_MAX_ABSORPTION = 0.99


@dataclass(frozen=True)
class Absorber:
    """Panels or traps on one wall."""

    wall: Wall
    area_m2: float
    absorption: Absorption  # random incidence, per octave; above 1 counts as the most possible


# Statistical absorption of 10 cm of mineral wool on the wall, and of a 40 cm deep corner trap.
BROADBAND_PANEL: Absorption = (0.15, 0.35, 0.80, 0.95, 0.97, 0.97, 0.95, 0.95)
BASS_TRAP: Absorption = (0.60, 0.85, 0.90, 0.90, 0.85, 0.80, 0.75, 0.70)


@dataclass(frozen=True)
class Enclosure:
    """A rectangular room.

    Attributes
    ----------
    size_m : (length x, length y, length z)
    walls : absorption of each wall, per octave of `OCTAVES_HZ`
    """

    size_m: tuple[float, float, float]
    walls: Mapping[Wall, Absorption]

    def __post_init__(self) -> None:
        if min(self.size_m) <= 0.0:
            raise ValueError(f"a room has positive lengths, got {self.size_m}")
        if set(self.walls) != set(WALLS):
            raise ValueError(f"a room has the walls {WALLS}, got {tuple(self.walls)}")
        for wall, absorption in self.walls.items():
            if len(absorption) != len(OCTAVES_HZ) or not all(0.0 <= a <= 1.0 for a in absorption):
                raise ValueError(f"{wall}: one absorption between 0 and 1 per octave is needed")

    @property
    def volume_m3(self) -> float:
        """Volume of the air."""
        return float(np.prod(self.size_m))

    @property
    def areas_m2(self) -> FloatArray:
        """Area of each wall in the order of `WALLS`, (6,)."""
        x, y, z = self.size_m
        return np.array([y * z, y * z, x * z, x * z, x * y, x * y])

    def with_absorbers(self, *absorbers: Absorber) -> "Enclosure":
        """Return the room with more absorption: each wall's value is the mean over its area."""
        walls = dict(self.walls)
        areas = dict(zip(WALLS, self.areas_m2, strict=True))
        for item in absorbers:
            share = item.area_m2 / areas[item.wall]
            if not 0.0 <= share <= 1.0:
                raise ValueError(
                    f"{item.area_m2} m2 do not fit on the {item.wall} ({areas[item.wall]:.1f} m2)"
                )
            mixed = (1.0 - share) * np.array(walls[item.wall]) + share * np.array(item.absorption)
            walls[item.wall] = tuple(np.minimum(mixed, 1.0).tolist())
        return replace(self, walls=walls)


def wall_absorption(room: Enclosure, f_hz: FloatArray) -> FloatArray:
    """Absorption of every wall at any frequency, linear over log frequency between octaves.

    Returns
    -------
    alpha : (6, n) float array
    """
    log_f = np.log(np.clip(f_hz, OCTAVES_HZ[0], OCTAVES_HZ[-1]))
    alpha = [np.interp(log_f, np.log(OCTAVES_HZ), room.walls[wall]) for wall in WALLS]
    return np.minimum(alpha, _MAX_ABSORPTION)


def log_reflection(room: Enclosure, f_hz: FloatArray) -> FloatArray:
    """Logarithm of the reflection factor of every wall, ln sqrt(1 - alpha), (6, n), below 0."""
    return 0.5 * np.log(1.0 - wall_absorption(room, f_hz))


def air_attenuation_per_m(f_hz: FloatArray) -> FloatArray:
    """Attenuation of sound energy in air per metre, (n,)."""
    log_f = np.log(np.clip(f_hz, 1.0, None))
    return np.asarray(np.exp(np.interp(log_f, np.log(_AIR_HZ), np.log(_AIR_PER_M))))


def eyring_time_s(room: Enclosure, f_hz: FloatArray, temperature_c: float = 20.0) -> FloatArray:
    """Reverberation time of a diffuse field.

    Notes
    -----
    T = 24 ln(10) V / (c (-S ln(1 - mean alpha) + 4 m V)) (Eyring, J. Acoust. Soc. Am. 1, 1930;
    with the attenuation m of air as in Kuttruff, Room Acoustics, 6th ed., equation 5.24).
    """
    areas = room.areas_m2
    mean = areas @ wall_absorption(room, f_hz) / areas.sum()
    volume = room.volume_m3
    area = -areas.sum() * np.log(1.0 - mean) + 4.0 * air_attenuation_per_m(f_hz) * volume
    return 24.0 * np.log(10.0) * volume / (speed_of_sound_m_s(temperature_c) * area)
