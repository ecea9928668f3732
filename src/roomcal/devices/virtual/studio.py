"""The virtual studio: a device like any other, whose truth can be asked for."""

import difflib
from collections.abc import Sequence

import numpy as np
import scipy.fft

from roomcal.devices.device import DeviceInfo, Recording, Watch, refuse_channels
from roomcal.devices.interruption import Interrupted
from roomcal.devices.virtual import grid
from roomcal.devices.virtual.clock import read_uniformly
from roomcal.devices.virtual.fault import Fault, Moment
from roomcal.devices.virtual.microphone import calibration_curve
from roomcal.devices.virtual.noise import mains_hum, pink_noise
from roomcal.devices.virtual.playback import played_through
from roomcal.devices.virtual.room import VirtualRoom
from roomcal.devices.virtual.sound_field import SoundField
from roomcal.dsp.resample import sample_at
from roomcal.errors import DeviceError, InputError
from roomcal.model.curve import Curve
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.studio import Microphone, Speaker, Studio
from roomcal.units import FloatArray, ratio_from_db

# What changes between two measurements of the same room (the verification must bear it).
DISPLACEMENT_M = 0.005
WARMER_K = 1.0

_MICROPHONE_INPUT = 1
_BLOCK_FRAMES = 1024  # what the watch sees at a time
_FADE_S = 0.020
_CABLE_NOISE_DB = -30.0  # of an input without a microphone, re the microphone's noise
_CABLE_S = 0.02  # half length of the converters' own response

Point = tuple[float, float, float]


class VirtualStudio:
    """One measurement in a virtual room.

    Parameters
    ----------
    room : VirtualRoom
    occasion : int
        0 is the first measurement. Any other has its own noise, the microphone put back within
        `DISPLACEMENT_M` of its place, and air that is warmer by `WARMER_K`.
    faults : sequence of Fault
        What goes wrong, in the order of the signal.
    """

    def __init__(
        self, room: VirtualRoom, *, occasion: int = 0, faults: Sequence[Fault] = ()
    ) -> None:
        self.room = room
        self.occasion = occasion
        self._faults = tuple(faults)
        self._field = SoundField(
            room.enclosure,
            room.microphone,
            reference_m=_point(room.positions[0].position_m),
            temperature_c=room.temperature_c + (WARMER_K if occasion else 0.0),
            seed=room.seed,
        )
        self._take = 0
        self._at_m = self.microphone_point_m(room.positions[0].name)

    @property
    def info(self) -> DeviceInfo:
        """Name, channels and rates."""
        return device_info(self.room)

    def default_studio(self) -> Studio:
        """Return the studio that the room is."""
        return Studio(
            name=self.room.name,
            speakers=tuple(
                Speaker(s.name, s.output_channel, role=s.role, position_m=s.position_m)
                for s in self.room.speakers
            ),
            output_device=self.info.name,
            input_device=self.info.name,
            microphone=Microphone(
                input_channel=_MICROPHONE_INPUT, full_scale_db_spl=self.room.full_scale_db_spl
            ),
            loopback=self.room.loopback,
            positions=self.room.positions,
        )

    def microphone_calibration(self) -> Curve:
        """Return the curve that the maker of the microphone would send along."""
        return calibration_curve(self.room.microphone)

    def place_microphone(self, position: str) -> bool:
        """Move the microphone to one of the room's positions: no person has to.

        Raises
        ------
        InputError
            RC-309 for a position that the room does not have.
        """
        self._at_m = self.microphone_point_m(position)
        return True

    def place_microphone_at(self, point_m: Point) -> None:
        """Move the microphone to any point of the room."""
        self._at_m = point_m

    def microphone_point_m(self, position: str) -> Point:
        """Return where the microphone stands when it is put to a position on this occasion."""
        points = {p.name: _point(p.position_m) for p in self.room.positions}
        if position not in points:
            near = difflib.get_close_matches(position, points, n=1)
            raise InputError(
                "RC-309",
                f"the room {self.room.name!r} has no position {position!r}",
                hint=f"did you mean {near[0]}?" if near else f"it has {', '.join(points)}",
                known=list(points),
            )
        if self.occasion == 0:
            return points[position]
        rng = np.random.default_rng((self.room.seed, self.occasion, *position.encode()))
        direction = rng.standard_normal(3)
        direction *= DISPLACEMENT_M * rng.uniform() ** (1.0 / 3.0) / np.linalg.norm(direction)
        x, y, z = np.array(points[position]) + direction
        return (float(x), float(y), float(z))

    def true_response(self, speaker: str, position: str, fs: int) -> ImpulseResponse:
        """Return the exact response of a path on this occasion, the microphone's included.

        Index 0 is the moment at which the impulse leaves the output. It is what `play_record`
        applies, apart from latency, clocks, distortion and noise.
        """
        self._check_rate(fs)
        h = self._field.response(self.room.speaker(speaker), self.microphone_point_m(position), fs)
        return ImpulseResponse(
            samples=h,
            fs=fs,
            speaker=speaker,
            position=position,
            time_zero=0.0,
            time_reference="loopback",
            full_scale_db_spl=self.room.full_scale_db_spl,
        )

    def play_record(
        self,
        output: FloatArray,
        *,
        fs: int,
        output_channels: Sequence[int],
        input_channels: Sequence[int],
        watch: Watch | None = None,
    ) -> Recording:
        """Play and record; see `roomcal.devices.device.Device.play_record`."""
        output = np.asarray(output, dtype=np.float64)
        self._check_rate(fs)
        refuse_channels(self.info.name, "output", output_channels, self.room.converters.n_outputs)
        refuse_channels(self.info.name, "input", input_channels, self.room.converters.n_inputs)
        if output.ndim != 2 or output.shape[0] != len(output_channels):
            raise ValueError(f"{output.shape=} does not fit {output_channels=}")
        take = self._take
        self._take += 1
        sent = np.zeros((self.room.converters.n_outputs, output.shape[1]))
        sent[[c - 1 for c in output_channels]] = np.clip(output, -1.0, 1.0)
        rows = [c - 1 for c in input_channels]
        recorded = self._recorded(sent, fs, take)[rows]
        faults = [f for f in self._faults if f.strikes(take)]
        ends = [t for f in faults if (t := f.vanishes_at_s()) is not None]
        asked = [t for f in faults if (t := f.interrupted_at_s()) is not None]
        xruns = sum(f.xruns() for f in faults)
        alive = min([recorded.shape[1], *(round(t * fs) for t in (*ends, *asked))])
        stop = _stopped_at(recorded[:, :alive], watch)
        objected = stop is not None
        if stop is None and asked and (not ends or min(asked) < min(ends)):
            stop = alive
        if stop is not None:
            n_fade = min(round(_FADE_S * fs), sent.shape[1] - stop)
            sent[:, stop : stop + n_fade] *= 1.0 - grid.fade((np.arange(n_fade) + 1) / n_fade)
            sent[:, stop + n_fade :] = 0.0
            # The recording goes on until the end of the fade has come back.
            end = stop + n_fade + int(np.ceil(self.room.converters.latency_samples))
            recorded = self._recorded(sent, fs, take)[rows, :end]
            recording = Recording(recorded, fs, xruns=xruns, stopped=objected)
            if not objected:
                raise Interrupted("Ctrl-C", recording)
            return recording
        if ends:
            raise DeviceError(
                "RC-403",
                f"{self.info.name} vanished at {min(ends):.1f} s",
                hint="plug it in again; the takes so far are safe",
                at_s=min(ends),
            )
        return Recording(recorded, fs, xruns=xruns)

    def _recorded(self, sent: FloatArray, fs: int, take: int) -> FloatArray:
        """All inputs for all outputs, (n_inputs, n_frames): the same for the same take."""
        converters = self.room.converters
        rng = np.random.default_rng((self.room.seed, self.occasion, take))
        moment = Moment(fs, take, _MICROPHONE_INPUT - 1, rng)
        faults = [f for f in self._faults if f.strikes(take)]
        n = sent.shape[1]
        latency = converters.latency_samples + converters.latency_spread_samples * rng.uniform()
        for fault in faults:
            sent = fault.on_output(sent, moment)
        inputs = np.zeros((converters.n_inputs, n))
        at_microphone = self._at_microphone(sent, fs)
        inputs[moment.microphone] = self._sampled(at_microphone, -latency, n, faults, moment)
        if self.room.loopback is not None:
            cable, centre = _band_limited(sent[self.room.loopback.output_channel - 1], fs)
            row = self.room.loopback.input_channel - 1
            inputs[row] = self._sampled(cable, centre - latency, n, faults, moment)
        inputs += self._noise(n, fs, rng)
        for fault in faults:
            inputs = fault.on_input(inputs, moment)
        recorded = np.clip(inputs, -1.0, 1.0)
        if converters.bits:
            steps = 2.0 ** (converters.bits - 1)
            recorded = np.clip(np.round(recorded * steps), -steps, steps - 1.0) / steps
        for fault in faults:
            recorded = fault.on_recording(recorded, moment)
        return recorded

    def _at_microphone(self, sent: FloatArray, fs: int) -> FloatArray:
        """Pressure at the microphone in the time of the outputs."""
        total = np.zeros(sent.shape[1] + round(grid.TRUTH_S * fs) - 1)
        for speaker in self.room.speakers:
            x = sent[speaker.output_channel - 1]
            if np.any(x):
                h = self._field.response(speaker, self._at_m, fs)
                total += played_through(x, h, fs, distortion=speaker.distortion)
        return total

    def _sampled(
        self, x: FloatArray, start: float, n: int, faults: Sequence[Fault], moment: Moment
    ) -> FloatArray:
        """Read a signal of the outputs' time at the instants of the input's clock."""
        step = 1.0 + self.room.converters.drift_ppm * 1e-6
        instants = start + step * np.arange(n, dtype=np.float64)
        moved = instants
        for fault in faults:
            moved = fault.on_clock(moved, moment)
        if moved is instants:
            return read_uniformly(x, start, step, n)
        return sample_at(x, moved)

    def _noise(self, n: int, fs: int, rng: np.random.Generator) -> FloatArray:
        """Noise of all inputs, (n_inputs, n)."""
        converters = self.room.converters
        noise = np.zeros((converters.n_inputs, n))
        if converters.noise_dbfs is not None:
            cable = float(ratio_from_db(converters.noise_dbfs + _CABLE_NOISE_DB))
            noise[:] = cable * rng.standard_normal(noise.shape)
            noise[_MICROPHONE_INPUT - 1] = pink_noise(n, fs, converters.noise_dbfs, rng=rng)
        if converters.hum_dbfs is not None:
            noise[_MICROPHONE_INPUT - 1] += mains_hum(
                n, fs, converters.hum_dbfs, f_hz=converters.hum_hz, rng=rng
            )
        return noise

    def _check_rate(self, fs: int) -> None:
        """Refuse a rate that the device does not have."""
        if fs not in grid.SAMPLE_RATES:
            raise DeviceError(
                "RC-402",
                f"{self.info.name} does not run at {fs} Hz",
                hint=f"use one of {', '.join(str(r) for r in grid.SAMPLE_RATES)}",
                fs=fs,
            )


def device_info(room: VirtualRoom) -> DeviceInfo:
    """Describe the device of a room, without building it."""
    return DeviceInfo(
        name=f"virtual:{room.name}",
        n_inputs=room.converters.n_inputs,
        n_outputs=room.converters.n_outputs,
        sample_rates=grid.SAMPLE_RATES,
        description=room.description,
    )


def _band_limited(x: FloatArray, fs: int) -> tuple[FloatArray, float]:
    """Signal as the converters pass it, and by how many samples it is late."""
    half = round(_CABLE_S * fs)
    f = grid.frequencies_hz(4 * half, fs)
    h = np.roll(scipy.fft.irfft(grid.band_limit(f, fs)), half)[: 2 * half + 1]
    return played_through(x, h, fs), float(half)


def _point(position_m: Point | None) -> Point:
    """Return the coordinates that every position of a virtual room has."""
    if position_m is None:
        raise ValueError("a position of a virtual room needs coordinates")
    return position_m


def _stopped_at(recorded: FloatArray, watch: Watch | None) -> int | None:
    """Frame at which the watch had seen enough, or None."""
    if watch is None:
        return None
    for start in range(0, recorded.shape[1], _BLOCK_FRAMES):
        block = recorded[:, start : start + _BLOCK_FRAMES].copy()
        if not watch(block):
            return start + block.shape[1]
    return None
