"""A real Prometheus scrapes the agent."""
from harness.agent import Agent
from harness.process import wait_until
from harness.prometheus import Prometheus
from harness.rack import LOADS, Rack


def test_prometheus_scrapes_the_agent(tmp_path, started):
    rack = Rack(tmp_path, LOADS / "demo.yml").start()
    started.append(rack)
    names = [meter["name"] for meter in rack.started["meters"]]
    agent = Agent(tmp_path, {"node": "rack-r12", "meters": [rack.meter_config(name) for name in names],
                             "accelerators": {"nvidia": False},
                             "scopes": [{"name": "rack", "energy": names, "work": "none"}]}).start()
    started.append(agent)
    prometheus = Prometheus(tmp_path, f"127.0.0.1:{agent.port}").start()
    started.append(prometheus)

    up = wait_until(lambda: [r for r in prometheus.query("up") if r["value"][1] == "1"], 30, "up = 1")
    assert up[0]["metric"]["job"] == "flopwatt"
    # A rate needs some scrapes; it must agree with the power that the meters report.
    def mean_power():
        result = prometheus.query("rate(flopwatt_scope_energy_joules_total[15s])")
        return float(result[0]["value"][1]) if result else None

    wait_until(lambda: (mean_power() or 0) > 0, 30, "a rate of energy")
    wait_until(lambda: len(prometheus.query("flopwatt_meter_power_watts")) == len(names), 10, "every meter")
    assert prometheus.query("sum(flopwatt_source_up)")[0]["value"][1] == str(len(names))
