"""The driver is installed, or its device nodes appear, after the agent has started: the library is looked for again, at
most a minute apart, and the accelerators appear. Until then the meters are metered as ever."""
import shutil

from harness.agent import Agent
from harness.process import wait_until
from harness.rack import LOADS, Rack


def test_library_may_come_later(tmp_path, started):
    library = tmp_path / "libnvidia-ml.so.1"
    rack = Rack(tmp_path, LOADS / "demo.yml").start()
    started.append(rack)
    agent = Agent(tmp_path, {
        "node": "rack-r12", "meters": [rack.meter_config("pdu-a")],
        "accelerators": {"nvidia": {"library": str(library)}},
    }, environment=rack.environment).start()
    started.append(agent)

    def up(source: str) -> float | None:
        return agent.metrics().get("flopwatt_source_up", source=source)

    wait_until(lambda: "libnvidia-ml.so.1" in agent.log_text(), 10, "the log to say what is missing")
    wait_until(lambda: up("pdu-a") == 1, 20, "the meter")
    assert up("nvidia0") is None
    shutil.copy(rack.library, library)
    wait_until(lambda: up("nvidia0") == 1 and up("nvidia3") == 1, 90, "the accelerators")
    assert agent.metrics().get("flopwatt_polls_skipped_total", source="pdu-a") == 0
