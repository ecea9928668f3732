"""Correct an audio file: any length, streaming, never clipped."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roomcal.errors import InputError
from roomcal.files.atomic import refuse_existing
from roomcal.files.bank_store import filters_for
from roomcal.files.wav import inspect_audio
from roomcal.files.wav_stream import SampleFormat, WavWriter, full_scale, read_blocks
from roomcal.jobs.conversation import Conversation
from roomcal.model.filter_bank import Bank, FilterBank
from roomcal.units import FloatArray, db_from_ratio, ratio_from_db

_BLOCK = 1 << 16  # frames a step: bounds memory
_KERNEL_BLOCK = 4096  # frames of the convolver's block: the fastest for filters of usual length

_FORMAT_OF_SUBTYPE: dict[str, SampleFormat] = {
    "PCM_16": "pcm16",
    "PCM_S8": "pcm16",
    "PCM_U8": "pcm16",
    "PCM_24": "pcm24",
    "PCM_32": "pcm32",
    "DOUBLE": "float64",
}  # of the source; everything else becomes 32-bit float


@dataclass(frozen=True)
class Applied:
    """What was written, and how loud it became."""

    path: Path
    n_frames: int
    fs: int
    sample_format: SampleFormat
    headroom_db: float  # taken off inside the filters
    gain_db: float  # applied on top: asked for, plus what clipping forbade
    lowered_db: float  # what clipping forbade
    peak_dbfs: float


def apply_bank(
    bank: Bank,
    source: Path,
    result: Path,
    talk: Conversation,
    *,
    gain_db: float = 0.0,
    sample_format: SampleFormat | None = None,
    force: bool = False,
) -> Applied:
    """Filter `source` into `result`.

    The result begins where the source does (the latency of the filters is taken off) and rings
    out to the end. A mono file feeds every input of the bank. Where an integer format would
    clip, the whole file is lowered by what is missing; floats keep what goes beyond full scale.

    Raises
    ------
    RoomcalError
        RC-101 where numba is missing.
    InputError
        RC-311 for another sample rate, RC-305 for a number of channels that does not fit,
        RC-314 for a result that is no .wav.
    StorageError
        RC-602 if the result exists and `force` is not given, RC-601 if it cannot be written.
    """
    audio = inspect_audio(source)
    filters = filters_for(bank, audio.fs)
    if result.suffix.lower() != ".wav":
        raise InputError("RC-314", f"{result} is no .wav", hint="roomcal writes WAV: name it so")
    refuse_existing(result, force=force and not _same_file(result, source))
    if audio.n_channels not in (1, len(filters.inputs)):
        raise InputError(
            "RC-305",
            f"{source} has {audio.n_channels} channels, the bank {bank.name} takes "
            f"{len(filters.inputs)} ({', '.join(filters.inputs)})",
            hint="give a file with as many channels, or a mono file",
            n_channels=audio.n_channels,
        )
    result.parent.mkdir(parents=True, exist_ok=True)  # refused before the work, not after it
    wanted = sample_format or _FORMAT_OF_SUBTYPE.get(audio.subtype, "float32")

    def blocks(what: str) -> Iterator[FloatArray]:
        talk.begin(what, -(-audio.n_samples // _BLOCK) + 1)
        try:
            yield from _filtered(source, filters, step=lambda: talk.step(""))
        finally:
            talk.end()

    lowered_db = 0.0
    if np.isfinite(full_scale(wanted)):
        peak = max(float(np.abs(y).max(initial=0.0)) for y in blocks("Looking for the peak"))
        limit = full_scale(wanted) / float(ratio_from_db(gain_db))
        lowered_db = max(0.0, float(db_from_ratio(peak / limit))) if peak > 0 else 0.0
    gain = float(ratio_from_db(gain_db - lowered_db))
    n_frames, peak = 0, 0.0
    with WavWriter(
        result, fs=audio.fs, n_channels=len(filters.outputs), sample_format=wanted
    ) as writer:
        for y in blocks("Filtering"):
            writer.write(y * gain)
            n_frames += y.shape[1]
            peak = max(peak, float(np.abs(y).max(initial=0.0)) * gain)
    return Applied(
        path=result,
        n_frames=n_frames,
        fs=audio.fs,
        sample_format=wanted,
        headroom_db=filters.headroom_db,
        gain_db=gain_db - lowered_db,
        lowered_db=lowered_db,
        peak_dbfs=float(db_from_ratio(peak)),
    )


def _same_file(first: Path, second: Path) -> bool:
    return first.exists() and first.samefile(second)


def _filtered(
    source: Path, filters: FilterBank, *, step: Callable[[], None]
) -> Iterator[FloatArray]:
    """Blocks of the filtered source, without the latency, to the end of the ringing."""
    # The kernel of the live engine. Imported here: numba takes a while, and may be missing.
    from roomcal.convolver.engine import Convolver

    convolver = Convolver.of(filters.taps, block=_KERNEL_BLOCK)
    skip, remaining = filters.latency_samples, filters.n_taps - 1
    for x in _padded(source, len(filters.inputs), ring_out=remaining):
        step()
        y = convolver.process(x[0])[:, : x[1]]
        dropped = min(skip, y.shape[1])
        skip -= dropped
        yield y[:, dropped:]


def _padded(source: Path, n_inputs: int, *, ring_out: int) -> Iterator[tuple[FloatArray, int]]:
    """Blocks of full length with the number of frames that count, then silence to ring out."""
    for x in read_blocks(source, _BLOCK):
        if not np.isfinite(x).all():
            raise InputError(
                "RC-303", f"{source} holds NaN or infinite samples", hint="render the file again"
            )
        block = np.zeros((n_inputs, _BLOCK))
        block[:, : x.shape[1]] = x  # one channel feeds all
        if x.shape[1] < _BLOCK:  # the last one: the silence begins within it
            extra = min(ring_out, _BLOCK - x.shape[1])
            ring_out -= extra
            yield block, x.shape[1] + extra
        else:
            yield block, _BLOCK
    while ring_out > 0:
        frames = min(ring_out, _BLOCK)
        ring_out -= frames
        yield np.zeros((n_inputs, _BLOCK)), frames
