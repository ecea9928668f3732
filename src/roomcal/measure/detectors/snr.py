"""How far the response stands above the noise, band by band (FAULTS.md, rows 9 and 10)."""

import numpy as np

from roomcal.measure.evidence import Evidence
from roomcal.measure.snr import band_energies
from roomcal.model.impulse_response import BandSnr
from roomcal.model.verdict import Severity, Verdict
from roomcal.units import FloatArray, db_from_power, frequency_text

# FAULTS.md. The figure of a band is that of the response: what longer and more sweeps gain is in.
WARNED_BAND_DB = 20.0
REJECTED_BAND_DB = 10.0
# The sweep as it is heard, re the noise, 20 Hz to 20 kHz, for a take of the default length: row 9
# rejects 15 dB, and takes of 20 dB are usable.
WARNED_BROADBAND_DB = 30.0
REJECTED_BROADBAND_DB = 16.0
DEFAULT_LENGTH_S, DEFAULT_SWEEPS = 5.5, 3
# A band is judged if the speaker plays it: this far below what it plays at most.
PLAYED_DB = -18.0
_PLAYED_WITHIN_DB = 15.0
_TOGETHER = 3  # bands that must be heard for a response to be one at all
LONGEST_S = 22.0
MOST_SWEEPS = 4


def detect_unheard(evidence: Evidence) -> list[Verdict]:
    """Reject a take in which the sweep is not heard at all."""
    levels, f_hz = _known_levels_db(evidence)
    runs = np.lib.stride_tricks.sliding_window_view(levels, min(_TOGETHER, levels.size))
    if runs.min(axis=1).max() >= REJECTED_BAND_DB:
        return []
    best = int(np.argmax(levels))
    speaker = f"speaker {evidence.capture.speaker} at position {evidence.capture.position}"
    return [
        Verdict(
            "unheard",
            "rejection",
            "RC-503",
            f"the sweep of {speaker} is buried in noise: {levels[best]:.0f} dB above it in the "
            f"best band ({frequency_text(float(f_hz[best]))}), {REJECTED_BAND_DB:.0f} dB needed "
            "in three",
            hint="check that this speaker is on and on the right output channel, then the "
            "microphone's gain, the level, and what makes the noise",
            channel=evidence.capture.speaker,
            evidence={
                "best_db": round(float(levels[best]), 1),
                "best_hz": round(float(f_hz[best]), 1),
            },
        )
    ]


def detect(evidence: Evidence) -> list[Verdict]:
    """Judge the noise against what the speaker plays."""
    snr = evidence.response[1]
    levels, _ = _known_levels_db(evidence)
    played = played_bands(evidence.response[0], snr, evidence.fs)
    worst_db = float(levels[played].min())
    heard_db = evidence.broadband_snr_db
    broadband_db = heard_db + gain_db(evidence)
    limit_db = None
    if worst_db < REJECTED_BAND_DB or broadband_db < REJECTED_BROADBAND_DB:
        severity: Severity = "rejection"
        limit_db = max(REJECTED_BAND_DB, worst_db + 0.5)
        message = f"the noise is too high {{where}}: the speaker stands {worst_db:.0f} dB above it"
    elif worst_db < WARNED_BAND_DB:
        severity, limit_db = "warning", WARNED_BAND_DB
        message = f"the noise is near {{where}}: the speaker stands {worst_db:.0f} dB above it, "
        message += f"and filters boost nothing that has less than {WARNED_BAND_DB:.0f} dB"
    elif broadband_db < WARNED_BROADBAND_DB:
        severity, limit_db = "warning", worst_db + 0.5
        message = "the noise is near, most {where}: "
        message += f"the speaker stands {worst_db:.0f} dB above it"
    if limit_db is None:
        return []
    where = _range_text(snr.f_hz, played & (levels < limit_db))
    return [
        Verdict(
            "snr",
            severity,
            "RC-512",
            message.format(where=where) + f"; the sweep as a whole {heard_db:.0f} dB",
            hint="raise the level, make it quieter, or take "
            + _gain_text(
                evidence, max(WARNED_BAND_DB - worst_db, WARNED_BROADBAND_DB - broadband_db)
            ),
            channel=evidence.capture.speaker,
            evidence={"broadband_db": round(heard_db, 1), "worst_band_db": round(worst_db, 1)},
        )
    ]


def gain_db(evidence: Evidence) -> float:
    """Return what the length and number of the sweeps gain over the defaults."""
    plan = evidence.capture.plan
    length = plan.sweep.length_s / DEFAULT_LENGTH_S
    return float(10.0 * np.log10(length * len(plan.sweep_starts) / DEFAULT_SWEEPS))


def played_bands(
    h: FloatArray, snr: BandSnr, fs: int
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Bands that a speaker plays, noise taken off, (n_bands,)."""
    mean = band_energies(h, fs, snr.f_hz) / snr.f_hz
    ratio = 10.0 ** (np.nan_to_num(snr.snr_db, nan=200.0) / 10.0)
    level_db = db_from_power(mean * ratio / (1.0 + ratio))
    usual_db = float(np.median(level_db[level_db >= level_db.max() - _PLAYED_WITHIN_DB]))
    return level_db >= usual_db + PLAYED_DB


def _known_levels_db(evidence: Evidence) -> tuple[FloatArray, FloatArray]:
    """Signal-to-noise ratio of each band, infinite without noise, and their frequencies."""
    snr = evidence.response[1]
    return np.where(np.isnan(snr.snr_db), np.inf, snr.snr_db), snr.f_hz


def _range_text(f_hz: FloatArray, bad: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> str:
    """Name the bands that are bad: "below 60 Hz", "around 8 kHz", "from 20 Hz to 2 kHz"."""
    index = np.flatnonzero(bad)
    low, high = float(f_hz[index[0]]), float(f_hz[index[-1]])
    if index.size == 1:
        return f"around {frequency_text(low)}"
    if not np.all(bad[index[0] : index[-1] + 1]):
        return f"in {index.size} bands between {frequency_text(low)} and {frequency_text(high)}"
    if index[0] <= 1:
        return f"below {frequency_text(high * 10.0**0.05)}"
    return f"from {frequency_text(low)} to {frequency_text(high)}"


def _gain_text(evidence: Evidence, needed_db: float) -> str:
    """Say what longer and more sweeps gain, as options."""
    plan = evidence.capture.plan
    length_s, sweeps = plan.sweep.length_s, len(plan.sweep_starts)
    doublings = max(1.0, np.ceil(needed_db / 3.0))
    longer_s = max(length_s, min(LONGEST_S, length_s * 2.0**doublings))
    length_db = 10.0 * np.log10(longer_s / length_s)
    wanted = np.ceil(sweeps * 10.0 ** ((needed_db - length_db) / 10.0))
    more = int(max(sweeps + 1, min(MOST_SWEEPS, wanted)))
    sweeps_db = 10.0 * np.log10(more / sweeps)
    return (
        f"longer and more sweeps (--length {longer_s:g} --sweeps {more} gains "
        f"{length_db:.0f}+{sweeps_db:.0f} dB)"
    )
