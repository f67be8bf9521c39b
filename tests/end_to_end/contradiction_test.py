"""A register and a power reading of one meter that contradict each other are told: log, status, a series, no J/FLOP."""
from harness.agent import Agent
from harness.process import wait_until
from harness.rack import LOADS, Rack

# An ideal meter. Of one that counts in steps of 10 Wh the wrong unit is not told yet: steps that are a thousand times too
# large are taken for no growth.
RAW_METER = """
  - name: raw
    kind: raw
    meter: ideal
    gpus: all
    base_power: {constant: 2700}
    loss_factor: 1.6
    registers:
      - {address: 10, type: f32, value: power_w}
      - {address: 12, type: i64, value: energy_wh}
"""


def test_a_wrong_unit_is_told_and_no_figure_stands_there(tmp_path, started):
    load = (LOADS / "demo.yml").read_text() + RAW_METER
    rack = Rack(tmp_path, load).start()
    started.append(rack)
    port = rack.meter("raw")["port"]
    agent = Agent(tmp_path, {
        "meters": [{"name": "main", "address": f"tcp://127.0.0.1:{port}", "accuracy": {"class": 0.5}, "registers": [
            {"quantity": "active_power", "address": 10, "function": 3, "type": "f32", "unit": "W"},
            {"quantity": "energy_import", "address": 12, "function": 3, "type": "i64", "unit": "kWh"}]}],
        "accelerators": {"nvidia": {"library": rack.library}},
        "scopes": [{"name": "rack", "energy": ["main"], "work": "all"}],
        "energy": {"windows": ["20s"]},
    }, environment=rack.environment).start()
    started.append(agent)
    told = wait_until(lambda: agent.status()["scopes"]["rack"].get("contradictions"), 150, "the contradiction")
    assert "Wh where kWh is configured" in told["main"]
    metrics = agent.metrics()
    assert 800 < metrics.get("flopwatt_meter_energy_power_ratio", meter="main") < 1200
    assert not [name for name in metrics.samples if name.startswith("flopwatt_scope_joules_per_flop")]
    assert metrics.get("flopwatt_scope_power_watts", scope="rack") > 2700
    lines = [line for line in agent.log_text().splitlines() if "energy register and power contradict" in line]
    assert len(lines) == 1 and "source=main" in lines[0]
