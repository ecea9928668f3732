"""Draw one kind of picture of one or several sessions into a file."""

from collections.abc import Sequence
from pathlib import Path

from roomcal.analyze.response import DEFAULT_SMOOTHING
from roomcal.dsp.smoothing import Width
from roomcal.files.atomic import refuse_existing
from roomcal.files.folders import unknown_name
from roomcal.files.session_store import SessionStore
from roomcal.jobs.distortions import distortions
from roomcal.jobs.pictures import KINDS, Material
from roomcal.report.figures import LIGHT, Theme, save_figure


def write_plot(
    root: Path,
    sessions: Sequence[str],
    kind: str,
    path: Path,
    *,
    smoothing: Width = DEFAULT_SMOOTHING,
    speaker: str | None = None,
    position: str | None = None,
    theme: Theme = LIGHT,
    force: bool = False,
) -> None:
    """Draw one of `KINDS`.

    Parameters
    ----------
    root : Path
    sessions : sequence of str
        Several lie over each other.
    kind : str
    path : Path
    smoothing : int or "erb" or "psychoacoustic" or "variable"
        Of "response".
    speaker, position : str, optional
        Only this speaker; the place of pictures that show one, by default the first.
    theme : Theme

    Raises
    ------
    InputError
        RC-309 if no session has the position.
    StorageError
        RC-602 if the file exists and `force` is not given.
    """
    refuse_existing(path, force=force)
    stores = [SessionStore.open(root, name) for name in sessions]
    by_name = {s.session.name: s for s in stores}
    found = {name: tuple(s.load_responses(speaker)) for name, s in by_name.items()}
    positions = list(dict.fromkeys(r.position for rs in found.values() for r in rs))
    if position is not None and position not in positions:
        raise unknown_name("position", position, positions)

    common = [
        p for p in positions if all(any(r.position == p for r in rs) for rs in found.values())
    ]
    material = Material(
        found,
        position or (common or positions)[0],
        smoothing=smoothing,
        theme=theme,
        studios={s.session.name: s.session.studio for s in stores},
        distortion=lambda name: distortions(by_name[name], speaker),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    save_figure(KINDS[kind](material), path)
