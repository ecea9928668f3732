"""What makes two sessions differ without the room having changed: gain, places, air."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from roomcal.dsp.arrival import arrival_sample
from roomcal.dsp.bands import band_gain
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import db_from_power
from roomcal.verify.fine_structure import temperature_change_k
from roomcal.verify.health import (
    FAR_M,
    GAIN_DB,
    GAIN_MOVED_DB,
    SAME_GAIN_DB,
    TEMPERATURE_K,
    Finding,
)
from roomcal.verify.same_place import air_scale, displacement_m
from roomcal.verify.speaker_change import MOVED_M

Pair = tuple[ImpulseResponse, ImpulseResponse]  # then, now

# The direct sound alone: an absorber takes away what follows, and leaves the gain as it was.
_DIRECT_S = (-0.001, 0.0025)
_DIRECT_CENTRES_HZ = (2000.0, 4000.0)
_FADE_S = 0.0005
_LEAST_TREBLE = 1e-3  # of a response's energy: a sub has no direct sound to speak of
_POSITIONS_ALIKE = 0.5  # of the paths of a speaker: then it is the speaker that moved


@dataclass(frozen=True)
class Circumstances:
    """How the second session was made, compared with the first.

    Attributes
    ----------
    gains_db : mapping of str to float
        By speaker, of the direct sound; NaN for a sub.
    common_gain_db : float
        That all speakers share: a knob. It is taken off every difference.
    scale : float
        Of time: negative in warmer air.
    moved_m : mapping of (speaker, position) to float
        Displacement of each path; NaN where it is not known.
    """

    gains_db: Mapping[str, float]
    common_gain_db: float
    scale: float
    moved_m: Mapping[tuple[str, str], float]
    findings: tuple[Finding, ...]

    @property
    def warmer_k(self) -> float:
        """Warming of the air."""
        return temperature_change_k(self.scale)

    def moved_by_speaker_m(self, speaker: str) -> float:
        """Return the median displacement of a speaker's paths; 0 where it is not known."""
        known = [d for (s, _), d in self.moved_m.items() if s == speaker and np.isfinite(d)]
        return float(np.median(known)) if known else 0.0


def find_circumstances(pairs: Mapping[str, Sequence[Pair]]) -> Circumstances:
    """Find what differs between two sessions beside the room.

    Parameters
    ----------
    pairs : mapping of str to sequence of (ImpulseResponse, ImpulseResponse)
        By speaker: then and now at each position.
    """
    scale = air_scale([pair for own in pairs.values() for pair in own])
    known_scale = 0.0 if np.isnan(scale) else scale
    moved = {
        (speaker, then.position): displacement_m(then, now, scale=known_scale)
        for speaker, own in pairs.items()
        for then, now in own
    }
    gains = {
        speaker: float(np.median([_direct_gain_db(pair) for pair in own]))
        for speaker, own in pairs.items()
    }
    common_db, gain_findings = _judge_gains(gains, any(d > MOVED_M for d in moved.values()))
    return Circumstances(
        gains,
        common_db,
        scale,
        moved,
        (*_judge_places(moved), *gain_findings, *_judge_air(scale)),
    )


def _direct_gain_db(pair: Pair) -> float:
    """Level of the direct sound, now re then; NaN for a speaker without treble."""
    powers = [_direct_power(response) for response in pair]
    if min(powers) <= 0.0:
        return float("nan")
    return float(db_from_power(powers[1]) - db_from_power(powers[0]))


def _direct_power(response: ImpulseResponse) -> float:
    """Energy of the direct sound in two octaves of treble; 0 where there is none."""
    fs = response.fs
    index = round(arrival_sample(response.samples, fs)) + np.arange(
        *(round(s * fs) for s in _DIRECT_S)
    )
    inside = (index >= 0) & (index < response.samples.size)
    part = np.where(inside, response.samples[np.clip(index, 0, response.samples.size - 1)], 0.0)
    fade = np.minimum(np.arange(part.size) + 0.5, part.size - 0.5 - np.arange(part.size))
    part = part * np.sin(0.5 * np.pi * np.clip(fade / (_FADE_S * fs), 0.0, 1.0)) ** 2
    n_fft = 4 * part.size
    # An integral over frequency: the same at every sample rate.
    power = np.abs(np.fft.rfft(part, n_fft)) ** 2 * (fs / n_fft)
    f = np.arange(power.size) * (fs / n_fft)
    bands = [float(np.sum(power * band_gain(f, c, 1) ** 2)) for c in _DIRECT_CENTRES_HZ]
    energy = sum(bands)
    whole = float(np.sum(response.samples**2)) * fs / 2.0
    return energy if energy > _LEAST_TREBLE * whole else 0.0


def _judge_gains(gains: Mapping[str, float], moved: bool) -> tuple[float, list[Finding]]:
    """Gain that is taken off, and what to say about gains."""
    limit_db = GAIN_MOVED_DB if moved else GAIN_DB
    known = {speaker: gain for speaker, gain in gains.items() if np.isfinite(gain)}
    if not known:
        return 0.0, []
    values = list(known.values())
    common = float(np.median(values))
    if max(values) - min(values) <= SAME_GAIN_DB:
        if abs(common) <= limit_db:
            return common, []
        who = "all speakers" if len(values) > 1 else f"{next(iter(known))}, the only one compared,"
        return common, [
            Finding(
                "gain",
                "warning",
                f"the direct sound of {who} is {_louder(common)}: the volume, or the microphone's "
                "gain; it is taken off",
                evidence={"gain_db": common},
            )
        ]
    return 0.0, [
        Finding(
            "speaker-gain",
            "warning",
            f"the direct sound of {speaker} is {_louder(gain)}: its own gain, its place or its aim",
            speaker,
            {"gain_db": gain},
        )
        for speaker, gain in known.items()
        if abs(gain) > limit_db
    ]


def _judge_places(moved: Mapping[tuple[str, str], float]) -> list[Finding]:
    """Tell a microphone from a speaker: the one takes all speakers along at its position."""
    known = {path: d for path, d in moved.items() if np.isfinite(d)}
    speakers = list(dict.fromkeys(s for s, _ in known))
    alone = [
        s
        for s in speakers
        if len(speakers) > 1
        and _share_moved(known, s) > _POSITIONS_ALIKE
        and any(_share_moved(known, o) <= _POSITIONS_ALIKE for o in speakers)
    ]
    findings = [
        Finding(
            "speaker",
            "warning",
            f"the speaker {s} moved by {_distance([d for (o, _), d in known.items() if o == s])} "
            f"while {', '.join(o for o in speakers if o not in alone)} stayed",
            s,
            {"displacement_m": float(np.median([d for (o, _), d in known.items() if o == s]))},
        )
        for s in alone
    ]
    places: dict[str, list[float]] = {}
    for (speaker, position), d in known.items():
        if speaker not in alone:
            places.setdefault(position, []).append(d)
    far = {p: own for p, own in places.items() if float(np.median(own)) > MOVED_M}
    if far:
        where = "every position" if len(far) == len(places) > 1 else ", ".join(far)
        distances = [float(np.median(own)) for own in far.values()]
        what = "the microphone" if len(speakers) > 1 else f"the microphone, or {speakers[0]},"
        findings.append(
            Finding(
                "microphone",
                "warning",
                f"{what} stood elsewhere at {where}: {_distance(distances)}; treble and "
                "reflections differ by that alone",
                evidence={"displacement_m": float(np.median(distances))},
            )
        )
    return findings


def _share_moved(known: Mapping[tuple[str, str], float], speaker: str) -> float:
    return float(np.mean([d > MOVED_M for (s, _), d in known.items() if s == speaker]))


def _judge_air(scale: float) -> list[Finding]:
    warmer_k = temperature_change_k(scale)
    if not abs(warmer_k) >= TEMPERATURE_K:
        return []
    return [
        Finding(
            "temperature",
            "note",
            f"the air is {abs(warmer_k):.1f} K {'warmer' if warmer_k > 0 else 'colder'}: bands are "
            "compared where its resonances lie",
            evidence={"warmer_k": warmer_k, "time_scale": scale},
        )
    ]


def _distance(distances_m: Sequence[float]) -> str:
    median = float(np.median(distances_m))
    return (
        f"about {100.0 * median:.0f} cm" if median <= FAR_M else f"{100.0 * FAR_M:.0f} cm or more"
    )


def _louder(by_db: float) -> str:
    return f"{abs(by_db):.1f} dB {'louder' if by_db > 0 else 'quieter'}"
