"""by-hand.txt: the gain, delay and polarity of each channel that a file of bands cannot hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from roomcal.export.impulse_files import refused
from roomcal.files.atomic import write_bytes
from roomcal.model.equaliser import ChannelSettings

FILE_NAME = "by-hand.txt"
_KEPT_GAIN = "the gain is in the files already: leave it at 0 dB"
_GAIN = "set the gain too: no file holds it"


@dataclass(frozen=True)
class ByHand:
    """What a person sets for one channel."""

    gain_db: float
    delay_s: float
    inverted: bool


def write_by_hand(
    folder: Path, settings: Mapping[int, tuple[ChannelSettings, ...]], *, with_gain: bool
) -> Path:
    """Write a line a sample rate and channel; without the gain where the files hold it."""
    lines = [
        "# What you set by hand in the device, for the sample rate that it runs at;",
        f"# {_GAIN if with_gain else _KEPT_GAIN}.",
        "# Hz<TAB>channel<TAB>gain dB<TAB>delay ms<TAB>polarity",
    ]
    for fs, channels in settings.items():
        for c in channels:
            gain_db = c.gain_db if with_gain else 0.0
            polarity = "inverted" if c.inverted else "normal"
            lines.append(f"{fs}\t{c.name}\t{gain_db:.3f}\t{1000.0 * c.delay_s:.5f}\t{polarity}")
    path = folder / FILE_NAME
    write_bytes(path, ("\n".join(lines) + "\n").encode())
    return path


def read_by_hand(folder: Path) -> dict[tuple[int, str], ByHand]:
    """Read it strictly, by sample rate and channel.

    Raises
    ------
    InputError
        RC-314 for anything that this export does not write.
    """
    path = folder / FILE_NAME
    found: dict[tuple[int, str], ByHand] = {}
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("#"):
                continue
            fs, name, gain, delay, polarity = line.split("\t")
            if polarity not in ("normal", "inverted") or (int(fs), name) in found:
                raise ValueError(f"unexpected line {line!r}")
            by_hand = ByHand(float(gain), float(delay) / 1000.0, polarity == "inverted")
            if not -100.0 < by_hand.gain_db < 100.0 or not 0.0 <= by_hand.delay_s < 1.0:
                raise ValueError(f"{line!r} is out of range")
            found[int(fs), name] = by_hand
        if not found:
            raise ValueError("it holds no channel")
    except (OSError, ValueError) as error:
        raise refused(path, f"cannot be used: {error}") from error
    return found
