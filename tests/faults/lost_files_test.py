"""Somebody removes, moves or replaces files of the store while the agent runs and its broker is down. Nothing is lost:
the files are in place again with the next commit, the log says so, and every set arrives once the broker is back."""
import os
import pathlib
import shutil

import pytest

from harness.agent import Agent
from harness.broker import Broker, Subscriber
from harness.process import wait_until
from harness.rack import Rack

LOAD = "meters:\n  - {name: pdu-a, base_power: 5000}\n  - {name: pdu-b, base_power: 4000}\n"
SUM = ("delivered_readings_total", "dropped_readings_total", "left_out_readings_total", "set_aside_readings",
       "backlog_readings")
SAID = "moved or replaced while the agent runs; all that was stored is in place again"


class Outage:
    """An agent with a backlog."""

    def __init__(self, folder: pathlib.Path, started):
        rack = Rack(folder, LOAD).start()
        self.broker = Broker(folder).start()
        started += [rack, self.broker]
        self.subscriber = Subscriber(self.broker.port)
        self.folder = folder / "state"
        self.folder.mkdir()
        self.agent = Agent(folder, {
            "node": "rack-r12", "accelerators": {"nvidia": False}, "sampling": {"interval": "100ms"},
            "store": {"path": str(self.folder / "flopwatt.db"), "commit": "250ms"},
            "meters": [rack.meter_config("pdu-a"), rack.meter_config("pdu-b")],
            "exporters": {"mqtt": [{"name": "ems", "broker": self.broker.url}]},
        })
        started.append(self.agent)
        self.agent.start()
        wait_until(self.subscriber.seqs, 20, "a set")
        assert self.broker.stop() == 0
        wait_until(lambda: self.sum()["backlog_readings"] > 1000, 60, "a backlog")

    def path(self, suffix: str = "") -> pathlib.Path:
        return self.folder / f"flopwatt.db{suffix}"

    def sum(self) -> dict[str, float]:
        """What the exporter says of each reading; together they are what is stored."""
        page = self.agent.metrics()
        parts = {name: page.get(f"flopwatt_exporter_{name}", exporter="ems") for name in SUM}
        assert sum(parts.values()) == page.get("flopwatt_store_readings_total"), parts
        return parts

    def goes_on(self) -> bool:
        stored = self.agent.metrics().get("flopwatt_store_readings_total")
        wait_until(lambda: self.agent.metrics().get("flopwatt_store_readings_total") > stored + 100, 20, "more readings")
        self.sum()
        return self.agent.metrics().get("flopwatt_store_up") == 1

    def check_all_arrives(self) -> None:
        """After SIGKILL, so that only what is in the files counts."""
        before = self.agent.stored_seqs()
        self.agent.kill()
        self.broker.start()
        received = self.subscriber.seqs()
        self.subscriber.stop()
        self.subscriber = Subscriber(self.broker.port, client_id="test-subscriber-again")
        self.agent.start()
        wait_until(lambda: before <= received | self.subscriber.seqs(), 30, "every set that was stored")
        assert sorted(before) == list(range(min(before), max(before) + 1)), "a hole in the numbers"
        assert self.sum()["dropped_readings_total"] == 0
        times: dict[int, set[str]] = {}
        for message in self.subscriber.messages:
            for item in message.sets:
                times.setdefault(item["seq"], set()).add(item["time"])
        assert all(len(each) == 1 for each in times.values()), "a seq that names two sets"
        assert self.agent.stop() == 0
        assert self.agent.integrity() == "ok"
        assert self.agent.log_text().count(SAID) == 1


@pytest.fixture(name="outage")
def outage_fixture(tmp_path, started):
    case = Outage(tmp_path, started)
    yield case
    case.subscriber.stop()


@pytest.mark.parametrize("suffixes", [[""], ["-wal"], ["-shm"], ["", "-wal", "-shm", ".seq"]])
def test_removed_files_are_in_place_again(outage, suffixes):
    stored = outage.agent.stored_seqs()
    for suffix in suffixes:
        outage.path(suffix).unlink()
    wait_until(lambda: SAID in outage.agent.log_text(), 10, "the log to say so")
    assert outage.goes_on()
    assert stored <= outage.agent.stored_seqs()
    outage.check_all_arrives()


def test_another_file_in_its_place_is_moved_aside(outage):
    other = outage.folder / "other.db"
    shutil.copy(outage.path(), other)
    content = other.read_bytes()
    os.replace(other, outage.path())
    wait_until(lambda: SAID in outage.agent.log_text(), 10, "the log to say so")
    assert outage.goes_on()
    aside, = outage.folder.glob("flopwatt.db.replaced-*")
    assert aside.read_bytes() == content
    assert str(aside) in outage.agent.log_text()
    outage.check_all_arrives()


def test_a_folder_that_is_gone_is_waited_for(outage):
    shutil.rmtree(outage.folder)
    wait_until(lambda: outage.agent.metrics().get("flopwatt_store_up") == 0, 10, "the store to be down")
    outage.sum()
    assert f"make the directory {outage.folder}" in outage.agent.log_text()
    waiting = outage.agent.metrics().get("flopwatt_store_waiting_readings")
    wait_until(lambda: outage.agent.metrics().get("flopwatt_store_waiting_readings") > waiting, 10, "readings that wait")
    outage.folder.mkdir()
    wait_until(lambda: SAID in outage.agent.log_text(), 10, "the log to say so")
    assert outage.goes_on()
    outage.check_all_arrives()
