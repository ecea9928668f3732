"""Every device that a name can open, in one place."""

import difflib

from roomcal.devices.device import Device, DeviceInfo
from roomcal.devices.port_audio import Card, cards, describe, find_card, fits
from roomcal.devices.sound_card import SoundCard
from roomcal.devices.virtual.room import VirtualRoom
from roomcal.devices.virtual.rooms import DEFAULT_ROOM, ROOMS
from roomcal.devices.virtual.studio import VirtualStudio, device_info
from roomcal.errors import DeviceError
from roomcal.model.studio import AudioSettings

_VIRTUAL = "virtual"


def open_device(
    name: str,
    *,
    input_name: str = "",
    audio: AudioSettings | None = None,
    occasion: int = 0,
) -> Device:
    """Open a device by its name.

    Parameters
    ----------
    name : str
        "virtual" or "virtual:NAME"; the number of a sound card; or words that are all in its name
        or host API.
    input_name : str
        Sound card that records, when it is another one.
    audio : AudioSettings, optional
    occasion : int
        Of a virtual room: 0 is the first measurement, any other a later one, with other noise,
        the microphone put back within 5 mm and the air 1 K warmer.

    Raises
    ------
    DeviceError
        RC-401 for a name that is not known or fits several, RC-402 for a device that does not
        play or record, RC-406 when the audio system is missing.
    """
    if is_virtual(name):
        room = _room(name)
        if input_name and not is_virtual(input_name):
            raise other_room(name, input_name)
        return VirtualStudio(room, occasion=occasion)
    if is_virtual(input_name):
        raise other_room(name, input_name)
    try:
        known = cards()
    except DeviceError:
        if _nearest(name, _virtual_names()):
            raise _unknown(name, []) from None
        raise
    if not any(fits(name, card) for card in known) and _nearest(name, _virtual_names()):
        raise _unknown(name, known)
    output_card = find_card(name, "output", known)
    input_card = find_card(input_name or name, "input", known)
    return SoundCard(output_card, input_card, audio or AudioSettings())


def is_virtual(name: str) -> bool:
    """Whether a name belongs to a virtual studio."""
    return name == _VIRTUAL or name.startswith(f"{_VIRTUAL}:")


def list_devices() -> list[DeviceInfo]:
    """Return all virtual rooms, then the sound cards that PortAudio finds, if it is there."""
    return virtual_devices() + sound_cards()


def virtual_devices() -> list[DeviceInfo]:
    """Return the virtual rooms."""
    return [device_info(room) for room in ROOMS.values()]


def sound_cards() -> list[DeviceInfo]:
    """Return the sound cards; none when PortAudio is missing or finds no audio system."""
    try:
        return [describe(card) for card in cards()]
    except DeviceError:
        # A list of devices is not the place to fail: `roomcal doctor` says what is missing.
        return []


def _room(name: str) -> VirtualRoom:
    """Find the room of `virtual` or `virtual:NAME`."""
    if name == _VIRTUAL:
        return ROOMS[DEFAULT_ROOM]
    room = ROOMS.get(name.removeprefix(f"{_VIRTUAL}:"))
    if room is None:
        raise _unknown(name, [])
    return room


def other_room(name: str, input_name: str) -> DeviceError:
    """Build the error for a device that does not hear what a virtual one plays, or the reverse."""
    return DeviceError(
        "RC-402",
        f"{input_name} does not record what {name} plays",
        hint="a virtual studio plays and records by itself: use it for both",
    )


def _virtual_names() -> list[str]:
    return [_VIRTUAL, *(device.name for device in virtual_devices())]


def _nearest(name: str, known: list[str]) -> str:
    """Return the known name that may be meant, or nothing."""
    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.5)), "")


def _unknown(name: str, known_cards: list[Card]) -> DeviceError:
    """Say what is not known, what is, and what comes nearest."""
    known = [*_virtual_names(), *(card.full_name for card in known_cards)]
    near = _nearest(name, known)
    suggestion = f"did you mean {near}? " if near else ""
    return DeviceError(
        "RC-401",
        f"there is no device {name!r}",
        hint=f"{suggestion}Known: {', '.join(known)}",
        device=name,
        known=known,
    )
