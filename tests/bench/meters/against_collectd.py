#!/usr/bin/python3
"""The agent against Debian's collectd (plugins modbus and write_prometheus), turn by turn over the same 1,000 meters and
registers: CPU time a reading, all stages. The agent also stores, publishes to a local broker, and answers a scrape;
collectd answers the same scrape. What the agent does for each time slot and commit weighs more with fewer meters. Then 200 meters of which 20 are dead: how many of the wanted readings come.
usage: tests/bench/meters/against_collectd.py [ROUNDS [SECONDS]]   needs collectd-core, libprotobuf-c1 and libmicrohttpd12   (FLOPWATT_BUILD: the build)
"""
import pathlib
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from bench import cpu_seconds, pss_mib, spread  # noqa: E402
from harness.broker import Broker  # noqa: E402
from harness.process import Process, free_port, wait_until  # noqa: E402
from meters.row import FLOATS, Row, host  # noqa: E402

SETTLE_S = 4
HEALTHY_ROW, SICK_ROW = (1000, 0), (200, 20)   # meters, dead


class Collectd(Process):
    """One request for each register, as its modbus plugin does it; its default of 5 reading threads."""

    def __init__(self, folder: pathlib.Path, row: Row):
        super().__init__("collectd", folder)
        self.port = free_port()
        self.config = folder / "collectd.conf"
        data = "\n".join(f'<Data "r{i}">\nRegisterBase {2 * i}\nRegisterType float\nRegisterCmd ReadInput\nType gauge\n'
                         f'Instance "r{i}"\n</Data>' for i in range(FLOATS))
        collect = "\n".join(f'Collect "r{i}"' for i in range(FLOATS))
        hosts = "\n".join(f'<Host "m{number}">\nAddress "{host(number)}"\nPort "{row.port}"\nInterval 1\n<Slave 1>\n'
                          f'Instance "unit1"\n{collect}\n</Slave>\n</Host>' for number in range(row.meters))
        self.config.write_text(
            f'Hostname "bench"\nFQDNLookup false\nBaseDir "{folder}"\nPIDFile "{folder}/collectd.pid"\nInterval 1\n'
            f'LoadPlugin modbus\nLoadPlugin write_prometheus\n<Plugin modbus>\n{data}\n{hosts}\n</Plugin>\n'
            f'<Plugin write_prometheus>\nPort "{self.port}"\n</Plugin>\n')

    def start(self) -> "Collectd":
        self.spawn(["/usr/sbin/collectd", "-f", "-C", self.config])
        wait_until(self._answers, 20, f"collectd to answer; its log: {self.log}")
        return self

    def _answers(self) -> bool:
        assert self.alive(), f"collectd has ended: {self.log.read_text()}"
        try:
            return bool(self.scrape())
        except OSError:
            return False

    def scrape(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=20) as answer:
            return answer.read().decode()


def watch(row: Row, pid: int, scrape, readings_a_request: int, seconds: float) -> tuple[float, float, float]:
    """CPU us a reading, the part of the wanted readings that came from healthy meters, PSS in MiB."""
    row.server.reset()
    cpu, begin = cpu_seconds(pid), time.monotonic()
    time.sleep(seconds / 2)
    scrape()
    time.sleep(max(0.0, begin + seconds - time.monotonic()))
    report, passed = row.server.report(), time.monotonic() - begin
    cpu = cpu_seconds(pid) - cpu
    readings = report["requests"] * readings_a_request
    return 1e6 * cpu / max(readings, 1), readings / (row.healthy * FLOATS * passed), pss_mib(pid)


def agent_round(row: Row, seconds: float) -> tuple[float, float, float]:
    with tempfile.TemporaryDirectory(prefix="flopwatt-bench.") as folder:
        broker = Broker(pathlib.Path(folder)).start()
        agent = row.agent(pathlib.Path(folder), broker.url).start()
        try:
            time.sleep(SETTLE_S)
            return watch(row, agent.pid, agent.metrics, FLOATS, seconds)
        finally:
            agent.stop(30)
            broker.kill()


def collectd_round(row: Row, seconds: float) -> tuple[float, float, float]:
    with tempfile.TemporaryDirectory(prefix="flopwatt-bench.") as folder:
        collectd = Collectd(pathlib.Path(folder), row).start()
        try:
            time.sleep(SETTLE_S)
            return watch(row, collectd.pid, collectd.scrape, 1, seconds)
        finally:
            collectd.kill()


def compare(meters: int, dead: int, rounds: int, seconds: float) -> None:
    row = Row(meters, dead)
    print(f"{meters} meters of {2 * FLOATS} registers each second, {dead} dead; {rounds} rounds of {seconds:.0f} s")
    results = {"flopwatt": [], "collectd": []}
    for _ in range(rounds):
        for name, run in (("flopwatt", agent_round), ("collectd", collectd_round)):
            results[name].append(run(row, seconds))
            cost, share, pss = results[name][-1]
            print(f"  {name}: {cost:6.2f} us CPU a reading, {100 * share:5.1f} % of the wanted readings, PSS {pss:.0f} MiB",
                  flush=True)
    row.server.stop()
    if not dead:
        ratios = [ours[0] / theirs[0] for ours, theirs in zip(results["flopwatt"], results["collectd"])]
        print(f"flopwatt's CPU a reading / collectd's: {spread([100 * ratio for ratio in ratios])} %")
    for name, found in results.items():
        print(f"{name}: readings that came: {spread([100 * share for _, share, _ in found])} %")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 5
    compare(*HEALTHY_ROW, rounds, seconds)
    compare(*SICK_ROW, rounds, seconds)


if __name__ == "__main__":
    main()
