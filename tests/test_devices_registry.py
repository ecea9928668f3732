"""Devices by name."""

import pytest

from roomcal.devices.registry import list_devices, open_device
from roomcal.devices.virtual.rooms import DEFAULT_ROOM, ROOMS
from roomcal.errors import DeviceError


@pytest.mark.usefixtures("no_portaudio")
@pytest.mark.parametrize("name", ROOMS)
def test_every_room_opens_by_its_name(name):
    device = open_device(f"virtual:{name}")
    assert device.info.name == f"virtual:{name}"
    assert device.default_studio().name == name


def test_virtual_alone_is_the_default_room():
    assert open_device("virtual").info.name == f"virtual:{DEFAULT_ROOM}"


def test_the_list_holds_rooms_and_cards(fake):
    fake.install(fake.FakeCard("Scarlett 2i2", n_outputs=4))
    listed = {d.name: d for d in list_devices()}
    assert {f"virtual:{name}" for name in ROOMS} < set(listed)
    assert listed["Scarlett 2i2"].n_outputs == 4
    assert all(d.description for d in listed.values())


@pytest.mark.usefixtures("no_portaudio")
def test_a_machine_without_portaudio_still_lists_the_rooms():
    assert [d.name for d in list_devices()] == [f"virtual:{name}" for name in ROOMS]


@pytest.mark.usefixtures("no_portaudio")
def test_an_unknown_name_gets_the_nearest_and_all_that_are_known():
    with pytest.raises(DeviceError, match="no device 'virtual:bedrom'") as fault:
        open_device("virtual:bedrom")
    assert "did you mean virtual:bedroom?" in fault.value.hint
    assert all(name in fault.value.hint for name in ROOMS)
    with pytest.raises(DeviceError, match="no device 'vrtual'") as fault:
        open_device("vrtual")
    assert "did you mean virtual?" in fault.value.hint
