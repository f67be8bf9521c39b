"""What a meter can do wrong on its line: each wrong answer is refused and counted by its class, none becomes a value,
a neighbour on another line keeps its schedule, and every meter returns when it answers rightly again.

All faults run at the same time, each at a meter of its own, whose power moves so fast that an old value is a wrong one.
"""
import math
import socket
import threading
import time

import pytest

from harness.agent import Agent
from harness.broker import Broker, Subscriber
from harness.process import wait_until
from harness.rack import Rack

# Command of the rack, and the class that must be counted.
FAULTS = {
    "silent": (("silent",), "timeout"),
    "late": (("late", "1500"), "timeout"),          # after the client gave up: the next request's answer is another
    "drip": (("drip", "100"), "timeout"),            # a byte at a time: the deadline is of the whole transaction
    "truncated": (("truncate",), "timeout"),
    "wrong-unit": (("wrong_unit",), "protocol"),
    "wrong-id": (("wrong_tid",), "protocol"),
    "trailing": (("trailing",), "protocol"),
    "length-lies": (("length",), "protocol"),
    "busy": (("exception", "6"), "exception"),
    "failing": (("exception", "4"), "exception"),
    "gateway": (("exception", "11"), "exception"),
    "no-such-code": (("exception", "200"), None),   # no code of the protocol: refused as either
    "closing": (("close",), "connection"),
    "refusing": (("refuse",), "connection"),
}
AMPLITUDE_W, PERIOD_S = 2000, 10
OBSERVED_S = 15


@pytest.fixture
def rack(tmp_path, started):
    names = ["healthy", *FAULTS]
    # Ideal meters: how old a value is shows by what it is.
    meters = "\n".join(
        f"  - {{name: {name}, meter: ideal, "
        f"base_power: {{constant: 5000, sine: {{amplitude: {AMPLITUDE_W}, period: {PERIOD_S}}}}}}}"
        for name in names)
    rack = Rack(tmp_path, f"meters:\n{meters}\n").start()
    started.append(rack)
    return rack


def all_up(agent: Agent) -> bool:
    page = agent.metrics()
    return all(page.get("flopwatt_source_up", source=name) == 1 for name in ("healthy", *FAULTS))


def true_power(rack: Rack, unix_time: float) -> float:
    return 5000 + AMPLITUDE_W * math.sin(2 * math.pi * (unix_time - rack.started["start"]) / PERIOD_S)


def unix_of(text: str) -> float:
    from datetime import datetime
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def test_wrong_answers_become_no_values(tmp_path, started, rack):
    broker = Broker(tmp_path).start()
    started.append(broker)
    subscriber = Subscriber(broker.port)
    agent = Agent(tmp_path, {
        "node": "rack-r12", "accelerators": {"nvidia": False},
        "meters": [rack.meter_config(name) for name in ("healthy", *FAULTS)],
        "exporters": {"mqtt": [{"name": "ems", "broker": broker.url}]},
    }).start()
    started.append(agent)
    wait_until(lambda: all_up(agent), 30, "all meters up")

    for name, (command, _) in FAULTS.items():
        rack.control("meter", name, *command)
    begin = time.monotonic()

    def gone(name: str) -> bool:
        page = agent.metrics()
        return (page.get("flopwatt_source_up", source=name) == 0 and
                page.get("flopwatt_meter_power_watts", meter=name) is None)

    for name in FAULTS:
        wait_until(lambda name=name: gone(name), 20, f"{name}: its series are gone")
    while time.monotonic() - begin < OBSERVED_S:
        page = agent.metrics()
        assert page.get("flopwatt_polls_skipped_total", source="healthy") == 0
        assert page.get("flopwatt_source_up", source="healthy") == 1
        time.sleep(0.5)  # the pace of looking, not an event
    page = agent.metrics()
    for name, (_, fault) in FAULTS.items():
        counts = {labels["fault"]: value for labels, value in page.samples["flopwatt_poll_failures_total"]
                  if labels["source"] == name}
        told = sum(counts.values()) if fault is None else counts[fault]
        assert told > 0, (name, counts)

    rack.control("clear")
    wait_until(lambda: all_up(agent), 60, "all meters back: " + str(agent.metrics().samples["flopwatt_source_up"]))
    agent.stop()

    sets = [(message.live_topic.rsplit("/", 1)[1], item) for message in subscriber.messages
            if "/meters/" in message.topic for item in message.sets]
    subscriber.stop()
    assert {name for name, _ in sets} == {"healthy", *FAULTS}
    steepest = 2 * math.pi * AMPLITUDE_W / PERIOD_S
    for name, item in sets:
        error = abs(item["active_power_w"] - true_power(rack, unix_of(item["time"])))
        # A value is of the middle of its transaction, which took at most some tens of milliseconds on a busy machine.
        assert error < 0.25 * steepest, (name, item["time"], error)


def test_reconnects_at_most_once_a_second(tmp_path, started):
    """A device that takes each connection and closes it at once, polled ten times a second."""
    listener = socket.create_server(("127.0.0.1", 0))
    connected = []

    def close_each() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connected.append(time.monotonic())
            connection.close()

    threading.Thread(target=close_each, daemon=True).start()
    agent = Agent(tmp_path, {
        "node": "rack-r12", "accelerators": {"nvidia": False}, "sampling": {"interval": "100ms"},
        "meters": [{"name": "closing", "address": f"tcp://127.0.0.1:{listener.getsockname()[1]}",
                    "accuracy": {"class": 1}, "registers": [
                        {"quantity": "active_power", "address": 0, "function": 3, "type": "u32", "unit": "W"}]}],
    }).start()
    started.append(agent)
    wait_until(lambda: len(connected) >= 2, 10, "it to try again")
    wait_until(lambda: time.monotonic() - connected[0] > 8, 10, "more of it")
    listener.close()
    gaps = [after - before for before, after in zip(connected, connected[1:])]
    assert min(gaps) > 0.9, gaps
    assert len(connected) < 7, "no back-off"
