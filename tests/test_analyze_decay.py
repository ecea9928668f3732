import math

import numpy as np
import pytest

from roomcal.analyze.decay import DecayAnalysis, analyze_decay, read_decay
from roomcal.analyze.decay_average import average_decay
from roomcal.analyze.decay_curve import decay_curve
from roomcal.dsp.bands import BandPower, band_signal, bandwidth_hz
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import nominal_hz

FS = 8000
# A straight line through an exact exponential: rounding, and half a sample at both ends.
EXACT = 2e-3
EXACT_DB = 0.02
# Goal 7 of the project: bias of T30 at most 2 % from 125 Hz on, 5 % at 63 Hz for T >= 0.3 s. A
# mean over seeds scatters about it by sigma / sqrt(n), sigma after ISO 3382-2, A.1.
BIAS, BIAS_63_HZ = 0.02, 0.05
SEEDS = 25
SCATTER = 3.0  # standard errors: one in 370 means lies beyond


def exponential(time_60_s, duration_s, fs=FS):
    t = np.arange(round(duration_s * fs)) / fs
    return 10.0 ** (-3.0 * t / time_60_s)


def broadband(h, fs=FS):
    """Curve of a response that needs no filter."""
    return decay_curve(BandPower(h**2, fs, 0.0), 0.0, h.size / fs, width_hz=math.inf)


def noisy_room(seed, time_60_s, snr_db, *, duration_s, pre_s=0.1):
    rng = np.random.default_rng(seed)
    n, pre = round(duration_s * FS), round(pre_s * FS)
    h = 10.0 ** (-snr_db / 20.0) * rng.standard_normal(n + pre)
    h[pre:] += rng.standard_normal(n) * exponential(time_60_s, duration_s)
    h[pre] += 4.0
    return ImpulseResponse(h, FS, "L", "p1")


@pytest.mark.parametrize("time_60_s", [0.2, 0.5, 2.0])
def test_every_number_of_an_exact_exponential_is_its_closed_form(time_60_s):
    decay = read_decay(
        broadband(exponential(time_60_s, 2.5 * time_60_s)), width_hz=math.inf, bands_per_octave=1
    )
    early_50, early_80 = (1.0 - 10.0 ** (-6.0 * t / time_60_s) for t in (0.05, 0.08))

    assert decay.reason == ""
    assert [decay.edt_s, decay.t20_s, decay.t30_s] == pytest.approx([time_60_s] * 3, rel=EXACT)
    assert decay.d50 == pytest.approx(early_50, rel=EXACT)
    assert decay.c50_db == pytest.approx(10 * np.log10(early_50 / (1 - early_50)), abs=EXACT_DB)
    assert decay.c80_db == pytest.approx(10 * np.log10(early_80 / (1 - early_80)), abs=EXACT_DB)
    # A sum over samples is half a sample less than the integral.
    assert decay.ts_s == pytest.approx(time_60_s / (6.0 * np.log(10.0)), rel=EXACT, abs=0.5 / FS)
    assert decay.curvature_percent == pytest.approx(0.0, abs=0.1)
    assert decay.nonlinearity_permille < 0.1


def test_noise_is_taken_out_of_the_curve(rng):
    """50 dB above white noise the compensated curve stays on the line, the plain one does not."""
    time_60_s, n = 1.0, 2 * FS
    clean = exponential(time_60_s, n / FS)
    carrier = rng.choice([-1.0, 1.0], n)
    h = carrier * clean + 10.0 ** (-50.0 / 20.0) * rng.standard_normal(n)

    curve = broadband(h)

    inside = curve.edc_db > -40.0
    line = -60.0 * curve.t_s[inside] / time_60_s
    # Noise beats with the decay: 1 dB at 10 dB above the noise, averaged over 0.1 s it is 0.3 dB.
    assert curve.edc_db[inside] == pytest.approx(line, abs=0.3)
    assert curve.floor.reached
    assert curve.floor.power == pytest.approx(1e-5, rel=0.05)
    assert curve.floor.knee_s == pytest.approx(50.0 / 60.0, rel=0.03)
    assert curve.range_db == pytest.approx(50.0, abs=1.0)


@pytest.mark.parametrize(
    ("time_60_s", "snr_db"), [(0.3, 50.0), (0.3, 70.0), (0.5, 60.0), (1.0, 55.0)]
)
def test_decay_times_in_noise_have_no_bias(time_60_s, snr_db):
    analyses = [
        analyze_decay(
            noisy_room(seed, time_60_s, snr_db, duration_s=max(1.0, 1.5 * time_60_s)),
            bands_per_octave=1,
        )
        for seed in range(SEEDS)
    ]
    bands = analyses[0].bands_hz
    t30 = np.array([a.t30_s for a in analyses])
    spread = np.array([a.t30_std_s for a in analyses])
    for i, f in enumerate(bands):
        if f < 60.0:
            continue
        found = np.isfinite(t30[:, i])
        assert found.sum() >= 0.8 * SEEDS, f"{f:.0f} Hz"
        allowed = BIAS_63_HZ if f < 100.0 else BIAS
        error = np.mean(t30[found, i]) / time_60_s - 1.0
        chance = np.mean(spread[found, i]) / time_60_s / np.sqrt(found.sum())
        assert abs(error) <= allowed + SCATTER * chance, f"{f:.0f} Hz: {error:+.1%}"
        # The stated spread is the spread found, within the scatter of a standard deviation.
        scatter = np.std(t30[found, i]) / np.mean(spread[found, i])
        assert 0.5 < scatter < 1.7, f"{f:.0f} Hz: {scatter:.2f}"


def test_a_range_below_the_noise_gives_nan_and_says_why():
    decay = analyze_decay(noisy_room(1, 0.5, 38.0, duration_s=1.5), bands_per_octave=1)
    i = int(np.argmin(np.abs(decay.bands_hz - 1000.0)))

    assert np.isfinite(decay.t20_s[i])
    assert np.isnan(decay.t30_s[i])
    assert "T30: needs 45 dB above the noise, has 38 dB" in decay.reason[i]


def test_few_values_need_more_range():
    """46 dB: enough for T30, but not where bandwidth x time is 10 and chance moves it by 2 dB."""
    time_60_s = 0.5
    power = exponential(time_60_s, 2.0) ** 2 + 10.0 ** (-46.0 / 10.0)
    curve = decay_curve(BandPower(power, FS, 0.0), 0.0, 2.0, width_hz=math.inf)

    wide = read_decay(curve, width_hz=1000.0, bands_per_octave=1)
    narrow = read_decay(curve, width_hz=20.0, bands_per_octave=1)

    assert wide.t30_s == pytest.approx(time_60_s, rel=0.02)
    assert np.isnan(narrow.t30_s)
    assert "T30: needs 47 dB in so narrow a band, has 46 dB" in narrow.reason
    assert narrow.t20_s == pytest.approx(time_60_s, rel=0.02)


def test_noise_alone_gives_no_number(rng):
    decay = analyze_decay(ImpulseResponse(rng.standard_normal(2 * FS), FS, "L", "p1"))

    assert np.isnan(decay.t30_s).all()
    assert np.isnan(decay.t20_s).all()
    assert all(decay.reason)


def test_silence_gives_no_number_and_does_not_fail():
    decay = analyze_decay(ImpulseResponse(np.zeros(FS), FS, "L", "p1"))

    assert np.isnan(decay.edt_s).all()
    assert all(decay.reason)


def test_a_response_of_a_few_samples_gives_reasons():
    decay = analyze_decay(ImpulseResponse(np.array([1.0, 0.5, 0.2]), FS, "L", "p1"))

    assert np.isnan(decay.t20_s).all()
    assert all(decay.reason)


def test_a_response_that_is_cut_says_that_it_ends():
    """T = 1 s, cut after 0.5 s: 30 dB of decay carry EDT but neither T20 nor T30."""
    rng = np.random.default_rng(3)
    h = rng.choice([-1.0, 1.0], FS // 2) * exponential(1.0, 0.5)

    decay = read_decay(broadband(h), width_hz=math.inf, bands_per_octave=1)

    assert decay.edt_s == pytest.approx(1.0, rel=0.01)
    assert np.isnan(decay.t20_s)
    assert "before the response ends" in decay.reason
    assert decay.remark == "the response ends before its decay does"


@pytest.mark.parametrize("per_octave", [1, 3])
def test_an_impulse_is_not_taken_for_a_room(per_octave):
    """The band filter rings; what it shows of an echo-free room is its own decay."""
    h = np.zeros(2 * FS)
    h[FS // 4] = 1.0

    decay = analyze_decay(ImpulseResponse(h, FS, "L", "p1"), bands_per_octave=per_octave)

    assert np.isnan(decay.t20_s).all()
    assert np.isnan(decay.edt_s).all()


def test_a_dry_room_at_63_hz_is_not_lengthened_by_the_filter():
    """Forward filters read T = 0.35 s as 0.58 s here; the mean over seeds shows the bias."""
    found = []
    for seed in range(SEEDS):
        room = noisy_room(seed, 0.35, 200.0, duration_s=1.0)
        decay = analyze_decay(room, bands_per_octave=1)
        found.append(decay.t30_s[[nominal_hz(f) for f in decay.bands_hz].index(63.0)])

    # 5 % bias, and three standard errors of 25 readings that each scatter by 15 %.
    assert np.nanmean(found) == pytest.approx(0.35, rel=0.05 + 3.0 * 0.15 / np.sqrt(SEEDS))


def test_a_bent_decay_is_named():
    h = exponential(0.3, 2.0) + 0.02 * exponential(1.5, 2.0)

    decay = read_decay(broadband(h), width_hz=math.inf, bands_per_octave=1)

    assert decay.curvature_percent > 10.0
    assert "bent" in decay.remark


def test_pre_roll_and_level_change_nothing():
    room = noisy_room(5, 0.4, 60.0, duration_s=1.2)
    longer = ImpulseResponse(0.01 * np.concatenate([np.zeros(FS), room.samples]), FS, "L", "p1")

    first = analyze_decay(room, bands_per_octave=1)
    second = analyze_decay(longer, bands_per_octave=1)

    # The silence put in front has no noise of its own: its edge moves the early energy a little.
    assert second.t30_s == pytest.approx(first.t30_s, rel=0.02, nan_ok=True)
    assert second.c80_db == pytest.approx(first.c80_db, abs=0.3, nan_ok=True)


def test_bands_end_below_half_the_sample_rate():
    decay = analyze_decay(ImpulseResponse(exponential(0.3, 1.0), FS, "L", "p1"))

    assert decay.bands_hz[-1] * 10.0 ** (3.0 / 60.0) <= FS / 2.0
    assert [nominal_hz(f) for f in decay.bands_hz[:3]] == [25.0, 31.5, 40.0]


def test_pyrato_reads_the_same_bands_alike():
    """The oracle gets our band signal; where both are valid they agree within 2 % and 0.2 dB."""
    pyrato = pytest.importorskip("pyrato")
    pyfar = pytest.importorskip("pyfar")
    room = noisy_room(11, 0.6, 65.0, duration_s=1.2, pre_s=0.05)
    decay = analyze_decay(room, bands_per_octave=1)
    for i, f in enumerate(decay.bands_hz):
        if not 200.0 < f < 2500.0:
            continue
        # The direct sound is blurred ahead of itself: it belongs to the early energy.
        ahead_s = round(FS / bandwidth_hz(f, 1)) / FS
        y = band_signal(room.samples, FS, f, 1)[round((0.05 - ahead_s) * FS) :]
        edc = pyrato.edc.energy_decay_curve_chu_lundeby(
            pyfar.Signal(y, FS), float(f), is_energy=False, time_shift=False
        )
        for name, ours in (("T20", decay.t20_s[i]), ("T30", decay.t30_s[i])):
            theirs = pyrato.parameters.reverberation_time_linear_regression(edc, T=name)
            assert ours == pytest.approx(float(np.squeeze(theirs)), rel=0.02), f"{f:.0f} Hz"
        theirs = float(np.squeeze(pyrato.parameters.clarity(edc, 80.0 + 1000.0 * ahead_s)))
        assert decay.c80_db[i] == pytest.approx(theirs, abs=0.2), f"{f:.0f} Hz"


def test_an_average_leaves_out_what_most_positions_do_not_have():
    nan = np.nan

    def one(*times):
        values = np.array(times)
        empty = np.full(values.size, nan)
        names = [
            "edt_s t20_std_s t30_std_s c50_db c80_db d50 ts_s curvature_percent",
            "nonlinearity_permille range_db t20_s",
        ]
        return DecayAnalysis(
            bands_per_octave=1,
            bands_hz=np.array([125.0, 250.0, 500.0]),
            t30_s=values,
            reason=("",) * 3,
            remark=("",) * 3,
            **dict.fromkeys(" ".join(names).split(), empty),
        )

    mean = average_decay([one(0.4, 0.5, nan), one(0.6, nan, nan), one(0.5, nan, nan)])

    assert mean.time_s == pytest.approx([0.5, nan, nan], nan_ok=True)
    assert mean.low_s == pytest.approx([0.4, nan, nan], nan_ok=True)
    assert mean.high_s == pytest.approx([0.6, nan, nan], nan_ok=True)
    assert mean.n_numbers.tolist() == [3.0, 1.0, 0.0]
