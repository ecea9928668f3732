"""Every export reads back as what was designed, and a wrong one is refused."""

import json

import numpy as np
import pytest
import soundfile
from scipy.io import wavfile

from roomcal.errors import InputError, ProofError, StorageError
from roomcal.export.level_proof import LEVEL_TOLERANCE_DB
from roomcal.export.proof import FIR_TOLERANCE, prove
from roomcal.export.registry import FORMATS, Format
from roomcal.jobs.export import export_bank
from roomcal.model.filter_bank import Bank, FilterBank, PathStructure


def a_bank(rng, *, cross=False, speakers=("L", "R"), rates=(44100, 48000)):
    n = len(speakers)
    filters = {}
    for fs in rates:
        taps = rng.standard_normal((n, n, 300)) * np.exp(-np.arange(300) / 30) / 10
        if not cross:
            taps *= np.eye(n)[:, :, np.newaxis]
        paths = tuple(PathStructure(s, s, gain_db=-0.25, delay_s=1.25e-4) for s in speakers)
        filters[fs] = FilterBank(taps, fs, speakers, speakers, 7, 5.5, paths)
    return Bank("mix", filters)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("cross", [False, True])
@pytest.mark.parametrize("speakers", [("L",), ("L", "R"), ("L", "R", "Sub")])
def test_every_format_carries_every_bank(tmp_path, rng, name, cross, speakers):
    bank = a_bank(rng, cross=cross, speakers=speakers)
    if FORMATS[name].refuses(bank):
        with pytest.raises(InputError, match="cannot carry") as caught:
            export_bank(bank, name, tmp_path / "out")
        assert caught.value.fault == "RC-317"
        assert list(tmp_path.iterdir()) == []
        return

    exported = export_bank(bank, name, tmp_path / "out")

    if FORMATS[name].carries is None:
        assert exported.proof.worst_difference <= FIR_TOLERANCE
        assert exported.proof.n_paths == 2 * len(speakers) ** 2
    else:
        assert exported.proof.worst_db <= LEVEL_TOLERANCE_DB
        assert exported.proof.n_paths == 2 * len(speakers)
    for file in exported.files:
        assert (tmp_path / "out" / file).stat().st_size > 0


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_bank_gives_the_same_bytes(tmp_path, name):
    for side in "ab":
        export_bank(a_bank(np.random.default_rng(3)), name, tmp_path / side)
    if name == "pipewire":  # its paths are absolute, and differ for that reason alone
        for path in (tmp_path / "b").iterdir():
            path.write_bytes(path.read_bytes().replace(b"/b", b"/a"))

    files = [p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file()]
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_true_stereo_channels_stand_in_the_order_of_reverence(tmp_path, rng):
    """LL, LR, RL, RR: input before output (Steinberg REVerence manual; ir.lv2)."""
    bank = a_bank(rng, cross=True, rates=(48000,))
    export_bank(bank, "daw-wav", tmp_path / "out")

    frames, _ = soundfile.read(tmp_path / "out/48000/mix-48000-true-stereo.wav")
    filters = bank.filters[48000]
    order = [("L", "L"), ("R", "L"), ("L", "R"), ("R", "R")]  # output, input
    for channel, (output, inp) in enumerate(order):
        np.testing.assert_allclose(frames[:, channel], filters.path(output, inp), atol=1e-7)


def test_a_stereo_file_is_left_then_right_at_the_level_that_plays(tmp_path, rng):
    bank = a_bank(rng)
    export_bank(bank, "daw-wav", tmp_path / "out")

    for fs in (44100, 48000):
        rate, frames = wavfile.read(tmp_path / f"out/{fs}/mix-{fs}-stereo.wav")
        assert rate == fs
        for channel, speaker in enumerate("LR"):
            taps = bank.filters[fs].path(speaker, speaker)
            np.testing.assert_allclose(frames[:, channel], taps, atol=1e-7)
        rounded, _ = soundfile.read(tmp_path / f"out/{fs}/mix-{fs}-stereo-24-bit.wav")
        np.testing.assert_allclose(rounded, frames, atol=1.6 * 2.0**-23)


def test_json_keeps_every_number(tmp_path, rng):
    bank = a_bank(rng, rates=(48000,))
    export_bank(bank, "json", tmp_path / "out")

    document = json.loads((tmp_path / "out" / "bank.json").read_text())
    (entry,) = document["filters"]
    assert entry["fs_hz"] == 48000
    assert entry["latency_samples"] == 7
    assert entry["headroom_db"] == 5.5
    assert entry["paths"][0]["structure"]["delay_s"] == 1.25e-4
    np.testing.assert_array_equal(entry["paths"][0]["taps"], bank.filters[48000].path("L", "L"))


def swapped(bank):
    turned = {
        fs: FilterBank(f.taps[::-1, ::-1], fs, f.inputs, f.outputs)
        for fs, f in bank.filters.items()
    }
    return Bank("mix", turned).filters


def scaled(bank, by):
    turned = {
        fs: FilterBank(f.taps * by, fs, f.inputs, f.outputs) for fs, f in bank.filters.items()
    }
    return Bank("mix", turned).filters


def test_the_proof_finds_every_difference(rng):
    bank = a_bank(rng)

    assert prove(bank, bank.filters).worst_difference == 0
    with pytest.raises(ProofError):
        prove(bank, swapped(bank))
    with pytest.raises(ProofError):
        prove(bank, scaled(bank, 1 + 2e-5))
    with pytest.raises(ProofError, match="rates"):
        prove(bank, {48000: bank.filters[48000]})
    prove(bank, scaled(bank, 1 + 1e-7))


def test_a_failed_proof_leaves_nothing_behind(tmp_path, rng, monkeypatch):
    good = FORMATS["daw-wav"]
    monkeypatch.setitem(
        FORMATS, "broken", Format("", good.write, lambda folder: scaled_reader(folder))
    )

    def scaled_reader(folder):
        return {
            fs: FilterBank(0.5 * f.taps, fs, f.inputs, f.outputs)
            for fs, f in good.read(folder).items()
        }

    with pytest.raises(ProofError) as caught:
        export_bank(a_bank(rng), "broken", tmp_path / "out")

    assert caught.value.exit_code == 9
    assert list(tmp_path.iterdir()) == []


def test_an_export_is_not_overwritten_unless_forced(tmp_path, rng):
    bank = a_bank(rng)
    export_bank(bank, "json", tmp_path / "out")

    with pytest.raises(StorageError) as caught:
        export_bank(bank, "json", tmp_path / "out")
    assert caught.value.fault == "RC-602"
    export_bank(bank, "json", tmp_path / "out", force=True)


def test_an_unknown_format_is_answered_with_the_nearest(tmp_path, rng):
    with pytest.raises(InputError) as caught:
        export_bank(a_bank(rng), "dawwav", tmp_path / "out")
    assert "did you mean 'daw-wav'" in caught.value.hint


# A file of each format whose loss of all but 40 bytes must not go unnoticed.
DAMAGE = {
    "daw-wav": ["channels.txt", "48000/mix-48000-L.wav"],
    "camilladsp": ["camilladsp-v3-v4.yml", "camilladsp-v2.yml", "fir_48000.wav"],
    "equalizer-apo": ["roomcal.txt", "fir_44100.wav"],
    "pipewire": ["roomcal_48000.conf", "fir_48000.wav"],
    "easyeffects": ["mix-48000.json", "mix-48000.irs"],
    "jconvolver": ["jconvolver_48000.conf", "fir_48000.wav"],
    "brutefir": ["brutefir_48000.conf"],
    "roon": ["mix-roon.zip"],
    "convolver-cfg": ["convolver_48000.cfg", "fir_48000.wav"],
    "hqplayer": ["48000-1-L.wav"],
    "minidsp": ["48000-1-L-biquads.txt", "48000-2-R-fir.bin", "48000-2-R-fir.txt", "by-hand.txt"],
    "rew-filters": ["48000-L.txt", "by-hand.txt"],
    "autoeq": ["48000-R-ParametricEQ.txt", "by-hand.txt"],
    "table": ["table-48000.txt"],
    "sofa": ["mix-48000.sofa"],
    "json": ["bank.json"],
}


def test_every_format_is_damaged_below():
    assert set(DAMAGE) == set(FORMATS)


@pytest.mark.parametrize(("name", "file"), [(n, f) for n, fs in DAMAGE.items() for f in fs])
def test_the_strict_reader_refuses_damage(tmp_path, rng, name, file):
    folder = tmp_path / "out"
    export_bank(a_bank(rng), name, folder)
    path = folder / file
    path.write_bytes(path.read_bytes()[:40])

    with pytest.raises(InputError) as caught:
        FORMATS[name].read(folder)
    assert caught.value.fault == "RC-314"


@pytest.mark.parametrize("name", list(FORMATS))
def test_force_replaces_an_export_and_nothing_else(tmp_path, rng, name):
    thesis = tmp_path / "documents" / "thesis.txt"
    thesis.parent.mkdir()
    thesis.write_text("years of work")

    with pytest.raises(StorageError, match="something else") as caught:
        export_bank(a_bank(rng), name, thesis.parent, force=True)

    assert caught.value.fault == "RC-602"
    assert thesis.read_text() == "years of work"
