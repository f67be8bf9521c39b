#!/usr/bin/env python3
"""Bytes that a disk is told to write in an hour, by `store.commit`: an agent for each interval, each with its store on an
ext4 file system of its own; 20 simulated meters, each second. All that reaches the block device counts, the journal of
the file system too. Needs root and loop devices.

    FLOPWATT_BUILD=build/release tests/bench/wear.py [SECONDS]
"""
import contextlib
import os
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.agent import Agent  # noqa: E402
from harness.disk import Disk  # noqa: E402
from harness.rack import Rack  # noqa: E402

INTERVALS = ["250ms", "1s", "10s", "60s"]
METERS = [f"pdu-{number}" for number in range(20)]
LOAD = "meters:\n" + "".join(f"  - {{name: {name}, base_power: 5000}}\n" for name in METERS)


def written(disk: Disk) -> int:
    mounts = [line.split() for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
    device = os.path.basename(next(mount[0] for mount in mounts if mount[1] == str(disk.mounted_at)))
    return int(pathlib.Path(f"/sys/block/{device}/stat").read_text().split()[6]) * 512


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as ends:
        folder = pathlib.Path(name)
        rack = Rack(folder, LOAD).start()
        ends.callback(rack.stop)
        runs = []
        for interval in INTERVALS:
            own = folder / interval
            own.mkdir()
            disk = Disk(own, 96)
            disk.mount()
            ends.callback(disk.unmount)
            agent = Agent(own, {"node": "rack-r12", "accelerators": {"nvidia": False},
                                "store": {"path": str(disk.mounted_at / "flopwatt.db"), "commit": interval},
                                "meters": [rack.meter_config(meter) for meter in METERS]}).start()
            ends.callback(agent.stop)
            runs.append((interval, disk, agent))
        time.sleep(70)  # the longest interval, and what a start writes
        before = [(written(disk), agent.metrics().get("flopwatt_store_readings_total")) for _, disk, agent in runs]
        begun = time.monotonic()
        time.sleep(seconds)  # what is measured
        hours = (time.monotonic() - begun) / 3600
        print("| commit | MB an hour | bytes a reading |\n| --- | --- | --- |")
        for (interval, disk, agent), (bytes_before, stored_before) in zip(runs, before):
            grown = written(disk) - bytes_before
            readings = agent.metrics().get("flopwatt_store_readings_total") - stored_before
            print(f"| {interval} | {grown / hours / 1e6:.0f} | {grown / max(readings, 1):.0f} |")


if __name__ == "__main__":
    main()
