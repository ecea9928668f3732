"""The whole job through a real audio system: PortAudio, JACK, and a room that is a program.

Both chains run at the same time, because they spend most of it waiting for sound.
"""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.io import wavfile

FS = 48000
LOW_HZ, HIGH_HZ = 20.0, 20000.0
ACCURACY_DB = 0.01  # of the issue: the response against the room's truth
TAKE = "--sweeps 1 --length 1"
LEVEL = "level --speakers L --level -38 --json"  # two steps up from the first sound
CHAINS = {  # devices of the room, and what studio.toml says
    "one device": (["room"], {"output": "room"}),
    "two devices": (["amp", "mic"], {"output": "amp", "record": "mic"}),
}
COMMANDS = (
    "devices --json",
    LEVEL,
    f"measure before {TAKE} --level -20",
    "design mix --from before --taps 8192",
    f"verify mix {TAKE} --json",
)


@pytest.fixture(scope="module")
def answers(make_lab, taps, tmp_path_factory):
    """Return what every command of every chain answered, and the folder in which it ran."""
    with make_lab(tmp_path_factory.mktemp("chains")) as lab, ThreadPoolExecutor() as both:

        def run(name):
            devices, studio = CHAINS[name]
            bench = lab.bench(name.replace(" ", "-"))
            bench.open_room(taps, *devices)
            bench.studio(**studio)
            done = {}
            for command in COMMANDS:
                code, out, err = done[command] = bench.run(command)
                if code:
                    pytest.fail(f"roomcal {command}: {code}\n{out}\n{err}")
            return bench.folder, {command: out for command, (_, out, _) in done.items()}

        yield dict(zip(CHAINS, both.map(run, CHAINS), strict=True))


def band_levels_db(h):
    """Power in bands of 1/24 octave, dB: the resolution at which accuracy is stated."""
    n = 1 << 17
    power = np.abs(np.fft.rfft(h, n)) ** 2
    f = np.arange(power.size) * FS / n
    centres = LOW_HZ * 2 ** (np.arange(int(24 * np.log2(HIGH_HZ / LOW_HZ)) + 1) / 24)
    # The lowest bands are narrower than two lines: the integral is interpolated between them.
    edges = np.interp(
        np.outer([2 ** (-1 / 48), 2 ** (1 / 48)], centres), f + FS / n / 2, np.cumsum(power)
    )
    return 10 * np.log10(edges[1] - edges[0])


@pytest.mark.parametrize("chain", CHAINS)
def test_the_devices_of_the_room_are_listed(answers, chain):
    _, out = answers[chain]
    listed = json.loads(out["devices --json"])["devices"]
    cards = {d["name"]: d for d in listed if d["host_api"].startswith("JACK")}
    devices = CHAINS[chain][0]

    assert cards[devices[0]]["n_outputs"] == 2
    assert cards[devices[-1]]["n_inputs"] == 1
    assert cards[devices[0]]["sample_rates"] == [FS]


@pytest.mark.parametrize("chain", CHAINS)
def test_the_level_is_raised_step_by_step_to_its_limit(answers, chain):
    _, out = answers[chain]
    level = json.loads(out[LEVEL])

    assert level["level_dbfs"] == -38.0
    assert [s["speaker"] for s in level["speakers"]] == ["L"]


@pytest.mark.parametrize("chain", CHAINS)
def test_the_response_is_the_truth_within_a_hundredth_of_a_decibel(answers, taps, chain):
    folder, _ = answers[chain]
    session = folder / "measurements" / "before"
    document = json.loads((session / "session.json").read_text())
    measured = {
        r["speaker"]: wavfile.read(session / r["file"]["name"]) for r in document["responses"]
    }

    assert set(measured) == {"L", "R"}
    for row, speaker in enumerate(("L", "R")):
        fs, h = measured[speaker]
        error_db = band_levels_db(h) - band_levels_db(taps[row])
        assert fs == FS
        assert np.abs(error_db).max() < ACCURACY_DB, speaker


@pytest.mark.parametrize("chain", CHAINS)
def test_no_sample_is_lost_in_an_accepted_take(answers, chain):
    folder, _ = answers[chain]
    document = json.loads((folder / "measurements" / "before" / "session.json").read_text())
    accepted = [t for t in document["takes"] if t["status"] == "accepted"]

    assert len(accepted) == 2
    assert all(t["xruns"] == 0 for t in accepted)


@pytest.mark.parametrize("chain", CHAINS)
def test_the_correction_keeps_its_promise(answers, chain):
    _, out = answers[chain]
    verdict = json.loads(out[COMMANDS[-1]])

    assert verdict["passed"] is True
    assert all(s["predicted_error_db"] < 0.1 for s in verdict["speakers"])
