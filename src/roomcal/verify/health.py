"""What changed in a studio since its baseline, and by which evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from roomcal.units import frequency_text, nominal_hz, speed_of_sound_m_s
from roomcal.verify.checkup import BANDS_HZ, Checkup
from roomcal.verify.fine_structure import temperature_change_k
from roomcal.verify.speaker_change import (
    DISTORTION_DB,
    DISTORTION_RISE_DB,
    DRIVER_DB,
    SpeakerChange,
    speaker_change,
)

Kind = Literal[
    "gain", "speaker-gain", "microphone", "speaker", "driver", "response", "distortion",
    "temperature", "noise",
]  # fmt: skip

FAR_M = 0.10  # from here on only a lower limit is known
GAIN_DB = 0.5  # a volume knob that nobody touched holds 0.1 dB
GAIN_MOVED_DB = 1.5  # ... when the microphone or a speaker has moved too
SAME_GAIN_DB = 0.4  # two speakers with this difference changed alike
BAND_DB = 1.5  # an octave changes by up to 0.5 dB when the microphone is put back
TEMPERATURE_K = 2.0  # less goes on within a day
# A microphone that moves changes the order of reflections, which reads as up to 2 K at 50 mm.
_TEMPERATURE_DOUBT_K_PER_M = 60.0
_SAME_SCALE = 0.002  # air is the same for all speakers: 1.2 K
NOISE_DB = 6.0
_NOISE_RANGE_HZ = (100.0, 10000.0)  # below, one second of noise is too short to be compared


@dataclass(frozen=True)
class Finding:
    """One thing that changed."""

    kind: Kind
    severity: Literal["note", "warning"]
    message: str
    speaker: str = ""  # that it concerns; empty: all of them
    evidence: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Health:
    """The answer of a check-up."""

    changes: tuple[SpeakerChange, ...]
    findings: tuple[Finding, ...]

    @property
    def unchanged(self) -> bool:
        """Whether all is as it was, within what a repetition brings."""
        return not any(f.severity == "warning" for f in self.findings)

    @property
    def verdict(self) -> str:
        """One sentence."""
        if self.unchanged:
            return "nothing changed beyond what a repetition brings"
        return "; ".join(f.message for f in self.findings if f.severity == "warning")


def compare_health(then: Sequence[Checkup], now: Sequence[Checkup]) -> Health:
    """Compare two check-ups of the same speakers at the same position.

    Parameters
    ----------
    then, now : sequence of Checkup
        In the same order of speakers, at one sample rate.
    """
    changes = tuple(speaker_change(a, b) for a, b in zip(then, now, strict=True))
    findings = [
        *_driver_findings(changes),
        *_place_findings(changes),
        *_gain_findings(changes),
        *_response_findings(changes),
        *_distortion_findings(changes),
        *_temperature_findings(changes),
        *_noise_findings(then, now),
    ]
    return Health(changes, tuple(findings))


def _driver_findings(changes: Sequence[SpeakerChange]) -> list[Finding]:
    findings = []
    for change in changes:
        if change.lost:
            low, high = min(change.lost), max(change.lost)
            lost_db = float(np.nanmin(change.band_db))
            where = (
                f"around {_hz(low)}" if low == high else f"from {_hz(low)} to {_hz(high)} (octaves)"
            )
            findings.append(
                Finding(
                    "driver",
                    "warning",
                    f"{change.speaker} has lost {-lost_db:.0f} dB {where}: a driver, its cable or "
                    "its amplifier",
                    change.speaker,
                    {"lost_db": -lost_db, "low_hz": low, "high_hz": high},
                )
            )
    return findings


def _place_findings(changes: Sequence[SpeakerChange]) -> list[Finding]:
    known = [c for c in changes if not c.lost and np.isfinite(c.fine.displacement_m)]
    moved = [c for c in known if c.moved]
    if not moved:
        return []
    if len(moved) < len(known):
        return [
            Finding(
                "speaker",
                "warning",
                f"the speaker {c.speaker} moved by {_distance(c)} while "
                f"{', '.join(k.speaker for k in known if not k.moved)} stayed",
                c.speaker,
                _place_evidence(c),
            )
            for c in moved
        ]
    distance = float(np.mean([c.fine.displacement_m for c in moved]))
    what = "the microphone" if len(known) > 1 else f"the microphone, or {moved[0].speaker},"
    largest = max(moved, key=lambda c: c.fine.displacement_m)
    evidence = {f"{k}_{c.speaker}": v for c in moved for k, v in _place_evidence(c).items()}
    return [
        Finding(
            "microphone",
            "warning",
            f"{what} moved by {_distance(largest)} (or something large beside it did)",
            evidence={"displacement_m": distance, **evidence},
        )
    ]


def _place_evidence(change: SpeakerChange) -> dict[str, float]:
    return {
        "displacement_m": change.fine.displacement_m,
        "likeness": change.fine.likeness,
        "arrival_mm": 1000.0 * change.arrival_s * speed_of_sound_m_s(20.0),
    }


def _distance(change: SpeakerChange) -> str:
    centimetres = 100.0 * min(change.fine.displacement_m, FAR_M)
    at_least = " or more" if change.fine.displacement_m > FAR_M else ""
    return f"{centimetres:.0f} cm{at_least}"


def _gain_findings(changes: Sequence[SpeakerChange]) -> list[Finding]:
    moved = any(c.moved for c in changes)
    limit_db = GAIN_MOVED_DB if moved else GAIN_DB
    gains = {c.speaker: c.gain_db for c in changes}
    values = list(gains.values())
    alike = len(values) > 1 and max(values) - min(values) <= SAME_GAIN_DB
    common = float(np.median(values))
    if alike:
        if abs(common) <= limit_db:
            return []
        return [
            Finding(
                "gain",
                "warning",
                f"everything is {_louder(common)}, in all bands and from all speakers: the volume, "
                "or the microphone's gain",
                evidence={"gain_db": common},
            )
        ]
    return [
        Finding(
            "speaker-gain",
            "warning",
            f"{speaker} is {_louder(gain_db)} in all bands: its amplifier or its own gain",
            speaker,
            {"gain_db": gain_db},
        )
        for speaker, gain_db in gains.items()
        if abs(gain_db) > limit_db
    ]


def _response_findings(changes: Sequence[SpeakerChange]) -> list[Finding]:
    if any(c.moved for c in changes):
        return []  # another place is another response
    findings = []
    for change in (c for c in changes if not c.lost):
        changed = (np.abs(change.band_db) > BAND_DB) & (change.band_db >= -DRIVER_DB)
        if changed.any():
            worst = int(np.argmax(np.where(changed, np.abs(change.band_db), 0.0)))
            by_db, at_hz = float(change.band_db[worst]), float(BANDS_HZ[worst])
            findings.append(
                Finding(
                    "response",
                    "warning",
                    f"{change.speaker} is {_louder(by_db)} around {_hz(at_hz)} than elsewhere: its "
                    "settings, a driver, or the room",
                    change.speaker,
                    {"change_db": by_db, "f_hz": at_hz},
                )
            )
    return findings


def _distortion_findings(changes: Sequence[SpeakerChange]) -> list[Finding]:
    return [
        Finding(
            "distortion",
            "warning",
            f"{c.speaker} distorts around {_hz(c.distortion_hz)}: {c.distortion_db:.0f} dB, "
            f"{c.distortion_rise_db:.0f} dB more than before: a driver, a rattle, or an overload",
            c.speaker,
            {
                "distortion_db": c.distortion_db,
                "rise_db": c.distortion_rise_db,
                "f_hz": c.distortion_hz,
            },
        )
        for c in changes
        # The third harmonic rises by twice the gain by itself.
        if not c.lost
        and c.distortion_rise_db > DISTORTION_RISE_DB + 2.0 * max(c.gain_db, 0.0)
        and c.distortion_db > DISTORTION_DB
    ]


def _temperature_findings(changes: Sequence[SpeakerChange]) -> list[Finding]:
    whole = [c for c in changes if not c.lost]
    scales = [c.fine.scale for c in whole if np.isfinite(c.fine.scale)]
    if not scales or max(scales) - min(scales) > _SAME_SCALE:
        return []
    warmer_k = temperature_change_k(float(np.median(scales)))
    doubt_k = _TEMPERATURE_DOUBT_K_PER_M * max(0.0, *(c.fine.displacement_m for c in whole), 0.0)
    if abs(warmer_k) < TEMPERATURE_K + (0.0 if np.isnan(doubt_k) else doubt_k):
        return []
    return [
        Finding(
            "temperature",
            "note",
            f"the air is {abs(warmer_k):.1f} K {'warmer' if warmer_k > 0 else 'colder'}: "
            f"resonances are {abs(100.0 * float(np.median(scales))):.1f} % "
            f"{'higher' if warmer_k > 0 else 'lower'}",
            evidence={"warmer_k": warmer_k, "time_scale": float(np.median(scales))},
        )
    ]


def _noise_findings(then: Sequence[Checkup], now: Sequence[Checkup]) -> list[Finding]:
    noises = [[c.noise_dbfs for c in s if c.noise_dbfs is not None] for s in (then, now)]
    if not all(noises):
        return []
    before, after = (np.median(n, axis=0) for n in noises)
    low_hz, high_hz = _NOISE_RANGE_HZ
    inside = (low_hz <= BANDS_HZ) & (high_hz >= BANDS_HZ)
    rise_db = np.where(inside, after - before, -np.inf)
    worst = int(np.argmax(rise_db))
    if rise_db[worst] <= NOISE_DB:
        return []
    return [
        Finding(
            "noise",
            "warning",
            f"the room is {rise_db[worst]:.0f} dB noisier around {_hz(float(BANDS_HZ[worst]))}",
            evidence={"rise_db": float(rise_db[worst]), "f_hz": float(BANDS_HZ[worst])},
        )
    ]


def _louder(by_db: float) -> str:
    return f"{abs(by_db):.1f} dB {'louder' if by_db > 0 else 'quieter'}"


def _hz(f_hz: float) -> str:
    return frequency_text(nominal_hz(f_hz))
