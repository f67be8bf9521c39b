"""A wall clock that steps, or that was years wrong at boot (no battery), changes labels and nothing else: no beat is
missed, totals follow the truth, nothing stored is thrown away for its age, and `seq` goes on.

libfaketime steps the agent's wall clock while it runs; the monotonic clock is left alone.
"""
import contextlib
import os
import pathlib
import sqlite3
import time

import pytest

from harness.agent import Agent
from harness.process import wait_until
from harness.rack import Rack

WATTS = 20_000
LIBRARY = pathlib.Path("/usr/lib") / f"{os.uname().machine}-linux-gnu" / "faketime/libfaketimeMT.so.1"
HOUR = 3600
FIVE_YEARS = 5 * 365 * 24 * HOUR


class Clock:
    """The agent's wall clock: the true one and an offset."""

    def __init__(self, folder: pathlib.Path, offset_s: int = 0):
        self.file = folder / "clock"
        self.step_to(offset_s)
        self.environment = {"LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(self.file),
                            "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def step_to(self, offset_s: int) -> None:
        self.offset_s = offset_s
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{offset_s:+d}s\n")
        fresh.rename(self.file)


class Case:
    def __init__(self, folder, started, offset_s=0):
        self.clock = Clock(folder, offset_s)
        # An ideal meter: a step of 10 Wh is longer than the seconds that a total may be off here.
        self.rack = Rack(folder, f"meters:\n  - {{name: pdu-a, meter: ideal, base_power: {WATTS}}}\n").start()
        started.append(self.rack)
        self.agent = Agent(folder, {
            "node": "rack-r12", "accelerators": {"nvidia": False}, "meters": [self.rack.meter_config("pdu-a")],
            "scopes": [{"name": "rack", "energy": ["pdu-a"]}], "energy": {"windows": ["5s"]},
        }, environment=self.clock.environment).start()
        started.append(self.agent)
        wait_until(lambda: self.total() > 0, 20, "a total that grows")

    def total(self) -> float:
        return self.agent.metrics().get("flopwatt_scope_energy_joules_total", scope="rack") or 0

    def newest(self) -> float:
        return self.agent.metrics().get("flopwatt_source_last_reading_timestamp_seconds", source="pdu-a")

    def rows(self) -> list[tuple[int, int]]:
        with contextlib.closing(sqlite3.connect(self.agent.store)) as connection:
            return connection.execute("select seq, time from reading_set order by seq").fetchall()

    def step(self, offset_s: int) -> None:
        """Steps the clock and watches the agent for some beats."""
        total, begin, rows = self.total(), time.monotonic(), self.rows()
        self.clock.step_to(offset_s)
        wait_until(lambda: abs(self.newest() - offset_s - time.time()) < 3, 10, "readings on the new clock")
        wait_until(lambda: time.monotonic() - begin > 4, 10, "some beats")
        seconds, gained = time.monotonic() - begin, self.total() - total
        assert abs(gained - WATTS * seconds) < 2.5 * WATTS, (gained, WATTS * seconds)
        page = self.agent.metrics()
        assert page.get("flopwatt_polls_skipped_total", source="pdu-a") == 0
        assert all(value == 0 for _, value in page.samples["flopwatt_poll_failures_total"])
        assert "source is stale" not in self.agent.log_text(), "an age by the wall clock"
        now = self.rows()
        assert now[:len(rows)] == rows, "what was stored before the step is still there, unchanged"
        assert [seq for seq, _ in now] == list(range(now[0][0], now[0][0] + len(now)))


@pytest.fixture(autouse=True)
def faketime():
    assert LIBRARY.exists(), "install Debian's faketime"


def test_steps_back_and_forth(tmp_path, started):
    case = Case(tmp_path, started)
    case.step(-HOUR)
    case.step(+HOUR)
    case.step(0)


def test_a_clock_that_is_years_wrong_at_boot(tmp_path, started):
    case = Case(tmp_path, started, -FIVE_YEARS)
    case.step(0)
    # And over a restart on the right clock.
    case.agent.stop()
    rows = case.rows()
    case.agent.start()
    wait_until(lambda: len(case.rows()) > len(rows), 15, "new rows")
    assert case.rows()[:len(rows)] == rows


def test_a_suspended_agent_does_not_catch_up_in_a_burst(tmp_path, started):
    """Stopped for 8 s, as a machine that sleeps: the missed beats are counted, not made up for; the energy of the time
    comes from the register."""
    import signal
    case = Case(tmp_path, started)
    polls = case.agent.metrics().get("flopwatt_polls_total", source="pdu-a")
    total, begin = case.total(), time.monotonic()
    case.agent.signal(signal.SIGSTOP)
    time.sleep(8)  # the length of the sleep itself
    case.agent.signal(signal.SIGCONT)
    wait_until(lambda: case.agent.metrics().get("flopwatt_polls_skipped_total", source="pdu-a") >= 5, 10,
               "missed beats are counted")
    wait_until(lambda: time.monotonic() - begin > 12, 10, "some beats")
    seconds = time.monotonic() - begin
    made = case.agent.metrics().get("flopwatt_polls_total", source="pdu-a") - polls
    assert made < seconds - 8 + 4, f"{made} polls in {seconds} s of which 8 asleep"
    assert abs(case.total() - total - WATTS * seconds) < 3 * WATTS
