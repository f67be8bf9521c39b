"""A broker behind TLS that wants client certificates and a password: every seq arrives whatever befalls it, and each
failure of TLS is told in words. The subscriber is paho's own client for Python."""
import signal
import time
from collections import Counter
from datetime import timedelta

import pytest
import yaml

from harness.agent import Agent
from harness.certificates import Certificates
from harness.process import wait_until
from harness.rack import LOADS, Rack
from harness.secured_broker import SecuredBroker, exporter, issued, reader


def tls_broker(folder, certificates: Certificates, started) -> SecuredBroker:
    broker = SecuredBroker(folder, certificates)
    started.append(broker)
    return broker.start()


def agent_for(folder, started, entry: dict) -> Agent:
    rack = Rack(folder, LOADS / "demo.yml").start()
    agent = Agent(folder, {
        "node": "rack-r12", "meters": [rack.meter_config("pdu-a"), rack.meter_config("pdu-b")],
        "accelerators": {"nvidia": {"library": rack.library}},
        "scopes": [{"name": "gpu-01", "energy": ["pdu-a", "pdu-b"], "work": "all"}],
        "energy": {"windows": ["5s"]}, "exporters": {"mqtt": [entry]},
    }, environment=rack.environment)
    started += [rack, agent]
    return agent.start()


@pytest.fixture
def certificates(tmp_path):
    return issued(tmp_path)


def is_up(agent: Agent) -> bool:
    return agent.metrics().get("flopwatt_exporter_up", exporter="ems") == 1


def test_every_seq_arrives_over_tls_through_outages_and_renewed_certificates(tmp_path, started, certificates):
    broker = tls_broker(tmp_path, certificates, started)
    subscriber = reader(broker, certificates)
    agent = agent_for(tmp_path, started, exporter(broker, certificates, tmp_path))
    wait_until(lambda: len(subscriber.seqs()) > 10, 20, "the first readings")

    def outage(end_broker) -> None:
        newest = max(subscriber.seqs())
        end_broker()
        wait_until(lambda: not is_up(agent), 30, "exporter down")
        if not broker.alive():
            broker.start()
        wait_until(lambda: max(subscriber.seqs()) > newest + 20, 60, "readings after the outage")

    outage(broker.stop)
    outage(broker.kill)
    broker.signal(signal.SIGSTOP)  # a half-open connection
    wait_until(lambda: not is_up(agent), 40, "exporter down")
    broker.signal(signal.SIGCONT)
    wait_until(lambda: is_up(agent), 60, "exporter up")

    log_before = agent.log_text()
    certificates.sign("agent", "DNS:agent.example")  # renewed
    wait_until(lambda: "with other certificate files" in agent.log_text()[len(log_before):], 60, "the new files")
    wait_until(lambda: is_up(agent), 20, "exporter up")

    assert agent.stop() == 0
    agent.start()
    stored = agent.stored_seqs()
    wait_until(lambda: stored <= subscriber.seqs(), 60, "every stored seq at the subscriber")
    assert stored == set(range(min(stored), max(stored) + 1))
    wait_until(lambda: is_up(agent), 20, "exporter up")
    metrics = agent.metrics()
    assert metrics.get("flopwatt_exporter_dropped_readings_total", exporter="ems") == 0
    days = {labels["usage"]: value for labels, value in metrics.samples["flopwatt_certificate_expiry_days"]}
    assert 29 < days["client"] < 31 and 29 < days["ca"] < 31
    repeats = Counter(item["seq"] for message in subscriber.messages for item in message.sets)
    assert sum(repeats.values()) < 1.05 * len(repeats) + 64 * 5  # 64 may be in flight at each of five losses
    subscriber.stop()


def reason(agent: Agent, words: str) -> None:
    try:
        wait_until(lambda: words in agent.log_text(), 30, words)
    except AssertionError:
        raise AssertionError(f"'{words}' is not in {agent.log_text()}") from None
    assert not is_up(agent)


def test_failures_of_tls_in_words_and_their_cures(tmp_path, started, certificates):
    broker = tls_broker(tmp_path, certificates, started)
    agent = agent_for(tmp_path, started, exporter(broker, certificates, tmp_path, host="127.0.0.1"))
    reason(agent, "the certificate is for another name: localhost")

    def with_entry(**tls) -> None:
        config = yaml.safe_load(agent.config.read_text())
        config["exporters"]["mqtt"] = [exporter(broker, certificates, tmp_path, **tls)]
        agent.config.write_text(yaml.safe_dump(config, sort_keys=False))
        agent.signal(signal.SIGHUP)

    stranger = Certificates(tmp_path / "stranger", "Another CA")
    with_entry(ca_file=str(stranger / "ca.pem"))
    reason(agent, "is signed by an unknown issuer, CN=Test CA; put its certificate into ca_file")
    with_entry(cert_file=None, key_file=None)
    reason(agent, "a client certificate is needed; set cert_file and key_file")
    certificates.sign("expired", "DNS:agent.example", timedelta(days=-1))
    with_entry(cert_file=str(certificates / "expired.pem"), key_file=str(certificates / "expired.key"))
    reason(agent, "our certificate has expired; renew it")
    broker.stop()
    certificates.sign("broker", "DNS:localhost", timedelta(days=-1))
    broker.start()
    with_entry()
    reason(agent, "(this machine's clock says ")
    broker.stop()
    certificates.sign("broker", "DNS:localhost")
    broker.start()
    wait_until(lambda: is_up(agent), 60, f"exporter up: {agent.log_text()}")


def test_a_pair_that_is_half_renewed_keeps_the_old_one(tmp_path, started, certificates):
    broker = tls_broker(tmp_path, certificates, started)
    agent = agent_for(tmp_path, started, exporter(broker, certificates, tmp_path))
    wait_until(lambda: is_up(agent), 20, "exporter up")
    key = (certificates / "agent.key").read_text()
    certificates.sign("agent", "DNS:agent.example")
    new_key = (certificates / "agent.key").read_text()
    (certificates / "agent.key").write_text(key)  # the certificate is new, the key is the old one
    wait_until(lambda: "agent.key" in agent.log_text(), 60, f"the pair in {agent.log_text()}")
    broker.stop()
    wait_until(lambda: not is_up(agent), 20, "exporter down")
    broker.start()
    wait_until(lambda: is_up(agent), 40, "exporter up with the old pair")
    (certificates / "agent.key").write_text(new_key)
    wait_until(lambda: "with other certificate files" in agent.log_text(), 60, "the new pair")
    wait_until(lambda: is_up(agent), 20, "exporter up with the new pair")
    time.sleep(1)
    assert is_up(agent)
