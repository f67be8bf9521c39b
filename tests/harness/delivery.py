"""An agent with a rack that delivers to one broker, and what is to be said of its delivery: what is stored, what has
arrived, and the sum of the five numbers at every scrape."""
import collections
import contextlib
import sqlite3
import threading

from harness.agent import Agent
from harness.broker import Broker, Subscriber
from harness.rack import Rack

LOAD = """
gpus: {count: 4, product: NVIDIA H100 80GB HBM3, sm_clock: 1755, idle_power: 80}
meters:
  - {name: pdu-a, gpus: all, base_power: 2700}
  - {name: pdu-b, gpus: all, base_power: 2700}
"""
PARTS = ("delivered_readings_total", "dropped_readings_total", "left_out_readings_total", "set_aside_readings",
         "backlog_readings")


class Watch:
    """Scrapes each `period_s` and checks the sum; stop() tells how often."""

    def __init__(self, agent: Agent, period_s: float = 0.05):
        self.agent, self.scrapes, self.wrong = agent, 0, []
        self._ended = threading.Event()
        self._period_s = period_s
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        ended = False
        while not ended:
            ended = self._ended.wait(self._period_s)  # once more at the end
            with contextlib.suppress(OSError, AssertionError):
                page = self.agent.metrics()
                parts = [page.get(f"flopwatt_exporter_{part}", exporter="ems") for part in PARTS]
                stored = page.get("flopwatt_store_readings_total")
                if None in parts or sum(parts) != stored:
                    self.wrong.append((parts, stored))
                self.scrapes += 1

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()
        assert self.scrapes > 5 and not self.wrong, f"of {self.scrapes} scrapes: {self.wrong[:3]}"


class Site:
    def __init__(self, folder, started, broker_url: str, interval: str = "250ms", scrape_period_s: float = 0.05,
                 **exporter):
        self.rack = Rack(folder, LOAD).start()
        started.append(self.rack)
        self.agent = Agent(folder, {
            "node": "n", "sampling": {"interval": interval},
            "meters": [self.rack.meter_config("pdu-a"), self.rack.meter_config("pdu-b")],
            "accelerators": {"nvidia": {"library": self.rack.library, "interval": interval}},
            "scopes": [{"name": "rack", "energy": ["pdu-a", "pdu-b"], "work": "all"}],
            "energy": {"windows": ["5s"]},
            "store": {"commit": "250ms"},
            "exporters": {"mqtt": [{"name": "ems", "broker": broker_url, **exporter}]},
        }, environment=self.rack.environment).start()
        started.append(self.agent)
        self._scrape_period_s = scrape_period_s
        self.scrapes = 0  # of watches that have ended
        self.watch = Watch(self.agent, scrape_period_s)

    def exporter(self, name: str, **labels) -> float:
        return self.agent.metrics().get(f"flopwatt_exporter_{name}", exporter="ems", **labels)

    def stored_times(self) -> dict[int, int]:
        """seq -> Unix time in microseconds."""
        with contextlib.closing(sqlite3.connect(self.agent.store)) as connection:
            return dict(connection.execute("select seq, time from reading_set").fetchall())

    def seqs(self, name: str | None = None) -> set[int]:
        """What is stored: of a source, or of all but it where the name begins with an exclamation mark."""
        with contextlib.closing(sqlite3.connect(self.agent.store)) as connection:
            rows = connection.execute("select seq, description from reading_set join source on id = source").fetchall()
        if name is None:
            return {seq for seq, _ in rows}
        wanted = name.removeprefix("!")
        return {seq for seq, text in rows if (f'"{wanted}"' in text) != name.startswith("!")}

    def restart_agent(self) -> None:
        self.end_watch()
        assert self.agent.stop() == 0
        self.agent.start()
        self.watch = Watch(self.agent, self._scrape_period_s)

    def end_watch(self) -> None:
        self.watch.stop()
        self.scrapes += self.watch.scrapes


class Arrivals:
    """What a subscriber has got, by seq. Takes in what is new at each look."""

    def __init__(self, subscriber: Subscriber):
        self._subscriber = subscriber
        self._seen = 0
        self.counts: collections.Counter[int] = collections.Counter()
        self.times: dict[int, set[str]] = collections.defaultdict(set)
        self.topics: dict[int, set[str]] = collections.defaultdict(set)

    def look(self) -> set[int]:
        messages = self._subscriber.messages
        for message in messages[self._seen:]:
            for item in message.sets:
                self.counts[item["seq"]] += 1
                self.times[item["seq"]].add(item["time"])
                self.topics[item["seq"]].add(message.live_topic)
        self._seen = len(messages)
        return set(self.counts)

    @property
    def repeats(self) -> int:
        return self.counts.total() - len(self.counts)


def repeats(seqs: list[int]) -> int:
    return len(seqs) - len(set(seqs))


def subscribed_seqs(subscriber: Subscriber) -> list[int]:
    return [item["seq"] for message in subscriber.messages for item in message.sets]


def write_acl(broker: Broker, denied: str | None) -> None:
    """Of all clients, with and without a name."""
    lines = ["pattern readwrite #"]
    if denied:
        lines += [f"pattern deny flopwatt/n/{denied}", f"pattern deny flopwatt/n/replay/{denied}"]
    path = broker.folder / "acl"
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o644)
