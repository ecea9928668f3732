"""Lists of filters that other programs wrote, against the numbers that a person reads in them."""

import numpy as np
import pytest

from roomcal.files.bank_files import filter_bank, read_filter_text

pytestmark = pytest.mark.reference

# File: number of filters, then (number, frequency, gain, width, unit) of some, as printed.
REW = {
    "genelec eq filters 4 Generic.txt": (
        20,
        [(1, 91.9, 10.4, 2.0, "q"), (6, 1275, -5.4, 11.31, "q"), (10, 5123, -3.5, 6.0, "q")],
    ),
    "genelec eq filters 5 FBQ2496.txt": (
        20,
        [(1, 64.0, -5.0, 0.167, "octaves"), (14, 1062, -6.0, 0.067, "octaves")],
    ),
    "genelec eq filters 6 Generic max boost.txt": (
        20,
        [(4, 154, 16.6, 14.31, "q"), (19, 3221, -3.0, 13.4, "q"), (20, 5126, -3.4, 5.91, "q")],
    ),
    "hometheatershack-eq-filters-generic-testfr.txt": (
        20,
        [(1, 22.6, -9.4, 10.09, "q"), (2, 27.6, -16.1, 11.16, "q"), (20, 688, 7.0, 45.76, "q")],
    ),
}


@pytest.mark.parametrize("name", REW)
def test_rews_filter_settings_are_what_they_say(reference_data, name):
    n, lines = REW[name]
    path = reference_data / "rew" / name

    found = read_filter_text(path)

    for channel in found.channels.values():
        assert len(channel.filters) == n
        for number, f_hz, gain_db, width, unit in lines:
            f = channel.filters[number - 1]
            assert (f.kind, f.f_hz, f.gain_db) == ("peak", f_hz, gain_db)
            assert (f.width, f.width_kind) == (width, unit)
    bank, notes = filter_bank(path, found, 48000)
    assert notes == ()
    assert bank.n_taps < 1 << 17


def test_an_mso_report_is_what_it_says(reference_data):
    found = read_filter_text(reference_data / "mso" / "sample_mso_data.txt")

    assert list(found.channels) == ["FL", "FR", "RL", "RR"]
    # Eight bells and two all-passes of each sub, and eight bells that all share.
    assert {len(c.filters) for c in found.channels.values()} == {18}
    first, second = found.channels["FL"].filters[:2]
    assert (first.f_hz, first.gain_db, first.width) == (119.723, -3.6036, 6.41294)
    assert (second.f_hz, second.gain_db, second.width) == (29.7075, -7.98285, 25.0)
    shared = found.channels["RR"].filters[10]
    assert (shared.f_hz, shared.gain_db, shared.width) == (147.851, -8.46382, 4.9016)
    delays_ms = [1000.0 * c.delay_s for c in found.channels.values()]
    np.testing.assert_allclose(delays_ms, [0.0, 0.04, 4.81, 4.62], atol=1e-9)
    assert [c.inverted for c in found.channels.values()] == [True, False, False, False]
    assert {c.gain_db for c in found.channels.values()} == {0.0}


def test_msos_channel_settings_are_what_they_say(reference_data):
    found = read_filter_text(reference_data / "mso" / "sample_channel_settings.txt")

    assert list(found.channels) == ["FL", "FR", "RL", "RR", "SUB1", "SUB2"]
    gains = [c.gain_db for c in found.channels.values()]
    assert gains == [-2.34, -1.89, -3.12, -2.78, 1.5, 0.85]
    delays_ms = [1000.0 * c.delay_s for c in found.channels.values()]
    np.testing.assert_allclose(delays_ms, [12.45, 8.73, 15.2, 11.8, 0.0, 2.3], atol=1e-9)
    assert [c.inverted for c in found.channels.values()] == [True, *[False] * 5]
