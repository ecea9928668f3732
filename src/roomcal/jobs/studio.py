"""Which studio and device a job works with: option, environment, studio.toml, session."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from roomcal.devices.device import Device
from roomcal.devices.registry import open_device
from roomcal.dsp.microphone import re_1_khz
from roomcal.errors import InputError
from roomcal.files.folders import unknown_name
from roomcal.files.mic_calibration import read_mic_calibration, refuse_other_microphone
from roomcal.files.studio_toml import FILE_NAME, read_studio
from roomcal.model.curve import Curve
from roomcal.model.microphone_calibration import MicrophoneCalibration
from roomcal.model.studio import AudioSettings, Position, Speaker, Studio, default_positions


@dataclasses.dataclass(frozen=True)
class Place:
    """A studio, the device that plays in it, and its name."""

    studio: Studio
    device: Device
    device_name: str
    calibration: Curve | None = None  # of the microphone
    microphone: MicrophoneCalibration | None = None  # the same with what its maker says beside it
    input_name: str = ""  # the device that records, if it is another one


def open_place(
    root: Path,
    device_name: str | None,
    *,
    input_name: str | None = None,
    audio_changes: Mapping[str, float] | None = None,
    occasion: int = 0,
    use_calibration: bool = True,
) -> Place:
    """Find the studio and open its device.

    Parameters
    ----------
    root : Path
        Folder of the studio.
    device_name : str or None
        What the user asked for; else what studio.toml says.
    input_name : str or None
        The device that records; else the studio's, or the one that plays.
    audio_changes : mapping, optional
        Fields of `AudioSettings` that differ from studio.toml.
    occasion : int
        0: the first time. A virtual studio changes a little from one occasion to the next.
    use_calibration : bool
        False: the microphone's calibration file is not even read.

    Raises
    ------
    InputError
        When neither a virtual device is asked for nor a valid studio.toml is there.
    """
    path = root / FILE_NAME
    own = read_studio(path) if path.exists() or device_name is None else None
    name = device_name or (own.output_device if own else "")
    if not name:
        raise InputError(
            "RC-308",
            f"{path}: output_device is missing",
            hint="name one of `roomcal devices`, or use --device virtual",
        )
    is_own = own is not None and own.output_device == name
    changes: dict[str, Any] = dict(audio_changes or {})
    audio = dataclasses.replace(own.audio if own else AudioSettings(), **changes)
    usual = own.input_device if own and is_own else ""
    device = open_device(
        name,
        input_name=input_name or usual,
        audio=audio,
        occasion=occasion,
    )
    if name.isdigit():  # the number changes with the next thing that is plugged in
        name = device.info.full_name
    studio = own if is_own else device.default_studio()
    studio = studio or own
    if studio is None:
        raise InputError(
            "RC-301", f"there is no {path}", hint="`roomcal init` makes one", path=str(path)
        )
    if input_name and input_name != (usual or name):  # the figure is that of another microphone
        studio = without_full_scale(studio)
    microphone = _microphone(root, studio, device) if use_calibration else None
    records = input_name or usual
    return Place(
        studio,
        device,
        name,
        re_1_khz(microphone.curve) if microphone else None,
        microphone,
        "" if records == name else records,
    )


def without_full_scale(studio: Studio) -> Studio:
    """Return a studio that does not say what full scale means."""
    microphone = dataclasses.replace(
        studio.microphone, full_scale_db_spl=None, full_scale_estimated=False
    )
    return dataclasses.replace(studio, microphone=microphone)


def _microphone(root: Path, studio: Studio, device: Device) -> MicrophoneCalibration | None:
    """Find the calibration: the studio's file, or what the device knows itself."""
    file = studio.microphone.calibration
    if not file:
        curve = device.microphone_calibration()
        return MicrophoneCalibration(curve) if curve else None
    read = read_mic_calibration(root / file)
    refuse_other_microphone(read, studio.microphone, path=root / file)
    return read


def chosen_speakers(studio: Studio, names: tuple[str, ...]) -> tuple[Speaker, ...]:
    """Speakers by name, in the studio's order; none named means all.

    Raises
    ------
    InputError
        RC-309 for a name that the studio does not have.
    """
    known = [s.name for s in studio.speakers]
    for name in names:
        if name not in known:
            raise unknown_name("speaker", name, known)
    return tuple(s for s in studio.speakers if not names or s.name in names)


def chosen_positions(place: Place, count: int | None) -> tuple[Position, ...]:
    """Return the first `count` positions; those that the studio does not name are called pN.

    Raises
    ------
    InputError
        RC-316 for none, or for more than a virtual studio has.
    """
    studio = place.studio
    if count is None:
        return studio.positions
    virtual = place.device.default_studio()
    if virtual is not None and count > len(virtual.positions):
        raise InputError(
            "RC-316",
            f"{place.device_name} has {len(virtual.positions)} positions, {count} are asked for",
            hint=f"use --positions {len(virtual.positions)} or less",
        )
    if count < 1:
        raise InputError("RC-316", f"{count} positions are too few", hint="use 1 or more")
    named = studio.positions[:count]
    taken = {p.name.lower() for p in studio.positions}
    free = [p for p in default_positions(count + len(taken)) if p.name.lower() not in taken]
    return (*named, *free[: count - len(named)])
