"""Sound cards by number and words, and what is said when there is none."""

import os
import sys

import pytest

from roomcal.devices.port_audio import Card, find_card
from roomcal.devices.registry import list_devices, open_device
from roomcal.errors import DeviceError


def card(number, name, host_api="ALSA", n_inputs=2, n_outputs=2):
    return Card(number, name, host_api, n_inputs, n_outputs, 48000, 0.02, 0.03)


CARDS = [
    card(0, "Scarlett 2i2 USB: Audio (hw:1,0)"),
    card(1, "HDA Intel PCH: ALC892 (hw:0,0)"),
    card(2, "HDA Intel PCH: HDMI 0 (hw:0,3)", n_inputs=0),
    card(3, "UMIK-1: USB Audio (hw:2,0)", n_outputs=0),
    card(4, "pulse", n_inputs=32, n_outputs=32),
    card(5, "system", "JACK Audio Connection Kit"),
    card(6, "system monitor", "JACK Audio Connection Kit"),
]


@pytest.mark.parametrize(
    ("name", "direction", "number"),
    [
        ("scarlett", "output", 0),
        ("2i2 scarlett", "output", 0),  # any order
        ("hw:1,0", "output", 0),
        ("3", "input", 3),
        ("UMIK", "input", 3),
        ("pch", "input", 1),  # the other one has no inputs
        ("system", "output", 5),  # exact, although "system monitor" holds the word too
        ("system monitor, JACK Audio Connection Kit", "output", 6),
        ("PULSE", "output", 4),
    ],
)
def test_a_number_or_words_mean_a_device(name, direction, number):
    assert find_card(name, direction, CARDS).number == number


def test_an_ambiguous_name_lists_the_candidates():
    with pytest.raises(DeviceError, match="means 2 devices that play") as fault:
        find_card("pch", "output", CARDS)
    assert fault.value.fault == "RC-401"
    assert "1 HDA Intel PCH: ALC892 (hw:0,0), ALSA" in fault.value.message
    assert "2 HDA Intel PCH: HDMI 0 (hw:0,3), ALSA" in fault.value.message


def test_the_same_device_in_two_host_apis_is_told_apart_by_the_host_api():
    both = [card(0, "Scarlett", "MME"), card(1, "Scarlett", "Windows WASAPI")]
    assert find_card("scarlett wasapi", "output", both).number == 1
    with pytest.raises(DeviceError, match=r"Scarlett, MME.*Scarlett, Windows WASAPI"):
        find_card("Scarlett", "output", both)


def test_a_device_without_inputs_says_where_to_name_the_other_one():
    with pytest.raises(DeviceError, match="has no input") as fault:
        find_card("HDMI", "input", CARDS)
    assert fault.value.fault == "RC-402"
    assert "--input-device" in fault.value.hint


def test_an_unknown_name_lists_what_there_is():
    with pytest.raises(DeviceError, match="there is no device 'Fireface' that plays") as fault:
        find_card("Fireface", "output", CARDS)
    assert "Scarlett 2i2" in fault.value.hint
    assert "UMIK" not in fault.value.hint  # it does not play


def test_the_list_shows_host_api_rates_and_latency(fake):
    fake.install(fake.FakeCard("Box", n_inputs=1, n_outputs=4, rates=(44100, 96000)))

    (box,) = [d for d in list_devices() if d.host_api]

    assert (box.name, box.n_inputs, box.n_outputs, box.number) == ("Box", 1, 4, 0)
    assert (box.host_api, box.sample_rates) == ("ALSA", (44100, 96000))
    assert box.latency_s == pytest.approx(0.05)


def test_two_names_open_two_devices(fake):
    fake.install(fake.FakeCard("Speakers", n_inputs=0), fake.FakeCard("Ear", n_outputs=0))

    assert open_device("Speakers", input_name="Ear").has_two_clocks
    with pytest.raises(DeviceError, match="has no input"):
        open_device("Speakers")


def test_a_virtual_studio_does_not_record_what_a_card_plays(fake):
    fake.install(fake.FakeCard("Speakers"))

    with pytest.raises(DeviceError, match="does not record") as fault:
        open_device("Speakers", input_name="virtual:bedroom")
    assert fault.value.fault == "RC-402"


@pytest.mark.usefixtures("no_portaudio")
def test_a_card_on_a_machine_without_portaudio_names_the_cure(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")

    with pytest.raises(DeviceError, match=r"PortAudio.*cannot be loaded") as fault:
        open_device("Scarlett")
    assert fault.value.fault == "RC-406"
    assert "--device virtual" in fault.value.hint


def test_a_missing_library_names_its_package(monkeypatch):
    from roomcal.devices import port_audio

    def no_library():
        raise OSError("PortAudio library not found")

    monkeypatch.setattr(port_audio, "_import", no_library)
    monkeypatch.setattr(sys, "platform", "linux")

    with pytest.raises(DeviceError, match="PortAudio library not found") as fault:
        port_audio.cards()
    assert "sudo apt install libportaudio2" in fault.value.hint


@pytest.mark.parametrize(("wish", "expected"), [(None, "1"), ("0", None)])
def test_asio_is_asked_for_before_portaudio_loads(monkeypatch, fake, wish, expected):
    from roomcal.devices import port_audio

    fake.install()
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("SD_ENABLE_ASIO", "")  # so that it is put back afterwards
    monkeypatch.delenv("SD_ENABLE_ASIO")
    if wish is not None:
        monkeypatch.setenv("ROOMCAL_ASIO", wish)
    port_audio.port_audio()
    assert os.environ.get("SD_ENABLE_ASIO") == expected


def test_a_query_that_never_returns_is_given_up(monkeypatch, fake):
    from roomcal.devices import port_audio

    world = fake.install(fake.FakeCard("Box"))
    monkeypatch.setattr(world, "query_devices", lambda: world.released.wait(30), raising=False)
    monkeypatch.setattr(port_audio, "QUERY_DEADLINE_S", 0.05)

    with pytest.raises(DeviceError, match="does not answer") as fault:
        port_audio.cards()
    assert fault.value.fault == "RC-406"
