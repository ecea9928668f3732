"""Keep the recordings of quiet sounds that proved the wiring wrong: evidence for whoever looks."""

from pathlib import Path

from roomcal.files.wav import write_wav
from roomcal.units import FloatArray


def keep_probe(folder: Path, speaker: str, samples: FloatArray, fs: int) -> Path:
    """Write all inputs of one probe under the first free number.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    speaker : str
    samples : (n_inputs, n_samples) float array
    fs : int
    """
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while (path := folder / f"{speaker}.probe-{number}.wav").exists():
        number += 1
    write_wav(path, samples, fs, sample_format="float32")
    return path
