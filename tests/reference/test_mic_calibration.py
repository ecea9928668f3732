"""Calibration files that makers ship: read whole, with what stands beside the data."""

import numpy as np
import pytest

from roomcal.files.mic_calibration import read_mic_calibration

pytestmark = pytest.mark.reference

# What a text editor shows: rows, first and last row, serial, incidence, sensitivity.
FILES = {
    "umik1-0deg.txt": (615, (10.054, -7.3267), (20016.816, -0.2581), "7175488", 0, -0.545, None),
    "umik1-90deg.txt": (615, (10.054, -7.3267), (20016.816, -6.3921), "7175488", 90, -0.545, None),
    "umik2-0deg.txt": (615, (10.054, -4.7069), (20016.8, -1.73336), "8105623", 0, -13.47, None),
    "dayton-imm6.txt": (256, (20.0, 0.2), (20000.0, -3.0), "", None, None, -36.0),
}


@pytest.mark.parametrize("name", FILES)
def test_a_makers_file_is_read_whole(reference_data, name):
    n, first, last, serial, incidence_deg, sens_factor_db, sensitivity_db = FILES[name]

    read = read_mic_calibration(reference_data / "mic-calibration" / name)

    assert read.curve.f_hz.size == n
    assert (read.curve.f_hz[0], read.curve.level_db[0]) == first
    assert (read.curve.f_hz[-1], read.curve.level_db[-1]) == last
    assert (read.serial, read.incidence_deg) == (serial, incidence_deg)
    assert (read.sens_factor_db, read.sensitivity_db) == (sens_factor_db, sensitivity_db)
    assert read.warnings == ()


def test_the_two_files_of_one_microphone_agree_in_the_bass(reference_data):
    folder = reference_data / "mic-calibration"
    at_0, at_90 = (read_mic_calibration(folder / f"umik1-{d}deg.txt").curve for d in (0, 90))
    bass_hz = np.geomspace(20.0, 500.0, 50)

    # Small against the wavelength, a microphone has no direction.
    np.testing.assert_allclose(at_0.level_at(bass_hz), at_90.level_at(bass_hz), atol=0.1)
