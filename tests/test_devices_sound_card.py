"""Playing and recording through sound cards that stand in simulated time."""

import gc
import sys

import numpy as np
import pytest

from roomcal.devices.registry import open_device
from roomcal.devices.sound_card import SETTLE_S
from roomcal.errors import DeviceError
from roomcal.model.studio import AudioSettings

FS = 48000
# The stand-in's float32 samples and its noise of 1e-5, five times over.
AMPLITUDE_TOLERANCE = 6e-5
MUTE_S = 0.050  # FAULTS 51: from the arrival of the block to silence
LONGEST_FADE_S = 0.050
SHORTEST_FADE_S = 0.020


def noise_rows(n_rows, seconds=2.0):
    return 0.3 * np.random.default_rng(11).standard_normal((n_rows, round(seconds * FS)))


def play(device, rows, outputs=(1, 2), inputs=(1,), **options):
    return device.play_record(
        np.asarray(rows), fs=FS, output_channels=outputs, input_channels=inputs, **options
    )


def delayed(x, n):
    return np.concatenate([np.zeros(n), x])[: x.size]


def test_one_device_is_one_stream_whose_recording_is_in_step_with_the_output(fake):
    world = fake.install(fake.FakeCard("Box", paths={0: [(0, 0.2)], 1: [(0, 0.1)]}))
    rows = np.clip(noise_rows(2), -1, 1)

    recording = play(open_device("Box"), rows)

    assert [o["kind"] for o in world.opened] == ["Stream"]
    assert recording.samples.shape == (1, rows.shape[1])
    assert (recording.xruns, recording.stopped) == (0, False)
    expected = delayed(0.2 * rows[0] + 0.1 * rows[1], fake.ROUND_TRIP_FRAMES)
    assert np.abs(recording.samples[0] - expected).max() < AMPLITUDE_TOLERANCE


def test_the_take_begins_after_the_converters_have_settled(fake):
    world = fake.install(fake.FakeCard("Box"))

    play(open_device("Box"), noise_rows(2))

    sound = world.sound("Box")[:, 0]
    assert np.flatnonzero(sound)[0] >= SETTLE_S * FS


def test_two_devices_are_two_streams_in_step_within_a_block(fake):
    world = fake.install(
        fake.FakeCard("Speakers", n_inputs=0, paths={0: [(0, 0.2)]}),
        fake.FakeCard("USB microphone", n_outputs=0),
    )
    rows = np.clip(noise_rows(1), -1, 1)

    recording = play(open_device("Speakers", input_name="microphone"), rows, outputs=(1,))

    assert [o["kind"] for o in world.opened] == ["InputStream", "OutputStream"]
    correlation = np.fft.irfft(
        np.fft.rfft(recording.samples[0], 1 << 18) * np.conj(np.fft.rfft(rows[0], 1 << 18))
    )
    lag = int(np.argmax(correlation))
    assert abs(lag - fake.ROUND_TRIP_FRAMES) <= 1024
    expected = delayed(0.2 * rows[0], lag)
    assert np.abs(recording.samples[0] - expected).max() < AMPLITUDE_TOLERANCE


def test_channels_are_mapped_by_their_numbers_and_the_others_are_silent(fake):
    world = fake.install(fake.FakeCard("Box", n_outputs=6, n_inputs=4))
    rows = np.clip(noise_rows(2), -1, 1)

    recording = play(open_device("Box"), rows, outputs=(4, 2), inputs=(3, 1))

    sound = world.sound("Box")
    start = np.flatnonzero(sound[:, 3])[0]
    n = rows.shape[1]
    assert world.opened[0]["channels"] == (3, 4)
    assert np.abs(sound[start : start + n, 3] - rows[0]).max() < 1e-6
    assert np.abs(sound[start : start + n, 1] - rows[1]).max() < 1e-6
    assert not sound[:, [0, 2]].any()
    assert not recording.samples[0].any()  # input 3 hears nothing
    assert recording.samples[1].any()


def test_a_driver_that_opens_with_all_its_channels_only_gets_them(fake):
    world = fake.install(fake.FakeCard("Box", n_inputs=8, n_outputs=8, only_channels=8))

    recording = play(open_device("Box"), noise_rows(2))

    assert [o["channels"] for o in world.opened] == [(1, 2), (8, 8)]
    assert recording.samples.shape[0] == 1


def test_a_watch_sees_everything_in_order_as_it_arrives(fake):
    fake.install(fake.FakeCard("Box"))
    blocks = []

    def watch(block):
        blocks.append(block)
        return True

    recording = play(open_device("Box"), noise_rows(2), watch=watch)

    assert np.array_equal(np.concatenate(blocks, axis=1), recording.samples)
    assert max(block.shape[1] for block in blocks) <= 1024


@pytest.mark.parametrize("two", [False, True])
def test_a_watch_that_objects_mutes_within_50_ms_with_a_fade(fake, two):
    cards = [fake.FakeCard("Box")]
    if two:
        cards = [fake.FakeCard("Box", n_inputs=0), fake.FakeCard("Ear", n_outputs=0)]
    world = fake.install(*cards)
    objected_at_s = []

    def watch(block):
        if np.abs(block).max() > 0.05 and not objected_at_s:
            objected_at_s.append(world.time_s)
            return False
        return True

    rows = np.full((2, 3 * FS), 0.5)
    rows[:, :FS] = 0.0
    recording = play(
        open_device("Box", input_name="Ear" if two else ""), rows, watch=watch, inputs=(1,)
    )

    assert recording.stopped
    assert recording.samples.shape[1] < 2 * FS
    sound = world.sound("Box")[:, 0]
    silent_s = (np.flatnonzero(sound)[-1] + 1) / FS
    assert silent_s - objected_at_s[0] <= MUTE_S
    fading = np.flatnonzero((sound > 0) & (sound < 0.5)).size / FS
    assert SHORTEST_FADE_S - 2e-3 <= fading <= LONGEST_FADE_S
    # A fade has no step: 20 ms of raised cosine move by at most pi/2 per 960 samples.
    assert np.abs(np.diff(sound[sound.argmax() + 1 :])).max() < 0.5 * np.pi / (2 * 960) * 1.01


def test_a_watch_that_raises_ends_in_silence_too(fake):
    world = fake.install(fake.FakeCard("Box"))

    def watch(_block):
        if world.time_s > 1.0:
            raise RuntimeError("a bug in the guard")
        return True

    with pytest.raises(RuntimeError, match="a bug in the guard"):
        play(open_device("Box"), np.full((2, 3 * FS), 0.5), watch=watch)

    assert world.sound("Box")[-1, 0] == 0.0
    assert world.running == []


def test_what_the_stream_reports_is_counted_but_not_while_it_settles(fake):
    world = fake.install(fake.FakeCard("Box"))
    world.flags_at_s += [
        (0.05, "Stream", ["output_underflow"]),
        (1.0, "Stream", ["input_overflow", "output_underflow"]),
        (1.5, "Stream", ["input_overflow"]),
    ]

    assert play(open_device("Box"), noise_rows(2)).xruns == 2


def test_options_are_passed_on_to_the_host_api(fake):
    world = fake.install(
        fake.FakeCard("A", host_api="Windows WASAPI"),
        fake.FakeCard("B", host_api="Core Audio"),
        fake.FakeCard("C", host_api="ALSA"),
    )
    audio = AudioSettings(block=2048, latency_s=0.1, exclusive=True)
    for name in "ABC":
        play(open_device(name, audio=audio), noise_rows(2, 0.5))
    play(open_device("A"), noise_rows(2, 0.5))

    a, b, c, plain = world.opened
    assert a["extra_settings"] == (("wasapi", {"exclusive": True}),) * 2
    assert b["extra_settings"][0] == (
        "core audio",
        {"change_device_parameters": True, "fail_if_conversion_required": True},
    )
    assert c["extra_settings"] is None
    assert (a["blocksize"], a["latency"]) == (2048, 0.1)
    assert (plain["extra_settings"], plain["latency"], plain["blocksize"]) == (None, "high", 1024)


def test_the_interpreter_is_as_before_after_a_take(fake):
    fake.install(fake.FakeCard("Box"))
    before = (gc.isenabled(), sys.getswitchinterval())

    play(open_device("Box"), noise_rows(2, 0.5))

    assert (gc.isenabled(), sys.getswitchinterval()) == before


@pytest.mark.parametrize(
    ("outputs", "inputs", "gist"),
    [((1, 5), (1,), "Box, ALSA has no output 5"), ((1, 2), (3,), "Box, ALSA has no input 3")],
)
def test_a_channel_that_is_not_there_is_refused_before_anything_opens(fake, outputs, inputs, gist):
    world = fake.install(fake.FakeCard("Box"))

    with pytest.raises(DeviceError, match=gist) as fault:
        play(open_device("Box"), noise_rows(2), outputs=outputs, inputs=inputs)

    assert fault.value.fault == "RC-402"
    assert world.opened == []


def test_a_take_whose_stream_does_not_close_is_kept_and_the_next_one_refused(fake, monkeypatch):
    monkeypatch.setattr("roomcal.devices.streams.CLOSE_DEADLINE_S", 0.05)
    fake.install(fake.FakeCard("Box", close_hangs=True))
    device = open_device("Box")

    assert play(device, noise_rows(2, 0.5)).samples.shape[1] == FS // 2
    with pytest.raises(DeviceError, match="does not answer") as fault:
        play(device, noise_rows(2, 0.5))
    assert fault.value.fault == "RC-406"


def test_what_is_said_of_two_devices_is_the_outputs_of_one_and_the_inputs_of_the_other(fake):
    fake.install(
        fake.FakeCard("Speakers", n_inputs=0, n_outputs=4),
        fake.FakeCard("Ear", n_inputs=1, n_outputs=0, rates=(48000,)),
    )

    info = open_device("Speakers", input_name="Ear").info

    assert (info.n_outputs, info.n_inputs, info.sample_rates) == (4, 1, (48000,))
