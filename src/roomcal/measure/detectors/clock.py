"""How far the recorder's clock is off, and whether it is a clock at all (FAULTS.md, 19 and 20)."""

import numpy as np

from roomcal.measure.clock import ClockLine
from roomcal.measure.evidence import Evidence
from roomcal.measure.rates import RATES_HZ
from roomcal.model.verdict import Verdict

# FAULTS.md: crystals differ by 100 ppm at worst; more than 300 ppm is no difference of clocks.
REJECTED_ABOVE_PPM = 300.0
_SAME_RATE = 2e-3  # a ratio this near to that of two sample rates is theirs


def detect(evidence: Evidence) -> list[Verdict]:
    """Say what the clock correction is, or reject what is none."""
    return judge_clock(evidence.time.clock, evidence.fs)


def judge_clock(clock: ClockLine, fs: int) -> list[Verdict]:
    """Judge the slope of a clock line."""
    ppm = clock.slope_ppm
    numbers = {"slope_ppm": round(ppm, 4)}
    if abs(ppm) <= REJECTED_ABOVE_PPM:
        if not clock.needs_correction:
            return []
        message = f"the microphone's clock is off by {ppm:+.2f} ppm: corrected"
        return [Verdict("clock", "note", "RC-529", message, evidence=numbers)]
    actual = min(RATES_HZ, key=lambda rate: abs(np.log(clock.ratio * fs / rate)))
    if actual != fs and abs(clock.ratio * fs / actual - 1.0) < _SAME_RATE:
        return [
            Verdict(
                "clock",
                "rejection",
                "RC-519",
                f"the recording runs at {actual / 1000:g} kHz and is taken for {fs / 1000:g} kHz",
                hint=f"set the input device to {fs / 1000:g} kHz, in its own panel and in the "
                "system's sound settings",
                evidence=numbers | {"actual_hz": float(actual)},
            )
        ]
    return [
        Verdict(
            "clock",
            "rejection",
            "RC-519",
            f"input and output differ by {ppm:+.0f} ppm: more than {REJECTED_ABOVE_PPM:.0f} ppm "
            "is not a difference of clocks",
            hint="something resamples: set both devices to the same rate and use their drivers "
            "directly (exclusive mode, ALSA hw, ASIO)",
            evidence=numbers,
        )
    ]
