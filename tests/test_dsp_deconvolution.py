import numpy as np
import pytest
import scipy.signal

from roomcal.dsp.deconvolution import deconvolve, end_fades, inverse_spectrum, stimulus_band_hz
from roomcal.dsp.sweep_signal import sweep_samples
from roomcal.model.sweep import Sweep

FS = 48000
N_FFT = 1 << 18
PRE = 4800  # 100 ms
# MEASURING.md, goal 1.
LEVEL_TOLERANCE_DB = 0.005
PHASE_TOLERANCE_DEG = 0.05
PRE_RINGING_DB = -70.0


def ported_speaker_in_a_room(f_hz):
    """Transfer function in closed form: Butterworth edges, arrivals, decaying modes."""
    s = 2j * np.pi * f_hz
    H = np.zeros(f_hz.size, dtype=complex)
    for delay_s, gain, corner_hz in (
        (0.004321, 1.0, 60000.0),
        (0.0062345, -0.5, 9000.0),
        (0.0091, 0.4, 6000.0),
        (0.0234567, 0.25, 4000.0),
    ):
        H += gain * np.exp(-s * delay_s) / (1 + s / (2 * np.pi * corner_hz))
    for mode_hz, decay_s, gain in ((31.0, 0.5, 0.9), (47.3, 0.4, -0.7), (88.1, 0.3, 0.6)):
        w, damping = 2 * np.pi * mode_hz, 6.9 / decay_s
        H += gain * 4 * damping * s / (s**2 + 2 * damping * s + w**2) * np.exp(-s * 0.004321)
    for kind, order, corner_hz in (("highpass", 4, 38.0), ("lowpass", 4, 21500.0)):
        b, a = scipy.signal.butter(order, 2 * np.pi * corner_hz, kind, analog=True)
        H *= scipy.signal.freqs(b, a, 2 * np.pi * f_hz)[1]
    return H


def recorded(x, n):
    """Signal that has passed through the room, by multiplication of spectra."""
    n_fft = 1 << 20
    H = ported_speaker_in_a_room(np.fft.rfftfreq(n_fft, 1 / FS))
    return np.fft.irfft(np.fft.rfft(x, n_fft) * H, n_fft)[:n]


def errors(h, time_zero):
    """Level in dB and phase in degrees at 1/24 octave, 20 Hz to 20 kHz."""
    f = np.fft.rfftfreq(N_FFT, 1 / FS)
    H = np.fft.rfft(h, N_FFT) * np.exp(2j * np.pi * f * time_zero / FS)
    truth = ported_speaker_in_a_room(f)
    centres = 20 * 2 ** (np.arange(0, 10, 1 / 48)[:-2])
    level, phase = [], []
    for centre in centres[centres <= 20000]:
        band = slice(
            int(np.ceil(centre * 2 ** (-1 / 48) / f[1])),
            int(np.floor(centre * 2 ** (1 / 48) / f[1])) + 1,
        )
        ratio = np.sum(np.abs(H[band]) ** 2) / np.sum(np.abs(truth[band]) ** 2)
        level.append(10 * np.log10(ratio))
        phase.append(np.degrees(np.angle(np.sum(H[band] * truth[band].conj()))))
    return np.abs(level).max(), np.abs(phase).max()


def recovered(sweep, **options):
    x = sweep_samples(sweep)
    y = recorded(x, x.size + FS)
    return deconvolve(y, x, FS, pre_samples=PRE, n_samples=PRE + FS, **options)


def test_a_known_room_is_recovered_in_level_and_phase():
    level_db, phase_deg = errors(recovered(Sweep(fs=FS)), PRE)

    assert level_db <= LEVEL_TOLERANCE_DB
    assert phase_deg <= PHASE_TOLERANCE_DEG


def test_nothing_rings_before_the_direct_sound():
    h = recovered(Sweep(fs=FS))
    n_fft = 1 << 17
    truth = np.fft.irfft(ported_speaker_in_a_room(np.fft.rfftfreq(n_fft, 1 / FS)), n_fft)
    truth = np.concatenate([truth[-PRE:], truth[:FS]])
    until = PRE + round(0.004321 * FS) - FS // 1000

    ringing = np.abs((h - truth)[:until]).max() / np.abs(h).max()

    assert 20 * np.log10(ringing) <= PRE_RINGING_DB


def test_the_start_may_lie_anywhere_in_the_recording():
    x = sweep_samples(Sweep(fs=FS, length_s=1.0))
    y = recorded(x, x.size + FS)
    direct = deconvolve(y, x, FS, pre_samples=100, n_samples=5000)

    moved = deconvolve(
        np.concatenate([np.zeros(777), y]), x, FS, start_sample=777, pre_samples=100, n_samples=5000
    )

    np.testing.assert_allclose(moved, direct, atol=1e-9)


def test_distortion_of_the_speaker_stays_out_of_the_response():
    x = sweep_samples(Sweep(fs=FS))
    y = recorded(x + 0.2 * x**2 + 0.8 * x**3 * 0, x.size + FS)  # second harmonic at -40 dB

    level_db, _ = errors(deconvolve(y, x, FS, pre_samples=PRE, n_samples=PRE + FS), PRE)

    assert level_db <= 0.02  # MEASURING.md: distortion at -40 dB adds 0.0002 dB above 40 Hz


@pytest.mark.parametrize(("low_hz", "high_hz"), [(50.0, 8000.0), (20.0, 20000.0)])
def test_any_sweep_is_divided_where_it_has_energy(low_hz, high_hz):
    t = np.arange(2 * FS) / FS
    x = scipy.signal.chirp(t, low_hz, 2.0, high_hz, method="logarithmic")

    found_low_hz, found_high_hz = stimulus_band_hz(x, FS)
    h = deconvolve(np.concatenate([x, np.zeros(FS)]), x, FS, pre_samples=PRE, n_samples=2 * PRE)

    assert found_low_hz == pytest.approx(low_hz, rel=0.15)
    assert found_high_hz == pytest.approx(high_hz, rel=0.15)
    H = np.abs(np.fft.rfft(h, N_FFT))
    f = np.fft.rfftfreq(N_FFT, 1 / FS)
    inside = (f > 2.0 * low_hz) & (f < high_hz / 1.5)
    np.testing.assert_allclose(H[inside], 1.0, atol=0.02)
    assert H[f > 2 * high_hz].max(initial=0.0) < 0.3


def test_stronger_regularisation_lifts_less_noise_below_the_band_and_leaves_the_inside():
    x = sweep_samples(Sweep(fs=FS))
    f = np.fft.rfftfreq(1 << 19, 1 / FS)
    light, strong = (
        np.abs(inverse_spectrum(x, FS, 1 << 19, outside_db=db)) for db in (-50.0, -20.0)
    )

    assert strong[f < 10.0].max() < 0.2 * light[f < 10.0].max()
    inside = (f > 20.0) & (f < 23000.0)
    np.testing.assert_allclose(strong[inside], light[inside], rtol=1e-6)


def test_the_ends_fade_and_the_middle_is_untouched():
    window = end_fades(16000, 1600)

    assert window[0] < 1e-5
    assert window[-1] < 1e-5
    assert (window[1600:15000] == 1.0).all()


def test_a_response_needs_samples_after_time_zero():
    with pytest.raises(ValueError, match="after time zero"):
        deconvolve(np.ones(10), np.ones(10), FS, pre_samples=5, n_samples=5)
