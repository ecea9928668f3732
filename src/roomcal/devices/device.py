"""The small interface that the sound card and the virtual studio share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from roomcal.errors import DeviceError
from roomcal.model.arrays import frozen_array
from roomcal.model.curve import Curve
from roomcal.model.studio import Studio
from roomcal.units import FloatArray

# Called with each recorded block (n_inputs, n_frames) as it arrives; False fades out and stops.
Watch = Callable[[FloatArray], bool]


@dataclass(frozen=True, eq=False)
class Recording:
    """What came in while something played out.

    Attributes
    ----------
    samples : (n_inputs, n_frames) float array
        Full scale is 1; frame 0 is the first that the device recorded.
    """

    samples: FloatArray
    fs: int
    xruns: int = 0
    stopped: bool = False  # the watch asked to stop

    def __post_init__(self) -> None:
        object.__setattr__(self, "samples", frozen_array(self.samples, ndim=2, name="samples"))


@dataclass(frozen=True)
class DeviceInfo:
    """One device as `roomcal devices` lists it."""

    name: str
    n_inputs: int
    n_outputs: int
    sample_rates: tuple[int, ...]
    description: str = ""
    host_api: str = ""  # of PortAudio: "ALSA", "JACK Audio Connection Kit", "Windows WASAPI", ...
    number: int | None = None  # by which PortAudio knows it; changes when something is plugged in
    latency_s: float | None = None  # out and in together, as the driver promises it

    @property
    def full_name(self) -> str:
        """Name that tells it from the same device in another host API."""
        return f"{self.name}, {self.host_api}" if self.host_api else self.name


class Device(Protocol):
    """Plays and records at the same time."""

    @property
    def info(self) -> DeviceInfo:
        """Name, channels and rates."""

    def default_studio(self) -> Studio | None:
        """Return the studio that belongs to the device (virtual rooms), or None."""

    def microphone_calibration(self) -> Curve | None:
        """Return the curve that came with the device's own microphone (virtual rooms), or None."""

    def place_microphone(self, position: str) -> bool:
        """Move the microphone, or return False: then a person has to do it."""

    def play_record(
        self,
        output: FloatArray,
        *,
        fs: int,
        output_channels: Sequence[int],
        input_channels: Sequence[int],
        watch: Watch | None = None,
    ) -> Recording:
        """Play one row of `output` on each output channel and record the input channels.

        Parameters
        ----------
        output : (n_outputs, n_frames) float array
            Full scale is 1.
        fs : int
        output_channels, input_channels : sequence of int
            Counted from 1.
        watch : callable, optional

        Raises
        ------
        DeviceError
            RC-402 for a channel or sample rate that the device does not have, RC-403 when it
            vanishes.
        Interrupted
            When the user asked for the end; it carries what was recorded.
        """


def refuse_channels(
    device: str, direction: Literal["input", "output"], channels: Sequence[int], available: int
) -> None:
    """Refuse channels that a device does not have.

    Parameters
    ----------
    device : str
        Name of the device.
    direction : "input" or "output"
    channels : sequence of int
        Counted from 1.
    available : int
        How many the device has.

    Raises
    ------
    DeviceError
        RC-402
    """
    for channel in channels:
        if not 1 <= channel <= available:
            raise DeviceError(
                "RC-402",
                f"{device} has no {direction} {channel}",
                hint=f"its {direction}s are 1 to {available}"
                if available
                else f"it has no {direction}s: name another device with --{direction}-device",
                device=device,
                channel=channel,
            )
