"""A mix that carries a correction is told from one that does not, and doubt is an answer."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest
import soundfile

from roomcal.cli.main import cli
from roomcal.files.bank_store import save_bank
from roomcal.model.filter_bank import Bank, FilterBank
from roomcal.verify.printed_correction import MixSpectrum, bands_hz, judge_mix

MADE = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "printed_correction.py"))
FS = MADE["FS"]
SECONDS = 20.0


def bank(filters, fs=FS):
    taps = np.zeros((2, 2, filters.shape[1]))
    taps[0, 0], taps[1, 1] = filters
    return Bank("mix", {fs: FilterBank(taps, fs, ("L", "R"), ("L", "R"))})


@pytest.mark.parametrize("kind", ["band", "noise"])
def test_a_printed_correction_is_found_and_an_absent_one_is_not(kind):
    own = MADE["correction"](1)
    mix = MADE["music"](1, kind, SECONDS)

    printed, plain = (MADE["judged"](m, own) for m in (MADE["corrected"](mix, own), mix))

    assert printed.answer == "carries"
    assert printed.confidence > 0.99
    assert printed.share == pytest.approx(1.0, abs=3 * printed.share_std)
    assert plain.answer == "does not carry"
    assert plain.confidence > 0.99
    assert plain.share == pytest.approx(0.0, abs=3 * plain.share_std)


def test_another_rooms_correction_is_not_taken_for_this_one():
    mix = MADE["music"](2, "electronic", SECONDS)

    found = MADE["judged"](MADE["corrected"](mix, MADE["correction"](77)), MADE["correction"](2))

    assert found.answer != "carries"


def spectrum_of(share, correction, rng, *, n_segments=100, noise_db=0.5):
    """A mix whose level is known: a slope, a share of a correction, and chance."""
    f = bands_hz(FS)
    slope = -4.0 * np.log2(f / 100.0)
    return MixSpectrum(
        slope + share * correction + noise_db * rng.standard_normal(correction.shape), n_segments
    )


def structured(rng):
    """Level curves of two filters with peaks and dips of their own."""
    f = np.log2(bands_hz(FS))
    return np.array(
        [
            sum(
                rng.normal(0, 4)
                * np.exp(-(((f - rng.uniform(5, 13)) / rng.uniform(0.1, 0.3)) ** 2))
                for _ in range(25)
            )
            for _ in range(2)
        ]
    )


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_share_is_the_factor_that_is_in_the_level(rng, share):
    correction = structured(rng)

    found = judge_mix(spectrum_of(share, correction, rng), correction)

    assert found.share == pytest.approx(share, abs=0.1)
    assert found.answer == ("carries" if share else "does not carry")


def test_half_a_correction_gets_no_answer(rng):
    correction = structured(rng)

    found = judge_mix(spectrum_of(0.5, correction, rng), correction)

    assert found.answer == "cannot tell"
    assert "a part of the mix" in found.reason
    assert np.isnan(found.confidence)


def test_a_mix_that_hides_it_gets_no_answer(rng):
    correction = structured(rng)

    found = judge_mix(spectrum_of(1.0, 0.1 * correction, rng, noise_db=6.0), 0.1 * correction)

    assert found.answer == "cannot tell"


def test_a_smooth_correction_gets_no_answer(rng):
    f = bands_hz(FS)
    smooth = np.array([-2.0 * np.log2(f / 1000.0)] * 2)

    found = judge_mix(spectrum_of(1.0, smooth, rng), smooth)

    assert found.answer == "cannot tell"
    assert "too smooth" in found.reason


def test_a_short_file_gets_no_answer(rng):
    correction = structured(rng)

    found = judge_mix(spectrum_of(1.0, correction, rng, n_segments=5), correction)

    assert found.answer == "cannot tell"
    assert "too few" in found.reason


def test_the_command_tells_and_says_what_to_do(studio_folder, runner):
    own = MADE["correction"](3)
    save_bank(studio_folder, bank(own), force=False)
    mix = MADE["music"](3, "band", SECONDS)
    for name, samples in (("plain.wav", mix), ("printed.wav", MADE["corrected"](mix, own))):
        soundfile.write(name, 0.5 * samples.T / np.abs(samples).max(), FS, subtype="PCM_24")

    printed = runner.invoke(cli, ["analyze", "--check-bounce", "printed.wav", "--bank", "mix"])
    plain = runner.invoke(
        cli, ["analyze", "--check-bounce", "plain.wav", "--bank", "mix", "--json"]
    )

    assert printed.exit_code == 0
    assert "printed.wav carries the correction mix" in printed.output
    assert "bypassed" in printed.output
    found = json.loads(plain.stdout)
    assert found["answer"] == "does not carry"
    assert found["confidence"] > 0.99


def test_a_mix_at_another_rate_is_held_against_the_nearest_filters(studio_folder, runner):
    import scipy.signal

    own = MADE["correction"](3)
    save_bank(studio_folder, bank(own), force=False)
    printed = MADE["corrected"](MADE["music"](3, "noise", SECONDS), own)
    up = scipy.signal.resample_poly(printed, 320, 294, axis=1)  # 44.1 to 48 kHz
    soundfile.write("up.wav", 0.5 * up.T / np.abs(up).max(), 48000, subtype="PCM_24")

    done = runner.invoke(cli, ["analyze", "--check-bounce", "up.wav", "--bank", "mix", "--json"])

    assert json.loads(done.stdout)["answer"] == "carries"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--check-bounce", "x.wav"],
        ["--bank", "mix"],
        ["s", "--check-bounce", "x.wav", "--bank", "m"],
        [],
    ],
)
def test_what_is_missing_is_asked_for(runner, arguments):
    assert runner.invoke(cli, ["analyze", *arguments]).exit_code == 2


def test_more_channels_than_the_bank_corrects_are_refused(studio_folder, runner):
    save_bank(studio_folder, bank(MADE["correction"](3)), force=False)
    soundfile.write("six.wav", np.ones((FS, 6)) * 0.1, FS)

    done = runner.invoke(cli, ["analyze", "--check-bounce", "six.wav", "--bank", "mix"])

    assert done.exit_code == 3
    assert "6 channels" in done.output
