"""What users see of a whole rack is what it was: series, JSON, MQTT and exit codes are compared with the files in surface/.

An agent with every kind of source runs on the simulated rack. Names, types, labels and keys are compared, and each value
that does not depend on time. A value that depends on time stands as <number>, <bool> or <time>; a free text (a fault, a
reason, a version) as <text>. HELP texts are not compared.

Where a change is meant, this writes the files; `git diff` shows what the change is:
    FLOPWATT_WRITE_SURFACE=1 FLOPWATT_BUILD=build/release /usr/bin/python3 -m pytest -q tests/end_to_end/surface_test.py
"""
import concurrent.futures
import contextlib
import difflib
import json
import os
import pathlib
import re
import socket
import subprocess
import threading
import time
import urllib.request

import pytest

from harness import openmetrics
from harness.agent import LABEL, SAMPLE, Agent
from harness.broker import Broker, Subscriber
from harness.process import BUILD, free_port, wait_until
from harness.rack import LOADS, Rack

SURFACE = pathlib.Path(__file__).parent / "surface"
WRITE = os.environ.get("FLOPWATT_WRITE_SURFACE") == "1"
SETTLES_S = 10      # how long a surface may take to become the expected one, before the difference is shown

# Beside the demo's two meters one that counts for all, with a branch and a register without a value.
MAIN_METER = """
  - name: main
    kind: raw
    gpus: all
    base_power: {constant: 2700, sine: {amplitude: 60, period: 90}}
    loss_factor: 1.6
    energy_offset_kwh: 12.5
    registers:
      - {address: 10, type: f32, scale: 1000, value: power_w}
      - {address: 12, type: i64, value: energy_wh}
      - {address: 20, type: f32, value: 120}
      - {address: 22, type: f32, value: 0.5}
      - {address: 30, type: u16, value: 65535}
"""
MAIN_REGISTERS = [
    {"quantity": "active_power", "address": 10, "function": 3, "type": "f32", "unit": "kW"},
    {"quantity": "energy_import", "address": 12, "function": 3, "type": "i64", "unit": "Wh"},
    {"quantity": "active_power", "branch": 7, "address": 20, "function": 3, "type": "f32"},
    {"quantity": "current", "branch": 7, "address": 22, "function": 3, "type": "f32"},
    {"quantity": "frequency", "address": 30, "function": 3, "type": "u16"}]
GPU_D = "0000:31:00.0"   # PCI address of the rack's fourth GPU
WRONG_LINES = ["nonsense", "flop:1|c|@0.1|#accelerator:nvidia0", "flop:inf|c|#accelerator:nvidia0",
               "flop:-1|c|#accelerator:nvidia0", "flop:1|c|#accelerator:nvidia7", "flop:1|c",
               "flop:1e30|c|#accelerator:nvidia0"]
# Scope, method and a key of the windows that the test waits for.
WINDOWS = [("gpu-01", "pipe", "joules_per_flop"), ("own", "counted", "joules_per_flop"), ("rack", "counted", "interim_pue")]

# Samples whose value depends on time, as they are written in metrics.txt; of the rest the value is compared.
VARYING_SAMPLES = re.compile(r"""
    flopwatt_meter_(power_watts|apparent|reactive|energy|phase_power|phase_current)
  | flopwatt_accelerator_(power_watts|energy|temperature)
  | flopwatt_accelerator_pipe_active_ratio.*pipe="(hmma|fp32)"
  | flopwatt_counted_flop_total{accelerator="gpu-d",precision="bf16"
  | flopwatt_(pipe|estimated)_flop
  | flopwatt_scope_(?!info).*scope="(gpu-01|rack|own)"
  | flopwatt_source_last_reading(?!.*"dark")
  | flopwatt_polls_(total|skipped)
  | flopwatt_(poll|source_request)_failures.*fault="timeout",source="dark"
  | flopwatt_poll_(duration|lateness)
  | flopwatt_bus_(busy|turnaround)
  | flopwatt_source_requests
  | flopwatt_source_quarantined.*"dark"
  | flopwatt_store_(readings|waiting|size|oldest)
  | flopwatt_exporter_(delivered|backlog)
  | flopwatt_config_last_reload_success_timestamp
  | process_""", re.VERBOSE)
# Numbers in JSON that depend on time; of the rest the value is compared.
VARYING_PLACES = re.compile(r"""
    .*/( seq | age_s | coverage | uncertainty | interim_pue | temperature_c | polls | skipped | requests | size_bytes
       | (active|apparent|reactive)_power.* | (unaccounted_)?power_w | current_(l\d|n)_a
       | energy_import.* | (device_)?energy_j.* | flop.* | (counted|pipe|model|estimated)_flop_total | covered_.* | due_s | joules_per_flop.*
       | (busy|turnaround)_seconds | ((delivered|backlog|waiting)_)?readings
       | uncertainty_terms/.* | dark/failures/timeout | dark/quarantined )""", re.VERBOSE)
# Series that are there once registers have moved far enough: at a moment of its own in each run.
COMES_LATER = ("flopwatt_meter_energy_power_ratio{", "flopwatt_accelerator_energy_power_ratio{")
FREE_TEXTS = re.compile(r".*/(missing/.*|last_fault|fault|version|revision)")
FAULT_CLASSES = {"timeout", "crc", "exception", "protocol", "connection", "device"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def json_surface(value, place: str = ""):
    """The same tree with what depends on time replaced by its type."""
    if isinstance(value, dict):
        return {key: json_surface(item, f"{place}/{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [json_surface(item, f"{place}/[]") for item in value]
    if isinstance(value, str):
        is_free = FREE_TEXTS.fullmatch(place) and value not in FAULT_CLASSES
        return "<time>" if TIME.fullmatch(value) else "<text>" if is_free and value else value
    if VARYING_PLACES.fullmatch(place):
        return "<bool>" if isinstance(value, bool) else "<number>"
    return value


def json_text(value, sort_keys: bool = True) -> str:
    return json.dumps(value, indent=1, sort_keys=sort_keys, ensure_ascii=False) + "\n"


def leaves(value) -> int:
    if isinstance(value, (dict, list)):
        return sum(leaves(item) for item in (value.values() if isinstance(value, dict) else value))
    return 1


def sample_surface(name: str, labels: dict[str, str], value: str) -> str:
    labels = {**labels, **{key: f"<{key}>" for key in ("version", "revision") if key in labels}}
    series = name + "{" + ",".join(f'{key}="{labels[key]}"' for key in sorted(labels)) + "}" if labels else name
    return f"  {series} {'<number>' if VARYING_SAMPLES.match(series) else value}"


def page_surface(page: str) -> str:
    """Families in order of name, each with its type, its unit and its samples."""
    families: dict[str, list[str]] = {}
    metadata: dict[str, list[str]] = {}
    for line in page.splitlines():
        if line.startswith(("# TYPE ", "# UNIT ")):
            name, what = line.split(" ")[2:]
            if name + "{" in COMES_LATER:
                continue
            metadata.setdefault(name, []).append(what)
            samples = families.setdefault(name, [])
        elif not line.startswith(("#", *COMES_LATER)):
            name, labels, value = SAMPLE.match(line).groups()
            samples.append(sample_surface(name, dict(LABEL.findall(labels or "")), value))
    return "\n".join(line for name in sorted(families)
                     for line in (" ".join([name, *metadata[name]]), *sorted(families[name]))) + "\n"


def mqtt_surface(messages, of_late_subscriber) -> str:
    """Each topic, whether it is retained, and its payload: of reading sets the fullest, else the newest."""
    by_topic: dict[str, list] = {}
    for message in messages:
        if message.payload is not None:
            by_topic.setdefault(message.topic, []).append(message)
    retained = {message.topic for message in of_late_subscriber if message.retained}
    texts = []
    for topic in sorted(by_topic):
        if topic.endswith("/1h"):   # closes where the test runs over a full hour
            continue
        last = by_topic[topic][-1]
        sets = [item for message in by_topic[topic] for item in message.sets]
        fullest = max(reversed(sets), key=leaves) if sets else last.payload
        item = json_surface(fullest, topic)
        text = json_text([item] if isinstance(last.payload, list) else item, sort_keys=False)
        texts.append(f"{topic}{' retained' if topic in retained else ''}\n{text}")
    return "\n".join(texts)


class Work:
    """A process that counts its work on gpu-d and in the scope rack, several times a second."""

    def __init__(self, port: int):
        self._port = port
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def send(self, *lines: str) -> None:
        self._socket.sendto("\n".join(lines).encode(), ("127.0.0.1", self._port))

    def _run(self) -> None:
        total = 0
        while not self._ended.wait(0.2):
            total += 2 ** 43
            self.send(f"flop:{total}|g|#accelerator:gpu-d,precision:bf16,job:a7,rank:0",
                      f"flop:{total}|g|#scope:rack,job:a7,rank:1")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()


class Site:
    """The rack, a broker that is down while the agent starts, and the agent."""

    def __init__(self, folder: pathlib.Path, ending: contextlib.ExitStack):
        self.folder = folder
        self.rack = Rack(folder, (LOADS / "demo.yml").read_text() + MAIN_METER).start()
        ending.callback(self.rack.kill)
        self.dark = socket.create_server(("127.0.0.1", 0))   # connects, and never answers
        ending.callback(self.dark.close)
        self.broker = Broker(folder).start()
        ending.callback(self.broker.kill)
        self.subscriber = Subscriber(self.broker.port)
        ending.callback(self.subscriber.stop)
        assert self.broker.stop() == 0   # it has the subscription and keeps it
        self.work_port = free_port()
        self.agent = Agent(folder, self.config(), environment=self.rack.environment)
        ending.callback(self.agent.kill)
        self.names = {self.agent.port: "agent", self.broker.port: "broker", self.work_port: "work",
                      self.dark.getsockname()[1]: "dark",
                      **{meter["port"]: meter["name"] for meter in self.rack.started["meters"]}}

    def config(self) -> dict:
        on_bus = {key: value for key, value in self.rack.meter_config("pdu-b", feed="B", bus="row", interval="500ms").items()
                  if key != "address"}
        main = {key: value for key, value in self.rack.meter_config("main").items() if key != "profile"}
        return {
            "node": "rack-r12",
            "buses": [{"name": "row", "address": self.rack.meter_config("pdu-b")["address"], "timeout": "3s",
                       "turnaround": "5ms"}],
            "meters": [self.rack.meter_config("pdu-a", feed="A"), on_bus,
                       {**main, "branches": {7: "gpu-01-psu1"}, "registers": MAIN_REGISTERS},
                       {"name": "dark", "address": f"tcp://127.0.0.1:{self.dark.getsockname()[1]}",
                        "profile": "abb-b23-b24", "accuracy": {"class": 1}}],
            "accelerators": {"nvidia": {"library": self.rack.library, "tensor_precision": "bf16"},
                             "names": {GPU_D: "gpu-d"}},
            "work": {"statsd": [{"address": f"unix://{self.folder}/work.sock", "mode": "0660"},
                                {"address": f"udp://127.0.0.1:{self.work_port}"}]},
            "scopes": [{"name": "gpu-01", "energy": ["pdu-a", "pdu-b"], "work": ["nvidia*"], "contains": ["own"]},
                       {"name": "own", "work": ["gpu-d"]},
                       {"name": "rack", "energy": ["main"], "contains": ["gpu-01"]},
                       {"name": "dark-row", "energy": ["dark"], "work": "all"}],
            "energy": {"windows": ["5s", "1h"]},
            "exporters": {"mqtt": [{"name": "ems", "broker": self.broker.url}]}}

    def named(self, text: str) -> str:
        """With names instead of ports and folders, which are others each time."""
        for port, name in self.names.items():
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:<{name}>")
        return text.replace(str(self.folder), "<folder>")

    def json(self, path: str) -> str:
        return json_text(json_surface(json.loads(self.named(self.agent.fetch(path)))))

    def page(self, accept: str) -> str:
        request = urllib.request.Request(self.agent.url("/metrics"), headers={"Accept": accept})
        with urllib.request.urlopen(request, timeout=5) as answer:
            return self.named(answer.read().decode())

    def run(self, *words) -> subprocess.CompletedProcess:
        return subprocess.run([BUILD / "flopwatt", *words], capture_output=True, text=True, timeout=30,
                              env={**os.environ, **self.rack.environment})

    def other_config(self, name: str, old: str = "", new: str = "") -> pathlib.Path:
        """The agent's configuration with an endpoint where no agent is, and a text replaced."""
        text = self.agent.config.read_text().replace(f"127.0.0.1:{self.agent.port}", f"127.0.0.1:{free_port()}")
        assert old in text
        (self.folder / name).write_text(text.replace(old, new))
        return self.folder / name

    def start(self, ending: contextlib.ExitStack) -> None:
        """Returns when sources are up, windows are closed, and messages of every kind have come, live and replayed."""
        self.agent.start()
        wait_until(lambda: self.agent.metrics().get("flopwatt_source_up", source="gpu-d") == 1, 20, "the accelerators")
        work = Work(self.work_port)
        work.send(*WRONG_LINES)
        work.start()
        ending.callback(work.stop)
        wait_until(self.has_stored, 40, "closed windows with all figures", poll=0.5)
        wait_until(lambda: self.agent.status()["sources"]["dark"].get("last_fault"), 20, "the fault of the dark meter")
        self.broker.start()
        wait_until(self.has_delivered, 40, "live and replayed messages of every kind")

    def has_stored(self) -> bool:
        """Whether a closed window of each scope has all figures."""
        lines = self.run("export", f"--store={self.agent.store}", "--format=jsonl").stdout.splitlines()
        windows = [line for line in map(json.loads, lines) if line["kind"] == "window"]
        return all(any(key in window and window["source"] == f"{scope}/5s" and window.get("method") == method
                       for window in windows) for scope, method, key in WINDOWS)

    def has_delivered(self) -> bool:
        kinds = [("meters/main", "active_power_w"), ("accelerators/gpu-d", "flop_total"), ("work/rack", "flop_total"),
                 *((f"scopes/{scope}/5s", key) for scope, _, key in WINDOWS)]
        return all(any(key in item for message in self.subscriber.of(f"rack-r12/{way}{topic}") for item in message.sets)
                   for topic, key in kinds for way in ("", "replay/"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("surface")
    with contextlib.ExitStack() as ending:
        one = Site(folder, ending)
        one.start(ending)
        yield one


def compare(name: str, surface) -> None:
    """Waits until surface() is the text of that file; else fails with the first differences."""
    file = SURFACE / name
    if WRITE:
        file.write_text(surface())
    expected = file.read_text()
    deadline = time.monotonic() + SETTLES_S
    while (found := surface()) != expected and time.monotonic() < deadline:
        time.sleep(0.5)
    lines = list(difflib.unified_diff(expected.splitlines(), found.splitlines(), f"surface/{name}", "this build", n=2,
                                      lineterm=""))
    if lines:
        pytest.fail("\n".join(lines[:60] + ([f"... and {len(lines) - 60} lines more"] if len(lines) > 60 else [])),
                    pytrace=False)


def test_metrics(site):
    def both() -> str:
        return (f"== text\n{page_surface(site.page('text/plain'))}\n"
                f"== OpenMetrics\n{page_surface(site.page('application/openmetrics-text'))}")
    openmetrics.check(site.page("application/openmetrics-text"))
    compare("metrics.txt", both)


def test_status(site):
    compare("status.json", lambda: site.json("/api/v1/status"))


def test_readings(site):
    compare("readings.json", lambda: site.json("/api/v1/readings"))


def test_read(site):
    other = site.other_config("alone.yml")

    def both() -> str:
        answers = {name: site.run("read", "--format=json", f"--config.file={config}").stdout
                   for name, config in (("of_the_agent", site.agent.config), ("alone", other))}
        return json_text({name: json_surface(json.loads(site.named(answer))) for name, answer in answers.items()})
    compare("read.json", both)


def test_exit_codes(site):
    """The commands are those of exit_codes.txt."""
    file = site.folder / "file"
    file.write_text("no store\n")
    site.other_config("right.yml")
    site.other_config("wrong.yml", "windows:", "window:")
    site.other_config("no_store.yml", f"path: {site.agent.store}", f"path: {file}/flopwatt.db")
    site.other_config("no_library.yml", f"library: {site.rack.library}", "library: /nonexistent/libnvidia-ml.so.1")
    alone = "node: rack-r12\naccelerators: {nvidia: off}\n"
    (site.folder / "no_source.yml").write_text(f"{alone}exporters: {{prometheus: off}}\n")
    (site.folder / "port_taken.yml").write_text(f"{alone}store: {{path: {site.folder}/taken.db}}\n"
                                                f"exporters: {{prometheus: {{listen: ['127.0.0.1:{site.agent.port}']}}}}\n")

    def line(command: str) -> str:
        words = command.format(folder=site.folder, pdu=site.rack.meter("pdu-a")["port"]).split()
        return f"{command}: {site.run(*words[1:]).returncode}\n"

    commands = [line.rsplit(": ", 1)[0] for line in (SURFACE / "exit_codes.txt").read_text().splitlines()]

    def lines() -> str:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            return "".join(pool.map(line, commands))
    compare("exit_codes.txt", lines)


def test_mqtt(site):
    late = Subscriber(site.broker.port, client_id="late")
    wait_until(lambda: late.of("/state"), 10, "what is retained")
    compare("mqtt.txt", lambda: site.named(mqtt_surface(site.subscriber.messages, late.messages)))
    late.stop()


def test_the_end(site):
    """Last, as it ends the agent."""
    assert site.agent.stop() == 0
    compare("mqtt_end.txt", lambda: json_text(json_surface(site.subscriber.of("/state")[-1].payload, "/state"), False))
