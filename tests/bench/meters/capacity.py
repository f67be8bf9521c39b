#!/usr/bin/python3
"""1,000 Modbus TCP meters of 60 registers each second, 100 of them dead: how late the healthy are read (at the meters,
from their beats, which move), whether a beat was skipped, and what the agent needs.
usage: tests/bench/meters/capacity.py [SECONDS [METERS [DEAD]]]   (FLOPWATT_BUILD: the build)
"""
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from bench import cpu_seconds, pss_mib  # noqa: E402
from harness.process import wait_until  # noqa: E402
from meters.row import FLOATS, Row  # noqa: E402

SCRAPE_EVERY_S = 5
SETTLE_S = 10   # connections are up, the dead are known


def total(page, name: str) -> float:
    return sum(value for _, value in page.samples.get(name, []))


def measure(seconds: float, meters: int, dead: int) -> None:
    row = Row(meters, dead)
    with tempfile.TemporaryDirectory(prefix="flopwatt-bench.") as folder:
        agent = row.agent(pathlib.Path(folder)).start(wait=False)
        try:
            wait_until(agent.answers, 30, "the agent to answer")
            time.sleep(SETTLE_S)
            before, cpu, begin = agent.metrics(), cpu_seconds(agent.pid), time.monotonic()
            row.server.reset()
            while time.monotonic() < begin + seconds:
                time.sleep(min(SCRAPE_EVERY_S, max(0.0, begin + seconds - time.monotonic())))
                agent.metrics()
            report, passed = row.server.report(), time.monotonic() - begin
            cpu, after = cpu_seconds(agent.pid) - cpu, agent.metrics()
            skipped = total(after, "flopwatt_polls_skipped_total") - total(before, "flopwatt_polls_skipped_total")
            stored = total(after, "flopwatt_store_readings_total") - total(before, "flopwatt_store_readings_total")
            print(f"{row.healthy} healthy meters, {dead} dead, {passed:.0f} s: requests to each healthy one "
                  f"{report['fewest']} to {report['most']}, beats skipped {skipped:.0f}")
            print(f"lateness at the meters: median {report['late_p50_ms']:.1f} ms, p99 {report['late_p99_ms']:.1f} ms, "
                  f"worst {report['late_max_ms']:.1f} ms")
            print(f"agent: {100 * cpu / passed:.1f} % of a core, {1e6 * cpu / (report['requests'] * FLOATS):.2f} us a "
                  f"reading, {stored / passed:.0f} readings stored a second, PSS {pss_mib(agent.pid):.1f} MiB; "
                  f"meters' server: {100 * report['cpu_s'] / passed:.1f} % of a core")
        finally:
            agent.stop(30)
            row.server.stop()


def main() -> None:
    numbers = [float(word) for word in sys.argv[1:]] + [None] * 3
    measure(numbers[0] or 20, int(numbers[1] or 1000), int(numbers[2] if numbers[2] is not None else 100))


if __name__ == "__main__":
    main()
