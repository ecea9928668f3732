"""Whether the devices of a studio have the channels and the rate that it needs."""

from collections.abc import Sequence

from roomcal.devices.device import Device, refuse_channels
from roomcal.devices.registry import is_virtual, open_device, other_room
from roomcal.errors import DeviceError
from roomcal.model.studio import Speaker, Studio


def refuse_unfit(
    device: Device,
    studio: Studio,
    speakers: Sequence[Speaker],
    *,
    output_name: str,
    input_name: str = "",
) -> None:
    """Refuse channels that a device does not have, and a rate that a virtual one has not.

    Parameters
    ----------
    device : Device
    studio : Studio
    speakers : sequence of Speaker
        Those that are to play.
    output_name, input_name : str
        Of the device, for the message; an empty second one is as the first.

    Raises
    ------
    DeviceError
        RC-402
    """
    info, cable = device.info, studio.loopback
    outputs = [s.output_channel for s in speakers] + ([cable.output_channel] if cable else [])
    inputs = [studio.microphone.input_channel] + ([cable.input_channel] if cable else [])
    refuse_channels(output_name, "output", outputs, info.n_outputs)
    refuse_channels(input_name or output_name, "input", inputs, info.n_inputs)
    # A sound card that is in use does not say all its rates: it is asked when it is opened.
    if is_virtual(output_name) and studio.fs not in info.sample_rates:
        raise DeviceError(
            "RC-402",
            f"{output_name} does not run at {studio.fs} Hz",
            hint=f"use one of {', '.join(str(fs) for fs in info.sample_rates)}",
            fs=studio.fs,
        )


def absent_device(studio: Studio) -> str:
    """Check the devices of a new studio as far as they can be asked just now.

    Returns
    -------
    text : str
        Why they cannot be asked; empty where they fit. A sound card may be plugged in later, or
        to another computer.

    Raises
    ------
    DeviceError
        RC-401 for a virtual device that is not known or words that mean several devices; RC-402
        for channels or a rate that a device does not have.
    """
    name, records = studio.output_device, studio.input_device
    if is_virtual(name) and records not in ("", name):
        raise other_room(name, records)
    try:
        device = open_device(name, input_name=records, audio=studio.audio)
    except DeviceError as error:
        may_come = error.fault in ("RC-401", "RC-406") and not error.evidence.get("ambiguous")
        if is_virtual(name) or not may_come:
            raise
        return f"{error.message}; {error.hint}"
    refuse_unfit(device, studio, studio.speakers, output_name=name, input_name=records)
    return ""
