"""Devices by name."""

import sys
import types

import pytest

from roomcal.devices.registry import list_devices, open_device
from roomcal.devices.virtual.rooms import DEFAULT_ROOM, ROOMS
from roomcal.errors import DeviceError


@pytest.fixture
def cards(monkeypatch):
    """A machine with one sound card."""
    card = {
        "name": "Scarlett 2i2",
        "max_input_channels": 2,
        "max_output_channels": 4,
        "default_samplerate": 48000.0,
    }
    fake = types.SimpleNamespace(query_devices=lambda: [card])
    monkeypatch.setitem(sys.modules, "sounddevice", fake)


@pytest.fixture
def no_portaudio(monkeypatch):
    """A machine without PortAudio: importing sounddevice fails."""
    monkeypatch.setitem(sys.modules, "sounddevice", None)


@pytest.mark.usefixtures("no_portaudio")
@pytest.mark.parametrize("name", ROOMS)
def test_every_room_opens_by_its_name(name):
    device = open_device(f"virtual:{name}")
    assert device.info.name == f"virtual:{name}"
    assert device.default_studio().name == name


def test_virtual_alone_is_the_default_room():
    assert open_device("virtual").info.name == f"virtual:{DEFAULT_ROOM}"


@pytest.mark.usefixtures("cards")
def test_the_list_holds_rooms_and_cards():
    listed = {d.name: d for d in list_devices()}
    assert {f"virtual:{name}" for name in ROOMS} < set(listed)
    assert listed["Scarlett 2i2"].n_outputs == 4
    assert all(d.description for d in listed.values())


@pytest.mark.usefixtures("no_portaudio")
def test_a_machine_without_portaudio_still_lists_the_rooms():
    assert [d.name for d in list_devices()] == [f"virtual:{name}" for name in ROOMS]


@pytest.mark.usefixtures("cards")
def test_a_sound_card_is_not_opened_in_this_version():
    with pytest.raises(DeviceError, match="not in this version") as fault:
        open_device("Scarlett 2i2")
    assert fault.value.fault == "RC-401"
    assert "roomcal import" in fault.value.hint


@pytest.mark.usefixtures("no_portaudio")
def test_an_unknown_name_gets_the_nearest_and_all_that_are_known():
    with pytest.raises(DeviceError, match="no device 'virtual:bedrom'") as fault:
        open_device("virtual:bedrom")
    assert "did you mean virtual:bedroom?" in fault.value.hint
    assert all(name in fault.value.hint for name in ROOMS)
    with pytest.raises(DeviceError, match="no device 'vrtual'") as fault:
        open_device("vrtual")
    assert "did you mean virtual?" in fault.value.hint
