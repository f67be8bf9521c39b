"""A sick source never delays the others: for 60 s their skipped beats stay 0. Its own series disappear when it is
stale, flopwatt_source_up is 0, and both return when it is well again.

The four sicknesses run at the same time, each with a rack and an agent of its own.
"""
import dataclasses
import time

from harness.agent import Agent
from harness.process import wait_until
from harness.rack import LOADS, Rack

OBSERVED_S = 60


@dataclasses.dataclass
class Sickness:
    name: str
    begin: tuple[str, ...]     # command of the rack
    end: tuple[str, ...]
    sources: tuple[str, ...]   # who is sick
    fault: str                 # class that must be counted


GPUS = ("nvidia0", "nvidia1", "nvidia2", "nvidia3")
SICKNESSES = [
    Sickness("silent", ("meter", "pdu-a", "silent"), ("meter", "pdu-a", "silent", "off"), ("pdu-a",), "timeout"),
    Sickness("hang", ("gpu", "all", "hang"), ("gpu", "all", "hang", "off"), GPUS, "timeout"),
    Sickness("crash", ("gpu", "all", "crash"), ("gpu", "all", "crash", "off"), GPUS, "device"),
    Sickness("lost", ("gpu", "1", "lost"), ("gpu", "1", "lost", "off"), ("nvidia1",), "device"),
]


class Patient:
    """One rack and one agent with one sickness."""

    def __init__(self, folder, sickness: Sickness, started: list):
        self.sickness = sickness
        folder.mkdir()
        self.rack = Rack(folder, LOADS / "demo.yml").start()
        started.append(self.rack)
        self.agent = Agent(folder, {
            "node": "rack-r12", "meters": [self.rack.meter_config("pdu-a"), self.rack.meter_config("pdu-b")],
            "accelerators": {"nvidia": {"library": self.rack.library}},
            "scopes": [{"name": "gpu-01", "energy": ["pdu-a", "pdu-b"], "work": "all"}],
            "energy": {"windows": ["5s"]},
        }, environment=self.rack.environment).start()
        started.append(self.agent)
        self.healthy = [name for name in ("pdu-a", "pdu-b", *GPUS) if name not in sickness.sources]

    def all_up(self) -> bool:
        page = self.agent.metrics()
        return all(page.get("flopwatt_source_up", source=name) == 1 for name in ("pdu-a", "pdu-b", *GPUS))

    def series_of(self, page, source: str):
        if source.startswith("pdu"):
            return page.get("flopwatt_meter_power_watts", meter=source)
        return page.get("flopwatt_accelerator_power_watts", accelerator=source)

    def check_healthy(self) -> None:
        page = self.agent.metrics()
        for name in self.healthy:
            assert page.get("flopwatt_polls_skipped_total", source=name) == 0, f"{self.sickness.name}: {name}"
            assert page.get("flopwatt_source_up", source=name) == 1, f"{self.sickness.name}: {name}"
        failures = [(labels["source"], value) for labels, value in page.samples["flopwatt_poll_failures_total"]
                    if labels["source"] in self.healthy and value > 0]
        assert not failures, f"{self.sickness.name}: {failures}"

    def is_gone(self) -> bool:
        page = self.agent.metrics()
        return all(page.get("flopwatt_source_up", source=name) == 0 and self.series_of(page, name) is None
                   for name in self.sickness.sources)

    def scope_is_silent(self) -> bool:
        page = self.agent.metrics()
        return page.get("flopwatt_scope_joules_per_flop", scope="gpu-01", window="5s", method="pipe") is None

    def is_back(self) -> bool:
        page = self.agent.metrics()
        return self.all_up() and all(self.series_of(page, name) is not None for name in self.sickness.sources)


def test_a_sick_source_does_not_delay_the_others(tmp_path, started):
    patients = [Patient(tmp_path / sickness.name, sickness, started) for sickness in SICKNESSES]
    for patient in patients:
        wait_until(patient.all_up, 30, f"{patient.sickness.name}: all sources up")
    for patient in patients:
        patient.rack.control(*patient.sickness.begin)
    begin = time.monotonic()
    for patient in patients:
        wait_until(patient.is_gone, 20, f"{patient.sickness.name}: the sick source's series are gone")
        wait_until(patient.scope_is_silent, 5, f"{patient.sickness.name}: no J/FLOP of a scope with a stale source")
    while time.monotonic() - begin < OBSERVED_S:
        for patient in patients:
            patient.check_healthy()
        time.sleep(1)  # the pace of looking, not an event
    for patient in patients:
        page = patient.agent.metrics()
        for name in patient.sickness.sources:
            assert page.get("flopwatt_poll_failures_total", source=name, fault=patient.sickness.fault) > 0, \
                (patient.sickness.name, name)
        patient.rack.control(*patient.sickness.end)
    for patient in patients:
        # A guest that failed for a minute is started again at its back-off, at most a minute apart.
        wait_until(patient.is_back, 90, f"{patient.sickness.name}: the sources are back")
        patient.check_healthy()
