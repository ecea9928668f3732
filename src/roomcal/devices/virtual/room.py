"""A virtual room with all that stands in it: what `virtual:NAME` opens."""

from dataclasses import dataclass, field, replace

from roomcal.devices.virtual.enclosure import Absorber, Enclosure
from roomcal.devices.virtual.microphone import MicrophoneModel
from roomcal.devices.virtual.speaker import SpeakerModel
from roomcal.model.studio import Loopback, Position

# Corners of the box around the listening point in which the other positions lie.
_SPREAD_M = (0.22, 0.25, 0.12)


@dataclass(frozen=True)
class Converters:
    """The sound card, the noise in the room, and how badly both behave."""

    n_inputs: int = 2
    n_outputs: int = 4
    latency_samples: float = 1024.0  # from output to input, fractions allowed
    latency_spread_samples: float = 0.0  # another latency at every start of the stream
    drift_ppm: float = 0.0  # the input clock is slower by this: sounds seem shorter
    noise_dbfs: float | None = -80.0  # rms at the microphone, pink; None: silence
    hum_dbfs: float | None = None  # rms of the fundamental
    hum_hz: float = 50.0
    bits: int = 24  # 0: no quantisation


PERFECT_CONVERTERS = Converters(noise_dbfs=None, bits=0)


@dataclass(frozen=True)
class VirtualRoom:
    """Room, speakers, microphone positions and sound card."""

    name: str
    description: str
    enclosure: Enclosure
    speakers: tuple[SpeakerModel, ...]
    positions: tuple[Position, ...]
    seed: int = 1
    temperature_c: float = 20.0
    microphone: MicrophoneModel = field(default_factory=MicrophoneModel)
    full_scale_db_spl: float | None = None  # what the studio knows about the microphone's level
    converters: Converters = field(default_factory=Converters)
    loopback: Loopback | None = None

    def with_absorbers(self, *absorbers: Absorber) -> "VirtualRoom":
        """Return the same room with panels or traps on its walls."""
        return replace(self, enclosure=self.enclosure.with_absorbers(*absorbers))

    def speaker(self, name: str) -> SpeakerModel:
        """Return the speaker of that name.

        Raises
        ------
        KeyError
        """
        return {s.name: s for s in self.speakers}[name]


def with_perfect_equipment(room: VirtualRoom) -> VirtualRoom:
    """Return the same room without noise, drift, quantisation or distortion."""
    converters = replace(
        PERFECT_CONVERTERS,
        n_inputs=room.converters.n_inputs,
        n_outputs=room.converters.n_outputs,
        latency_samples=room.converters.latency_samples,
    )
    speakers = tuple(replace(s, distortion=None) for s in room.speakers)
    return replace(room, speakers=speakers, converters=converters)


def positions_around(centre_m: tuple[float, float, float]) -> tuple[Position, ...]:
    """Nine positions: the listening point p1, then p2 to p9 at the corners of a box around it."""
    x, y, z = centre_m
    dx, dy, dz = _SPREAD_M
    corners = [
        (x + i * dx, y + j * dy, z + k * dz) for k in (-1, 1) for j in (-1, 1) for i in (-1, 1)
    ]
    points = [centre_m, *corners]
    return tuple(
        Position(f"p{n}", (round(p[0], 4), round(p[1], 4), round(p[2], 4)))
        for n, p in enumerate(points, start=1)
    )
