"""Signals, and readers that go away. SIGTERM: end_to_end/shutdown_test; SIGHUP: end_to_end/reload_test; SIGKILL:
sigkill_test; SIGSTOP: clock_test."""
import os
import signal
import socket
import subprocess
import time

from harness.agent import Agent
from harness.process import BUILD, wait_until
from harness.rack import Rack

LOAD = "meters:\n  - {name: pdu-a, base_power: 5000}\n"


def new_agent(folder, started) -> Agent:
    rack = Rack(folder, LOAD).start()
    started.append(rack)
    agent = Agent(folder, {"node": "rack-r12", "accelerators": {"nvidia": False},
                           "meters": [rack.meter_config("pdu-a"), {**rack.meter_config("pdu-a"), "name": "gone",
                                                                   "address": "tcp://127.0.0.1:9"}]})
    started.append(agent)
    return agent


def polls(agent: Agent) -> float:
    return agent.metrics().get("flopwatt_polls_total", source="pdu-a")


def test_interrupt_ends_cleanly(tmp_path, started):
    agent = new_agent(tmp_path, started).start()
    wait_until(lambda: agent.metrics().get("flopwatt_store_readings_total") > 0, 20, "stored readings")
    begin = time.monotonic()
    agent.signal(signal.SIGINT)
    assert agent.child.wait(10) == 0
    assert time.monotonic() - begin < 2
    assert agent.integrity() == "ok"


def test_the_log_s_reader_goes_away(tmp_path, started):
    """As when the service manager's journal is restarted: what is logged is lost, nothing else."""
    agent = new_agent(tmp_path, started)
    reader, writer = os.pipe()
    agent.child = subprocess.Popen([BUILD / "flopwatt", "run", f"--config.file={agent.config}"], stderr=writer,
                                   stdin=subprocess.DEVNULL)
    os.close(writer)
    wait_until(agent.answers, 10, "the agent to answer")
    os.close(reader)
    # The meter that nobody answers for is logged about; and the signal by itself.
    agent.signal(signal.SIGPIPE)
    before = polls(agent)
    agent.signal(signal.SIGHUP)
    wait_until(lambda: polls(agent) > before + 3, 20, "polls that go on")
    assert agent.stop() == 0


def test_clients_that_do_not_wait_for_their_answer(tmp_path, started):
    agent = new_agent(tmp_path, started).start()
    for _ in range(200):
        with socket.create_connection(("127.0.0.1", agent.port)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # ends with a reset
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
    before = polls(agent)
    wait_until(lambda: polls(agent) > before + 2, 10, "polls that go on")
    assert agent.metrics().get("flopwatt_polls_skipped_total", source="pdu-a") == 0
    assert agent.stop() == 0
