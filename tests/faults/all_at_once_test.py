"""Everything at once: a broker that floods, another that talks nonsense, readers that never read, idle connections, random
bytes, and a full disk. Polls keep their beat, others are served, memory stays flat, and afterwards nothing is missing."""
import contextlib
import http.client
import os
import pathlib
import socket
import sqlite3
import threading
import time

from harness.agent import Agent, Metrics
from harness.disk import Disk
from harness.process import wait_until
from harness.rack import Rack
from harness.strangers import Kind, Strangers

LOAD = "meters: {count: 20, name: outlet, base_power: 3000}\n"
CONNACK = bytes([0x20, 3, 0, 0, 0])
SMALL = (bytes([0x30, 0x84, 0x20, 0, 1, ord("t"), 0]) + b"x" * 4096) * 250  # PUBLISHes of 4 kB that nobody asked for
MIB = 1 << 20
SECONDS = 25

STRANGERS = [
    Kind("readers of one address", 250, ["127.0.0.2"], gets=450),
    Kind("readers of ten addresses", 250, [f"127.0.1.{n}" for n in range(10)], gets=450),
    Kind("idle", 1000, [f"127.0.2.{n}" for n in range(20)]),
    Kind("noise", 10, ["127.0.3.1", "127.0.3.2"], is_noise=True),
    # One page each, which waits in the kernel alone, and again and again: what an ended one leaves there counts.
    Kind("leavers", 50, ["127.0.4.1", "127.0.4.2"], gets=3, again_s=1),
]


class Broker:
    """`talk(peer)` says what it sends after the CONNECT, until it raises OSError or returns."""

    def __init__(self, talk):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"mqtt://127.0.0.1:{self._listener.getsockname()[1]}"
        self._talk = talk
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError):
            peer.recv(4096)
            self._talk(peer)

    def stop(self) -> None:
        self._listener.close()


def flood(peer: socket.socket) -> None:
    peer.sendall(CONNACK)
    while True:
        peer.sendall(SMALL)


def nonsense(peer: socket.socket) -> None:
    peer.sendall((CONNACK if os.urandom(1)[0] & 1 else b"") + os.urandom(2000))


class Watch:
    """Looks at the agent ten times a second, and scrapes it once a second from an address of its own."""

    def __init__(self, agent: Agent):
        self._agent = agent
        self.pss: list[int] = []
        self.tcp_memory: list[int] = []
        self.scrapes: list[tuple[float, int | str]] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=work) for work in (self._look, self._scrape)]

    def __enter__(self) -> "Watch":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.1):
            self.pss.append(pss_bytes(self._agent.pid))
            self.tcp_memory.append(tcp_memory_bytes())

    def _scrape(self) -> None:
        while not self._stop.wait(1):
            begin = time.monotonic()
            try:
                status = scrape(self._agent.port)[0]
            except OSError as error:
                status = repr(error)
            self.scrapes.append((time.monotonic() - begin, status))


def scrape(port: int) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10, source_address=("127.0.0.5", 0))
    with contextlib.closing(connection):
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def pss_bytes(pid: int) -> int:
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:"))


def tcp_memory_bytes() -> int:
    line = next(line for line in pathlib.Path("/proc/net/sockstat").read_text().splitlines() if line.startswith("TCP:"))
    return int(line.rsplit("mem ", 1)[1]) * os.sysconf("SC_PAGE_SIZE")


def waited_for_cpu_s(pid: int) -> dict[str, float]:
    """By thread: how long it was ready to run, and the machine did not let it."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return {f"{(task / 'comm').read_text().strip()} {task.name}": int((task / "schedstat").read_text().split()[1]) / 1e9
            for task in tasks}


def total(page: Metrics, name: str) -> float:
    return sum(value for _, value in page.samples[name])


def fill_up(filler: pathlib.Path) -> None:
    for size in (4096, 1):
        with open(filler, "ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * size)


def new_agent(folder: pathlib.Path, store: pathlib.Path, started: list) -> Agent:
    rack = Rack(folder, LOAD).start()
    brokers = [Broker(flood), Broker(nonsense)]
    agent = Agent(folder, {
        "node": "rack-r12", "accelerators": {"nvidia": False},
        "meters": [rack.meter_config(meter["name"]) for meter in rack.started["meters"]],
        "store": {"path": str(store), "max_size": "16MiB"},
        "exporters": {"mqtt": [{"name": name, "broker": broker.url} for name, broker in zip(("floods", "raves"), brokers)]},
    })
    started += [rack, *brokers, agent]
    agent.start()
    wait_until(lambda: total(agent.metrics(), "flopwatt_source_up") == 20 and
               agent.metrics().get("flopwatt_store_readings_total") > 0, 20, "all meters, stored")
    return agent


def all_at_once(folder: pathlib.Path, agent: Agent, filler: pathlib.Path, started: list) -> Watch:
    """What was seen meanwhile; the strangers are gone when it returns, and the disk is still full."""
    fill_up(filler)
    strangers = Strangers(folder, agent.port, STRANGERS).start()
    started.append(strangers)
    with Watch(agent) as watch:
        time.sleep(SECONDS)
        page, tally = Metrics(scrape(agent.port)[1]), strangers.tally
    strangers.kill()
    assert agent.alive()
    assert page.get("flopwatt_store_up") == 0, "the disk is full"
    assert all(tally[kind.name]["opened"] >= kind.count for kind in STRANGERS), tally
    print(tally)
    return watch


def check_nothing_is_missing(agent: Agent) -> None:
    wait_until(lambda: agent.metrics().get("flopwatt_store_up") == 1, 30, "the store to commit again")
    wait_until(lambda: agent.metrics().get("flopwatt_store_waiting_readings") < 2000, 20, "what waited is stored")
    page = agent.metrics()
    assert total(page, "flopwatt_source_up") == 20
    polls, failures = (total(page, name) for name in ("flopwatt_polls_total", "flopwatt_poll_failures_total"))
    assert agent.stop() == 0
    assert agent.integrity() == "ok"
    with contextlib.closing(sqlite3.connect(agent.store)) as store:
        stored = store.execute("select count(*) from reading_set").fetchone()[0]
    assert stored >= polls - failures, "sets were lost between their poll and the store"


def test_everything_at_once(tmp_path, started):
    disk = Disk(tmp_path, 24)
    disk.mount()
    filler = disk.mounted_at / "filler"
    agent = None
    try:
        agent = new_agent(tmp_path, disk.mounted_at / "flopwatt.db", started)
        before, tcp_before, waited_before = agent.metrics(), tcp_memory_bytes(), waited_for_cpu_s(agent.pid)
        watch = all_at_once(tmp_path, agent, filler, started)
        waited = {name: round(s - waited_before.get(name, 0), 2) for name, s in waited_for_cpu_s(agent.pid).items()}
        after = agent.metrics()
        tcp_grown = max(watch.tcp_memory) - tcp_before
        times = sorted(seconds for seconds, _ in watch.scrapes)
        print(f"PSS {max(watch.pss) / MIB:.1f} MiB, TCP memory +{tcp_grown / MIB:.1f} MiB, {len(times)} scrapes, "
              f"median {times[len(times) // 2]:.3f} s, longest {times[-1]:.3f} s; threads waited for a core {waited} s")
        polled = total(after, "flopwatt_polls_total") - total(before, "flopwatt_polls_total")
        assert total(after, "flopwatt_polls_skipped_total") == 0, f"threads waited for a core: {waited} s"
        assert polled >= 20 * (SECONDS - 1)
        assert total(after, "flopwatt_poll_failures_total") == 0
        assert {status for _, status in watch.scrapes} == {200} and len(times) > SECONDS / 3
        assert max(watch.pss) < 40 * MIB
        assert tcp_grown < 100 * MIB
        filler.unlink()
        check_nothing_is_missing(agent)
    finally:
        if agent:
            agent.kill()
        disk.unmount()
