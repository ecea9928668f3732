"""Find a level that is safe and enough, for every speaker, from the quietest sound upwards."""

import dataclasses
import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roomcal.errors import InputError, MeasurementError
from roomcal.files.level_store import save_level
from roomcal.jobs.conversation import Conversation
from roomcal.jobs.linearity import linear_level
from roomcal.jobs.pink_noise import NoiseLevel, play_noise
from roomcal.jobs.playback import play_whole
from roomcal.jobs.preparation import DEFAULT_MAX_SPL_DB
from roomcal.jobs.sensitivity import with_sensitivity
from roomcal.jobs.studio import Place
from roomcal.jobs.wiring import Wiring, check_wiring, probe_of
from roomcal.measure.level import Enough, Limits, Step, limits, next_step
from roomcal.measure.loudness import (
    FullScale,
    sweep_leq_a_db,
    sweep_peak_dbfs,
    sweep_spl_db,
    tone_level_dbfs,
)
from roomcal.measure.probe import FIRST_LEVEL_DBFS, Heard, hear_probe, render_probe
from roomcal.model.level_check import LevelCheck, SpeakerLevel
from roomcal.model.studio import Speaker

_CALIBRATOR_HZ = (1000.0, 250.0)
_CALIBRATOR_S = 3.0
_CALIBRATOR_ABOVE_DB = 20.0  # a tone that is less above the rest is no calibrator
_LEAST_SNR_DB = 30.0


@dataclass(frozen=True)
class LevelRequest:
    """What to find, and within which limits."""

    speakers: tuple[Speaker, ...]
    level_dbfs: float | None = None  # not louder than this; None: the usual limits
    max_spl_db: float = DEFAULT_MAX_SPL_DB
    target_spl_db: float | None = None  # of pink noise at -20 dBFS, dB(C), each speaker
    noise_s: float = 0.0  # pink noise from the first speaker, to read a meter by


@dataclass(frozen=True)
class Levelled:
    """What was found."""

    check: LevelCheck
    full_scale: FullScale
    warnings: tuple[str, ...]
    noise: tuple[NoiseLevel, ...] = ()  # with a target: one a speaker
    leq_a_db: float | None = None  # of the sweeps at the level, the loudest speaker


def find_level(root: Path, place: Place, request: LevelRequest, talk: Conversation) -> Levelled:
    """Raise the level of each speaker until it is enough; store the result in the studio's folder.

    Raises
    ------
    MeasurementError
        RC-502, RC-541 and others when the wiring is wrong, RC-524 when no level is linear,
        RC-547, RC-548.
    SafetyStop
        RC-701, RC-702: louder than predicted, or not heard any more.
    """
    place, full_scale, _ = with_sensitivity(root, place)
    position = place.studio.positions[0]
    talk.begin("Finding the level", 1 + len(request.speakers))
    try:
        if not place.device.place_microphone(position.name):
            talk.place_microphone(position, 1, 1)
        talk.step("quiet sounds first")
        wiring = check_wiring(place, request.speakers, position, talk, folder=root / "level-check")
        bounds = limits(full_scale, max_spl_db=request.max_spl_db, asked_dbfs=request.level_dbfs)
        found: list[tuple[Enough, Heard]] = []
        for speaker in request.speakers:
            talk.step(speaker.name)
            found.append(_ramp(place, wiring, speaker, bounds))
        level_dbfs = min(enough.level_dbfs for enough, _ in found)
        level_dbfs, bent = linear_level(place, wiring, request.speakers, position, level_dbfs)
        found = [
            (_lowered(enough, level_dbfs), heard)
            if any(v.channel == speaker.name for v in bent)
            else (enough, heard)
            for speaker, (enough, heard) in zip(request.speakers, found, strict=True)
        ]
        noise = _noise(place, wiring, request, level_dbfs, full_scale)
    finally:
        talk.end()
    check = _as_check(place, request, wiring, found, level_dbfs, full_scale)
    if noise and request.noise_s:
        check = dataclasses.replace(check, noise_c_dbfs=noise[0].c_dbfs)
    save_level(root, check)
    leq = None
    if full_scale.db_spl is not None:
        leq = max(sweep_leq_a_db(p, level_dbfs, full_scale.db_spl) for p in check.profiles)
    warnings = [f"{v.channel}: {v.message}; {v.hint}" for v in bent]
    warnings += _warnings(check, [enough for enough, _ in found])
    targets = noise if request.target_spl_db is not None else ()
    return Levelled(check, full_scale, tuple(warnings), targets, leq)


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
    tone_dbfs, above_db = tone_level_dbfs(x, fs, near_hz=_CALIBRATOR_HZ)
    if above_db < _CALIBRATOR_ABOVE_DB or np.abs(x).max() > 0.98:
        clipped = np.abs(x).max() > 0.98
        raise MeasurementError(
            "RC-547" if clipped else "RC-541",
            "the calibrator's tone overloads the input"
            if clipped
            else f"heard no calibrator: the strongest tone at 1 kHz or 250 Hz stands {above_db:.0f}"
            f" dB above the rest, {_CALIBRATOR_ABOVE_DB:.0f} dB needed",
            hint="lower the microphone's gain"
            if clipped
            else "put the calibrator over the microphone, switch it on, and run this again",
            tone_dbfs=round(tone_dbfs, 1),
            above_db=round(above_db, 1),
        )
    talk.note(f"calibrator: {tone_dbfs:.2f} dBFS")
    return _confirm(root, place, calibrator_db - tone_dbfs, f"a calibrator of {calibrator_db:g} dB")


def confirm_by_reading(root: Path, place: Place, reading_db: float) -> FullScale:
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
    return _confirm(
        root, place, reading_db - known.noise_c_dbfs, f"a reading of {reading_db:g} dB(C)"
    )


def _confirm(root: Path, place: Place, db_spl: float, source: str) -> FullScale:
    microphone = place.studio.microphone
    _, _, known = with_sensitivity(root, place)
    if known is None:
        known = LevelCheck(
            device=place.device_name,
            input_channel=microphone.input_channel,
            position="",
            level_dbfs=None,
            speakers=(),
            profiles=(),
            created_at=_now(),
        )
    save_level(
        root,
        dataclasses.replace(
            known,
            sensitivity="confirmed",
            full_scale_db_spl=round(db_spl, 2),
            sensitivity_source=source,
        ),
    )
    return FullScale("confirmed", db_spl, source)


def _ramp(place: Place, wiring: Wiring, speaker: Speaker, bounds: Limits) -> tuple[Enough, Heard]:
    """Raise one speaker; between two steps nothing plays."""
    profile = wiring.profile(speaker.name)
    steps = [Step(FIRST_LEVEL_DBFS, wiring.heard[speaker.name])]
    while True:
        decision = next_step(steps, profile, bounds)
        if isinstance(decision, Enough):
            at = next(s for s in steps if s.level_dbfs == decision.level_dbfs)
            return decision, at.heard
        steps.append(Step(decision.level_dbfs, _play(place, wiring, speaker, decision.level_dbfs)))


def _play(place: Place, wiring: Wiring, speaker: Speaker, level_dbfs: float) -> Heard:
    """Play the probe of one speaker, watched."""
    probe, fs = probe_of(speaker), place.studio.fs
    row = render_probe(probe, fs, level_dbfs=level_dbfs)
    channel = place.studio.microphone.input_channel
    recording = play_whole(
        place,
        row[np.newaxis],
        output_channels=[speaker.output_channel],
        input_channels=[channel],
        guard=lambda: wiring.guard({speaker.name: row}),
    )
    return hear_probe(probe, recording.samples, fs, input_channels=[channel])[0]


def _lowered(enough: Enough, level_dbfs: float) -> Enough:
    """End a ramp lower, because the speaker compresses above."""
    return dataclasses.replace(enough, level_dbfs=level_dbfs, why="it compresses")


def _noise(
    place: Place,
    wiring: Wiring,
    request: LevelRequest,
    level_dbfs: float,
    full_scale: FullScale,
) -> tuple[NoiseLevel, ...]:
    speakers: Sequence[Speaker] = ()
    if request.target_spl_db is not None:
        speakers = request.speakers
    elif request.noise_s:
        speakers = request.speakers[:1]
    return tuple(
        play_noise(
            place,
            wiring,
            speaker,
            level_dbfs,
            duration_s=request.noise_s,
            full_scale_db_spl=full_scale.db_spl,
            target_db=request.target_spl_db,
        )
        for speaker in speakers
    )


def _as_check(
    place: Place,
    request: LevelRequest,
    wiring: Wiring,
    found: Sequence[tuple[Enough, Heard]],
    level_dbfs: float,
    full_scale: FullScale,
) -> LevelCheck:
    speakers = []
    for speaker, (enough, heard) in zip(request.speakers, found, strict=True):
        profile = wiring.profile(speaker.name)
        first = wiring.heard[speaker.name]
        known = full_scale.db_spl
        speakers.append(
            SpeakerLevel(
                speaker=speaker.name,
                level_dbfs=round(enough.level_dbfs, 2),
                probe_gain_db=round(first.level_dbfs - FIRST_LEVEL_DBFS, 2),
                peak_dbfs=round(sweep_peak_dbfs(profile, level_dbfs), 1),
                snr_db=round(heard.snr_db + level_dbfs - enough.level_dbfs, 1),
                stopped_by=enough.why,
                spl_c_db=None
                if known is None
                else round(sweep_spl_db(profile, level_dbfs, known, "C"), 1),
                spl_a_db=None
                if known is None
                else round(sweep_spl_db(profile, level_dbfs, known, "A"), 1),
            )
        )
    return LevelCheck(
        device=place.device_name,
        input_channel=place.studio.microphone.input_channel,
        position=place.studio.positions[0].name,
        level_dbfs=round(level_dbfs, 2),
        speakers=tuple(speakers),
        profiles=wiring.survey.profiles,
        sensitivity=full_scale.sensitivity,
        full_scale_db_spl=full_scale.db_spl,
        sensitivity_source=full_scale.source,
        created_at=_now(),
    )


def _warnings(check: LevelCheck, found: Sequence[Enough]) -> list[str]:
    warnings = [enough.warning for enough in found if enough.warning]
    peak_dbfs = max(s.peak_dbfs for s in check.speakers)
    if peak_dbfs < -20.0:
        warnings.append(
            f"the microphone peaks at {peak_dbfs:.0f} dBFS: raise its gain by "
            f"{-16.0 - peak_dbfs:.0f} dB if its noise is the converter's, -20 to -12 dBFS is wanted"
        )
    weak = min(check.speakers, key=lambda s: s.snr_db)
    if weak.snr_db < _LEAST_SNR_DB:
        warnings.append(
            f"{weak.speaker} is only {weak.snr_db:.0f} dB above the noise: make the room quieter, "
            "or measure with more and longer sweeps"
        )
    return warnings


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
