"""The control door of a live run: `roomcal ctl` on one side, the run on the other."""

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from roomcal.errors import DeviceError, InputError, RoomcalError
from roomcal.files.documents import json_line
from roomcal.live.control_door import Listener, addresses, ask, forget, own_address

ANSWER_DEADLINE_S = 40.0  # loading a large bank from a slow disk
LOOK_DEADLINE_S = 3.0


@contextlib.contextmanager
def open_door(obey: Callable[[str], dict[str, Any]]) -> Iterator[str]:
    """Answer `roomcal ctl` as long as it lasts.

    Parameters
    ----------
    obey : callable
        Does what a line says and returns the answer.

    Yields
    ------
    address : str
    """

    def answer(line: str) -> str:
        try:
            return json_line(obey(line))
        except RoomcalError as error:
            return json_line(fault_json(error))

    listener = Listener(own_address(), answer)
    try:
        yield listener.address
    finally:
        listener.close()


def fault_json(error: RoomcalError) -> dict[str, Any]:
    """Return a fault as every command's `--json` has it."""
    return {
        "id": error.fault,
        "exit": error.exit_code,
        "message": error.message,
        "hint": error.hint,
        "evidence": error.evidence,
    }


def running_engines() -> dict[str, dict[str, Any]]:
    """Return the status of every engine of this user, by its address; the dead are forgotten."""
    found = {}
    for address in addresses():
        try:
            found[address] = json.loads(ask(address, "status", deadline_s=LOOK_DEADLINE_S))
        except TimeoutError:
            found[address] = {"state": "does not answer", "device": "?"}
        except (ConnectionError, ValueError):
            forget(address)
    return found


def command_engine(line: str, device: str | None) -> dict[str, Any]:
    """Send a line to the engine that runs, and return its answer.

    Parameters
    ----------
    line : str
    device : str or None
        Part of the name of the device, where several engines run.

    Raises
    ------
    DeviceError
        RC-411 when none runs, several do, or it does not answer.
    RoomcalError
        What the engine objects to.
    """
    found = running_engines()
    fitting = {a: s for a, s in found.items() if not device or device in s.get("device", "")}
    if len(fitting) != 1:
        raise _none_or_many(found, fitting, device)
    (address,) = fitting
    try:
        answer: dict[str, Any] = json.loads(ask(address, line, deadline_s=ANSWER_DEADLINE_S))
    except (OSError, ValueError) as error:
        raise DeviceError(
            "RC-411",
            f"the engine does not answer: {error}",
            hint="is it busy, or has it just ended? try again",
        ) from error
    if "id" in answer and "exit" in answer:
        kind = InputError if answer["exit"] == InputError.exit_code else DeviceError
        raise kind(answer["id"], answer["message"], hint=answer["hint"], **answer["evidence"])
    return answer


def _none_or_many(
    found: dict[str, dict[str, Any]], fitting: dict[str, dict[str, Any]], device: str | None
) -> DeviceError:
    names = [str(status.get("device")) for status in found.values()]
    if fitting:
        return DeviceError(
            "RC-411",
            f"{len(fitting)} engines are running: {', '.join(names)}",
            hint=f"say which: roomcal ctl --device {names[0]!r} ...",
            devices=names,
        )
    if found:
        return DeviceError(
            "RC-411",
            f"no engine plays on {device!r}",
            hint=f"there is one on {', '.join(names)}",
            devices=names,
        )
    return DeviceError("RC-411", "no engine is running", hint="start one: roomcal run BANK")
