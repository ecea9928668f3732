"""Banks on disk: the taps as they play, proven whole."""

import numpy as np
import pytest

from roomcal.errors import InputError, StorageError
from roomcal.files.bank_store import filters_for, load_bank, save_bank
from roomcal.model.curve import Curve
from roomcal.model.filter_bank import Bank, Explanation, FilterBank, PathStructure


def a_bank(rng, rates=(44100, 48000)):
    filters = {}
    for fs in rates:
        taps = np.zeros((2, 2, 64))
        taps[0, 0], taps[1, 1] = rng.standard_normal((2, 64)).astype(np.float32)
        filters[fs] = FilterBank(
            taps,
            fs,
            ("L", "R"),
            ("L", "R"),
            latency_samples=3,
            headroom_db=5.5,
            paths=(PathStructure("L", "L", gain_db=-0.5), PathStructure("R", "R", delay_s=1e-4)),
        )
    curve = Curve(np.array([20.0, 20000.0]), np.array([1.0, -1.0]), name="before")
    return Bank("mix", filters, {"session": "before"}, (Explanation("L", {"before": curve}),))


def test_a_bank_comes_back_as_it_was(tmp_path, rng):
    bank = a_bank(rng)
    save_bank(tmp_path, bank)

    again = load_bank(tmp_path, "mix")

    assert list(again.filters) == [44100, 48000]
    for fs, filters in bank.filters.items():
        np.testing.assert_array_equal(again.filters[fs].taps, filters.taps)
        assert again.filters[fs].paths == filters.paths
        assert again.filters[fs].headroom_db == 5.5
        assert again.filters[fs].latency_samples == 3
    assert again.provenance["session"] == "before"
    np.testing.assert_array_equal(again.explanations[0].curves["before"].level_db, [1, -1])
    assert (tmp_path / "filters" / "mix" / "48000" / "L-L.wav").is_file()


def test_a_bank_is_not_overwritten_unless_forced(tmp_path, rng):
    save_bank(tmp_path, a_bank(rng))
    before = (tmp_path / "filters" / "mix" / "48000" / "L-L.wav").read_bytes()

    with pytest.raises(StorageError) as caught:
        save_bank(tmp_path, a_bank(rng))
    assert caught.value.fault == "RC-602"
    assert (tmp_path / "filters" / "mix" / "48000" / "L-L.wav").read_bytes() == before

    save_bank(tmp_path, a_bank(rng, rates=(96000,)), force=True)
    assert list(load_bank(tmp_path, "mix").filters) == [96000]
    assert sorted(p.name for p in (tmp_path / "filters").iterdir()) == ["mix"]


def test_a_changed_filter_is_found_out(tmp_path, rng):
    save_bank(tmp_path, a_bank(rng))
    path = tmp_path / "filters" / "mix" / "48000" / "L-L.wav"
    path.write_bytes(path.with_name("R-R.wav").read_bytes())

    with pytest.raises(InputError, match=r"L-L\.wav") as caught:
        load_bank(tmp_path, "mix")
    assert caught.value.fault == "RC-310"


def test_a_bank_that_points_outside_of_itself_is_refused(tmp_path, rng):
    save_bank(tmp_path, a_bank(rng))
    path = tmp_path / "filters" / "mix" / "bank.json"
    path.write_text(path.read_text().replace("48000/L-L.wav", "../../secret.wav"))

    with pytest.raises(InputError, match="outside"):
        load_bank(tmp_path, "mix")


def test_a_rate_that_was_not_designed_is_answered_with_those_that_were(rng):
    with pytest.raises(InputError, match="no filter for 96000 Hz; it has 44100, 48000") as caught:
        filters_for(a_bank(rng), 96000)
    assert caught.value.fault == "RC-311"


def test_the_same_bank_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        save_bank(tmp_path / name, a_bank(np.random.default_rng(1)))

    files = [p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file()]
    assert files
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_force_replaces_a_bank_and_nothing_else(tmp_path, rng):
    thesis = tmp_path / "filters" / "mix" / "thesis.txt"
    thesis.parent.mkdir(parents=True)
    thesis.write_text("years of work")

    with pytest.raises(StorageError, match="is no bank") as caught:
        save_bank(tmp_path, a_bank(rng), force=True)

    assert caught.value.fault == "RC-602"
    assert thesis.read_text() == "years of work"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"output": "L"', '"output": "nobody"'),
        ('"n_taps": 64', '"n_taps": -1'),
        ('"n_taps": 64', '"n_taps": 100000000000'),
        ('"fs": 44100', '"fs": "fast"'),
        ("20000.0", "-3.0"),
    ],
)
def test_a_bank_of_nonsense_is_refused_with_its_path(tmp_path, rng, old, new):
    path = save_bank(tmp_path, a_bank(rng)) / "bank.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))

    with pytest.raises(InputError, match=r"bank\.json") as caught:
        load_bank(tmp_path, "mix")
    assert caught.value.fault == "RC-310"


def test_a_bank_whose_speakers_are_paths_is_refused(tmp_path, rng):
    """Names of speakers become names of files when the bank is exported."""
    path = save_bank(tmp_path, a_bank(rng)) / "bank.json"
    path.write_text(path.read_text().replace('"L"', '"../../L"'))

    with pytest.raises(InputError) as caught:
        load_bank(tmp_path, "mix")
    assert caught.value.fault == "RC-313"
