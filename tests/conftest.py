"""Fixtures of the end-to-end tests: whatever a test starts is ended after it, also when it fails."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))


@pytest.fixture
def started():
    """A list for Process objects: they are killed in reverse order at the end of the test."""
    processes = []
    yield processes
    for process in reversed(processes):
        getattr(process, "kill", process.stop)()
