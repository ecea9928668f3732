"""The rooms that `--device virtual:NAME` knows, each with the trouble of its kind."""

from dataclasses import replace

from roomcal.devices.virtual.enclosure import (
    BASS_TRAP,
    BROADBAND_PANEL,
    Absorber,
    Absorption,
    Enclosure,
)
from roomcal.devices.virtual.room import Converters, VirtualRoom, positions_around
from roomcal.devices.virtual.speaker import Peak, SpeakerModel
from roomcal.model.studio import Loopback

# Random-incidence absorption per octave, 63 Hz to 8 kHz, after the usual tables (Vorlaender,
# Auralization, 2nd ed., appendix), with the low octaves as light constructions show them.
_PLASTERBOARD: Absorption = (0.22, 0.20, 0.12, 0.07, 0.06, 0.06, 0.07, 0.08)
# Outer wall with a window.
_BRICK: Absorption = (0.14, 0.12, 0.08, 0.06, 0.05, 0.06, 0.07, 0.08)
_FURNISHED: Absorption = (0.14, 0.15, 0.16, 0.17, 0.19, 0.20, 0.21, 0.21)
_CURTAIN: Absorption = (0.13, 0.15, 0.19, 0.28, 0.35, 0.37, 0.37, 0.36)
_CARPET: Absorption = (0.08, 0.08, 0.09, 0.14, 0.24, 0.34, 0.42, 0.45)
_PARQUET: Absorption = (0.12, 0.12, 0.10, 0.08, 0.08, 0.08, 0.08, 0.08)
_TREATED_WALL: Absorption = (0.22, 0.30, 0.37, 0.40, 0.40, 0.39, 0.37, 0.36)
_TREATED_FRONT: Absorption = (0.30, 0.40, 0.42, 0.42, 0.40, 0.39, 0.37, 0.36)
_CLOUD: Absorption = (0.16, 0.28, 0.42, 0.48, 0.48, 0.46, 0.44, 0.42)

# Two speakers of one type are never quite alike.
_MIDFIELD_LEFT = (Peak(140.0, 0.8, 0.8), Peak(950.0, -1.1, 1.6), Peak(5200.0, 0.9, 2.0))
_MIDFIELD_RIGHT = (Peak(140.0, 0.6, 0.8), Peak(980.0, -0.7, 1.6), Peak(5600.0, 0.5, 2.0))
_SMALL_LEFT = (Peak(110.0, 1.6, 1.0), Peak(1300.0, 1.2, 2.0), Peak(3100.0, -1.8, 2.5))
_SMALL_RIGHT = (Peak(110.0, 1.9, 1.0), Peak(1350.0, 0.8, 2.0), Peak(3000.0, -1.4, 2.5))

_CONTROL_LISTENER = (2.20, 2.15, 1.20)
_CONTROL_ROOM = VirtualRoom(
    name="control-room",
    description="treated control room, 69 m3, two midfield monitors, loopback cable",
    enclosure=Enclosure(
        (4.40, 5.60, 2.80),
        {
            "left": _TREATED_WALL,
            "right": _TREATED_WALL,
            "front": _TREATED_FRONT,
            "back": _TREATED_FRONT,
            "floor": _PARQUET,
            "ceiling": _CLOUD,
        },
    ),
    speakers=(
        SpeakerModel(
            "L", 1, (1.20, 0.75, 1.25), _CONTROL_LISTENER, highpass_hz=38.0, peaks=_MIDFIELD_LEFT
        ),
        SpeakerModel(
            "R",
            2,
            (3.24, 0.77, 1.25),
            _CONTROL_LISTENER,
            highpass_hz=38.0,
            gain_db=-12.4,
            peaks=_MIDFIELD_RIGHT,
        ),
    ),
    positions=positions_around(_CONTROL_LISTENER),
    seed=11,
    full_scale_db_spl=118.0,
    converters=Converters(latency_samples=1379.37, noise_dbfs=-90.0),
    loopback=Loopback(output_channel=3, input_channel=2),
)

_BEDROOM_LISTENER = (1.62, 1.60, 1.15)
_BEDROOM = VirtualRoom(
    name="bedroom",
    description="untreated bedroom, 36 m3, two small monitors near the wall, USB microphone",
    enclosure=Enclosure(
        (3.40, 4.20, 2.50),
        {
            "left": _PLASTERBOARD,
            "right": _FURNISHED,
            "front": _CURTAIN,
            "back": _FURNISHED,
            "floor": _CARPET,
            "ceiling": _PLASTERBOARD,
        },
    ),
    speakers=(
        SpeakerModel(
            "L", 1, (0.98, 0.42, 1.15), _BEDROOM_LISTENER, highpass_hz=48.0, peaks=_SMALL_LEFT
        ),
        SpeakerModel(
            "R",
            2,
            (2.30, 0.47, 1.15),
            _BEDROOM_LISTENER,
            highpass_hz=48.0,
            gain_db=-11.3,
            peaks=_SMALL_RIGHT,
        ),
    ),
    positions=positions_around(_BEDROOM_LISTENER),
    seed=12,
    converters=Converters(
        latency_samples=2210.62,
        latency_spread_samples=480.0,
        drift_ppm=17.0,
        noise_dbfs=-82.0,
        hum_dbfs=-98.0,
    ),
)

_LIVING_LISTENER = (2.75, 3.70, 1.05)
_LIVING_ROOM = VirtualRoom(
    name="living-room",
    description="living room, 77 m3, two floor-standing speakers, USB microphone",
    enclosure=Enclosure(
        (5.10, 6.00, 2.52),
        {
            "left": _CURTAIN,
            "right": _FURNISHED,
            "front": _BRICK,
            "back": _FURNISHED,
            "floor": _CARPET,
            "ceiling": _PLASTERBOARD,
        },
    ),
    speakers=(
        SpeakerModel(
            "L", 1, (1.45, 0.72, 0.95), _LIVING_LISTENER, highpass_hz=36.0, peaks=_MIDFIELD_RIGHT
        ),
        SpeakerModel(
            "R",
            2,
            (3.75, 0.80, 0.95),
            _LIVING_LISTENER,
            highpass_hz=36.0,
            gain_db=-11.5,
            peaks=_SMALL_LEFT,
        ),
    ),
    positions=positions_around(_LIVING_LISTENER),
    seed=13,
    converters=Converters(
        latency_samples=1733.18,
        latency_spread_samples=480.0,
        drift_ppm=-31.0,
        noise_dbfs=-79.0,
        hum_dbfs=-96.0,
    ),
)

_SATELLITES = tuple(
    replace(s, highpass_hz=75.0, highpass_order=4, peaks=p)
    for s, p in zip(_CONTROL_ROOM.speakers, (_SMALL_LEFT, _SMALL_RIGHT), strict=True)
)
_SUB = SpeakerModel(
    "Sub",
    3,
    (2.75, 0.40, 0.25),
    _CONTROL_LISTENER,
    role="LFE",
    gain_db=-10.0,
    highpass_hz=22.0,
    crossover_hz=0.0,
    lowpass_hz=90.0,
    lowpass_order=4,
    directivity_hz=0.0,
)
_CONTROL_ROOM_21 = replace(
    _CONTROL_ROOM,
    name="control-room-2.1",
    description="treated control room, 69 m3, two small monitors and a sub, loopback cable",
    speakers=(*_SATELLITES, _SUB),
    loopback=Loopback(output_channel=4, input_channel=2),
)

_BEDROOM_TREATED = replace(
    _BEDROOM.with_absorbers(
        Absorber("front", 4.0, BASS_TRAP),
        Absorber("back", 4.0, BASS_TRAP),
        Absorber("left", 3.0, BROADBAND_PANEL),
        Absorber("right", 3.0, BROADBAND_PANEL),
        Absorber("ceiling", 3.0, BROADBAND_PANEL),
    ),
    name="bedroom-treated",
    description="the bedroom with 8 m2 of bass traps and 9 m2 of broadband panels",
)

DEFAULT_ROOM = "bedroom"
ROOMS: dict[str, VirtualRoom] = {
    room.name: room
    for room in (_BEDROOM, _BEDROOM_TREATED, _CONTROL_ROOM, _CONTROL_ROOM_21, _LIVING_ROOM)
}
