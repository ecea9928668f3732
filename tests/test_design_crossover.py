"""A sub that joins two mains: what adds up, and what comes of it in the 2.1 virtual room."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.signal as sg

from roomcal.design.crossover import crossover_spectra, crossover_taps
from roomcal.design.design import design
from roomcal.design.targets import target_curve
from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.studio import VirtualStudio
from roomcal.errors import InputError
from roomcal.model.design_spec import DesignSpec
from roomcal.model.filter_bank import Crossover
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.studio import Speaker, Studio

FS = 48000
FLAT = target_curve("flat")
STUDIO = Studio("s", (Speaker("L", 1), Speaker("R", 2), Speaker("Sub", 3, role="LFE")))
SPEC = DesignSpec(taps=32768, modal_decay=False)
EXACT = 1e-9
TAPS_DB = 0.05  # truncation of the low-pass after 0.3 s
# A sum in phase is 6 dB above its louder half at the crossover and never below it.
IN_PHASE_DB = -0.5


def speaker(name, *, kind, corner, delay=0.0, gain=1.0, position="p1", extra=0):
    x = np.zeros(FS)
    x[480 + extra] = gain
    x = sg.sosfilt(sg.butter(4, corner, kind, fs=FS, output="sos"), x)
    if kind == "low":
        x = sg.sosfilt(sg.butter(2, 22.0, "high", fs=FS, output="sos"), x)
    w = 2j * np.pi * np.arange(x.size // 2 + 1) / x.size
    x = np.fft.irfft(np.fft.rfft(x) * np.exp(-w * delay * FS), x.size)
    return ImpulseResponse(x, FS, name, position, time_reference="loopback")


def trio(**kwargs):
    mains = [speaker(n, kind="high", corner=60.0) for n in "LR"]
    return [*mains, speaker("Sub", kind="low", corner=150.0, **kwargs)]


@pytest.mark.parametrize("slope", [12, 24, 48])
def test_the_halves_add_up_to_an_all_pass(slope):
    """Linkwitz-Riley; with 12 dB per octave one half is inverted."""
    f = np.geomspace(10, 1000, 200)
    high, low = crossover_spectra(Crossover(80.0, slope), f)

    total = high - low if slope == 12 else high + low
    np.testing.assert_allclose(np.abs(total), 1.0, rtol=EXACT)
    at = np.argmin(np.abs(f - 80.0))
    assert 20 * np.log10(abs(low[at])) == pytest.approx(-6.02, abs=0.5)


def test_the_taps_are_the_crossover():
    crossover = Crossover(80.0, 24)
    f = np.geomspace(20, 5000, 100)
    for taps, wanted in zip(
        crossover_taps(crossover, FS, 16384), crossover_spectra(crossover, f), strict=True
    ):
        H = sg.freqz(taps, worN=f, fs=FS)[1]
        loud = np.abs(wanted) > 0.03
        level = 20 * np.log10(np.abs(H[loud]) / np.abs(wanted[loud]))
        assert np.abs(level).max() < TAPS_DB


@pytest.mark.parametrize(("delay", "gain"), [(0.0, 1.0), (0.004, 0.5), (0.0, -1.0), (-0.004, 2.0)])
def test_delay_polarity_and_level_of_the_sub_are_found(delay, gain):
    result = design(trio(delay=delay, gain=gain), FLAT, SPEC, name="x", fs=FS, studio=STUDIO)
    filters = result.filters

    assert filters.inputs == ("L", "R")
    assert filters.outputs == ("L", "R", "Sub")
    responses = {r.speaker: r for r in trio(delay=delay, gain=gain)}
    f = np.geomspace(40, 200, 60)
    parts = [
        sg.freqz(sg.fftconvolve(responses[out].samples, filters.path(out, "L")), worN=f, fs=FS)[1]
        for out in ("L", "Sub")
    ]
    louder = np.maximum(np.abs(parts[0]), np.abs(parts[1]))
    assert 20 * np.log10((np.abs(parts[0] + parts[1]) / louder).min()) > IN_PHASE_DB
    structure = next(p for p in filters.paths if p.output == "Sub")
    assert structure.crossover is not None
    assert structure.crossover_half == "low"
    assert any("crossed to Sub" in note for note in result.explanations[0].notes)


@pytest.fixture(scope="module")
def own_delay_s():
    """Delay of the sub that the phases of the speakers themselves ask for."""
    paths = design(trio(), FLAT, SPEC, name="x", fs=FS, studio=STUDIO).filters.paths
    return next(p for p in paths if p.output == "Sub").delay_s


@pytest.mark.parametrize("late_s", [-0.008, 0.0, 0.008])
@pytest.mark.parametrize("seed", range(2))
def test_in_a_room_sub_and_mains_begin_within_half_a_period(own_delay_s, late_s, seed):
    """Direct sound and a decay of their own at every position; both would fit a period off, too."""
    rng = np.random.default_rng(seed)
    n = round(0.3 * FS)
    responses = []
    for position in ("p1", "p2", "p3"):
        for plain in trio(delay=late_s, extra=1000):
            h = 0.03 * rng.standard_normal(n) * 10.0 ** (-3.0 * np.arange(n) / (0.3 * FS))
            h[0] += 1.0
            x = sg.fftconvolve(plain.samples, h)[: plain.samples.size]
            if plain.speaker != "Sub":
                x = np.r_[np.zeros(1000), x[:-1000]]
            responses.append(
                ImpulseResponse(x, FS, plain.speaker, position, time_reference="loopback")
            )
    spec = DesignSpec(taps=8192, phase="minimum")
    paths = design(responses, FLAT, spec, name="x", fs=FS, studio=STUDIO).filters.paths
    sub = next(p for p in paths if p.output == "Sub")

    assert sub.crossover is not None
    assert abs(sub.delay_s - (own_delay_s - late_s)) < 0.5 / sub.crossover.f_hz


def test_a_latency_limit_holds_with_a_late_sub():
    spec = DesignSpec(taps=32768, modal_decay=False, max_latency_s=0.006)
    late = trio(delay=0.010)
    filters = design(late, FLAT, spec, name="x", fs=FS, studio=STUDIO).filters

    assert filters.latency_s <= 0.006


def test_without_a_common_clock_the_sub_keeps_its_input():
    free = [
        ImpulseResponse(r.samples, FS, r.speaker, r.position, time_reference="none") for r in trio()
    ]
    result = design(free, FLAT, SPEC, name="x", fs=FS, studio=STUDIO)

    assert result.filters.inputs == ("L", "R", "Sub")
    assert any("is not joined" in note for note in result.explanations[0].notes)


def test_a_sub_can_keep_its_input():
    spec = DesignSpec(taps=32768, crossover=False)
    assert design(trio(), FLAT, spec, name="x", fs=FS, studio=STUDIO).filters.inputs == (
        "L",
        "R",
        "Sub",
    )


def test_a_crossover_out_of_range_is_refused():
    with pytest.raises(InputError, match="crossover"):
        DesignSpec(crossover_hz=1000.0)


def test_the_virtual_room_plays_through_its_crossover_without_a_null():
    """Where one of both is loud at a seat, the sum is: no cancellation that delay can avoid."""
    studio = VirtualStudio(ROOMS["control-room-2.1"])
    responses = [
        studio.true_response(s, p, FS) for s in ("L", "R", "Sub") for p in ("p1", "p2", "p3")
    ]
    result = design(responses, FLAT, DesignSpec(), name="x", fs=FS, studio=STUDIO)

    f = np.geomspace(30, 16000, 400)
    by_path = {(r.speaker, r.position): r for r in responses}
    for source in ("L", "R"):
        level_db = []
        for position in ("p1", "p2", "p3"):
            total = sum(
                sg.fftconvolve(by_path[out, position].samples, result.filters.path(out, source))
                for out in (source, "Sub")
            )
            power = np.abs(np.fft.rfft(total, 1 << 18)) ** 2
            bins = np.arange(power.size) * FS / (1 << 18)
            level_db.append(
                [
                    10
                    * np.log10(power[(bins > x / 2 ** (1 / 6)) & (bins < x * 2 ** (1 / 6))].mean())
                    for x in f
                ]
            )
        mean = np.mean(level_db, axis=0)
        crossing = (f > 40) & (f < 200)
        assert (mean[crossing] - np.median(mean)).min() > -6.0
        assert np.abs(np.mean(mean[crossing]) - np.median(mean)) < 2.0


@pytest.mark.parametrize("gain_db", [-9.0, 9.0])
def test_a_sub_that_is_set_wrong_is_joined_and_said_to_be(gain_db):
    result = design(trio(gain=10 ** (gain_db / 20)), FLAT, SPEC, name="x", fs=FS, studio=STUDIO)
    plain = design(trio(), FLAT, SPEC, name="x", fs=FS, studio=STUDIO)

    notes = " ".join(result.explanations[0].notes)
    assert "set the level at Sub itself" in notes
    assert "set the level at Sub itself" not in " ".join(plain.explanations[0].notes)


@pytest.mark.parametrize(("gain_db", "word"), [(-40.0, "quieter"), (40.0, "louder")])
def test_a_sub_that_hardly_plays_is_not_raised_to_its_mains(gain_db, word):
    """Somebody will switch it on again, and would get everything that it lacked."""
    responses = trio(gain=10 ** (gain_db / 20))
    with pytest.raises(InputError, match=f"Sub plays 4. dB {word}|Sub plays 3. dB {word}"):
        design(responses, FLAT, SPEC, name="x", fs=FS, studio=STUDIO)
    left = replace(SPEC, match_levels=False)
    filters = design(responses, FLAT, left, name="x", fs=FS, studio=STUDIO).filters
    low, high = (np.abs(np.fft.rfft(filters.path(out, "L"))).max() for out in ("Sub", "L"))
    # Neither filter has more than its 6 dB of boost, and the sub gets none for its level.
    assert 20 * np.log10(low / high) < 2 * SPEC.max_boost_db
