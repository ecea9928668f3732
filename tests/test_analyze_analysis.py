import json
import time

import numpy as np
import pytest

from roomcal.analyze.analysis import analyze, to_json
from roomcal.model.impulse_response import BandSnr, ImpulseResponse

FS = 48000
# The whole of it for 2 x 9 responses of 1.4 s in under 6 s (issue 6); one has a share of that,
# and machines under load get three times as long.
LIMIT_ONE_S = 3 * 6.0 / 18


def room(seed=1, **kwargs):
    rng = np.random.default_rng(seed)
    t = np.arange(round(1.4 * FS)) / FS
    h = rng.standard_normal(t.size) * 10.0 ** (-3.0 * t / 0.4)
    h = np.concatenate([np.zeros(4800), h]) + 1e-4 * rng.standard_normal(4800 + t.size)
    h[4800] = 10.0
    return ImpulseResponse(h, FS, "L", "p1", **kwargs)


def test_the_json_has_the_promised_keys_and_lengths():
    one = analyze([room()])[0]

    shape = to_json(one)

    assert list(shape) == [
        *("speaker", "position", "fs", "arrival_s", "snr_db", "response", "decay"),
        *("modes", "modes_reason", "reflections", "reflections_reason"),
    ]
    assert list(shape["response"]) == ["f_hz", "level_db", "smoothing"]
    assert list(shape["decay"]) == [
        *("bands_hz", "edt_s", "t20_s", "t30_s", "c50_db", "c80_db", "d50", "ts_s", "reason"),
    ]
    assert {len(column) for column in shape["decay"].values()} == {one.decay.bands_hz.size}
    assert shape["response"]["smoothing"] == "1/6"
    json.dumps(shape)  # plain numbers and texts all through


def test_what_is_nan_has_a_reason():
    shape = to_json(analyze([room()])[0])["decay"]

    for i, reason in enumerate(shape["reason"]):
        missing = [name for name in ("edt_s", "t20_s", "t30_s") if np.isnan(shape[name][i])]
        assert bool(missing) <= bool(reason)


def test_arrivals_count_from_time_zero():
    h = np.array(room().samples)
    near, far = (
        analyze([ImpulseResponse(x, FS, "L", "p1", time_zero=100.5, time_reference="loopback")])[0]
        for x in (h, np.concatenate([np.zeros(48), h]))
    )

    assert near.arrival.arrival_s == pytest.approx((4800 - 100.5) / FS, abs=1e-4)
    assert far.arrival.arrival_s - near.arrival.arrival_s == pytest.approx(0.001, abs=1e-6)


def test_without_a_clock_there_is_no_arrival():
    arrival = analyze([room()])[0].arrival

    assert np.isnan(arrival.arrival_s)
    assert "no common clock" in arrival.reason


def test_snr_is_the_median_of_the_bands_that_matter():
    f = np.array([25.0, 100.0, 1000.0, 5000.0, 16000.0])
    snr = BandSnr(f, np.array([-10.0, 40.0, 60.0, 50.0, 5.0]))

    summary = analyze([room(snr=snr)])[0].snr

    assert (summary.snr_db, summary.worst_db, summary.worst_hz) == (50.0, 40.0, 100.0)


def test_without_noise_beside_it_there_is_no_snr():
    summary = analyze([room()])[0].snr

    assert np.isnan(summary.snr_db)
    assert summary.reason


def test_every_response_gets_its_answer_in_order():
    responses = [room(seed) for seed in (1, 2)]

    found = analyze(responses, smoothing="erb")

    assert [one.speaker for one in found] == ["L", "L"]
    assert to_json(found[1])["response"]["smoothing"] == "erb"
    assert found[0].octave_decay.bands_per_octave == 1


def test_an_analysis_is_quick():
    analyze([room()])
    start = time.process_time()

    analyze([room()])

    assert time.process_time() - start < LIMIT_ONE_S
