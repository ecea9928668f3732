"""Every device that a name can open, in one place."""

import difflib

from roomcal.devices.device import Device, DeviceInfo
from roomcal.devices.virtual.room import VirtualRoom
from roomcal.devices.virtual.rooms import DEFAULT_ROOM, ROOMS
from roomcal.devices.virtual.studio import VirtualStudio, device_info
from roomcal.errors import DeviceError

_VIRTUAL = "virtual"


def open_device(name: str, *, occasion: int = 0) -> Device:
    """Open a device by its name.

    Parameters
    ----------
    name : str
        "virtual" or "virtual:NAME".
    occasion : int
        Of a virtual room: 0 is the first measurement, any other a later one, with other noise,
        the microphone put back within 5 mm and the air 1 K warmer.

    Raises
    ------
    DeviceError
        RC-401 for a name that is not known, or for a sound card.
    """
    if name == _VIRTUAL:
        return VirtualStudio(ROOMS[DEFAULT_ROOM], occasion=occasion)
    if name.startswith(f"{_VIRTUAL}:"):
        return VirtualStudio(_room(name), occasion=occasion)
    cards = [info.name for info in sound_cards()]
    if name in cards:
        raise DeviceError(
            "RC-401",
            f"measuring through a sound card ({name!r}) is not in this version",
            hint="use `roomcal import` for recordings made elsewhere, or --device virtual",
            device=name,
        )
    raise _unknown(name, [_VIRTUAL, *(device_info(room).name for room in ROOMS.values()), *cards])


def list_devices() -> list[DeviceInfo]:
    """Return all virtual rooms, then the sound cards that PortAudio finds, if it is there."""
    return [device_info(room) for room in ROOMS.values()] + sound_cards()


def sound_cards() -> list[DeviceInfo]:
    """Return the sound cards; none when PortAudio is missing or finds no audio system."""
    try:
        import sounddevice

        found = sounddevice.query_devices()
    except Exception:
        # A missing library raises OSError, a broken audio system whatever it likes: a list of
        # devices is not the place to fail for either.
        return []
    return [
        DeviceInfo(
            name=str(card["name"]),
            n_inputs=int(card["max_input_channels"]),
            n_outputs=int(card["max_output_channels"]),
            sample_rates=(round(card["default_samplerate"]),),
            description="sound card",
        )
        for card in found
    ]


def _room(name: str) -> VirtualRoom:
    """Find the room of `virtual:NAME`."""
    room = ROOMS.get(name.removeprefix(f"{_VIRTUAL}:"))
    if room is None:
        raise _unknown(name, [device_info(r).name for r in ROOMS.values()])
    return room


def _unknown(name: str, known: list[str]) -> DeviceError:
    """Say what is not known, what is, and what comes nearest."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    suggestion = f"did you mean {near[0]}? " if near else ""
    return DeviceError(
        "RC-401",
        f"there is no device {name!r}",
        hint=f"{suggestion}Known: {', '.join(known)}",
        device=name,
        known=known,
    )
