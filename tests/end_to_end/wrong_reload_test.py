"""A running agent that is given a wrong configuration goes on with the old one, whatever is wrong with it."""
import signal

import yaml

from harness.agent import Agent
from harness.process import SOURCE, wait_until
from harness.rack import Rack

ONE_METER = """
meters:
  - {name: pdu-a, kind: sdm630, base_power: 1000}
"""
WRONG = SOURCE / "tests/unit/config/wrong"
WRONG_PROFILES = SOURCE / "tests/unit/config/wrong_profiles"


class Reloaded:
    """An agent whose configuration is overwritten and read again."""

    def __init__(self, folder, started):
        self.folder = folder
        self.rack = Rack(folder, ONE_METER).start()
        started.append(self.rack)
        self.good = {"node": "rack-r12", "accelerators": {"nvidia": False}, "meters": [self.rack.meter_config("pdu-a")]}
        self.agent = Agent(folder, self.good)
        self.good_text = self.agent.config.read_bytes()
        started.append(self.agent.start())
        wait_until(lambda: self.gauge("flopwatt_source_up", source="pdu-a") == 1, 10, "the first reading")

    def gauge(self, name, **labels):
        return self.agent.metrics().get(name, **labels)

    def reload(self, text: bytes, successful: int) -> None:
        self.agent.config.write_bytes(text)
        self.agent.signal(signal.SIGHUP)
        wait_until(lambda: self.gauge("flopwatt_config_last_reload_successful") == successful, 10,
                   f"the reload to be {successful} of {text[:200]}; the agent's log: {self.agent.log_text()[-2000:]}",
                   poll=0.01)

    def refuses(self, text: bytes) -> None:
        """Between two good ones, so that each is an event of its own."""
        self.reload(text, 0)
        assert self.gauge("flopwatt_source_up", source="pdu-a") == 1
        self.reload(self.good_text, 1)

    def tells(self, *parts) -> bool:
        """A line of the log has all of them."""
        log = self.agent.log_text().replace('\\"', '"').replace("\\\\", "\\").splitlines()
        return any(all(part in line for part in parts) for line in log)

    def reading_time(self) -> float:
        return self.gauge("flopwatt_source_last_reading_timestamp_seconds", source="pdu-a")


def test_every_wrong_file_leaves_the_old_configuration_running(tmp_path, started):
    case = Reloaded(tmp_path, started)
    refused = 0
    for file in sorted(WRONG.glob("*.yml")):
        expected = file.with_suffix(".expected").read_text().splitlines()
        if all(": warning: " in line for line in expected):
            continue
        own_name = case.agent.config.name  # one file names itself
        case.refuses(file.read_bytes().replace(file.name.encode(), own_name.encode()))
        for line in expected:
            # :line:column, and a part of what is wrong
            place, text = line[len(file.name):].replace(file.name, own_name).split(": ", 1)
            wait_until(lambda: case.tells(f"{case.agent.config}{place}: ", text), 10, line)  # the log has a thread of its own
        refused += 1
    assert refused >= 20
    newest = case.reading_time()
    wait_until(lambda: case.reading_time() > newest, 5, "a reading after all of them")
    page = case.agent.metrics()
    for fault in ("timeout", "connection", "exception", "protocol"):
        assert page.get("flopwatt_poll_failures_total", source="pdu-a", fault=fault) == 0
    assert case.agent.stop() == 0


def test_every_wrong_profile_leaves_the_old_configuration_running(tmp_path, started):
    case = Reloaded(tmp_path, started)
    refused = 0
    for file in sorted(WRONG_PROFILES.glob("*.yml")):
        wrong = {**case.good, "meters": [{**case.good["meters"][0], "profile": str(file)}]}
        case.refuses(yaml.safe_dump(wrong).encode())
        wait_until(lambda: case.tells(f"{file}:"), 10, f"the log to name {file}")
        refused += 1
    assert refused >= 20
    # A wrong file stays wrong: the old values go on, and are fresh.
    case.reload(b"nod: rack-r12\n", 0)
    newest = case.reading_time()
    wait_until(lambda: case.reading_time() > newest, 5, "a reading under the old configuration")
    assert case.gauge("flopwatt_meter_power_watts", meter="pdu-a") > 500
    assert case.agent.stop() == 0
