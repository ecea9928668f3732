"""The impulse response of one path: one speaker to one position."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from roomcal.model.arrays import frozen_array
from roomcal.units import FloatArray

if TYPE_CHECKING:
    import pyfar

# How well `time_zero` is known: by cable; shared by the takes of one position; not at all.
TimeReference = Literal["loopback", "marks", "none"]


@dataclass(frozen=True, eq=False)
class BandSnr:
    """Signal-to-noise ratio per third octave.

    Attributes
    ----------
    f_hz : (n_bands,) float array
        Exact mid-band frequencies.
    snr_db : (n_bands,) float array
    """

    f_hz: FloatArray
    snr_db: FloatArray

    def __post_init__(self) -> None:
        for name in ("f_hz", "snr_db"):
            object.__setattr__(self, name, frozen_array(getattr(self, name), ndim=1, name=name))
        if self.f_hz.shape != self.snr_db.shape:
            raise ValueError("f_hz and snr_db differ in length")


@dataclass(frozen=True, eq=False)
class ImpulseResponse:
    """Sound pressure at one position for a unit impulse sent to one speaker.

    Attributes
    ----------
    samples : (n_samples,) float array
        Full scale in, full scale out: 1 is 0 dB.
    time_zero : float
        Index (fractions allowed) at which the impulse left the output. With the reference
        "marks" it is late by a flight time that all responses of the position share; with "none"
        it is index 0 and arrival times mean nothing between responses.
    """

    samples: FloatArray
    fs: int
    speaker: str
    position: str
    time_zero: float = 0.0
    time_reference: TimeReference = "none"
    full_scale_db_spl: float | None = None
    snr: BandSnr | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "samples", frozen_array(self.samples, ndim=1, name="samples"))
        if self.samples.size == 0:
            raise ValueError("an impulse response needs samples")
        if not np.isfinite(self.samples).all():
            raise ValueError("an impulse response holds NaN or infinite samples")

    @property
    def duration_s(self) -> float:
        """Length of the response."""
        return self.samples.size / self.fs

    def spectrum(self, n_fft: int | None = None) -> np.ndarray[Any, np.dtype[np.complex128]]:
        """Transfer function at the bins of a real FFT, index 0 as time 0.

        Returns
        -------
        H : (n_fft // 2 + 1,) complex array
        """
        return np.fft.rfft(self.samples, n_fft or self.samples.size)

    def to_pyfar(self) -> "pyfar.Signal":
        """Return a `pyfar.Signal` (no FFT normalisation) with the bookkeeping in its comment."""
        import pyfar

        comment = f"{self.speaker} at {self.position}, time zero at sample {self.time_zero!r}"
        return pyfar.Signal(np.array(self.samples), self.fs, fft_norm="none", comment=comment)

    @classmethod
    def from_pyfar(
        cls, signal: "pyfar.Signal", *, speaker: str, position: str, time_zero: float = 0.0
    ) -> "ImpulseResponse":
        """Take the one channel of a `pyfar.Signal`.

        Raises
        ------
        ValueError
            If the signal has several channels, or an FFT normalisation that scales its spectrum.
        """
        if signal.fft_norm != "none":
            raise ValueError(
                f"an impulse response has no FFT normalisation, got {signal.fft_norm=}"
            )
        if signal.cshape != (1,):
            raise ValueError(f"one channel expected, got {signal.cshape=}")
        return cls(
            samples=signal.copy().time[0],
            fs=int(signal.sampling_rate),
            speaker=speaker,
            position=position,
            time_zero=time_zero,
        )
