"""`flopwatt export`: what a store holds, of a running and of a stopped agent, and what others make of it."""
import contextlib
import csv
import dataclasses
import io
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
from datetime import datetime

import pytest

from harness import openmetrics
from harness.agent import Agent
from harness.process import BUILD, wait_until
from harness.prometheus import Prometheus
from harness.rack import LOADS, Rack

FLOPWATT = BUILD / "flopwatt"


def export(store, *words, **options):
    return subprocess.run([FLOPWATT, "export", f"--store={store}", *words], capture_output=True, text=True, timeout=30,
                          **options)


def exported(store, *words, **options) -> str:
    answer = export(store, *words, **options)
    assert (answer.returncode, answer.stderr) == (0, ""), answer.stderr
    return answer.stdout


def rows_of(text: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO(text)))


def unix_time(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


@dataclasses.dataclass
class Stored:
    store: pathlib.Path
    seqs: set[int]            # of everything in it
    seqs_before: set[int]     # what was committed before the agent was asked while it ran
    while_running: list[dict]  # what its export then told


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> Stored:
    """The store of an agent that has ended, and its export of the time before."""
    folder = tmp_path_factory.mktemp("agent")
    with contextlib.ExitStack() as ending:
        rack = Rack(folder, LOADS / "demo.yml").start()
        ending.callback(rack.kill)
        agent = Agent(folder, {"node": "rack-r12", "meters": [rack.meter_config("pdu-a"), rack.meter_config("pdu-b")],
                               "accelerators": {"nvidia": {"library": rack.library}},
                               "scopes": [{"name": "gpu-01", "energy": ["pdu-a", "pdu-b"], "work": "all"}],
                               "energy": {"windows": ["2s"]}}, environment=rack.environment).start()
        ending.callback(agent.kill)

        def lines():
            return [json.loads(line) for line in exported(agent.store, "--format=jsonl").splitlines()]

        def windows():
            return sum(1 for line in lines() if line["kind"] == "window" and "joules_per_flop" in line) >= 2

        wait_until(lambda: agent.store.exists() and agent.stored_seqs(), 20, "the first reading sets")
        wait_until(windows, 30, "windows with J/FLOP in the export of the running agent", poll=0.5)
        before = agent.stored_seqs()
        running = lines()
        assert agent.stop() == 0
        yield Stored(agent.store, agent.stored_seqs(), before, running)


def test_every_format_has_what_is_stored(stored):
    running = [item["seq"] for item in stored.while_running]
    assert stored.seqs_before <= set(running) and running == sorted(running)
    seqs = stored.seqs
    lines = [json.loads(line) for line in exported(stored.store, "--format=jsonl").splitlines()]
    assert {item["seq"] for item in lines} == seqs and len(lines) == len(seqs)
    assert lines[:len(running)] == stored.while_running
    rows = rows_of(exported(stored.store))
    assert {int(row["seq"]) for row in rows} == seqs
    assert {row["kind"] for row in rows} == {"meter", "accelerator", "window"}
    gpu = [row for row in rows if row["source"] == "nvidia0" and row["quantity"] == "work"]
    assert gpu and all(row["method"] == "pipe" and row["uuid"].startswith("GPU-") for row in gpu)
    by_seq = {item["seq"]: item for item in lines}
    for row in rows:
        if row["quantity"] == "active_power" and not row["place"]:
            assert by_seq[int(row["seq"])]["active_power_w"] == float(row["value"])

    families = openmetrics.check(exported(stored.store, "--format=openmetrics"))
    samples = families["flopwatt_meter_power_watts"].samples
    want = [(row["source"], float(row["value"])) for row in rows if row["quantity"] == "active_power" and not row["place"]]
    assert [(sample.labels["meter"], sample.value) for sample in samples] == sorted(want, key=lambda one: one[0])
    figures = [sample.labels for sample in families["flopwatt_scope_joules_per_flop"].samples]
    assert {"scope": "gpu-01", "window": "2s", "method": "pipe"} in figures
    # The store has µs where CSV and JSON show ms.
    with contextlib.closing(sqlite3.connect(stored.store)) as connection:
        times = {row[0] for row in connection.execute("select time from reading_set")}
    assert {round(sample.timestamp * 1e6) for sample in samples} <= times

    middle = by_seq[sorted(seqs)[len(seqs) // 2]]["time"]
    first, second = (rows_of(exported(stored.store, f"--{bound}={middle}")) for bound in ("until", "since"))
    assert first and second and len(first) + len(second) == len(rows)
    assert exported(stored.store, "--since=-1h") == exported(stored.store)
    assert exported(stored.store, "--until=2020-01-01") == exported(stored.store).splitlines(keepends=True)[0]
    # As environment variables.
    environment = {**os.environ, "FLOPWATT_STORE": str(stored.store), "FLOPWATT_FORMAT": "openmetrics",
                   "FLOPWATT_UNTIL": "2020-01-01T00:00:00Z"}
    answer = subprocess.run([FLOPWATT, "export"], capture_output=True, text=True, env=environment)
    assert (answer.returncode, answer.stdout) == (0, "# EOF\n"), answer.stderr


def test_prometheus_finds_an_imported_export(stored, tmp_path, started):
    page = tmp_path / "export.om"
    page.write_text(exported(stored.store, "--format=openmetrics", "--label=site=s1", "--label", "job=import"))
    assert all(sample.labels["site"] == "s1" for family in openmetrics.check(page.read_text()).values()
               for sample in family.samples)
    tool = subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", page, tmp_path / "tsdb"],
                          capture_output=True, text=True)
    assert tool.returncode == 0, tool.stderr
    newest = [row for row in rows_of(exported(stored.store)) if row["source"] == "pdu-a" and
              row["quantity"] == "active_power" and not row["place"]][-1]
    prometheus = Prometheus(tmp_path).start()
    started.append(prometheus)
    at = unix_time(newest["time"]) + 0.5
    expression = 'flopwatt_meter_power_watts{site="s1",job="import",meter="pdu-a"}'
    found = wait_until(lambda: prometheus.query(expression, time=f"{at:.3f}"), 20, "the imported series")
    assert len(found) == 1 and float(found[0]["value"][1]) == float(newest["value"])
    assert prometheus.query('count(flopwatt_scope_joules_per_flop{method="pipe"})', time=f"{at:.3f}")


def test_a_store_in_a_directory_that_cannot_be_written(stored, tmp_path):
    folder = tmp_path / "archive"
    folder.mkdir()
    copy = shutil.copy(stored.store, folder / "flopwatt.db")
    os.chmod(copy, 0o444)
    os.chmod(folder, 0o555)
    for parent in folder.parents:  # pytest's folders are its user's alone
        if parent.stat().st_uid == os.getuid() and parent != parent.parent:
            os.chmod(parent, parent.stat().st_mode | 0o011)
    unprivileged = {"user": "nobody"} if os.getuid() == 0 else {}
    assert exported(copy, **unprivileged) == exported(stored.store)
    assert [entry.name for entry in folder.iterdir()] == ["flopwatt.db"]


def test_a_reader_that_goes_away_ends_it_quietly(stored):
    for words in (["--format=csv"], ["--format=openmetrics"]):
        child = subprocess.Popen([FLOPWATT, "export", f"--store={stored.store}", *words], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        child.stdout.close()
        assert child.wait(10) == 0
        assert child.stderr.read() == b""


def test_what_is_wrong_is_told(tmp_path):
    (tmp_path / "text.db").write_text("no store\n" * 100)
    for name, reason in (("missing.db", "no such file"), ("text.db", "no store")):
        answer = export(tmp_path / name)
        assert answer.returncode == 3 and answer.stdout == ""
        assert str(tmp_path / name) in answer.stderr and reason in answer.stderr
    for words, reason in ((["--since=yesterday"], "2026-11-23T12:44:01Z"), (["--until=25:00"], "--until=25:00"),
                          (["--since=1h"], "--since=1h: write a time before now with a minus, as -1h"),
                          (["--since=-1h", "--until=-2h"], "not before"), (["--format=xml"], "openmetrics"),
                          (["--label=site"], "name=value"), (["--label=a=1", "--label=a=2"], "twice"),
                          (["--label=seq=1"], "seq"), (["--format=openmetrics", "--label=meter=x"], "meter"),
                          (["--format=jsonl", "--label=active_power_l1_w=x"], "active_power_l1_w")):
        answer = export(tmp_path / "missing.db", *words)
        assert answer.returncode == 1 and reason in answer.stderr, (words, answer.stderr)
    assert subprocess.run([FLOPWATT, "export"], capture_output=True).returncode == 1


def test_a_full_output_is_told(stored):
    answer = subprocess.run(f"{FLOPWATT} export --store={stored.store} > /dev/full", shell=True, capture_output=True,
                            text=True)
    assert answer.returncode == 2
    assert answer.stderr.startswith("flopwatt export: cannot write standard output: No space left on device; make room")
