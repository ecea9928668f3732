"""Where the programme comes from: named by the user, and never the measurement microphone.

The microphone hears the monitors. Sent to them, it is a loop that howls. So nothing is taken for a
source that was not named, and the inputs of the microphone and the loopback cable are refused.
"""

import re

from roomcal.errors import InputError
from roomcal.live.request import Route
from roomcal.model.studio import Source, Studio

_SPEC = re.compile(r"(?P<device>.*?)(?::(?P<channels>\d+(?:,\d+)*))?")
PATCHBAY = "patchbay"  # JACK: the user connects the source in a patchbay


def parse_source(text: str, n_inputs: int) -> Source:
    """Read `DEVICE:1,2`; without channels the first ones are meant.

    Raises
    ------
    InputError
        RC-331 when no device is named.
    """
    match = _SPEC.fullmatch(text.strip())
    device = match["device"].strip() if match else ""
    if not match or not device:
        raise InputError(
            "RC-331",
            f"{text!r} names no source",
            hint="say DEVICE:CHANNELS, like --source 'BlackHole 2ch:1,2'",
        )
    named = match["channels"]
    channels = range(1, n_inputs + 1) if named is None else map(int, named.split(","))
    try:
        return Source(device, tuple(channels))
    except ValueError as error:
        raise InputError("RC-331", str(error), hint=f"like --source '{device}:1,2'") from error


def check_source(source: Source, inputs: tuple[str, ...]) -> None:
    """Refuse a source whose channels are not those that the banks filter.

    Raises
    ------
    InputError
        RC-331
    """
    if len(source.channels) != len(inputs):
        some = ",".join(str(n + 1) for n in range(len(inputs)))
        raise InputError(
            "RC-331",
            f"the source {source.device} has {len(source.channels)} channels "
            f"({', '.join(map(str, source.channels))}), the bank filters {len(inputs)} "
            f"({', '.join(inputs)})",
            hint=f"name one channel for each: --source '{source.device}:{some}'",
        )


def no_source(*, jack: bool) -> InputError:
    """Say that a source has to be named: a silent default could be the microphone."""
    how = (
        "--source CLIENT:1,2 names the JACK client of the DAW, --source patchbay lets you connect "
        "it by hand"
        if jack
        else "--source DEVICE:1,2 names the device and the channels that carry the DAW's output"
    )
    return InputError(
        "RC-331",
        "nobody said where the programme comes from, and roomcal does not guess: an input may be "
        "the microphone",
        hint=f"{how}; or write [source] with device and channels into studio.toml; docs/live.md "
        "shows how to route",
    )


def microphone_inputs(studio: Studio) -> tuple[str, tuple[int, ...]]:
    """Return the device and the input channels that hear what is played."""
    device = studio.input_device or studio.output_device
    loopback = (studio.loopback.input_channel,) if studio.loopback else ()
    return device, (studio.microphone.input_channel, *loopback)


def refuse_microphone(route: Route, *, same_device: bool) -> None:
    """Refuse a source that hears the monitors.

    Parameters
    ----------
    route : Route
    same_device : bool
        Whether the source is the device on which the microphone is.

    Raises
    ------
    InputError
        RC-332
    """
    heard = [n for n in route.source_channels if n in route.microphone_channels]
    if not same_device or not heard:
        return
    which = "microphone" if heard[0] == route.microphone_channels[0] else "loopback"
    raise InputError(
        "RC-332",
        f"input {heard[0]} of {route.source_device} is the {which}'s: it carries what the "
        "monitors play, and would howl",
        hint="name the channels that carry the DAW's output; if the microphone is elsewhere now, "
        "say so in studio.toml (microphone.input_channel, input_device)",
        channel=heard[0],
    )


def output_channels(studio: Studio, outputs: tuple[str, ...]) -> tuple[int, ...]:
    """Return the channels of the speakers that a bank corrects.

    Raises
    ------
    InputError
        RC-309 for a speaker that the studio does not have.
    """
    known = {s.name.lower(): s.output_channel for s in studio.speakers}
    for name in outputs:
        if name.lower() not in known:
            raise InputError(
                "RC-309",
                f"the bank corrects a speaker {name} that the studio does not have",
                hint=f"its speakers are {', '.join(s.name for s in studio.speakers)}: use a bank "
                "that was designed for them, or correct studio.toml",
                name=name,
            )
    return tuple(known[name.lower()] for name in outputs)
