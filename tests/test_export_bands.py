"""Exports of bands: the texts that the programs read, and what they play, delay and leave out."""

import numpy as np
import pytest
import scipy.signal

from roomcal.dsp.fractional_delay import delayed
from roomcal.errors import InputError, ProofError
from roomcal.export.level_proof import prove_curves, prove_levels
from roomcal.export.registry import FORMATS
from roomcal.files.bank_files import filter_bank, read_filter_text
from roomcal.files.minidsp_text import read_minidsp_text
from roomcal.jobs.export import export_bank
from roomcal.model.biquad import Biquad
from roomcal.model.curve import Curve
from roomcal.model.filter_bank import Bank, FilterBank, PathStructure
from roomcal.units import ratio_from_db

BAND_FORMATS = [name for name, f in FORMATS.items() if f.carries is not None]
BANDS = {
    "L": (Biquad("peak", 45.8, -6.5, 4.36), Biquad("high shelf", 6000.0, 2.0, 0.7)),
    "R": (Biquad("peak", 61.2345, -9.25, 12.0), Biquad("peak", 1000.0, 3.0, 1.0)),
}
GAIN_DB = {"L": 0.0, "R": -1.5}
HEADROOM_DB = 4.0
DELAY_SAMPLES = {"L": 0.0, "R": 13.25}  # at 48 kHz
N_TAPS = 32768
# What a reader gets of rounded numbers, against formulae of its own.
LEVEL_DB = 0.05
RELATIVE_GAIN_DB = 0.01
RELATIVE_DELAY_SAMPLES = 0.01


def cookbook(band, fs):
    """R. Bristow-Johnson's peak and high shelf, as his note prints them: b and a."""
    A = 10 ** (band.gain_db / 40)
    w = 2 * np.pi * band.f_hz / fs
    c, alpha = np.cos(w), np.sin(w) / (2 * band.q)
    if band.kind == "peak":
        b = [1 + alpha * A, -2 * c, 1 - alpha * A]
        a = [1 + alpha / A, -2 * c, 1 - alpha / A]
    else:
        s = 2 * np.sqrt(A) * alpha
        b = [A * ((A + 1) + (A - 1) * c + s), -2 * A * ((A - 1) + (A + 1) * c)]
        b += [A * ((A + 1) + (A - 1) * c - s)]
        a = [(A + 1) - (A - 1) * c + s, 2 * ((A - 1) - (A + 1) * c), (A + 1) - (A - 1) * c - s]
    return np.array(b) / a[0], np.array(a) / a[0]


def band_bank(rates=(48000,), *, inverted=(), fir=None):
    """Bands, gains, delays and headroom in the taps, as a design of bands leaves them."""
    filters = {}
    for fs in rates:
        taps = np.zeros((2, 2, N_TAPS))
        paths = []
        for n, name in enumerate("LR"):
            h = np.zeros(N_TAPS)
            h[0] = ratio_from_db(GAIN_DB[name] - HEADROOM_DB)
            for band in BANDS[name]:
                h = scipy.signal.lfilter(*cookbook(band, fs), h)
            if fir is not None:
                h = np.convolve(h, fir)[:N_TAPS]
            delay = DELAY_SAMPLES[name] * fs / 48000
            h = delayed(h, delay + 32)
            taps[n, n] = -h if name in inverted else h
            paths.append(
                PathStructure(
                    name,
                    name,
                    gain_db=GAIN_DB[name],
                    delay_s=delay / fs,
                    inverted=name in inverted,
                    biquads=BANDS[name],
                    fir_taps=None if fir is None else len(fir),
                )
            )
        filters[fs] = FilterBank(taps, fs, ("L", "R"), ("L", "R"), 32, HEADROOM_DB, tuple(paths))
    return Bank("mix", filters)


def fir_bank(rng, n_taps=20000, *, delay=0, fs=48000):
    """Filters that are no chain of bands: noise that dies away."""
    h = rng.standard_normal((2, n_taps)) * np.exp(-np.arange(n_taps) / 20.0) / 4
    h[:, 0] = 1.0
    h[1] = np.concatenate([np.zeros(delay), h[1]])[:n_taps]
    taps = np.zeros((2, 2, n_taps))
    taps[0, 0], taps[1, 1] = h
    taps /= np.abs(np.fft.rfft(h, 1 << 17)).max()
    return Bank("mix", {fs: FilterBank(taps, fs, ("L", "R"), ("L", "R"), headroom_db=0.0)})


def level_db(taps, f, fs):
    return 20 * np.log10(np.abs(scipy.signal.freqz(taps, worN=f, fs=fs)[1]))


F = np.geomspace(20.0, 20000.0, 400)

# --- texts as they stand in the file ---

REW_TEXT = """Filter Settings file

Room EQ V5 filter settings

Notes:roomcal mix L at 48000 Hz; gain and delay as by-hand.txt says

Equaliser: Generic
L
Filter  1: ON  PK       Fc    45.80 Hz  Gain  -6.50 dB  Q  4.360
Filter  2: ON  HS Q     Fc  6000.00 Hz  Gain   2.00 dB  Q  0.700
"""
AUTOEQ_TEXT = """Preamp: -5.50 dB
Filter 1: ON PK Fc 61.2345 Hz Gain -9.25 dB Q 12.000
Filter 2: ON PK Fc 1000.00 Hz Gain 3.00 dB Q 1.000
"""
BY_HAND_LINES = ["48000\tL\t-4.000\t0.00000\tnormal", "48000\tR\t-5.500\t0.27604\tinverted"]
TABLE_LINES = [
    "  gain       -5.500 dB",
    "  delay     0.27604 ms",
    "  polarity inverted",
    "     1 peak             61.2345    -9.25  12.000    0.120",
    "     2 peak             1000.00     3.00   1.000    1.388",
]


def test_rew_filters_stand_in_rews_columns(tmp_path):
    export_bank(band_bank(), "rew-filters", tmp_path / "out")

    assert (tmp_path / "out" / "48000-L.txt").read_text() == REW_TEXT


def test_autoeq_text_has_its_grammar(tmp_path):
    export_bank(band_bank(), "autoeq", tmp_path / "out")

    assert (tmp_path / "out" / "48000-R-ParametricEQ.txt").read_text() == AUTOEQ_TEXT


def test_what_a_text_cannot_hold_is_said_to_be_set_by_hand(tmp_path):
    done = export_bank(band_bank(inverted=("R",)), "rew-filters", tmp_path / "out")

    lines = (tmp_path / "out" / "by-hand.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == BY_HAND_LINES
    assert any("set by hand" in loss for loss in done.proof.losses)
    readme = (tmp_path / "out" / "README.txt").read_text()
    assert "set by hand" in " ".join(readme.split())


def test_a_table_has_a_line_for_every_band(tmp_path):
    export_bank(band_bank(inverted=("R",)), "table", tmp_path / "out")

    lines = (tmp_path / "out" / "table-48000.txt").read_text().splitlines()
    for line in TABLE_LINES:
        assert line in lines


def test_minidsp_text_has_ten_blocks_and_turned_signs(tmp_path):
    export_bank(band_bank(), "minidsp", tmp_path / "out")

    text = (tmp_path / "out" / "48000-1-L-biquads.txt").read_text()
    lines = text.splitlines()
    assert [line for line in lines if line.startswith("biquad")] == [
        f"biquad{n}," for n in range(1, 11)
    ]
    assert len(lines) == 60
    assert lines[-1] == "a2=0"
    assert all(line.endswith(",") for line in lines[:-1])
    values = dict(line.rstrip(",").split("=") for line in lines[1:6])
    b, a = cookbook(BANDS["L"][0], 48000)
    b = b * ratio_from_db(GAIN_DB["L"] - HEADROOM_DB)
    wanted = {"b0": b[0], "b1": b[1], "b2": b[2], "a1": -a[1], "a2": -a[2]}
    for key, value in wanted.items():
        assert float(values[key]) == pytest.approx(value, rel=1e-12)


def test_minidsps_own_sample_is_read_with_its_signs(tmp_path):
    """A cut near 59 Hz that leaves 0 Hz alone; with other signs its poles are at 2.41."""
    export_bank(band_bank(), "minidsp", tmp_path / "out")
    path = tmp_path / "out" / "48000-1-L-biquads.txt"
    sample = (
        "biquad1,\nb0=0.998191200483864,\nb1=-1.9950521500467384,\nb2=0.996920046761057,\n"
        "a1=1.9950521500467384,\na2=-0.9951112472449212\n"
    )
    path.write_text(sample)

    found = FORMATS["minidsp"].read(tmp_path / "out")[48000].path("L", "L")

    assert level_db(found, np.array([0.01]), 48000)[0] == pytest.approx(0.0, abs=0.05)
    b, a = (
        [0.998191200483864, -1.9950521500467384, 0.996920046761057],
        [
            1.0,
            -1.9950521500467384,
            0.9951112472449212,
        ],
    )
    wanted = 20 * np.log10(np.abs(scipy.signal.freqz(b, a, worN=F, fs=48000)[1]))
    np.testing.assert_allclose(level_db(found, F, 48000), wanted, atol=LEVEL_DB)
    path.write_text(sample.replace("a1=1.9", "a1=-1.9").replace("a2=-0.9", "a2=0.9"))
    with pytest.raises(InputError, match="not stable"):
        FORMATS["minidsp"].read(tmp_path / "out")


# --- what is played ---


@pytest.mark.parametrize("name", ["rew-filters", "autoeq"])
def test_our_importer_of_such_texts_plays_the_same(tmp_path, name):
    bank = band_bank()
    export_bank(bank, name, tmp_path / "out")
    for channel in "LR":
        stem = f"48000-{channel}" + ("-ParametricEQ" if name == "autoeq" else "")
        path = tmp_path / "out" / f"{stem}.txt"

        imported, _ = filter_bank(path, read_filter_text(path, (channel,)), 48000)

        gain_db = 0.0 if name == "autoeq" else GAIN_DB[channel] - HEADROOM_DB
        wanted = level_db(bank.filters[48000].path(channel, channel), F, 48000)
        found = level_db(imported.taps[0, 0], F, 48000) + gain_db
        np.testing.assert_allclose(found, wanted, atol=LEVEL_DB)


def test_our_importer_of_biquads_plays_the_same(tmp_path):
    bank = band_bank((48000, 96000))
    export_bank(bank, "minidsp", tmp_path / "out")
    for fs in (48000, 96000):
        path = tmp_path / "out" / f"{fs}-2-R-biquads.txt"

        imported, _ = filter_bank(path, read_minidsp_text(path, ("R",)), fs)

        wanted = level_db(bank.filters[fs].path("R", "R"), F, fs)
        np.testing.assert_allclose(level_db(imported.taps[0, 0], F, fs), wanted, atol=LEVEL_DB)


@pytest.mark.parametrize("name", BAND_FORMATS)
@pytest.mark.parametrize("inverted", [(), ("R",)])
def test_gain_delay_and_polarity_between_speakers_are_kept(tmp_path, name, inverted):
    bank = band_bank((44100, 48000), inverted=inverted)
    folder = export_bank(bank, name, tmp_path / "out").folder

    for fs, found in FORMATS[name].read(folder).items():
        wanted = bank.filters[fs]
        ratio = [
            np.fft.rfft(found.path(n, n), 1 << 18) / np.fft.rfft(wanted.path(n, n), 1 << 18)
            for n in "LR"
        ]
        between = ratio[1] / ratio[0]  # 1 where both speakers keep their relation
        w = 2 * np.pi * np.arange(between.size) / (1 << 18)
        inside = (w > 2 * np.pi * 100 / fs) & (w < 2 * np.pi * 0.4)
        gain_db = 20 * np.log10(np.abs(between[inside]))
        assert np.median(np.abs(gain_db)) <= RELATIVE_GAIN_DB
        phase = np.unwrap(np.angle(between))[inside]
        slope, start = np.polyfit(w[inside], phase, 1)
        assert abs(slope) <= RELATIVE_DELAY_SAMPLES
        assert np.cos(start) > 0.99


@pytest.mark.parametrize("name", BAND_FORMATS)
def test_bands_of_the_design_are_carried_as_they_are(tmp_path, name):
    done = export_bank(band_bank((44100, 48000)), name, tmp_path / "out")

    assert done.proof.worst_db <= LEVEL_DB
    assert not any("nearest" in loss for loss in done.proof.losses)


@pytest.mark.parametrize("name", BAND_FORMATS)
def test_a_filter_that_is_no_chain_of_bands_gets_the_nearest_and_says_so(tmp_path, rng, name):
    bank = fir_bank(rng)
    if name == "minidsp":  # a FIR that is too long for it
        taps = bank.filters[48000].taps.copy()
        taps[:, :, 9000] += 1e-3 * np.eye(2)
        bank = Bank("mix", {48000: FilterBank(taps, 48000, ("L", "R"), ("L", "R"))})
    done = export_bank(bank, name, tmp_path / "out")

    assert any("no chain of bands" in loss and "dB rms" in loss for loss in done.proof.losses)
    assert any("minimum phase" in loss for loss in done.proof.losses)
    found = FORMATS[name].read(tmp_path / "out")[48000]
    own = max(level_db(bank.filters[48000].path(n, n), F, 48000).max() for n in "LR")
    for n in "LR":
        assert level_db(found.path(n, n), F, 48000).max() <= max(own, 0.0) + LEVEL_DB


def test_the_nearest_bands_are_near(tmp_path):
    """A chain of bands that the bank does not name is found again."""
    bank = band_bank()
    bare = Bank("mix", {48000: FilterBank(bank.filters[48000].taps, 48000, ("L", "R"), ("L", "R"))})

    folder = export_bank(bare, "autoeq", tmp_path / "out").folder

    found = FORMATS["autoeq"].read(folder)[48000]
    middle = (F > 25.0) & (F < 15000.0)
    for n in "LR":
        off = level_db(found.path(n, n), F, 48000) - level_db(
            bare.filters[48000].path(n, n), F, 48000
        )
        assert np.sqrt(np.mean(off[middle] ** 2)) < 0.5
    delays = [line.split("\t")[3] for line in (folder / "by-hand.txt").read_text().splitlines()[3:]]
    assert float(delays[1]) - float(delays[0]) == pytest.approx(
        1000 * 13.25 / 48000, abs=1000 * RELATIVE_DELAY_SAMPLES / 48000
    )


def test_a_short_fir_goes_into_a_minidsp_as_it_is(tmp_path, rng):
    bank = fir_bank(rng, n_taps=900, delay=3)
    done = export_bank(bank, "minidsp", tmp_path / "out")

    assert done.proof.losses == ()
    for n, name in enumerate("LR", start=1):
        taps = np.fromfile(tmp_path / "out" / f"48000-{n}-{name}-fir.bin", "<f4")
        wanted = bank.filters[48000].path(name, name)
        np.testing.assert_allclose(taps, wanted[: taps.size], atol=1e-7)
        lines = (tmp_path / "out" / f"48000-{n}-{name}-fir.txt").read_text().splitlines()
        assert lines[0].startswith("b0 = ")
        assert all(line.endswith(",") for line in lines)
        assert len(lines) == taps.size


def test_bands_and_a_fir_beside_them_go_into_a_minidsp_both(tmp_path):
    fir = scipy.signal.minimum_phase(scipy.signal.firwin2(601, [0, 0.1, 0.5, 1], [1, 1, 0.7, 0.5]))
    bank = band_bank(fir=fir)

    done = export_bank(bank, "minidsp", tmp_path / "out")

    assert not any("nearest" in loss for loss in done.proof.losses)
    taps = np.fromfile(tmp_path / "out" / "48000-1-L-fir.bin", "<f4")
    np.testing.assert_allclose(level_db(taps, F, 48000), level_db(fir, F, 48000), atol=LEVEL_DB)


def test_paths_between_channels_are_refused_with_the_cure(tmp_path, rng):
    taps = rng.standard_normal((2, 2, 100)) / 50
    bank = Bank("mix", {48000: FilterBank(taps, 48000, ("L", "R"), ("L", "R"))})

    with pytest.raises(InputError, match="no-crossover") as caught:
        export_bank(bank, "rew-filters", tmp_path / "out")

    assert caught.value.fault == "RC-317"


TEXTS = {
    "AutoEq": "Preamp: -6.1 dB\nFilter 1: ON LSC Fc 105 Hz Gain 6.4 dB Q 0.70\n"
    "Filter 2: ON PK Fc 8800 Hz Gain 5.1 dB Q 1.42\n",
    "corner and octaves": "Preamp: -9 dB\nFilter 1: ON LS Fc 100 Hz Gain 6 dB\n"
    "Filter 2: ON PK Fc 50 Hz Gain -7 dB BW Oct 0.25\nDelay: 0.73 ms\n",
}


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("name", BAND_FORMATS)
def test_bands_that_were_imported_go_out_as_they_came(tmp_path, text, name):
    path = tmp_path / "in.txt"
    path.write_text(TEXTS[text])
    filters, _ = filter_bank(path, read_filter_text(path), 48000)

    done = export_bank(Bank("mix", {48000: filters}), name, tmp_path / "out")

    assert not any("nearest" in loss for loss in done.proof.losses)


# --- traps of the formats ---


def test_a_frequency_never_has_three_decimals(tmp_path):
    """Equalizer APO reads 1.000 as a thousand: a point three digits before the end."""
    for n, f_hz in enumerate(np.geomspace(20.0, 19000.0, 25)):
        bands = tuple(Biquad("peak", float(f_hz), -12.0, q) for q in (0.5, 4.0, 20.0))
        path = PathStructure("L", "L", biquads=bands)
        h = np.zeros(1 << 17)
        h[0] = 1.0
        for band in bands:
            h = scipy.signal.lfilter(*cookbook(band, 48000), h)
        filters = FilterBank(h[None, None], 48000, ("L",), ("L",), paths=(path,))
        for name in ("rew-filters", "autoeq"):
            folder = export_bank(
                Bank("mix", {48000: filters}), name, tmp_path / f"{n}{name}"
            ).folder
            text = "".join(
                p.read_text() for p in folder.glob("48000-L*.txt") if "Graphic" not in p.name
            )
            for word in text.split("Fc")[1:]:
                decimals = word.split()[0].partition(".")[2]
                assert len(decimals) in (2, 4)


def test_every_level_of_a_graphic_equaliser_has_a_decimal_point(tmp_path, rng):
    """Without any point on the line, Equalizer APO reads commas as decimals."""
    export_bank(fir_bank(rng), "autoeq", tmp_path / "out")

    text = (tmp_path / "out" / "48000-L-GraphicEQ.txt").read_text()
    pairs = [pair.split() for pair in text.removeprefix("GraphicEQ: ").strip().split("; ")]
    assert len(pairs) == 127
    assert all("." in number for pair in pairs for number in pair)
    f = np.array([float(p[0]) for p in pairs])
    assert (np.diff(f) > 0).all()
    assert f[0] == 20.0
    assert f[-1] == 20000.0


def test_a_table_read_elsewhere_is_ascii_with_points(tmp_path):
    for name in BAND_FORMATS:
        folder = export_bank(band_bank(), name, tmp_path / name).folder
        for path in folder.glob("*.txt"):
            assert path.read_bytes().isascii()


# --- the proof ---


def turned(filters, *, gain=1.0, late=0, sign=1.0):
    taps = filters.taps.copy()
    taps[1] *= gain * sign
    taps[1] = np.roll(taps[1], late, axis=-1)
    return FilterBank(taps, filters.fs, filters.inputs, filters.outputs)


def test_the_proof_of_levels_finds_every_difference():
    bank = band_bank().filters
    assert prove_levels(bank, bank).worst_db == 0.0
    wrong = {
        "dB": turned(bank[48000], gain=ratio_from_db(0.06)),
        "between channels": turned(bank[48000], late=1),
        "polarity": turned(bank[48000], sign=-1.0),
    }
    for what, other in wrong.items():
        with pytest.raises(ProofError, match=what) as caught:
            prove_levels(bank, {48000: other})
        assert caught.value.exit_code == 9
    with pytest.raises(ProofError, match="rates"):
        prove_levels(bank, {44100: bank[48000]})


def test_the_proof_of_curves_finds_a_wrong_point():
    bank = band_bank()
    f = np.array([30.0, 100.0, 1000.0])
    right = {n: Curve(f, level_db_smoothed(bank.filters[48000].path(n, n), f)) for n in ("L", "R")}
    assert prove_curves(bank, {48000: right}, width=12) < LEVEL_DB
    wrong = {**right, "R": Curve(f, right["R"].level_db + np.array([0.0, 0.07, 0.0]))}
    with pytest.raises(ProofError, match="100 Hz"):
        prove_curves(bank, {48000: wrong}, width=12)


def level_db_smoothed(h, f):
    """Mean power within a twelfth of an octave, bin by bin."""
    n = 1 << 21
    power = np.abs(np.fft.rfft(h, n)) ** 2
    half = 2 ** (1 / 24)
    edges = [(round(a / half * n / 48000), round(a * half * n / 48000)) for a in f]
    return 10 * np.log10([power[low : high + 1].mean() for low, high in edges])


def test_a_wrong_writer_fails_the_proof_and_leaves_nothing(tmp_path, monkeypatch):
    good = FORMATS["rew-filters"]

    def wrong(bank, folder, place):
        paths = good.write(bank, folder, place)
        path = folder / "48000-L.txt"
        path.write_text(path.read_text().replace("-6.50 dB", "-6.40 dB"))
        return paths

    import dataclasses

    monkeypatch.setitem(FORMATS, "rew-filters", dataclasses.replace(good, write=wrong))
    with pytest.raises(ProofError) as caught:
        export_bank(band_bank(), "rew-filters", tmp_path / "out")

    assert caught.value.exit_code == 9
    assert list(tmp_path.iterdir()) == []
