"""REW's own files: the response, its level as REW shows it, and every number of its texts."""

import numpy as np
import pytest
import scipy.signal
import soundfile

from roomcal.dsp.smoothing import smoothed_level_db
from roomcal.errors import InputError
from roomcal.files.java_serial import JavaObject, read_stream
from roomcal.files.response_files import read_responses
from roomcal.files.rew_mdat import read_measurements
from roomcal.files.rew_text import read_rew_text, read_text_measurement

pytestmark = pytest.mark.reference

EXTRACTED_TOLERANCE = 1e-6  # of the peak; both are 32-bit floats, so this is room to spare
# REW smooths with another window than ours; the issue that asked for this names the figure.
SMOOTHED_RMS_DB = 0.6
EXACT_DB = 0.001  # REW prints three decimals


@pytest.fixture
def mdat(reference_data):
    return reference_data / "rew" / "left-right.mdat"


def test_the_response_is_what_was_extracted_by_hand(reference_data, mdat):
    truth, fs = soundfile.read(reference_data / "rew" / "left-right.ir-from-mdat.wav")

    (found,) = read_responses(mdat)

    assert found.fs == fs == 96000  # the measurement's own field says 48000
    assert found.samples.size == truth.size
    assert np.abs(found.samples - truth).max() <= EXTRACTED_TOLERANCE * np.abs(truth).max()


def test_the_reference_of_the_loopback_is_found(mdat):
    (found,) = read_responses(mdat)

    # REW's note in the file: "Delay 88.6389 ms using estimated IR delay relative to Loopback".
    assert found.time_reference == "loopback"
    peak_ms = 1000.0 * (np.argmax(np.abs(found.samples)) - found.time_zero) / found.fs
    assert peak_ms == pytest.approx(88.6389, abs=0.1)  # the peak follows the onset


def test_window_offset_and_calibration_are_as_rew_stored_them(mdat):
    (found,) = read_measurements(mdat)

    assert found.window_s == (0.5, 0.5)
    assert found.window_shapes == ("TUKEY", "TUKEY")
    assert found.spl_offset_db == pytest.approx(120.1184, abs=1e-4)
    assert found.octave_fraction == 6.0
    calibration = found.response.calibration
    assert (calibration.name, calibration.f_hz.size) == ("MOTU M4.cal", 48038)
    assert calibration.level_db[0] == pytest.approx(-68.858, abs=1e-3)


def test_the_level_is_what_rew_shows(reference_data, mdat):
    (found,) = read_measurements(mdat)
    h, fs = found.response.samples, found.response.fs
    f, shown_db, _ = np.loadtxt(reference_data / "rew" / "left-right.spl-phase-from-mdat.txt").T
    np.testing.assert_allclose(found.f_hz, f, rtol=1e-5)
    np.testing.assert_allclose(found.level_db_spl, shown_db, atol=1e-5)
    before, after = round(0.125 * fs), round(0.5 * fs)
    peak = int(np.argmax(np.abs(h)))
    window = np.zeros(h.size)
    tukey = scipy.signal.windows.tukey
    window[peak - before : peak + 1] = tukey(2 * before + 1, 0.25)[: before + 1]
    window[peak : peak + after + 1] = tukey(2 * after + 1, 0.25)[after:]
    inside = (f >= 20.0) & (f <= 20000.0)

    level_db = smoothed_level_db(h * window, fs, f[inside], 6)
    level_db = level_db - found.response.calibration.level_at(f[inside])

    difference = level_db - shown_db[inside]
    assert np.std(difference) <= SMOOTHED_RMS_DB
    # The constant is REW's offset less 3.000 dB, as far as two ways of smoothing agree.
    assert -np.mean(difference) == pytest.approx(found.spl_offset_db - 3.0, abs=0.3)


def test_an_unsmoothed_export_is_exact_to_a_thousandth_of_a_db(tmp_path, mdat):
    """REW's own sum, written as REW writes it, imported, and measured against the .mdat."""
    (found,) = read_measurements(mdat)
    h, fs = found.response.samples, found.response.fs
    before, after, n_fft = round(0.125 * fs), round(0.5 * fs), 1 << 18
    peak = int(np.argmax(np.abs(h)))
    window = np.concatenate(
        [
            scipy.signal.windows.tukey(2 * before + 1, 0.25)[: before + 1],
            scipy.signal.windows.tukey(2 * after + 1, 0.25)[after + 1 :],
        ]
    )
    H = np.fft.rfft(h[peak - before : peak + after + 1] * window, n_fft)
    f = np.arange(H.size) * fs / n_fft
    shown = (f >= 20.0) & (f <= 20000.0)
    f, H = f[shown], H[shown]
    at_the_microphone_db = 20 * np.log10(np.abs(H)) + found.spl_offset_db - 3.000
    spl_db = at_the_microphone_db - found.response.calibration.level_at(f)
    phase = np.degrees(np.angle(H * np.exp(2j * np.pi * f * before / fs)))
    lines = [f"{a:.6f} {b:.3f} {c:.4f}" for a, b, c in zip(f, spl_db, phase, strict=True)]
    path = tmp_path / "unsmoothed.txt"
    path.write_text(
        "* Smoothing: None\n* Freq(Hz) SPL(dB) Phase(degrees)\n" + "\n".join(lines) + "\n"
    )

    (imported,) = read_rew_text(path)

    sine_rms_db = 20 * np.log10(np.sqrt(0.5))
    n = round(imported.fs * n_fft / fs)
    bins = np.round(f * n / imported.fs).astype(int)
    level = 20 * np.log10(np.abs(np.fft.rfft(imported.samples, n)[bins]))
    np.testing.assert_allclose(
        level + imported.full_scale_db_spl + sine_rms_db, spl_db, atol=EXACT_DB, rtol=0
    )
    # The .mdat itself says the same of what the microphone heard.
    own = 20 * np.log10(np.abs(H)) + found.response.full_scale_db_spl + sine_rms_db
    np.testing.assert_allclose(own, at_the_microphone_db, atol=EXACT_DB, rtol=0)


def test_another_parser_reads_the_same_stream(mdat):
    javaobj = pytest.importorskip("javaobj.v2", reason="uv pip install javaobj-py3")
    with mdat.open("rb") as file:
        theirs = javaobj.load(file)
    (their,) = [
        x for x in theirs if getattr(x, "classdesc", None) and "MeasData" in x.classdesc.name
    ]
    ours = read_stream(mdat.read_bytes(), path="x")
    (our,) = [x for x in ours if isinstance(x, JavaObject) and "MeasData" in x.class_name]

    (fields,) = their.field_data.values()
    plain = {k.name: v for k, v in fields.items() if isinstance(v, int | float)}
    assert len(ours) == len(theirs)
    assert len(plain) > 30
    assert {k: our.fields[k] for k in plain} == plain


def test_the_text_of_the_excess_phase_holds_the_numbers_that_it_says(reference_data):
    path = reference_data / "rew" / "left-right-excess-phase.txt"

    read = read_text_measurement(path)

    assert read.name == "L+R Jun 15-EP"
    assert read.smoothing == "1/6 octave"
    curve = read.curve
    first = (curve.f_hz[0], curve.level_db[0], curve.phase_deg[0])
    assert first == (21.240234, 0.010, 380.8147)
    assert (curve.f_hz[13], curve.level_db[13], curve.phase_deg[13]) == (23.330488, 0.010, 379.9677)
    with pytest.raises(InputError, match="smoothed") as caught:
        read_rew_text(path)
    assert caught.value.fault == "RC-319"


def test_sofa_holds_what_its_description_says(reference_data):
    found = read_responses(reference_data / "sofa" / "UniS_Room_A_BRIR_16k.sofa")

    assert len(found) == 37 * 2
    assert {(r.fs, r.samples.size) for r in found} == {(16000, 6259)}
    # Mirrored directions swap the ears: the first is -90 degrees, the last +90.
    energy = np.array([np.sum(r.samples**2) for r in found]).reshape(37, 2)
    assert np.sign(energy[0, 0] - energy[0, 1]) == -np.sign(energy[-1, 0] - energy[-1, 1])
