"""Damage to a stopped store that has a backlog: a bit of one row, of a source's description, a broken page, a bit of the
header. Every other set arrives under its own seq with its own time, what is lost is counted, and metering begins."""
import contextlib
import os
import sqlite3
import subprocess

import pytest

from harness.agent import Agent
from harness.broker import Broker, Subscriber
from harness.process import BUILD, wait_until
from harness.rack import Rack

LOAD = "meters:\n  - {name: pdu-a, base_power: 5000}\n  - {name: pdu-b, base_power: 4000}\n"


class Outage:
    """An agent that was stopped while its broker was down, with what it had stored."""

    def __init__(self, folder, started):
        rack = Rack(folder, LOAD).start()
        self.broker = Broker(folder).start()
        started += [rack, self.broker]
        self.subscriber = Subscriber(self.broker.port)
        self.agent = Agent(folder, {
            "node": "rack-r12", "accelerators": {"nvidia": False}, "sampling": {"interval": "100ms"},
            "store": {"commit": "250ms"}, "meters": [rack.meter_config("pdu-a"), rack.meter_config("pdu-b")],
            "exporters": {"mqtt": [{"name": "ems", "broker": self.broker.url}]},
        })
        started.append(self.agent)
        self.agent.start()
        wait_until(self.subscriber.seqs, 20, "a set")
        assert self.broker.stop() == 0
        wait_until(lambda: self.get("backlog_readings") > 3000, 60, "a backlog")
        assert self.agent.stop() == 0
        self.stored = self.query("select seq, time, data from reading_set order by seq")
        self.readings = self.query("select max(total) from reading_set")[0][0]
        self.owed = self.query("select low from exporter")[0][0]

    def get(self, name: str) -> float:
        return self.agent.metrics().get(f"flopwatt_exporter_{name}", exporter="ems")

    def query(self, text: str) -> list:
        with contextlib.closing(sqlite3.connect(self.agent.store)) as connection:
            return connection.execute(text).fetchall()

    def flip(self, content: bytes) -> None:
        """One bit in the middle of these bytes, wherever they are in the file."""
        file = self.agent.store.read_bytes()
        assert content in file
        damaged = bytearray(content)
        damaged[len(content) // 2] ^= 4
        self.agent.store.write_bytes(file.replace(content, damaged))

    def recover(self) -> None:
        """Starts both, and waits until nothing of the outage is left to deliver."""
        self.before = self.subscriber.seqs()
        self.subscriber.stop()
        self.broker.start()
        # Another one, that is there before the first set: the old one may come back later than the agent.
        self.subscriber = Subscriber(self.broker.port, client_id="test-subscriber-again")
        self.agent.start()
        wait_until(lambda: self.get("up") == 1 and self.get("backlog_readings") < 200, 30, "the backlog to be delivered")
        last = self.stored[-1][0]
        wait_until(lambda: max(self.subscriber.seqs(), default=0) > last + 20, 20, "new sets")

    def missing(self) -> set[int]:
        return {seq for seq, _, _ in self.stored} - self.subscriber.seqs() - self.before

    def export(self) -> tuple[int, int, str]:
        done = subprocess.run([BUILD / "flopwatt", "export", f"--store={self.agent.store}", "--format=jsonl"],
                              capture_output=True, text=True, check=False)
        return done.returncode, len(done.stdout.splitlines()), done.stderr


@pytest.fixture(name="outage")
def outage_fixture(tmp_path, started):
    case = Outage(tmp_path, started)
    yield case
    case.subscriber.stop()


def test_a_bad_row_costs_that_row(outage):
    seq, _, data = outage.stored[-len(outage.stored) // 3]
    assert seq > outage.owed
    outage.flip(data)
    code, lines, said = outage.export()
    assert code == 3 and lines == len(outage.stored) - 1, said
    outage.recover()
    wait_until(lambda: len(outage.missing()) <= 1, 20, "every set but one")
    assert outage.missing() == {seq}
    wait_until(lambda: 5 < outage.get("dropped_readings_total") < 40, 10, "the readings of one row to be counted")
    assert "set aside" not in outage.agent.log_text()
    assert f"first_seq={seq} last_seq={seq}" in outage.agent.log_text()


def test_a_bad_description_costs_its_source(outage):
    descriptions = dict(outage.query("select id, description from source"))
    damaged = next(number for number, text in descriptions.items() if '"name":"pdu-a"' in text)
    of_others = outage.query(f"select seq from reading_set where source != {damaged}")
    outage.flip(b'"name":"pdu-a"')
    code, lines, said = outage.export()
    assert code == 3 and lines == len(of_others) and f"source {damaged}" in said, (lines, len(of_others), said)
    outage.recover()
    wait_until(lambda: not outage.missing() & {seq for seq, in of_others}, 20, "the sets of other sources")
    assert outage.missing()
    assert "set aside" not in outage.agent.log_text()
    wait_until(lambda: outage.get("dropped_readings_total") > 500, 10, "what is lost to be counted")


def test_a_broken_page_costs_its_rows_and_the_rest_is_delivered_from_the_file_set_aside(outage):
    _, _, data = outage.stored[-len(outage.stored) // 3]
    file = bytearray(outage.agent.store.read_bytes())
    page = file.find(data) // 4096
    assert page > 1
    file[page * 4096:(page + 1) * 4096] = os.urandom(4096)
    outage.agent.store.write_bytes(file)
    outage.recover()
    wait_until(lambda: len(outage.missing()) < 200, 20, "the sets of other pages")
    assert outage.missing()
    wait_until(lambda: "nothing is left to deliver of the store file" in outage.agent.log_text(), 20, "the end of the file")
    lost = len(outage.missing())
    dropped = outage.get("dropped_readings_total")
    assert 5 * lost < dropped < 40 * lost
    page = outage.agent.metrics()
    told = sum(page.get(f"flopwatt_exporter_{name}", exporter="ems") for name in
               ("delivered_readings_total", "dropped_readings_total", "backlog_readings"))
    assert told == page.get("flopwatt_store_readings_total")
    times = {}
    for message in outage.subscriber.messages:
        for item in message.sets:
            times.setdefault(item["seq"], set()).add(item["time"])
    assert all(len(each) == 1 for each in times.values()), "a seq that names two sets"


@pytest.mark.parametrize("at", [18, 60, 68])
def test_a_bit_of_the_header_costs_nothing(outage, at):
    with open(outage.agent.store, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 16]))
    outage.recover()
    assert "set aside" in outage.agent.log_text()
    if at != 18:  # what SQLite cannot open at all is not read
        wait_until(lambda: not outage.missing(), 20, "every set")
