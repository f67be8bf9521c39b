"""A rack of the field (loads/field.yml): the loads that are hardest to meter, behind meters and GPUs that count in coarse
steps, refresh what they tell seldom, sample or average power, answer late, see a part of the time, or contradict themselves.

What a figure may be off is what is published with it, and what a total may be off follows from what the meter tells. In
simulated time tests/monte_carlo tries the same with thousands of racks.
"""
import time
from datetime import datetime

import pytest
import yaml

from harness.agent import Agent
from harness.broker import Broker, Subscriber
from harness.process import wait_until
from harness.rack import LOADS, Rack

WINDOW_S = 20
WINDOWS = 4                     # of each scope that are looked at
READ_AND_STORED_S = 1.4 + 1     # at the most; the machine may be busy
PEAK_W = 1700                   # of any of the meters
CONTRADICTING = {"hidden",      # meter: it is refreshed in step with its load, so that power shows the same moment of it
                 "nvidia6"}     # its counter is 43 % low
BURSTING = "deep_bursts"        # hardly any of its windows is long enough for a figure
# Of the harder loads one or two of ten windows lie outside of their stated uncertainty (tests/monte_carlo/known_least.cpp);
# four of ten by chance once in some hundred times, and one outside of three times as much hardly ever.
MOST_OUTSIDE = 0.4


def unix_time(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def scope_of(meter: str) -> str:
    return f"of-{meter}"


class Site:
    def __init__(self, folder, started):
        self.meters = {meter["name"]: meter for meter in yaml.safe_load((LOADS / "field.yml").read_text())["meters"]}
        self.rack = Rack(folder, LOADS / "field.yml").start()
        started.append(self.rack)
        broker = Broker(folder).start()
        started.append(broker)
        self.subscriber = Subscriber(broker.port)
        self.agent = Agent(folder, {
            "node": "rack-r12", "meters": [self.rack.meter_config(name) for name in self.meters],
            "accelerators": {"nvidia": {"library": self.rack.library}},
            "scopes": [{"name": scope_of(name), "energy": [name], "work": [f"nvidia{meter['gpus'][0]}"]}
                       for name, meter in self.meters.items()],
            "energy": {"windows": [f"{WINDOW_S}s"]},
            "exporters": {"mqtt": [{"name": "ems", "broker": broker.url}]},
        }, environment=self.rack.environment).start()
        started.append(self.agent)

    def total(self, meter: str) -> float | None:
        return self.agent.metrics().get("flopwatt_scope_energy_joules_total", scope=scope_of(meter))

    def totals(self) -> dict[str, float] | None:
        found = {name: self.total(name) for name in self.meters}
        return None if None in found.values() else found

    def windows(self, meter: str) -> list[dict]:
        """Closed ones that are known from their beginning to their end."""
        found = [message.payload for message in self.subscriber.of(f"scopes/{scope_of(meter)}/{WINDOW_S}s")]
        return [window for window in found if window.get("coverage", 0) > 0.99]

    def truth(self, meter: str, start: float, end: float) -> dict:
        return self.rack.truth(start, end, f"--meters={meter}", f"--gpus={self.meters[meter]['gpus'][0]}")["sum"]

    def contradictions(self) -> dict[str, str]:
        return {source: why for scope in self.agent.status()["scopes"].values()
                for source, why in scope.get("contradictions", {}).items()}

    def error(self, meter: str, window: dict) -> float:
        """Of the figure, in units of its stated uncertainty."""
        truth = self.truth(meter, unix_time(window["start"]), unix_time(window["time"]))
        return (window["joules_per_flop"] / truth["joules_per_flop"] - 1) / window["uncertainty"]


@pytest.fixture(name="site")
def fixture_site(tmp_path, started):
    site = Site(tmp_path, started)
    yield site
    site.subscriber.stop()


def test_figures_are_true_within_what_is_stated_and_contradictions_are_told(site):
    before, begin = wait_until(site.totals, 30, "the totals"), time.time()
    wait_until(lambda: set(site.contradictions()) == CONTRADICTING, 150, "the contradictions")
    told_at = time.time()
    told = [line for line in site.agent.log_text().splitlines() if "energy register and power" in line and "why=" in line]
    assert {name for name in CONTRADICTING if any(f"source={name} " in line for line in told)} == CONTRADICTING, told
    assert len(told) <= 2 * len(CONTRADICTING), "each is told once by what it is: they differ, or contradict each other"
    steady = [name for name in site.meters if name not in (BURSTING, *CONTRADICTING)]
    wait_until(lambda: all(len(site.windows(name)) >= WINDOWS for name in steady), 150, "windows of each scope")
    later = wait_until(lambda: [window for window in site.windows("hidden") if unix_time(window["start"]) > told_at], 90,
                       "a window that begins after the contradiction was told")

    after, end = site.totals(), time.time()
    for name, meter in site.meters.items():
        step_j, refresh_s = 3600 * meter.get("step_wh", 10), meter.get("refresh_s", 1)
        true = site.truth(name, begin, end)["meter_energy_j"]
        # Each look sees what the register told, which was counted, refreshed, read and stored before.
        assert after[name] - before[name] == pytest.approx(true, abs=step_j + (refresh_s + READ_AND_STORED_S) * PEAK_W), name

    errors = {name: [site.error(name, window) for window in site.windows(name) if "joules_per_flop" in window]
              for name in steady}
    told = {name: [f"{error:+.2f}" for error in of_one] for name, of_one in errors.items()}
    everything = [error for of_one in errors.values() for error in of_one]
    assert len(everything) >= (WINDOWS - 1) * len(steady), told
    assert all(abs(error) <= 3 for error in everything), told
    assert sum(abs(error) > 1 for error in everything) <= MOST_OUTSIDE * len(everything), told
    # Once the contradiction is known the uncertainty covers both, register and power.
    assert abs(site.error("hidden", later[0])) <= 1, later[0]
