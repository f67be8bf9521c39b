"""A serial line with three meters of three makers: values are exact; a silent and a dripping neighbour cost the healthy
one nothing; broken frames are counted by class; an adapter may be unplugged and plugged in again.
"""
import json
import struct
import subprocess
import sys
import time

import pytest

from harness.agent import Agent
from harness.process import SOURCE, Process, wait_until

INTERVAL_S = 0.5
TIMEOUT_S = 0.2
ABB, IEM, EM24 = 1, 2, 3   # unit ids
NAMES = {ABB: "abb", IEM: "iem", EM24: "em24"}


def words(format_: str, value, little: bool = False) -> list[int]:
    """A value as 16-bit registers, the most significant first unless `little`."""
    packed = struct.pack(">" + format_, value)
    result = list(struct.unpack(f">{len(packed) // 2}H", packed))
    return result[::-1] if little else result


def block(*parts: tuple[int, list[int]]) -> dict[int, int]:
    return {address + i: word for address, part in parts for i, word in enumerate(part)}


def registers() -> dict[int, dict[int, int]]:
    """What the meters hold. The ABB lacks its power factor and the frequency, and says so with its marks."""
    abb = dict.fromkeys(range(0x5000, 0x5008), 0xFFFF) | dict.fromkeys(range(0x5B00, 0x5B3B), 0xFFFF)
    abb |= block((0x5000, words("Q", 123_456_789_012)), (0x5B00, words("I", 2305)), (0x5B14, words("i", -123_456)),
                 (0x5B2C, [0xFFFF]), (0x5B3A, [0x7FFF]))
    iem = dict.fromkeys([*range(2999, 3005), *range(3019, 3033), *range(3053, 3061), 3067, 3068, 3075, 3076, 3109,
                         3110], 0)
    iem |= block((3027, words("f", 231.25)), (3059, words("f", 4.5)), (3109, words("f", float("nan"))),
                 (3203, words("q", 9_007_199_254_740)), (3207, words("q", -2**63)))
    em24 = dict.fromkeys([*range(0, 24), *range(40, 46), 53, 55, 62, 63, 92, 93], 0)
    em24 |= block((0, words("i", 2299, little=True)), (40, words("i", -70_000, little=True)), (53, words("h", -987)),
                  (55, [500]), (62, words("i", 1_234_567, little=True)))
    return {ABB: abb, IEM: iem, EM24: em24}


class Line(Process):
    """The devices, and what they were asked."""

    def __init__(self, folder):
        super().__init__("devices", folder)
        self.path = folder / "ttyUSB0"
        self.heard = folder / "requests.jsonl"
        (folder / "registers.json").write_text(json.dumps(registers()))

    def start(self) -> "Line":
        with open(self.log, "ab") as log, open(self.heard, "wb") as heard:
            self.child = subprocess.Popen(
                [sys.executable, SOURCE / "tests/harness/serial_devices.py", self.path, self.folder / "registers.json"],
                stdin=subprocess.PIPE, stdout=heard, stderr=log)
        wait_until(self.path.is_symlink, 10, "the line to be there")
        return self

    def tell(self, command: str) -> None:
        self.child.stdin.write(command.encode() + b"\n")
        self.child.stdin.flush()

    def requests(self, unit: int, address: int, since: float) -> list[float]:
        """When that unit was asked for the block at that address."""
        told = [json.loads(line) for line in self.heard.read_text().splitlines()[1:]]
        return [one["time"] for one in told if one.get("unit") == unit and one["address"] == address
                and one["time"] >= since]

    def garbage(self) -> int:
        return self.heard.read_text().count("garbage")


@pytest.fixture
def line(tmp_path, started):
    one = Line(tmp_path).start()
    started.append(one)
    return one


def new_agent(tmp_path, started, line) -> Agent:
    profiles = {ABB: "abb-b23-b24", IEM: "schneider-iem3155-3255-3355", EM24: "carlo-gavazzi-em24-din"}
    one = Agent(tmp_path, {
        "node": "rack-r12", "accelerators": {"nvidia": False}, "sampling": {"interval": f"{int(INTERVAL_S * 1000)}ms"},
        "buses": [{"name": "row-a", "address": f"rtu://{line.path}", "baud": 115200, "parity": "even",
                   "timeout": f"{int(TIMEOUT_S * 1000)}ms"}],
        "meters": [{"name": NAMES[unit], "bus": "row-a", "unit_id": unit, "profile": profile, "accuracy": {"class": 1}}
                   for unit, profile in profiles.items()],
    }).start()
    started.append(one)
    return one


@pytest.fixture
def agent(tmp_path, started, line):
    return new_agent(tmp_path, started, line)


def up(agent: Agent, *units: int) -> bool:
    page = agent.metrics()
    return all(page.get("flopwatt_source_up", source=NAMES[unit]) == 1 for unit in units)


def polls(page, unit: int) -> float:
    return page.get("flopwatt_polls_total", source=NAMES[unit])


def failures(agent: Agent, unit: int, fault: str) -> float:
    return agent.metrics().get("flopwatt_poll_failures_total", source=NAMES[unit], fault=fault)


def test_values_are_exact(agent):
    wait_until(lambda: up(agent, ABB, IEM, EM24), 15, "all three meters")
    page = agent.metrics()
    assert page.get("flopwatt_meter_energy_joules_total", meter="abb") == 1_234_567_890_120 * 3600
    assert page.get("flopwatt_meter_power_watts", meter="abb") == -1234.56
    assert page.get("flopwatt_meter_phase_voltage_volts", meter="abb", phase="L1") == 230.5
    for absent in ("flopwatt_meter_frequency_hertz", "flopwatt_meter_power_factor",
                   "flopwatt_meter_exported_energy_joules_total"):
        assert page.get(absent, meter="abb") is None, absent
    assert page.get("flopwatt_meter_energy_joules_total", meter="iem") == 9_007_199_254_740 * 3600
    assert page.get("flopwatt_meter_power_watts", meter="iem") == 4500
    assert page.get("flopwatt_meter_phase_voltage_volts", meter="iem", phase="L1") == 231.25
    assert page.get("flopwatt_meter_frequency_hertz", meter="iem") is None
    assert page.get("flopwatt_meter_exported_energy_joules_total", meter="iem") is None
    assert page.get("flopwatt_meter_energy_joules_total", meter="em24") == 123_456_700 * 3600
    assert page.get("flopwatt_meter_power_watts", meter="em24") == -7000
    assert page.get("flopwatt_meter_power_factor", meter="em24") == -0.987
    assert page.get("flopwatt_meter_frequency_hertz", meter="em24") == 50
    assert page.get("flopwatt_meter_phase_voltage_volts", meter="em24", phase="L1") == 229.9


def test_a_silent_and_a_dripping_neighbour_cost_the_healthy_one_nothing(agent, line):
    wait_until(lambda: up(agent, ABB, IEM, EM24), 15, "all three meters")
    line.tell(f"{IEM} silent")
    line.tell(f"{EM24} drip")
    begin = time.monotonic()
    before = agent.metrics()
    wait_until(lambda: polls(agent.metrics(), ABB) >= polls(before, ABB) + 12, 20, "12 polls of the healthy meter")
    took = time.monotonic() - begin
    page = agent.metrics()
    assert page.get("flopwatt_polls_skipped_total", source="abb") == 0
    assert took < 12 * INTERVAL_S + 1
    asked = line.requests(ABB, 0x5000, begin)
    gaps = [after - earlier for earlier, after in zip(asked, asked[1:])]
    assert max(gaps) < 1.4 * INTERVAL_S + 2 * TIMEOUT_S + 0.1, gaps  # beats are up to 1.4 intervals apart
    for fault in ("timeout", "crc", "protocol", "connection"):
        assert page.get("flopwatt_poll_failures_total", source="abb", fault=fault) == 0, fault
    # Back-off: at 0, 0.5 and 1.5 s, one timeout each; then they are left alone for a minute.
    for unit, address in ((IEM, 3203), (EM24, 62)):
        assert 2 <= len(line.requests(unit, address, begin)) <= 3
        assert page.get("flopwatt_poll_failures_total", source=NAMES[unit], fault="timeout") >= 2
    # The line is free again at the deadline: so much of it did the sick ones use, and no more.
    busy = (page.get("flopwatt_bus_busy_seconds_total", bus="row-a")
            - before.get("flopwatt_bus_busy_seconds_total", bus="row-a"))
    sick = sum(polls(page, unit) - polls(before, unit) for unit in (IEM, EM24))
    healthy = polls(page, ABB) - polls(before, ABB)
    assert busy < sick * (TIMEOUT_S + 0.1) + healthy * 0.1
    assert line.garbage() == 0

    line.tell(f"{IEM} well")
    line.tell(f"{EM24} well")
    wait_until(lambda: up(agent, ABB, IEM, EM24), 80, "the sick ones to be back, a minute and a quarter later at most")


def test_broken_frames_are_counted_by_class_and_do_no_lasting_harm(agent, line):
    wait_until(lambda: up(agent, ABB, IEM, EM24), 15, "all three meters")
    for sickness, fault in (("crc", "crc"), ("noise", "protocol"), ("stranger", "protocol"), ("cut", "timeout")):
        before = failures(agent, EM24, fault)
        line.tell(f"{EM24} {sickness}")
        wait_until(lambda: failures(agent, EM24, fault) > before, 20, f"a failure of class {fault}")
        line.tell(f"{EM24} well")
        before = polls(agent.metrics(), EM24)
        wait_until(lambda: polls(agent.metrics(), EM24) > before + 1 and up(agent, EM24), 20, "good readings again")
    page = agent.metrics()
    assert page.get("flopwatt_meter_power_watts", meter="em24") == -7000
    assert page.get("flopwatt_polls_skipped_total", source="abb") == 0


def test_an_unplugged_adapter_is_found_when_it_is_back(agent, line):
    wait_until(lambda: up(agent, ABB, IEM, EM24), 15, "all three meters")
    line.tell("unplug")
    wait_until(lambda: failures(agent, ABB, "connection") > 0, 10, "the loss to be noticed")
    wait_until(lambda: not up(agent, ABB), 15, "the series of the lost meters to end")
    assert agent.metrics().get("flopwatt_meter_power_watts", meter="abb") is None
    line.tell("plug")
    wait_until(lambda: up(agent, ABB, IEM, EM24), 10, "all three meters again")
    assert agent.metrics().get("flopwatt_meter_power_watts", meter="abb") == -1234.56


def test_the_line_has_one_owner_and_ends_with_the_agent(agent, line):
    import fcntl
    wait_until(lambda: up(agent, ABB, IEM, EM24), 15, "all three meters")
    with open(line.path, "rb", buffering=0) as other:
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        line.tell(f"{ABB} drip")   # a transaction is under way
        time.sleep(1)              # the pace of polls, not an event
        begin = time.monotonic()
        assert agent.stop() == 0
        assert time.monotonic() - begin < 3
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_the_line_of_another_program_is_left_alone(tmp_path, started, line):
    import fcntl
    with open(line.path, "rb", buffering=0) as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        agent = new_agent(tmp_path, started, line)
        wait_until(lambda: failures(agent, ABB, "connection") > 1, 15, "faults of a line that is not ours")
        assert "is owned by another program; stop it, or" in agent.log_text()
        faults = {name: source["last_fault"] for name, source in agent.status()["sources"].items()}
        assert not any("of unit" in fault for fault in faults.values()), faults  # that of one would be told of all
        assert line.requests(ABB, 0x5000, 0) == []
    wait_until(lambda: up(agent, ABB, IEM, EM24), 15, "all three meters, once the line is free")
