"""Talk to a REW that runs on this computer: its HTTP API, bounded in size and in time.

Only this computer is asked, no proxy is, and no answer leads elsewhere.
"""

import json
import time
import urllib.error
import urllib.request
from typing import Any

from roomcal.errors import InputError

DEFAULT_PORT = 4735
# REW listens on IPv4 alone; "localhost" may be tried as IPv6 first, which costs seconds on Windows.
_HOST = "127.0.0.1"
_CONNECT_S = 5.0
_ANSWER_S = 60.0  # of one answer in all: a server that trickles is no REW
_MOST_BYTES = 256 << 20
_CHUNK_BYTES = 1 << 20
_RUNNING = "start REW, then Preferences, API, Start Server (or start it with -api); see --rew-port"


def rew_answer(port: int, path: str, *, where: str = "") -> bytes:
    """Get one document.

    Raises
    ------
    InputError
        RC-301 if REW does not answer, RC-318 for an answer that is not REW's, RC-319 if `where` is
        a measurement without a response.
    """
    url = f"http://{_HOST}:{port}/{path}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
    end = time.monotonic() + _ANSWER_S
    try:
        with opener.open(url, timeout=_CONNECT_S) as answer:
            data = bytearray()
            while chunk := answer.read1(_CHUNK_BYTES):
                data += chunk
                if len(data) > _MOST_BYTES or time.monotonic() > end:
                    raise no_rew(f"an answer of more than {len(data) / 1e6:.0f} MB, or too slow")
    except urllib.error.HTTPError as error:
        with error:
            reported = _message(error.read(1000))
        if error.code == 400 and where:
            raise InputError(
                "RC-319",
                f"{where} has no impulse response: {reported}",
                hint="import measurements that REW made with a sweep",
            ) from error
        raise no_rew(f"{where or path}: {error.code} {reported}") from error
    except (OSError, ValueError) as error:
        raise InputError(
            "RC-301",
            f"REW does not answer at {_HOST}:{port}: {getattr(error, 'reason', error)}",
            hint=_RUNNING,
            port=port,
        ) from error
    return bytes(data)


def rew_document(data: bytes, where: str) -> Any:  # noqa: ANN401 - any document
    """Read a document of JSON; RC-318 for anything else."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        at = f" at byte {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise no_rew(f"{where}: the answer is no JSON{at}") from error


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


def no_rew(what: str) -> InputError:
    """Build the error of an answer that is not REW's."""
    return InputError(
        "RC-318",
        f"REW's answer cannot be used: {what}",
        hint="is it REW that answers at this port? Try its version 5.30 or newer",
    )
