"""20 power cuts (or FLOPWATT_CUTS): what a subscriber received, or flopwatt_store_readings_total showed before the cut, is in the store
with the same seq; the database is sound. The same with fsync made to do nothing (which is synchronous=OFF) loses
something: the test can see a loss. Needs root and loop devices."""
import contextlib
import os
import random
import sqlite3
import time

from harness.agent import Agent
from harness.broker import Broker, Subscriber
from harness.disk import Disk
from harness.process import BUILD, wait_until
from harness.rack import LOADS, Rack

CUTS = int(os.environ.get("FLOPWATT_CUTS", "20"))


def what_is_wrong(agent: Agent, shown: float, received: set[int]) -> str:
    """Empty if all that was told is there and the file is sound."""
    try:
        verdict = agent.integrity()
        if verdict != "ok":
            return f"integrity_check: {verdict}"
        with contextlib.closing(sqlite3.connect(agent.store)) as connection:
            total = connection.execute("select max(total) from reading_set").fetchone()[0] or 0
        missing = received - agent.stored_seqs()
    except sqlite3.Error as error:
        return str(error)
    if total < shown:
        return f"{shown:.0f} readings were shown as stored, {total} are"
    return f"{len(missing)} received sets are not in the store" if missing else ""


class PowerCuts:
    def __init__(self, folder, started, environment):
        folder.mkdir()
        self.disk = Disk(folder)
        self.rack = Rack(folder, LOADS / "demo.yml").start()
        self.broker = Broker(folder).start()
        started += [self.rack, self.broker]
        self.subscriber = Subscriber(self.broker.port)
        self.agent = Agent(folder, {
            "node": "rack-r12", "sampling": {"interval": "200ms"},
            "store": {"commit": "250ms", "path": str(self.disk.mounted_at / "flopwatt.db"), "max_size": "16MiB"},
            "meters": [self.rack.meter_config("pdu-a"), self.rack.meter_config("pdu-b")],
            "accelerators": {"nvidia": {"library": self.rack.library}},
            "exporters": {"mqtt": [{"name": "ems", "broker": self.broker.url}]},
        }, environment={**self.rack.environment, **environment})
        started.append(self.agent)
        self.told: set[int] = set()
        # A commit under way may report success after the cut (Disk). Such sets are gone, and their numbers with them.
        self.told_after_a_cut: set[int] = set()

    def cycle(self, moment: float) -> str:
        """One start, cut and check; what is wrong after it."""
        self.disk.mount()
        try:
            before = self.subscriber.seqs()
            self.told_after_a_cut |= before - self.told
            self.agent.start()
            wait_until(lambda: len(self.subscriber.seqs()) > len(before), 20, "a delivered set")
            time.sleep(moment)  # the random moment
            self.told = received = self.subscriber.seqs() - self.told_after_a_cut
            shown = self.agent.metrics().get("flopwatt_store_readings_total")
            self.disk.cut_power()
        finally:
            self.agent.kill()
            self.disk.unmount()
        self.disk.mount()
        try:
            return what_is_wrong(self.agent, shown, received)
        finally:
            self.disk.unmount()


def test_what_was_told_survives_power_cuts(tmp_path, started):
    cuts = PowerCuts(tmp_path / "synced", started, {})
    moments = random.Random(20261123)
    for cut in range(CUTS):
        wrong = cuts.cycle(moments.uniform(0, 1))
        assert not wrong, f"cut {cut}: {wrong}"
    cuts.subscriber.stop()


def test_without_fsync_something_is_lost(tmp_path, started):
    cuts = PowerCuts(tmp_path / "unsynced", started,
                     {"LD_PRELOAD": str(BUILD / "tests/faults/store/libno_fsync.so")})
    moments = random.Random(20261123)
    losses = (cuts.cycle(moments.uniform(0, 1)) for _ in range(CUTS))
    assert any(losses), "nothing was lost without fsync: the test above would not notice a loss"
    cuts.subscriber.stop()
