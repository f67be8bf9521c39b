"""20 starts on an older copy of the store's folder, put back while the agent was stopped or killed: no seq that a subscriber
has received ever names another set, metering begins each time, and the log says each time that sets may be missing."""
import random
import shutil
import time

from harness.agent import Agent
from harness.broker import Broker, Subscriber
from harness.process import wait_until
from harness.rack import Rack

STARTS = 20
LOAD = "meters:\n  - {name: pdu-a, base_power: 5000}\n  - {name: pdu-b, base_power: 4000}\n"
FILES = ("", "-wal", ".seq")


def copy(store, folder):
    folder.mkdir()
    for suffix in FILES:
        file = store.with_name(store.name + suffix)
        if file.exists():
            shutil.copy2(file, folder / file.name)


def put_back(folder, store):
    for suffix in (*FILES, "-shm"):
        store.with_name(store.name + suffix).unlink(missing_ok=True)
    for file in folder.iterdir():
        shutil.copy2(file, store.parent / file.name)


def test_no_seq_is_given_twice_over_older_copies(tmp_path, started):
    chance = random.Random(20)
    rack = Rack(tmp_path, LOAD).start()
    broker = Broker(tmp_path).start()
    started += [rack, broker]
    subscriber = Subscriber(broker.port)
    home = tmp_path / "store"
    home.mkdir()
    agent = Agent(tmp_path, {
        "node": "rack-r12", "accelerators": {"nvidia": False}, "sampling": {"interval": "100ms"},
        "store": {"path": str(home / "flopwatt.db"), "commit": "250ms"},
        "meters": [rack.meter_config("pdu-a"), rack.meter_config("pdu-b")],
        "exporters": {"mqtt": [{"name": "ems", "broker": broker.url}]},
    })
    started.append(agent)
    copies = []
    for start in range(STARTS + 1):
        known = len(subscriber.seqs())
        agent.start()
        wait_until(lambda known=known: len(subscriber.seqs()) > known + 10, 20, "metering")
        if copies:
            told = agent.log_text().count("seq goes on above all that")
            assert told == start, "a start on an older copy that says nothing"
        if chance.random() < 0.5:
            agent.kill()
        else:
            assert agent.stop() == 0
        copies.append(tmp_path / f"copy-{start}")
        copy(agent.store, copies[-1])
        known = len(subscriber.seqs())
        agent.start()  # what the copy does not have
        wait_until(lambda known=known: len(subscriber.seqs()) > known + 10, 20, "more sets")
        agent.kill()
        time.sleep(1.2)  # a copy is told by the mark's time of change, to a second
        put_back(chance.choice(copies), agent.store)
    times: dict[int, set[str]] = {}
    for message in subscriber.messages:
        for item in message.sets:
            times.setdefault(item["seq"], set()).add(item["time"])
    twice = {seq: each for seq, each in times.items() if len(each) > 1}
    assert not twice, f"seqs that name several sets: {sorted(twice.items())[:5]}"
    subscriber.stop()
