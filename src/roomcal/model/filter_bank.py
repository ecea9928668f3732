"""Correction filters: the taps are the whole truth, their structure stands beside them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from roomcal.model.arrays import frozen_array
from roomcal.model.biquad import Biquad
from roomcal.model.curve import Curve
from roomcal.model.ledger import LedgerEntry
from roomcal.units import FloatArray


@dataclass(frozen=True)
class Crossover:
    """A Linkwitz-Riley crossover; which half a path takes is said beside it."""

    f_hz: float
    slope_db_per_octave: int  # a multiple of 12

    def __post_init__(self) -> None:
        if self.f_hz <= 0.0 or self.slope_db_per_octave not in (12, 24, 36, 48):
            raise ValueError(f"no such crossover: {self.f_hz=} {self.slope_db_per_octave=}")


@dataclass(frozen=True)
class PathStructure:
    """What the taps of one path contain, so that an export may carry parts natively."""

    output: str
    input: str
    gain_db: float = 0.0  # level match between speakers, without the headroom
    delay_s: float = 0.0  # delay match between speakers
    inverted: bool = False
    crossover: Crossover | None = None
    crossover_half: str = ""  # "high" or "low"
    biquads: tuple[Biquad, ...] = ()  # bands that the taps contain
    fir_taps: int | None = None  # beside `biquads`: a FIR of this length; None: no FIR at all


@dataclass(frozen=True, eq=False)
class FilterBank:
    """All filters for one sample rate.

    Attributes
    ----------
    taps : (n_outputs, n_inputs, n_taps) float array
        At the level that plays: gain, delay, polarity and headroom included.
    latency_samples : int
        Delay of the direct sound that all paths share, beyond the delays of `paths`.
    headroom_db : float
        Attenuation that is contained in the taps so that no sine at full scale clips.
    """

    taps: FloatArray
    fs: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    latency_samples: int = 0
    headroom_db: float = 0.0
    paths: tuple[PathStructure, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "taps", frozen_array(self.taps, ndim=3, name="taps"))
        if self.taps.shape[:2] != (len(self.outputs), len(self.inputs)):
            raise ValueError(f"{self.taps.shape=} does not fit {self.outputs=} and {self.inputs=}")
        if not np.isfinite(self.taps).all():
            raise ValueError("a filter holds NaN or infinite taps")

    @property
    def n_taps(self) -> int:
        """Length of the longest filter."""
        return int(self.taps.shape[2])

    @property
    def latency_s(self) -> float:
        """Delay of the direct sound that all paths share."""
        return self.latency_samples / self.fs

    def path(self, output: str, input_name: str) -> FloatArray:
        """Taps from one input to one output, (n_taps,)."""
        return self.taps[self.outputs.index(output), self.inputs.index(input_name)]

    @property
    def active_paths(self) -> tuple[tuple[str, str], ...]:
        """(output, input) of every path that is not silent."""
        return tuple(
            (out, inp)
            for o, out in enumerate(self.outputs)
            for i, inp in enumerate(self.inputs)
            if np.any(self.taps[o, i])
        )


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why the filter of one speaker is what it is: every intermediate curve of the design.

    `curves` holds "before" (what was measured, averaged over positions), "asked" (the target,
    placed at the level it is held against), "target" (what the speaker can do of it), "wanted"
    (the whole difference; above the bass the direct sound has its part in it), "granted" (what the
    rules leave of it), "boost limit", "spread" (between positions), "correction" (of the taps)
    and "predicted" (what will be measured). "correction" and "predicted" leave out `gain_db` and
    the bank's headroom, so that they lie over "target" and "before". `ledger` classes every
    deviation above 2 dB.
    """

    speaker: str
    curves: Mapping[str, Curve]
    gain_db: float = 0.0
    delay_s: float = 0.0
    inverted: bool = False
    notes: tuple[str, ...] = ()
    ledger: tuple[LedgerEntry, ...] = ()


@dataclass(frozen=True, eq=False)
class Bank:
    """A calibration on disk: one `FilterBank` a sample rate, and where it comes from."""

    name: str
    filters: Mapping[int, FilterBank]  # by sample rate
    provenance: Mapping[str, Any] = field(default_factory=dict)  # version, spec, session, digests
    explanations: tuple[Explanation, ...] = ()

    def __post_init__(self) -> None:
        if not self.filters:
            raise ValueError("a bank needs at least one filter bank")
        for fs, bank in self.filters.items():
            if fs != bank.fs:
                raise ValueError(f"the filter bank under {fs} Hz is for {bank.fs} Hz")
