#!/usr/bin/python3
"""The agent's TCP client alone against a raw epoll client: saturated reads a second and CPU time a read with 1,000
meters, turn by turn in one process (see clients.cpp). As root both sides run at a real-time priority, so that the
machine's other work does not decide.   usage: tests/bench/meters/clients.py [ROUNDS [SECONDS [METERS]]]   (FLOPWATT_BUILD)
"""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from bench import Peer  # noqa: E402
from harness.process import BUILD, free_port  # noqa: E402


def main() -> None:
    rounds, seconds, meters = (sys.argv[1:] + ["5", "3", "1000"][len(sys.argv) - 1:])[:3]
    if os.geteuid() == 0:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    port = free_port()
    server = Peer("meter_server", meters, 0, port, "spin")
    try:
        subprocess.run([str(BUILD / "tests/bench/bench_clients"), meters, str(port), rounds, seconds], check=True)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
