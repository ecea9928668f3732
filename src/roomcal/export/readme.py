"""The README.txt of every export: what it is, how to install it, what level to expect."""

import textwrap
from pathlib import Path

from roomcal.dsp.gain import quieter_db
from roomcal.export.carried import Carried
from roomcal.files.atomic import write_bytes
from roomcal.model.filter_bank import Bank

_WIDTH = 98


def write_readme(bank: Bank, folder: Path, *, program: str, install: str, notes: str = "") -> Path:
    """Write README.txt.

    Parameters
    ----------
    bank : Bank
    folder : Path
    program : str
        For whom the files are.
    install : str
        Steps, in the words that the program uses for its controls.
    notes : str
        What this format cannot carry, and the consequence.
    """
    path = folder / "README.txt"
    write_bytes(path, readme_text(bank, program=program, install=install, notes=notes).encode())
    return path


def readme_text(bank: Bank, *, program: str, install: str, notes: str = "") -> str:
    """Return the text of a README.txt; see `write_readme`."""
    first = next(iter(bank.filters.values()))
    latencies = ", ".join(
        f"{f.latency_samples} samples at {fs} Hz" for fs, f in bank.filters.items()
    )
    length = f"Length: {first.n_taps} samples at {first.fs} Hz. Latency: {latencies}."
    quieter = quieter_db(first)
    return f"""Correction {bank.name} for {program}

Sample rates: {", ".join(str(fs) for fs in bank.filters)} Hz
Inputs: {", ".join(first.inputs)}. Outputs: {", ".join(first.outputs)}.
{textwrap.fill(length, _WIDTH)}
Headroom: {first.headroom_db:.2f} dB are taken off inside the filters, so that no full-scale sine
clips. Nothing else changes the level: leave every gain at 0 dB.
Pink noise plays {quieter:.1f} dB quieter than without the correction; expect about that of music.

How to install
{install.strip()}

How to bypass fairly
Lower the bypassed path by {quieter:.1f} dB, or it will seem better because it is louder.
{f"{chr(10)}What this format does not carry{chr(10)}{notes.strip()}{chr(10)}" if notes else ""}"""


def write_band_readme(
    bank: Bank, folder: Path, *, program: str, install: str, carried: Carried
) -> Path:
    """Write README.txt of an export of bands; see `write_readme`."""
    first = next(iter(carried.filters.values()))
    quieter = quieter_db(first)
    lost = "".join(
        textwrap.fill(loss, _WIDTH, initial_indent="- ", subsequent_indent="  ") + "\n"
        for loss in carried.losses
    )
    text = f"""Correction {bank.name} for {program}

Sample rates: {", ".join(str(fs) for fs in bank.filters)} Hz
Channels: {", ".join(first.outputs)}.
The gain of each channel holds the headroom: no full-scale sine clips that
does not clip in the bank itself.
Pink noise plays {quieter:.1f} dB quieter than without the correction; expect about that of music.

How to install
{install.strip()}

How to bypass fairly
Lower the bypassed path by {quieter:.1f} dB, or it will seem better because it is louder.

What is not carried
{lost or "Nothing: bands and gains are the whole of this correction." + chr(10)}"""
    path = folder / "README.txt"
    write_bytes(path, text.encode())
    return path
