"""A broker that sends what nobody asked for, as fast as it can: the agent does not grow, and no poll is skipped."""
import socket
import threading
import time

import pytest

from harness.agent import Agent
from harness.process import wait_until
from harness.rack import LOADS, Rack

CONNACK = bytes([0x20, 3, 0, 0, 0])
LARGE = bytes([0x30, 0x80, 0x84, 0xAF, 0x5F, 0, 1, ord("t"), 0]) + b"x" * 1_000_000  # begins a PUBLISH of 200 MB
SMALL = (bytes([0x30, 0x84, 0x20, 0, 1, ord("t"), 0]) + b"x" * 4096) * 250          # 250 of 4 kB


class Flood:
    """Answers CONNECT, then sends `bytes_` again and again until the connection ends."""

    def __init__(self, bytes_: bytes):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.sent = 0
        self._bytes = bytes_
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer) -> None:
        try:
            with peer:
                peer.recv(4096)
                peer.sendall(CONNACK)
                while True:
                    self.sent += peer.send(self._bytes)
        except OSError:
            pass

    def stop(self) -> None:
        self._listener.close()


def pss_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        return next(int(line.split()[1]) * 1024 for line in rollup if line.startswith("Pss:"))


@pytest.mark.parametrize("flood", [LARGE, SMALL], ids=["a packet of 200 MB", "packets of 4 kB"])
def test_a_flood_from_the_broker_costs_neither_memory_nor_polls(tmp_path, started, flood):
    rack = Rack(tmp_path, LOADS / "demo.yml").start()
    broker = Flood(flood)
    agent = Agent(tmp_path, {
        "node": "n", "meters": [rack.meter_config("pdu-a"), rack.meter_config("pdu-b")],
        "accelerators": {"nvidia": {"library": rack.library}},
        "exporters": {"mqtt": [{"name": "ems", "broker": f"mqtt://127.0.0.1:{broker.port}"}]},
    }, environment=rack.environment)
    started += [rack, broker, agent]
    agent.start()
    wait_until(lambda: broker.sent > 1_000_000, 20, "the flood")
    before = pss_bytes(agent.pid)
    time.sleep(10)  # of flood
    assert pss_bytes(agent.pid) < before + 8 * 1024 * 1024
    assert sum(value for _, value in agent.metrics().samples["flopwatt_polls_skipped_total"]) == 0
    if flood is LARGE:
        assert "it began a packet of 200000000 bytes" in agent.log_text()
    assert agent.stop() == 0
