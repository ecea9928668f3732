"""The studio: what plays, what listens, and where."""

import math
import re
from dataclasses import dataclass, field
from typing import Literal

from roomcal.errors import InputError

# Letters, digits, dot, dash, underscore: safe in file names and in every peer's configuration.
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
# Device names of Windows, which no file may carry there.
_RESERVED_NAMES = {"con", "prn", "aux", "nul"} | {
    f"{p}{n}" for p in ("com", "lpt") for n in range(10)
}

# Sound pressure level that reads 0 dBFS: from the most sensitive microphone into the highest gain
# to the deafest into the lowest.
FULL_SCALE_DB_SPL = (60.0, 200.0)


def check_name(name: str, what: str) -> str:
    """Return `name` if it can be a file name on every system.

    Raises
    ------
    InputError
        RC-313 otherwise.
    """
    reserved = name.split(".")[0].lower() in _RESERVED_NAMES
    if not _SAFE_NAME.fullmatch(name) or reserved or name.endswith("."):
        raise InputError(
            "RC-313",
            f"{name!r} cannot be the name of a {what}",
            hint="use up to 64 letters a to z or A to Z, digits, '.', '_', '+' or '-', beginning "
            "with a letter or a digit, and no name that Windows reserves (AUX, CON, ...)",
            name=name,
        )
    return name


@dataclass(frozen=True)
class Speaker:
    """One loudspeaker and the way to it."""

    name: str
    output_channel: int  # of the device, counted from 1
    role: str = ""  # "L", "R", "C", "LFE", "Ltf", ...; empty: the name is the role
    gain_db: float = 0.0  # trim applied while measuring and playing
    position_m: tuple[float, float, float] | None = None  # x, y, z in the room, if known

    def __post_init__(self) -> None:
        check_name(self.name, "speaker")
        if self.output_channel < 1:
            raise ValueError(f"output_channel counts from 1, got {self.output_channel}")
        if not -60.0 <= self.gain_db <= 0.0:
            raise ValueError(f"gain_db must be between -60 and 0, got {self.gain_db}")
        _check_place(self.position_m)

    @property
    def is_sub(self) -> bool:
        """Whether this speaker plays bass alone."""
        return (self.role or self.name).upper() in ("LFE", "SUB")


def _check_place(position_m: tuple[float, float, float] | None) -> None:
    if position_m is not None and not all(math.isfinite(x) for x in position_m):
        raise ValueError(f"position_m must be three finite numbers, got {position_m}")


def check_full_scale(db_spl: float | None) -> None:
    """Refuse a level of full scale that no microphone has: limits of loudness hang on it.

    Raises
    ------
    ValueError
        When it is no number, or outside of `FULL_SCALE_DB_SPL`.
    """
    low, high = FULL_SCALE_DB_SPL
    if db_spl is not None and not low <= db_spl <= high:
        raise ValueError(
            f"full_scale_db_spl must be between {low:g} and {high:g} dB SPL, got {db_spl:g}"
        )


@dataclass(frozen=True)
class Microphone:
    """The measurement microphone and its input."""

    input_channel: int = 1  # of the device, counted from 1
    calibration: str = ""  # path of its calibration file, relative to studio.toml
    full_scale_db_spl: float | None = None  # the sound pressure level that reads 0 dBFS, if known
    full_scale_estimated: bool = False  # from a data sheet: the capture slider is not known
    serial: str = ""  # its serial number; a calibration file of another one is refused
    # How it points: 0 at the speakers, 90 at the ceiling; each has its calibration file.
    incidence_deg: Literal[0, 90] | None = None

    def __post_init__(self) -> None:
        if self.input_channel < 1:
            raise ValueError(f"input_channel counts from 1, got {self.input_channel}")
        check_full_scale(self.full_scale_db_spl)


@dataclass(frozen=True)
class Loopback:
    """A cable from a spare output to a spare input: the time reference."""

    output_channel: int
    input_channel: int

    def __post_init__(self) -> None:
        if self.output_channel < 1 or self.input_channel < 1:
            raise ValueError("loopback channels count from 1")


@dataclass(frozen=True)
class Position:
    """One place of the microphone; the first of a studio is the main one."""

    name: str
    position_m: tuple[float, float, float] | None = None  # x, y, z in the room, if known

    def __post_init__(self) -> None:
        check_name(self.name, "position")
        _check_place(self.position_m)


@dataclass(frozen=True)
class Source:
    """Where `run` takes the programme from: never the microphone, never a silent default."""

    device: str  # of JACK: the client
    channels: tuple[int, ...]  # counted from 1, one for each input of a bank

    def __post_init__(self) -> None:
        if not self.device:
            raise ValueError("the source needs a device: the one that carries the DAW's output")
        if not self.channels or min(self.channels) < 1:
            raise ValueError(f"the source's channels count from 1, got {list(self.channels)}")
        if len(set(self.channels)) < len(self.channels):
            raise ValueError(f"the source names a channel twice: {list(self.channels)}")


@dataclass(frozen=True)
class AudioSettings:
    """How the audio system is asked to run."""

    block: int = 1024  # frames a callback; 21 ms at 48 kHz
    latency_s: float | None = None  # what the system aims at; None: its own safe choice
    # WASAPI: the device alone, at its own rate. Core Audio: the device's rate is set.
    exclusive: bool = False

    def __post_init__(self) -> None:
        if not 16 <= self.block <= 16384:
            raise ValueError(f"block must be between 16 and 16384 frames, got {self.block}")
        if self.latency_s is not None and not 0.0 <= self.latency_s <= 2.0:
            raise ValueError(f"latency_s must be between 0 and 2, got {self.latency_s}")


def default_positions(n: int) -> tuple[Position, ...]:
    """Positions p1 to pN without coordinates."""
    return tuple(Position(f"p{i + 1}") for i in range(n))


@dataclass(frozen=True)
class Studio:
    """Everything that a measurement needs to know about the room and its equipment."""

    name: str
    speakers: tuple[Speaker, ...]
    fs: int = 48000  # sample rate of measurements, Hz
    output_device: str = ""
    input_device: str = ""
    microphone: Microphone = field(default_factory=Microphone)
    loopback: Loopback | None = None
    positions: tuple[Position, ...] = field(default_factory=lambda: default_positions(9))
    source: Source | None = None
    audio: AudioSettings = field(default_factory=AudioSettings)

    def __post_init__(self) -> None:
        if not self.speakers:
            raise ValueError("a studio needs at least one speaker")
        if not 8000 <= self.fs <= 768000:
            raise ValueError(f"fs must be between 8000 and 768000 Hz, got {self.fs}")
        for what, items in (("speaker", self.speakers), ("position", self.positions)):
            names = [item.name.lower() for item in items]
            if len(set(names)) < len(names):
                raise ValueError(f"two {what}s have the same name (upper and lower case are one)")
        outputs = [s.output_channel for s in self.speakers]
        if self.loopback is not None:
            outputs.append(self.loopback.output_channel)
            if self.loopback.input_channel == self.microphone.input_channel:
                raise ValueError("loopback and microphone share an input channel")
        if len(set(outputs)) < len(outputs):
            raise ValueError("two speakers, or a speaker and the loopback, share an output channel")
        if self.source is not None and self.source.device == (
            self.input_device or self.output_device
        ):
            heard = {self.microphone.input_channel, *self._loopback_input} & {*self.source.channels}
            if heard:
                raise ValueError(
                    f"source.channels has {min(heard)}, the input of the microphone or the "
                    "loopback: sent to the monitors, it howls"
                )

    @property
    def reference_speaker(self) -> Speaker:
        """Return the speaker that plays the timing marks: the first that plays more than bass."""
        return next((s for s in self.speakers if not s.is_sub), self.speakers[0])

    @property
    def file_order(self) -> tuple[Speaker, ...]:
        """The speakers in the order of a sweep file, whose first channel plays the marks."""
        first = self.reference_speaker
        return (first, *(s for s in self.speakers if s is not first))

    @property
    def _loopback_input(self) -> tuple[int, ...]:
        return () if self.loopback is None else (self.loopback.input_channel,)
