"""What a measurement has to do, after every check that needs no sound."""

import datetime
from dataclasses import dataclass
from pathlib import Path

from roomcal.errors import InputError, StorageError
from roomcal.files.bank_store import filters_for
from roomcal.files.folders import document_path, new_folder, unknown_name
from roomcal.files.session_recovery import refuse_lost_document
from roomcal.files.session_store import SessionStore
from roomcal.jobs.preparation import (
    DEFAULT_MAX_SPL_DB,
    Wanted,
    playing_speakers,
    wanted_level_dbfs,
)
from roomcal.jobs.sensitivity import with_sensitivity
from roomcal.jobs.studio import Place
from roomcal.jobs.studio_devices import refuse_unfit
from roomcal.jobs.wiring import quiet_duration_s
from roomcal.measure.loudness import FullScale
from roomcal.measure.plan import DEFAULT_PAUSE_S, plan_take
from roomcal.model.filter_bank import Bank, FilterBank
from roomcal.model.level_check import LevelCheck
from roomcal.model.session import Session
from roomcal.model.studio import Position, Speaker
from roomcal.model.sweep import Sweep


@dataclass(frozen=True)
class MeasureRequest:
    """What to measure and how."""

    speakers: tuple[Speaker, ...]
    positions: tuple[Position, ...]
    sweeps: int = 3  # a take
    length_s: float = 5.5  # of one sweep
    level_dbfs: float | None = None  # None: what `roomcal level` found, else `UNCHECKED_LEVEL_DBFS`
    max_spl_db: float = DEFAULT_MAX_SPL_DB  # dB(C), where the microphone's sensitivity is known
    check_wiring: bool = True  # quiet sounds first; without them nothing guards the loudness
    through: Bank | None = None  # a bank in the path
    use_calibration: bool = True
    force: bool = False  # measure paths again that the session has
    pause_s: float = DEFAULT_PAUSE_S  # after a sweep

    @property
    def wanted(self) -> Wanted:
        """What the preparation needs to know."""
        return Wanted(
            self.level_dbfs,
            self.max_spl_db,
            self.sweeps,
            self.length_s,
            self.pause_s,
            self.check_wiring,
        )


@dataclass(frozen=True, eq=False)
class MeasurePlan:
    """What is to be done, and what it needs."""

    store: SessionStore
    place: Place  # with what full scale means in its studio
    filters: FilterBank | None  # in the path
    full_scale: FullScale
    known: LevelCheck | None
    todo: tuple[tuple[Position, Speaker], ...]  # paths that are not measured yet, in their order
    n_paths: int  # that were asked for, with those that are measured already
    level_dbfs: float  # peak of the sweeps, before any limit of sound pressure
    quiet_s: float  # length of the quiet sounds that come first
    sweeps_s: float  # length of all the takes together

    @property
    def n_done(self) -> int:
        """Paths that were asked for and are measured already."""
        return self.n_paths - len(self.todo)

    def refuse_nothing_to_do(self) -> None:
        """Refuse a session that has every path already: RC-602."""
        if not self.todo:
            raise StorageError(
                "RC-602",
                f"the session {self.store.folder.name} has all {self.n_paths} paths already",
                hint="choose another name, or --force to measure them again",
            )


def plan_measurement(root: Path, name: str, place: Place, request: MeasureRequest) -> MeasurePlan:
    """Check everything that needs no sound and find what is to be done; nothing is written.

    Parameters
    ----------
    root : Path
        Folder of the studio.
    name : str
        Of the session, new or existing.
    place : Place
    request : MeasureRequest

    Raises
    ------
    InputError
        RC-313 for a name that no session may have; RC-304, RC-315 if the session was measured
        under other conditions; RC-309, RC-311 if the bank does not fit.
    StorageError
        RC-602 for responses without the document that tells of them.
    DeviceError
        RC-402 for a channel or rate that the device does not have.
    """
    filters = _filters(place, request)
    place, full_scale, known = with_sensitivity(root, place)
    store = _open_session(root, name, place, request)
    playing = playing_speakers(place, request.speakers, filters)
    refuse_unfit(
        place.device,
        place.studio,
        playing,
        output_name=place.device_name,
        input_name=place.input_name,
    )
    todo = tuple(
        (position, speaker)
        for position in request.positions
        for speaker in request.speakers
        if request.force or store.response_record(speaker.name, position.name) is None
    )
    fs = place.studio.fs
    level_dbfs = wanted_level_dbfs(request.level_dbfs, known)
    take = plan_take(
        Sweep(fs=fs, length_s=request.length_s, level_dbfs=level_dbfs),
        repeats=request.sweeps,
        reverberation_s=request.pause_s,
    )
    return MeasurePlan(
        store,
        place,
        filters,
        full_scale,
        known,
        todo,
        n_paths=len(request.positions) * len(request.speakers),
        level_dbfs=level_dbfs,
        quiet_s=quiet_duration_s(place, playing) if request.check_wiring else 0.0,
        sweeps_s=len(todo) * take.n_samples / fs,
    )


def _filters(place: Place, request: MeasureRequest) -> FilterBank | None:
    """Return the filters in the path, after checking that they are made for these speakers."""
    if request.through is None:
        return None
    filters = filters_for(request.through, place.studio.fs)
    known = [s.name for s in place.studio.speakers]
    for speaker in request.speakers:
        if speaker.name not in filters.inputs:
            bank = f"input of the bank {request.through.name}"
            raise unknown_name(bank, speaker.name, filters.inputs)
    for output in filters.outputs:
        if output not in known:
            raise unknown_name("speaker", output, known)
    return filters


def _open_session(root: Path, name: str, place: Place, request: MeasureRequest) -> SessionStore:
    folder = new_folder(root, "session", name)
    session = Session(
        name=name,
        device=place.device_name,
        through=request.through.name if request.through else "",
        calibrated=request.use_calibration,
        studio=place.studio,
        created_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    if not document_path(folder, "session").exists():
        if not request.force:
            refuse_lost_document(folder)
        return SessionStore.create(root, session)
    store = SessionStore.open(root, name)
    _refuse_other_conditions(store.session, session, place.studio.fs)
    return store


def _refuse_other_conditions(old: Session, new: Session, fs: int) -> None:
    """Refuse to go on with a session whose responses would not be alike."""
    hint = "measure into a session of another name, or as the session was begun"
    for response in old.responses:
        if response.fs != fs:
            raise InputError(
                "RC-304",
                f"the session {old.name} holds {response.fs} Hz; the studio measures at {fs} Hz",
                hint=hint,
            )
    was, now = (
        {
            "device": s.device,
            "bank in the path": s.through or "none",
            "calibration": "used" if s.calibrated else "left out",
        }
        for s in (old, new)
    )
    for what in was if old.device else ():  # an imported session says nothing about any of them
        if was[what] != now[what]:
            raise InputError(
                "RC-315",
                f"the session {old.name} was measured with another {what}: {was[what]}, "
                f"now {now[what]}",
                hint=hint,
            )
