"""FAULTS.md, rows 18, 31 and 33 at level J: a real audio system is slow, is killed, is stopped."""

import json
import signal
import time

import numpy as np
import pytest

FS = 48000
SHORT_PERIOD = 1024
PERIOD_S = SHORT_PERIOD / FS
TAKE = "--sweeps 1 --length 1 --positions 1"
# Row 33: silent 100 ms after the signal. The audio system plays what it was handed before: one
# period of JACK and one block of roomcal (1024 frames each), and the room notes the clock at the
# end of a period.
SILENT_S = 0.100 + 3 * PERIOD_S
EXIT_S = 4.0  # row 31: named within 1 s, left after 2 s more at the latest, 1 s for a busy computer

SIGNALS = {  # name of the case: (signals, what the take says)
    "ctrl-c": (("SIGINT",), "Ctrl-C"),
    "sigterm": (("SIGTERM",), "SIGTERM"),
    "sighup": (("SIGHUP",), "SIGHUP"),
    "ctrl-c-twice": (("SIGINT", "SIGINT"), "Ctrl-C"),
}


def takes(bench, session="a"):
    file = bench.folder / "measurements" / session / "session.json"
    return json.loads(file.read_text())["takes"] if file.exists() else []


def test_row_18_a_lost_period_is_reported_and_the_take_repeated(lab, taps):
    bench = lab.bench()
    bench.open_room(taps, "slow-hall")
    bench.studio(output="slow-hall")
    process = bench.start(f"measure a {TAKE} --speakers L")
    bench.wait_until_loud(process)
    bench.stall_room(0.2)

    _, err = process.communicate(timeout=120)

    first, *others = takes(bench)
    assert first["status"] == "rejected"
    assert first["xruns"] > 0
    assert "audio system too slow" in first["reason"]
    assert "taking it again" in " ".join(err.split())
    # A computer that is too slow for every retake is not roomcal's fault.
    assert process.returncode == 0 or (process.returncode == 4 and "RC-404" in err), err
    assert all(t["xruns"] > 0 for t in others if t["status"] == "rejected")


def test_row_31_a_killed_server_ends_the_command_and_keeps_earlier_takes(lab, taps):
    bench = lab.bench()
    bench.open_room(taps, "lost-hall")
    bench.studio(output="lost-hall")
    process = bench.start(f"measure a {TAKE}")
    until_s = time.monotonic() + 120
    while not any(t["status"] == "accepted" for t in takes(bench)):
        assert time.monotonic() < until_s, "no take is accepted"
        if process.poll() == 4:  # this computer was too slow for real time: go on
            process.communicate()
            process = bench.start(f"measure a {TAKE}")
        time.sleep(0.05)
    time.sleep(2.5)  # into the second
    before = takes(bench)

    lab.server.kill()
    killed_s = time.monotonic()
    _, err = process.communicate(timeout=30)

    assert time.monotonic() - killed_s < EXIT_S
    assert process.returncode == 4, err
    assert "RC-403" in err
    assert "lost-hall, JACK Audio Connection Kit vanished at" in err
    assert before[-1]["status"] == "accepted"
    assert takes(bench) == before
    code, out, err = bench.run("analyze a --json")
    assert code == 0, err
    assert [r["speaker"] for r in json.loads(out)["responses"]] == ["L"]


@pytest.fixture(scope="module")
def interrupted(make_lab, taps, tmp_path_factory):
    """Run one measurement for each case, all at the same time, and send each its signals."""
    with make_lab(tmp_path_factory.mktemp("signals"), period=SHORT_PERIOD) as lab:
        running = {}
        for case in SIGNALS:
            bench = lab.bench(case)
            bench.open_room(taps, case)
            bench.studio(output=case)
            running[case] = bench, bench.start("measure a --sweeps 1 --length 8 --speakers L")
        found = {}
        for case, (bench, process) in running.items():
            bench.wait_until_loud(process)
            time.sleep(2.5)  # into the sweep: a busy computer plays more slowly than time goes
            signal_s = time.monotonic()
            for name in SIGNALS[case][0]:
                process.send_signal(getattr(signal, name))
                time.sleep(0.002)
            _, err = process.communicate(timeout=30)
            bench.close_room()
            found[case] = bench, signal_s, process.returncode, err
        yield found


@pytest.mark.parametrize("case", SIGNALS)
def test_row_33_a_signal_silences_the_speakers(interrupted, case):
    bench, signal_s, code, err = interrupted[case]

    assert code == 130, err
    log = np.load(bench.log)
    loud = np.abs(log["played"]).reshape(2, log["clock_s"].size, -1).max(axis=(0, 2)) > 0
    assert loud[(log["clock_s"] > signal_s - 0.2) & (log["clock_s"] <= signal_s)].any()
    assert log["clock_s"][loud][-1] - signal_s < SILENT_S


@pytest.mark.parametrize("case", SIGNALS)
def test_row_33_the_partial_take_is_kept_as_rejected(interrupted, case):
    bench, _, _, _ = interrupted[case]

    (take,) = takes(bench)

    assert take["status"] == "rejected"
    assert take["reason"].startswith(f"ended by {SIGNALS[case][1]} at ")
    assert take["capture"]["n_samples"] > FS
    assert (bench.folder / "measurements" / "a" / take["capture"]["name"]).exists()
