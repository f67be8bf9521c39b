"""What the agent tells of its buses: against what the meters have counted themselves."""
import struct

from harness.agent import Agent
from harness.modbus import ScriptedMeter
from harness.process import wait_until

CLASSES = {"timeout", "crc", "exception", "protocol", "connection", "device"}


def config_of(name: str, meter: ScriptedMeter, **more) -> dict:
    return {"name": name, "address": f"tcp://127.0.0.1:{meter.port}", "accuracy": {"class": 1}, "registers": [
        {"quantity": "active_power", "address": 0, "function": 3, "type": "f32", "unit": "W"}], **more}


def test_requests_failures_and_the_time_they_took(tmp_path, started):
    well = ScriptedMeter(lambda request: struct.pack(">f", 1000))
    # An answer that breaks off: what comes is no answer, each time.
    sick = ScriptedMeter(lambda request: b"\x00")
    agent = Agent(tmp_path, {"node": "rack-r12", "accelerators": {"nvidia": "off"},
                             "meters": [config_of("well", well, unit_id=7), config_of("sick", sick)]})
    started += [well, sick, agent]
    agent.start()

    def failures(page, source: str) -> dict[str, float]:
        return {labels["fault"]: value for labels, value in page.samples["flopwatt_source_request_failures_total"]
                if labels["source"] == source}

    def enough():
        page = agent.metrics()
        polls = page.get("flopwatt_polls_total", source="well")
        return page if polls >= 4 and sum(failures(page, "sick").values()) >= 1 else None

    page = wait_until(enough, 20, "polls of the well meter and failures of the sick one")
    assert failures(page, "well") == dict.fromkeys(CLASSES, 0)
    assert failures(page, "sick").keys() == CLASSES
    assert page.get("flopwatt_source_quarantined", source="well") == 0
    assert page.get("flopwatt_source_quarantined", source="sick") in (0, 1)

    bus = f"tcp://127.0.0.1:{well.port}"
    assert page.get("flopwatt_source_bus_info", source="well", bus=bus, unit_id="7") == 1
    assert 0 < page.get("flopwatt_bus_planned_cycle_seconds", bus=bus) < 1
    busy, turnaround = (page.get(f"flopwatt_bus_{what}_seconds_total", bus=bus) for what in ("busy", "turnaround"))
    assert 0 < turnaround <= busy

    # Whatever it says was sent has come, and nothing else; the next may be under way.
    before = well.requests
    said = agent.metrics().get("flopwatt_source_requests_total", source="well")
    assert before <= said + 1 and said <= well.requests + 1
    unit = agent.status()["buses"][bus]["units"]["well"]
    assert unit["unit_id"] == 7 and unit["requests"] >= said and unit["failures"] == dict.fromkeys(CLASSES, 0)
    assert agent.stop() == 0
