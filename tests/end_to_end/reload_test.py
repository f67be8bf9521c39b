"""SIGHUP applies what changed and leaves the rest alone; a wrong file, or one that needs a restart, changes nothing."""
import signal
import socket
import threading

import yaml

from harness.agent import Agent
from harness.broker import Broker, Subscriber
from harness.process import wait_until
from harness.rack import LOADS, Rack


class Proxy:
    """Passes connections on to a meter and counts them."""

    def __init__(self, port: int):
        self.accepted = 0
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            self.accepted += 1
            meter = socket.create_connection(("127.0.0.1", self._to))
            for source, target in ((client, meter), (meter, client)):
                threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(4096):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Site:
    """A rack whose first meter is reached through a proxy, and an agent that is reloaded."""

    def __init__(self, folder, started, **config):
        self.rack = Rack(folder, LOADS / "demo.yml").start()
        started.append(self.rack)
        self.proxy = Proxy(self.rack.meter("pdu-a")["port"])
        self.pdu_a = {**self.rack.meter_config("pdu-a"), "address": f"tcp://127.0.0.1:{self.proxy.port}"}
        self.pdu_b = self.rack.meter_config("pdu-b")
        self.agent = Agent(folder, {"node": "rack-r12", "meters": [self.pdu_a, self.pdu_b],
                                    "accelerators": {"nvidia": {"library": self.rack.library}}, **config},
                           environment=self.rack.environment)
        started.append(self.agent)
        self.config = yaml.safe_load(self.agent.config.read_text())
        self.agent.start()
        wait_until(lambda: self.up("pdu-a") == self.up("pdu-b") == self.up("nvidia3") == 1, 20, "all sources")

    def up(self, source: str) -> float | None:
        return self.agent.metrics().get("flopwatt_source_up", source=source)

    def reload_state(self) -> tuple:
        page = self.agent.metrics()
        return (page.get("flopwatt_config_last_reload_successful"),
                page.get("flopwatt_config_last_reload_success_timestamp_seconds"))

    def write(self, text: str | None = None, **changes) -> None:
        self.config.update(changes)
        self.agent.config.write_text(text or yaml.safe_dump(self.config, sort_keys=False))

    def reload(self, **changes) -> None:
        """Takes these changes up."""
        before = self.reload_state()[1]
        self.write(**changes)
        self.agent.signal(signal.SIGHUP)
        wait_until(lambda: self.reload_state()[0] == 1 and self.reload_state()[1] > before, 10,
                   f"the reload; {self.agent.log_text()}")

    def refuse(self, text: str | None = None, **changes) -> str:
        """Does not take them up; what the log says."""
        told = len(self.agent.log_text())
        self.write(text, **changes)
        self.agent.signal(signal.SIGHUP)
        wait_until(lambda: "not reloaded" in self.agent.log_text()[told:], 10, "the refusal")
        wait_until(lambda: self.reload_state()[0] == 0, 5, "flopwatt_config_last_reload_successful 0")
        return self.agent.log_text()[told:]

    def check_undisturbed(self) -> None:
        """The first meter has been polled on each of its beats, over one connection."""
        page = self.agent.metrics()
        assert self.proxy.accepted == 1, "the unchanged meter was connected anew"
        assert page.get("flopwatt_polls_skipped_total", source="pdu-a") == 0
        assert sum(value for labels, value in page.samples["flopwatt_poll_failures_total"]
                   if labels["source"] == "pdu-a") == 0
        assert page.get("flopwatt_source_up", source="pdu-a") == 1


def test_only_what_changed_is_applied(tmp_path, started):
    site = Site(tmp_path, started, scopes=[{"name": "rack", "energy": ["pdu-a", "pdu-b"], "work": "all"}],
                energy={"windows": ["5s"]})
    polls = site.agent.metrics().get("flopwatt_polls_total", source="pdu-a")
    gpu_polls = site.agent.metrics().get("flopwatt_polls_total", source="nvidia0")

    # A meter goes, another comes.
    site.reload(meters=[site.pdu_a, {**site.pdu_b, "name": "feed-b"}], scopes=[
        {"name": "rack", "energy": ["pdu-a", "feed-b"], "work": "all"}])
    wait_until(lambda: site.up("feed-b") == 1, 10, "the added meter")
    page = site.agent.metrics()
    assert "pdu-b" not in page.text
    assert page.get("flopwatt_polls_total", source="nvidia0") >= gpu_polls, "accelerators were added anew"
    # Its own interval changes.
    site.reload(meters=[site.pdu_a, {**site.pdu_b, "name": "feed-b", "interval": "500ms"}])
    wait_until(lambda: site.up("feed-b") == 1, 10, "the changed meter")
    # The scope has another meter only: another total, which begins at 0.
    wait_until(lambda: site.agent.metrics().get("flopwatt_scope_energy_joules_total", scope="rack") > 0, 40,
               "energy of the scope: a step of 10 Wh of either meter")
    site.reload(scopes=[{"name": "row", "energy": ["pdu-a"], "work": "all"}])
    wait_until(lambda: site.agent.metrics().get("flopwatt_scope_power_watts", scope="row"), 10, "the new scope")
    page = site.agent.metrics()
    assert page.get("flopwatt_scope_power_watts", scope="rack") is None
    wait_until(lambda: site.agent.metrics().get("flopwatt_scope_joules_per_flop", scope="row", window="5s",
                                                method="pipe"), 15,
               "J/FLOP of the new scope")
    # Accelerators get other names: they come back under them.
    pci = next(labels["pci"] for labels, _ in site.agent.metrics().samples["flopwatt_accelerator_info"]
               if labels["accelerator"] == "nvidia0")
    site.reload(accelerators={"nvidia": {"library": site.rack.library}, "names": {pci: "gpu-a"}})
    wait_until(lambda: site.up("gpu-a") == 1 and site.up("nvidia1") == 1, 10, "the renamed accelerator")
    assert site.up("nvidia0") is None

    assert site.agent.metrics().get("flopwatt_polls_total", source="pdu-a") > polls
    site.check_undisturbed()
    assert site.agent.stop() == 0
    assert site.agent.integrity() == "ok"


def test_exporters_change_and_deliver_everything_once_they_run(tmp_path, started):
    broker = Broker(tmp_path).start()
    started.append(broker)
    subscriber = Subscriber(broker.port)
    ems = {"name": "ems", "broker": broker.url}
    site = Site(tmp_path, started, exporters={"mqtt": [ems]})
    listen = site.config["exporters"]["prometheus"]
    wait_until(lambda: subscriber.of("flopwatt/rack-r12/status/pdu-b"), 10, "the meter's status")
    delivered = wait_until(
        lambda: site.agent.metrics().get("flopwatt_exporter_delivered_readings_total", exporter="ems"), 10,
        "delivered readings")

    # A source that goes takes its retained status with it.
    site.reload(meters=[site.pdu_a])
    wait_until(lambda: subscriber.of("flopwatt/rack-r12/status/pdu-b")[-1].payload is None, 10,
               "the removed meter's status to be taken away")
    # Another prefix, and another exporter; the marks of the first go on.
    spare = {"name": "spare", "broker": broker.url, "prefix": "spare"}
    site.reload(exporters={"mqtt": [{**ems, "prefix": "site/flopwatt"}, spare], "prometheus": listen})
    wait_until(lambda: subscriber.of("site/flopwatt/rack-r12/meters/pdu-a"), 10, "readings under the new prefix")
    wait_until(lambda: [m for m in subscriber.messages if m.topic == "spare/rack-r12/meters/pdu-a"], 10,
               "readings of the added exporter")
    left = [m for m in subscriber.messages if m.topic == "flopwatt/rack-r12/state"]
    assert left[-1].payload["state"] == "offline"
    assert site.agent.metrics().get("flopwatt_exporter_delivered_readings_total", exporter="ems") >= delivered
    # The added one goes again.
    site.reload(exporters={"mqtt": [{**ems, "prefix": "site/flopwatt"}], "prometheus": listen})
    assert site.agent.metrics().get("flopwatt_exporter_up", exporter="spare") is None
    wait_until(lambda: [m for m in subscriber.messages if m.topic == "spare/rack-r12/state"][-1].payload["state"]
               == "offline", 10, "the removed exporter's leave")

    seqs = site.agent.stored_seqs()

    def of_ems() -> set[int]:
        return {item["seq"] for m in subscriber.messages if not m.topic.startswith("spare/") for item in m.sets}

    wait_until(lambda: seqs <= of_ems(), 20, "every stored set under one of the prefixes")
    page = site.agent.metrics()
    assert page.get("flopwatt_exporter_dropped_readings_total", exporter="ems") == 0
    site.check_undisturbed()
    assert site.agent.stop() == 0
    subscriber.stop()


def test_an_exporter_that_goes_with_a_backlog_is_told(tmp_path, started):
    dead = {"name": "dead", "broker": "mqtt://127.0.0.1:1"}
    site = Site(tmp_path, started, exporters={"mqtt": [dead]})
    listen = site.config["exporters"]["prometheus"]

    def backlog(name: str) -> float | None:
        return site.agent.metrics().get("flopwatt_exporter_backlog_readings", exporter=name)

    owed = wait_until(lambda: (backlog("dead") or 0) > 100 and backlog("dead"), 20, "a backlog")
    site.reload(exporters={"mqtt": [{**dead, "name": "renamed"}], "prometheus": listen})

    def told(name: str) -> str:
        return next(line for line in site.agent.log_text().splitlines()
                    if "configured no more" in line and f"exporter={name}" in line)

    line = told("dead")
    assert "level=warn" in line and "since=20" in line
    assert int(line.split("readings=")[1].split()[0]) >= owed
    # Over a restart it is the same.
    wait_until(lambda: (backlog("renamed") or 0) > 100, 20, "a backlog")
    assert site.agent.stop() == 0
    site.write(exporters={"prometheus": listen})
    site.agent.start()
    assert int(told("renamed").split("readings=")[1].split()[0]) > 100
    assert site.agent.stop() == 0


WRONG = """\
node: rack-r12
meters:
  - {name: pdu-a, address: "tcp://127.0.0.1:1", unit_id: 300, profile: eastron-sdm630}
  - {name: pdu-a, address: nowhere, unit_id: 1, profile: eastron-sdm630}
scopes: [{name: rack, energy: [pdu-x], work: all}]
colour: red
"""


def test_what_cannot_be_applied_changes_nothing(tmp_path, started):
    site = Site(tmp_path, started)
    good = site.agent.config.read_text()
    loaded = site.reload_state()[1]
    told = site.refuse(WRONG)
    for place in ("3:", "4:", "5:", "6:1:"):
        assert f"{site.agent.config}:{place}" in told, f"nothing about line {place} in {told}"
    missing = site.refuse("meters: [")
    assert f"{site.agent.config}:" in missing

    # What needs a restart is refused as a whole, also where the rest of the file could be applied.
    for changes in ({"node": "rack-r13"}, {"store": {"path": str(tmp_path / "other.db")}},
                    {"exporters": {"prometheus": {"listen": ["127.0.0.1:1"]}}}):
        site.config = yaml.safe_load(good)
        assert "restart needed" in site.refuse(meters=[site.pdu_a], **changes)
    site.agent.config.unlink()
    site.agent.signal(signal.SIGHUP)
    wait_until(lambda: "cannot read the configuration" in site.agent.log_text(), 10, "the missing file to be told")

    assert site.up("pdu-b") == 1 and site.reload_state() == (0, loaded)
    assert not (tmp_path / "other.db").exists()
    site.config = yaml.safe_load(good)
    site.reload()
    site.check_undisturbed()
    assert site.agent.stop() == 0


def test_signals_in_quick_succession(tmp_path, started):
    site = Site(tmp_path, started)
    for _ in range(20):
        site.agent.signal(signal.SIGHUP)
    site.reload(meters=[site.pdu_a])
    site.check_undisturbed()
    site.agent.signal(signal.SIGHUP)
    assert site.agent.stop(5) == 0, site.agent.log_text()
    assert site.agent.integrity() == "ok"


def test_a_hangup_during_the_start_is_a_reload(tmp_path, started):
    agent = Agent(tmp_path, {"node": "rack-r12", "accelerators": {"nvidia": "off"}})
    started.append(agent)
    # The mask holds it back from the first instruction on, as a service manager's own would.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        agent.start(wait=False)
        agent.signal(signal.SIGHUP)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    wait_until(lambda: "the configuration was reloaded" in agent.log_text(), 10, "the reload")
    assert agent.stop() == 0
