"""Play what is no take: sounds that prove something, again if the audio system lost samples."""

from collections.abc import Callable, Sequence

from roomcal.devices.device import Recording
from roomcal.jobs.studio import Place
from roomcal.measure.guard import LoudnessGuard
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
    """Play and record, without a lost sample if the audio system lets us.

    A busy one may report some every time. What plays here bears that; the takes do not, and end
    with RC-404 then.

    Parameters
    ----------
    place : Place
    rows : (n_outputs, n_frames) float array
    output_channels, input_channels : sequence of int
    guard : callable, optional
        Makes what watches over one playback.

    Returns
    -------
    recording : Recording
        The last of at most `MAX_PLAYS`, with the number of its lost blocks.

    Raises
    ------
    SafetyStop
        RC-701 when the guard has ended it.
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
        plays_left -= 1
        if not (recording.xruns and plays_left):
            return recording
