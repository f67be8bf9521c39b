"""A vendor that the agent does not ship (tests/vendors/example) beside NVIDIA's, end to end: each is metered, named,
configured and shown by itself."""
import json
import os
import pathlib
import signal
import subprocess

import pytest
import yaml

from harness.agent import Agent
from harness.process import BUILD, free_port, wait_until
from harness.rack import LOADS, Rack

FLOPWATT = BUILD / "tests/vendors/bin/flopwatt"
EXAMPLE = {"library": str(BUILD / "tests/vendors/example/libexample.so"), "interval": "200ms"}
NVIDIA = [f"nvidia{number}" for number in range(4)]
EXAMPLES = ["example0", "example1"]
FLOP_PER_SECOND = 0.25 * 64 * 1024 * 1e9  # of example0; example1 does and draws twice as much


class Case:
    """The rack's NVIDIA accelerators, and the example's."""

    def __init__(self, folder, started):
        self.folder, self.started = folder, started
        self.rack = Rack(folder, LOADS / "demo.yml").start()
        started.append(self.rack)
        self.nvidia = {"library": self.rack.library, "interval": "200ms"}

    def agent(self, environment=None, **vendors):
        agent = Agent(self.folder, {"node": "rack-r12", "accelerators": vendors,
                                    "scopes": [{"name": "rack", "work": "all"}]},
                      environment={**self.rack.environment, **(environment or {})})
        agent.program = FLOPWATT
        self.started.append(agent.start())
        return agent

    def read(self, agent, **vendors):
        file = self.folder / "read.yml"
        listen = [f"127.0.0.1:{agent.port if agent else free_port()}"]
        file.write_text(yaml.safe_dump({"node": "rack-r12", "accelerators": vendors,
                                        "exporters": {"prometheus": {"listen": listen}}}))
        answer = subprocess.run([FLOPWATT, "read", f"--config.file={file}", "--format=json"], capture_output=True,
                                text=True, timeout=60, env={**os.environ, **self.rack.environment}, check=False)
        assert answer.returncode == 0, (answer.returncode, answer.stderr)
        return json.loads(answer.stdout)["sources"]


def accelerators(agent: Agent) -> dict[str, dict]:
    """Labels of each accelerator that is up."""
    metrics = agent.metrics()
    return {labels["accelerator"]: labels for labels, _ in metrics.samples.get("flopwatt_accelerator_info", [])
            if metrics.get("flopwatt_source_up", source=labels["accelerator"]) == 1}


@pytest.fixture(name="case")
def fixture_case(tmp_path, started):
    return Case(tmp_path, started)


def test_two_vendors_are_metered_side_by_side(case):
    agent = case.agent(nvidia=case.nvidia, example=EXAMPLE)
    wait_until(lambda: sorted(accelerators(agent)) == EXAMPLES + NVIDIA, 20, f"all accelerators; {agent.log_text()}")
    who = accelerators(agent)["example1"]
    assert (who["vendor"], who["model"], who["pci"]) == ("Example", "Example E1", "0000:e1:00.0")
    assert who["uuid"] == "EXAMPLE-E-1" and who["energy_source"] == "counter"
    assert accelerators(agent)["nvidia0"]["vendor"] == "NVIDIA"

    # The second reading of a device is the first with an activity.
    wait_until(lambda: agent.metrics().get("flopwatt_accelerator_pipe_active_ratio", accelerator="example1"), 10, "activity")
    first = agent.metrics()
    assert first.get("flopwatt_accelerator_power_watts", accelerator="example1") == 500
    assert first.get("flopwatt_accelerator_utilization_ratio", accelerator="example0") == 0.25
    assert first.get("flopwatt_accelerator_pipe_active_ratio", accelerator="example1", pipe="fp16") == \
        pytest.approx(0.5, rel=1e-3)
    assert first.get("flopwatt_accelerator_peak_flop_per_second", accelerator="example0", precision="fp16") == 1e14

    def grown(series, accelerator):
        before, now = (page.get(series, accelerator=accelerator) for page in (first, agent.metrics()))
        return now - before if before is not None and now is not None else 0
    # Joules by FLOP, whatever the time between the two: 250 W for each 16.4 TFLOP/s.
    wait_until(lambda: grown("flopwatt_accelerator_energy_joules_total", "example1") > 500, 20, "a second")
    page = agent.metrics()
    joules, flop = (page.get(name, accelerator="example1") - first.get(name, accelerator="example1")
                    for name in ("flopwatt_accelerator_energy_joules_total", "flopwatt_pipe_flop_total"))
    assert joules / flop == pytest.approx(250 / FLOP_PER_SECOND, rel=0.01)
    assert page.get("flopwatt_pipe_flop_total", accelerator="nvidia0", precision="assumed_bf16") > 0


def test_a_vendor_that_is_off_hides_no_other(case):
    agent = case.agent(nvidia=False, example=EXAMPLE)
    wait_until(lambda: sorted(accelerators(agent)) == EXAMPLES, 20, f"the example's; {agent.log_text()}")

    # `read` shows from the agent what the agent has, and reads what the configuration has besides.
    sources = case.read(agent, nvidia=False, example=EXAMPLE)
    assert sorted(sources) == EXAMPLES
    assert all(source["from"] == "agent" and source["power_w"] > 0 for source in sources.values())
    sources = case.read(agent, nvidia=case.nvidia, example=EXAMPLE)
    assert sorted(sources) == EXAMPLES + NVIDIA
    assert [name for name, source in sources.items() if source.get("from") == "agent"] == EXAMPLES
    assert sorted(case.read(agent, nvidia=case.nvidia, example=False)) == NVIDIA

    # And the other way round, by a reload.
    config = yaml.safe_load(agent.config.read_text())
    config["accelerators"] = {"nvidia": case.nvidia, "example": False}
    agent.config.write_text(yaml.safe_dump(config))
    agent.signal(signal.SIGHUP)
    wait_until(lambda: sorted(accelerators(agent)) == NVIDIA, 20, f"NVIDIA's; {agent.log_text()}")


def test_read_numbers_each_vendor_from_0(case):
    sources = case.read(None, nvidia=case.nvidia, example=EXAMPLE)
    assert sorted(sources) == EXAMPLES + NVIDIA
    assert sources["example1"]["power_w"] == 500 and sources["example1"]["method"] == "pipe"


def test_at_auto_a_vendor_without_its_library_costs_no_process(case):
    agent = case.agent({"LD_LIBRARY_PATH": str(BUILD / "tests/vendors/example")})
    wait_until(lambda: sorted(accelerators(agent)) == EXAMPLES, 20, f"the example's; {agent.log_text()}")
    assert "the dynamic linker finds no libnvidia-ml.so.1" in agent.log_text()
    children = pathlib.Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text().split()
    assert len(children) == 1, "one guest, of the example's library"


def test_smi_goes_by_the_rows(case):
    guest = subprocess.run([FLOPWATT, "smi", "example", "--library=/nonexistent/libexample.so"], capture_output=True,
                           text=True, timeout=20, check=False)
    assert guest.returncode == 2 and guest.stderr.startswith("flopwatt smi example: ")
    unknown = subprocess.run([FLOPWATT, "smi", "acme"], capture_output=True, text=True, timeout=20, check=False)
    assert unknown.returncode == 1 and "write nvidia or example" in unknown.stderr
    shown = subprocess.Popen([FLOPWATT, "smi", "example", f"--library={EXAMPLE['library']}", "--interval=200ms"],
                             stdout=subprocess.PIPE, text=True)
    lines = [json.loads(shown.stdout.readline()) for _ in range(3)]
    shown.terminate()
    assert shown.wait(5) == 0
    assert [line["message"] for line in lines] == ["hello", "device", "device"]
    assert lines[2]["pci"] == "0000:e1:00.0" and lines[2]["power_uw"] == 500_000_000
