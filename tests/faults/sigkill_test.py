"""50 SIGKILLs (or FLOPWATT_KILLS) at random moments: what a subscriber received, or flopwatt_store_readings_total showed, is in the store
with the same seq and time; the database is sound. The disk is slow, so that a kill often falls into a commit."""
import contextlib
import os
import random
import sqlite3
import time
from datetime import datetime

from harness.agent import Agent
from harness.broker import Broker, Subscriber
from harness.process import BUILD, wait_until
from harness.rack import LOADS, Rack

KILLS = int(os.environ.get("FLOPWATT_KILLS", "50"))


def stored_times(agent: Agent) -> dict[int, int]:
    """Unix milliseconds by seq."""
    with contextlib.closing(sqlite3.connect(agent.store)) as connection:
        return {seq: time_us // 1000 for seq, time_us in connection.execute("select seq, time from reading_set")}


def stored_total(agent: Agent) -> int:
    with contextlib.closing(sqlite3.connect(agent.store)) as connection:
        return connection.execute("select max(total) from reading_set").fetchone()[0] or 0


def received_times(subscriber: Subscriber) -> dict[int, int]:
    return {item["seq"]: round(datetime.fromisoformat(item["time"].replace("Z", "+00:00")).timestamp() * 1000)
            for message in subscriber.messages for item in message.sets}


def test_what_was_told_survives_sigkill(tmp_path, started):
    rack = Rack(tmp_path, LOADS / "demo.yml").start()
    broker = Broker(tmp_path).start()
    started += [rack, broker]
    subscriber = Subscriber(broker.port)
    agent = Agent(tmp_path, {
        "node": "rack-r12", "sampling": {"interval": "200ms"}, "store": {"commit": "250ms"},
        "meters": [rack.meter_config("pdu-a"), rack.meter_config("pdu-b")],
        "accelerators": {"nvidia": {"library": rack.library}},
        "scopes": [{"name": "gpu-01", "energy": ["pdu-a", "pdu-b"], "work": "all"}],
        "energy": {"windows": ["1s"]},
        "exporters": {"mqtt": [{"name": "ems", "broker": broker.url}]},
    }, environment={**rack.environment, "SLOW_WRITE_MS": "8",
                    "LD_PRELOAD": str(BUILD / "tests/faults/store/libslow_write.so")})
    started.append(agent)
    moments = random.Random(20261123)
    for kill in range(KILLS):
        shown_before = stored_total(agent) if kill else 0
        agent.start()
        wait_until(lambda: agent.metrics().get("flopwatt_store_readings_total") > shown_before, 20, "a commit")
        time.sleep(moments.uniform(0, 1))  # the random moment
        shown = agent.metrics().get("flopwatt_store_readings_total")
        agent.kill()
        assert stored_total(agent) >= shown, f"kill {kill}: the endpoint showed what is not stored"
        assert agent.integrity() == "ok"

    agent.start()
    wait_until(lambda: set(stored_times(agent)) <= subscriber.seqs() | newest(agent), 60, "the backlog")
    assert agent.stop() == 0
    stored, received = stored_times(agent), received_times(subscriber)
    assert len(received) > 10 * KILLS
    lost = {seq: when for seq, when in received.items() if stored.get(seq) != when}
    assert not lost, f"received, but not in the store as it was: {sorted(lost.items())[:5]}"
    assert set(stored) == set(range(min(stored), max(stored) + 1))
    subscriber.stop()


def newest(agent: Agent) -> set[int]:
    """The seqs of the last seconds: on their way."""
    limit = (time.time() - 3) * 1000
    return {seq for seq, when in stored_times(agent).items() if when > limit}
