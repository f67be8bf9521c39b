"""Fixtures of the end-to-end tests: whatever a test starts is ended after it, also when it fails."""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness.process import BUILD   # noqa: E402  (found by the line above)

# What flopwatt sends to meters is recorded, whoever starts it: harness/recording.py judges it after all tests.
if "FLOPWATT_RECORD" in os.environ:
    RECORDER = BUILD / "tests/harness/librecorder.so"
    assert RECORDER.exists(), f"build {RECORDER}"
    os.environ["LD_PRELOAD"] = str(RECORDER)


@pytest.fixture
def started():
    """A list for Process objects: they are killed in reverse order at the end of the test."""
    processes = []
    yield processes
    for process in reversed(processes):
        getattr(process, "kill", process.stop)()
