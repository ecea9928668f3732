"""The exponential sweep: everything needed to make the test signal again, bit for bit."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Sweep:
    """A synchronised exponential sweep.

    Notes
    -----
    x(t) = sin(2 pi f1 L exp(t / L)), with f1 L a whole number, so that every harmonic starts in
    phase with the sweep (Novak, Lotton and Simon, J. Audio Eng. Soc. 63(10), 2015, equation 49).
    """

    fs: int  # Hz
    length_s: float = 5.5  # wanted; `duration_s` is the nearest that keeps f1 L whole
    start_hz: float = 10.0
    stop_hz: float = 0.0  # 0: half the sample rate
    level_dbfs: float = -20.0  # of the peak
    fade_in_octaves: float = 1.0
    fade_out_octaves: float = 1.0 / 12.0

    def __post_init__(self) -> None:
        if self.stop_hz == 0.0:
            object.__setattr__(self, "stop_hz", self.fs / 2.0)
        if not 10.0 <= self.start_hz < self.stop_hz <= self.fs / 2.0:
            raise ValueError(
                f"a sweep runs from at least 10 Hz up to at most fs / 2, got "
                f"{self.start_hz=} {self.stop_hz=} {self.fs=}"
            )
        if not 0.1 <= self.length_s <= 120.0:
            raise ValueError(f"length_s must be between 0.1 and 120, got {self.length_s}")
        if not -120.0 <= self.level_dbfs <= -3.0:
            raise ValueError(f"level_dbfs must be between -120 and -3, got {self.level_dbfs}")

    @property
    def rate_s(self) -> float:
        """Sweep rate L: the time in which the frequency grows by a factor of e."""
        wanted = self.length_s / np.log(self.stop_hz / self.start_hz)
        return float(max(1.0, np.round(self.start_hz * wanted)) / self.start_hz)

    @property
    def duration_s(self) -> float:
        """Time from `start_hz` to `stop_hz`."""
        return float(self.rate_s * np.log(self.stop_hz / self.start_hz))

    @property
    def n_samples(self) -> int:
        """Length of the signal in samples."""
        return int(np.floor(self.duration_s * self.fs)) + 1

    def harmonic_advance_s(self, order: int) -> float:
        """Time by which the response of one harmonic precedes the linear one: L ln(order)."""
        return float(self.rate_s * np.log(order))
