"""The commands and their exit codes: 0 good, 1 configuration or command line, 2 device or network, 3 store."""
import json
import os
import re
import signal
import subprocess

from harness.agent import Agent
from harness.process import BUILD, SOURCE, wait_until
from harness.rack import LOADS, Rack

FLOPWATT = BUILD / "flopwatt"


def flopwatt(*words, environment=None):
    return subprocess.run([FLOPWATT, *map(str, words)], capture_output=True, text=True, timeout=30,
                          env={**os.environ, **(environment or {})})


def test_version():
    answer = flopwatt("version")
    assert answer.returncode == 0 and re.match(r"flopwatt \d+\.\d+\.\d+ ", answer.stdout)
    assert flopwatt("--version").returncode == 0


def test_help_and_a_wrong_command_line():
    assert flopwatt("--help").returncode == 0
    for wrong in ([], ["unknown"], ["run"], ["check", "--config.fle=x"], ["smi", "acme"]):
        answer = flopwatt(*wrong)
        assert answer.returncode == 1 and answer.stderr, wrong


def test_check_takes_the_example_and_tells_every_fault_at_its_place(tmp_path):
    assert flopwatt("check", f"--config.file={SOURCE / 'config/flopwatt.yml'}").returncode == 0
    config = tmp_path / "wrong.yml"
    config.write_text("node: rack-r12\n"
                      "meters:\n"
                      "  - {name: pdu-a, address: tcp://10.0.12.5, profile: eastron-sdm360}\n"
                      "  - {name: pdu-a, address: tcp://10.0.12.6, unit_id: 300, profile: eastron-sdm630}\n"
                      "peers: [{name: gpu-02, url: 'https://gpu-02:10150'}]\n"
                      "sampling: {intervall: 1s}\n")
    answer = flopwatt("check", f"--config.file={config}")
    assert answer.returncode == 1
    for expected in (rf"{config}:3:\d+: .*eastron-sdm630", rf"{config}:4:12: .*pdu-a", rf"{config}:4:\d+: .*300",
                     rf"{config}:5:\d+: .*not yet supported", rf"{config}:6:\d+: .*interval"):
        assert re.search(expected, answer.stdout), (expected, answer.stdout)
    assert flopwatt("run", environment={"FLOPWATT_CONFIG_FILE": str(config)}).returncode == 1


def findings_of(check, file):
    """What `check` says of that file: (line, column, message) each."""
    places = re.finditer(rf"^{re.escape(str(file))}:(\d+):(\d+): (.*)$", check.stdout, re.MULTILINE)
    return [(int(place[1]), int(place[2]), place[3]) for place in places]


def expected_beside(file):
    """The same of X.expected beside X.yml, each message a part of what is to be said; `check` tells in order of lines."""
    places = (line.split(":", 3) for line in file.with_suffix(".expected").read_text().splitlines())
    return sorted(((int(line), int(column), message.strip()) for _, line, column, message in places),
                  key=lambda place: place[:2])


def assert_findings(check, file):
    found, expected = findings_of(check, file), expected_beside(file)
    assert len(found) == len(expected), (file, check.stdout)
    for (line, column, message), (at_line, at_column, part) in zip(found, expected):
        assert (line, column) == (at_line, at_column) and part in message, (file, message, part)
    return any(not part.startswith("warning:") for *_, part in expected)


def test_check_tells_every_fault_of_every_wrong_configuration_and_profile(tmp_path):
    wrong = sorted((SOURCE / "tests/unit/config/wrong").glob("*.yml"))
    refused = 0
    for file in wrong:
        answer = flopwatt("check", f"--config.file={file}")
        is_wrong = assert_findings(answer, file)
        assert answer.returncode == is_wrong, (file, answer.stdout)
        refused += is_wrong
    profiles = sorted((SOURCE / "tests/unit/config/wrong_profiles").glob("*.yml"))
    for file in profiles:
        config = tmp_path / "names-it.yml"
        config.write_text(f"meters: [{{name: a, address: 'tcp://h', profile: {file}, accuracy: {{class: 1}}}}]\n")
        answer = flopwatt("check", f"--config.file={config}")
        assert answer.returncode == 1 and assert_findings(answer, file), answer.stdout
    assert refused >= 20 and len(profiles) >= 20


def test_profiles_are_listed_and_shown(tmp_path):
    answer = flopwatt("profiles")
    assert answer.returncode == 0 and answer.stdout == flopwatt("profiles", "list").stdout
    assert "eastron-sdm630" in answer.stdout and str(SOURCE / "config/meters/eastron-sdm630.yml") in answer.stdout
    shown = flopwatt("profiles", "show", "eastron-sdm630")
    assert shown.returncode == 0
    for part in ("Eastron SDM630", "function 4, address 70, 6 registers", "s over TCP", "9600 baud",
                 "energy_import", "The prefix of energies", "volkszaehler/mbmd"):
        assert part in shown.stdout, (part, shown.stdout)
    profiles = json.loads(flopwatt("profiles", "list", "--format=json").stdout)["profiles"]
    assert set(profiles) == {file.stem for file in (SOURCE / "config/meters").glob("*.yml")}
    for name, profile in profiles.items():
        assert profile["registers"] and 0 < profile["cycle_s"]["tcp"] < profile["cycle_s"]["rtu_9600"] < 10, name
        assert sum(request["count"] for request in profile["requests"]) > 0
    missing = flopwatt("profiles", "show", "eastron")
    assert missing.returncode == 1 and "profiles list" in missing.stderr
    wrong = SOURCE / "tests/unit/config/wrong_profiles/overlaps.yml"
    answer = flopwatt("profiles", "show", wrong)
    assert answer.returncode == 1 and f"{wrong}:8:5: " in answer.stderr


def test_check_warns_where_a_bus_is_too_slow(tmp_path):
    config = tmp_path / "slow.yml"
    meters = "\n".join(f"  - {{name: m{unit}, address: tcp://10.0.0.1, unit_id: {unit}, profile: eastron-sdm630, "
                       "interval: 200ms, accuracy: {class: 1}}" for unit in range(1, 21))
    config.write_text(f"node: rack-r12\nmeters:\n{meters}\n")
    answer = flopwatt("check", f"--config.file={config}")
    assert answer.returncode == 0
    assert "bus tcp://10.0.0.1:502: 20 meters, planned cycle" in answer.stdout
    assert re.search(rf"{config}:3:\d+: warning: .*cycle", answer.stdout), answer.stdout
    # One meter on a serial line: what the baud rate allows.
    config.write_text("node: rack-r12\nbuses: [{name: row-a, address: rtu:///dev/ttyUSB9, baud: 1200}]\n"
                      "meters:\n  - {name: m, bus: row-a, profile: eastron-sdm630, accuracy: {class: 1}}\n")
    answer = flopwatt("check", f"--config.file={config}")
    assert answer.returncode == 0
    cycle = re.search(r"bus row-a: 1 meter, planned cycle ([\d.]+) s", answer.stdout)
    assert cycle and 1 < float(cycle[1]) < 5, answer.stdout
    assert re.search(rf"{config}:4:5: warning: .*cycle", answer.stdout), answer.stdout


def test_a_store_that_cannot_be_used_is_exit_3(tmp_path):
    (tmp_path / "file").write_text("")
    config = tmp_path / "flopwatt.yml"
    config.write_text(f"node: rack-r12\nstore: {{path: {tmp_path}/file/flopwatt.db}}\n"
                      "accelerators: {nvidia: off}\nexporters: {prometheus: off}\n")
    answer = flopwatt("run", f"--config.file={config}")
    assert answer.returncode == 3 and str(tmp_path / "file") in answer.stderr


def test_a_taken_port_is_exit_2_and_a_taken_store_exit_3(tmp_path, started):
    base = {"node": "rack-r12", "accelerators": {"nvidia": False}}
    first = Agent(tmp_path, dict(base)).start()
    started.append(first)
    config = tmp_path / "second.yml"
    config.write_text("node: rack-r12\naccelerators: {nvidia: off}\n"
                      f"store: {{path: {tmp_path}/second.db}}\n"
                      f"exporters: {{prometheus: {{listen: ['127.0.0.1:{first.port}']}}}}\n")
    answer = flopwatt("run", f"--config.file={config}")
    assert answer.returncode == 2 and str(first.port) in answer.stderr
    config.write_text("node: rack-r12\naccelerators: {nvidia: off}\n"
                      f"store: {{path: {first.store}}}\nexporters: {{prometheus: off}}\n")
    answer = flopwatt("run", f"--config.file={config}")
    assert answer.returncode == 3 and str(first.store) in answer.stderr


def test_smi_by_hand_prints_json_lines(tmp_path, started):
    rack = Rack(tmp_path, LOADS / "demo.yml").start()
    started.append(rack)
    guest = subprocess.Popen([FLOPWATT, "smi", "nvidia", f"--library={rack.library}", "--interval=200ms"],
                             stdout=subprocess.PIPE, text=True, env={**os.environ, **rack.environment})
    lines = [json.loads(guest.stdout.readline()) for _ in range(9)]
    guest.send_signal(signal.SIGINT)
    assert guest.wait(5) == 0
    assert any("power" in json.dumps(line) for line in lines[1:])
    missing = flopwatt("smi", "nvidia", "--library=/nonexistent/libnvidia-ml.so.1")
    assert missing.returncode == 2 and "/nonexistent" in missing.stderr


def test_the_agent_runs_without_any_meter_or_accelerator(tmp_path, started):
    agent = Agent(tmp_path, {"node": "rack-r12"}).start()
    started.append(agent)
    wait_until(lambda: agent.answers("/-/ready"), 10, "ready")
    assert agent.metrics().get("flopwatt_store_up") == 1
    assert agent.stop() == 0
