"""What a GPU's library and driver can do: the guest process that holds the library is killed or frozen, the driver is
reloaded (its energy counters begin at 0). The agent and its meters go on, totals never fall and never jump, and the
accelerators return. Hanging, crashing and lost devices: sick_source_test; a library that comes later: late_library_test.
"""
import os
import pathlib
import signal
import time

import pytest

from harness.agent import Agent
from harness.process import wait_until
from harness.rack import Rack

GPU_WATTS = 500
LOAD = f"""
gpus:
  count: 2
  product: NVIDIA H100 80GB HBM3
  sm_clock: 1500
  idle_power: {GPU_WATTS}
  busy_power: {GPU_WATTS}
  energy_offset_j: 1000000   # a counter that has counted long: a fall to 0 is a large one
  activity: {{hmma: 0.3}}
meters:
  - {{name: pdu-a, gpus: all, base_power: 500}}
"""
NAMES = ("nvidia0", "nvidia1")


class Case:
    def __init__(self, folder: pathlib.Path, started: list):
        self.rack = Rack(folder, LOAD).start()
        started.append(self.rack)
        self.agent = Agent(folder, {
            "node": "rack-r12", "meters": [self.rack.meter_config("pdu-a")],
            "accelerators": {"nvidia": {"library": self.rack.library}},
            "scopes": [{"name": "gpus", "work": "all"}], "energy": {"windows": ["5s"]},
        }, environment=self.rack.environment).start()
        started.append(self.agent)

    def are(self, up: int) -> bool:
        page = self.agent.metrics()
        return all(page.get("flopwatt_source_up", source=name) == up for name in NAMES)

    def total(self) -> float:
        return self.agent.metrics().get("flopwatt_scope_energy_joules_total", scope="gpus") or 0

    def guest(self) -> int | None:
        """Process id of the guest, the agent's only child."""
        children = pathlib.Path(f"/proc/{self.agent.pid}/task/{self.agent.pid}/children").read_text().split()
        return int(children[0]) if children else None

    def watch(self, condition, seconds: float, what: str) -> None:
        """Waits for the condition; meanwhile the total neither falls nor jumps, and the meter is polled."""
        last = [self.total(), time.monotonic()]

        def holds() -> bool:
            now, moment = self.total(), time.monotonic()
            assert now >= last[0], f"the total fell from {last[0]} to {now}"
            # After a gap the counter gives the energy of the whole gap at once, so the bound is of the whole time.
            assert now - first <= 2 * GPU_WATTS * (moment - begin + 3) * 1.02, f"the total jumped from {last[0]} to {now}"
            last[:] = now, moment
            return condition()

        first, begin = last
        wait_until(holds, seconds, what, poll=0.2)
        assert self.agent.metrics().get("flopwatt_polls_skipped_total", source="pdu-a") == 0
        assert self.agent.metrics().get("flopwatt_source_up", source="pdu-a") == 1


@pytest.fixture
def case(tmp_path, started):
    case = Case(tmp_path, started)
    wait_until(lambda: case.are(1) and case.total() > 0, 20, "the accelerators")
    return case


def test_killed_guest_is_started_again(case):
    guest, total, begin = case.guest(), case.total(), time.monotonic()
    os.kill(guest, signal.SIGKILL)
    case.watch(lambda: case.guest() not in (None, guest) and case.total() > total, 30, "a new guest")
    case.watch(lambda: time.monotonic() - begin > 8 and case.are(1), 30, "some beats")
    seconds = time.monotonic() - begin
    assert abs(case.total() - total - 2 * GPU_WATTS * seconds) < 2 * GPU_WATTS * 3, "the counters tell the gap"


def test_frozen_guest_is_replaced(case):
    """It does not answer, as one that waits for the driver; unlike one that is stuck in the kernel it can be killed."""
    guest = case.guest()
    os.kill(guest, signal.SIGSTOP)
    case.watch(lambda: case.guest() not in (None, guest) and case.are(1), 60, "a new guest")
    assert case.agent.metrics().get("flopwatt_poll_failures_total", source="nvidia0", fault="timeout") > 0


def test_reloaded_driver_resets_no_total(case):
    total, begin = case.total(), time.monotonic()
    case.rack.control("gpu", "all", "energy_reset")
    case.rack.control("gpu", "0", "crash", "once")  # with the old driver every call ends
    case.watch(lambda: time.monotonic() - begin > 6 and case.are(1), 60, "the accelerators to return")
    before = case.total()
    assert before > total
    case.watch(lambda: case.total() > before + 2 * GPU_WATTS, 10, "a total that goes on")
