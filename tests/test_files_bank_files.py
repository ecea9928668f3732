"""Filters of other programs become the bank that they are there; what is not known is refused."""

import json

import numpy as np
import pytest
import scipy.signal
import soundfile

from roomcal.cli.main import cli
from roomcal.errors import InputError
from roomcal.files.bank_files import FILTER_KINDS, filter_bank, read_filter_text
from roomcal.files.bank_store import load_bank
from roomcal.files.equalizer_text import read_equalizer_text
from roomcal.files.minidsp_text import read_minidsp_text
from roomcal.files.mso_text import read_mso_text

FS = 48000
EXACT_DB = 0.001  # taps end 140 dB below their peak


def text(tmp_path, content, name="filters.txt", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(content.encode(encoding))
    return path


def level_db(bank, f, channel=0):
    h = bank.taps[channel, channel]
    return 20 * np.log10(np.abs(scipy.signal.freqz(h, worN=np.atleast_1d(f), fs=bank.fs)[1]))


AUTOEQ = (
    "Preamp: -6.1 dB\n"
    "Filter 1: ON LSC Fc 105 Hz Gain 6.4 dB Q 0.70\n"
    "Filter 2: ON PK Fc 8800 Hz Gain 5.1 dB Q 1.42\n"
    "Filter 3: OFF PK Fc 1000 Hz Gain 9.0 dB Q 1.00\n"
    "Filter 4: ON None\n"
)


@pytest.mark.parametrize("fs", [44100, 48000, 96000])
def test_autoeq_text_has_its_gains_at_its_frequencies(tmp_path, fs):
    path = text(tmp_path, AUTOEQ)
    bank, notes = filter_bank(path, read_filter_text(path), fs)

    assert bank.outputs == ("L", "R")
    assert notes == ()
    low = level_db(bank, 1.0)[0]
    assert low == pytest.approx(6.4 - 6.1, abs=0.01)  # a shelf reaches its gain at 0 Hz
    shelf_at_8800 = 10 * np.log10(1.0)  # 6 octaves above its centre nothing is left of it
    assert level_db(bank, 8800.0)[0] == pytest.approx(5.1 - 6.1 + shelf_at_8800, abs=0.01)


FREQUENCIES = {
    "91,9": 91.9,
    "1\u00a0275": 1275.0,
    "1 275": 1275.0,
    "1.275": 1275.0,
    "1,275": 1275.0,
    "12\u202f500": 12500.0,
    "45.80": 45.8,
    "1000.0": 1000.0,
    "1.250,5": 1250.5,
    "1,250.5": 1250.5,
}


@pytest.mark.parametrize("printed", FREQUENCIES)
def test_frequencies_are_read_in_every_language(tmp_path, printed):
    line = f"Filter  1: ON  PK       Fc  {printed} Hz  Gain  -5,4 dB  Q  2,93\n"

    found = read_equalizer_text(text(tmp_path, "Filter Settings file\n\nNotes:x\n" + line))

    (only,) = found.channels["L"].filters
    assert (only.f_hz, only.gain_db, only.width) == (FREQUENCIES[printed], -5.4, 2.93)


def test_commands_act_on_the_channels_that_are_chosen(tmp_path):
    path = text(
        tmp_path,
        "Preamp: -3 dB\nChannel: L\nFilter: ON PK Fc 100 Hz Gain -6 dB Q 2\nDelay: 2 ms\n"
        "Channel: all\nFilter: ON PK Fc 200 Hz Gain -2 dB BW Oct 0.5\n",
    )

    bank, _ = filter_bank(path, read_filter_text(path), FS)

    assert [len(c.filters) for c in read_filter_text(path).channels.values()] == [2, 1]
    assert bank.paths[0].delay_s == pytest.approx(0.002)
    left, right = (int(np.argmax(np.abs(bank.taps[n, n]))) for n in (0, 1))
    assert left - right == 96


def test_a_shelf_without_c_is_moved_from_its_corner_to_its_centre(tmp_path):
    corner, centre = (
        filter_bank(p, read_filter_text(p), FS)[0]
        for p in (
            text(tmp_path, "Filter 1: ON LS Fc 100 Hz Gain 8 dB Q 0.7\n", "a.txt"),
            text(tmp_path, "Filter 1: ON LSC Fc 100 Hz Gain 8 dB Q 0.7\n", "b.txt"),
        )
    )

    # Equalizer APO multiplies by 10**(|gain| / 80 / slope); Q 0.7 at 8 dB is a slope of 0.98.
    a = 10 ** (8 / 40)
    slope = 1 / ((1 / 0.49 - 2) / (a + 1 / a) + 1)
    f = np.array([60.0, 100.0, 180.0])
    np.testing.assert_allclose(
        level_db(corner, f * 10 ** (0.1 / slope)), level_db(centre, f), atol=EXACT_DB
    )


def test_an_included_file_is_followed_within_its_folder(tmp_path):
    text(tmp_path, "Filter 1: ON PK Fc 50 Hz Gain -5 dB Q 3\n", "more.txt")
    path = text(tmp_path, "Preamp: -1 dB\nInclude: more.txt\n", "config.txt")

    assert len(read_filter_text(path).channels["R"].filters) == 1


WRONG = {
    "Preamp: -1 dB\nInclude: ../x.txt\n": "line 2: '?../x.txt'? lies outside",
    "Preamp: -1 dB\nInclude: loop.txt\n": "include each other",
    "Preamp: -1 dB\nConvolution: a.wav\n": "line 2: 'Convolution: a.wav' is no command",
    "Preamp: -1 dB\nCopy: L=R\n": "line 2.*no command that can be imported",
    "Preamp: loud\n": "line 1: preamp without a number",
    "Preamp: -999 dB\n": "line 1: a gain of -999",
    "Preamp: 0 dB\nFilter 1: ON XX Fc 5 Hz\n": "line 2: 'XX' is no type",
    "Filter 1: ON PK Gain 5 dB Q 1\n": "line 1: a filter without a frequency",
    "Filter 1: ON PK Fc 50 Hz Q 1\n": "line 1: a filter without a gain",
    "Filter 1: ON PK Fc 50 Hz Gain 5 dB\n": "line 1: a filter without a width",
    "Filter 1: ON PK Fc 50 Hz Gain 5 dB Q 0\n": "line 1: a width of 0|without a width",
    "Filter 1: ON PK Fc 1..5 Hz Gain 5 dB Q 1\n": "line 1: '1..5' is no number",
    "Filter 1: OFF PK Fc 50 Hz Gain 5 dB Q 1\n": "no filter that is on",
    "Delay: -3 ms\nPreamp: 0 dB\n": "line 1: a delay of -0.003",
    "hello\n": "line 1: this is no list of filters",
}


@pytest.mark.parametrize("content", WRONG)
def test_what_cannot_be_followed_is_refused_with_its_line(tmp_path, content):
    path = text(tmp_path, content, "loop.txt")

    with pytest.raises(InputError, match=WRONG[content]) as caught:
        read_filter_text(path)

    assert caught.value.fault == "RC-307"


def test_a_filter_above_half_of_the_rate_is_refused_at_that_rate(tmp_path):
    path = text(tmp_path, "Filter 1: ON PK Fc 23000 Hz Gain 5 dB Q 1\n")
    found = read_filter_text(path)

    filter_bank(path, found, 48000)
    with pytest.raises(InputError, match="line 1: 23000 Hz is not below half of 44100"):
        filter_bank(path, found, 44100)


# A section of a real file: a cut in the bass that leaves 0 Hz alone.
MINIDSP = (
    "biquad1,\nb0=0.998191200483864,\nb1=-1.9950521500467384,\nb2=0.996920046761057,\n"
    "a1=1.9950521500467384,\na2=-0.9951112472449212"
)


def test_minidsp_text_has_its_signs_turned(tmp_path):
    path = text(tmp_path, MINIDSP)
    found = read_filter_text(path)

    bank, _ = filter_bank(path, found, FS)

    b = [0.998191200483864, -1.9950521500467384, 0.996920046761057]
    f = np.geomspace(1.0, 20000.0, 300)
    H = scipy.signal.freqz(b, [1.0, -1.9950521500467384, 0.9951112472449212], worN=f, fs=FS)[1]
    level = level_db(bank, f)
    assert found.needs_rate
    np.testing.assert_allclose(level, 20 * np.log10(np.abs(H)), atol=EXACT_DB)
    assert level.min() < -11.0
    assert level_db(bank, 0.01)[0] == pytest.approx(0.0, abs=0.01)


def test_minidsp_text_with_signs_of_a_transfer_function_is_unstable_and_refused(tmp_path):
    turned = MINIDSP.replace("a1=1", "a1=-1").replace("a2=-0", "a2=0")
    path = text(tmp_path, turned)

    with pytest.raises(InputError, match="line 1: it is not stable"):
        filter_bank(path, read_minidsp_text(path), FS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (MINIDSP[:60], "line 4: the text ends within section 1"),
        (MINIDSP.replace("b2=", "b9="), "line 4: 'b9=0.996920046761057' stands where b2"),
        (MINIDSP.replace("0.99819", "x"), "line 2"),
        (MINIDSP + ",\nbiquad2,\nb0=1,\nbiquad3,\n", "line 9: the section before has 1 of 5"),
    ],
)
def test_damaged_minidsp_text_is_refused_with_its_line(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        read_minidsp_text(text(tmp_path, content))


MSO = """Filters by channel:

Channel: "S1"
FL1: Parametric EQ (RBJ)
Parameter "Center freq (Hz)" = 50
Parameter "Boost (dB)" = -6
Parameter "Q (RBJ)" = 4
"Classic" Q = 5
FL2: Delay Block
Parameter "Delay (msec)" = 99
End Channel: "S1"

Channel: "S2"
End Channel: "S2"

Shared sub channel:
FL3: Parametric EQ (RBJ)
Parameter "Center freq (Hz)" = 30
Parameter "Boost (dB)" = -3
Parameter "Q (RBJ)" = 2
End shared sub channel

Final gain and delay/distance settings:
Gain settings:
S1 gain: 0.00 dB
S2 gain: -1.25 dB
Delay settings:
S1 delay: -0.5 msec
S2 delay: 2.00 msec

Channel inversions:
S2: Invert
"""


def test_mso_filters_and_final_settings_reach_every_sub(tmp_path):
    path = text(tmp_path, MSO)
    found = read_filter_text(path)

    bank, _ = filter_bank(path, found, FS)

    first, second = found.channels["S1"], found.channels["S2"]
    assert [f.f_hz for f in first.filters] == [50.0, 30.0]
    assert [f.f_hz for f in second.filters] == [30.0]
    assert (first.delay_s, second.delay_s) == (0.0, 0.0025)  # the block's 99 ms is intermediate
    assert (second.gain_db, second.inverted, first.inverted) == (-1.25, True, False)
    peaks = [int(np.argmax(np.abs(bank.taps[n, n]))) for n in (0, 1)]
    assert peaks[1] - peaks[0] == 120
    assert bank.taps[1, 1, peaks[1]] < 0.0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Parametric EQ (RBJ)", "LPF Linkwitz", "line 4: 'LPF Linkwitz' cannot be imported"),
        ('Parameter "Q (RBJ)" = 4\n', "", "line 4: .*without Q"),
        ("= 50", "= fifty", "line 5: 'fifty' is no number"),
        ("= -6", "= -600", "line 4: a gain of -600"),
        ("S2 gain: -1.25 dB", "S2 gain: 400 dB", "a gain of 400"),
        ("Final gain", "Penultimate gain", "ends without its final gains"),
    ],
)
def test_an_mso_report_that_cannot_be_followed_is_refused(tmp_path, old, new, message):
    with pytest.raises(InputError, match=message):
        read_mso_text(text(tmp_path, MSO.replace(old, new, 1)))


def test_fractional_delays_between_channels_are_kept(tmp_path):
    path = text(tmp_path, "Channel: L\nDelay: 1.00521 ms\nPreamp: -1.37 dB\n")

    bank, _ = filter_bank(path, read_filter_text(path), FS)

    f = np.linspace(100.0, 15000.0, 300)
    left, right = (scipy.signal.freqz(bank.taps[n, n], worN=f, fs=FS)[1] for n in (0, 1))
    delay = -np.polyfit(2 * np.pi * f / FS, np.unwrap(np.angle(left / right)), 1)[0]
    assert delay == pytest.approx(1.00521e-3 * FS, abs=0.01)
    np.testing.assert_allclose(20 * np.log10(np.abs(left / right)), -1.37, atol=0.01)


def test_true_stereo_and_several_rates_make_one_bank(runner, studio_folder, rng):
    for fs in (44100, 48000):
        taps = rng.standard_normal((4, 256)).astype(np.float32) * 0.1
        soundfile.write(f"fir_{fs}.wav", taps.T, fs, subtype="FLOAT")

    done = runner.invoke(cli, ["import", "fir_44100.wav", "fir_48000.wav", "--bank", "old"])

    assert done.exit_code == 0, done.output
    bank = load_bank(studio_folder, "old")
    assert list(bank.filters) == [44100, 48000]
    x, _ = soundfile.read("fir_48000.wav")
    for column, (output, inp) in zip(x.T, ("LL", "RL", "LR", "RR"), strict=True):
        np.testing.assert_array_equal(bank.filters[48000].path(output, inp), column)


def test_an_imported_bank_is_exported_and_listed(runner):
    from pathlib import Path

    Path("eq.txt").write_text(AUTOEQ)

    made = runner.invoke(cli, ["import", "eq.txt", "--bank", "eq", "--fs", "44100,48000", "--json"])
    again = runner.invoke(cli, ["import", "eq.txt", "--bank", "eq"])
    exported = runner.invoke(cli, ["export", "eq", "--to", "daw-wav"])

    assert json.loads(made.stdout)["fs"] == [44100, 48000]
    assert again.exit_code == 6
    assert exported.exit_code == 0, exported.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mini.txt"], "RC-304"),
        (["six.wav"], "RC-305"),
        (["silent.wav"], "RC-315"),
        (["eq.txt", "mini.txt"], "RC-314"),
        (["eq.txt", "--fs", "100"], "RC-304"),
        (["eq.txt", "--fs", "x"], "whole numbers"),
        (["eq.txt", "--calibrate"], "--bank goes with"),
        (["none.txt"], "RC-301"),
    ],
)
def test_what_makes_no_bank_leaves_nothing(runner, studio_folder, arguments, message):
    from pathlib import Path

    Path("eq.txt").write_text(AUTOEQ)
    Path("mini.txt").write_text(MINIDSP)
    soundfile.write("six.wav", np.ones((100, 6)) * 0.1, FS)
    soundfile.write("silent.wav", np.zeros((100, 2)), FS)

    done = runner.invoke(cli, ["import", *arguments, "--bank", "x"])

    assert done.exit_code in (2, 3)
    assert message in done.output
    assert not (studio_folder / "filters" / "x").exists()


def test_every_kind_of_filter_text_is_documented():
    from pathlib import Path

    page = (Path(__file__).parents[1] / "docs" / "filters.md").read_text(encoding="utf-8")

    assert [k for k, v in FILTER_KINDS.items() if v.description not in page] == []


def test_an_abbreviated_mso_report_begins_with_its_first_channel(tmp_path):
    path = text(
        tmp_path,
        'Channel: "FL"\nFL1: Parametric EQ (RBJ)\nParameter "Center freq (Hz)" = 52.9284\n'
        'Parameter "Boost (dB)" = -2.56499\nParameter "Q (RBJ)" = 11.0387\n'
        '"Classic" Q = 12.7951\n\n'
        'End Channel: "FL"\n\nFinal gain and delay/distance settings:\nGain settings:\n'
        "FL gain: -2.34 dB\n\nDelay settings:\nFL delay: 12.45 msec\n\n"
        "Channel inversions:\nFL: Invert\nNo other inversions\n",
    )

    (channel,) = read_filter_text(path).channels.values()

    (band,) = channel.filters
    assert (band.f_hz, band.gain_db, band.width) == (52.9284, -2.56499, 11.0387)
    assert (channel.gain_db, channel.inverted) == (-2.34, True)
