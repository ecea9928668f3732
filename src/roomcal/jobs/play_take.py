"""Play one take and record it, watched: what goes to which output, and what comes back."""

import datetime
from collections.abc import Sequence

import numpy as np

from roomcal.convolver.partitioned import PartitionedConvolver
from roomcal.devices.device import Watch
from roomcal.devices.interruption import Interrupted
from roomcal.errors import SafetyStop
from roomcal.jobs.conversation import Conversation
from roomcal.jobs.guidance import input_level_text
from roomcal.jobs.preparation import Prepared
from roomcal.jobs.studio import Place
from roomcal.measure.guard import LoudnessGuard
from roomcal.measure.plan import render_take
from roomcal.model.capture import Capture
from roomcal.model.filter_bank import FilterBank
from roomcal.model.studio import Position, Speaker
from roomcal.units import FloatArray, db_from_ratio, ratio_from_db

_SHOWN_EVERY_S = 0.1  # the peak of the microphone
_BLOCK = 1 << 16  # frames that are filtered at a time: bounds memory


def play_take(
    place: Place,
    prepared: Prepared,
    speaker: Speaker,
    position: Position,
    *,
    talk: Conversation | None = None,
) -> tuple[Capture, Interrupted | SafetyStop | None]:
    """Play one take and record it; with what ended it early: the user, or the loudness.

    Whoever talks to the user is shown how loud the microphone is meanwhile.
    """
    plan = prepared.plan
    studio = place.studio
    reference = studio.reference_speaker
    same = speaker.name == reference.name
    marks, sweeps = render_take(plan, same_speaker=same)
    played = {speaker.name: sweeps}
    if not same:
        played[reference.name] = marks
    rows, channels = _output_rows(played, studio.speakers, prepared.filters)
    guard = None
    if prepared.wiring is not None:
        by_channel = {s.output_channel: s.name for s in studio.speakers}
        at_speakers = {by_channel[c]: row for c, row in zip(channels, rows, strict=True)}
        guard = prepared.wiring.guard(at_speakers)
    inputs = [studio.microphone.input_channel]
    if studio.loopback is not None:
        rows = np.concatenate([rows, [sum(played.values())]])
        channels.append(studio.loopback.output_channel)
        inputs.append(studio.loopback.input_channel)
    started_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    end: Interrupted | SafetyStop | None = None
    try:
        recording = place.device.play_record(
            rows,
            fs=plan.sweep.fs,
            output_channels=channels,
            input_channels=inputs,
            watch=_watch(guard, talk, plan.sweep.fs),
        )
        end = guard.stop if guard else None
    except Interrupted as interrupted:
        recording, end = interrupted.recording, interrupted
    capture = Capture(
        microphone=recording.samples[0],
        loopback=recording.samples[1] if studio.loopback is not None else None,
        fs=recording.fs,
        plan=plan,
        speaker=speaker.name,
        reference_speaker=reference.name,
        position=position.name,
        xruns=recording.xruns,
        started_at=started_at,
    )
    return capture, end


def _watch(guard: LoudnessGuard | None, talk: Conversation | None, fs: int) -> Watch | None:
    """Watch the loudness, and show it."""
    if talk is None:
        return guard.watch if guard else None
    peak, n_seen = 0.0, 0

    def watch(block: FloatArray) -> bool:
        nonlocal peak, n_seen
        peak, n_seen = max(peak, float(np.abs(block[0]).max(initial=0.0))), n_seen + block.shape[1]
        if n_seen >= _SHOWN_EVERY_S * fs:
            talk.listening(input_level_text(float(db_from_ratio(peak))))
            peak, n_seen = 0.0, 0
        return guard.watch(block) if guard else True

    return watch


def _output_rows(
    played: dict[str, FloatArray], speakers: Sequence[Speaker], filters: FilterBank | None
) -> tuple[FloatArray, list[int]]:
    """Signals per output channel, through a bank or not, with the trims of the speakers.

    What the bank has no input for goes past it: the marks of a reference speaker that it does not
    correct.
    """
    by_output = dict(played) if filters is None else _through(played, filters)
    names, rows = list(by_output), np.stack(list(by_output.values()))
    by_name = {s.name: s for s in speakers}
    trims = ratio_from_db([by_name[name].gain_db for name in names])
    return rows * trims[:, np.newaxis], [by_name[name].output_channel for name in names]


def _through(played: dict[str, FloatArray], filters: FilterBank) -> dict[str, FloatArray]:
    """Filter signals by input into signals by output."""
    n = next(iter(played.values())).size
    x = np.zeros((len(filters.inputs), -(-n // _BLOCK) * _BLOCK))
    for name, signal in played.items():
        if name in filters.inputs:
            x[filters.inputs.index(name), :n] = signal
    convolver = PartitionedConvolver(filters.taps, block=_BLOCK)
    blocks = [
        convolver.process(x[:, start : start + _BLOCK]) for start in range(0, x.shape[1], _BLOCK)
    ]
    by_output = dict(zip(filters.outputs, np.concatenate(blocks, axis=1)[:, :n], strict=True))
    for name, signal in played.items():
        if name not in filters.inputs:
            by_output[name] = by_output.get(name, 0.0) + signal
    return by_output
