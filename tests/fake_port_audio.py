"""A stand-in for the sounddevice module: sound cards in simulated time, which can be broken.

Time passes only while somebody waits (`FakePortAudio.wait`), and everything happens in the thread
that waits: tests are exact, and quick.
"""

import threading
from dataclasses import dataclass, field

import numpy as np

ROUND_TRIP_FRAMES = 4096  # from an output to an input
NOISE = 1e-5  # a microphone is never digitally silent
SEED = 5
LOUD = 0.02  # sweeps, not the quiet sounds before them (-50 dBFS)


class PortAudioError(Exception):
    """Text, PaErrorCode, (host API, host's code, host's text)."""


@dataclass
class FakeCard:
    """One device, and what is wrong with it."""

    name: str
    n_inputs: int = 2
    n_outputs: int = 2
    host_api: str = "ALSA"
    rates: tuple[int, ...] = (44100, 48000, 96000)
    only_channels: int | None = None  # opens with this many or not at all
    refuses: Exception | None = None  # what opening raises
    vanishes_at_s: float = float("inf")  # the callbacks end
    close_hangs: bool = False
    never_starts: bool = False
    # Output (from 0) -> the echoes of it that reach input 0: frames later, gain.
    paths: dict[int, list[tuple[int, float]]] = field(
        default_factory=lambda: {0: [(0, 0.3)], 1: [(0, 0.2), (7, 0.1)]}
    )


class Flags:
    """sounddevice.CallbackFlags."""

    def __init__(self, *names):
        self.names = names
        for name in ("input_underflow", "input_overflow", "output_underflow", "output_overflow"):
            setattr(self, name, name in names)

    def __bool__(self):
        return bool(self.names)


class FakePortAudio:
    """The module, and the world in which its cards stand.

    Attributes
    ----------
    time_s : float
    played : dict
        Card's name -> [(time of its first frame, samples (n_frames, n_channels))], all it played.
    opened : list of dict
        The options that streams were opened with.
    """

    PortAudioError = PortAudioError

    def __init__(self, *cards):
        self.cards = list(cards)
        self.time_s = 0.0
        self.played = {}
        self.opened = []
        self.flags_at_s = []  # (time, kind of stream, names): reported once
        self.events = []  # (time, function)
        self.when_loud = []  # (seconds after the first loud block, function)
        self.loud_at_s = None
        self.running = []
        self.released = threading.Event()  # set: closing does not hang any more
        self.noise = NOISE * np.random.default_rng(SEED).standard_normal(1 << 20)

    # --- what roomcal calls ---

    @property
    def apis(self):
        return list(dict.fromkeys(card.host_api for card in self.cards))

    def query_hostapis(self):
        return tuple({"name": name} for name in self.apis)

    def query_devices(self):
        return [
            {
                "name": c.name,
                "hostapi": self.apis.index(c.host_api),
                "max_input_channels": c.n_inputs,
                "max_output_channels": c.n_outputs,
                "default_samplerate": float(c.rates[0]),
                "default_high_input_latency": 0.02,
                "default_high_output_latency": 0.03,
            }
            for c in self.cards
        ]

    def check_output_settings(self, *, device, channels, dtype, samplerate):  # noqa: ARG002
        self._check(device, samplerate)

    check_input_settings = check_output_settings

    def WasapiSettings(self, **options):
        return ("wasapi", options)

    def CoreAudioSettings(self, **options):
        return ("core audio", options)

    def Stream(self, *, device, channels, **options):
        assert device[0] == device[1], "one stream serves one device"
        return self._open("Stream", device[0], channels, options)

    def InputStream(self, *, device, channels, **options):
        return self._open("InputStream", device, (channels, 0), options)

    def OutputStream(self, *, device, channels, **options):
        return self._open("OutputStream", device, (0, channels), options)

    def _check(self, device, samplerate):
        if samplerate not in self.cards[device].rates:
            raise PortAudioError("Invalid sample rate", -9997)

    def _open(self, kind, device, channels, options):
        card = self.cards[device]
        self.opened.append({"kind": kind, "device": card.name, "channels": channels, **options})
        if card.refuses is not None:
            raise card.refuses
        self._check(device, options["samplerate"])
        limits = (card.n_inputs, card.n_outputs)
        for wanted, there in zip(channels, limits, strict=True):
            only = card.only_channels
            if wanted > there or (wanted and only is not None and wanted != only):
                raise PortAudioError("Invalid number of channels", -9998)
        return FakeStream(self, kind, card, channels, options)

    # --- time ---

    def now(self):
        return self.time_s

    def wait(self, duration_s):
        until_s = self.time_s + duration_s
        while True:
            due = [(s.due_s, 1, s.block) for s in self.running if s.due_s <= s.card.vanishes_at_s]
            due += [(at_s, 0, function) for at_s, function in self.events]
            if not due or min(due, key=lambda d: d[:2])[0] > until_s:
                break
            at_s, is_block, function = min(due, key=lambda d: d[:2])
            self.time_s = max(self.time_s, at_s)
            if not is_block:
                self.events.remove((at_s, function))
            function()
        self.time_s = until_s

    # --- what tests ask ---

    def sound(self, name, fs=48000):
        """Everything that a card has played as one signal from time 0, (n_frames, n_channels)."""
        parts = self.played[name]
        end = max(round(t * fs) + len(x) for t, x in parts)
        total = np.zeros((end, max(x.shape[1] for _, x in parts)))
        for t, x in parts:
            total[round(t * fs) : round(t * fs) + len(x), : x.shape[1]] = x
        return total

    def heard(self, at_s, n_frames, fs):
        """Input 0 from a time on: what all cards played, a round trip later."""
        first = round(at_s * fs) - ROUND_TRIP_FRAMES
        y = self.noise.take(np.arange(n_frames) + round(at_s * fs), mode="wrap")
        for card in self.cards:
            for t, x in self.played.get(card.name, [])[-64:]:
                for channel, echoes in card.paths.items():
                    for later, gain in echoes if channel < x.shape[1] else []:
                        start = round(t * fs) - first + later
                        a, b = max(start, 0), min(start + len(x), n_frames)
                        if a < b:
                            y[a:b] += gain * x[a - start : b - start, channel]
        return y


class FakeStream:
    """A stream whose callback is called as time passes."""

    def __init__(self, world, kind, card, channels, options):
        self.world, self.kind, self.card = world, kind, card
        self.n_inputs, self.n_outputs = channels
        self.fs = options["samplerate"]
        self.n = options["blocksize"]
        self.callback = options["callback"]
        self.due_s = 0.0

    def start(self):
        self.due_s = self.world.time_s + self.n / self.fs
        if not self.card.never_starts:
            self.world.running.append(self)

    def block(self):
        world = self.world
        at_s = self.due_s
        self.due_s += self.n / self.fs
        flags = Flags()
        for entry in [e for e in world.flags_at_s if e[0] <= at_s and e[1] == self.kind]:
            world.flags_at_s.remove(entry)
            flags = Flags(*entry[2])
        indata = np.zeros((self.n, self.n_inputs), dtype=np.float32)
        if self.n_inputs:
            indata[:, 0] = world.heard(at_s, self.n, self.fs)
        outdata = np.full((self.n, self.n_outputs), np.nan, dtype=np.float32)
        if self.kind == "Stream":
            self.callback(indata, outdata, self.n, None, flags)
        elif self.kind == "InputStream":
            self.callback(indata, self.n, None, flags)
        else:
            self.callback(outdata, self.n, None, flags)
        if self.n_outputs:
            assert np.isfinite(outdata).all(), "the callback left frames unwritten"
            world.played.setdefault(self.card.name, []).append((at_s, outdata.copy()))
            if world.loud_at_s is None and np.abs(outdata).max() > LOUD:
                world.loud_at_s = at_s
                world.events += [(at_s + later_s, act) for later_s, act in world.when_loud]

    def stop(self):
        self._end()

    def abort(self):
        self._end()

    def close(self):
        self._end()

    def _end(self):
        if self in self.world.running:
            self.world.running.remove(self)
        if self.card.close_hangs:
            self.world.released.wait(30)
