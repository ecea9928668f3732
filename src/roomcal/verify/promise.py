"""Hold a measurement through a correction against its prediction.

Four questions, each of which a real mistake answers with no: does every third octave play at the
level that was promised, do the speakers keep their levels to each other, do they keep their
arrival times to each other, and does every speaker sound like itself and not like another one?
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import FloatArray, band_centres_hz, frequency_text, louder_text, nominal_hz
from roomcal.verify.differences import (
    Pair,
    arrival_difference_s,
    band_difference,
    distance_db,
    rms_difference_db,
)

LEAST_TOLERANCE_DB = 1.0  # per third octave; or twice the uncertainty
LEVEL_MATCH_TOLERANCE_DB = 0.5  # between speakers
ARRIVAL_TOLERANCE_S = 0.0001  # between speakers: 3 cm, several times a replaced microphone
# A speaker that plays bass alone rises over 10 ms: noise 30 dB below its peak moves the instant of
# half height by 0.3 ms. 1 ms is 29 degrees at 80 Hz, where two sources then add 0.3 dB less.
BASS_ARRIVAL_TOLERANCE_S = 0.001
_BASS_ENDS_HZ = 500.0
RANGE_HZ = (30.0, 16000.0)
_LEVEL_RANGE_HZ = (200.0, 10000.0)
_CLEARLY_NEARER = 0.7  # a swap is named when another speaker's prediction fits this much better


@dataclass(frozen=True, eq=False)
class SpeakerVerdict:
    """Prediction against measurement for one speaker.

    Attributes
    ----------
    f_hz, error_db, tolerance_db : (n_bands,) float array
        Measured minus predicted per third octave, mean over positions, without the gain that all
        speakers share; NaN where noise hides it or the speaker does not play.
    rms_error_db : float
        The same at 1/6 octave, 30 Hz to 16 kHz.
    """

    speaker: str
    f_hz: FloatArray
    error_db: FloatArray
    tolerance_db: FloatArray
    rms_error_db: float
    level_error_db: float  # broadband, without the gain that all speakers share
    arrival_error_s: float  # without the shift that all share; NaN where no clock is known
    failures: tuple[str, ...] = ()

    @property
    def worst_band(self) -> int:
        """Index of the band that comes nearest to its tolerance or farthest beyond it."""
        ratio = np.abs(self.error_db) / self.tolerance_db
        return int(np.nanargmax(ratio)) if np.isfinite(ratio).any() else 0


@dataclass(frozen=True)
class Verification:
    """The verdict on a promise."""

    speakers: tuple[SpeakerVerdict, ...]
    common_gain_db: float  # measured minus predicted, shared by all speakers: a volume knob

    @property
    def failures(self) -> tuple[str, ...]:
        """Every reason for which the promise is broken."""
        return tuple(text for speaker in self.speakers for text in speaker.failures)

    @property
    def passed(self) -> bool:
        """Whether every speaker does what was promised."""
        return not self.failures


def hold_against(
    predicted: Sequence[ImpulseResponse], measured: Sequence[ImpulseResponse]
) -> Verification:
    """Compare the paths that both sides have.

    Parameters
    ----------
    predicted : sequence of ImpulseResponse
        The measurement before, through the filters by calculation.
    measured : sequence of ImpulseResponse
        Measured through the correction, at the same positions.

    Raises
    ------
    ValueError
        If no path is on both sides.
    """
    pairs = _paired(predicted, measured)
    if not pairs:
        raise ValueError("prediction and measurement share no path")
    f_hz = band_centres_hz(*RANGE_HZ, bands_per_octave=3)
    differences = {name: band_difference(own, f_hz) for name, own in pairs.items()}
    levels = {name: _broadband(f_hz, d.error_db) for name, d in differences.items()}
    common_db = _mean(levels.values())
    arrivals = {name: float(np.median(arrival_difference_s(own))) for name, own in pairs.items()}
    common_s = _mean(arrivals.values())
    verdicts = [
        SpeakerVerdict(
            speaker=name,
            f_hz=f_hz,
            error_db=differences[name].error_db - common_db,
            tolerance_db=np.maximum(LEAST_TOLERANCE_DB, 2.0 * differences[name].uncertainty_db),
            rms_error_db=rms_difference_db(own, common_db, RANGE_HZ),
            level_error_db=levels[name] - common_db,
            arrival_error_s=arrivals[name] - common_s,
        )
        for name, own in pairs.items()
    ]
    return Verification(
        tuple(
            replace(v, failures=_failures(v, verdicts, predicted=predicted, measured=measured))
            for v in verdicts
        ),
        common_db,
    )


def _paired(
    predicted: Sequence[ImpulseResponse], measured: Sequence[ImpulseResponse]
) -> dict[str, list[Pair]]:
    """(predicted, measured) of every common path, by speaker."""
    found = {(m.speaker, m.position): m for m in measured}
    pairs: dict[str, list[Pair]] = {}
    for p in predicted:
        if (p.speaker, p.position) in found:
            pairs.setdefault(p.speaker, []).append((p, found[p.speaker, p.position]))
    return pairs


def _broadband(f_hz: FloatArray, error_db: FloatArray) -> float:
    """Mean error where levels are compared; over all bands for a speaker that ends below."""
    inside = (f_hz >= _LEVEL_RANGE_HZ[0]) & (f_hz <= _LEVEL_RANGE_HZ[1]) & np.isfinite(error_db)
    return _mean(error_db[inside]) if inside.any() else _mean(error_db)


def _mean(values: object) -> float:
    """Mean of the finite values; NaN when there are none."""
    array = np.array(list(values), dtype=np.float64)  # type: ignore[call-overload]
    array = array[np.isfinite(array)]
    return float(array.mean()) if array.size else float("nan")


def _failures(
    verdict: SpeakerVerdict,
    verdicts: Sequence[SpeakerVerdict],
    *,
    predicted: Sequence[ImpulseResponse],
    measured: Sequence[ImpulseResponse],
) -> tuple[str, ...]:
    """Every reason why this speaker breaks the promise, in plain words."""
    name = verdict.speaker
    failures = []
    other = _resembles(name, verdict.f_hz, predicted=predicted, measured=measured)
    if other != name:
        failures.append(f"{name} sounds like {other}: are the outputs swapped?")
    bad = np.flatnonzero(np.abs(verdict.error_db) > verdict.tolerance_db)
    if bad.size:
        worst = verdict.worst_band
        worst_text = frequency_text(nominal_hz(verdict.f_hz[worst]))
        failures.append(
            f"{name} misses {bad.size} of {np.isfinite(verdict.error_db).sum()} third octaves, "
            f"most at {worst_text}: {verdict.error_db[worst]:+.1f} dB "
            f"(tolerance {verdict.tolerance_db[worst]:.1f} dB)"
        )
    if not np.isfinite(verdict.error_db).any():
        failures.append(f"{name} was not heard above the noise in any band")
    for reference in verdicts[: verdicts.index(verdict)]:
        gap_db = verdict.level_error_db - reference.level_error_db
        if abs(gap_db) > LEVEL_MATCH_TOLERANCE_DB:
            failures.append(
                f"against {reference.speaker}, {name} plays {louder_text(gap_db)} than predicted "
                f"(tolerance {LEVEL_MATCH_TOLERANCE_DB} dB)"
            )
        gap_s = verdict.arrival_error_s - reference.arrival_error_s
        tolerance_s = max(_arrival_tolerance_s(verdict), _arrival_tolerance_s(reference))
        if abs(gap_s) > tolerance_s:
            failures.append(
                f"against {reference.speaker}, {name} arrives {1000 * abs(gap_s):.2f} ms "
                f"{'earlier' if gap_s < 0.0 else 'later'} than predicted "
                f"(tolerance {1000 * tolerance_s:.1f} ms)"
            )
    return tuple(failures)


def _arrival_tolerance_s(verdict: SpeakerVerdict) -> float:
    """How well the arrival is known: worse for a speaker that is heard in the bass alone."""
    heard_hz = verdict.f_hz[np.isfinite(verdict.error_db)]
    bass_alone = not np.any(heard_hz > _BASS_ENDS_HZ)
    return BASS_ARRIVAL_TOLERANCE_S if bass_alone else ARRIVAL_TOLERANCE_S


def _resembles(
    name: str,
    f_hz: FloatArray,
    *,
    predicted: Sequence[ImpulseResponse],
    measured: Sequence[ImpulseResponse],
) -> str:
    """Return the speaker whose prediction the measurement of `name` fits clearly best."""
    own = [m for m in measured if m.speaker == name]
    distances = {
        speaker: distance_db(own, [p for p in predicted if p.speaker == speaker], f_hz)
        for speaker in dict.fromkeys(p.speaker for p in predicted)
    }
    nearest = min(distances, key=lambda speaker: distances[speaker])
    clearly = distances[nearest] < _CLEARLY_NEARER * distances[name]
    return nearest if clearly and distances[name] > LEAST_TOLERANCE_DB else name
