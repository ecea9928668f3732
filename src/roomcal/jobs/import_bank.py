"""Make a bank of filters from elsewhere, so that they can be compared, exported and run."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from roomcal import __version__
from roomcal.errors import InputError
from roomcal.files.atomic import refuse_existing
from roomcal.files.bank_files import bank_of_impulses, filter_bank, read_filter_text
from roomcal.files.bank_store import save_bank
from roomcal.files.folders import new_folder
from roomcal.files.foreign_filters import ForeignFilters
from roomcal.files.response_files import read_responses
from roomcal.files.rew_api import read_rew_filters
from roomcal.files.rew_server import DEFAULT_PORT
from roomcal.files.wav import read_wav
from roomcal.jobs.conversation import Conversation
from roomcal.model.filter_bank import Bank, FilterBank
from roomcal.units import FloatArray, counted, db_from_ratio

_AUDIO = (".wav", ".wave", ".rf64", ".aif", ".aiff", ".flac", ".w64", ".caf")
_RESPONSES = (".dbl", ".sofa")
_LOWEST_RATE_HZ, _HIGHEST_RATE_HZ = 4000, 800_000
DEFAULT_RATE_HZ = 48000
NOTABLE_BOOST_DB = 0.1
LONGEST_TAPS = 1 << 21  # 11 s at 192 kHz: more is a recording


def import_bank(
    root: Path,
    name: str,
    files: tuple[Path, ...],
    *,
    speakers: tuple[str, ...],
    rates: tuple[int, ...],
    force: bool,
    talk: Conversation,
    rew: str = "",
    rew_port: int = DEFAULT_PORT,
) -> Bank:
    """Read filters and keep them as a bank, whole or not at all.

    Parameters
    ----------
    root : Path
        The studio's folder.
    name : str
    files : tuple of Path
        Impulse responses, for any number of rates, or one text with filters.
    speakers : tuple of str
        Whose filters they are, in the order of the channels.
    rates : tuple of int
        Sample rates for filters that are text; 48000 if none is given.
    force : bool
    talk : Conversation
    rew : str
        Measurements of a running REW whose filters are fetched instead: "all", or "1,3".
    rew_port : int

    Raises
    ------
    InputError
        For any file that cannot be used, before anything is written.
    StorageError
        RC-602 if the bank exists and `force` is not given.
    """
    refuse_existing(new_folder(root, "bank", name), force=force)
    for fs in rates:
        if not _LOWEST_RATE_HZ <= fs <= _HIGHEST_RATE_HZ:
            raise InputError("RC-304", f"{fs} Hz is no sample rate", hint="rates are in Hz")
    origin = {file.name: _digest(file) for file in files}
    kinds = {file.suffix.lower() in (*_AUDIO, *_RESPONSES) for file in files}
    filters: Mapping[int, FilterBank]
    if rew:
        fetched = read_rew_filters(rew, speakers, rew_port)
        filters = _rendered(Path("REW"), fetched, rates, talk)
        origin = {"REW": f"measurements {rew}"}
    elif kinds == {True}:
        filters = bank_of_impulses([p for f in files for p in _impulses(f, rates)], speakers)
    elif len(files) > 1:
        raise InputError(
            "RC-314",
            f"{counted(len(files), 'file')}: texts with filters are imported one by one",
            hint="give one text, or WAV files alone",
        )
    else:
        found = read_filter_text(files[0], speakers)
        if found.needs_rate and len(rates) != 1:
            raise InputError(
                "RC-304",
                f"{files[0].name} holds coefficients, which are for one sample rate",
                hint="say which with --fs: 48000 or 96000, as the device runs",
                path=str(files[0]),
            )
        filters = _rendered(files[0], found, rates, talk)
    boost_db = max(_largest_gain_db(bank) for bank in filters.values())
    if boost_db > NOTABLE_BOOST_DB:
        talk.note(
            f"the filters boost by up to {boost_db:.1f} dB and keep no headroom: "
            "loud signals will clip unless they are turned down before"
        )
    bank = Bank(name, filters, provenance={"roomcal_version": __version__, "imported": origin})
    save_bank(root, bank, force=force)
    return bank


def _rendered(
    path: Path, found: ForeignFilters, rates: tuple[int, ...], talk: Conversation
) -> dict[int, FilterBank]:
    """Render filters at every rate, and say what is not exact."""
    notes = list(found.notes)
    filters = {}
    for fs in rates or (DEFAULT_RATE_HZ,):
        filters[fs], own = filter_bank(path, found, fs)
        notes += own
    for note in notes:
        talk.note(f"{path.name}: {note}")
    return filters


def _digest(file: Path) -> str:
    """Return the SHA-256 digest of a file that can be read."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(
            "RC-301",
            f"cannot open {file}: {error.strerror or error}",
            hint="check the name and that you may read it",
            path=str(file),
        ) from error


def _largest_gain_db(filters: FilterBank) -> float:
    """Return the largest gain of any path for any sine."""
    H = np.fft.rfft(filters.taps, 2 * filters.n_taps)
    return float(db_from_ratio(np.abs(H).max()))


def _impulses(file: Path, rates: tuple[int, ...]) -> list[tuple[Path, FloatArray, int]]:
    """Read the channels of a file, (n_channels, n_samples), and its rate."""
    if file.suffix.lower() in _RESPONSES:
        read = read_responses(file, fs=rates[0] if len(rates) == 1 else None)
        parts = [(file, r.samples[None], r.fs) for r in read]
    else:
        wav = read_wav(file)
        parts = [(file, wav.samples, wav.fs)]
    for _, samples, fs in parts:
        if samples.shape[1] > LONGEST_TAPS:
            raise InputError(
                "RC-315",
                f"{file.name} is {samples.shape[1] / fs:.0f} s long: this is no filter",
                hint="name an impulse response",
                path=str(file),
            )
        if not samples.any():
            raise InputError(
                "RC-315", f"{file.name} is silent", hint="export it again", path=str(file)
            )
        if rates and fs not in rates:
            raise InputError(
                "RC-304",
                f"{file.name} has {fs} Hz",
                hint="leave --fs out: the file says its rate itself",
                path=str(file),
            )
    return parts
