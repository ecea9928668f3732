"""Before the first take: prove the wiring, settle the level, lay out the take."""

from dataclasses import dataclass, field
from pathlib import Path

from roomcal.errors import MeasurementError
from roomcal.jobs.confirmation import doubt_text, hold_against_quiet_sounds
from roomcal.jobs.conversation import Conversation
from roomcal.jobs.studio import Place
from roomcal.jobs.wiring import Wiring, check_wiring
from roomcal.measure.loudness import FullScale, sweep_spl_db
from roomcal.measure.plan import plan_take
from roomcal.measure.probe import FIRST_LEVEL_DBFS
from roomcal.model.filter_bank import FilterBank
from roomcal.model.level_check import LevelCheck
from roomcal.model.studio import Position, Speaker
from roomcal.model.sweep import Sweep
from roomcal.model.take import TakePlan

UNCHECKED_LEVEL_DBFS = -20.0  # where no level check says more
DEFAULT_MAX_SPL_DB = 85.0  # dB(C)
_LEVEL_STEP_DB = 0.5


@dataclass(frozen=True, eq=False)
class Prepared:
    """What all takes of a session share."""

    plan: TakePlan
    filters: FilterBank | None  # in the path
    wiring: Wiring | None  # None: nothing guards the loudness
    full_scale: FullScale = field(default_factory=FullScale)


@dataclass(frozen=True)
class Wanted:
    """What the user asked for."""

    level_dbfs: float | None
    max_spl_db: float
    sweeps: int
    length_s: float
    pause_s: float
    check_wiring: bool


def playing_speakers(
    place: Place, speakers: tuple[Speaker, ...], filters: FilterBank | None
) -> list[Speaker]:
    """Return all that take part: measured, playing marks, or reached through a bank."""
    names = {s.name for s in speakers} | {place.studio.reference_speaker.name}
    names |= set(filters.outputs) if filters else set()
    return [s for s in place.studio.speakers if s.name in names]


def wanted_level_dbfs(asked_dbfs: float | None, known: LevelCheck | None) -> float:
    """Take what the user says, else what the level check found, else a careful level."""
    if asked_dbfs is not None:
        return asked_dbfs
    if known is None or known.level_dbfs is None:
        return UNCHECKED_LEVEL_DBFS
    return known.level_dbfs


def prepare(
    root: Path,
    place: Place,
    speakers: tuple[Speaker, ...],
    position: Position,
    talk: Conversation,
    *,
    wanted: Wanted,
    folder: Path,
    filters: FilterBank | None = None,
    full_scale: FullScale,
    known: LevelCheck | None,
) -> Prepared:
    """Check the wiring, what a level means in sound pressure, and choose the level.

    Parameters
    ----------
    root : Path
        Folder of the studio.
    place : Place
    speakers : tuple of Speaker
        To be measured.
    position : Position
        Where the microphone stands.
    wanted : Wanted
    folder : Path
        For recordings that prove the wiring wrong.
    filters : FilterBank, optional
        In the path.
    full_scale : FullScale
    known : LevelCheck, optional
    """
    level_dbfs = wanted_level_dbfs(wanted.level_dbfs, known)
    wiring = None
    if wanted.check_wiring:
        playing = playing_speakers(place, speakers, filters)
        wiring = check_wiring(place, playing, position, talk, folder=folder, known=known)
        full_scale = hold_against_quiet_sounds(
            root, place, full_scale, wiring, position, talk, folder=folder
        )
        if doubt_text(full_scale):
            talk.warn(doubt_text(full_scale))
        level_dbfs = _within_limit(wiring, level_dbfs, wanted.max_spl_db, full_scale, talk)
    sweep = Sweep(fs=place.studio.fs, length_s=wanted.length_s, level_dbfs=level_dbfs)
    return Prepared(
        plan_take(sweep, repeats=wanted.sweeps, reverberation_s=wanted.pause_s),
        filters,
        wiring,
        full_scale,
    )


def _within_limit(
    wiring: Wiring,
    level_dbfs: float,
    max_spl_db: float,
    full_scale: FullScale,
    talk: Conversation,
) -> float:
    """Reduce a level at which a sweep would exceed the limit of sound pressure.

    Raises
    ------
    MeasurementError
        RC-548 when even the first sound would.
    """
    at_most = full_scale.at_most_db_spl
    if at_most is None:
        return level_dbfs
    spl_db = max(
        sweep_spl_db(p, level_dbfs, at_most, "C", calibration=full_scale.calibration)
        for p in wiring.survey.profiles
    )
    if spl_db <= max_spl_db + _LEVEL_STEP_DB:  # two measurements of one speaker differ by less
        return level_dbfs
    steps = -((max_spl_db - spl_db) // _LEVEL_STEP_DB)
    reduced_dbfs = level_dbfs - steps * _LEVEL_STEP_DB
    if reduced_dbfs < FIRST_LEVEL_DBFS:
        raise MeasurementError(
            "RC-548",
            f"a sweep would reach {spl_db:.0f} dB(C) at {level_dbfs:g} dBFS, and the limit of "
            f"{max_spl_db:g} leaves less than the first sound{full_scale.source_text}",
            hint="turn the amplifier down; or, if the sensitivity is wrong, give the reading or "
            "the calibrator again (`roomcal level --help`)",
        )
    assumed = {"estimated": " (estimated, 6 dB assumed)", "unknown": " at worst", "confirmed": ""}[
        full_scale.sensitivity
    ]
    talk.warn(
        f"level reduced from {level_dbfs:g} to {reduced_dbfs:g} dBFS: a sweep would reach "
        f"{spl_db:.0f} dB(C){assumed}, the limit is {max_spl_db:g}"
    )
    return reduced_dbfs
