"""The simulated rack (tests/rack)."""
import json
import pathlib
import subprocess

from harness.process import BUILD, SOURCE, Process

LOADS = SOURCE / "tests/rack/loads"


class Rack(Process):
    """Serves meters and a stand-in NVML library; `load` is a load script's path, or its text. Its meters are as they are
    sold, but for those of which the load says `meter: ideal`."""

    def __init__(self, folder: pathlib.Path, load: pathlib.Path | str):
        super().__init__("rack", folder)
        if isinstance(load, str):
            (folder / "load.yml").write_text(load)
            load = folder / "load.yml"
        self.load = load
        self.state = folder / "rack.state"
        self.started: dict = {}

    def start(self) -> "Rack":
        child = self.spawn([BUILD / "tests/rack/rack", f"--load={self.load}", f"--state={self.state}"],
                           stdout=subprocess.PIPE, text=True)
        line = child.stdout.readline()
        assert line, f"the rack did not start: {self.log_text()}"
        self.started = json.loads(line)
        return self

    @property
    def environment(self) -> dict:
        return {"RACK_STATE": str(self.state)}

    @property
    def library(self) -> str:
        return self.started["library"]

    def meter(self, name: str) -> dict:
        return next(meter for meter in self.started["meters"] if meter["name"] == name)

    def control(self, *words: str) -> dict | None:
        answer = subprocess.run([BUILD / "tests/rack/rack-control", f"--state={self.state}", *words],
                                check=True, capture_output=True, text=True)
        return json.loads(answer.stdout) if answer.stdout.strip() else None

    def truth(self, start: float, end: float, *more: str) -> dict:
        return self.control("truth", f"--from={start:.6f}", f"--until={end:.6f}", *more)

    def meter_config(self, name: str, **more) -> dict:
        """The configuration entry of one of its meters."""
        meter = self.meter(name)
        return {"name": name, "address": f"tcp://127.0.0.1:{meter['port']}", "unit_id": meter["unit_id"],
                "profile": "eastron-sdm630", "accuracy": {"class": 0.5, "ct_class": 0.5}, **more}
