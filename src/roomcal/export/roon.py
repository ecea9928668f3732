"""Roon: one flat zip with a Convolver .cfg and a WAV per sample rate."""

import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from roomcal.export import convolver_cfg
from roomcal.export.impulse_files import refused, write_impulses
from roomcal.export.readme import write_readme
from roomcal.files.atomic import replacing
from roomcal.model.filter_bank import Bank, FilterBank

_MAX_BYTES = 1 << 30  # of one member: a bank of a million taps and 32 channels is smaller
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can hold: the same bytes every time
_INSTALL = """
1. Roon (a desktop client): DSP Engine of your zone, Add filter, Convolution, Browse, choose the
   .zip, and switch it on.
2. Leave Headroom Management off: the filters contain their headroom.
Roon takes the file of the running sample rate, and resamples the nearest one if it has none.
"""


def write(bank: Bank, folder: Path, _place: Path) -> list[Path]:
    """Write the zip."""
    path = folder / f"{bank.name}-roon.zip"
    with tempfile.TemporaryDirectory() as name, replacing(path) as fresh:
        scratch = Path(name)
        members = []
        for fs, paths in write_impulses(bank, scratch).items():
            config = scratch / f"convolver_{fs}.cfg"
            config.write_bytes(convolver_cfg.config_text(bank.filters[fs], paths).encode("ascii"))
            members += [config, scratch / paths[0].file]
        with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED) as archive:
            for member in members:
                info = zipfile.ZipInfo(member.name, _EPOCH)
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, member.read_bytes())
    return [path, write_readme(bank, folder, program="Roon", install=_INSTALL)]


def read(folder: Path) -> Mapping[int, FilterBank]:
    """Unpack the zip into a folder of its own and read its .cfg files strictly.

    Raises
    ------
    InputError
        RC-314 for a zip that is damaged, too large, or leads outside of its folder.
    """
    found = sorted(folder.glob("*-roon.zip"))
    if len(found) != 1:
        raise refused(folder, f"holds {len(found)} zips, expected one")
    try:
        with tempfile.TemporaryDirectory() as name, zipfile.ZipFile(found[0]) as archive:
            for info in archive.infolist():
                flat = PurePosixPath(info.filename).name == info.filename
                if not flat or "\\" in info.filename or info.file_size > _MAX_BYTES:
                    raise ValueError(f"member {info.filename!r} of {info.file_size} bytes")
                Path(name, info.filename).write_bytes(archive.read(info))
            return convolver_cfg.read(Path(name))
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise refused(found[0], f"cannot be read: {error}") from error
