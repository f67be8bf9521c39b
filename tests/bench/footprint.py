#!/usr/bin/python3
"""What the agent costs: CPU, PSS and bytes a reading, with the simulated rack of 20 meters and 8 accelerators at 1 s,
one MQTT exporter and a scrape every 15 s.   usage: tests/bench/footprint.py [SECONDS]   (FLOPWATT_BUILD: the build)

CPU is the kernel's own account of the processes, so a busy machine disturbs it little; nothing here is a test.
"""
import contextlib
import pathlib
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from bench import cpu_seconds, pss_mib  # noqa: E402
from harness.agent import Agent  # noqa: E402
from harness.broker import Broker, Subscriber  # noqa: E402
from harness.process import wait_until  # noqa: E402
from harness.rack import LOADS, Rack  # noqa: E402


def guest_of(pid: int) -> int:
    return int(subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=True).stdout.split()[0])


def print_store_figures(path: pathlib.Path) -> None:
    """Bytes of the log itself, which grow with every reading, and of all the rest, which does not."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
        readings = connection.execute("select max(total) from reading_set").fetchone()[0]
        log = connection.execute("select sum(pgsize) from dbstat where name = 'reading_set'").fetchone()[0]
    print(f"store: {log / readings:.2f} bytes a reading ({readings} readings in {log} bytes; "
          f"{path.stat().st_size - log} bytes of descriptions, marks and totals beside them)")


def measure(folder: pathlib.Path, seconds: float) -> None:
    rack = Rack(folder, LOADS / "rack20x8.yml").start()
    broker = Broker(folder).start()
    subscriber = Subscriber(broker.port)
    meters = [meter["name"] for meter in rack.started["meters"]]
    agent = Agent(folder, {
        "node": "rack-r12", "meters": [rack.meter_config(name) for name in meters],
        "accelerators": {"nvidia": {"library": rack.library}},
        "scopes": [{"name": "rack", "energy": meters, "work": "all"}],
        "exporters": {"mqtt": [{"name": "ems", "broker": broker.url}]},
    }, environment=rack.environment).start(wait=False)
    try:
        begin = time.monotonic()
        wait_until(lambda: agent.answers() and (agent.metrics().get("flopwatt_store_readings_total") or 0) > 0, 20,
                   "the first stored readings", poll=0.02)
        print(f"first stored reading after {time.monotonic() - begin:.2f} s")
        time.sleep(5)
        processes = {"agent": agent.pid, "guest": guest_of(agent.pid)}
        before = {name: cpu_seconds(pid) for name, pid in processes.items()}
        begin, page = time.monotonic(), agent.metrics()
        start_readings = page.get("flopwatt_store_readings_total")
        while time.monotonic() - begin < seconds:
            time.sleep(15)
            page = agent.metrics()
        passed = time.monotonic() - begin
        for name, pid in processes.items():
            used = cpu_seconds(pid) - before[name]
            print(f"{name}: {100 * used / passed:.2f} % of a core, PSS {pss_mib(pid):.1f} MiB")
        rate = (page.get("flopwatt_store_readings_total") - start_readings) / passed
        print(f"{rate:.0f} readings a second, {len(page.text.splitlines())} lines on the page")
    finally:
        agent.stop()
        subscriber.stop()
        broker.kill()
        rack.kill()
    print_store_figures(agent.store)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="flopwatt-bench.") as folder:
        measure(pathlib.Path(folder), float(sys.argv[1]) if len(sys.argv) > 1 else 60)


if __name__ == "__main__":
    main()
