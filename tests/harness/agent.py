"""The agent under test: flopwatt run, with a configuration made of Python objects."""
import contextlib
import json
import pathlib
import re
import sqlite3
import urllib.error
import urllib.request

import yaml

from harness.process import BUILD, Process, free_port, wait_until

SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Metrics:
    """One page of the Prometheus endpoint."""

    def __init__(self, text: str):
        self.text = text
        self.samples: dict[str, list[tuple[dict, float]]] = {}
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            match = SAMPLE.match(line)
            assert match, f"not a sample line: {line}"
            labels = dict(LABEL.findall(match.group(2) or ""))
            self.samples.setdefault(match.group(1), []).append((labels, float(match.group(3))))

    def get(self, name: str, **labels) -> float | None:
        """The value of the one series with (at least) these labels; None where there is none."""
        found = [value for have, value in self.samples.get(name, [])
                 if all(have.get(key) == value for key, value in labels.items())]
        assert len(found) <= 1, f"{name}{labels} names {len(found)} series"
        return found[0] if found else None


class Agent(Process):
    def __init__(self, folder: pathlib.Path, config: dict, name: str = "flopwatt", environment: dict | None = None):
        super().__init__(name, folder)
        self.program = BUILD / "flopwatt"
        self.port = free_port()
        self.store = folder / f"{name}.db"
        config.setdefault("store", {}).setdefault("path", str(self.store))
        self.store = pathlib.Path(config["store"]["path"])
        exporters = config.setdefault("exporters", {})
        exporters.setdefault("prometheus", {"listen": [f"127.0.0.1:{self.port}"]})
        self.config = folder / f"{name}.yml"
        self.config.write_text(yaml.safe_dump(config, sort_keys=False))
        self.environment = environment or {}

    def start(self, wait: bool = True) -> "Agent":
        self.spawn([self.program, "run", f"--config.file={self.config}"], self.environment)
        if wait:
            wait_until(self.answers, 10, f"the agent to answer; its log: {self.log_text()}")
        return self

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def fetch(self, path: str, seconds: float = 5) -> str:
        with urllib.request.urlopen(self.url(path), timeout=seconds) as answer:
            return answer.read().decode()

    def answers(self, path: str = "/-/healthy") -> bool:
        assert self.alive(), f"the agent has ended with {self.child.returncode}: {self.log_text()}"
        try:
            self.fetch(path)
            return True
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def metrics(self) -> Metrics:
        """Asks again where the agent says Retry-After, as on a machine that is busy with other tests."""
        def page():
            try:
                return self.fetch("/metrics")
            except urllib.error.HTTPError as refusal:
                if refusal.code != 503 or "Retry-After" not in refusal.headers:
                    raise
                return ""
        return Metrics(wait_until(page, 10, "the metrics", poll=1))

    def status(self) -> dict:
        return json.loads(self.fetch("/api/v1/status"))

    def integrity(self) -> str:
        with contextlib.closing(sqlite3.connect(self.store)) as connection:
            return connection.execute("pragma integrity_check").fetchone()[0]

    def stored_seqs(self) -> set[int]:
        with contextlib.closing(sqlite3.connect(self.store)) as connection:
            return {row[0] for row in connection.execute("select seq from reading_set")}
