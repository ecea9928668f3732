"""Write the take as a file, for a DAW or a player to play while something records."""

from dataclasses import dataclass
from pathlib import Path

from roomcal.files.atomic import refuse_existing
from roomcal.files.wav_comment import comment_chunk
from roomcal.files.wav_stream import SampleFormat, WavWriter
from roomcal.measure.plan import DEFAULT_PAUSE_S, plan_take
from roomcal.measure.take_file import SPEAKERS_COMMENT, render_take_file
from roomcal.model.sweep import Sweep
from roomcal.model.take import TakePlan


@dataclass(frozen=True)
class SweepRequest:
    """What the file plays."""

    speakers: tuple[str, ...]  # one channel each, in this order; the first plays the marks
    fs: int
    sweeps: int = 3  # a speaker
    length_s: float = 5.5  # of one sweep
    pause_s: float = DEFAULT_PAUSE_S  # after it
    level_dbfs: float = -20.0
    sample_format: SampleFormat = "pcm24"
    force: bool = False


def write_sweep(path: Path, request: SweepRequest) -> TakePlan:
    """Write the file; the names of the speakers travel in it as a comment.

    Raises
    ------
    StorageError
        RC-602 if it exists and `force` is not given, RC-601 if it cannot be written.
    """
    refuse_existing(path, force=request.force)
    sweep = Sweep(fs=request.fs, length_s=request.length_s, level_dbfs=request.level_dbfs)
    plan = plan_take(sweep, repeats=request.sweeps, reverberation_s=request.pause_s)
    rows = render_take_file(plan, len(request.speakers))
    with WavWriter(
        path,
        fs=request.fs,
        n_channels=len(rows),
        sample_format=request.sample_format,
        behind=comment_chunk(SPEAKERS_COMMENT + ",".join(request.speakers)),
    ) as writer:
        writer.write(rows)
    return plan
