"""Fetch impulse responses from a REW that runs on this computer, by its HTTP API.

Only this computer is asked, and no proxy is. Numbers travel as base64 of big-endian 32-bit floats.
A response comes whole and unscaled: in percent of full scale, without window or normalising.
"""

import base64
import binascii
import json
import math
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np

from roomcal.errors import InputError
from roomcal.files.foreign_response import ForeignResponse
from roomcal.files.rew_mdat import full_scale_db_spl
from roomcal.units import FloatArray

DEFAULT_PORT = 4735
# REW listens on IPv4 alone; "localhost" may be tried as IPv6 first, which costs seconds on Windows.
_HOST = "127.0.0.1"
_CONNECT_S = 5.0
_ANSWER_S = 60.0  # of one answer in all: a server that trickles is no REW
_MOST_BYTES = 256 << 20
_CHUNK_BYTES = 1 << 20
_MOST_MEASUREMENTS = 1000
_SLOWEST_HZ, _FASTEST_HZ = 4000, 800_000
_PERCENT = 100.0
_RUNNING = "start REW, then Preferences, API, Start Server (or start it with -api); see --rew-port"


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
    answer = _json(_get(port, "measurements"), "the list of measurements")
    if isinstance(answer, list):
        answer = {str(n): entry for n, entry in enumerate(answer, start=1)}
    if not isinstance(answer, dict) or len(answer) > _MOST_MEASUREMENTS:
        raise _wrong("the list of measurements is no list")
    found = []
    for key, entry in answer.items():
        uuid = entry.get("uuid") if isinstance(entry, dict) else None
        if not key.isdigit() or not isinstance(uuid, str) or not 0 < len(uuid) <= 100:
            raise _wrong(f"measurement {key[:20]!r} has no number or no uuid")
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
    listed = list_rew_measurements(port)
    names = ", ".join(f"{m.number} {m.title!r}" for m in listed[:8])
    if not listed:
        raise InputError(
            "RC-309", "REW holds no measurement", hint="measure in REW, or open a .mdat there"
        )
    if which.strip().lower() == "all":
        chosen = listed
    else:
        by_number = {str(m.number): m for m in listed}
        wanted = [part.strip() for part in which.split(",") if part.strip()]
        missing = [part for part in wanted if part not in by_number]
        if missing or not wanted:
            raise InputError(
                "RC-309",
                f"REW holds no measurement {missing[0] if missing else which!r}",
                hint=f"it holds {names}",
            )
        chosen = [by_number[part] for part in dict.fromkeys(wanted)]
    return [_response(port, measurement) for measurement in chosen]


def _response(port: int, listed: RewListed) -> ForeignResponse:
    path = f"measurements/{quote(listed.uuid, safe='')}/impulse-response"
    path = f"{path}?unit=percent&normalised=false&windowed=false"
    return decode_response(_get(port, path, where=_where(listed)), listed)


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
    answer = _json(data, where)
    if not isinstance(answer, dict):
        raise _wrong(f"{where}: the answer is no object")
    if str(answer.get("unit", "")).lower() != "percent":
        raise _wrong(f"{where}: the response is in {str(answer.get('unit'))[:20]!r}, not percent")
    samples = _floats(answer.get("data"), where) / _PERCENT
    rate = _number(answer, "sampleRate")
    interval_s = _number(answer, "sampleInterval")
    if not math.isfinite(rate) and interval_s > 0.0:
        rate = 1.0 / interval_s
    fs = round(rate) if math.isfinite(rate) else 0
    if not _SLOWEST_HZ <= fs <= _FASTEST_HZ or abs(fs - rate) > 1e-6 * fs:
        raise _wrong(f"{where}: its sample rate is {rate:g}")
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
        raise _wrong(f"{where}: the response has no data")
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _wrong(f"{where}: its data is no base64: {error}") from error
    if len(raw) % 4 or len(raw) < 8:
        raise _wrong(f"{where}: at byte {len(raw) - len(raw) % 4} a number is cut off")
    with np.errstate(invalid="ignore"):
        samples = np.frombuffer(raw, ">f4").astype(np.float64)
    if not np.isfinite(samples).all():
        first = int(np.argmin(np.isfinite(samples)))
        raise _wrong(f"{where}: sample {first} is no number")
    if not np.any(samples):
        raise _wrong(f"{where}: it is silent")
    return samples


def _get(port: int, path: str, *, where: str = "") -> bytes:
    """Get one document."""
    url = f"http://{_HOST}:{port}/{path}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
    end = time.monotonic() + _ANSWER_S
    try:
        with opener.open(url, timeout=_CONNECT_S) as answer:
            data = bytearray()
            while chunk := answer.read1(_CHUNK_BYTES):
                data += chunk
                if len(data) > _MOST_BYTES or time.monotonic() > end:
                    raise _wrong(f"an answer of more than {len(data) / 1e6:.0f} MB, or too slow")
    except urllib.error.HTTPError as error:
        with error:
            reported = _message(error.read(1000))
        if error.code == 400 and where:
            raise InputError(
                "RC-319",
                f"{where} has no impulse response: {reported}",
                hint="import measurements that REW made with a sweep",
            ) from error
        raise _wrong(f"{where or path}: {error.code} {reported}") from error
    except (OSError, ValueError) as error:
        raise InputError(
            "RC-301",
            f"REW does not answer at {_HOST}:{port}: {getattr(error, 'reason', error)}",
            hint=_RUNNING,
            port=port,
        ) from error
    return bytes(data)


def _json(data: bytes, where: str) -> Any:  # noqa: ANN401 - any document
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        at = f" at byte {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise _wrong(f"{where}: the answer is no JSON{at}") from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An answer that leads elsewhere is not followed: elsewhere is not this computer."""

    def redirect_request(self, *_: Any, **__: Any) -> None:  # noqa: ANN401 - as in the library
        """Follow nothing."""
        return


def _message(data: bytes) -> str:
    """Return the sentence in which REW says why it refuses."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return ""
    return str(found.get("message", ""))[:200] if isinstance(found, dict) else ""


def _number(owner: dict[str, Any], key: str) -> float:
    """Return a field that is a number, or NaN."""
    value = owner.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool) or abs(value) > 1e300:
        return float("nan")
    return float(value)


def _wrong(what: str) -> InputError:
    return InputError(
        "RC-318",
        f"REW's answer cannot be used: {what}",
        hint="is it REW that answers at this port? Try its version 5.30 or newer",
    )
