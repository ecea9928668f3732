"""What a level at the microphone means in sound pressure: told, estimated, or not known."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from roomcal.errors import InputError
from roomcal.files.level_store import load_level
from roomcal.jobs.conversation import Conversation
from roomcal.jobs.studio import Place
from roomcal.measure.loudness import FullScale, full_scale_of_sens_factor, turned_db
from roomcal.model.level_check import Confirmation, LevelCheck
from roomcal.model.studio import Microphone, check_full_scale

_DESCRIPTION = "full_scale_db_spl of the studio"


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
    full_scale = dataclasses.replace(full_scale, calibration=place.calibration)
    marked = dataclasses.replace(
        microphone,
        full_scale_db_spl=full_scale.db_spl,
        full_scale_estimated=full_scale.sensitivity == "estimated",
    )
    studio = dataclasses.replace(place.studio, microphone=marked)
    return dataclasses.replace(place, studio=studio), full_scale, known


def after_quiet_sounds(
    full_scale: FullScale, probe_gain_db: Mapping[str, float], talk: Conversation
) -> FullScale:
    """Judge by the quiet sounds whether a confirmed sensitivity still holds.

    If all speakers have moved, the microphone's gain may have been turned: whoever listens is
    asked, and where nobody answers it counts as turned. Once it is turned back, the confirmation
    holds again.

    Parameters
    ----------
    full_scale : FullScale
    probe_gain_db : mapping
        By speaker, at the place of the level check.
    talk : Conversation
    """
    confirmation = full_scale.confirmation
    if confirmation is None:
        return full_scale
    moved_db = turned_db(confirmation.probe_gain_db, probe_gain_db)
    if moved_db is None:
        gains = {**probe_gain_db, **confirmation.probe_gain_db}
    elif talk.confirm(
        f"At the microphone {moved_text(moved_db)} than when its sensitivity was confirmed by "
        f"{confirmation.source}. Was its gain turned, not only the volume of the monitors?"
    ):
        doubted = _doubted(confirmation, moved_db)
        return dataclasses.replace(doubted, calibration=full_scale.calibration)
    else:
        gains = dict(probe_gain_db)
    held = _held(dataclasses.replace(confirmation, probe_gain_db=gains))
    return dataclasses.replace(held, calibration=full_scale.calibration)


def moved_text(moved_db: float) -> str:
    """Say by how much all speakers have become louder or quieter."""
    return f"every speaker is {abs(moved_db):.0f} dB {'louder' if moved_db > 0.0 else 'quieter'}"


def _full_scale(place: Place, known: LevelCheck | None) -> FullScale:
    microphone = place.studio.microphone
    confirmation = _confirmation(microphone, known)
    if confirmation is not None:
        if known is None or known.confirmed != confirmation or known.sensitivity == "confirmed":
            return _held(confirmation)
        then = {s.speaker: s.probe_gain_db for s in known.speakers}
        return _doubted(confirmation, turned_db(confirmation.probe_gain_db, then) or 0.0)
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
        return FullScale("estimated", microphone.full_scale_db_spl, _DESCRIPTION)
    return FullScale()


def _confirmation(microphone: Microphone, known: LevelCheck | None) -> Confirmation | None:
    """Return what was confirmed last: a stored one, unless studio.toml has changed its figure."""
    own = None if microphone.full_scale_estimated else microphone.full_scale_db_spl
    stored = known.confirmed if known is not None else None
    if stored is not None and (stored.source != _DESCRIPTION or stored.full_scale_db_spl == own):
        return stored
    return Confirmation(own, _DESCRIPTION) if own is not None else None


def _held(confirmation: Confirmation) -> FullScale:
    return FullScale(
        "confirmed",
        confirmation.full_scale_db_spl,
        confirmation.source,
        confirmation=confirmation,
    )


def _doubted(confirmation: Confirmation, moved_db: float) -> FullScale:
    """Know no more than the worst: speakers are quieter because the gain was turned down."""
    return FullScale(
        worst_db_spl=confirmation.full_scale_db_spl + max(0.0, -moved_db),
        confirmation=confirmation,
    )
