"""What other programs do with a file that is nearly right: each trap of a format by its name."""

import json
import re
import struct
import zipfile

import numpy as np
import pytest
import scipy.signal
import soundfile
import yaml

from roomcal.errors import InputError
from roomcal.export.registry import FORMATS
from roomcal.files.sofa import read_sofa
from roomcal.jobs.export import export_bank
from roomcal.model.filter_bank import Bank, FilterBank

RATES = (44100, 48000)


def small_bank(*, cross=False, n_taps=300, peak=0.5, rates=RATES):
    """A tap and its echo on each path: every number is known."""
    taps = np.zeros((2, 2, n_taps))
    taps[0, 0, 0] = taps[1, 1, 0] = peak
    taps[0, 0, 3] = 0.25
    if cross:
        taps[0, 1, 1] = taps[1, 0, 1] = 0.125
    return Bank("mix", {fs: FilterBank(taps, fs, ("L", "R"), ("L", "R")) for fs in rates})


@pytest.fixture(params=[False, True], ids=["stereo", "true stereo"])
def bank(request):
    return small_bank(cross=request.param)


def written(tmp_path, bank, name):
    return export_bank(bank, name, tmp_path / name).folder


def chunks(path):
    """Names and contents of the chunks of a RIFF file, read without any library."""
    data = path.read_bytes()
    assert data[:4] == b"RIFF"
    at, found = 12, {}
    while at < len(data):
        name, size = struct.unpack("<4sI", data[at : at + 8])
        found[name] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return found


# --- every format ---


@pytest.mark.parametrize("name", FORMATS)
def test_file_names_have_no_blank_and_no_foreign_letter(tmp_path, name):
    for file in export_bank(small_bank(), name, tmp_path / "out").files:
        assert re.fullmatch(r"[A-Za-z0-9._/-]+", file)


@pytest.mark.parametrize("name", FORMATS)
def test_texts_have_no_byte_order_mark_and_one_kind_of_line_end(tmp_path, name):
    done = export_bank(small_bank(), name, tmp_path / "out")
    windows = name in ("equalizer-apo", "convolver-cfg")
    for file in done.files:
        if not file.endswith((".txt", ".conf", ".cfg", ".yml", ".json")) or "README" in file:
            continue
        data = (done.folder / file).read_bytes()
        data.decode("ascii")
        assert not data.startswith(b"\xef\xbb\xbf")
        assert data.count(b"\r\n") == (data.count(b"\n") if windows else 0)


@pytest.mark.parametrize("name", FORMATS)
def test_every_folder_tells_how_to_install_what_level_to_expect_and_how_to_bypass(tmp_path, name):
    folder = export_bank(small_bank(rates=(44100, 48000, 96000)), name, tmp_path / "out").folder

    text = (folder / "README.txt").read_text()
    assert "How to install" in text
    assert "dB quieter than without the correction" in text
    assert "How to bypass fairly" in text
    lines = [line for line in text.splitlines() if str(tmp_path) not in line]
    assert max(map(len, lines)) <= 100
    assert not re.search(r"\{\w+\}", text)  # a place that was not filled in


@pytest.mark.parametrize("name", [n for n in FORMATS if FORMATS[n].carries is None])
def test_no_format_of_taps_adds_a_gain(tmp_path, bank, name):
    """Every host plays the same level: the headroom is in the taps."""
    if FORMATS[name].refuses(bank):  # a path between channels
        bank = small_bank()
    found = FORMATS[name].read(written(tmp_path, bank, name))
    for fs in RATES:
        np.testing.assert_allclose(
            found[fs].taps[..., :4], bank.filters[fs].taps[..., :4], atol=1e-9
        )


# --- WAV ---


def test_a_wav_of_floats_has_no_time_stamp(tmp_path):
    folder = written(tmp_path, small_bank(), "daw-wav")
    for path in folder.rglob("*.wav"):
        assert set(chunks(path)) <= {b"JUNK", b"fmt ", b"fact", b"data"}


def test_more_than_two_channels_are_extensible_with_a_forty_byte_format(tmp_path):
    folder = written(tmp_path, small_bank(cross=True), "daw-wav")

    fmt = chunks(folder / "48000" / "mix-48000-true-stereo.wav")[b"fmt "]
    assert len(fmt) == 40
    tag, n_channels = struct.unpack("<HH", fmt[:4])
    assert (tag, n_channels) == (0xFFFE, 4)
    stereo = chunks(written(tmp_path / "s", small_bank(), "daw-wav") / "48000/mix-48000-stereo.wav")
    assert struct.unpack("<H", stereo[b"fmt "][:2]) == (3,)


def test_a_tap_beyond_full_scale_has_no_clipped_copy(tmp_path):
    done = export_bank(small_bank(peak=1.25), "daw-wav", tmp_path / "out")

    assert not any("24-bit" in file for file in done.files)
    (loss,) = done.proof.losses
    assert "1.25 is beyond full scale" in loss
    assert "beyond full scale" in (done.folder / "README.txt").read_text().replace("\n", " ")
    frames, _ = soundfile.read(done.folder / "48000/mix-48000-stereo.wav")
    assert frames.max() == 1.25


def test_two_stereo_files_hold_the_ways_of_one_input_each(tmp_path):
    folder = written(tmp_path, small_bank(cross=True), "daw-wav")

    from_left, _ = soundfile.read(folder / "48000/mix-48000-from-L.wav")
    from_right, _ = soundfile.read(folder / "48000/mix-48000-from-R.wav")
    np.testing.assert_allclose(from_left[:2], [[0.5, 0.0], [0.0, 0.125]])
    np.testing.assert_allclose(from_right[:2], [[0.0, 0.5], [0.125, 0.0]])
    assert "two stereo files" in (folder / "README.txt").read_text()


# --- CamillaDSP ---


def test_camilladsp_2_has_a_channel_and_3_a_list_of_channels(tmp_path, bank):
    folder = written(tmp_path, bank, "camilladsp")
    for file, key in (("camilladsp-v2.yml", "channel"), ("camilladsp-v3-v4.yml", "channels")):
        steps = yaml.safe_load((folder / file).read_text())["pipeline"]
        filters = [step for step in steps if step["type"] == "Filter"]
        assert filters
        assert all(set(step) == {"type", "names", key} for step in filters)


def test_camilladsp_4_has_its_own_names_of_formats_and_devices(tmp_path):
    folder = written(tmp_path, small_bank(), "camilladsp")

    devices = yaml.safe_load((folder / "camilladsp-test-v4.yml").read_text())["devices"]
    assert devices["playback"]["format"] == "F32_LE"
    assert devices["capture"]["type"] == "WavFile"


def test_camilladsp_picks_the_file_of_its_rate(tmp_path, bank):
    """It ignores the rate of a WAV: the token in the name has to do it."""
    folder = written(tmp_path, bank, "camilladsp")

    filters = yaml.safe_load((folder / "camilladsp-v3-v4.yml").read_text())["filters"]
    names = {f["parameters"]["filename"] for f in filters.values()}
    assert names == {"fir_$samplerate$.wav"}
    assert all((folder / f"fir_{fs}.wav").exists() for fs in RATES)
    assert {f["parameters"]["type"] for f in filters.values()} == {"Wav"}


def test_camilladsp_4_rejects_a_mixer_that_names_a_channel_twice(tmp_path):
    folder = written(tmp_path, small_bank(cross=True), "camilladsp")

    for mixer in yaml.safe_load((folder / "camilladsp-v3-v4.yml").read_text())["mixers"].values():
        dests = [entry["dest"] for entry in mixer["mapping"]]
        assert len(dests) == len(set(dests))
        for entry in mixer["mapping"]:
            sources = [source["channel"] for source in entry["sources"]]
            assert len(sources) == len(set(sources))


# --- Equalizer APO ---

APO_STEREO = (
    "# roomcal correction mix\r\n"
    "If: sampleRate == 48000\r\n"
    "Channel: 1 2\r\n"
    "Convolution: fir_48000.wav\r\n"
    "Channel: all\r\n"
    "EndIf:\r\n"
)
APO_TRUE_STEREO = APO_STEREO.replace(
    "Channel: 1 2\r\nConvolution: fir_48000.wav\r\n",
    "Copy: P1=1 P2=2 P3=1 P4=2\r\nChannel: P1 P2 P3 P4\r\nConvolution: fir_48000.wav\r\n"
    "Copy: 1=P1+P2 2=P3+P4\r\n",
)


def test_equalizer_apo_skips_another_rate_so_every_rate_has_its_block(tmp_path):
    for cross, wanted in ((False, APO_STEREO), (True, APO_TRUE_STEREO)):
        bank = small_bank(cross=cross, rates=(48000,))
        folder = written(tmp_path / str(cross), bank, "equalizer-apo")
        assert (folder / "roomcal.txt").read_bytes().decode() == wanted


def test_equalizer_apo_feeds_channel_i_of_the_file_to_the_ith_channel(tmp_path):
    folder = written(tmp_path, small_bank(cross=True, rates=(48000,)), "equalizer-apo")

    frames, _ = soundfile.read(folder / "fir_48000.wav")
    assert frames.shape[1] == 4
    # P1: L to L, P2: R to L, P3: L to R, P4: R to R.
    np.testing.assert_allclose(frames[0], [0.5, 0.0, 0.0, 0.5])
    np.testing.assert_allclose(frames[1], [0.0, 0.125, 0.125, 0.0])


# --- PipeWire ---


def test_a_pipewire_drop_in_holds_modules_alone_and_absolute_paths(tmp_path, bank):
    folder = written(tmp_path, bank, "pipewire")

    text = (folder / "roomcal_48000.conf").read_text()
    assert re.findall(r"^(context\.\w+)", text, re.MULTILINE) == ["context.modules"]
    files = re.findall(r'filename = "([^"]+)"', text)
    assert files
    assert set(files) == {str((folder / "fir_48000.wav").resolve())}


def test_pipewire_links_name_ports_that_the_nodes_have(tmp_path):
    folder = written(tmp_path, small_bank(cross=True), "pipewire")

    text = (folder / "roomcal_48000.conf").read_text()
    nodes = dict(re.findall(r"name = (\w+) label = (\w+)", text))
    for source, sink in re.findall(r'output = "([^"]+)" input = "([^"]+)"', text):
        name, port = source.split(":")
        assert (nodes[name], port) in {("copy", "Out"), ("convolver", "Out")}
        name, port = sink.split(":")
        assert nodes[name] == "convolver" or re.fullmatch(r"In [12]", port)


# --- EasyEffects ---


def test_easyeffects_would_rescale_with_autogain(tmp_path, bank):
    folder = written(tmp_path, bank, "easyeffects")

    convolver = json.loads((folder / "mix-48000.json").read_text())["output"]["convolver#0"]
    assert convolver["autogain"] is False
    assert convolver["ir-width"] == 100
    assert (convolver["input-gain"], convolver["output-gain"]) == (0.0, 0.0)
    assert convolver["dry"] <= -100.0


def test_easyeffects_names_the_kernel_without_its_ending(tmp_path, bank):
    folder = written(tmp_path, bank, "easyeffects")

    convolver = json.loads((folder / "mix-48000.json").read_text())["output"]["convolver#0"]
    assert convolver["kernel-name"] == "mix-48000"
    assert "kernel-path" not in convolver
    assert (folder / "mix-48000.irs").read_bytes()[:4] == b"RIFF"


def test_easyeffects_true_stereo_is_input_before_output(tmp_path):
    bank = small_bank(cross=True)
    taps = bank.filters[48000].taps.copy()
    taps[1, 0, 5] = 0.0625  # L to R alone
    bank = Bank("mix", {48000: FilterBank(taps, 48000, ("L", "R"), ("L", "R"))})

    frames, _ = soundfile.read(written(tmp_path, bank, "easyeffects") / "mix-48000.irs")

    np.testing.assert_allclose(frames[5], [0.0, 0.0625, 0.0, 0.0])  # LL, LR, RL, RR


# --- BruteFIR ---


def test_brutefir_reads_no_wav_and_ends_settings_with_semicolons(tmp_path, bank):
    folder = written(tmp_path, bank, "brutefir")

    text = (folder / "brutefir_48000.conf").read_text()
    assert ".wav" not in text
    assert text.count("{") == text.count("}")
    settings = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(line.rstrip().endswith(";") for line in settings)
    for name in re.findall(r'filename: "([^"]+)"', text):
        assert np.fromfile(folder / name, "<f8").size == 300


@pytest.mark.parametrize("n_taps", [1, 4096, 4097, 9000])
def test_brutefirs_partitions_hold_the_taps(tmp_path, n_taps):
    folder = written(tmp_path, small_bank(n_taps=max(n_taps, 4)), "brutefir")

    text = (folder / "brutefir_48000.conf").read_text()
    length, count = map(int, re.search(r"filter_length: (\d+),(\d+);", text).groups())
    assert length * count >= n_taps
    assert length & (length - 1) == 0


def test_brutefirs_safety_limit_would_stop_at_full_scale(tmp_path):
    folder = written(tmp_path, small_bank(), "brutefir")

    text = (folder / "brutefir_48000.conf").read_text()
    assert "safety_limit" not in text  # 0 is active at 0 dBFS; without it nothing aborts
    assert "convolver_config:" in text  # mandatory under -nodefault


# --- jconvolver, fconvolver, mcfx ---

JCONVOLVER_TRUE_STEREO = """# roomcal correction mix, 48000 Hz
#               in out partition maxlen density
/convolver/new  2 2 256 300 1.000
#               in out gain delay offset length chan file
/impulse/read   1 1 1.0 0 0 0 1 fir_48000.wav
/impulse/read   2 1 1.0 0 0 0 2 fir_48000.wav
/impulse/read   1 2 1.0 0 0 0 3 fir_48000.wav
/impulse/read   2 2 1.0 0 0 0 4 fir_48000.wav
"""


def test_jconvolver_counts_from_one_and_takes_linear_gains(tmp_path):
    folder = written(tmp_path, small_bank(cross=True), "jconvolver")

    assert (folder / "jconvolver_48000.conf").read_text() == JCONVOLVER_TRUE_STEREO


def test_jconvolver_would_cut_what_is_longer_than_maxlen(tmp_path):
    folder = written(tmp_path, small_bank(n_taps=5000), "jconvolver")
    path = folder / "jconvolver_48000.conf"

    assert "/convolver/new  2 2 256 5000 " in path.read_text()
    path.write_text(path.read_text().replace(" 5000 ", " 4999 "))
    with pytest.raises(InputError, match="cut"):
        FORMATS["jconvolver"].read(folder)


# --- Convolver .cfg, Roon, HQPlayer ---

CFG_TRUE_STEREO = (
    "48000 2 2 0\r\n0 0\r\n0 0\r\n"
    "fir_48000.wav\r\n0\r\n0.0\r\n0.0\r\n"
    "fir_48000.wav\r\n1\r\n1.0\r\n0.0\r\n"
    "fir_48000.wav\r\n2\r\n0.0\r\n1.0\r\n"
    "fir_48000.wav\r\n3\r\n1.0\r\n1.0\r\n"
)


def test_a_convolver_cfg_counts_from_zero_with_unity_as_fraction_zero(tmp_path):
    """`1.5` would be channel 1 at half the level."""
    folder = written(tmp_path, small_bank(cross=True), "convolver-cfg")
    path = folder / "convolver_48000.cfg"

    assert path.read_bytes().decode() == CFG_TRUE_STEREO
    path.write_bytes(path.read_bytes().replace(b"\r\n1.0\r\n1.0\r\n", b"\r\n1.5\r\n1.0\r\n"))
    with pytest.raises(InputError):
        FORMATS["convolver-cfg"].read(folder)


def test_roon_takes_a_flat_zip_with_relative_names_and_equal_lengths(tmp_path, bank):
    folder = written(tmp_path, bank, "roon")

    with zipfile.ZipFile(folder / "mix-roon.zip") as archive:
        names = archive.namelist()
        assert all("/" not in name and "\\" not in name for name in names)
        for fs in RATES:
            text = archive.read(f"convolver_{fs}.cfg").decode()
            used = {line for line in text.split("\r\n") if line.endswith(".wav")}
            assert used == {f"fir_{fs}.wav"} <= set(names)
        assert all(info.date_time == (1980, 1, 1, 0, 0, 0) for info in archive.infolist())


@pytest.mark.parametrize("name", ["../up.cfg", "/abs.cfg", "a/b.cfg", "..\\up.cfg"])
def test_a_zip_that_leads_outside_is_refused(tmp_path, name):
    folder = written(tmp_path, small_bank(), "roon")
    with zipfile.ZipFile(folder / "mix-roon.zip", "a") as archive:
        archive.writestr(name, "48000 2 2 0\n")

    with pytest.raises(InputError, match="member"):
        FORMATS["roon"].read(folder)
    assert not (tmp_path / "up.cfg").exists()


def test_hqplayer_takes_one_channel_a_file(tmp_path):
    folder = written(tmp_path, small_bank(), "hqplayer")

    for path in folder.glob("*.wav"):
        assert soundfile.info(path).channels == 1


# --- SOFA ---


def test_another_library_finds_a_valid_general_fir(tmp_path):
    sofar = pytest.importorskip("sofar", reason="pip install sofar")
    bank = small_bank(cross=True)
    folder = written(tmp_path, bank, "sofa")
    for fs in RATES:
        found = sofar.read_sofa(str(folder / f"mix-{fs}.sofa"), verify=True, verbose=False)
        assert found.GLOBAL_SOFAConventions == "GeneralFIR"
        assert found.Data_SamplingRate == fs
        np.testing.assert_array_equal(found.Data_IR, np.swapaxes(bank.filters[fs].taps, 0, 1))


def test_our_importer_of_sofa_reads_input_after_input(tmp_path):
    bank = small_bank(cross=True)
    found = read_sofa(written(tmp_path, bank, "sofa") / "mix-48000.sofa")

    assert [(r.name, r.fs) for r in found] == [
        (f"m{i}-r{o}", 48000) for i in (1, 2) for o in (1, 2)
    ]
    for r, (i, o) in zip(found, [(0, 0), (0, 1), (1, 0), (1, 1)], strict=True):
        np.testing.assert_array_equal(r.samples, bank.filters[48000].taps[o, i])


# --- relations between speakers, through every format ---


@pytest.mark.parametrize("name", FORMATS)
def test_relative_gain_and_delay_survive_every_format(tmp_path, name):
    """A correction that only matches speakers: -2.345 dB and 5.37 samples, in the taps alone."""
    h = np.zeros((2, 2, 4096))
    h[0, 0, 64] = 0.5
    n = np.arange(4096)
    kernel = np.sinc(n - 69.37) * np.where(
        abs(n - 69.37) < 60, np.cos((n - 69.37) * np.pi / 120) ** 2, 0
    )
    h[1, 1] = 0.5 * 10 ** (-2.345 / 20) * kernel / kernel.sum()
    bank = Bank("mix", {48000: FilterBank(h, 48000, ("L", "R"), ("L", "R"))})

    found = FORMATS[name].read(written(tmp_path, bank, name))[48000]

    f = np.geomspace(100.0, 15000.0, 300)
    L, R = (scipy.signal.freqz(found.taps[k, k], worN=f, fs=48000)[1] for k in (0, 1))
    gain_db = 20 * np.log10(np.abs(R / L))
    assert np.median(gain_db) == pytest.approx(-2.345, abs=0.01)
    slope = np.polyfit(2 * np.pi * f / 48000, np.unwrap(np.angle(R / L)), 1)[0]
    assert -slope == pytest.approx(5.37, abs=0.01)
