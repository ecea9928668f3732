"""Scripted faults on the way in: overload, disturbances, wrong inputs, 'improved' sound."""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from roomcal.devices.virtual.fault import Fault, Moment
from roomcal.devices.virtual.faults_clock import low_passed
from roomcal.devices.virtual.faults_output import envelope
from roomcal.devices.virtual.noise import mains_hum, pink_noise
from roomcal.units import FloatArray, ratio_from_db


@dataclass(frozen=True)
class MicrophoneMuted(Fault):
    """All inputs deliver zeros: muted, or no permission (row 1)."""

    def on_recording(self, recorded: FloatArray, moment: Moment) -> FloatArray:  # noqa: ARG002
        """Deliver zeros."""
        return np.zeros_like(recorded)


@dataclass(frozen=True)
class WrongInput(Fault):
    """The microphone is plugged into another input (row 3)."""

    channel: int = 2

    def on_input(self, inputs: FloatArray, moment: Moment) -> FloatArray:
        """Exchange two inputs."""
        rows = [moment.microphone, self.channel - 1]
        inputs = inputs.copy()
        inputs[rows] = inputs[rows[::-1]]
        return inputs


@dataclass(frozen=True)
class HardClip(Fault):
    """The converter overloads: flat tops (row 7)."""

    below_peak_db: float = 1.0  # re the highest peak of the take

    def on_input(self, inputs: FloatArray, moment: Moment) -> FloatArray:
        """Clip the microphone."""
        inputs = inputs.copy()
        x = inputs[moment.microphone]
        limit = float(np.max(np.abs(x)) * ratio_from_db(-self.below_peak_db))
        inputs[moment.microphone] = np.clip(x, -limit, limit)
        return inputs


@dataclass(frozen=True)
class SoftClip(Fault):
    """A preamplifier that bends before full scale (row 8)."""

    at_dbfs: float = -20.0  # of the hyperbolic tangent's limit

    def on_input(self, inputs: FloatArray, moment: Moment) -> FloatArray:
        """Bend the microphone's signal."""
        limit = float(ratio_from_db(self.at_dbfs))
        inputs = inputs.copy()
        inputs[moment.microphone] = limit * np.tanh(inputs[moment.microphone] / limit)
        return inputs


@dataclass(frozen=True)
class Noise(Fault):
    """A loud room (rows 9 and 10)."""

    level_dbfs: float = -40.0

    def on_input(self, inputs: FloatArray, moment: Moment) -> FloatArray:
        """Add pink noise."""
        return _added(
            inputs,
            moment,
            pink_noise(inputs.shape[1], moment.fs, self.level_dbfs, rng=moment.rng),
        )


@dataclass(frozen=True)
class Hum(Fault):
    """Mains hum with harmonics (row 11)."""

    level_dbfs: float = -50.0
    f_hz: float = 49.97

    def on_input(self, inputs: FloatArray, moment: Moment) -> FloatArray:
        """Add hum."""
        hum = mains_hum(inputs.shape[1], moment.fs, self.level_dbfs, f_hz=self.f_hz, rng=moment.rng)
        return _added(inputs, moment, hum)


@dataclass(frozen=True)
class Slam(Fault):
    """A door (rows 12 and 13): a thud around 210 Hz that dies within a few tenths of a second."""

    at_s: float = 2.1
    peak_dbfs: float = -20.0

    def on_input(self, inputs: FloatArray, moment: Moment) -> FloatArray:
        """Add the thud."""
        t = np.arange(moment.sample(0.6)) / moment.fs
        thud = np.sin(2.0 * np.pi * 210.0 * t) * np.exp(-t / 0.06)
        thud += 0.5 * moment.rng.standard_normal(t.size) * np.exp(-t / 0.008)
        thud *= ratio_from_db(self.peak_dbfs) / np.max(np.abs(thud))
        return _added(inputs, moment, thud, self.at_s)


@dataclass(frozen=True)
class Speech(Fault):
    """Somebody talks (row 14): a buzz of 120 Hz with formants, in syllables."""

    at_s: float = 2.0
    duration_s: float = 1.0
    level_dbfs: float = -40.0  # rms

    def on_input(self, inputs: FloatArray, moment: Moment) -> FloatArray:
        """Add the voice."""
        t = np.arange(moment.sample(self.duration_s)) / moment.fs
        pitch = 2.0 * np.pi * (120.0 * t + 3.0 * np.sin(2.0 * np.pi * 1.3 * t))
        voice = np.zeros(t.size)
        for k in range(1, 34):
            f = 120.0 * k
            formants = sum(
                a / (1.0 + ((f - c) / b) ** 2)
                for c, b, a in ((600.0, 120.0, 1.0), (1300.0, 160.0, 0.5), (2600.0, 220.0, 0.25))
            )
            voice += formants * np.sin(k * pitch + moment.rng.uniform(0.0, 6.28))
        voice *= np.sin(np.pi * 4.0 * t) ** 2
        voice *= ratio_from_db(self.level_dbfs) / np.sqrt(np.mean(voice**2))
        return _added(inputs, moment, voice, self.at_s)


@dataclass(frozen=True)
class ResampledBand(Fault):
    """The system converts 48 kHz to 44.1 kHz and back (row 22)."""

    through_fs: int = 44100

    def on_recording(self, recorded: FloatArray, moment: Moment) -> FloatArray:
        """Lose what lies above half the lower rate."""
        return low_passed(recorded, moment.fs, self.through_fs / 2.0, 0.09 * self.through_fs / 2.0)


@dataclass(frozen=True)
class VoicePath(Fault):
    """A headset's voice mode: nothing above 8 kHz (row 23)."""

    stop_hz: float = 8000.0

    def on_recording(self, recorded: FloatArray, moment: Moment) -> FloatArray:
        """Lose the treble."""
        return low_passed(recorded, moment.fs, self.stop_hz, 0.1 * self.stop_hz)


@dataclass(frozen=True)
class AutomaticGain(Fault):
    """A microphone that turns itself up and down (row 24)."""

    target_dbfs: float = -30.0
    max_gain_db: float = 12.0
    window_s: float = 0.3

    def on_recording(self, recorded: FloatArray, moment: Moment) -> FloatArray:
        """Steer half of the way towards a constant level."""
        recorded = recorded.copy()
        x = recorded[moment.microphone]
        level = np.maximum(envelope(x, moment.sample(self.window_s)), 1e-9)
        bound = float(ratio_from_db(self.max_gain_db))
        gain = np.sqrt(np.clip(ratio_from_db(self.target_dbfs) / level, 1.0 / bound, bound))
        recorded[moment.microphone] = x * gain
        return recorded


@dataclass(frozen=True)
class NoiseSuppression(Fault):
    """Speech enhancement that learns the noise and takes it away (row 25)."""

    learn_s: float = 0.5
    floor_db: float = -20.0

    def on_recording(self, recorded: FloatArray, moment: Moment) -> FloatArray:
        """Subtract the learnt spectrum, once it is learnt."""
        size = 1024
        hop = size // 2
        recorded = recorded.copy()
        x = recorded[moment.microphone]
        n_frames = -(-x.size // hop) + 1
        padded = np.zeros((n_frames + 1) * hop)
        padded[hop : hop + x.size] = x
        window = np.sin(np.pi * (np.arange(size) + 0.5) / size)
        frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
        spectra = scipy.fft.rfft(frames * window, axis=1)
        power = np.abs(spectra) ** 2
        learnt = max(2, int(self.learn_s * moment.fs / hop))
        noise = power[2:learnt].mean(axis=0) + 1e-30
        gain = np.sqrt(np.maximum(1.0 - 4.0 * noise / np.maximum(power, 1e-30), 0.0))
        gain = np.maximum(gain, ratio_from_db(self.floor_db))
        gain[:learnt] = 1.0
        cleaned = scipy.fft.irfft(spectra * gain, size, axis=1) * window
        total = np.zeros_like(padded)
        for i, frame in enumerate(cleaned):
            total[i * hop : i * hop + size] += frame
        recorded[moment.microphone] = total[hop : hop + x.size]
        return recorded


@dataclass(frozen=True)
class GainStep(Fault):
    """Somebody turns the microphone's gain during a take (row 27)."""

    at_s: float = 5.0
    gain_db: float = -1.0

    def on_input(self, inputs: FloatArray, moment: Moment) -> FloatArray:
        """Scale the microphone from a time onwards."""
        inputs = inputs.copy()
        inputs[moment.microphone, moment.sample(self.at_s) :] *= ratio_from_db(self.gain_db)
        return inputs


def _added(inputs: FloatArray, moment: Moment, x: FloatArray, at_s: float = 0.0) -> FloatArray:
    """Add a sound at the microphone, from a time onwards, as far as the take goes."""
    start = moment.sample(at_s)
    inputs = inputs.copy()
    row = inputs[moment.microphone, start : start + x.size]
    row += x[: row.size]
    return inputs
