"""What a session costs: memory, and the time in which a take is judged."""

import json
import subprocess
import sys

import pytest

# The session of the issue: 2 speakers, 9 positions, 3 sweeps of 5.5 s.
COMMAND = "measure before --device virtual:control-room --positions 9 --sweeps 3 --length 5.5"
MAX_MEMORY_MB = 600.0
MAX_JUDGED_S = 2.0

MEASURED = """
import json, resource, sys, time
from roomcal.cli.main import cli
from roomcal.jobs import measure
judged, times = measure.judged_take, []
def timed(*args, **kwargs):
    start = time.process_time()
    judgement = judged(*args, **kwargs)
    times.append(time.process_time() - start)
    return judgement
measure.judged_take = timed
sys.argv = ["roomcal", "--quiet", *sys.argv[1:]]
try:
    cli()
except SystemExit as leave:
    assert not leave.code, leave.code
if sys.platform == "linux":  # there, ru_maxrss begins with what the parent held at the fork
    lines = open("/proc/self/status").read().splitlines()
    peak_mb = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
else:
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
print(json.dumps({"memory": peak_mb, "times": times}))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the system's own figure is read elsewhere")
def test_a_session_stays_within_its_memory_and_judges_takes_in_time(studio_folder):
    result = subprocess.run(
        [sys.executable, "-c", MEASURED, *COMMAND.split()],
        capture_output=True,
        text=True,
        check=False,
        cwd=studio_folder,
    )

    assert result.returncode == 0, result.stderr
    cost = json.loads(result.stdout.splitlines()[-1])
    assert cost["memory"] < MAX_MEMORY_MB
    assert len(cost["times"]) == 18
    assert max(cost["times"]) < MAX_JUDGED_S
