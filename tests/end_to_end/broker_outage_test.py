"""The broker is stopped for a minute, twice: every seq of every topic arrives, live or under replay/, with its original
time; live readings are on time while the backlog flows."""
import contextlib
import os
import sqlite3
import time
from collections import defaultdict
from datetime import datetime

from harness.agent import Agent
from harness.broker import Broker, Subscriber
from harness.process import wait_until
from harness.rack import LOADS, Rack

OUTAGE_S = float(os.environ.get("FLOPWATT_OUTAGE_S", "60"))
ON_TIME_S = 10  # CONTRACT: what is older when it is sent goes to the replay topics


def unix_time(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def newest_seq(subscriber: Subscriber) -> int:
    return max(subscriber.seqs(), default=0)


def seqs_up_to(agent: Agent, age_s: float = 5) -> set[int]:
    """What was stored up to some seconds ago."""
    with contextlib.closing(sqlite3.connect(agent.store)) as connection:
        return {row[0] for row in connection.execute("select seq from reading_set where time < ?",
                                                     [(time.time() - age_s) * 1e6])}


def check_messages(subscriber: Subscriber) -> None:
    """Repeats have the same seq, topic and content; live ones are on time; arrays are in order and within bounds."""
    contents = defaultdict(set)
    for message in subscriber.messages:
        if message.replayed:
            assert isinstance(message.payload, list) and len(message.payload) <= 500
            seqs = [item["seq"] for item in message.payload]
            assert seqs == sorted(seqs)
        for item in message.sets:
            contents[item["seq"]].add((message.live_topic, str(item)))
    repeated = {seq: kinds for seq, kinds in contents.items() if len(kinds) != 1}
    assert not repeated, f"a seq names two different things: {next(iter(repeated.items()))}"


def test_nothing_is_lost_over_two_outages(tmp_path, started):
    rack = Rack(tmp_path, LOADS / "demo.yml").start()
    broker = Broker(tmp_path).start()
    started += [rack, broker]
    subscriber = Subscriber(broker.port)
    agent = Agent(tmp_path, {
        "node": "rack-r12", "meters": [rack.meter_config("pdu-a"), rack.meter_config("pdu-b")],
        "accelerators": {"nvidia": {"library": rack.library}},
        "scopes": [{"name": "gpu-01", "energy": ["pdu-a", "pdu-b"], "work": "all"}],
        "energy": {"windows": ["5s"]},
        "exporters": {"mqtt": [{"name": "ems", "broker": broker.url}]},
    }, environment=rack.environment).start()
    started.append(agent)
    wait_until(lambda: newest_seq(subscriber), 20, "the first reading")

    for _ in range(2):
        assert broker.stop() == 0
        wait_until(lambda: agent.metrics().get("flopwatt_exporter_up", exporter="ems") == 0, 30, "exporter down")
        before = newest_seq(subscriber)
        time.sleep(OUTAGE_S)  # the outage itself
        assert agent.metrics().get("flopwatt_exporter_backlog_readings", exporter="ems") > 0
        back_at = time.time()
        broker.start()
        wait_until(lambda: newest_seq(subscriber) > before, 60, "readings after the outage")
        # The subscriber's own reconnect may take a second; then live and replayed readings arrive beside each other.
        wait_until(lambda: seqs_up_to(agent) <= subscriber.seqs(), 60, "the backlog at the subscriber")
        live = [m for m in subscriber.messages
                if m.sets and not m.replayed and unix_time(m.sets[0]["time"]) > back_at + 2]
        assert all(m.arrived - unix_time(m.sets[0]["time"]) < ON_TIME_S for m in live)

    assert agent.stop() == 0
    agent.start()  # what was in flight at the end comes under replay/
    seqs = agent.stored_seqs()
    wait_until(lambda: seqs <= subscriber.seqs(), 30, "every stored seq at the subscriber")
    first, last = min(seqs), max(seqs)
    assert seqs == set(range(first, last + 1)), "a hole in the store's own numbers"
    check_messages(subscriber)
    replayed = {m.topic.split("/replay/")[1] for m in subscriber.messages if m.replayed}
    assert {"meters/pdu-a", "accelerators/nvidia0", "scopes/gpu-01/5s"} <= replayed
    subscriber.stop()
