"""Confirm what full scale means in sound pressure: by a calibrator, or by reading a meter."""

import dataclasses
import datetime
from pathlib import Path

import numpy as np

from roomcal.dsp.microphone import microphone_db
from roomcal.errors import InputError, MeasurementError
from roomcal.files.level_store import save_level
from roomcal.jobs.conversation import Conversation
from roomcal.jobs.playback import play_whole
from roomcal.jobs.sensitivity import with_sensitivity
from roomcal.jobs.studio import Place
from roomcal.measure.loudness import FullScale, find_tone
from roomcal.model.level_check import Confirmation, LevelCheck

_CALIBRATOR_HZ = (1000.0, 250.0)
_CALIBRATOR_S = 3.0
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
    db_spl, source = calibrator_db - tone_dbfs, f"a calibrator of {calibrator_db:g} dB"
    return _confirm(root, place, Confirmation(round(db_spl, 2), source), talk)


def confirm_by_reading(
    root: Path, place: Place, reading_db: float, talk: Conversation
) -> FullScale:
    """Store what full scale means from the reading of a sound level meter.

    Raises
    ------
    InputError
        RC-315 when no pink noise was played to read by.
    """
    _, _, known = with_sensitivity(root, place)
    if known is None or known.noise_c_dbfs is None:
        raise InputError(
            "RC-315",
            "there is no pink noise that this reading could belong to",
            hint="run `roomcal level --noise 10`, read the meter beside the microphone (C, slow) "
            "while it plays, then give the reading",
        )
    confirmation = Confirmation(
        round(reading_db - known.noise_c_dbfs, 2),
        f"a reading of {reading_db:g} dB(C)",
        {s.speaker: s.probe_gain_db for s in known.speakers},
    )
    return _confirm(root, place, confirmation, talk)


def _confirm(root: Path, place: Place, confirmation: Confirmation, talk: Conversation) -> FullScale:
    _, _, known = with_sensitivity(root, place)
    full_scale = FullScale(
        "confirmed",
        confirmation.full_scale_db_spl,
        confirmation.source,
        confirmation=confirmation,
    )
    keep_confirmation(root, place, known, full_scale)
    talk.note("leave the microphone's gain as it is now: turned, the sensitivity is another one")
    return full_scale


def keep_confirmation(
    root: Path, place: Place, known: LevelCheck | None, full_scale: FullScale
) -> None:
    """Store what full scale means beside what the last check found, if there was one."""
    if full_scale.confirmation is None:
        return
    if known is None:
        known = LevelCheck(
            device=place.device_name,
            input_channel=place.studio.microphone.input_channel,
            position="",
            level_dbfs=None,
            speakers=(),
            profiles=(),
            created_at=now(),
        )
    save_level(
        root,
        dataclasses.replace(
            known,
            sensitivity=full_scale.sensitivity,
            full_scale_db_spl=full_scale.db_spl,
            sensitivity_source=full_scale.source,
            confirmed=full_scale.confirmation,
        ),
    )


def now() -> str:
    """Return the time of a level check."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
