#!/usr/bin/python3
"""How much of a serial line's time the agent uses: 20 SDM630 on one paced line, always more to read than the line can
carry. Prints polls done against the formula (silence + request + silence + latency + answer for each read, with the
byte time that was measured).   usage: tests/bench/line/line.py [SECONDS [LATENCY_US]]   (FLOPWATT_BUILD: the build)
"""
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from bench import Peer, cpu_seconds  # noqa: E402
from harness.agent import Agent  # noqa: E402
from harness.process import wait_until  # noqa: E402

METERS = 20


def measure(baud: int, seconds: float, latency_us: int) -> float:
    line = Peer("paced_line", baud, 10, latency_us)
    with tempfile.TemporaryDirectory(prefix="flopwatt-bench.") as folder:
        agent = Agent(pathlib.Path(folder), {
            "node": "bench", "accelerators": {"nvidia": "off"},
            "buses": [{"name": "row", "address": f"rtu://{line.first}", "baud": baud, "parity": "none", "stop_bits": 1}],
            "meters": [{"name": f"m{unit}", "bus": "row", "unit_id": unit, "profile": "eastron-sdm630",
                        "interval": "250ms"} for unit in range(1, METERS + 1)],
        }).start()
        try:
            wait_until(lambda: all(agent.metrics().get("flopwatt_meter_power_watts", meter=f"m{unit}") is not None
                                   for unit in range(1, METERS + 1)), 60, "every meter to be read")
            line.reset()
            cpu, begin = cpu_seconds(agent.pid), time.monotonic()
            time.sleep(seconds)
            report = line.report()
            busy = (cpu_seconds(agent.pid) - cpu) / (time.monotonic() - begin)
        finally:
            agent.stop()
            line.stop()
    ratio = report["ideal_seconds"] / report["seconds"]
    print(f"{baud} baud: {report['requests']} reads in {report['seconds']:.2f} s, byte {report['byte_us']:.1f} us "
          f"(nominal {report['nominal_byte_us']:.1f}), latency {latency_us} us; {100 * ratio:.1f} % of the formula; "
          f"agent {100 * busy:.2f} % of a core", flush=True)
    return ratio


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10
    latency_us = int(sys.argv[2]) if len(sys.argv) > 2 else 5000
    for baud in (9600, 115200):
        measure(baud, seconds, latency_us)


if __name__ == "__main__":
    main()
