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


def test_faults_of_the_command_line_are_reported_in_plain_words():
    commands = "the commands are: run, check, read, probe, profiles, export, smi, version"
    for words, parts in ((["foo"], ("there is no command 'foo'", commands)), ([], (commands,)),
                         (["profiles", "--format=xml"], ("--format: 'xml'; write table or json",)),
                         (["profiles", "--format=1"], ("--format: '1'; write table or json",)),
                         (["smi", "nvidia", "--interval=0"], ("--interval: '0'; write 200ms or more",))):
        answer = flopwatt(*words)
        assert answer.returncode == 1 and all(part in answer.stderr for part in parts), (words, answer.stderr)
    assert (flopwatt("help").returncode, flopwatt("help").stdout) == (0, flopwatt("--help").stdout)
    assert "table or json" in (usage := flopwatt("read", "--help").stdout) and "{" not in usage


def told_on(output, *words, environment=None):
    """Exit code and standard error, where standard output is that file."""
    with open(output, "w") as stdout:
        answer = subprocess.run([FLOPWATT, *words], stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=30,
                                env={**os.environ, **(environment or {})})
    return answer.returncode, answer.stderr


def test_output_that_cannot_be_written_is_exit_2(tmp_path):
    config = tmp_path / "flopwatt.yml"
    config.write_text("node: rack-r12\naccelerators: {nvidia: off}\nexporters: {prometheus: off}\n")
    for words in (["version"], ["--help"], ["profiles"], ["profiles", "list", "--format=json"],
                  ["check", f"--config.file={config}"], ["read", f"--config.file={config}", "--format=json"]):
        code, said = told_on("/dev/full", *words)
        assert code == 2 and "cannot write standard output: No space left on device; make room" in said, (words, said)
        reader, writer = os.pipe()
        os.close(reader)
        gone = subprocess.run([FLOPWATT, *words], stdout=writer, stderr=subprocess.PIPE, text=True, timeout=30)
        os.close(writer)
        assert gone.returncode == 0 and "standard output" not in gone.stderr, (words, gone.stderr)
    config.write_text("nod: n\n")
    code, said = told_on("/dev/full", "check", f"--config.file={config}")
    assert code == 1 and "cannot write standard output" in said


def test_smi_by_hand_reports_that_its_output_is_full(tmp_path, started):
    rack = Rack(tmp_path, LOADS / "demo.yml").start()
    started.append(rack)
    code, said = told_on("/dev/full", "smi", "nvidia", f"--library={rack.library}", environment=rack.environment)
    assert code == 2 and "cannot write standard output: No space left on device" in said, said


def test_the_agent_logs_what_is_wrong_with_its_configuration(tmp_path):
    config = tmp_path / "wrong.yml"
    config.write_text("node: rack-r12\nsampling: {intervall: 1s}\n")
    answer = flopwatt("run", f"--config.file={config}")
    assert answer.returncode == 1
    warning, error = answer.stderr.splitlines()
    assert re.match(rf'ts=\S+ level=warn msg="{config}:1:1: warning: no scopes', warning), answer.stderr
    assert re.match(rf'ts=\S+ level=error msg="{config}:2:12: unknown key', error), answer.stderr
    with open(tmp_path / "journal", "w") as journal:
        stream = os.fstat(journal.fileno())
        subprocess.run([FLOPWATT, "run", f"--config.file={config}"], stderr=journal, timeout=30,
                       env={**os.environ, "JOURNAL_STREAM": f"{stream.st_dev}:{stream.st_ino}"})
    lines = (tmp_path / "journal").read_text().splitlines()
    assert [line[:3] for line in lines] == ["<4>", "<3>"], lines


def test_check_takes_the_example_and_reports_every_fault_at_its_place(tmp_path):
    example = SOURCE / "config/flopwatt.yml"
    for words in ([f"--config.file={example}"], ["-c", example], [example]):
        assert flopwatt("check", *words).returncode == 0
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


def test_check_ends_with_the_number_of_errors_and_warnings(tmp_path):
    config = tmp_path / "counted.yml"
    meter = "{name: m, address: tcp://h, unit_id: 1, profile: eastron-sdm630, accuracy: {class: 1}}"
    scopes = "scopes: [{name: rack, energy: [m], work: all}]"
    for text, last in ((f"meters: [{meter}]\n{scopes}\n", f"{config}: good"),
                       (f"meters: [{meter}]\n", f"{config}: good, 1 warning"),
                       ("nod: n\n", "1 error, 1 warning"),
                       (f"nod: n\nstor: n\nmeters: [{meter}]\n{scopes}\n", "2 errors")):
        config.write_text(f"node: rack-r12\n{text}")
        answer = flopwatt("check", f"--config.file={config}")
        assert answer.stdout.splitlines()[-1] == last, answer.stdout


def findings_of(check, file):
    """The findings of `check` in that file: (line, column, message) each."""
    places = re.finditer(rf"^{re.escape(str(file))}:(\d+):(\d+): (.*)$", check.stdout, re.MULTILINE)
    return [(int(place[1]), int(place[2]), place[3]) for place in places]


def expected_beside(file):
    """The same from X.expected beside X.yml, each message a part of the expected one, in the order of lines."""
    places = (line.split(":", 3) for line in file.with_suffix(".expected").read_text().splitlines())
    return sorted(((int(line), int(column), message.strip()) for _, line, column, message in places),
                  key=lambda place: place[:2])


def assert_findings(check, file):
    found, expected = findings_of(check, file), expected_beside(file)
    assert len(found) == len(expected), (file, check.stdout)
    for (line, column, message), (at_line, at_column, part) in zip(found, expected):
        assert (line, column) == (at_line, at_column) and part in message, (file, message, part)
    return any(not part.startswith("warning:") for *_, part in expected)


def test_check_reports_every_fault_of_every_wrong_configuration_and_profile(tmp_path):
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
        assert profile["kind"] and profile["limits"]["max_registers"] <= 125, name
        assert all(register["reason"] for register in profile["not_read"]), name
        assert ("serial" in profile["cycle_s"]) == ("serial" in profile), name
    missing = flopwatt("profiles", "show", "eastron")
    assert missing.returncode == 1 and "profiles list" in missing.stderr
    wrong = SOURCE / "tests/unit/config/wrong_profiles/overlaps.yml"
    answer = flopwatt("profiles", "show", wrong)
    assert answer.returncode == 1 and f"{wrong}:8:5: " in answer.stderr


EVERY_KEY = """
vendor: V
model: M
kind: branch-circuit-monitor
confidence: one-source
sources: [a book]
conflicts: [one says 1]
quirks: [warm]
serial: {baud: 19200, parity: even, stop_bits: 1}
unit_id: 7
limits: {max_registers: 40, max_hole: 2, forbidden: ["2000-2009"]}
identify:
  - {address: 11, function: 3, type: u16, expected: [331, 332], meaning: type}
  - {address: 49, function: 3, type: text, registers: 20, expected: PM5}
registers:
  - {quantity: active_power, address: 0, minus: 2, function: 3, type: u32, unavailable: [2000], alone: true}
  - {quantity: current, branch: 1-3, stride: 1, address: 100, function: 3, type: u16,
     scaled_by: {address: 110, stride: 1, function: 3, type: i16, use: exponent}}
  - {quantity: frequency, address: 9, function: 3, type: i16,
     scaled_by: {address: 900, function: 4, type: u16, use: divisors, divisors: [10, 100]}}
  - {quantity: energy_total, address: 30, function: 3, type: u32}
"""


def test_a_profile_is_shown_in_words(tmp_path):
    file = tmp_path / "mine.yml"
    file.write_text(EVERY_KEY)
    shown = flopwatt("profiles", "show", file).stdout
    for part in ("mine: V M (branch-circuit-monitor, one-source)",
                 "unit id 7, 19200 baud, even parity, 1 stop bit",
                 "at most 40 registers", "over at most 2 registers that it does not have",
                 "never touches registers 2000-2009",
                 "Each connection first asks\n  function 3, address 110, 3 registers\n  function 4, address 900, 1 reg",
                 "address      0, u32, less the register 2, no value where it is 2000, read alone",
                 "address    102, u16, times 10 to the power of the register 112",
                 "divided by 10 or 100 as the register 900 (function 4) says",
                 "the sum of import and export is no import",
                 "register 11 (function 3) is 331 or 332: type",
                 'registers 49-68 (function 3) hold a text that begins with "PM5"',
                 "Where sources differ\n  one says 1", "To know\n  warm", "on a line of 19200 baud"):
        assert part in shown, (part, shown)
    told = json.loads(flopwatt("profiles", "show", file, "--format=json").stdout)
    assert told["serial"] == {"baud": 19200, "parity": "even", "stop_bits": 1} and told["unit_id"] == 7
    assert told["limits"]["forbidden"] == [[2000, 2009]]
    assert told["identify"][1]["begins_with"] == ["PM5"] and told["identify"][0]["expected"] == [331, 332]
    assert [request["address"] for request in told["requests_at_connect"]] == [110, 900]
    assert told["not_read"] == [{"quantity": "energy_total", "address": 30,
                                 "reason": "the sum of import and export is no import"}]


def test_a_sunspec_meter_is_planned_before_it_was_asked(tmp_path):
    config = tmp_path / "sunspec.yml"
    config.write_text("node: n\nmeters: [{name: a, address: 'tcp://10.0.0.1', profile: sunspec, accuracy: {class: 1}}]\n"
                      "scopes: [{name: rack, energy: [a], work: all}]\n")
    answer = flopwatt("check", f"--config.file={config}")
    assert answer.returncode == 0 and "1 meter, planned cycle 0.0" in answer.stdout, answer.stdout
    assert "sunspec_model" in flopwatt("profiles", "show", "sunspec").stdout


def test_check_warns_where_a_window_is_too_short_for_what_a_meter_is_known_to_tell(tmp_path):
    config = tmp_path / "short.yml"
    config.write_text("node: n\nmeters: [{name: a, address: 'tcp://h', profile: janitza-umg-604, accuracy: {class: 1},\n"
                      "  refresh: 40s}]\nscopes: [{name: rack, energy: [a], work: all}]\n")
    answer = flopwatt("check", f"--config.file={config}")
    assert answer.returncode == 0
    assert (f"{config}:2:10: warning: meter 'a': its values may be 40s old (refresh), which is too coarse for "
            "energy.windows: 1m; write windows of 80s or longer") in answer.stdout, answer.stdout
    config.write_text(config.read_text().replace("40s", "30s"))
    assert "warning" not in flopwatt("check", f"--config.file={config}").stdout
    # Without a key of its own the profile says it.
    assert "its values may be 200ms old" in flopwatt("profiles", "show", "janitza-umg-604").stdout


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


def test_a_file_that_never_was_a_store_is_left_as_it_is(tmp_path):
    config, notes = tmp_path / "flopwatt.yml", tmp_path / "notes.txt"
    notes.write_text("not to be lost\n")
    text = (f"node: rack-r12\nstore: {{path: {notes}}}\naccelerators: {{nvidia: off}}\n"
            "exporters: {prometheus: off}\n")
    config.write_text(text)
    answer = flopwatt("run", f"--config.file={config}")
    assert answer.returncode == 3 and f"{notes}: it is no store" in answer.stderr, answer.stderr
    assert "set another store.path" in answer.stderr
    config.write_text(text.replace(str(notes), str(config)))
    for command in ("check", "run"):
        answer = flopwatt(command, f"--config.file={config}")
        assert answer.returncode == 1, (command, answer)
        assert f"{config}:2:15: path: '{config}' is this configuration itself" in answer.stdout + answer.stderr
    assert notes.read_text() == "not to be lost\n"
    assert sorted(tmp_path.iterdir()) == [config, notes]


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
