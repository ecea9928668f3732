"""The nouns: read-only, strict, and at home with pyfar."""

import numpy as np
import pytest

from roomcal.errors import FAULTS, InputError, RoomcalError
from roomcal.model.curve import Curve
from roomcal.model.design_spec import DesignSpec
from roomcal.model.filter_bank import Bank, FilterBank
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.sweep import Sweep


def test_arrays_are_copied_and_cannot_be_written():
    source = np.ones(10)
    response = ImpulseResponse(source, 48000, "L", "p1")
    source[0] = 5.0

    assert response.samples[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        response.samples[0] = 2.0


def test_a_response_goes_to_pyfar_and_back(rng):
    pyfar = pytest.importorskip("pyfar")
    response = ImpulseResponse(rng.standard_normal(1000), 44100, "L", "p1", time_zero=12.5)

    signal = response.to_pyfar()
    again = ImpulseResponse.from_pyfar(signal, speaker="L", position="p1", time_zero=12.5)

    assert isinstance(signal, pyfar.Signal)
    assert (signal.fft_norm, signal.sampling_rate) == ("none", 44100)
    # pyfar's own spectrum is ours: nothing is scaled on the way.
    np.testing.assert_allclose(signal.freq[0], response.spectrum(), atol=1e-12)
    np.testing.assert_array_equal(again.samples, response.samples)
    assert (again.fs, again.time_zero) == (44100, 12.5)


def test_a_pyfar_signal_that_scales_or_has_many_channels_is_refused():
    pyfar = pytest.importorskip("pyfar")
    with pytest.raises(ValueError, match="normalisation"):
        ImpulseResponse.from_pyfar(
            pyfar.Signal(np.ones(8), 48000, fft_norm="rms"), speaker="L", position="p1"
        )
    with pytest.raises(ValueError, match="one channel"):
        ImpulseResponse.from_pyfar(pyfar.Signal(np.ones((2, 8)), 48000), speaker="L", position="p1")


@pytest.mark.parametrize("samples", [[], [1.0, np.nan], [np.inf], [[1.0]]])
def test_a_response_is_one_finite_row(samples):
    with pytest.raises(ValueError, match=r"samples|axes"):
        ImpulseResponse(np.array(samples), 48000, "L", "p1")


def test_a_curve_is_straight_over_log_frequency_and_flat_beyond():
    curve = Curve(np.array([10.0, 1000.0]), np.array([0.0, 20.0]))

    np.testing.assert_allclose(
        curve.level_at([0.0, 5.0, 10.0, 100.0, 1000.0, 1e5]), [0, 0, 0, 10, 20, 20]
    )


@pytest.mark.parametrize("f_hz", [[0.0, 10.0], [10.0, 10.0], [20.0, 10.0], []])
def test_the_frequencies_of_a_curve_rise_above_zero(f_hz):
    with pytest.raises(ValueError, match=r"rise|fit"):
        Curve(np.array(f_hz), np.zeros(len(f_hz)))


def test_a_sweep_starts_in_phase_with_its_harmonics():
    """Novak: f1 L is a whole number, so that x(t) = sin(2 pi f1 L exp(t / L)) starts at zero."""
    for length_s in (0.5, 2.7, 5.5, 22.0):
        sweep = Sweep(48000, length_s)
        cycles = sweep.start_hz * sweep.rate_s
        assert cycles == pytest.approx(round(cycles), abs=1e-9)
        assert sweep.duration_s == pytest.approx(length_s, rel=0.05, abs=0.4)


@pytest.mark.parametrize(
    "options",
    [{"start_hz": 5.0}, {"stop_hz": 30000.0}, {"level_dbfs": 0.0}, {"length_s": 0.0}],
)
def test_a_sweep_out_of_its_limits_is_refused(options):
    with pytest.raises(ValueError, match=r"must be|runs from"):
        Sweep(48000, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"fs": ()},
        {"fs": (48000, 48000)},
        {"taps": 1},
        {"max_boost_db": -1.0},
        {"low_hz": 200.0, "high_hz": 100.0},
        {"strength": 1.5},
        {"max_boost_db": float("nan")},
    ],
)
def test_a_design_choice_out_of_its_limits_is_refused(options):
    with pytest.raises(InputError) as caught:
        DesignSpec(**options)
    assert caught.value.fault == "RC-316"


def test_a_bank_knows_its_rates():
    filters = FilterBank(np.ones((1, 1, 4)), 48000, ("L",), ("L",))

    with pytest.raises(ValueError, match="44100"):
        Bank("x", {44100: filters})
    with pytest.raises(ValueError, match="does not fit"):
        FilterBank(np.ones((2, 1, 4)), 48000, ("L",), ("L",))
    with pytest.raises(ValueError, match="NaN"):
        FilterBank(np.full((1, 1, 4), np.nan), 48000, ("L",), ("L",))


def test_every_fault_has_the_exit_code_of_its_first_digit():
    branches = {b.exit_code: b for b in (RoomcalError, *RoomcalError.__subclasses__())}

    for fault in FAULTS:
        error = branches[int(fault[3])](fault, "what", hint="cure", number=1)
        assert (error.fault, str(error), error.hint) == (fault, "what", "cure")
        assert error.within("file.wav").message == "file.wav: what"
        assert error.evidence == {"number": 1}
    with pytest.raises(ValueError, match="unknown"):
        InputError("RC-999", "")
    with pytest.raises(ValueError, match="belong"):
        InputError("RC-601", "")
