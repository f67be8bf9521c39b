"""flopwatt probe against devices whose unit ids it is not told: what it finds, how sure it says it is, and that what it
prints works when it is pasted. The registers are encoded by the test, from the profiles' files and from sunspec/models.
"""
import json
import os
import pty
import select
import signal
import struct
import subprocess
import time

import pytest
import yaml

from harness.agent import Agent
from harness.process import BUILD, SOURCE, free_port, wait_until
from harness.profiled_meters import Devices, ProfiledMeter

FLOPWATT = BUILD / "flopwatt"
HEAD = "node: bench\naccelerators: {nvidia: off}\n"
GATEWAY_TARGET_SILENT = 11


def probe(*words, seconds=60, **options):
    return subprocess.run([FLOPWATT, "probe", *map(str, words)], capture_output=True, text=True, timeout=seconds,
                          **options)


def meter(profile: str, unit: int, texts: dict[int, str] | None = None) -> ProfiledMeter:
    """A meter of that profile, under another unit id than the maker's; `texts` are what its registers read."""
    made = ProfiledMeter(profile, {**yaml.safe_load((SOURCE / f"config/meters/{profile}.yml").read_text()),
                                   "unit_id": unit})
    for address, text in (texts or {}).items():
        function, count = next((entry["function"], entry["registers"]) for entry in made.profile["identify"]
                               if entry["address"] == address)
        made.alone[function, address] = list(struct.unpack(f">{count}H", text.encode().ljust(2 * count, b"\0")))
    return made


class SunSpecChain:
    """Function 3 only; exception 2 outside of its registers."""

    def __init__(self, unit: int, base: int):
        self.unit, self.words, self.end = unit, {}, base
        self.append([0x5375, 0x6E53])

    def append(self, words: list[int]) -> None:
        self.words |= {self.end + i: word & 0xFFFF for i, word in enumerate(words)}
        self.end += len(words)

    def common(self, maker: str, model: str, serial: str, length: int = 66) -> "SunSpecChain":
        packed = (maker.encode().ljust(32, b"\0") + model.encode().ljust(32, b"\0") + bytes(32) +
                  serial.encode().ljust(32, b"\0") + struct.pack(">HH", 1, 0x8000))
        self.append([1, length, *struct.unpack(">66H", packed)[:length]])
        return self

    def model(self, number: int, length: int, points: dict[int, list[int]]) -> "SunSpecChain":
        """Points by their offset from the model's ID."""
        words = [0x8000 if number < 210 else 0] * (length + 2)
        for offset, values in points.items():
            words[offset:offset + len(values)] = values
        words[:2] = [number, length]
        self.append(words)
        return self

    def close(self) -> "SunSpecChain":
        self.append([0xFFFF, 0])
        return self

    def answer(self, unit: int, pdu: bytes) -> bytes | None:
        function, address, count = struct.unpack(">BHH", pdu)
        if unit != self.unit:
            return None
        if function != 3 or any(address + i not in self.words for i in range(count)):
            return bytes((function | 0x80, 2))
        return struct.pack(f">BB{count}H", function, 2 * count, *(self.words[address + i] for i in range(count)))


def floats(*values: float) -> list[int]:
    return [word for value in values for word in struct.unpack(">HH", struct.pack(">f", value))]


def wye_with_scale_factors(volts: int, watts: int) -> dict[int, list[int]]:
    return {2: [123, 41, 41, 41, -1], 7: [volts, volts, volts, volts], 15: [-1], 16: [4998, -2], 18: [watts], 22: [1],
            38: [0, 0], 46: [12, 34567], 54: [0]}


def wye_of_floats(volts: float, watts: float) -> dict[int, list[int]]:
    return {2: floats(30, 10, 10, 10, volts, volts, volts, volts), 26: floats(50.02, watts), 60: floats(0),
            68: floats(123456)}


class Gateway:
    """Units behind one address or on one line. `silence`: what the gateway says of a unit that is not there."""

    def __init__(self, *units, silence: int | None = GATEWAY_TARGET_SILENT):
        self.units, self.silence = units, silence
        self.name, self.line_settings = "gateway", set()
        self.functions: set[int] = set()

    def answer(self, unit: int, pdu: bytes) -> bytes | None:
        self.functions.add(pdu[0])
        body = next((body for one in self.units if (body := one.answer(unit, pdu)) is not None), None)
        return body if body or self.silence is None else bytes((pdu[0] | 0x80, self.silence))


@pytest.fixture
def devices(started):
    one = Devices()
    started.append(one)
    return one


def sources_when_pasted(folder, configuration: str) -> dict:
    """What `read` makes of it; `check` accepts it before."""
    config = folder / "pasted.yml"
    config.write_text(HEAD + configuration)
    check = subprocess.run([FLOPWATT, "check", f"--config.file={config}"], capture_output=True, text=True, timeout=30)
    assert check.returncode == 0, check.stdout
    read = subprocess.run([FLOPWATT, "read", f"--config.file={config}", "--format=json"], capture_output=True,
                          text=True, timeout=60)
    assert read.returncode == 0, read.stdout + read.stderr
    return json.loads(read.stdout)["sources"]


EXPECTED = {  # unit: profile, confidence, what has to be alternatives
    3: ("eastron-sdm120", "certain"), 9: ("eastron-sdm72d-m-v2", "certain"), 17: ("abb-b21", "certain"),
    18: ("abb-b23-b24", "certain"), 40: ("carlo-gavazzi-em330-em340", "certain"),
    41: ("carlo-gavazzi-em24-e1", "certain"), 66: ("ccs-wattnode-wnc", "certain"), 99: ("shelly-pro-3em", "certain"),
    120: ("schneider-pm5100-pm5300", "likely"), 121: ("hager-ecr380d", "likely"), 200: ("eastron-sdm630", "possible"),
}


def test_ten_profiles_and_two_sunspec_chains_are_found_and_what_is_printed_works(tmp_path, devices):
    texts = {120: {49: "METSEPM5340", 69: "Schneider Electric"}, 121: {4096: "Hager", 4162: "ECR380D", 4196: "H-77"}}
    meters = {unit: meter(profile, unit, texts.get(unit)) for unit, (profile, _) in EXPECTED.items()}
    shared = meter("socomec-diris-b-d", 130)
    one = SunSpecChain(150, 40000).common("Acme", "PowerMeter 3", "A-1").model(
        203, 105, wye_with_scale_factors(2305, 321)).close()
    two = SunSpecChain(151, 50000).common("Acme", "Inverter", "B-1", 65).model(101, 50, {}).model(
        213, 124, wye_of_floats(229.5, 4321)).model(203, 105, wye_with_scale_factors(2401, -77)).close()
    gateway = Gateway(*meters.values(), shared, one, two)
    port = devices.serve_tcp(gateway)

    answer = probe(f"tcp://127.0.0.1:{port}", "--unit_id=1-247", "--format=json")
    assert answer.returncode == 0, answer.stderr
    report = json.loads(answer.stdout)
    units = {unit["unit_id"]: unit for unit in report["units"] if unit["answers"]}
    assert set(units) == {*EXPECTED, 130, 150, 151} and len(report["units"]) == 247
    for unit, (profile, confidence) in EXPECTED.items():
        best = units[unit]["found"][0]
        assert (best["profile"], best["confidence"]) == (profile, confidence), units[unit]
        assert confidence != "certain" or len(units[unit]["found"]) == 1, units[unit]
        assert {"certain": 0.95, "likely": 0.5, "possible": 0.05}[confidence] <= best["score"] <= 1
        assert best["why"] and best["vendor"] and best["model"]
    assert units[121]["found"][0]["model"] == "ECR380D" and units[121]["found"][0]["serial"] == "H-77"
    assert units[3]["found"][0]["serial"] == "4711"
    assert 1 < len(units[200]["found"]) <= 5

    # Two profiles expect what this one answers: both are named, neither is certain.
    both = {match["profile"]: match["confidence"] for match in units[130]["found"]}
    assert both["socomec-diris-b-d"] == "likely" and "certain" not in both.values()

    assert [(match["profile"], match["confidence"], match["sunspec_model"], match["serial"])
            for match in units[150]["found"] + units[151]["found"]] == [
        ("sunspec", "certain", 1, "A-1"), ("sunspec", "certain", 1, "B-1"), ("sunspec", "certain", 2, "B-1")]
    assert gateway.functions <= {3, 4}

    sources = sources_when_pasted(tmp_path, report["configuration"])
    assert len(sources) == len(EXPECTED) + 4
    for unit, (profile, _) in EXPECTED.items():
        source = sources[f"{profile}-{unit}"]
        for value in meters[unit].expected:
            if value.branch is None:
                assert source[value.key] == pytest.approx(value.number, rel=2e-6), (profile, value)
    assert sources["sunspec-150"]["active_power_w"] == 3210
    assert sources["sunspec-151"]["voltage_l1_v"] == pytest.approx(229.5)
    assert sources["sunspec-151-2"]["active_power_w"] == -770

    # For people the same, with the configuration at the end.
    table = probe(f"tcp://127.0.0.1:{port}", "--unit_id=3,120-121")
    assert table.returncode == 0 and "unit 3\n  eastron-sdm120: certain (0.9" in table.stdout
    pasted = table.stdout[table.stdout.index("# Configuration"):]
    assert set(sources_when_pasted(tmp_path, pasted)) == {"eastron-sdm120-3", "schneider-pm5100-pm5300-120",
                                                          "hager-ecr380d-121"}


def test_meters_on_a_serial_line_are_found(tmp_path, devices):
    meters = {4: meter("abb-b21", 4), 7: meter("eastron-sdm630", 7)}
    path = tmp_path / "usb line (1)".replace(" ", "_")
    devices.serve_line(Gateway(*meters.values(), silence=None), path)
    begin = time.monotonic()
    answer = probe(f"rtu://{path}", "--unit_id=2-8", "--baud=19200", "--parity=even", "--timeout=60ms")
    assert answer.returncode == 0, answer.stderr
    assert time.monotonic() - begin < 30
    assert "at most" in answer.stderr and "unit 4 answers" in answer.stderr
    for part in ("unit 4\n  abb-b21: certain", "unit 7\n  values alone identify no model: 7 profiles fit",
                 "\n  eastron-sdm630: possible", "baud: 19200\n    parity: even"):
        assert part in answer.stdout, answer.stdout
    sources = sources_when_pasted(tmp_path, answer.stdout[answer.stdout.index("# Configuration"):])
    assert set(sources) == {"abb-b21-4", "eastron-sdm630-7"}


def test_the_right_setting_of_several_is_told(tmp_path, devices):
    """A line that is silent at the first setting: what it is asked with cannot be seen in a pseudo-terminal but by its
    speed, so the device answers at one speed only."""
    path = tmp_path / "line"
    one = meter("abb-b21", 2)

    class AtOneSpeed(Gateway):
        def answer(self, unit, pdu):
            import termios
            speeds = {speed for speed, _ in self.line_settings}
            return super().answer(unit, pdu) if termios.B38400 in speeds else None

    devices.serve_line(AtOneSpeed(one, silence=None), path)
    answer = probe(f"rtu://{path}", "--unit_id=1-2", "--baud=9600,38400", "--timeout=50ms", "--format=json")
    assert answer.returncode == 0, answer.stderr
    report = json.loads(answer.stdout)
    assert "baud: 38400" in report["configuration"] and report["units"][1]["found"][0]["profile"] == "abb-b21"


def test_without_unit_ids_a_tcp_device_is_asked_as_1_255_and_0(devices):
    port = devices.serve_tcp(Gateway(meter("raritan-px2-px3-px4", 255), silence=None))
    answer = probe(f"tcp://127.0.0.1:{port}", "--timeout=100ms", "--format=json")
    assert answer.returncode == 0, answer.stderr
    units = json.loads(answer.stdout)["units"]
    assert [(unit["unit_id"], unit["answers"]) for unit in units] == [(1, False), (255, True)]
    assert "raritan-px2-px3-px4" in {match["profile"] for match in units[1]["found"]}
    assert all(match["confidence"] == "possible" for match in units[1]["found"])


def test_a_device_that_answers_as_every_unit_is_one_device(tmp_path, devices):
    one = meter("abb-b21", 1)

    class Echo(Gateway):
        def answer(self, unit, pdu):
            return super().answer(1, pdu)

    port = devices.serve_tcp(Echo(one))
    answer = probe(f"tcp://127.0.0.1:{port}", "--unit_id=1-3", "--format=json")
    report = json.loads(answer.stdout)
    assert [unit.get("same_as_unit_id") for unit in report["units"]] == [None, 1, 1]
    assert set(sources_when_pasted(tmp_path, report["configuration"])) == {"abb-b21-1"}


def test_a_device_that_closes_the_connection_for_other_units_is_found(devices):
    one = meter("abb-b21", 3)

    class Closing(Gateway):
        def answer(self, unit, pdu):
            if unit != 3:
                raise ConnectionError("closed")
            return super().answer(unit, pdu)

    port = devices.serve_tcp(Closing(one))
    answer = probe(f"tcp://127.0.0.1:{port}", "--unit_id=3-4", "--format=json")
    units = json.loads(answer.stdout)["units"]
    assert [unit["answers"] for unit in units] == [True, False] and "closed the connection" in units[1]["reason"]


def test_ctrl_c_ends_with_what_was_found(devices):
    port = devices.serve_tcp(Gateway(meter("abb-b21", 1), silence=None))
    child = subprocess.Popen([FLOPWATT, "probe", f"tcp://127.0.0.1:{port}", "--unit_id=1-247", "--format=json"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    told = ""
    while "unit 1 answers" not in told:
        line = child.stderr.readline()
        assert line, told
        told += line
    child.send_signal(signal.SIGINT)
    output, errors = child.communicate(timeout=10)
    assert child.returncode == 0 and "interrupted" in errors
    assert json.loads(output)["units"][0]["found"][0]["profile"] == "abb-b21"


def test_progress_on_a_terminal_is_one_line_that_is_written_over(devices):
    port = devices.serve_tcp(Gateway(meter("abb-b21", 2)))
    master, slave = pty.openpty()
    child = subprocess.Popen([FLOPWATT, "probe", f"tcp://127.0.0.1:{port}", "--unit_id=1-2"], stdout=subprocess.PIPE,
                             stderr=slave)
    os.close(slave)
    told = b""
    while select.select([master], [], [], 20)[0]:
        try:
            told += os.read(master, 4096)
        except OSError:
            break
    child.communicate(timeout=20)
    os.close(master)
    assert b"\r\x1b[Kunit 2 (2 of 2), 0 answered: identification" in told and told.count(b"\n") <= 3


def test_a_line_that_an_agent_owns_is_refused(tmp_path, started, devices):
    path = tmp_path / "line"
    devices.serve_line(Gateway(meter("abb-b21", 1), silence=None), path)
    agent = Agent(tmp_path, {
        "node": "bench", "accelerators": {"nvidia": False}, "buses": [{"name": "row", "address": f"rtu://{path}"}],
        "meters": [{"name": "m", "bus": "row", "profile": "abb-b21", "accuracy": {"class": 1}}]}).start()
    started.append(agent)
    wait_until(lambda: agent.metrics().get("flopwatt_source_up", source="m") == 1, 20, "a reading")
    answer = probe(f"rtu://{path}")
    assert answer.returncode == 2 and "is owned by another program; stop it, or, if it is a flop" in answer.stderr
    assert not answer.stdout and answer.stderr.count("owned") == 1


def test_nothing_that_answers_is_exit_2_with_advice(tmp_path, devices):
    silent = devices.serve_tcp(Gateway(silence=None))
    for address, part in ((f"tcp://127.0.0.1:{silent}", "--unit_id"), (f"tcp://127.0.0.1:{free_port()}", "connecting to"),
                          (f"rtu://{tmp_path}/missing", "missing")):
        answer = probe(address, "--unit_id=1", "--timeout=50ms")
        assert answer.returncode == 2 and part in answer.stderr, answer.stderr


def test_wrong_arguments_are_exit_1():
    for words, part in ((["http://h"], "tcp://"), (["tcp://h", "--unit_id=248-250"], "1 to 247"),
                        (["tcp://h", "--unit_id=240-255"], "1 to 247"),
                        (["rtu:///dev/x", "--unit_id=0"], "1 to 247"), (["tcp://h", "--unit_id=9-3"], "--unit_id"),
                        (["rtu:///dev/x", "--baud=9601"], "--baud"), (["rtu:///dev/x", "--parity=mark"], "--parity"),
                        (["rtu:///dev/x", "--stop_bits=3"], "--stop_bits"), (["tcp://h", "--baud=9600"], "rtu://"),
                        (["tcp://h", "--timeout=1"], "--timeout"), ([], "address")):
        answer = probe(*words)
        assert answer.returncode == 1 and part in answer.stderr, (words, answer.stderr)
    environment = {**os.environ, "FLOPWATT_UNIT_ID": "300"}
    assert probe("tcp://h", env=environment).returncode == 1
