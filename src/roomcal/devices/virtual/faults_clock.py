"""Scripted faults of time: clocks, resamplers, latency, lost and repeated samples."""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from roomcal.devices.virtual.fault import Fault, Moment
from roomcal.devices.virtual.grid import fade
from roomcal.units import FloatArray


def low_passed(x: FloatArray, fs: int, stop_hz: float, width_hz: float) -> FloatArray:
    """Zero-phase low-pass over the last axis that ends at `stop_hz`."""
    n_fft = scipy.fft.next_fast_len(x.shape[-1] + fs // 10, real=True)
    f = np.fft.rfftfreq(n_fft, 1.0 / fs)
    H = fade(np.asarray((stop_hz - f) / width_hz))
    return np.asarray(scipy.fft.irfft(scipy.fft.rfft(x, n_fft) * H, n_fft)[..., : x.shape[-1]])


@dataclass(frozen=True)
class ClockDrift(Fault):
    """The input's clock runs slower by this than the output's (row 19)."""

    ppm: float = 100.0

    def on_clock(self, instants: FloatArray, moment: Moment) -> FloatArray:  # noqa: ARG002
        """Stretch the instants."""
        return instants * (1.0 + self.ppm * 1e-6)


@dataclass(frozen=True)
class RateMixUp(Fault):
    """The input runs at another rate than it says (row 20)."""

    actual_fs: int = 44100

    def on_clock(self, instants: FloatArray, moment: Moment) -> FloatArray:
        """Sample at the actual rate."""
        return instants * (moment.fs / self.actual_fs)


@dataclass(frozen=True)
class AdaptiveResampler(Fault):
    """A resampler of the system that hunts for the other clock (row 21)."""

    ramp_ppm: float = 20.0  # the drift grows from -ramp/2 to +ramp/2 over `period_s`
    period_s: float = 20.0

    def on_clock(self, instants: FloatArray, moment: Moment) -> FloatArray:
        """Bend the instants: the integral of a drift that rises evenly."""
        t = instants / moment.fs
        bend_s = self.ramp_ppm * 1e-6 * (t**2 / (2.0 * self.period_s) - t / 2.0)
        return instants + bend_s * moment.fs


@dataclass(frozen=True)
class LatencyJump(Fault):
    """The stream starts later than in other takes (row 29)."""

    samples: float = 512.0
    takes: tuple[int, ...] = (1,)

    def on_clock(self, instants: FloatArray, moment: Moment) -> FloatArray:  # noqa: ARG002
        """Read earlier instants: all arrives later."""
        return instants - self.samples


@dataclass(frozen=True)
class ZeroedSamples(Fault):
    """A dropout that keeps the time: samples become zero (row 15)."""

    at_s: float = 2.0
    n_samples: int = 64

    def on_recording(self, recorded: FloatArray, moment: Moment) -> FloatArray:
        """Zero a stretch on all inputs."""
        start = moment.sample(self.at_s)
        recorded = recorded.copy()
        recorded[:, start : start + self.n_samples] = 0.0
        return recorded


@dataclass(frozen=True)
class DroppedSamples(Fault):
    """Samples that never arrive: all after them comes too soon (row 16)."""

    at_s: float = 2.0
    n_samples: int = 1

    def on_recording(self, recorded: FloatArray, moment: Moment) -> FloatArray:
        """Cut a stretch and fill the end with zeros."""
        start = moment.sample(self.at_s)
        kept = np.delete(recorded, np.s_[start : start + self.n_samples], axis=1)
        return np.pad(kept, ((0, 0), (0, recorded.shape[1] - kept.shape[1])))


@dataclass(frozen=True)
class RepeatedBlock(Fault):
    """A block that arrives twice: all after it comes too late (row 17)."""

    at_s: float = 2.0
    n_samples: int = 128

    def on_recording(self, recorded: FloatArray, moment: Moment) -> FloatArray:
        """Insert a stretch once more."""
        start = moment.sample(self.at_s)
        stop = start + self.n_samples
        longer = np.concatenate([recorded[:, :stop], recorded[:, start:]], axis=1)
        return longer[:, : recorded.shape[1]]


@dataclass(frozen=True)
class Xrun(Fault):
    """The stream reports an overrun although the data are whole (row 18)."""

    count: int = 1

    def xruns(self) -> int:
        """Report it."""
        return self.count


@dataclass(frozen=True)
class DeviceVanishes(Fault):
    """The device is unplugged (row 31)."""

    at_s: float = 3.0

    def vanishes_at_s(self) -> float | None:
        """Say when."""
        return self.at_s


@dataclass(frozen=True)
class Interruption(Fault):
    """The user presses Ctrl-C, once (row 33)."""

    at_s: float = 3.0

    def interrupted_at_s(self) -> float | None:
        """Say when."""
        return self.at_s
