"""SIGTERM ends the agent within 2 s and loses nothing."""
import contextlib
import sqlite3
import time

from harness.agent import Agent
from harness.broker import Broker, Subscriber
from harness.process import wait_until
from harness.rack import LOADS, Rack


def test_sigterm_ends_cleanly_within_two_seconds(tmp_path, started):
    rack = Rack(tmp_path, LOADS / "demo.yml").start()
    broker = Broker(tmp_path).start()
    started += [rack, broker]
    subscriber = Subscriber(broker.port)
    agent = Agent(tmp_path, {
        "node": "rack-r12", "meters": [rack.meter_config("pdu-a"), rack.meter_config("pdu-b")],
        "accelerators": {"nvidia": {"library": rack.library}},
        "exporters": {"mqtt": [{"name": "ems", "broker": broker.url}]},
    }, environment=rack.environment).start()
    started.append(agent)
    wait_until(lambda: subscriber.of("accelerators/nvidia3"), 20, "readings")
    begin = time.monotonic()
    assert agent.stop() == 0, agent.log_text()
    assert time.monotonic() - begin < 2
    assert agent.integrity() == "ok"
    assert subscriber.seqs() <= agent.stored_seqs()
    offline = wait_until(lambda: [m for m in subscriber.of("rack-r12/state") if m.payload["state"] == "offline"], 5,
                         "state offline")
    assert "time" not in offline[-1].payload

    # The next run goes on where this one ended: what was not acknowledged comes as replay, nothing is missing.
    agent.start()
    first = min(agent.stored_seqs())
    last = max(agent.stored_seqs())
    wait_until(lambda: set(range(first, last + 1)) <= subscriber.seqs(), 20, "every seq at the subscriber")
    subscriber.stop()


def test_what_waits_for_a_commit_is_stored(tmp_path, started):
    rack = Rack(tmp_path, LOADS / "demo.yml").start()
    started.append(rack)
    agent = Agent(tmp_path, {"node": "rack-r12", "accelerators": {"nvidia": False}, "store": {"commit": "1m"},
                             "meters": [rack.meter_config("pdu-a")]}).start()
    started.append(agent)

    def newest() -> float:
        return agent.metrics().get("flopwatt_source_last_reading_timestamp_seconds", source="pdu-a") or 0

    before = wait_until(newest, 20, "a reading")
    wait_until(lambda: newest() > before + 2, 10, "readings that wait")
    last = newest()
    assert agent.stop() == 0
    with contextlib.closing(sqlite3.connect(agent.store)) as connection:
        stored = connection.execute("select max(time) from reading_set").fetchone()[0] or 0
    assert stored / 1e6 > last - 0.001
