"""flopwatt read: every source once, with units, and for each missing figure why it is missing."""
import json
import os
import subprocess
import time

import pytest
import yaml

from harness.agent import Agent
from harness.process import BUILD, free_port, wait_until
from harness.rack import LOADS, Rack

# One meter that holds its mark for "not available" in one register and does not have another.
ODD_METER = """
meters:
  - name: odd
    kind: raw
    holes: exception
    registers:
      - {address: 0, type: f32, value: 1500}
      - {address: 10, type: u16, value: 65535}
"""
ODD_REGISTERS = [{"quantity": "active_power", "address": 0, "function": 3, "type": "f32"},
                 {"quantity": "frequency", "address": 10, "function": 3, "type": "u16"},
                 {"quantity": "power_factor", "address": 20, "function": 3, "type": "u16"}]

# One that holds what no site has, in two registers of which the third is right.
ABSURD_METER = """
meters:
  - name: odd
    kind: raw
    holes: exception
    registers:
      - {address: 0, type: f32, value: 3.4e+38}
      - {address: 10, type: u16, value: 50}
      - {address: 20, type: u16, value: 98}
"""


class Case:
    """A rack, and a configuration of it."""

    def __init__(self, folder, started, load=LOADS / "demo.yml", port=None, **config):
        self.folder = folder
        self.rack = Rack(folder, load).start()
        started.append(self.rack)
        self.config = {"node": "rack-r12", "accelerators": {"nvidia": False},
                       "exporters": {"prometheus": {"listen": [f"127.0.0.1:{port or free_port()}"]}}, **config}

    def with_demo(self):
        self.config["meters"] = [self.rack.meter_config("pdu-a"), self.rack.meter_config("pdu-b")]
        self.config["accelerators"] = {"nvidia": {"library": self.rack.library}}
        return self

    def run(self, *words):
        file = self.folder / "read.yml"
        file.write_text(yaml.safe_dump(self.config))
        begin = time.monotonic()
        answer = subprocess.run([BUILD / "flopwatt", "read", f"--config.file={file}", *words], capture_output=True,
                                text=True, timeout=60, env={**os.environ, **self.rack.environment})
        self.seconds = time.monotonic() - begin
        return answer

    def read(self, code=0):
        answer = self.run("--format=json")
        assert answer.returncode == code, (answer.returncode, answer.stderr, answer.stdout)
        self.notes = answer.stderr
        return json.loads(answer.stdout)["sources"]


def test_every_source_once_as_the_rack_is(tmp_path, started):
    case = Case(tmp_path, started).with_demo()
    sources = case.read()
    assert case.seconds < 5
    assert set(sources) == {"pdu-a", "pdu-b", "nvidia0", "nvidia1", "nvidia2", "nvidia3"}
    truth = case.rack.control("truth", "--at=now")
    for name in ("pdu-a", "pdu-b"):
        meter = sources[name]
        assert meter["up"] and not meter["missing"] and meter["voltage_l1_v"] == pytest.approx(230)
        phases = sum(meter[f"active_power_l{phase}_w"] for phase in (1, 2, 3))
        assert phases == pytest.approx(meter["active_power_w"], rel=1e-3)
        assert 0.2 < meter["active_power_w"] / truth["meters"][name]["power_w"] < 5  # the load has moved since
    for number in range(4):
        gpu = sources[f"nvidia{number}"]
        assert gpu["up"] and not gpu["missing"], gpu
        assert gpu["method"] == "pipe" and gpu["flop_total"] > 1e12  # of the time between two samples
        assert 50 < gpu["power_w"] < 800 and gpu["energy_j_total"] > 1e8


def test_the_table_has_units_and_no_colours(tmp_path, started):
    case = Case(tmp_path, started).with_demo()
    answer = case.run()
    assert answer.returncode == 0 and not answer.stderr
    for part in ("pdu-a  meter, Eastron SDM630", " kW\n", " kWh\n", "230 V\n", "nvidia0  accelerator", " GiB\n", "FLOP\n", "work during this command "):
        assert part in answer.stdout, (part, answer.stdout)
    assert "\x1b" not in answer.stdout and max(map(len, answer.stdout.splitlines())) <= 100


def test_a_silent_meter_costs_its_figures_and_the_exit_code(tmp_path, started):
    case = Case(tmp_path, started).with_demo()
    case.rack.control("meter", "pdu-a", "silent")
    sources = case.read(code=2)
    assert case.seconds < 10
    silent = sources["pdu-a"]
    assert not silent["up"] and "time" not in silent
    assert len(silent["missing"]) == 17
    assert all("no answer within" in reason for reason in silent["missing"].values())
    assert sources["pdu-b"]["up"] and sources["nvidia0"]["up"]
    assert "DOWN" in case.run().stdout


def odd_meter(case):
    meter = case.rack.meter("odd")
    case.config["meters"] = [{"name": "odd", "address": f"tcp://127.0.0.1:{meter['port']}",
                              "unit_id": meter["unit_id"], "registers": ODD_REGISTERS, "accuracy": {"class": 1}}]


def check_odd_meter(odd):
    assert odd["up"] and odd["active_power_w"] == 1500
    assert set(odd["missing"]) == {"frequency_hz", "power_factor"}
    assert "register 10" in odd["missing"]["frequency_hz"] and "not available" in odd["missing"]["frequency_hz"]
    assert "exception 2" in odd["missing"]["power_factor"]


def test_a_figure_is_missing_for_the_reason_that_it_is(tmp_path, started):
    case = Case(tmp_path, started, ODD_METER)
    odd_meter(case)
    check_odd_meter(case.read()["odd"])


def test_a_value_that_no_site_has_is_missing_and_shown_with_its_register(tmp_path, started):
    case = Case(tmp_path, started, ABSURD_METER)
    meter = case.rack.meter("odd")
    case.config["meters"] = [{"name": "odd", "address": f"tcp://127.0.0.1:{meter['port']}", "refresh": "30s",
                              "unit_id": meter["unit_id"], "registers": ODD_REGISTERS, "accuracy": {"class": 1}}]
    odd = case.read()["odd"]
    assert odd["up"] and set(odd["missing"]) == {"active_power_w", "power_factor"} and odd["frequency_hz"] == 50
    assert "register 0 (function 3) holds 3.4e+38 W" in odd["missing"]["active_power_w"]
    assert "register 20 (function 3) holds 98," in odd["missing"]["power_factor"]
    assert "scale" in odd["missing"]["power_factor"]


def test_a_running_agent_tells_the_reasons_too(tmp_path, started):
    port = free_port()
    case = Case(tmp_path, started, ODD_METER, port=port)
    odd_meter(case)
    agent = Agent(tmp_path, case.config, environment=case.rack.environment)
    agent.port = port
    started.append(agent.start())
    wait_until(lambda: json.loads(agent.fetch("/api/v1/status"))["sources"].get("odd", {}).get("up"), 20, "a reading")
    odd = case.read()["odd"]
    assert odd["from"] == "agent"
    check_odd_meter(odd)


def test_an_accelerator_without_pipes_says_why_its_work_is_no_better_known(tmp_path, started):
    case = Case(tmp_path, started).with_demo()
    case.rack.control("gpu", "all", "no_gpm")
    gpu = case.read()["nvidia0"]
    assert gpu["up"] and gpu["power_w"] > 0
    if "flop_total" not in gpu:
        assert "pipes" in gpu["missing"]["flop_total"]
    else:
        assert gpu["method"] == "estimated"


def test_a_running_agent_of_this_node_is_asked_and_its_meters_are_left_alone(tmp_path, started):
    port = free_port()
    case = Case(tmp_path, started, port=port).with_demo()
    agents = {**case.config, "meters": case.config["meters"][:1]}
    agent = Agent(tmp_path, agents, environment=case.rack.environment)
    agent.port = port
    started.append(agent.start())
    sources = None

    def agent_has_all():
        nonlocal sources
        sources = json.loads(agent.fetch("/api/v1/status"))["sources"]
        return len(sources) == 5 and all(source["up"] for source in sources.values())
    wait_until(agent_has_all, 20, "the agent's first readings")

    sources = case.read()
    assert sources["pdu-a"]["from"] == "agent" and 0 <= sources["pdu-a"]["age_s"] < 5
    assert sources["pdu-a"]["active_power_w"] > 0
    assert sources["nvidia0"]["from"] == "agent" and sources["nvidia0"]["power_w"] > 0
    assert "from" not in sources["pdu-b"] and sources["pdu-b"]["up"]  # which that agent does not know
    assert str(port) in case.notes
    assert "pdu-a  meter, Eastron SDM630, from the running agent, " in case.run().stdout

    case.config["node"] = "rack-r13"
    sources = case.read()
    assert all("from" not in source for source in sources.values())
    assert "rack-r12" in case.notes


def test_wrong_configuration_is_exit_1_and_a_library_that_must_be_there_exit_2(tmp_path, started):
    case = Case(tmp_path, started, ODD_METER)
    answer = case.run("--format=yaml")
    assert answer.returncode == 1
    case.config["accelerators"] = {"nvidia": {"library": "/nonexistent/libnvidia-ml.so.1"}}
    answer = case.run()
    assert answer.returncode == 2 and "/nonexistent" in answer.stderr
    case.config["accelerators"] = {"nvidia": False}
    answer = case.run()
    assert answer.returncode == 0 and "no source" in answer.stderr
    case.config["sampling"] = {"intervall": "1s"}
    answer = case.run()
    assert answer.returncode == 1 and "intervall" in answer.stderr
