"""Play what is no take: sounds that prove something, again if the audio system lost samples."""

from collections.abc import Callable, Sequence

from roomcal.devices.device import Recording
from roomcal.errors import DeviceError
from roomcal.jobs.studio import Place
from roomcal.measure.guard import LoudnessGuard
from roomcal.measure.stream_report import stream_verdict_of
from roomcal.units import FloatArray

MAX_PLAYS = 3  # as many as of a take


def play_whole(
    place: Place,
    rows: FloatArray,
    *,
    output_channels: Sequence[int],
    input_channels: Sequence[int],
    guard: Callable[[], LoudnessGuard] | None = None,
) -> Recording:
    """Play and record without a lost sample.

    Parameters
    ----------
    place : Place
    rows : (n_outputs, n_frames) float array
    output_channels, input_channels : sequence of int
    guard : callable, optional
        Makes what watches over one playback.

    Raises
    ------
    SafetyStop
        RC-701 when the guard has ended it.
    DeviceError
        RC-404 when samples were lost each time.
    """
    plays_left = MAX_PLAYS
    while True:
        watching = guard() if guard else None
        recording = place.device.play_record(
            rows,
            fs=place.studio.fs,
            output_channels=list(output_channels),
            input_channels=list(input_channels),
            watch=watching.watch if watching else None,
        )
        if watching is not None and watching.stop is not None:
            raise watching.stop
        lost = stream_verdict_of(recording.xruns)
        plays_left -= 1
        if lost is None:
            return recording
        if not plays_left:
            raise DeviceError(
                lost.fault, f"{lost.message}; the last of {MAX_PLAYS} times", hint=lost.hint
            )
