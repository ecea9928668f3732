"""A one-minute check-up: measure the main position once and compare it with the baseline."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from roomcal.errors import InputError
from roomcal.files.bank_store import load_bank
from roomcal.files.folders import fresh_name, names
from roomcal.files.session_store import SessionStore
from roomcal.jobs.conversation import Conversation
from roomcal.jobs.measure import measure
from roomcal.jobs.measure_plan import MeasureRequest
from roomcal.jobs.session_takes import main_position, take_of
from roomcal.jobs.studio import Place, chosen_speakers
from roomcal.measure.plan import DEFAULT_PAUSE_S
from roomcal.model.studio import Position
from roomcal.verify.checkup import Checkup, check_up
from roomcal.verify.health import Health, compare_health

FIRST_CHOICE = "before"  # the baseline of the first evening
_OWN_SUFFIX = ".health"


@dataclass(frozen=True, eq=False)
class HealthChecked:
    """A check-up and what it was held against."""

    baseline: SessionStore
    session: SessionStore
    position: str
    health: Health


def baseline_session(root: Path, name: str | None) -> SessionStore:
    """Open the session to compare with: the one named, else "before", else the oldest.

    Raises
    ------
    InputError
        RC-309 if there is none; RC-310 if it holds no response.
    """
    if name is None and FIRST_CHOICE in names(root, "session"):
        name = FIRST_CHOICE
    store = _oldest(root) if name is None else SessionStore.open(root, name)
    if not store.session.responses:
        raise InputError(
            "RC-310",
            f"the session {store.folder.name} holds no response",
            hint="measure it first, or name another --baseline",
        )
    return store


def _oldest(root: Path) -> SessionStore:
    """Open the oldest session that was measured without a bank in the path."""
    measured = []
    for name in names(root, "session"):
        with contextlib.suppress(InputError):  # a damaged one is no baseline
            store = SessionStore.open(root, name)
            if store.session.device and not store.session.through and _OWN_SUFFIX not in name:
                measured.append(store)
    if not measured:
        raise InputError(
            "RC-309",
            "there is no session to compare with",
            hint="make a baseline while all is well: roomcal measure before",
        )
    return min(measured, key=lambda s: s.session.created_at)


def check_health(
    root: Path,
    place: Place,
    talk: Conversation,
    *,
    baseline: SessionStore,
    max_spl_db: float,
    check_wiring: bool = True,
) -> HealthChecked:
    """Measure every speaker once at the main position of a baseline, and compare.

    The sweeps are those of the baseline, once each, with a pause that no room at home outlasts;
    they go into a session of their own.

    Raises
    ------
    InputError
        RC-304 if the baseline has another sample rate than the studio measures at.
    """
    old = baseline.session
    main = main_position(old)
    wanted = {r.speaker: r for r in old.responses if r.position == main}
    fs = next(iter(wanted.values())).fs
    if fs != place.studio.fs:
        raise InputError(
            "RC-304",
            f"the baseline {old.name} has {fs} Hz, the studio measures at {place.studio.fs} Hz",
            hint="name another --baseline, or change fs in studio.toml",
        )
    takes = {t.capture.name: t for t in old.takes}
    plans = [t.plan for r in wanted.values() if (t := takes.get(r.origin)) and t.plan]
    request = MeasureRequest(
        speakers=chosen_speakers(place.studio, tuple(wanted)),
        positions=(Position(main),),
        sweeps=1,
        length_s=plans[0].sweep.length_s if plans else MeasureRequest.length_s,
        # One sweep alone cannot tell a room that rings beyond its pause from a slam.
        pause_s=max(DEFAULT_PAUSE_S, plans[0].tail_samples / fs if plans else 0.0),
        level_dbfs=plans[0].sweep.level_dbfs if plans else None,
        max_spl_db=max_spl_db,
        check_wiring=check_wiring,
        through=load_bank(root, old.through) if old.through else None,
        use_calibration=old.calibrated,
    )
    speakers = [s.name for s in request.speakers]
    then = _check_ups(baseline, speakers, main)  # before anything plays: it may be damaged
    name = fresh_name(root, "session", f"{baseline.folder.name}{_OWN_SUFFIX}")
    session = measure(root, name, place, request, talk)
    now = _check_ups(session, speakers, main)
    return HealthChecked(baseline, session, main, compare_health(then, now))


def _check_ups(store: SessionStore, speakers: Sequence[str], position: str) -> list[Checkup]:
    """One check-up a speaker, with its raw take where there is one."""
    responses = {(r.speaker, r.position): r for r in store.load_responses()}
    check_ups = []
    for speaker in speakers:
        record = store.response_record(speaker, position)
        take = take_of(store.session, record.origin if record else "")
        capture = store.load_capture(take) if take else None
        check_ups.append(check_up(responses[speaker, position], capture))
    return check_ups
