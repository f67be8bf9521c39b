"""Reloads that add and take away meters and an exporter: memory, descriptors and threads stay as they are."""
import os
import signal

import yaml

from harness.agent import Agent
from harness.process import wait_until
from harness.rack import LOADS, Rack

RELOADS = int(os.environ.get("FLOPWATT_RELOADS", "150"))
SETTLED = 60  # reloads, after which caches are filled


def pss_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        return next(int(line.split()[1]) * 1024 for line in rollup if line.startswith("Pss:"))


def size_of(agent: Agent) -> tuple[int, int, int]:
    process = f"/proc/{agent.pid}"
    return pss_bytes(agent.pid), len(os.listdir(f"{process}/fd")), len(os.listdir(f"{process}/task"))


def test_memory_of_reloads_is_flat(tmp_path, started):
    rack = Rack(tmp_path, LOADS / "demo.yml").start()
    exporter = {"name": "ems", "broker": "mqtt://127.0.0.1:9"}  # nobody is there
    agent = Agent(tmp_path, {
        "node": "n", "meters": [rack.meter_config("pdu-a")], "accelerators": {"nvidia": {"library": rack.library}},
        "exporters": {"mqtt": [exporter]},
    }, environment=rack.environment)
    started += [rack, agent]
    agent.start()
    config = yaml.safe_load(agent.config.read_text())

    def reload(number: int) -> None:
        config["meters"] = [rack.meter_config("pdu-a", interval=("1s", "2s")[number % 2])]
        config["meters"] += [rack.meter_config("pdu-b")] if number % 3 == 0 else []
        config["exporters"]["mqtt"] = [{**exporter, "prefix": f"p{number}"}] if number % 2 == 0 else []
        agent.config.write_text(yaml.safe_dump(config, sort_keys=False))
        done = agent.log_text().count("the configuration was reloaded")
        agent.signal(signal.SIGHUP)
        wait_until(lambda: agent.log_text().count("the configuration was reloaded") > done, 20, "the reload", poll=0.005)

    for number in range(SETTLED):
        reload(number)
    memory, descriptors, threads = size_of(agent)
    for number in range(RELOADS):
        reload(SETTLED + number)
    grown = size_of(agent)
    assert grown[0] - memory < 256 * 1024 + RELOADS * 2048
    assert abs(grown[1] - descriptors) <= 2 and abs(grown[2] - threads) <= 1
