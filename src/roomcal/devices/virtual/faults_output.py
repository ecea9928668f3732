"""Scripted faults on the way out: routing, level, polarity, protection, other speakers."""

from dataclasses import dataclass

import numpy as np

from roomcal.devices.virtual.fault import Fault, Moment
from roomcal.units import FloatArray, db_from_ratio, ratio_from_db


def envelope(x: FloatArray, window_samples: int) -> FloatArray:
    """Root mean square over the last `window_samples`, (n,)."""
    total = np.concatenate([np.zeros(window_samples), np.cumsum(x**2)])
    power = total[window_samples:] - total[:-window_samples]
    return np.sqrt(np.maximum(power, 0.0) / window_samples)


@dataclass(frozen=True)
class SpeakerSilent(Fault):
    """A speaker that is switched off, or every one (row 2)."""

    channel: int | None = None

    def on_output(self, output: FloatArray, moment: Moment) -> FloatArray:  # noqa: ARG002
        """Send nothing."""
        output = output.copy()
        output[slice(None) if self.channel is None else self.channel - 1] = 0.0
        return output


@dataclass(frozen=True)
class SwappedOutputs(Fault):
    """Two cables changed (row 4)."""

    channels: tuple[int, int] = (1, 2)

    def on_output(self, output: FloatArray, moment: Moment) -> FloatArray:  # noqa: ARG002
        """Exchange two outputs."""
        first, second = self.channels[0] - 1, self.channels[1] - 1
        output = output.copy()
        output[[first, second]] = output[[second, first]]
        return output


@dataclass(frozen=True)
class MonoDownmix(Fault):
    """The system plays the mean of two outputs on both (row 5)."""

    channels: tuple[int, int] = (1, 2)

    def on_output(self, output: FloatArray, moment: Moment) -> FloatArray:  # noqa: ARG002
        """Mix two outputs."""
        rows = [c - 1 for c in self.channels]
        output = output.copy()
        output[rows] = output[rows].mean(axis=0)
        return output


@dataclass(frozen=True)
class SameSpeaker(Fault):
    """What goes to the second output plays from the first (row 6)."""

    channels: tuple[int, int] = (1, 2)

    def on_output(self, output: FloatArray, moment: Moment) -> FloatArray:  # noqa: ARG002
        """Add the second output to the first and silence it."""
        first, second = self.channels[0] - 1, self.channels[1] - 1
        output = output.copy()
        output[first] += output[second]
        output[second] = 0.0
        return output


@dataclass(frozen=True)
class SpeakerLimiter(Fault):
    """A protection that compresses what is louder than its threshold (row 26)."""

    threshold_dbfs: float = -26.0  # rms over the window
    ratio: float = 3.0
    window_s: float = 0.02

    def on_output(self, output: FloatArray, moment: Moment) -> FloatArray:
        """Turn down every output by its own level."""
        limited = output.copy()
        for x in limited:
            level_db = db_from_ratio(envelope(x, moment.sample(self.window_s)))
            excess_db = np.maximum(level_db - self.threshold_dbfs, 0.0)
            x *= ratio_from_db(-excess_db * (1.0 - 1.0 / self.ratio))
        return limited


@dataclass(frozen=True)
class AmplifierGain(Fault):
    """Somebody turns the amplifier (row 51), or that of one channel, from a time onwards."""

    gain_db: float = 30.0
    from_s: float = 0.0
    channel: int | None = None

    def on_output(self, output: FloatArray, moment: Moment) -> FloatArray:
        """Scale the outputs."""
        output = output.copy()
        rows = slice(None) if self.channel is None else self.channel - 1
        output[rows, moment.sample(self.from_s) :] *= ratio_from_db(self.gain_db)
        return output


@dataclass(frozen=True)
class PolarityFlip(Fault):
    """Plus and minus changed at one speaker, always or for some time (row 28)."""

    channel: int = 2
    from_s: float = 0.0
    to_s: float = float("inf")

    def on_output(self, output: FloatArray, moment: Moment) -> FloatArray:
        """Invert one output."""
        stop = output.shape[1] if np.isinf(self.to_s) else moment.sample(self.to_s)
        output = output.copy()
        output[self.channel - 1, moment.sample(self.from_s) : stop] *= -1.0
        return output
