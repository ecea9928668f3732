"""What a live run shows of itself: one snapshot for the screen, for scripts and for `ctl`."""

import dataclasses
import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from roomcal.live.controls import Controls
from roomcal.live.panel import Meters, Panel
from roomcal.units import FloatArray, db_from_ratio

_HOLD_LOOKS = 10  # peaks are shown for so many looks: a second at ten a second
# Counters of the panel that go on counting when another child begins at zero.
COUNTERS = (
    *("limited", "clipped", "input_overs", "bad_blocks", "bad_outputs", "dc_mutes"),
    *("feedback_trips", "late", "overloads", "host_events", "missing_frames", "swaps"),
)
METER_BOTTOM_DBFS = -60.0  # where the bar of a meter begins
SILENT_DBFS = -120.0  # below this a meter shows nothing


@dataclasses.dataclass(frozen=True)
class ChannelMeter:
    """Level of one input or output."""

    name: str
    peak_dbfs: float | None  # of the last second; None: silence
    # The highest since the start, between the samples too (ITU-R BS.1770); of outputs.
    true_peak_dbfs: float | None = None

    @property
    def fill(self) -> float:
        """How far a meter's bar reaches, from 0 to 1."""
        if self.peak_dbfs is None:
            return 0.0
        return min(max(1.0 - self.peak_dbfs / METER_BOTTOM_DBFS, 0.0), 1.0)


@dataclasses.dataclass(frozen=True)
class RunStatus:
    """A run at one moment."""

    state: str  # preparing, compiling, opening, waiting, starting, running, fading, muted, stopped
    reason: str  # why it is not running
    bank: str  # that is heard
    wanted: str  # the bank that will be, as soon as its crossfade is over
    banks: tuple[str, ...]
    bypass: bool
    mute: bool
    dim: bool
    solo: str
    inverted: tuple[str, ...]
    gains_db: Mapping[str, float]
    source: str
    device: str
    fs: int | None
    block: int
    latency_s: float | None  # end to end: filters, engine and audio system
    filter_latency_s: float | None
    engine_latency_s: float | None
    system_latency_s: float | None
    bypass_gain_db: float | None  # of the bypass re the input, so that it is as loud as the bank
    inputs: tuple[ChannelMeter, ...]
    outputs: tuple[ChannelMeter, ...]
    load: float | None  # share of the time that there is, mean of the last second
    load_worst: float | None  # of one block, since the start
    limiter_gain_db: float  # the least of the last second
    xruns: int
    restarts: int
    counters: Mapping[str, int]
    routing: Mapping[str, Any]
    try_number: int  # of reconnecting
    message: str  # the last thing worth knowing


class MeterHold:
    """Keeps what a meter has shown: peaks for a second, the highest for ever, counts for ever.

    Parameters
    ----------
    panel : Panel
        Its peaks are reset at every look.
    """

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._recent: deque[Meters] = deque(maxlen=_HOLD_LOOKS)
        self._true_peak: FloatArray = np.zeros(0)
        self._base = dict.fromkeys(COUNTERS, 0)
        self._last = dict.fromkeys(COUNTERS, 0)
        self._load_max_ns = 0

    def look(self) -> Meters:
        """Read the panel, and let its peaks begin anew."""
        meters = self._panel.meters()
        self._panel.reset_meters()
        self._recent.append(meters)
        if self._true_peak.shape != meters.true_peak.shape:
            self._true_peak = np.zeros(meters.true_peak.shape)
        self._true_peak = np.maximum(self._true_peak, meters.true_peak)
        if meters.state == "running":  # the first blocks touch their memory for the first time
            self._load_max_ns = max(self._load_max_ns, meters.counts["load_max_ns"])
        self._last = {name: meters.counts[name] for name in COUNTERS}
        return meters

    def begin_anew(self) -> None:
        """Go on counting where a child was lost: the next one begins at zero."""
        self._base = self.counters
        self._last = dict.fromkeys(COUNTERS, 0)
        self._recent.clear()

    @property
    def counters(self) -> dict[str, int]:
        """Counts since the start of the run."""
        return {name: self._base[name] + self._last[name] for name in COUNTERS}

    def inputs(self, names: Sequence[str]) -> tuple[ChannelMeter, ...]:
        """Return the meters of the inputs."""
        peaks = self._held([m.input_peak for m in self._recent], len(names))
        return tuple(
            ChannelMeter(name, dbfs(peak)) for name, peak in zip(names, peaks, strict=True)
        )

    def outputs(self, names: Sequence[str]) -> tuple[ChannelMeter, ...]:
        """Return the meters of the outputs."""
        peaks = self._held([m.output_peak for m in self._recent], len(names))
        highest = self._held([self._true_peak], len(names))
        return tuple(
            ChannelMeter(name, dbfs(peak), dbfs(high))
            for name, peak, high in zip(names, peaks, highest, strict=True)
        )

    @property
    def limiter_gain_db(self) -> float:
        """The least gain of the limiter in the last second."""
        least = min((m.limiter_gain for m in self._recent), default=1.0)
        return round(float(db_from_ratio(least)), 2) if least < 1.0 else 0.0

    def load(self, fs: int) -> float | None:
        """Return the mean share of the time that there is; None without a clock."""
        if len(self._recent) < 2:
            return None
        first, last = self._recent[0].counts, self._recent[-1].counts
        frames = last["frames"] - first["frames"]
        spent_ns = last["load_total_ns"] - first["load_total_ns"]
        return spent_ns * 1e-9 * fs / frames if frames > 0 and spent_ns > 0 else None

    def load_worst(self, fs: int, block: int) -> float | None:
        """Return the worst share of one block since the start."""
        return self._load_max_ns * 1e-9 * fs / block if self._load_max_ns else None

    @staticmethod
    def _held(peaks: list[FloatArray], n: int) -> list[float]:
        fitting = [p for p in peaks if p.size == n]
        return np.max(fitting, axis=0).tolist() if fitting else [0.0] * n


def dbfs(peak: float) -> float | None:
    """Return the level of a peak; None for silence."""
    level = float(db_from_ratio(peak))
    return None if level < SILENT_DBFS or not math.isfinite(level) else round(level, 2)


def controls_of(controls: Controls) -> dict[str, Any]:
    """Return the switches as a snapshot has them."""
    return {
        "bypass": controls.bypass,
        "mute": controls.mute,
        "dim": controls.dim,
        "solo": controls.solo,
        "inverted": tuple(sorted(controls.inverted)),
        "gains_db": {name: gain_db for name, gain_db in controls.gains_db.items() if gain_db},
    }
