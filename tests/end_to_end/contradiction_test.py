"""What contradicts each other is told: register and power, turned transformers, meters and devices. In log, status and
`read` with the same words and the cure, in series, and there is no J/FLOP."""
import json
import os
import subprocess

import yaml

from harness.agent import Agent
from harness.process import BUILD, free_port, wait_until
from harness.rack import LOADS, Rack

# Each has 2700 W and more: alone (base) or with the rack's GPUs.
METERS = """
  - name: raw
    kind: raw
    gpus: all
    base_power: {constant: 2700}
    loss_factor: 1.6
    registers:
      - {address: 10, type: f32, value: power_w}
      - {address: 12, type: i64, value: energy_wh}
      - {address: 20, type: i32, scale: -1, value: power_w}
      - {address: 22, type: i64, value: 123456}
      - {address: 30, type: i32, scale: 3, value: power_w}
      - {address: 32, type: i32, scale: -3, value: power_w}
      - {address: 34, type: i32, scale: 3, value: power_w}
      - {address: 40, type: i32, scale: 100, value: power_w}
      - {address: 44, type: i64, scale: 100, value: energy_wh}
"""
SDM630_IN_WH = """
meters:
  - name: odd
    kind: raw
    function: 4
    holes: zero
    base_power: {constant: 5000}
    registers:
      - {address: 0, type: f32, value: 230}
      - {address: 2, type: f32, value: 230}
      - {address: 4, type: f32, value: 230}
      - {address: 52, type: f32, value: power_w}
      - {address: 62, type: f32, value: 0.98}
      - {address: 70, type: f32, value: 50}
      - {address: 72, type: f32, value: energy_wh}
"""


def register(quantity, address, kind, unit=None, **more):
    entry = {"quantity": quantity, "address": address, "function": 3, "type": kind, **more}
    return {**entry, "unit": unit} if unit else entry


POWER = register("active_power", 10, "f32")
ENERGY = register("energy_import", 12, "i64", "Wh")
REGISTERS = {
    "right": [POWER, ENERGY],
    "kilo": [POWER, {**ENERGY, "unit": "kWh"}],
    "turned": [register("active_power", 20, "i32"), register("energy_import", 22, "i64", "Wh"),
               register("energy_export", 12, "i64", "Wh")],
    "phase": [POWER, ENERGY, register("active_power", 30, "i32", phase="L1"),
              register("active_power", 32, "i32", phase="L2"), register("active_power", 34, "i32", phase="L3")],
    "low": [register("active_power", 40, "i32"), register("energy_import", 44, "i64", "Wh")],
}
REGISTERS["inverted"] = REGISTERS["turned"]
TOLD = {"kilo": "Is its unit Wh where kWh is configured",
        "turned": "Write `invert: true`",
        "phase": "the current transformer of L2 is turned around"}


class Case:
    def __init__(self, folder, started, meters, **config):
        self.folder = folder
        self.rack = Rack(folder, (LOADS / "demo.yml").read_text() + METERS).start()
        started.append(self.rack)
        port = self.rack.meter("raw")["port"]
        self.config = {
            "node": "rack-r12",
            "meters": [{"name": name, "address": f"tcp://127.0.0.1:{port}", "accuracy": {"class": 0.5},
                        "registers": REGISTERS[name], **({"invert": True} if name == "inverted" else {})}
                       for name in meters],
            "accelerators": {"nvidia": {"library": self.rack.library}},
            "energy": {"windows": ["20s"]}, **config}

    def read(self):
        file = self.folder / "read.yml"
        file.write_text(yaml.safe_dump(self.config))
        answer = subprocess.run([BUILD / "flopwatt", "read", f"--config.file={file}", "--format=json"], timeout=60,
                                capture_output=True, text=True, env={**os.environ, **self.rack.environment})
        assert answer.returncode == 0, (answer.stderr, answer.stdout)
        return json.loads(answer.stdout)["sources"]


def test_meters_that_contradict_themselves_are_told_and_no_figure_stands_there(tmp_path, started):
    port = free_port()
    meters = [*TOLD, "inverted"]
    case = Case(tmp_path, started, meters, exporters={"prometheus": {"listen": [f"127.0.0.1:{port}"]}},
                scopes=[{"name": f"rack-{name}", "energy": [name], "work": [f"nvidia{i}"]} for i, name in enumerate(meters)])
    agent = Agent(tmp_path, case.config, environment=case.rack.environment)
    agent.port = port
    started.append(agent.start())

    def told(name):
        return agent.status()["scopes"][f"rack-{name}"].get("contradictions")

    for name, words in TOLD.items():
        assert words in wait_until(lambda: told(name), 150, f"what contradicts itself in {name}")[name]  # noqa: B023
    metrics = agent.metrics()
    assert 800 < metrics.get("flopwatt_meter_energy_power_ratio", meter="kilo") < 1200
    assert 0.95 < metrics.get("flopwatt_accelerator_energy_power_ratio", accelerator="nvidia0",
                              uuid=case.rack.started["gpus"][0]["uuid"]) < 1.05
    for name, words in TOLD.items():
        labels = {"scope": f"rack-{name}", "window": "20s", "method": "pipe"}
        assert metrics.get("flopwatt_scope_joules_per_flop", **labels) is None
        assert metrics.get("flopwatt_scope_joules_per_flop_missing", **labels, reason="contradiction") == 1
        assert abs(metrics.get("flopwatt_scope_power_watts", scope=f"rack-{name}")) > 2700
        lines = [line for line in agent.log_text().splitlines() if f"source={name} " in line and "why=" in line]
        assert len(lines) == 1 and words in lines[0], lines
        assert words in case.read()[name]["contradictions"][0]  # from that agent

    # What was turned around and is configured so is as it should be.
    assert told("inverted") is None
    assert metrics.get("flopwatt_scope_joules_per_flop", scope="rack-inverted", window="20s", method="pipe") > 0
    assert metrics.get("flopwatt_meter_power_watts", meter="inverted") > 2700
    assert metrics.get("flopwatt_meter_exported_energy_joules_total", meter="inverted") == 123456 * 3600
    assert "contradictions" not in case.read()["inverted"]


def test_read_tells_by_two_samples(tmp_path, started):
    case = Case(tmp_path, started, ["right", "kilo", "turned", "phase", "inverted"],
                exporters={"prometheus": {"listen": [f"127.0.0.1:{free_port()}"]}})
    sources = case.read()
    for name, words in TOLD.items():
        assert words in sources[name]["contradictions"][0], sources[name]
    assert "contradictions" not in sources["right"] and "contradictions" not in sources["inverted"]
    assert sources["inverted"]["active_power_w"] > 2700
    assert sources["inverted"]["energy_export_wh_total"] == 123456


def test_probe_tells_by_two_samples(tmp_path, started):
    rack = Rack(tmp_path, SDM630_IN_WH).start()
    started.append(rack)
    meter = rack.meter("odd")
    answer = subprocess.run([BUILD / "flopwatt", "probe", f"tcp://127.0.0.1:{meter['port']}", "--format=json"],
                            capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0, answer.stderr
    (unit,) = [unit for unit in json.loads(answer.stdout)["units"] if unit["answers"]]
    assert unit["found"], unit
    assert any("Is its unit Wh where kWh is configured" in hint for hint in unit.get("hints", [])), unit


def test_meters_that_read_less_than_their_gpus_are_told(tmp_path, started):
    case = Case(tmp_path, started, ["low"], scopes=[{"name": "rack", "energy": ["low"], "work": "all"}])
    agent = Agent(tmp_path, case.config, environment=case.rack.environment).start()
    started.append(agent)
    told = wait_until(lambda: agent.status()["scopes"]["rack"].get("contradictions"), 180, "the contradiction")
    assert "the devices behind them" in told["rack"]
    wait_until(lambda: "joules_per_flop" not in agent.status()["scopes"]["rack"]["windows"].get("20s", {}), 30, "no figure")
    assert len([line for line in agent.log_text().splitlines() if "meters read less than the devices" in line]) == 1
