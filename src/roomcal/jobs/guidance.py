"""Words and drawings for the person who moves the microphone."""

from collections.abc import Sequence

import numpy as np

from roomcal.model.capture import Capture
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.studio import Position, Studio
from roomcal.units import FloatArray, db_from_ratio

# Where positions without coordinates are meant to be: the listening point, then the corners of a
# box around it, in metres to the right, to the front and up. A head moves within such a box.
_BOX_M = (0.22, 0.25, 0.12)
_CORNERS = [(i, -j, k) for k in (-1, 1) for j in (-1, 1) for i in (-1, 1)]
DEFAULT_OFFSETS_M = ((0.0, 0.0, 0.0), *(tuple(np.multiply(c, _BOX_M)) for c in _CORNERS))

_NEAR_M = 0.005  # nobody places a microphone more precisely
_HALF_COLUMNS, _HALF_ROWS = 10, 2  # of the drawing
LOUDEST_PEAK_DBFS = -1.0  # of the microphone: what is louder is about to clip
_VERDICT_BANDS_HZ = (50.0, 10000.0)


def placement_text(studio: Studio, position: Position) -> tuple[str, ...]:
    """Say in words, and draw from above, where a position is.

    Returns
    -------
    lines : tuple of str
        The words, then the drawing; only empty words where nothing is known.
    """
    offsets = offsets_m(studio)
    if position.name not in offsets:
        return ()
    words = _words(offsets[position.name])
    others = [o for name, o in offsets.items() if name != position.name]
    return (words, *_drawing(offsets[position.name], others))


def offsets_m(studio: Studio) -> dict[str, FloatArray]:
    """Positions re the first one: metres to the right, to the front and up, by name.

    Positions with coordinates are turned so that the front is where the speakers are. Those
    without stand in the order of `DEFAULT_OFFSETS_M`, if they have the usual names p1 to p9.
    """
    first = studio.positions[0]
    if first.position_m is not None:
        right, front = _axes(studio)
        found = {}
        for position in studio.positions:
            if position.position_m is not None:
                by = np.subtract(position.position_m, first.position_m)
                found[position.name] = np.array([by @ right, by @ front, by[2]])
        return found
    usual = {f"p{i}": o for i, o in enumerate(DEFAULT_OFFSETS_M, start=1)}
    return {p.name: np.array(usual[p.name]) for p in studio.positions if p.name in usual}


def verdict_text(capture: Capture, response: ImpulseResponse) -> str:
    """Say in one line how good an accepted take is."""
    peak = float(db_from_ratio(np.max(np.abs(capture.microphone))))
    text = f"{capture.speaker} at {capture.position}: good, peak {peak:.1f} dBFS"
    if response.snr is None:
        return text
    low, high = _VERDICT_BANDS_HZ
    inside = (response.snr.f_hz >= low) & (response.snr.f_hz <= high)
    snr_db = response.snr.snr_db[inside & np.isfinite(response.snr.snr_db)]
    if not snr_db.size:
        return text
    worst = int(np.argmin(np.where(inside, response.snr.snr_db, np.inf)))
    return (
        f"{text}, {np.median(snr_db):.0f} dB above the noise "
        f"({snr_db.min():.0f} at {response.snr.f_hz[worst]:.0f} Hz)"
    )


def input_level_text(peak_dbfs: float) -> str:
    """Draw the level of the microphone: ten cells from -60 dBFS to full scale, and the number."""
    full = min(max(int((peak_dbfs + 60.0) / 6.0), 0), 10)
    loud = " TOO LOUD" if peak_dbfs > LOUDEST_PEAK_DBFS else ""
    return f"{'#' * full}{'-' * (10 - full)} {max(peak_dbfs, -99.0):4.0f} dBFS{loud}"


def _axes(studio: Studio) -> tuple[FloatArray, FloatArray]:
    """Return unit vectors to the right and to the front, from where the speakers stand."""
    at = {
        (s.role or s.name).upper(): np.array(s.position_m)
        for s in studio.speakers
        if s.position_m is not None and not s.is_sub
    }
    listener = np.array(studio.positions[0].position_m)
    right, front = np.array([1.0, 0.0, 0.0]), np.array([0.0, -1.0, 0.0])
    if at:
        front = np.mean(list(at.values()), axis=0) - listener
    if "L" in at and "R" in at:
        right = at["R"] - at["L"]
    right[2] = front[2] = 0.0
    right_m = float(np.linalg.norm(right))
    right = right / right_m if right_m else np.array([1.0, 0.0, 0.0])
    front = front - (front @ right) * right  # across the line of the speakers
    front_m = float(np.linalg.norm(front))
    return right, front / front_m if front_m else np.array([-right[1], right[0], 0.0])


def _words(offset_m: FloatArray) -> str:
    """Offset in plain words: 22 cm to the left, 25 cm to the front, 12 cm up."""
    ways = (("to the left", "to the right"), ("back", "to the front"), ("down", "up"))
    parts = [
        f"{100.0 * abs(metres):.0f} cm {way[int(metres > 0)]}"
        for metres, way in zip(offset_m, ways, strict=True)
        if abs(metres) > _NEAR_M
    ]
    return ", ".join(parts) if parts else "the middle of your head, where you listen"


def _drawing(here_m: FloatArray, others_m: Sequence[FloatArray]) -> list[str]:
    """Draw the positions from above: X the next one, o the others, + the head."""
    everything = np.abs(np.stack([here_m, *others_m]))
    width_m, depth_m = np.maximum(everything[:, :2].max(axis=0), 0.01)
    rows = [[" "] * (2 * _HALF_COLUMNS + 1) for _ in range(2 * _HALF_ROWS + 1)]

    def put(offset_m: FloatArray, mark: str) -> None:
        column = _HALF_COLUMNS + round(offset_m[0] / width_m * (_HALF_COLUMNS - 3))
        row = _HALF_ROWS - round(offset_m[1] / depth_m * _HALF_ROWS)
        rows[row][column] = mark

    for other in others_m:
        put(other, "o")
    put(np.zeros(3), "+")
    put(here_m, "X")
    front = "[L]" + " " * (2 * _HALF_COLUMNS - 5) + "[R]"
    return [front, *("".join(row).rstrip() for row in rows)]
