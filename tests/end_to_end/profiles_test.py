"""Every shipped profile: a device that holds that meter's registers, encoded by the test from the profile's file and
not by flopwatt, is read back exactly, over TCP and, where the meter has a serial line, over a line at the maker's
settings.

Not covered, and why:
  parity on the line: a pseudo-terminal has none; its speed and stop bits are compared;
  victron-vm-3p75ct over UDP: flopwatt does not speak it; its registers are read over TCP;
  a request that needs a pause, or a device that is slow: the time of answers is the matter of other tests.
"""
import json
import subprocess
import termios

import pytest
import yaml

from harness.process import BUILD, SOURCE
from harness.profiled_meters import Devices, ProfiledMeter

FOLDER = SOURCE / "config/meters"
PROFILES = {path.stem: yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("*.yml"))}
SERIAL = {name: profile for name, profile in PROFILES.items() if "serial" in profile}
NOT_FIGURES = {"up", "time", "kind", "missing", "branches", "contradictions"}


@pytest.fixture
def devices(started):
    one = Devices()
    started.append(one)
    return one


def read(folder, config: dict) -> dict:
    file = folder / "read.yml"
    file.write_text(yaml.safe_dump({"node": "bench", "accelerators": {"nvidia": False}, **config}, sort_keys=False))
    answer = subprocess.run([BUILD / "flopwatt", "read", f"--config.file={file}", "--format=json"],
                            capture_output=True, text=True, timeout=60)
    assert answer.stdout, answer.stderr
    return json.loads(answer.stdout)["sources"]


def figures_of(source: dict) -> dict[tuple, float]:
    figures = {(None, key): value for key, value in source.items() if key not in NOT_FIGURES}
    for branch, values in source.get("branches", {}).items():
        figures |= {(branch, key): value for key, value in values.items()}
    return figures


def differences(meter: ProfiledMeter, source: dict | None) -> list[str]:
    """What is not as the device holds it."""
    if source is None:
        return ["was not read"]
    wrong = [f"refused {request}" for request in meter.refused]
    figures = figures_of(source)
    for value in meter.expected:
        place = (value.branch, value.key)
        # A figure may be shortened to the digits that its register has.
        if figures.get(place) != pytest.approx(value.number, rel=2e-6, abs=1e-9):
            wrong.append(f"{place}: {value.number} was read as {figures.get(place)}")
    wrong += [f"{place} is no figure of it" for place in figures.keys() - {(v.branch, v.key) for v in meter.expected}]
    if not source["up"] or source.get("missing"):
        wrong.append(f"up {source['up']}, missing {source.get('missing')}")
    return wrong


def assert_all_as_held(meters: list[ProfiledMeter], sources: dict) -> None:
    wrong = [f"{meter.name}: {one}" for meter in meters for one in differences(meter, sources.get(meter.name))]
    assert not wrong, "\n".join([f"{len(wrong)} differences", *wrong[:100]])


def test_all_profiles_are_there():
    assert len(PROFILES) >= 91
    assert len(SERIAL) >= 78


def test_every_profile_is_read_over_tcp(tmp_path, devices):
    meters = [ProfiledMeter(name, profile) for name, profile in PROFILES.items()]
    sources = read(tmp_path, {"meters": [
        {"name": meter.name, "address": f"tcp://127.0.0.1:{devices.serve_tcp(meter)}",
         "unit_id": meter.profile["unit_id"], "profile": meter.name, "accuracy": {"class": 0.5}} for meter in meters]})
    assert_all_as_held(meters, sources)
    assert sum(len(meter.expected) for meter in meters) > 1000


def test_every_serial_profile_is_read_over_a_line_at_its_settings(tmp_path, devices):
    meters = [ProfiledMeter(name, profile) for name, profile in SERIAL.items()]
    buses = []
    for meter in meters:
        devices.serve_line(meter, tmp_path / meter.name)
        buses.append({"name": meter.name, "address": f"rtu://{tmp_path / meter.name}", **meter.profile["serial"]})
    sources = read(tmp_path, {"buses": buses, "meters": [
        {"name": meter.name, "bus": meter.name, "unit_id": meter.profile["unit_id"], "profile": meter.name,
         "accuracy": {"class": 0.5}} for meter in meters]})
    assert_all_as_held(meters, sources)
    for meter in meters:
        line = meter.profile["serial"]
        assert meter.line_settings == {(getattr(termios, f"B{line['baud']}"), line["stop_bits"])}, meter.name
