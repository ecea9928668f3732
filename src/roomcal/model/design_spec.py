"""Every choice of a filter design with its default, validated here and nowhere else."""

from dataclasses import dataclass
from typing import Literal

from roomcal.errors import InputError

MAX_TAPS = 1 << 20
MAX_LATENCY_S = 1.0


def _check(ok: bool, text: str, hint: str) -> None:
    if not ok:
        raise InputError("RC-316", text, hint=hint)


@dataclass(frozen=True)
class DesignSpec:
    """What the user wants of a correction."""

    target: str = "tilt"  # name of a target or path of a text file
    tilt_db: float = 0.0  # added to the target, per octave; negative falls towards the treble
    bass_db: float = 0.0  # of a shelf below 100 Hz, added to the target
    treble_db: float = 0.0  # of a shelf above 2.5 kHz, added to the target
    phase: Literal["minimum", "mixed", "linear"] = "mixed"
    max_latency_s: float | None = None  # None: 5 ms for mixed phase, what it takes for linear
    fs: tuple[int, ...] = (48000,)  # sample rates to design for; the first is explained
    taps: int = 65536  # filter length at 48 kHz; other rates get the same duration
    max_boost_db: float = 6.0
    max_cut_db: float = 24.0
    low_hz: float = 20.0  # no correction below
    high_hz: float = 20000.0  # no correction above
    strength: float = 1.0  # 0: no correction, 1: all of it
    match_levels: bool = True
    match_delays: bool = True
    crossover: bool = True  # join a measured sub with the mains: their bass goes to it
    crossover_hz: float | None = None  # None: the frequency at which they add up best
    peq: int = 0  # bands of a parametric equaliser; 0: a FIR filter
    device_limits: str = "free"  # of the equaliser: a name out of `roomcal.design.device_limits`
    hybrid_hz: float = 0.0  # with `peq`: bands below, a FIR of `taps` above; 0: bands alone
    direct_sound: bool = True  # the magnitude follows the direct sound too, above the transition
    excess_phase: bool = True  # mixed phase: correct the phase of the speaker
    modal_decay: bool = True  # mixed phase: shorten the ringing of modes
    guard: bool = True  # try the modal correction at positions left out, drop what does harm

    def __post_init__(self) -> None:
        _check(
            self.phase in ("minimum", "mixed", "linear"),
            f"phase {self.phase!r} is not known",
            "use minimum, mixed or linear",
        )
        _check(
            self.max_latency_s is None or 0.0 <= self.max_latency_s <= MAX_LATENCY_S,
            f"a latency limit of {1000.0 * (self.max_latency_s or 0.0):g} ms is out of range",
            f"use 0 to {1000.0 * MAX_LATENCY_S:.0f} ms",
        )
        _check(
            bool(self.fs), "no sample rate to design for", "name at least one, for example 48000"
        )
        for fs in self.fs:
            _check(
                8000 <= fs <= 768000, f"sample rate {fs} Hz is out of range", "use 8000 to 768000"
            )
        _check(len(set(self.fs)) == len(self.fs), "a sample rate is named twice", "name each once")
        _check(
            64 <= self.taps <= MAX_TAPS,
            f"{self.taps} taps are out of range",
            f"use 64 to {MAX_TAPS}",
        )
        _check(
            0.0 <= self.max_boost_db <= 20.0,
            f"a boost limit of {self.max_boost_db:g} dB is out of range",
            "use 0 to 20 dB; 6 dB is careful",
        )
        _check(
            0.0 <= self.max_cut_db <= 60.0,
            f"a cut limit of {self.max_cut_db:g} dB is out of range",
            "use 0 to 60 dB",
        )
        _check(
            0.0 < self.low_hz < self.high_hz,
            f"the correction range {self.low_hz:g} to {self.high_hz:g} Hz is empty",
            "low must be above 0 and below high",
        )
        _check(
            self.crossover_hz is None or 30.0 <= self.crossover_hz <= 250.0,
            f"a crossover at {self.crossover_hz or 0.0:g} Hz is out of range",
            "use 30 to 250 Hz",
        )
        _check(0 <= self.peq <= 64, f"{self.peq} bands are out of range", "use 1 to 64")
        _check(
            self.peq == 0 or self.phase != "linear",
            "bands have no linear phase",
            "leave --phase out, or --peq",
        )
        _check(
            self.peq > 0 or self.device_limits == "free",
            f"limits of {self.device_limits!r} are for bands, and there are none",
            "say how many with --peq, or leave --device-limits out",
        )
        _check(
            self.hybrid_hz == 0.0 or (self.peq > 0 and 50.0 <= self.hybrid_hz <= 5000.0),
            f"a hybrid below {self.hybrid_hz:g} Hz is not possible",
            "use 50 to 5000 Hz, together with --peq",
        )
        for name, value, most in (
            ("tilt", self.tilt_db, 3.0),
            ("bass shelf", self.bass_db, 15.0),
            ("treble shelf", self.treble_db, 15.0),
        ):
            _check(
                abs(value) <= most,
                f"a {name} of {value:g} dB is out of range",
                f"use -{most:g} to {most:g} dB",
            )
        _check(
            0.0 <= self.strength <= 1.0,
            f"a strength of {self.strength:g} is out of range",
            "use 0 (no correction) to 1 (all of it)",
        )
