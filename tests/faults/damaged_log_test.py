"""SIGKILL, then damage to the write-ahead log: the store is shorter than what was told, and no seq that a subscriber has
received ever names another set. The log says how many sets are missing, and what comes after is delivered."""
import pytest

from harness.agent import Agent
from harness.broker import Broker, Subscriber
from harness.process import wait_until
from harness.rack import LOADS, Rack


def flip_a_bit(wal):
    content = bytearray(wal.read_bytes())
    content[len(content) // 4] ^= 1
    wal.write_bytes(content)


def cut_to_half(wal):
    with open(wal, "r+b") as file:
        file.truncate(wal.stat().st_size // 2)


def remove(wal):
    wal.unlink()


def received_times(subscriber: Subscriber) -> dict[int, set[str]]:
    """The times under which each seq was received."""
    times: dict[int, set[str]] = {}
    for message in subscriber.messages:
        for item in message.sets:
            times.setdefault(item["seq"], set()).add(item["time"])
    return times


@pytest.mark.parametrize("damage", [flip_a_bit, cut_to_half, remove])
def test_no_seq_names_a_second_set(tmp_path, started, damage):
    rack = Rack(tmp_path, LOADS / "demo.yml").start()
    broker = Broker(tmp_path).start()
    started += [rack, broker]
    subscriber = Subscriber(broker.port)
    agent = Agent(tmp_path, {
        "node": "rack-r12", "sampling": {"interval": "200ms"}, "store": {"commit": "250ms"},
        "meters": [rack.meter_config("pdu-a"), rack.meter_config("pdu-b")],
        "accelerators": {"nvidia": {"library": rack.library}},
        "exporters": {"mqtt": [{"name": "ems", "broker": broker.url}]},
    }, environment=rack.environment)
    started.append(agent)
    agent.start()
    wait_until(subscriber.seqs, 20, "a set")
    assert agent.stop() == 0  # what it has stored so far is in the main file
    count = len(subscriber.seqs())
    agent.start()
    wait_until(lambda: len(subscriber.seqs()) > count + 50, 20, "sets")
    agent.kill()
    newest_before = max(subscriber.seqs())
    damage(agent.store.with_name(agent.store.name + "-wal"))

    agent.start()
    wait_until(lambda: max(subscriber.seqs()) > newest_before + 50, 20, "sets after the damage")
    metrics = agent.metrics()
    assert metrics.get("flopwatt_exporter_dropped_readings_total", exporter="ems") == 0
    wait_until(lambda: agent.metrics().get("flopwatt_exporter_backlog_readings", exporter="ems") < 400, 20,
               "the backlog to be what a commit or two hold")
    assert agent.stop() == 0
    twice = {seq: times for seq, times in received_times(subscriber).items() if len(times) > 1}
    assert not twice, f"seqs that name several sets: {sorted(twice.items())[:5]}"
    assert max(agent.stored_seqs()) > newest_before
    assert "stored reading sets are missing" in agent.log_text()
    subscriber.stop()
