"""What a level at the microphone means in sound pressure: told, estimated, or not known."""

import dataclasses
from pathlib import Path

from roomcal.errors import InputError
from roomcal.files.level_store import load_level
from roomcal.files.sensitivity_store import load_confirmation
from roomcal.jobs.studio import Place
from roomcal.measure.loudness import FullScale, full_scale_of_sens_factor
from roomcal.model.level_check import LevelCheck
from roomcal.model.sensitivity import Confirmation, MicrophoneInput
from roomcal.model.studio import check_full_scale

DESCRIPTION = "full_scale_db_spl of the studio"


def with_sensitivity(root: Path, place: Place) -> tuple[Place, FullScale, LevelCheck | None]:
    """Find the sound pressure at full scale, and the level check of the same microphone, if any.

    A calibrator or a reading wins over studio.toml, that over the Sens Factor of a calibration
    file. The studio of the returned place carries the figure.
    """
    known = load_level(root)
    microphone = microphone_of(place)
    if known is not None and microphone != MicrophoneInput(
        known.device, known.input_device, known.input_channel
    ):
        known = None
    full_scale = _full_scale(place, load_confirmation(root, microphone))
    full_scale = dataclasses.replace(full_scale, calibration=place.calibration)
    return marked(place, full_scale), full_scale, known


def microphone_of(place: Place) -> MicrophoneInput:
    """Where the microphone of a place is plugged in."""
    return MicrophoneInput(
        place.device_name, place.input_name, place.studio.microphone.input_channel
    )


def marked(place: Place, full_scale: FullScale) -> Place:
    """Return the place with what full scale means in its studio."""
    microphone = dataclasses.replace(
        place.studio.microphone,
        full_scale_db_spl=full_scale.db_spl,
        full_scale_estimated=full_scale.sensitivity == "estimated",
    )
    studio = dataclasses.replace(place.studio, microphone=microphone)
    return dataclasses.replace(place, studio=studio)


def of_confirmation(confirmation: Confirmation) -> FullScale:
    """Return what a confirmation says; nothing but its worst if it is doubted."""
    if confirmation.moved_db == 0.0:
        return FullScale(
            "confirmed",
            confirmation.full_scale_db_spl,
            confirmation.source,
            confirmation=confirmation,
        )
    return FullScale(confirmation=confirmation)


def _full_scale(place: Place, stored: Confirmation | None) -> FullScale:
    microphone = place.studio.microphone
    confirmation = _confirmation(place, stored)
    if confirmation is not None:
        return of_confirmation(confirmation)
    told = place.microphone
    if told is not None and told.sens_factor_db is not None:
        db_spl = full_scale_of_sens_factor(told.sens_factor_db)
        try:
            check_full_scale(db_spl)
        except ValueError as error:
            raise InputError(
                "RC-307",
                f"{microphone.calibration}: Sens Factor {told.sens_factor_db:g} dB: {error}",
                hint="take the file as its maker gives it, or leave it out with --no-cal",
            ) from error
        return FullScale(
            "estimated", db_spl, f"Sens Factor {told.sens_factor_db:g} dB of the calibration file"
        )
    if microphone.full_scale_db_spl is not None:
        return FullScale("estimated", microphone.full_scale_db_spl, DESCRIPTION)
    return FullScale()


def _confirmation(place: Place, stored: Confirmation | None) -> Confirmation | None:
    """Return what counts as confirmed: the stored one, unless studio.toml has a newer figure."""
    microphone = place.studio.microphone
    own = None if microphone.full_scale_estimated else microphone.full_scale_db_spl
    if stored is not None:
        if stored.source == DESCRIPTION:
            outdated = stored.full_scale_db_spl != own
        else:
            outdated = stored.moved_db != 0.0 and own not in (None, stored.described_db_spl)
        if not outdated:
            return stored
    if own is None:
        return None
    return Confirmation(microphone_of(place), own, DESCRIPTION, described_db_spl=own)
