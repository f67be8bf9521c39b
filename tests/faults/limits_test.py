"""What runs out: descriptors and memory. Metering goes on, or the agent ends with a message and loses nothing."""
import os
import pathlib
import re
import resource
import socket
import time

from harness.agent import Agent
from harness.many_meters import ManyMeters
from harness.process import SOURCE, wait_until
from harness.rack import LOADS, Rack
from harness.strangers import Kind, Strangers


def new_agent(folder, started) -> Agent:
    rack = Rack(folder, LOADS / "demo.yml").start()
    started.append(rack)
    agent = Agent(folder, {
        "node": "rack-r12", "meters": [rack.meter_config("pdu-a"), rack.meter_config("pdu-b")],
        "accelerators": {"nvidia": {"library": rack.library}},
        "scopes": [{"name": "gpu-01", "energy": ["pdu-a", "pdu-b"], "work": "all"}],
    }, environment=rack.environment)
    started.append(agent)
    return agent


def all_up(agent: Agent) -> bool:
    samples = agent.metrics().samples.get("flopwatt_source_up", [])
    return len(samples) == 6 and all(value == 1 for _, value in samples)


def cpu_seconds(agent: Agent) -> float:
    """Of all threads, user and system."""
    fields = pathlib.Path(f"/proc/{agent.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_descriptors_run_out(tmp_path, started):
    """60 connections with 40 descriptors: polling and storing go on, and the endpoint answers once they are gone."""
    agent = new_agent(tmp_path, started).start()
    wait_until(lambda: all_up(agent), 20, "all sources")
    before = agent.metrics()
    resource.prlimit(agent.pid, resource.RLIMIT_NOFILE, (40, 40))
    connections = []
    begin, used = time.monotonic(), cpu_seconds(agent)
    try:
        for _ in range(60):
            connection = socket.socket()
            connection.settimeout(1)
            connection.connect(("127.0.0.1", agent.port))
            connections.append(connection)
        wait_until(lambda: time.monotonic() - begin > 6, 10, "some beats while nothing is left")
        assert agent.alive()
        assert cpu_seconds(agent) - used < 3, "it spins"
    finally:
        for connection in connections:
            connection.close()
    wait_until(agent.answers, 20, "the endpoint to answer again")
    page = agent.metrics()
    for source in ("pdu-a", "pdu-b", "nvidia0"):
        assert page.get("flopwatt_polls_skipped_total", source=source) == 0
        grown = page.get("flopwatt_polls_total", source=source) - before.get("flopwatt_polls_total", source=source)
        assert grown >= 5, (source, grown)
    assert page.get("flopwatt_store_readings_total") > before.get("flopwatt_store_readings_total")
    assert agent.stop() == 0


def test_memory_runs_out(tmp_path, started):
    """No more address space: the agent goes on within what it has, or ends; what it had told is in the store."""
    agent = new_agent(tmp_path, started).start()
    wait_until(lambda: all_up(agent), 20, "all sources")
    shown = agent.metrics().get("flopwatt_store_readings_total")
    size = int(next(line for line in open(f"/proc/{agent.pid}/status", encoding="utf-8")
                    if line.startswith("VmSize")).split()[1]) << 10
    resource.prlimit(agent.pid, resource.RLIMIT_AS, (size, size))
    begin = time.monotonic()
    connections = []
    try:
        for _ in range(300):
            connection = socket.socket()
            connection.settimeout(1)
            if connection.connect_ex(("127.0.0.1", agent.port)) != 0:
                break
            try:
                connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
            except OSError:
                pass  # ended, or closed by it
            connections.append(connection)
        wait_until(lambda: not agent.alive() or time.monotonic() - begin > 5, 10, "its reaction")
    finally:
        for connection in connections:
            connection.close()
    if agent.alive():
        wait_until(agent.answers, 20, "the endpoint to answer again")
        assert agent.stop() == 0
    else:
        assert agent.child.returncode > 0, f"it ended by signal: {agent.log_text()[-2000:]}"
    assert agent.integrity() == "ok"
    agent.start()
    assert agent.metrics().get("flopwatt_store_readings_total") >= shown


class AgentOfUnit(Agent):
    """With as many descriptors as the unit gives."""
    unit = (SOURCE / "systemd/flopwatt.service.in").read_text()
    descriptors = int(re.search(r"LimitNOFILE=(\d+)$", unit, re.MULTILINE).group(1))
    meters = int(re.search(r"more than about (\d+) TCP meters", unit).group(1))

    def spawn(self, command, environment=None, **options):
        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.descriptors, self.descriptors))
        return super().spawn(command, environment, preexec_fn=limit, **options)


def test_the_unit_has_descriptors_for_the_meters_that_it_names(tmp_path, started):
    """All of them are up, and stay up, while strangers take what is left."""
    meters = ManyMeters(tmp_path).start()
    started.append(meters)
    agent = AgentOfUnit(tmp_path, {
        "node": "n", "meters": [meters.config(i, interval="5s") for i in range(AgentOfUnit.meters)],
        "accelerators": {"nvidia": "off"}})
    started.append(agent)
    agent.start()

    def total(series: str) -> float:
        return sum(value for _, value in agent.metrics().samples.get(series, []))

    wait_until(lambda: total("flopwatt_source_up") == agent.meters, 60, f"{agent.meters} meters, as the unit says", poll=1)
    strangers = Strangers(tmp_path, agent.port, [Kind("idle", 300, [f"127.0.0.{i}" for i in range(2, 12)])])
    started.append(strangers.start())
    wait_until(lambda: strangers.tally.get("open", 0) > 0, 20, "the strangers")
    before = total("flopwatt_polls_total")
    wait_until(lambda: total("flopwatt_polls_total") >= before + 3 * agent.meters, 90, "three beats of each", poll=1)
    assert total("flopwatt_source_up") == agent.meters
    assert agent.stop() == 0
