"""Confirm what full scale means in sound pressure: by a calibrator, or by reading a meter."""

import dataclasses
import datetime
from pathlib import Path

import numpy as np

from roomcal.dsp.microphone import microphone_db
from roomcal.errors import InputError, MeasurementError
from roomcal.files.sensitivity_store import save_confirmation
from roomcal.jobs.conversation import Conversation
from roomcal.jobs.playback import play_whole
from roomcal.jobs.sensitivity import microphone_of, of_confirmation, with_sensitivity
from roomcal.jobs.studio import Place
from roomcal.jobs.wiring import Wiring, quiet_gain_db
from roomcal.measure.loudness import TURNED_DB, FullScale, find_tone, turned_db
from roomcal.model.level_check import LevelCheck
from roomcal.model.sensitivity import Confirmation
from roomcal.model.studio import Position

_CALIBRATOR_HZ = (1000.0, 250.0)
_CALIBRATOR_S = 3.0
# A UMIK-2 reads full scale at 125 dB SPL; 40 dB less or 25 dB more is no usual microphone.
_USUAL_FULL_SCALE_DB = (85.0, 150.0)
_CALIBRATOR_ABOVE_DB = 20.0  # a tone that is less above the rest is no calibrator


def confirm_by_calibrator(
    root: Path, place: Place, calibrator_db: float, talk: Conversation
) -> FullScale:
    """Record the tone of a calibrator on the microphone and store what full scale means.

    Raises
    ------
    MeasurementError
        RC-541 when there is no tone.
    """
    fs = place.studio.fs
    channel = place.studio.speakers[0].output_channel
    recording = play_whole(
        place,
        np.zeros((1, round(_CALIBRATOR_S * fs))),
        output_channels=[channel],
        input_channels=[place.studio.microphone.input_channel],
    )
    x = recording.samples[0, round(0.2 * _CALIBRATOR_S * fs) :]  # devices may begin with a click
    tone = find_tone(x, fs, near_hz=_CALIBRATOR_HZ)
    tone_dbfs, above_db = tone.level_dbfs, tone.above_db
    if above_db < _CALIBRATOR_ABOVE_DB or np.abs(x).max() > 0.98:
        clipped = np.abs(x).max() > 0.98
        raise MeasurementError(
            "RC-547" if clipped else "RC-541",
            "the calibrator's tone overloads the input"
            if clipped
            else f"heard no calibrator: the strongest tone at 1 kHz or 250 Hz stands {above_db:.0f}"
            f" dB above the rest, {_CALIBRATOR_ABOVE_DB:.0f} dB needed",
            hint="lower the microphone's gain, then run this again"
            if clipped
            else "put the calibrator over the microphone, switch it on, and run this again",
            tone_dbfs=round(tone_dbfs, 1),
            above_db=round(above_db, 1),
        )
    talk.note(f"calibrator: {tone_dbfs:.2f} dBFS")
    if place.calibration is not None:
        tone_dbfs -= float(microphone_db(place.calibration, np.array([tone.f_hz]))[0])
    return _confirm(
        root, place, calibrator_db - tone_dbfs, f"a calibrator of {calibrator_db:g} dB", talk
    )


def confirm_by_reading(
    root: Path, place: Place, reading_db: float, talk: Conversation
) -> FullScale:
    """Store what full scale means from the reading of a sound level meter.

    Raises
    ------
    InputError
        RC-315 when no pink noise was played to read by, or the number cannot be.
    """
    _, _, known = with_sensitivity(root, place)
    if known is None or known.noise_c_dbfs is None:
        raise InputError(
            "RC-315",
            "there is no pink noise that this reading could belong to",
            hint="run `roomcal level --noise 10`, read the meter beside the microphone (C, slow) "
            "while it plays, then give the reading",
        )
    played = datetime.datetime.fromisoformat(known.created_at).astimezone()
    talk.note(f"for the pink noise of {played:%Y-%m-%d %H:%M}")
    return _confirm(
        root,
        place,
        reading_db - known.noise_c_dbfs,
        f"a reading of {reading_db:g} dB(C)",
        talk,
        heard=known,
    )


def _confirm(
    root: Path,
    place: Place,
    db_spl: float,
    source: str,
    talk: Conversation,
    *,
    heard: LevelCheck | None = None,
) -> FullScale:
    """Store what full scale means, with how loud the speakers were heard then."""
    own = place.studio.microphone
    try:
        confirmation = Confirmation(
            microphone_of(place),
            round(db_spl, 2),
            source,
            described_db_spl=None if own.full_scale_estimated else own.full_scale_db_spl,
            position=heard.position if heard else "",
            probe_gain_db={s.speaker: s.probe_gain_db for s in heard.speakers} if heard else {},
        )
    except ValueError as error:
        raise InputError(
            "RC-315",
            f"{source} cannot be: {error}",
            hint="look at the number, at the microphone's gain, and whether it is the right input",
        ) from error
    save_confirmation(root, confirmation)
    low, high = _USUAL_FULL_SCALE_DB
    if not low <= db_spl <= high:
        talk.warn(
            f"0 dBFS would be {db_spl:.1f} dB SPL: with the usual microphones and gains it lies "
            f"between {low:g} and {high:g}. Is the number right? Give it again if not"
        )
    talk.note("do not touch the microphone's gain from now on: every dB SPL would be wrong")
    return of_confirmation(confirmation)


def hold_against_quiet_sounds(
    root: Path,
    place: Place,
    full_scale: FullScale,
    wiring: Wiring,
    position: Position,
    talk: Conversation,
    *,
    folder: Path,
    ask_again: bool = False,
) -> FullScale:
    """Judge by the quiet sounds whether a confirmed sensitivity still holds, and store that.

    If all speakers have moved, the microphone's gain may have been turned: whoever listens is
    asked, and where nobody answers it counts as turned. Once it is turned back, the confirmation
    holds again.

    Parameters
    ----------
    root : Path
    place : Place
    full_scale : FullScale
    wiring : Wiring
        The quiet sounds.
    position : Position
        Where the microphone stands: another one tells nothing.
    talk : Conversation
    folder : Path
        For a recording in which a speaker is not heard.
    ask_again : bool
        Even if nothing has changed since the last answer.
    """
    before = full_scale.confirmation
    if before is None:
        return full_scale
    now_db = wiring.probe_gain_db
    if before.probe_gain_db and before.position != position.name:
        return full_scale
    if before.probe_gain_db and not before.probe_gain_db.keys() & now_db.keys():
        # None of those that play now was heard then: one more quiet sound tells.
        others = [s for s in place.studio.speakers if s.name in before.probe_gain_db]
        if not others:
            return full_scale
        now_db = {**now_db, others[0].name: quiet_gain_db(place, others[0], folder)}
    moved_db = turned_db(before.probe_gain_db, now_db)
    if moved_db is None:
        gains = {**now_db, **before.probe_gain_db}
        after = dataclasses.replace(
            before, position=position.name, probe_gain_db=gains, moved_db=0.0
        )
    elif (not ask_again and abs(moved_db - before.moved_db) <= TURNED_DB) or talk.confirm(
        f"At the microphone every speaker is {abs(moved_db):.0f} dB "
        f"{'louder' if moved_db > 0.0 else 'quieter'} than when its sensitivity was confirmed by "
        f"{before.source}. Did you turn the microphone's gain? (y: dB SPL has to be confirmed "
        "again; n: only the volume of the monitors has changed)"
    ):
        after = dataclasses.replace(before, moved_db=moved_db)
    else:
        after = dataclasses.replace(before, probe_gain_db=now_db, moved_db=0.0)
    if after != before:
        save_confirmation(root, after)
    return dataclasses.replace(of_confirmation(after), calibration=full_scale.calibration)


def doubt_text(full_scale: FullScale) -> str:
    """Say why a sensitivity that was confirmed does not hold any more; empty where it does."""
    confirmation = full_scale.confirmation
    if confirmation is None or full_scale.sensitivity == "confirmed":
        return ""
    return (
        f"the microphone's gain was turned since {confirmation.source} confirmed its sensitivity "
        f"(every speaker {confirmation.moved_db:+.0f} dB): dB SPL is not known any more; turn it "
        "back, or run `roomcal level` with --calibrator, or with --noise and then --reading"
    )


def now() -> str:
    """Return the time of a level check."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
