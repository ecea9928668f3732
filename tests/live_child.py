"""A child that plays nothing: it follows the supervisor's talk and does what the test asks.

Run as `python live_child.py FAULTS`, a folder: a file there named `freeze`, `die`, `absent`,
`refuse`, `mute` (says nothing at all) or `other-rate` is the fault. Beats are the first eight bytes
of the memory.
"""

import json
import signal
import struct
import sys
import threading
import time
from pathlib import Path

from roomcal.errors import DeviceError, InputError
from roomcal.live.messages import fault_message
from roomcal.live.shared_block import attached

BEAT_S = 0.01
N_BYTES = 64


def say(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main():
    faults = Path(sys.argv[1])

    def is_there(fault):
        return (faults / fault).exists()

    if is_there("mute"):
        time.sleep(60)
    request = json.loads(sys.stdin.readline())["request"]
    memory = attached(request["memory"], N_BYTES)
    sys.stderr.write("a library complains\n")
    if is_there("refuse"):
        say(fault_message(DeviceError("RC-401", "there is no such device", hint="plug it in")))
        sys.stdin.read()
    number = 0
    while request["found_output"] and is_there("absent"):
        number += 1
        say({"event": "waiting", "number": number, "next_s": 0.05})
        time.sleep(0.05)
    say({"event": "found", "source": "the source", "output": "the output"})
    sys.stdin.readline()  # open
    if request["found_output"] and is_there("other-rate"):
        say(fault_message(InputError("RC-311", "no filter for 44100 Hz", have=[48000])))
        sys.stdin.read()
    say({"event": "opening"})
    say({"event": "playing", "fs": 48000})

    def until_stopped():
        for line in sys.stdin:
            if json.loads(line)["do"] == "stop":
                (faults / "stopped").touch()
                break
        signal.raise_signal(signal.SIGTERM)

    threading.Thread(target=until_stopped, daemon=True).start()
    beats = struct.unpack_from("<q", memory, 0)[0]
    while True:
        if is_there("die"):
            signal.raise_signal(signal.SIGTERM)
        if not is_there("freeze"):
            beats += 1
            struct.pack_into("<q", memory, 0, beats)
        time.sleep(BEAT_S)


if __name__ == "__main__":
    main()
