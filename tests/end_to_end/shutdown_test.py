"""SIGTERM ends the agent within 2 s and loses nothing."""
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
