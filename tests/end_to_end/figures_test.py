"""The published figures against the simulated rack's truth, over MQTT and Prometheus."""
import subprocess
from datetime import datetime

import pytest

from harness.agent import Agent
from harness.broker import Broker, Subscriber
from harness.process import wait_until
from harness.rack import LOADS, Rack

WINDOW_S = 5


def unix_time(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


@pytest.fixture
def demo(tmp_path, started):
    """A rack of two meters and four GPUs, a broker, a subscriber and the agent."""
    rack = Rack(tmp_path, LOADS / "demo.yml").start()
    started.append(rack)
    broker = Broker(tmp_path).start()
    started.append(broker)
    subscriber = Subscriber(broker.port)
    agent = Agent(tmp_path, {
        "node": "rack-r12",
        "meters": [rack.meter_config("pdu-a"), rack.meter_config("pdu-b")],
        "accelerators": {"nvidia": {"library": rack.library}},
        "scopes": [{"name": "gpu-01", "energy": ["pdu-a", "pdu-b"], "work": "all"}],
        "energy": {"windows": [f"{WINDOW_S}s", "1h"]},
        "exporters": {"mqtt": [{"name": "ems", "broker": broker.url}]},
    }, environment=rack.environment).start()
    started.append(agent)
    yield rack, agent, subscriber
    subscriber.stop()


def test_joules_per_flop_is_true_within_its_stated_uncertainty(demo):
    rack, agent, subscriber = demo

    def closed():
        windows = [message.payload for message in subscriber.of("scopes/gpu-01/5s")]
        whole = [window for window in windows if window.get("coverage", 0) > 0.99]
        return whole if len(whole) >= 6 else None

    windows = wait_until(closed, 60, "six closed windows")
    energy = flop = true_energy = true_flop = 0.0
    for window in windows:
        start, end = unix_time(window["start"]), unix_time(window["time"])
        assert end - start == pytest.approx(WINDOW_S) and end % WINDOW_S == pytest.approx(0)
        truth = rack.truth(start, end)["sum"]
        error = window["joules_per_flop"] / truth["joules_per_flop"] - 1
        assert abs(error) < 0.02, window
        assert abs(error) <= window["uncertainty"], window
        assert window["joules_per_flop_low"] < window["joules_per_flop"] < window["joules_per_flop_high"]
        assert window["energy_j"] / window["flop"] == pytest.approx(window["joules_per_flop"])
        assert window["method"] == "pipe"
        energy += window["energy_j"]
        flop += window["flop"]
        true_energy += truth["meter_energy_j"]
        true_flop += truth["flop"]
    # Over all of them errors of sampling cancel; what stays must be small.
    assert energy / true_energy == pytest.approx(1, abs=0.002)
    assert flop / true_flop == pytest.approx(1, abs=0.002)

    page = agent.metrics()
    labels = {"scope": "gpu-01", "window": "5s", "method": "pipe"}
    now = unix_time(windows[-1]["time"])
    truth = rack.truth(now - WINDOW_S, now)["sum"]
    assert page.get("flopwatt_scope_joules_per_flop", **labels) == pytest.approx(truth["joules_per_flop"], rel=0.1)
    assert page.get("flopwatt_scope_joules_per_flop", scope="gpu-01", window="1h") is None, "far below min_coverage"
    power = rack.control("truth", "--at=now")["sum"]["meter_power_w"]
    assert page.get("flopwatt_scope_power_watts", scope="gpu-01") == pytest.approx(power, rel=0.1)


def test_readings_of_a_meter_and_an_accelerator_are_those_of_the_rack(demo):
    rack, agent, subscriber = demo
    meter = wait_until(lambda: subscriber.of("meters/pdu-a"), 20, "a reading of pdu-a")[-1].payload
    at = unix_time(meter["time"])
    truth = rack.control("truth", f"--at={at:.6f}")
    assert meter["active_power_w"] == pytest.approx(truth["meters"]["pdu-a"]["power_w"], rel=0.01)
    assert meter["voltage_l1_v"] == 230 and meter["frequency_hz"] == 50
    gpu = wait_until(lambda: subscriber.of("accelerators/nvidia0"), 20, "a reading of nvidia0")[-1].payload
    assert gpu["uuid"] == rack.started["gpus"][0]["uuid"]
    assert gpu["core_clock_hz"] == 1_755_000_000

    def fp16_activity():  # known from the second sample on
        return agent.metrics().get("flopwatt_accelerator_pipe_active_ratio", accelerator="nvidia0", pipe="fp16")
    wait_until(fp16_activity, 10, "pipe activity")
    page = agent.metrics()
    assert page.get("flopwatt_accelerator_memory_total_bytes", accelerator="nvidia0", uuid=gpu["uuid"]) > 79e9
    assert page.get("flopwatt_accelerator_pipe_active_ratio", accelerator="nvidia0", pipe="fp16") == pytest.approx(0.02)
    assert page.get("flopwatt_pipe_flop_total", accelerator="nvidia0", precision="assumed_bf16") > 0


def test_metrics_page_is_what_promtool_accepts(demo):
    _, agent, _ = demo
    wait_until(lambda: agent.metrics().get("flopwatt_scope_joules_per_flop", scope="gpu-01", window="5s"), 30,
               "J/FLOP")
    answer = subprocess.run(["promtool", "check", "metrics"], input=agent.fetch("/metrics"), text=True,
                            capture_output=True)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")
