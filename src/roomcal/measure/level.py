"""From a quiet sound to a level that is enough, one step at a time, and never against the ears.

A step louder is taken only when the microphone has heard the last one rise as it should. Nothing
here plays: `next_step` says what the next level is, or why there is none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from roomcal.errors import MeasurementError, SafetyStop
from roomcal.measure.loudness import FullScale, sweep_peak_dbfs, sweep_spl_db
from roomcal.measure.probe import FIRST_LEVEL_DBFS, Heard
from roomcal.model.level_check import SpeakerProfile

STEP_DB, FINE_STEP_DB = 6.0, 3.0
_NEAR_DB = 9.0  # from here on the steps are fine
TOLERANCE_DB = 2.0  # of a step's rise
ENOUGH_SNR_DB = 50.0
UNCONFIRMED_DBFS = -20.0  # without a known sensitivity nobody knows how loud it is
HIGHEST_DBFS = -12.0  # of the output's peak, unless the user says more
ABSOLUTE_DBFS = -3.0
MICROPHONE_PEAK_DBFS = (-20.0, -12.0)  # wanted
OVERLOAD_DBFS = -1.0
_CLEAR_SNR_DB = 15.0  # the noise moves a level above it by 0.1 dB
_LEAST_STEP_DB = 0.5  # a smaller one changes nothing


@dataclass(frozen=True)
class Limits:
    """Where a ramp ends."""

    highest_dbfs: float
    max_spl_db: float  # dB(C)
    full_scale: FullScale


@dataclass(frozen=True)
class Step:
    """One level and what the microphone heard of it."""

    level_dbfs: float
    heard: Heard


@dataclass(frozen=True)
class Louder:
    """Play the probe at this level next."""

    level_dbfs: float


@dataclass(frozen=True)
class Enough:
    """The ramp ends here."""

    level_dbfs: float
    why: str
    warning: str = ""


def limits(full_scale: FullScale, *, max_spl_db: float, asked_dbfs: float | None = None) -> Limits:
    """Return the limits for what is known about the microphone and what the user asked for."""
    highest = HIGHEST_DBFS if full_scale.sensitivity == "confirmed" else UNCONFIRMED_DBFS
    if asked_dbfs is not None:
        highest = asked_dbfs
    return Limits(min(highest, ABSOLUTE_DBFS), max_spl_db, full_scale)


def next_step(steps: Sequence[Step], profile: SpeakerProfile, limits: Limits) -> Louder | Enough:
    """Decide after each step of one speaker.

    Parameters
    ----------
    steps : sequence of Step
        So far, the first at `FIRST_LEVEL_DBFS`.
    profile : SpeakerProfile
        The speaker's gain to the microphone, for what a sweep at some level would give.
    limits : Limits

    Raises
    ------
    SafetyStop
        RC-702 when the speaker is not heard any more, RC-701 when it is louder than predicted.
    MeasurementError
        RC-547 when the microphone's input overloads, RC-548 when the first sound is too loud.
    """
    now = steps[-1]
    speaker = profile.speaker
    _refuse_deafness(steps, speaker)
    if now.heard.peak_dbfs > OVERLOAD_DBFS:
        raise MeasurementError(
            "RC-547",
            f"the microphone's input overloads at {now.level_dbfs:g} dBFS from {speaker}: "
            f"peak {now.heard.peak_dbfs:.1f} dBFS",
            hint="lower the gain of the microphone's preamplifier by 12 dB or more"
            + limits.full_scale.after_turning,
            speaker=speaker,
            peak_dbfs=round(now.heard.peak_dbfs, 1),
        )
    if len(steps) > 1:
        before = steps[-2]
        # Fine steps could hide a slow drift within the tolerance: the rise is counted from the
        # first step that stood clear of the noise.
        since = next((s for s in steps[:-1] if s.heard.snr_db >= _CLEAR_SNR_DB), before)
        rise_db = now.heard.level_dbfs - since.heard.level_dbfs
        wanted_db = now.level_dbfs - since.level_dbfs
        if rise_db > wanted_db + TOLERANCE_DB:
            raise SafetyStop(
                "RC-701",
                f"{speaker} is {rise_db - wanted_db:.1f} dB louder than predicted: "
                f"{rise_db:.1f} dB more for {wanted_db:g} dB, stopped at {now.level_dbfs:g} dBFS",
                hint="is automatic gain on, or is somebody turning a knob? Find out, then run "
                "`roomcal level` again",
                speaker=speaker,
                rise_db=round(rise_db, 1),
                wanted_db=wanted_db,
            )
        if rise_db < wanted_db - TOLERANCE_DB:
            return Enough(
                before.level_dbfs,
                "it compresses",
                f"{speaker}: {wanted_db:+g} dB at the output gave {rise_db:+.1f} dB at the "
                f"microphone at {now.level_dbfs:g} dBFS; going back to {before.level_dbfs:g} dBFS",
            )
    return _towards_the_aim(now, profile, limits)


def room_to_go_db(
    level_dbfs: float, snr_db: float, profile: SpeakerProfile, limits: Limits
) -> dict[str, float]:
    """How much louder each reason to stop allows, in dB."""
    room = {
        f"{ENOUGH_SNR_DB:g} dB above the noise": ENOUGH_SNR_DB - snr_db,
        f"the limit of {limits.highest_dbfs:g} dBFS": limits.highest_dbfs - level_dbfs,
        f"a peak of {MICROPHONE_PEAK_DBFS[1]:g} dBFS at the microphone": (
            MICROPHONE_PEAK_DBFS[1] - sweep_peak_dbfs(profile, level_dbfs)
        ),
    }
    at_most = limits.full_scale.at_most_db_spl
    if at_most is not None:
        known = limits.full_scale
        spl_db = sweep_spl_db(profile, level_dbfs, at_most, "C", calibration=known.calibration)
        assumed = {"estimated": " (6 dB of doubt)", "unknown": " (at worst)", "confirmed": ""}[
            known.sensitivity
        ]
        room[f"{limits.max_spl_db:g} dB(C){assumed}"] = limits.max_spl_db - spl_db
    return room


def _towards_the_aim(now: Step, profile: SpeakerProfile, limits: Limits) -> Louder | Enough:
    """Go on by a whole step, a fine one, or what is left."""
    room = room_to_go_db(now.level_dbfs, now.heard.snr_db, profile, limits)
    why = min(room, key=lambda reason: room[reason])
    left_db = room[why]
    if left_db < -_LEAST_STEP_DB and now.level_dbfs <= FIRST_LEVEL_DBFS and "(C)" in why:
        raise MeasurementError(
            "RC-548",
            f"{profile.speaker} would give {limits.max_spl_db - left_db:.0f} dB(C) at "
            f"{now.level_dbfs:g} dBFS already, the limit is {limits.max_spl_db:g}"
            + limits.full_scale.source_text,
            hint="turn the amplifier down; or, if the sensitivity is wrong, give the reading or "
            "the calibrator again",
            speaker=profile.speaker,
        )
    if left_db < _LEAST_STEP_DB:
        return Enough(now.level_dbfs, why)
    if left_db > _NEAR_DB:
        return Louder(now.level_dbfs + STEP_DB)
    return Louder(now.level_dbfs + min(FINE_STEP_DB, left_db))


def _refuse_deafness(steps: Sequence[Step], speaker: str) -> None:
    """Stop when the speaker is not heard, or fell although it was turned up."""
    now = steps[-1]
    fell = len(steps) > 1 and now.heard.level_dbfs < steps[-2].heard.level_dbfs - TOLERANCE_DB
    if now.heard.heard and not fell:
        return
    raise SafetyStop(
        "RC-702",
        f"cannot hear the speaker {speaker} at {now.level_dbfs:g} dBFS; not going louder",
        hint="is the microphone still plugged in, and the speaker still on? Then run "
        "`roomcal level` again: it starts quietly",
        speaker=speaker,
        level_dbfs=now.level_dbfs,
        heard_dbfs=round(now.heard.level_dbfs, 1),
        silent=now.heard.silent,
    )
