"""Fetch impulse responses and filters from a REW that runs on this computer, by its HTTP API.

Numbers travel as base64 of big-endian 32-bit floats.
A response comes whole and unscaled: in percent of full scale, without window or normalising.
"""

import base64
import binascii
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from roomcal.errors import InputError
from roomcal.files.equalizer_text import filter_of_text
from roomcal.files.foreign_filters import MOST_FILTERS, Channel, Filter, ForeignFilters
from roomcal.files.foreign_response import ForeignResponse
from roomcal.files.rew_mdat import full_scale_db_spl
from roomcal.files.rew_server import DEFAULT_PORT, no_rew, rew_answer, rew_document
from roomcal.units import FloatArray

_MOST_MEASUREMENTS = 1000
_SLOWEST_HZ, _FASTEST_HZ = 4000, 800_000
_PERCENT = 100.0
_LARGEST_SETTING = 1e6


@dataclass(frozen=True)
class RewListed:
    """A measurement as REW lists it."""

    number: int  # as REW shows it, from 1
    title: str
    uuid: str
    summary: dict[str, Any]


def list_rew_measurements(port: int = DEFAULT_PORT) -> list[RewListed]:
    """Ask REW what it holds, in its order.

    Raises
    ------
    InputError
        RC-301 if it does not answer, RC-318 if the answer is not REW's.
    """
    answer = rew_document(rew_answer(port, "measurements"), "the list of measurements")
    if isinstance(answer, list):
        answer = {str(n): entry for n, entry in enumerate(answer, start=1)}
    if not isinstance(answer, dict) or len(answer) > _MOST_MEASUREMENTS:
        raise no_rew("the list of measurements is no list")
    found = []
    for key, entry in answer.items():
        uuid = entry.get("uuid") if isinstance(entry, dict) else None
        if not key.isdigit() or not isinstance(uuid, str) or not 0 < len(uuid) <= 100:
            raise no_rew(f"measurement {key[:20]!r} has no number or no uuid")
        title = entry.get("title")
        found.append(
            RewListed(int(key), title[:100] if isinstance(title, str) else "", uuid, entry)
        )
    return sorted(found, key=lambda m: m.number)


def read_rew_api(which: str, port: int = DEFAULT_PORT) -> list[ForeignResponse]:
    """Fetch responses from REW.

    Parameters
    ----------
    which : str
        "all", or numbers as REW shows them: "1,3".
    port : int

    Raises
    ------
    InputError
        RC-301 if REW does not answer, RC-309 for a measurement that it does not hold, RC-318 for
        an answer that is not REW's, RC-319 for a measurement without a response.
    """
    return [_response(port, measurement) for measurement in _chosen(which, port)]


def read_rew_filters(
    which: str, speakers: tuple[str, ...], port: int = DEFAULT_PORT
) -> ForeignFilters:
    """Fetch the equaliser filters of measurements: one measurement a speaker.

    Raises
    ------
    InputError
        As `read_rew_api`; RC-309 if the speakers are not as many as the measurements, RC-307 for a
        filter that cannot be followed.
    """
    chosen = _chosen(which, port)
    names = speakers or (("L", "R") if len(chosen) == 2 else ())
    if len(names) != len(chosen):
        raise InputError(
            "RC-309",
            f"{len(chosen)} measurements, and {len(names)} speakers are named",
            hint="name the speaker of each measurement: --rew 1,2 --speaker L,R",
        )
    found = ForeignFilters({})
    for name, listed in zip(names, chosen, strict=True):
        data = rew_answer(port, f"measurements/{quote(listed.uuid, safe='')}/filters")
        found.channels[name] = Channel(filters=decode_filters(data, listed))
    if not any(channel.filters for channel in found.channels.values()):
        raise InputError(
            "RC-307",
            "REW holds no filter that is on for these measurements",
            hint="match the response to a target in REW's EQ window first",
        )
    return found


def decode_filters(data: bytes, listed: RewListed) -> list[Filter]:
    """Read the document in which REW sends filters.

    Raises
    ------
    InputError
        RC-318 for anything else; RC-307, with the number of the filter, for one of them.
    """
    where = Path(f"REW, {_where(listed)}")
    answer = rew_document(data, _where(listed))
    if isinstance(answer, dict):
        answer = answer.get("filters")
    if not isinstance(answer, list) or len(answer) > MOST_FILTERS:
        raise no_rew(f"{_where(listed)}: its filters are no list")
    found = []
    for number, entry in enumerate(answer, start=1):
        if not isinstance(entry, dict):
            raise no_rew(f"{_where(listed)}: filter {number} is no object")
        kind = str(entry.get("type", "None")).strip()[:20]
        if kind.lower() in ("none", "") or entry.get("enabled") is False:
            continue
        words = [kind]
        for key, before, unit in (
            ("frequency", "Fc", " Hz"),
            ("gaindB", "Gain", " dB"),
            ("q", "Q", ""),
        ):
            value = _number(entry, key)
            if math.isfinite(value) and abs(value) < _LARGEST_SETTING:
                words.append(f"{before} {value:.6f}{unit}")
        found.append(filter_of_text(where, number, " ".join(words)))
    return found


def _chosen(which: str, port: int) -> list[RewListed]:
    """Find the measurements that are asked for."""
    listed = list_rew_measurements(port)
    names = ", ".join(f"{m.number} {m.title!r}" for m in listed[:8])
    if not listed:
        raise InputError(
            "RC-309", "REW holds no measurement", hint="measure in REW, or open a .mdat there"
        )
    if which.strip().lower() == "all":
        return listed
    by_number = {str(m.number): m for m in listed}
    wanted = [part.strip() for part in which.split(",") if part.strip()]
    missing = [part for part in wanted if part not in by_number]
    if missing or not wanted:
        raise InputError(
            "RC-309",
            f"REW holds no measurement {missing[0] if missing else which!r}",
            hint=f"it holds {names}",
        )
    return [by_number[part] for part in dict.fromkeys(wanted)]


def _response(port: int, listed: RewListed) -> ForeignResponse:
    path = f"measurements/{quote(listed.uuid, safe='')}/impulse-response"
    path = f"{path}?unit=percent&normalised=false&windowed=false"
    return decode_response(rew_answer(port, path, where=_where(listed)), listed)


def _where(listed: RewListed) -> str:
    return f"measurement {listed.number} {listed.title!r}"


def decode_response(data: bytes, listed: RewListed) -> ForeignResponse:
    """Read the document in which REW sends a response.

    Raises
    ------
    InputError
        RC-318 for anything else.
    """
    where = _where(listed)
    answer = rew_document(data, where)
    if not isinstance(answer, dict):
        raise no_rew(f"{where}: the answer is no object")
    if str(answer.get("unit", "")).lower() != "percent":
        raise no_rew(f"{where}: the response is in {str(answer.get('unit'))[:20]!r}, not percent")
    samples = _floats(answer.get("data"), where) / _PERCENT
    rate = _number(answer, "sampleRate")
    interval_s = _number(answer, "sampleInterval")
    if not math.isfinite(rate) and interval_s > 0.0:
        rate = 1.0 / interval_s
    fs = round(rate) if math.isfinite(rate) else 0
    if not _SLOWEST_HZ <= fs <= _FASTEST_HZ or abs(fs - rate) > 1e-6 * fs:
        raise no_rew(f"{where}: its sample rate is {rate:g}")
    zero, is_loopback = _time_zero(listed.summary, answer, fs, samples.size)
    notes = []
    if listed.summary.get("micCalPath"):
        notes.append("REW has a microphone calibration beside it, which the response leaves out")
    if listed.summary.get("inverted") is True:
        notes.append("it is inverted in REW")
    return ForeignResponse(
        samples,
        fs,
        name=listed.title,
        time_zero=zero if is_loopback else 0.0,
        time_reference="loopback" if is_loopback else "none",
        full_scale_db_spl=full_scale_db_spl(_number(listed.summary, "splOffsetdB")),
        notes=tuple(notes),
    )


def _time_zero(
    summary: dict[str, Any], answer: dict[str, Any], fs: int, n_samples: int
) -> tuple[float, bool]:
    """Find the index at which the sound left, if a loopback tells it.

    REW's axis is early by the timing offset and by what the response was shifted by hand.
    """
    start_s = _number(answer, "startTime")
    offset_s = _number({**summary, **answer}, "timingOffset")
    shift_s = _number(summary, "cumulativeIRShiftSeconds")
    reference = answer.get("timingReference", summary.get("timingReference"))
    early_s = offset_s + (shift_s if math.isfinite(shift_s) else 0.0)
    index = (-start_s - early_s) * fs
    trusted = (
        isinstance(reference, str)
        and reference.lower().startswith("loopback")
        and math.isfinite(index)
        and abs(index) <= n_samples
    )
    return index, trusted


def _floats(data: object, where: str) -> FloatArray:
    """Decode base64 of big-endian 32-bit floats."""
    if not isinstance(data, str):
        raise no_rew(f"{where}: the response has no data")
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise no_rew(f"{where}: its data is no base64: {error}") from error
    if len(raw) % 4 or len(raw) < 8:
        raise no_rew(f"{where}: at byte {len(raw) - len(raw) % 4} a number is cut off")
    with np.errstate(invalid="ignore"):
        samples = np.frombuffer(raw, ">f4").astype(np.float64)
    if not np.isfinite(samples).all():
        first = int(np.argmin(np.isfinite(samples)))
        raise no_rew(f"{where}: sample {first} is no number")
    if not np.any(samples):
        raise no_rew(f"{where}: it is silent")
    return samples


def _number(owner: dict[str, Any], key: str) -> float:
    """Return a field that is a number, or NaN."""
    value = owner.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool) or abs(value) > 1e300:
        return float("nan")
    return float(value)
