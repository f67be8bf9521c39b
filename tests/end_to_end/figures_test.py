"""The published figures against the simulated rack's truth, over MQTT and Prometheus.

The meters are as they are sold: registers count in steps of 10 Wh, and all values are refreshed once a second. What a
figure may be off is what is published with it. The published uncertainty is of k=2, so that one window of twenty lies
outside; what lies outside of twice that is wrong.
"""
import subprocess
import time
from datetime import datetime

import pytest

from harness.agent import Agent
from harness.broker import Broker, Subscriber
from harness.process import wait_until
from harness.rack import LOADS, Rack

WINDOW_S = 5
WINDOWS = 10        # that are looked at
MOST_OUTSIDE = 3    # of them: more happen by chance once in a thousand times, at one of twenty
STEP_J = 36_000     # of a meter's energy register
METERS = 2
REFRESH_S = 1
OLDEST_S = REFRESH_S + 1.4 + 1   # a published value: refreshed, read and stored; the machine may be busy


def unix_time(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def true_power(rack: Rack, at: float, age_s: float, *path: str) -> tuple[float, float]:
    """The lowest and the highest in so many seconds, each 50 ms, with what is missed between."""
    found = []
    for i in range(-1, int(age_s * 20) + 2):
        truth = rack.control("truth", f"--at={at - i / 20:.6f}")
        for key in path:
            truth = truth[key]
        found.append(truth)
    return min(found) * 0.99, max(found) * 1.01


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

    def total():
        return agent.metrics().get("flopwatt_scope_energy_joules_total", scope="gpu-01")

    def closed():
        windows = [message.payload for message in subscriber.of("scopes/gpu-01/5s")]
        whole = [window for window in windows if window.get("coverage", 0) > 0.99]
        return whole[:WINDOWS] if len(whole) >= WINDOWS else None

    first_total, first_at = wait_until(total, 20, "a total"), time.time()
    windows = wait_until(closed, 120, "the closed windows")
    outside = 0
    energy = flop = true_energy = true_flop = stated = 0.0
    for window in windows:
        start, end = unix_time(window["start"]), unix_time(window["time"])
        assert end - start == pytest.approx(WINDOW_S) and end % WINDOW_S == pytest.approx(0)
        truth = rack.truth(start, end)["sum"]
        error = window["joules_per_flop"] / truth["joules_per_flop"] - 1
        assert abs(error) <= 2 * window["uncertainty"], (error, window)
        outside += abs(error) > window["uncertainty"]
        assert window["joules_per_flop_low"] < window["joules_per_flop"] < window["joules_per_flop_high"]
        assert window["energy_j"] / window["flop"] == pytest.approx(window["joules_per_flop"])
        assert window["method"] == "pipe"
        energy += window["energy_j"]
        flop += window["flop"]
        true_energy += truth["meter_energy_j"]
        true_flop += truth["flop"]
        stated += window["uncertainty"] / len(windows)
    assert outside <= MOST_OUTSIDE, f"{outside} of {len(windows)} windows outside of their stated uncertainty"
    # Over all of them errors of sampling cancel: together the windows are no worse than one of them says.
    assert abs(energy / flop / (true_energy / true_flop) - 1) <= stated
    # Work is read from poll to poll. At either end an interval is cut in two, in proportion to time, which the load's
    # steps of one GPU of four make wrong by a tenth of a second's work at the most.
    assert flop / true_flop == pytest.approx(1, abs=0.2 / (WINDOWS * WINDOW_S))

    # The total is that of the registers: a step of each, and what was drawn since they were refreshed, read and stored.
    gained, since = total() - first_total, rack.truth(first_at, time.time())["sum"]["meter_energy_j"]
    power = rack.control("truth", "--at=now")["sum"]["meter_power_w"]
    assert gained == pytest.approx(since, abs=METERS * STEP_J + 2 * OLDEST_S * power)


def test_the_trailing_window_is_the_same_on_the_page_and_in_the_status(demo):
    rack, agent, _ = demo

    def trailing():
        return agent.status()["scopes"]["gpu-01"].get("windows", {}).get("5s", {})

    def of_one_moment():
        before, page, after = trailing(), agent.metrics(), trailing()
        return (before, page) if before == after and "joules_per_flop" in before else None

    window, page = wait_until(of_one_moment, 60, "a trailing window with a figure")
    start, end = unix_time(window["start"]), unix_time(window["time"])
    figure = page.get("flopwatt_scope_joules_per_flop", scope="gpu-01", window="5s", method="pipe")
    assert figure == pytest.approx(window["joules_per_flop"])
    assert abs(figure / rack.truth(start, end)["sum"]["joules_per_flop"] - 1) <= 2 * window["uncertainty"]
    assert page.get("flopwatt_scope_joules_per_flop", scope="gpu-01", window="1h") is None, "far below min_coverage"
    low, high = true_power(rack, time.time(), OLDEST_S, "sum", "meter_power_w")
    assert low <= page.get("flopwatt_scope_power_watts", scope="gpu-01") <= high


def test_readings_of_a_meter_and_an_accelerator_are_those_of_the_rack(demo):
    rack, agent, subscriber = demo
    meter = wait_until(lambda: subscriber.of("meters/pdu-a"), 20, "a reading of pdu-a")[-1].payload
    at = unix_time(meter["time"])
    # The meter has refreshed it within the last second, and the time is of the middle of the request.
    low, high = true_power(rack, at, REFRESH_S, "meters", "pdu-a", "power_w")
    assert low <= meter["active_power_w"] <= high
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
    wait_until(lambda: agent.metrics().get("flopwatt_scope_joules_per_flop", scope="gpu-01", window="5s",
                                           method="pipe"), 30,
               "J/FLOP")
    answer = subprocess.run(["promtool", "check", "metrics"], input=agent.fetch("/metrics"), text=True,
                            capture_output=True)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")
