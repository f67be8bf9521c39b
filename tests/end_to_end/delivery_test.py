"""Delivery is by set: what the broker has acknowledged is delivered, what it refuses holds up nothing else, and at every
scrape delivered + dropped + left_out + set_aside + backlog = stored."""
import collections
import time

import pytest

from harness.broker import Broker, Subscriber
from harness.delivery import Site, repeats, subscribed_seqs, write_acl
from harness.process import wait_until
from harness.scripted_broker import CLOSE, Disconnect, ScriptedBroker

UNAVAILABLE = bytes([0, 0x88, 0])


def denying_broker(folder, denied: str | None) -> Broker:
    # Without room for messages mosquitto 2.0.11 closes the connection at a refusal.
    broker = Broker(folder, f"allow_anonymous true\nacl_file {folder}/acl\nmax_queued_messages 1000000\n")
    folder.chmod(0o755)
    write_acl(broker, denied)
    return broker


def test_a_denied_topic_holds_up_nothing_and_is_taken_when_the_access_list_is_fixed(tmp_path, started):
    broker = denying_broker(tmp_path, "accelerators/nvidia2").start()
    started.append(broker)
    subscriber = Subscriber(broker.port)
    site = Site(tmp_path, started, broker.url)
    agent = site.agent
    wait_until(lambda: site.exporter("delivered_readings_total") > 200, 20, "delivered readings beside the denied topic")
    wait_until(lambda: site.exporter("set_aside_readings") > 0, 10, "readings that are set aside")

    assert broker.stop() == 0  # an outage behind it
    wait_until(lambda: site.exporter("up") == 0, 20, "exporter down")
    time.sleep(6)  # the outage itself
    broker.start()
    wait_until(lambda: site.exporter("up") == 1, 40, "exporter up")
    allowed = site.seqs("!nvidia2")
    wait_until(lambda: allowed <= set(subscribed_seqs(subscriber)), 30, "every allowed set at the subscriber")
    wait_until(lambda: site.exporter("backlog_readings") < 200, 10, "the backlog to be gone")
    received = subscribed_seqs(subscriber)
    assert not site.seqs("nvidia2") & set(received)
    assert repeats(received) <= 0.05 * len(received)
    refused = site.exporter("refusals_total", reason="not_authorized")
    assert 2 <= refused <= 6, "one message of each topic and connection"
    lines = [line for line in agent.log_text().splitlines() if "refuses a message" in line]
    assert len(lines) == 2 and all("nvidia2" in line and "Not authorized" in line for line in lines), lines

    site.restart_agent()
    aside = site.seqs("nvidia2")
    wait_until(lambda: site.exporter("up") == 1, 20, "exporter up")
    assert site.exporter("set_aside_readings") > 0
    assert not aside & set(subscribed_seqs(subscriber))

    # The access list is fixed: the next connection takes what was set aside, as replay.
    assert broker.stop() == 0
    write_acl(broker, None)
    broker.start()
    wait_until(lambda: aside <= set(subscribed_seqs(subscriber)), 60, "what was set aside")
    wait_until(lambda: site.exporter("set_aside_readings") == 0, 10, "the count to be 0")
    everything = site.seqs()
    wait_until(lambda: everything <= set(subscribed_seqs(subscriber)), 20, "every set")
    received = subscribed_seqs(subscriber)
    assert repeats(received) <= 0.05 * len(received)
    replayed = {m.topic for m in subscriber.messages if m.replayed}
    assert "flopwatt/n/replay/accelerators/nvidia2" in replayed
    site.watch.stop()
    subscriber.stop()


@pytest.mark.parametrize("reason", [0x80, 0x83, 0x91, 0x97])
def test_a_topic_that_is_not_taken_now_is_tried_again_and_holds_up_no_other(tmp_path, started, reason):
    busy = {"on": True}
    broker = ScriptedBroker(lambda m: reason if busy["on"] and "nvidia1" in m.topic and m.sets else 0)
    started.append(broker)
    site = Site(tmp_path, started, broker.url)
    wait_until(lambda: site.exporter("delivered_readings_total") > 300, 20, "the other topics")
    tries = [m for m in broker.messages if "nvidia1" in m.topic and m.sets]
    assert 1 <= len(tries) <= 12, "tried again with a pause"
    assert site.exporter("set_aside_readings") == 0
    busy["on"] = False
    everything = site.seqs()
    wait_until(lambda: everything <= set(broker.taken()), 40, "all sets")
    assert repeats(broker.taken()) == 0
    assert len([line for line in site.agent.log_text().splitlines() if "refuses a message" in line]) <= 2
    site.watch.stop()


def backlog_behind(site: Site, broker: ScriptedBroker, gate: dict, seconds: float = 4) -> set[int]:
    """An outage; returns what was stored until its end."""
    gate["refuse_connections"] = True
    broker.drop()
    time.sleep(seconds)  # the outage itself
    stored = site.seqs()
    gate["refuse_connections"] = False
    return stored


def gated_broker(on_publish, gate: dict, properties: bytes = b"") -> ScriptedBroker:
    good = bytes([0, 0, len(properties)]) + properties
    return ScriptedBroker(on_publish, lambda _n, _body: UNAVAILABLE if gate.get("refuse_connections") else good)


def largest_object(broker: ScriptedBroker) -> int:
    return max(len(m.payload) for m in broker.messages if m.sets and not m.payload.startswith(b"["))


@pytest.mark.parametrize("way", ["puback", "disconnect"])
def test_arrays_that_are_too_large_without_an_announced_limit_are_halved(tmp_path, started, way):
    gate = {}

    def judge(message):
        if len(message.payload) <= 2500 or not message.payload.startswith(b"["):
            return 0
        return 0x95 if way == "puback" else Disconnect(0x95)

    broker = gated_broker(judge, gate)
    started.append(broker)
    site = Site(tmp_path, started, broker.url)
    wait_until(lambda: site.exporter("delivered_readings_total") > 100, 20, "delivery")
    stored = backlog_behind(site, broker, gate)
    wait_until(lambda: stored <= set(broker.taken()), 90, "all sets")
    wait_until(lambda: site.exporter("backlog_readings") < 300, 20, "the backlog to be gone")
    assert site.exporter("refusals_total", reason="packet_too_large") > 0
    assert site.exporter("set_aside_readings") == 0
    assert repeats(broker.taken()) <= 0.05 * len(broker.taken())
    site.watch.stop()


@pytest.mark.parametrize("announced", [True, False])
def test_a_single_set_that_is_too_large_is_set_aside_and_the_rest_flows(tmp_path, started, announced):
    # The sets of meters are longer than those of accelerators without work.
    limit = 520

    def size(message):
        return len(message.payload) + len(message.topic) + 48

    def judge(message):
        return 0x95 if message.sets and size(message) > limit else 0

    broker = ScriptedBroker(judge, bytes([0, 0, 5, 0x27, 0, 0, limit >> 8, limit & 255]) if announced else bytes(3))
    started.append(broker)
    site = Site(tmp_path, started, broker.url)
    wait_until(lambda: site.exporter("set_aside_readings") > 0, 20, "sets that are set aside")
    wait_until(lambda: site.exporter("delivered_readings_total") > 300, 20, "the others")
    small = {item["seq"] for m in broker.messages for item in m.sets if m.answer == 0}
    assert small and repeats(broker.taken()) == 0
    assert site.exporter("refusals_total", reason="packet_too_large") > 0
    site.watch.stop()


def rests(broker: ScriptedBroker, seconds: float) -> bool:
    connections = len(broker.connects)
    time.sleep(seconds)  # the time in which nobody connects
    return len(broker.connects) == connections


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_broker_that_closes_at_a_topic_is_found_out_and_the_rest_flows(tmp_path, started, protocol):
    broker = ScriptedBroker(lambda m: CLOSE if m.sets and m.topic.endswith("accelerators/nvidia3") else 0,
                            connack=bytes(3 if protocol == "5" else 2))
    started.append(broker)
    site = Site(tmp_path, started, broker.url, protocol=protocol)
    wait_until(lambda: site.exporter("refusals_total", reason="connection_closed") >= 2, 120,
               "the live and the replay topic to be found out")
    stored = site.seqs("!nvidia3")
    wait_until(lambda: stored <= set(broker.taken()), 60, "all other sets")
    # An array under replay/ is halved first: its single sets may have to be found out yet.
    wait_until(lambda: rests(broker, 10), 120, "a connection that holds")
    assert site.exporter("set_aside_readings") > 0
    assert site.exporter("up") == 1
    text = site.agent.log_text()
    assert "nvidia3" in text and "closes the connection at such a message" in text
    site.watch.stop()


def test_publish_and_every_leave_out_and_count(tmp_path, started):
    broker = Broker(tmp_path).start()
    started.append(broker)
    subscriber = Subscriber(broker.port)
    site = Site(tmp_path, started, broker.url, publish=["meters", "scopes"], every="2s")
    wait_until(lambda: len(subscriber.of("scopes/rack/5s")) >= 2, 30, "two windows")
    wait_until(lambda: site.exporter("left_out_readings_total") > 0, 5, "readings that are left out")
    topics = collections.Counter(message.topic for message in subscriber.messages if message.sets)
    assert {topic.split("/")[2] for topic in topics if "/replay/" not in topic} == {"meters", "scopes"}
    spans = collections.Counter((m.topic, m.sets[0]["time"][:18], int(m.sets[0]["time"][18]) // 2)
                                for m in subscriber.of("meters/pdu-a"))
    assert set(spans.values()) == {1}, spans
    assert {m.topic.split("/")[-1] for m in subscriber.messages if "/status/" in m.topic} >= {"nvidia0", "pdu-a"}
    site.watch.stop()
    subscriber.stop()
