"""The sessions and the bank that ship: whole, small, and what the pages say about them."""

from pathlib import Path

import numpy as np
import pytest

from roomcal.cli.main import cli
from roomcal.files.bank_store import load_bank
from roomcal.files.session_store import SessionStore

ROOT = Path(__file__).resolve().parents[1]
MAX_BYTES = 10e6  # of all examples: a clone should stay quick


def test_the_examples_are_small():
    files = [f for kind in ("measurements", "filters") for f in (ROOT / kind).glob("example*/**/*")]

    assert files
    assert sum(f.stat().st_size for f in files if f.is_file()) < MAX_BYTES


@pytest.mark.parametrize("name", ["example-before", "example-after"])
def test_every_response_of_an_example_is_what_its_digest_says(name):
    store = SessionStore.open(ROOT, name)

    responses = store.load_responses()  # refuses another digest or length

    assert {(r.speaker, r.position) for r in responses} == {
        (speaker, f"p{k}") for speaker in "LR" for k in range(1, 6)
    }


def test_the_example_bank_was_designed_from_the_example_session():
    bank = load_bank(ROOT, "example")

    assert list(bank.filters) == [44100, 48000]
    assert bank.provenance["session"] == "example-before"
    assert all(np.isfinite(f.taps).all() for f in bank.filters.values())


def test_a_new_user_can_analyze_an_example(runner):
    result = runner.invoke(cli, ["-C", str(ROOT), "analyze", "example-before", "--json"])

    assert result.exit_code == 0, result.output
