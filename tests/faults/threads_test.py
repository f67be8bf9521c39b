"""No thread is left: the agent as a user of its own under a limit of tasks. What it needs for itself it gets at its start,
or it ends at once and says so; what it cannot start later is a fault of that task, which is tried again."""
import os
import resource
import subprocess
import time

import pytest

from harness.agent import Agent
from harness.broker import Broker
from harness.process import wait_until
from harness.rack import LOADS, Rack

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="changes to a user of its own")

USER = 64123        # nobody else's: the limit counts all tasks of a user
ALWAYS_THERE = 6    # metering, serving, log, store, reload, exit deadline
CURE = "raise the limit of tasks (TasksMax= of the service, `ulimit -u` of its user)"


class LimitedAgent(Agent):
    """Runs as USER with so many tasks, threads and guests together."""

    def __init__(self, folder, config, tasks: int, environment=None):
        super().__init__(folder, config, environment=environment)
        self.tasks = tasks
        os.chown(folder, USER, USER)
        for parent in folder.parents:  # pytest's folders are its user's alone
            if parent.stat().st_uid == os.getuid() and parent != parent.parent:
                os.chmod(parent, parent.stat().st_mode | 0o011)
        if "FLOPWATT_RECORD" in os.environ:
            os.chmod(os.environ["FLOPWATT_RECORD"], 0o1777)

    def spawn(self, command, environment=None, **options):
        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_NPROC, (self.tasks, 10_000))
        return super().spawn(command, environment, user=USER, group=USER, extra_groups=[], preexec_fn=limit, **options)

    def allow(self, tasks: int) -> None:
        """While it runs; as its user, since root of a container may not."""
        subprocess.run(["prlimit", f"--pid={self.pid}", f"--nproc={tasks}:10000"], check=True, user=USER,
                       group=USER)

    def up(self, source: str) -> bool:
        return self.metrics().get("flopwatt_source_up", source=source) == 1

    def readings(self) -> float:
        return self.metrics().get("flopwatt_store_readings_total")


def new_agent(folder, started, tasks: int, accelerators: bool = True) -> LimitedAgent:
    """Meters by address and by name, accelerators, and a broker by name: each needs a thread or a process, but one."""
    rack = Rack(folder, LOADS / "demo.yml").start()
    broker = Broker(folder).start()
    started += [rack, broker]
    by_name = rack.meter_config("pdu-b")
    by_name["address"] = by_name["address"].replace("127.0.0.1", "localhost")
    agent = LimitedAgent(folder, {
        "node": "rack-r12", "meters": [rack.meter_config("pdu-a"), by_name],
        "accelerators": {"nvidia": {"library": rack.library} if accelerators else "off"},
        "exporters": {"mqtt": [{"name": "ems", "broker": f"mqtt://localhost:{broker.port}"}]},
    }, tasks, environment=rack.environment)
    os.chmod(rack.state, 0o666)
    started.append(agent)
    return agent


def end_within_two_seconds(agent: LimitedAgent) -> None:
    begin = time.monotonic()
    assert agent.stop() == 0, agent.log_text()
    assert time.monotonic() - begin < 2


def test_six_tasks_are_enough_to_meter_and_to_end(tmp_path, started):
    agent = new_agent(tmp_path, started, ALWAYS_THERE).start()
    wait_until(lambda: agent.up("pdu-a"), 20, "the meter that needs no thread")
    wait_until(lambda: agent.answers("/-/ready"), 20, "every source to be polled")
    before = agent.readings()
    wait_until(lambda: agent.readings() > before, 10, "readings to be stored")
    fault = agent.status()["sources"]["pdu-b"]["last_fault"]
    assert f"no thread is left for the look-up; {CURE}" in fault
    log = agent.log_text()
    assert f"no thread is left for the connection to an MQTT broker; {CURE}" in log
    assert f"Resource temporarily unavailable; {CURE}" in log, "the guest"
    page = agent.metrics()
    assert page.get("flopwatt_exporter_up", exporter="ems") == 0
    assert page.get("flopwatt_polls_skipped_total", source="pdu-a") == 0
    end_within_two_seconds(agent)
    assert agent.integrity() == "ok"


def test_everything_comes_back_when_there_are_threads_again(tmp_path, started):
    agent = new_agent(tmp_path, started, ALWAYS_THERE, accelerators=False).start()  # a guest would take the one task
    wait_until(lambda: "no thread is left for the connection to an MQTT broker" in agent.log_text(), 20, "the first attempt")
    agent.allow(ALWAYS_THERE + 2)  # for the connection and a look-up, not for Paho
    wait_until(lambda: f"no thread is left for Paho; {CURE}" in agent.log_text(), 40, "the broker to be found")
    agent.allow(10_000)
    wait_until(lambda: agent.metrics().get("flopwatt_exporter_up", exporter="ems") == 1, 60, "the broker")
    wait_until(lambda: agent.up("pdu-b"), 60, "the meter by name")
    end_within_two_seconds(agent)


@pytest.mark.parametrize("tasks", range(1, 9))
def test_it_runs_and_ends_or_says_why_not(tmp_path, started, tasks):
    agent = new_agent(tmp_path, started, tasks).start(wait=False)
    if tasks < ALWAYS_THERE:
        assert agent.child.wait(20) == 2
        assert "the agent cannot run" in agent.log_text() and CURE in agent.log_text()
        return
    wait_until(agent.answers, 20, "the endpoint")
    wait_until(lambda: agent.up("pdu-a"), 20, "the meter that needs no thread")
    end_within_two_seconds(agent)
