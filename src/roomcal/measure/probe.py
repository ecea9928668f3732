"""The first quiet sounds: what they are, and whether and how loud an input heard them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft

from roomcal.units import FloatArray, db_from_power, ratio_from_db

# The first sound of an evening: nobody is startled and no driver is moved.
FIRST_LEVEL_DBFS = -50.0
RAMP_S = 0.05  # raised cosine at both ends
PRE_ROLL_S = 0.5  # the noise is measured there
TAIL_S = 0.75  # latency of the device, flight and decay
# The matched filter stands out of its own median by this: noise alone reaches 4 to 5 in the
# some ten thousand independent values of a probe.
HEARD_RATIO = 8.0


@dataclass(frozen=True)
class Probe:
    """An exponential sweep through a band that the speaker plays and every driver bears."""

    low_hz: float
    high_hz: float
    length_s: float


FULL_RANGE = Probe(500.0, 2000.0, 1.0)
SUBWOOFER = Probe(30.0, 100.0, 3.0)  # longer: less bandwidth, more noise


@dataclass(frozen=True)
class Heard:
    """What one input of the device made of a probe."""

    input_channel: int
    silent: bool  # every sample is the same
    ratio: float  # of the matched filter's peak to its median
    level_dbfs: float  # rms within the band while the probe plays, the noise taken off
    noise_dbfs: float  # rms within the band before it
    peak_dbfs: float  # of the whole recording
    delay_samples: int  # from output to input

    @property
    def heard(self) -> bool:
        """Whether the probe is in it."""
        return not self.silent and self.ratio >= HEARD_RATIO

    @property
    def snr_db(self) -> float:
        """Level above the noise of the same band."""
        return self.level_dbfs - self.noise_dbfs


def probe_samples(probe: Probe, fs: int, *, level_dbfs: float) -> FloatArray:
    """Render a probe.

    Parameters
    ----------
    probe : Probe
    fs : int
    level_dbfs : float
        Of the peak.

    Returns
    -------
    x : (n_samples,) float array
    """
    t = np.arange(round(probe.length_s * fs)) / fs
    rate_s = probe.length_s / np.log(probe.high_hz / probe.low_hz)
    x = np.sin(2.0 * np.pi * probe.low_hz * rate_s * np.expm1(t / rate_s))
    edge = np.minimum(t, t[::-1]) / RAMP_S
    x *= 0.5 - 0.5 * np.cos(np.pi * np.clip(edge, 0.0, 1.0))
    return x * float(ratio_from_db(level_dbfs))


def render_probe(probe: Probe, fs: int, *, level_dbfs: float) -> FloatArray:
    """Lay out a probe with silence around it, (n_frames,)."""
    x = probe_samples(probe, fs, level_dbfs=level_dbfs)
    return np.pad(x, (round(PRE_ROLL_S * fs), round(TAIL_S * fs)))


def hear_probe(
    probe: Probe, recorded: FloatArray, fs: int, *, input_channels: Sequence[int]
) -> list[Heard]:
    """Look for a probe, as `render_probe` lays it out, on every input that was recorded.

    Parameters
    ----------
    probe : Probe
    recorded : (n_inputs, n_frames) float array
    fs : int
    input_channels : sequence of int
        Counted from 1.
    """
    return [
        _heard(probe, row, fs, channel)
        for row, channel in zip(recorded, input_channels, strict=True)
    ]


def _heard(probe: Probe, x: FloatArray, fs: int, channel: int) -> Heard:
    sent = probe_samples(probe, fs, level_dbfs=0.0)
    n_fft = scipy.fft.next_fast_len(x.size + sent.size, real=True)
    f = scipy.fft.rfftfreq(n_fft, 1.0 / fs)
    X = scipy.fft.rfft(x, n_fft) * ((f >= probe.low_hz) & (f <= probe.high_hz))
    band = scipy.fft.irfft(X, n_fft)[: x.size]
    analytic = np.zeros(n_fft, dtype=np.complex128)
    analytic[: f.size] = X * np.conj(scipy.fft.rfft(sent, n_fft))
    pre = round(PRE_ROLL_S * fs)
    # The probe starts no earlier than it was sent: before, the envelope is noise and its sidelobes.
    envelope = np.abs(scipy.fft.ifft(analytic))[: x.size - sent.size]
    late = envelope[pre:]
    delay = int(np.argmax(late))
    median = float(np.median(envelope[: pre - round(RAMP_S * fs)]))
    median = max(median, float(np.median(late)) / HEARD_RATIO, np.finfo(np.float64).tiny)
    playing = band[pre + delay : pre + delay + sent.size]
    noise = float(np.mean(band[: pre - round(RAMP_S * fs)] ** 2))
    power = float(np.mean(playing**2)) - noise
    return Heard(
        input_channel=channel,
        silent=bool(np.ptp(x) == 0.0),
        ratio=float(late[delay] / median),
        level_dbfs=float(db_from_power(max(power, 0.0))),
        noise_dbfs=float(db_from_power(noise)),
        peak_dbfs=float(db_from_power(np.max(x**2))),
        delay_samples=delay,
    )
