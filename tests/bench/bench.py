"""What the benches share: peers told by lines, and the kernel's account of processes."""
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.process import BUILD  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")


class Peer:
    """A program of this folder that takes commands on its standard input; its first line is `first`."""

    def __init__(self, name: str, *arguments):
        path = BUILD / "tests" / "bench" / f"bench_{name}"
        if not path.exists():
            raise SystemExit(f"{path} is missing: ninja -C {BUILD} benches")
        self.child = subprocess.Popen([str(path), *map(str, arguments)], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
        self.first = self.child.stdout.readline().strip()

    def reset(self) -> None:
        self._tell("reset")

    def report(self) -> dict:
        self._tell("report")
        return json.loads(self.child.stdout.readline())

    def stop(self) -> None:
        self.child.stdin.close()
        self.child.wait(10)

    def _tell(self, command: str) -> None:
        self.child.stdin.write(command + "\n")
        self.child.stdin.flush()


def cpu_seconds(pid: int) -> float:
    """User and system time of the process, as its threads' schedulers count it: to the nanosecond."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def pss_mib(pid: int) -> float:
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no Pss")


def spread(values: list[float], form: str = "{:.3g}") -> str:
    """`median (least to most)`"""
    ordered = sorted(values)
    return f"{form.format(ordered[len(ordered) // 2])} ({form.format(ordered[0])} to {form.format(ordered[-1])})"
