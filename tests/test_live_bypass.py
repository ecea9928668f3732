"""The bypass of a bank: the same latency and loudness, and no correction."""

import numpy as np
import pytest

from live_run import FS, bank_of, room_filter
from roomcal.design.crossover import crossover_taps
from roomcal.dsp.loudness import pink_loudness_db
from roomcal.live.bypass import bypass_of
from roomcal.model.filter_bank import Crossover, FilterBank, PathStructure

ROUNDING_DB = 1e-6


def test_a_bypass_is_a_pulse_as_late_and_as_loud_as_the_bank(rng):
    late = 300
    h = np.concatenate([np.zeros(late), room_filter(rng)])
    bank = bank_of(h, 0.7 * h, latency=late)

    bypass, gain_db = bypass_of(bank)

    assert np.flatnonzero(bypass.taps[0, 0]).tolist() == [late]
    assert np.flatnonzero(bypass.taps[1, 1]).tolist() == [late]
    assert not np.any(bypass.taps[0, 1])
    assert bypass.taps[0, 0, late] == bypass.taps[1, 1, late] == pytest.approx(10 ** (gain_db / 20))
    loudness_db = pink_loudness_db(bypass.taps, FS)
    assert loudness_db == pytest.approx(pink_loudness_db(bank.taps, FS), abs=ROUNDING_DB)
    assert bypass.latency_samples == late


def test_every_output_of_a_full_matrix_gets_the_input_it_plays_most_of(rng):
    taps = 0.01 * rng.standard_normal((2, 2, 64))
    taps[0, 1, 5] = taps[1, 0, 5] = 0.8  # crossed over
    bank = FilterBank(taps, FS, inputs=("a", "b"), outputs=("x", "y"))

    bypass, _ = bypass_of(bank)

    assert [(o, i) for o, i in np.argwhere(bypass.taps.any(axis=-1))] == [(0, 1), (1, 0)]


def test_a_crossover_stays_with_its_gain_delay_and_polarity(rng):
    crossover, n_taps, late = Crossover(80.0, 24), 8192, 100
    structures = (
        PathStructure("L", "L", crossover=crossover, crossover_half="high"),
        PathStructure(
            "Sub",
            "L",
            gain_db=-4.0,
            delay_s=48 / FS,
            inverted=True,
            crossover=crossover,
            crossover_half="low",
        ),
    )
    taps = 0.05 * rng.standard_normal((2, 1, n_taps))
    bank = FilterBank(taps, FS, ("L",), ("L", "Sub"), latency_samples=late, paths=structures)

    bypass, gain_db = bypass_of(bank)

    high, low = crossover_taps(crossover, FS, n_taps)
    scale = 10 ** (gain_db / 20)
    np.testing.assert_allclose(bypass.taps[0, 0, late:], scale * high[:-late])
    sub = -scale * 10 ** (-4 / 20) * low[: -late - 48]
    np.testing.assert_allclose(bypass.taps[1, 0, late + 48 :], sub)
