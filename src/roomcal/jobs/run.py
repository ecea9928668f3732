"""A live run: the child that plays, what is wanted of it, and what it shows."""

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from roomcal.errors import DeviceError, InputError, RoomcalError, SafetyStop
from roomcal.files.bank_store import load_bank
from roomcal.files.feedback_mark import leave_mark, remove_mark
from roomcal.jobs.alone import alone_on_device
from roomcal.jobs.run_banks import RunBanks
from roomcal.jobs.run_plan import RunPlan, check_bank, lock_name
from roomcal.jobs.run_status import MeterHold, RunStatus, controls_of
from roomcal.jobs.run_troubles import Troubles
from roomcal.live.controls import Controls, changed, put
from roomcal.live.messages import Message, Requests, fault_of
from roomcal.live.panel import N_BYTES, Panel
from roomcal.live.supervisor import CHILD, Supervisor

LOAD_DEADLINE_S = 30.0
MUTE_DEADLINE_S = 1.0  # of the fade after a feedback loop

Level = Literal["note", "warning"]
Tell = Callable[[Level, str], None]


class LiveRun:
    """Runs until it is ended, through every loss of the device.

    Parameters
    ----------
    tell : callable
        Hears what is worth knowing, in whatever thread it happens.
    reconnect : bool
        False: a device that vanishes ends the run.
    command : sequence of str
        What starts the child.

    Attributes
    ----------
    status : RunStatus
        Of the last `step`.
    asked_to_stop : bool
        Somebody said `stop`.
    """

    def __init__(
        self, tell: Tell, *, reconnect: bool = True, command: Sequence[str] = CHILD
    ) -> None:
        self._tell_user = tell
        self._supervisor = Supervisor(
            n_bytes=N_BYTES, beats=self._beats, reconnect=reconnect, command=command
        )
        self._panel = Panel(memoryview(self._supervisor.memory))
        self._hold = MeterHold(self._panel)
        self._stack = contextlib.ExitStack()
        self._locked = False
        self._controls = Controls()
        self._changing = threading.RLock()
        self._plan: RunPlan
        self._root: Path
        self._banks: RunBanks
        self._loads = Requests()
        self._found: Message = {}
        self._news: Message = {}
        self._waiting: Message = {}
        self._troubles = Troubles()
        self._loops_rearmed = 0
        self._compiling = False
        self._message, self._is_cut = "", False
        self._supervisor.warm_up()
        self.asked_to_stop = False
        self.dry = False
        self.status: RunStatus

    @property
    def playing(self) -> Message | None:
        """What the child said when it began to play, or None."""
        return self._supervisor.playing

    @property
    def found(self) -> Message:
        """What the child found: devices, rate and block."""
        return self._found

    def start(self, root: Path, plan: RunPlan, *, dry: bool = False) -> None:
        """Let the child prepare and, unless it is a dry run, play."""
        self._root, self._plan, self.dry = root, plan, dry
        self._banks = RunBanks(plan.cast)
        self._supervisor.start(dataclasses.replace(plan.request, dry=dry))
        self._refresh()

    def step(self, timeout_s: float) -> None:
        """Look after the child for about so long, and bring `status` up to date.

        Raises
        ------
        RoomcalError
            What ends the run: a device that is gone for good, a rate without filters (RC-311),
            another run on the same device (RC-802), feedback (RC-711).
        """
        if self._is_cut:
            return
        try:
            said = self._supervisor.poll(timeout_s)
        except RoomcalError:
            if not self._is_cut:  # meanwhile, by a signal
                raise
            return
        for message in said:
            self._follow(message)
        if self._supervisor.state == "playing":
            with self._changing:
                counts = self._hold.look().counts
            for text in self._troubles.counted(counts):
                self._tell("warning", text)
        self._refresh()
        if self._hold.counters["feedback_trips"] > self._loops_rearmed:
            self._stop_for_feedback()

    def obey(self, line: str) -> dict[str, Any]:
        """Do what a line says, in any thread, and return the answer as `ctl` shows it.

        Raises
        ------
        InputError
            RC-309 or RC-333 for what is not understood.
        """
        words = line.split()
        if words == ["stop"]:
            self.asked_to_stop = True
        elif words == ["rearm"]:
            remove_mark(self._root)
            self._loops_rearmed = self._hold.counters["feedback_trips"]
            self._panel.rearm()
        elif words[:1] == ["load"]:
            if len(words) != 2:
                raise InputError("RC-333", "load what?", hint="say: load BANK")
            self._load(words[1])
        elif words != ["status"]:
            with self._changing:
                self._controls = changed(self._controls, line, self._banks.cast)
                self._put()
        self._refresh()
        return dataclasses.asdict(self.status)

    def fade(self) -> None:
        """Let the sound fade out now; `end` does the rest. Safe in a signal handler."""
        self._panel["stop"] = 1
        self._panel.command()

    def cut(self) -> None:
        """Silence at once: the child is killed. Safe in a signal handler."""
        self._is_cut = True
        self._supervisor.kill()

    def end(self) -> None:
        """Fade out, end the child, and let go of the device."""
        self._supervisor.stop()
        self._stack.close()

    # --- what the child says ---

    def _follow(self, message: Message) -> None:
        event = message["event"]
        if event == "compiling" and not self._compiling:
            self._compiling = True
            self._tell("note", "compiling the engine: about 20 s, only this once")
        elif event == "found":
            self._take_found(message)
        elif event == "playing":
            self._take_playing(message)
        elif event == "lost":
            self._hold.begin_anew()
            self._troubles.begin_anew()
            self._news = {}
            self._loads.give_up()
            self._supervisor.change(banks=self._banks.names)
            self._banks.begin_anew()
            how = f"{message['device']} vanished ({message['how']})"
            self._tell("warning", f"{how}: silent until it is back")
        elif event == "waiting":
            self._waiting = message
            text = f"try {message['number']}: {message['why']}; again in {message['next_s']:g} s"
            self._tell("note", text)
        elif event == "news":
            self._take_news(message)
        elif event in ("loaded", "refused"):
            self._loads.answer(message)

    def _take_found(self, message: Message) -> None:
        self._found = message
        self._news = {"routing": message["routing"]}
        for bank in message["banks"]:
            self._describe(bank)
        if self.dry:
            return
        if not self._locked:
            self._stack.enter_context(alone_on_device(lock_name(self._plan, message["output"])))
            self._locked = True
        with self._changing:
            self._put()
        self._supervisor.open()

    def _take_playing(self, message: Message) -> None:
        self._waiting = {}
        self._news = message
        self._refresh()
        latency = f"{1000.0 * (self.status.latency_s or 0.0):.1f} ms"
        self._tell(
            "note",
            f"playing {self.status.wanted}: "
            f"{message['source']} to {message['output']}, {message['fs']} Hz, block "
            f"{message['block']}, {latency} end to end",
        )
        for text in (*message["warnings"], *self._troubles.routed(message["routing"])):
            self._tell("warning", text)

    def _take_news(self, message: Message) -> None:
        self._news = {**self._news, **message}
        for text in self._troubles.routed(message["routing"]):
            self._tell("warning", text)

    def _stop_for_feedback(self) -> None:
        leave_mark(self._root)
        until_s = time.monotonic() + MUTE_DEADLINE_S
        while self._panel.meters().state not in ("muted", "stopped"):
            if time.monotonic() > until_s:
                break
            time.sleep(0.01)
        raise SafetyStop(
            "RC-711",
            "feedback: the level rises without end, as if the source heard the monitors; muted",
            hint="take the monitors' sound out of the source (a microphone channel, a loop in the "
            "mixer or patchbay), then run with --rearm",
            source=self._plan.request.route.source_device,
        )

    # --- what is wanted ---

    def _put(self) -> None:
        slot = self._banks.slots[self._controls.bank]
        controls = dataclasses.replace(self._controls, bank=slot)
        put(self._panel, controls, self._banks.cast.speakers, self._plan.trims_db)

    def _load(self, name: str) -> None:
        """Load a bank from disk into a slot that is not heard, and switch to it."""
        if self._supervisor.state != "playing":
            raise InputError(
                "RC-333", "nothing plays now", hint="load a bank when the device is back"
            )
        bank = load_bank(self._root, name)
        check_bank(bank, next(iter(self._plan.banks[0].filters.values())))
        with self._changing:
            heard = {int(self._panel["slot"]), int(self._panel["wanted"])}
            slot = self._banks.free_slot(bank.name, heard)
        if slot < 0:
            raise InputError(
                "RC-334",
                f"there is no room for {bank.name} beside {', '.join(self._banks.names)}",
                hint=f"name it when you start: roomcal run ... {bank.name}",
            )
        number = self._loads.begin()
        self._supervisor.tell({"do": "load", "bank": name, "slot": slot, "number": number})
        answer = self._loads.wait(number, LOAD_DEADLINE_S)
        if answer is None:
            raise DeviceError("RC-411", f"{name} was not loaded in {LOAD_DEADLINE_S:g} s")
        if answer["event"] == "refused":
            raise fault_of(answer)
        self._describe(answer["bank"])
        with self._changing:
            self._banks.put(bank.name, slot)
            self._controls = changed(self._controls, f"bank {bank.name}", self._banks.cast)
            self._put()
        self._tell("note", f"loaded {bank.name}")

    def _describe(self, bank: Message) -> None:
        note = self._banks.describe(bank)
        if note:
            self._tell("note", note)

    # --- what is shown ---

    def _refresh(self) -> None:
        with self._changing:
            self.status = self._snapshot()

    def _snapshot(self) -> RunStatus:
        state, reason = self._state()
        wanted = self._banks.names[self._controls.bank]
        heard = int(self._panel["slot"]) if self._supervisor.state == "playing" else -1
        bank = self._banks.name_in(heard)
        about = self._banks.described.get(bank or wanted, {})
        fs, block = self._found.get("fs"), self._found.get("block", self._plan.request.block)
        parts = (
            about.get("latency_s"),
            (self._supervisor.playing or {}).get("engine_latency_s"),
            self._news.get("system_latency_s"),
        )
        counters = self._hold.counters
        return RunStatus(
            state=state,
            reason=reason,
            bank=bank,
            wanted=wanted,
            banks=self._banks.names,
            **controls_of(self._controls),
            source=self._found.get("source", self._plan.request.route.source_device),
            device=self._found.get("output", self._plan.request.route.output_device),
            fs=fs,
            block=block,
            latency_s=sum(p or 0.0 for p in parts) if all(p is not None for p in parts) else None,
            filter_latency_s=parts[0],
            engine_latency_s=parts[1],
            system_latency_s=parts[2],
            bypass_gain_db=about.get("bypass_gain_db"),
            inputs=self._hold.inputs(self._plan.request.inputs),
            outputs=self._hold.outputs(self._plan.request.outputs),
            load=self._hold.load(fs) if fs else None,
            load_worst=self._hold.load_worst(fs, block) if fs else None,
            limiter_gain_db=self._hold.limiter_gain_db,
            xruns=counters["host_events"] + self._news.get("xruns", 0),
            restarts=self._supervisor.restarts,
            counters=counters,
            routing=self._news.get("routing", {}),
            try_number=self._waiting.get("number", 0) if state == "waiting" else 0,
            message=self._message,
        )

    def _state(self) -> tuple[str, str]:
        """Return what happens now, and why nothing is heard if so."""
        state = self._supervisor.state
        if state == "playing":
            meters = self._panel.meters()
            return meters.state, meters.reason
        if state == "preparing" and self._compiling and not self._found:
            return "compiling", ""
        lost = self._supervisor.restarts > 0 and state in ("preparing", "opening", "waiting")
        return ("waiting" if lost else state), ("device lost" if lost else "")

    def _tell(self, level: Level, text: str) -> None:
        self._message = text
        self._tell_user(level, text)

    def _beats(self) -> int:
        return int(self._panel["callbacks"])
