"""Find a level that is safe and enough, for every speaker, from the quietest sound upwards."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roomcal.files.atomic import refuse_unwritable
from roomcal.files.level_store import save_level
from roomcal.jobs.confirmation import doubt_text, hold_against_quiet_sounds, now
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
)
from roomcal.measure.probe import FIRST_LEVEL_DBFS, Heard, hear_probe, render_probe
from roomcal.model.level_check import LevelCheck, SpeakerLevel, SpeakerProfile
from roomcal.model.studio import Speaker

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
    place, full_scale, known = with_sensitivity(root, place)
    position = place.studio.positions[0]
    refuse_unwritable(root)
    noisy = _noisy_speakers(request)
    talk.begin("Finding the level", 1 + len(request.speakers) + len(noisy))
    try:
        if not place.device.place_microphone(position.name):
            talk.place_microphone(position, 1, 1)
        talk.step("quiet sounds first")
        folder = root / "level-check"
        wiring = check_wiring(place, request.speakers, position, talk, folder=folder)
        # Before the ramp: it may end with an overload, whose cure is to turn the gain.
        full_scale = hold_against_quiet_sounds(
            root, place, full_scale, wiring, position, talk, folder=folder, ask_again=True
        )
        if known is not None and known.noise_c_dbfs is not None:  # a reading belongs to no other
            save_level(root, dataclasses.replace(known, noise_c_dbfs=None))
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
        noise = []
        for speaker in noisy:
            talk.step(f"pink noise from {speaker.name}")
            if request.noise_s:
                talk.note(
                    f"pink noise from {speaker.name} now, {request.noise_s:.0f} s: read the meter "
                    "beside the microphone (C, slow)"
                )
            noise.append(
                play_noise(
                    place,
                    wiring,
                    speaker,
                    level_dbfs,
                    duration_s=request.noise_s,
                    full_scale_db_spl=full_scale.db_spl,
                    target_db=request.target_spl_db,
                )
            )
    finally:
        talk.end()
    check = _as_check(place, request, wiring, found, level_dbfs, full_scale)
    if noise and request.noise_s:
        check = dataclasses.replace(check, noise_c_dbfs=noise[0].c_dbfs)
    save_level(root, check)
    leq = None
    if full_scale.db_spl is not None:
        leq = max(
            sweep_leq_a_db(p, level_dbfs, full_scale.db_spl, calibration=full_scale.calibration)
            for p in check.profiles
        )
    warnings = [f"{v.channel}: {v.message}; {v.hint}" for v in bent]
    warnings += _warnings(check, [enough for enough, _ in found], full_scale)
    if doubt_text(full_scale):
        warnings.insert(0, doubt_text(full_scale))
    targets = tuple(noise) if request.target_spl_db is not None else ()
    return Levelled(check, full_scale, tuple(warnings), targets, leq)


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


def _noisy_speakers(request: LevelRequest) -> Sequence[Speaker]:
    """Speakers that play pink noise: all to be trimmed, or one to read a meter by."""
    if request.target_spl_db is not None:
        return request.speakers
    if not request.noise_s:
        return ()
    full_range = [s for s in request.speakers if not s.is_sub]
    return full_range[:1] or request.speakers[:1]


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
        spl_c_db, spl_a_db = _spl_db(profile, level_dbfs, full_scale)
        speakers.append(
            SpeakerLevel(
                speaker=speaker.name,
                level_dbfs=round(enough.level_dbfs, 2),
                probe_gain_db=wiring.probe_gain_db[speaker.name],
                peak_dbfs=round(sweep_peak_dbfs(profile, level_dbfs), 1),
                snr_db=round(heard.snr_db + level_dbfs - enough.level_dbfs, 1),
                stopped_by=enough.why,
                spl_c_db=spl_c_db,
                spl_a_db=spl_a_db,
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
        input_device=place.input_name,
        created_at=now(),
    )


def _spl_db(
    profile: SpeakerProfile, level_dbfs: float, full_scale: FullScale
) -> tuple[float, float] | tuple[None, None]:
    """Sound pressure of a sweep at its loudest moment, dB(C) and dB(A)."""
    if full_scale.db_spl is None:
        return None, None
    c_db, a_db = (
        sweep_spl_db(
            profile, level_dbfs, full_scale.db_spl, weighting, calibration=full_scale.calibration
        )
        for weighting in ("C", "A")
    )
    return round(c_db, 1), round(a_db, 1)


def _warnings(check: LevelCheck, found: Sequence[Enough], full_scale: FullScale) -> list[str]:
    warnings = [enough.warning for enough in found if enough.warning]
    peak_dbfs = max(s.peak_dbfs for s in check.speakers)
    if peak_dbfs < -20.0:
        warnings.append(
            f"the microphone peaks at {peak_dbfs:.1f} dBFS: raise its gain by "
            f"{-16.0 - peak_dbfs:.0f} dB if its noise is the converter's, -20 to -12 dBFS is wanted"
            + full_scale.after_turning
        )
    weak = min(check.speakers, key=lambda s: s.snr_db)
    if weak.snr_db < _LEAST_SNR_DB:
        warnings.append(
            f"{weak.speaker} is only {weak.snr_db:.0f} dB above the noise: make the room quieter, "
            "or measure with more and longer sweeps"
        )
    return warnings
