"""Prove the wiring before anything loud: a quiet sound from every speaker, heard on every input."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roomcal.devices.device import Recording
from roomcal.errors import MeasurementError, SafetyStop
from roomcal.files.probe_store import keep_probe
from roomcal.jobs.conversation import Conversation
from roomcal.jobs.playback import play_whole
from roomcal.jobs.studio import Place
from roomcal.measure.guard import LOUDER_DB, LoudnessGuard
from roomcal.measure.probe import (
    FIRST_LEVEL_DBFS,
    FULL_RANGE,
    SUBWOOFER,
    Heard,
    Probe,
    hear_probe,
    render_probe,
)
from roomcal.measure.survey import Survey, plan_survey, render_survey, survey_from_recording
from roomcal.measure.wiring import (
    judge_survey,
    places_tell_apart,
    refuse_other_input,
    refuse_silence,
    refuse_unheard,
)
from roomcal.model.level_check import LevelCheck, SpeakerProfile
from roomcal.model.studio import Position, Speaker
from roomcal.model.verdict import Verdict
from roomcal.units import FloatArray, ratio_from_db

MAX_INPUTS = 64  # of a large console; all are listened to
ABSOLUTE_LIMIT_DBFS = -3.0  # nothing is ever sent louder


@dataclass(frozen=True, eq=False)
class Wiring:
    """What the quiet sounds have shown."""

    survey: Survey
    heard: Mapping[str, Heard]  # by speaker
    delay: int  # from output to input, in samples
    fs: int
    verdicts: tuple[Verdict, ...] = ()

    @property
    def probe_gain_db(self) -> dict[str, float]:
        """How loud the first sound of each speaker was, input re output."""
        return {
            name: round(heard.level_dbfs - FIRST_LEVEL_DBFS, 2)
            for name, heard in self.heard.items()
        }

    def profile(self, speaker: str) -> SpeakerProfile:
        """Return how loud a speaker is at the microphone."""
        return next(p for p in self.survey.profiles if p.speaker == speaker)

    def guard(self, played: Mapping[str, FloatArray]) -> LoudnessGuard:
        """Watch over a playback; `played` holds what each speaker gets, filters and trims in."""
        return LoudnessGuard(
            played,
            self.survey.profiles,
            noise=self.survey.noise,
            fs=self.fs,
            delay=self.delay,
        )


def probe_of(speaker: Speaker) -> Probe:
    """Return the first sound for a speaker."""
    return SUBWOOFER if speaker.is_sub else FULL_RANGE


def check_wiring(
    place: Place,
    speakers: Sequence[Speaker],
    position: Position,
    talk: Conversation,
    *,
    folder: Path,
    known: LevelCheck | None = None,
) -> Wiring:
    """Play every speaker softly and judge what comes back.

    Parameters
    ----------
    place : Place
    speakers : sequence of Speaker
        All that will play.
    position : Position
        Of the microphone, which stands there.
    talk : Conversation
    folder : Path
        Gets the recording of a probe that forbids to go on.
    known : LevelCheck, optional
        An earlier one: louder than then stops everything.

    Raises
    ------
    MeasurementError
        RC-501 when nothing comes back over the loopback cable; RC-502, RC-541, RC-542: silence, no
        speaker, another input; RC-526 to RC-528: the same speaker twice, swapped (also if whoever
        listens says so), mixed.
    SafetyStop
        RC-701 when a speaker is louder than at the level check.
    """
    fs = place.studio.fs
    _check_loopback(place)
    # The delay and the clock come from the first, and bass is late by nobody knows how much.
    speakers = sorted(speakers, key=lambda s: s.is_sub)
    heard = {}
    for speaker in speakers:
        heard[speaker.name] = _probe(place, speaker, folder)
        if known is not None:
            _refuse_louder(speaker, heard[speaker.name], known)
    delay = next(h for h in heard.values()).delay_samples
    plan = plan_survey(len(speakers), fs)
    recording = play_softly(place, render_survey(plan), [s.output_channel for s in speakers])
    survey = survey_from_recording(
        recording.samples[0],
        plan,
        speakers=[s.name for s in speakers],
        position=position.name,
        delay=delay,
    )
    verdicts = judge_survey(survey.responses, speakers, position)
    for verdict in verdicts:
        if verdict.severity == "rejection":
            raise MeasurementError(
                verdict.fault, verdict.message, hint=verdict.hint, **dict(verdict.evidence)
            )
        talk.warn(f"{verdict.message}: {verdict.hint}")
    if known is None and not places_tell_apart(speakers, position):
        _ask_who_played(place, speakers, talk)
    return Wiring(survey, heard, delay, fs, verdicts)


def _check_loopback(place: Place) -> None:
    """Send the first sound over the loopback cable, if there is to be one."""
    loopback = place.studio.loopback
    if loopback is None:
        return
    fs = place.studio.fs
    recording = play_whole(
        place,
        render_probe(FULL_RANGE, fs, level_dbfs=FIRST_LEVEL_DBFS)[np.newaxis],
        output_channels=[loopback.output_channel],
        input_channels=[loopback.input_channel],
    )
    (heard,) = hear_probe(
        FULL_RANGE, recording.samples, fs, input_channels=[loopback.input_channel]
    )
    if not heard.heard:
        raise MeasurementError(
            "RC-501",
            f"nothing comes back over the loopback cable from output {loopback.output_channel} "
            f"to input {loopback.input_channel}",
            hint="check the cable, the input's gain and the channels of [loopback] in studio.toml, "
            "or remove [loopback]",
        )


def quiet_duration_s(place: Place, speakers: Sequence[Speaker]) -> float:
    """Length in seconds of the quiet sounds of `check_wiring` for these speakers."""
    fs = place.studio.fs
    cable = [] if place.studio.loopback is None else [FULL_RANGE]
    probes = [*cable, *map(probe_of, speakers)]
    first = sum(render_probe(p, fs, level_dbfs=FIRST_LEVEL_DBFS).size for p in probes)
    return (first + plan_survey(len(speakers), fs).n_samples) / fs


def quiet_gain_db(place: Place, speaker: Speaker, folder: Path) -> float:
    """Play the first sound of one speaker, and return how loud it was, input re output."""
    return round(_probe(place, speaker, folder).level_dbfs - FIRST_LEVEL_DBFS, 2)


def _ask_who_played(place: Place, speakers: Sequence[Speaker], talk: Conversation) -> None:
    """Ask the ears where no arrival can tell which speaker is which; virtual rooms have none."""
    if place.device.default_studio() is not None:
        return
    names = [s.name for s in speakers]
    order = ", then ".join([*names, names[0]])
    if talk.confirm(f"The last quiet sounds came from {order} again. Did you hear them there?"):
        return
    raise MeasurementError(
        "RC-527",
        f"{', '.join(names)} look swapped: they were heard elsewhere",
        hint="exchange the cables, or the output channels in studio.toml; if you heard nothing, or "
        "several at once, look at the routing of the interface and run this again",
    )


def _probe(place: Place, speaker: Speaker, folder: Path) -> Heard:
    """Play the first sound of one speaker and listen on all inputs."""
    fs, probe = place.studio.fs, probe_of(speaker)
    microphone = place.studio.microphone.input_channel
    loopback = place.studio.loopback
    inputs = list(range(1, min(place.device.info.n_inputs, MAX_INPUTS) + 1))
    if microphone not in inputs:
        inputs.append(microphone)
    row = render_probe(probe, fs, level_dbfs=FIRST_LEVEL_DBFS)
    recording = play_whole(
        place,
        row[np.newaxis],
        output_channels=[speaker.output_channel],
        input_channels=inputs,
    )
    heard = hear_probe(probe, recording.samples, fs, input_channels=inputs)
    try:
        refuse_silence(heard, microphone)
        refuse_other_input(heard, microphone, loopback=loopback.input_channel if loopback else None)
        refuse_unheard(heard, microphone, speaker)
    except MeasurementError:
        keep_probe(folder, speaker.name, recording.samples, fs)
        raise
    return next(h for h in heard if h.input_channel == microphone)


def play_softly(place: Place, rows: FloatArray, channels: Sequence[int]) -> Recording:
    """Play what is not louder than the first sound, and record the microphone.

    Raises
    ------
    ValueError
        If it is louder.
    """
    if np.abs(rows).max() > float(ratio_from_db(FIRST_LEVEL_DBFS)) * (1.0 + 1e-9):
        raise ValueError(f"the first sounds are no louder than {FIRST_LEVEL_DBFS} dBFS")
    return play_whole(
        place,
        rows,
        output_channels=channels,
        input_channels=[place.studio.microphone.input_channel],
    )


def _refuse_louder(speaker: Speaker, heard: Heard, known: LevelCheck) -> None:
    """Stop when a speaker is louder than at the level check."""
    before = next((s for s in known.speakers if s.speaker == speaker.name), None)
    if before is None:
        return
    louder_db = heard.level_dbfs - FIRST_LEVEL_DBFS - before.probe_gain_db
    if louder_db > LOUDER_DB:
        raise SafetyStop(
            "RC-701",
            f"{speaker.name} is {louder_db:.0f} dB louder than at the level check of "
            f"{known.created_at}",
            hint="turn the amplifier, or the microphone's gain, back; or run `roomcal level` again",
            speaker=speaker.name,
            louder_db=round(louder_db, 1),
        )
