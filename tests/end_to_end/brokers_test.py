"""Brokers as they are: without retained messages, with QoS 0 only, with a short keep alive, of MQTT 3.1.1; and what is no
broker at all. It works with what is there, and says what is missing."""
import socket
import subprocess
import threading
import time

import pytest

from harness.agent import Agent
from harness.broker import Broker, Subscriber
from harness.process import free_port, wait_until
from harness.rack import Rack
from harness.scripted_broker import CLOSE, ScriptedBroker

LOAD = """
gpus: {count: 1, product: NVIDIA H100 80GB HBM3, sm_clock: 1755, idle_power: 80}
meters:
  - {name: pdu-a, gpus: all, base_power: 2700}
"""
REFUSED_3_1_1 = bytes([0, 1])  # a CONNACK as a broker of 3.1.1 sends it to one who speaks 5


def agent_for(folder, started, *exporters: dict, interval: str = "500ms") -> Agent:
    rack = Rack(folder, LOAD).start()
    started.append(rack)
    agent = Agent(folder, {
        "node": "n", "meters": [rack.meter_config("pdu-a", interval=interval)],
        "accelerators": {"nvidia": False}, "store": {"commit": "250ms"},
        "exporters": {"mqtt": [{"name": f"ems{i or ''}", **each} for i, each in enumerate(exporters)]},
    }, environment=rack.environment).start()
    started.append(agent)
    return agent


def delivered(agent: Agent, name: str = "ems") -> float:
    return agent.metrics().get("flopwatt_exporter_delivered_readings_total", exporter=name)


def remarks(agent: Agent, name: str = "ems") -> str:
    return " ".join(agent.status()["exporters"][name].get("remarks", []))


@pytest.mark.parametrize("setting, remark", [("retain_available false", "retains nothing"), ("max_qos 0", "QoS 0 only")])
def test_a_broker_without_retain_or_qos_1_works_and_the_log_says_what_is_missing(tmp_path, started, setting, remark):
    broker = Broker(tmp_path, f"allow_anonymous true\n{setting}\n").start()
    started.append(broker)
    subscriber = Subscriber(broker.port)
    agent = agent_for(tmp_path, started, {"broker": broker.url})
    wait_until(lambda: delivered(agent) > 50, 20, "delivery")
    wait_until(lambda: agent.stored_seqs() - subscriber.seqs() == set() or len(subscriber.seqs()) > 10, 10, "sets")
    assert remark in remarks(agent)
    assert remark in agent.log_text()
    subscriber.stop()


def test_the_keep_alive_of_the_broker_is_obeyed(tmp_path, started):
    broker = Broker(tmp_path, "allow_anonymous true\nmax_keepalive 10\nlog_type all\n").start()
    started.append(broker)
    subscriber = Subscriber(broker.port, "flopwatt/n/state")
    agent = agent_for(tmp_path, started, {"broker": broker.url, "publish": []}, interval="30s")
    wait_until(lambda: subscriber.messages, 20, "state")
    time.sleep(20)  # twice the keep alive, in which nothing is published
    # mosquitto ends the subscriber's own connection, since it does not obey; what it is told again is retained.
    assert {m.payload["state"] for m in subscriber.messages} == {"online"}
    assert agent.log_text().count("connected to MQTT broker") == 1
    assert agent.metrics().get("flopwatt_exporter_up", exporter="ems") == 1
    subscriber.stop()


@pytest.mark.parametrize("answer", [REFUSED_3_1_1, bytes([0, 0x84, 0]), None])
def test_auto_takes_3_1_1_where_5_is_refused_and_stays_with_it(tmp_path, started, answer):
    def connack(_number, body):
        return answer if body[6] == 5 else bytes([0, 0])

    broker = ScriptedBroker(connack=connack)
    started.append(broker)
    agent = agent_for(tmp_path, started, {"broker": broker.url})
    wait_until(lambda: delivered(agent) > 20, 40, "delivery over 3.1.1")
    assert "3.1.1" in remarks(agent) and "best effort" in agent.log_text()
    before = len(broker.connects)
    broker.drop()
    wait_until(lambda: len(broker.connects) > before, 20, "the next connection")
    wait_until(lambda: agent.metrics().get("flopwatt_exporter_up", exporter="ems") == 1, 20, "exporter up")
    assert {body[6] for body in broker.connects[before:]} == {4}


def test_a_version_that_is_written_stays(tmp_path, started):
    broker = ScriptedBroker(connack=lambda _n, body: REFUSED_3_1_1 if body[6] == 5 else bytes([0, 0]))
    other = ScriptedBroker(connack=lambda _n, body: bytes([0, 0, 0]) if body[6] == 5 else bytes([0, 0]))
    started += [broker, other]
    agent = agent_for(tmp_path, started, {"broker": broker.url, "protocol": 5}, {"broker": other.url, "protocol": "3.1.1"})
    wait_until(lambda: delivered(agent, "ems1") > 5, 20, "delivery over 3.1.1")
    wait_until(lambda: len(broker.connects) > 1, 20, "another attempt")
    assert {body[6] for body in broker.connects} == {5} and {body[6] for body in other.connects} == {4}
    assert "does not speak this version of MQTT: write `protocol: auto`" in agent.log_text()
    assert delivered(agent) == 0


class Speaker:
    """A TCP server that answers whatever comes with the same bytes, and closes."""

    def __init__(self, answer: bytes):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._answer = answer
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
                with peer:
                    peer.recv(4096)
                    peer.sendall(self._answer)
            except OSError:
                if self._listener.fileno() < 0:
                    return

    def stop(self) -> None:
        self._listener.close()


def accepts(port: int) -> bool:
    with socket.socket() as visitor:
        return visitor.connect_ex(("127.0.0.1", port)) == 0


def tls_server(folder, started) -> int:
    port = free_port()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "key.pem", "-out",
                    folder / "cert.pem", "-days", "1", "-subj", "/CN=localhost"], check=True, capture_output=True)
    server = subprocess.Popen(["openssl", "s_server", "-quiet", "-accept", f"127.0.0.1:{port}", "-key", folder / "key.pem",
                               "-cert", folder / "cert.pem"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    started.append(server)
    server.stop = server.kill
    wait_until(lambda: accepts(port), 20, "the TLS server")
    return port


@pytest.mark.parametrize("what, cure", [("dead", "nobody listens at"), ("tls", "a TLS server answers"),
                                        ("web", "a web server answers"), ("mute", "closes it without an answer"),
                                        ("ssh", "no MQTT broker"), ("large", "it began a packet of 200000000 bytes")])
def test_what_is_no_broker_is_named_with_its_cure(tmp_path, started, what, cure):
    if what == "dead":
        port = free_port()
    elif what == "tls":
        port = tls_server(tmp_path, started)
    else:
        speaker = Speaker({"web": b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "mute": b"",
                           "ssh": b"SSH-2.0-OpenSSH_9.2p1\r\n",
                           "large": b"\x20\x03\0\0\0" + b"\x30\x80\x84\xaf\x5f\0\1t\0"}[what])
        started.append(speaker)
        port = speaker.port
    agent = agent_for(tmp_path, started, {"broker": f"mqtt://127.0.0.1:{port}"})
    wait_until(lambda: cure in agent.log_text(), 25, f"the log to say: {cure}")
    assert agent.log_text().count("cannot connect to MQTT broker") == 1


@pytest.mark.parametrize("reason, words", [(0x9C, "Use another server"), (0x9D, "Server moved")])
def test_the_broker_that_a_refusal_names_is_in_the_log(tmp_path, started, reason, words):
    name = b"other.example:1883"
    properties = b"\x1f\0\4why?" + b"\x26\0\1a\0\1b" + b"\x1c" + len(name).to_bytes(2, "big") + name
    broker = ScriptedBroker(connack=bytes([0, reason, len(properties)]) + properties)
    started.append(broker)
    agent = agent_for(tmp_path, started, {"broker": broker.url})
    wait_until(lambda: f"{words} (reason code {reason})" in agent.log_text(), 20, "the refusal")
    assert "write the broker that takes its place in `broker` (it names other.example:1883)" in agent.log_text()


def test_another_client_with_our_id_is_named(tmp_path, started):
    broker = Broker(tmp_path).start()
    started.append(broker)
    agent = agent_for(tmp_path, started, {"broker": broker.url})
    wait_until(lambda: delivered(agent) > 0, 20, "delivery")

    def take_over():
        subprocess.run(["mosquitto_pub", "-V", "5", "-p", str(broker.port), "-i", "flopwatt-n-ems", "-t", "x", "-m", "y"],
                       check=True)
        return "another client uses this client id" in agent.log_text()

    wait_until(take_over, 60, "the log to name the other client", poll=0.5)


@pytest.mark.parametrize("answer", [0x87, CLOSE], ids=["refuses", "closes"])
def test_a_broker_that_does_not_take_state_gets_all_else(tmp_path, started, answer):
    broker = ScriptedBroker(lambda message: answer if message.topic.endswith("/state") else 0)
    started.append(broker)
    agent = agent_for(tmp_path, started, {"broker": broker.url})
    wait_until(lambda: delivered(agent) > 10, 60, "delivery")
    refusal = [line for line in agent.log_text().splitlines() if "topic=flopwatt/n/state" in line]
    assert len(refusal) == 1 and "no reading is in it" in refusal[0]


def test_a_broker_that_answers_late_is_waited_for_longer(tmp_path, started):
    broker = ScriptedBroker(lambda message: time.sleep(11) or 0)
    started.append(broker)
    agent = agent_for(tmp_path, started, {"broker": broker.url})
    wait_until(lambda: delivered(agent) > 0, 90, "delivery")
    assert agent.log_text().count("acknowledged nothing for 10 s") == 1


def test_two_brokers_at_once_and_one_of_them_gone(tmp_path, started):
    (tmp_path / "other").mkdir()
    broker, other = Broker(tmp_path).start(), Broker(tmp_path / "other").start()
    started += [broker, other]
    agent = agent_for(tmp_path, started, {"broker": broker.url}, {"broker": other.url})
    subscriber, second = Subscriber(broker.port), Subscriber(other.port)
    wait_until(lambda: delivered(agent) > 20 and delivered(agent, "ems1") > 20, 20, "delivery to both")
    assert broker.stop() == 0
    before = delivered(agent, "ems1")
    wait_until(lambda: delivered(agent, "ems1") > before + 20, 20, "delivery to the other one")
    broker.start()
    stored = agent.stored_seqs()
    wait_until(lambda: stored <= subscriber.seqs() | second.seqs() and stored - subscriber.seqs() <= set(sorted(stored)[:12]),
               40, "the backlog at the first one")
    subscriber.stop()
    second.stop()
