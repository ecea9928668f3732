"""What a level at the microphone means in sound pressure: told, estimated, or not known."""

import dataclasses
from pathlib import Path

from roomcal.errors import InputError
from roomcal.files.level_store import load_level
from roomcal.jobs.studio import Place
from roomcal.measure.loudness import FullScale, full_scale_of_sens_factor
from roomcal.model.level_check import LevelCheck
from roomcal.model.studio import check_full_scale


def with_sensitivity(root: Path, place: Place) -> tuple[Place, FullScale, LevelCheck | None]:
    """Find the sound pressure at full scale, and the level check of the same device, if any.

    A calibrator or a reading wins over studio.toml, that over the Sens Factor of a calibration
    file. The studio of the returned place carries the figure.
    """
    known = load_level(root)
    microphone = place.studio.microphone
    if known is not None and (known.device, known.input_channel) != (
        place.device_name,
        microphone.input_channel,
    ):
        known = None
    full_scale = _full_scale(place, known)
    marked = dataclasses.replace(
        microphone,
        full_scale_db_spl=full_scale.db_spl,
        full_scale_estimated=full_scale.sensitivity == "estimated",
    )
    studio = dataclasses.replace(place.studio, microphone=marked)
    return dataclasses.replace(place, studio=studio), full_scale, known


def _full_scale(place: Place, known: LevelCheck | None) -> FullScale:
    microphone = place.studio.microphone
    if known is not None and known.sensitivity == "confirmed":
        return FullScale("confirmed", known.full_scale_db_spl, known.sensitivity_source)
    if microphone.full_scale_db_spl is not None and not microphone.full_scale_estimated:
        return FullScale("confirmed", microphone.full_scale_db_spl, "the studio's description")
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
        return FullScale("estimated", microphone.full_scale_db_spl, "the studio's description")
    return FullScale()
