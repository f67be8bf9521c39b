"""A GPU whose clock falls while it works, in step with the polls: with counted cycles its work is true all the same."""
import pytest

from harness.agent import Agent
from harness.process import wait_until
from harness.rack import Rack

BUSY_MHZ, IDLE_MHZ = 1485, 1980
LOAD = f"""
driver: {{cycle_counters: COUNTERS}}
gpus:
  - product: NVIDIA H100 80GB HBM3
    sm_clock: {IDLE_MHZ}
    busy_drop: {1 - BUSY_MHZ / IDLE_MHZ}
    activity: {{hmma: {{square: {{low: 0, high: 0.6, period: 1, duty: 0.5}}}}}}
"""
SECONDS = 20


@pytest.fixture(params=["per_sm", "summed"])
def site(tmp_path, started, request):
    rack = Rack(tmp_path, LOAD.replace("COUNTERS", request.param)).start()
    started.append(rack)
    agent = Agent(tmp_path, {
        "accelerators": {"nvidia": {"library": rack.library}},
        "scopes": [{"name": "gpu", "work": "all"}],
        "energy": {"windows": [f"{SECONDS}s"]},
    }, environment=rack.environment).start()
    started.append(agent)
    return rack, agent


def test_work_of_a_clock_that_follows_the_load_is_true(site):
    """By the clock at both samples the work is up to 16.7 % off, by where in the second the polls fall."""
    _, agent = site
    labels = {"scope": "gpu", "window": f"{SECONDS}s", "method": "pipe"}
    figure = "flopwatt_scope_joules_per_flop"

    def settled():   # the first interval of all has no count of cycles yet
        page = agent.metrics()
        known = page.get(figure, **labels) is not None
        return page if known and page.get("flopwatt_pipe_flop_total", precision="assumed_bf16") > 26 * rate else None

    rate = 0.3 * 4096 * 132 * IDLE_MHZ * 1e6   # FLOP/s on average
    page = wait_until(settled, 60, "J/FLOP of the scope")
    watts = 70 + 0.3 * (700 - 70)
    assert page.get(figure, **labels) == pytest.approx(watts / rate, rel=0.05), "the window cuts the load's period"
    assert page.get(figure + "_uncertainty_ratio", **labels) < 0.25
    info = [labels for labels, _ in page.samples["flopwatt_accelerator_info"]]
    assert [(one["sensor_window"], one["sensor_period"]) for one in info] == [("25ms", "100ms")]
