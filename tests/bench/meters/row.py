"""A row of meters for the benches: the server that plays them, and the agent's configuration that reads them. Each meter
has an address of its own and 30 floats in 60 registers, which the agent reads by one request a second."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from bench import Peer  # noqa: E402
from harness.agent import Agent  # noqa: E402
from harness.process import free_port  # noqa: E402

METERS_OF_SUBNET = 250   # as in addresses.h
FLOATS = 30


def host(number: int) -> str:
    return f"127.1.{number // METERS_OF_SUBNET}.{1 + number % METERS_OF_SUBNET}"


def registers() -> list[dict]:
    places = [("energy_import", {}, "kWh"), ("active_power", {}, "W")]
    places += [("active_power", {"branch": n}, "W") for n in range(1, 15)]
    places += [("current", {"branch": n}, "A") for n in range(1, 15)]
    assert len(places) == FLOATS
    return [{"quantity": quantity, **place, "address": 2 * i, "function": 4, "type": "f32", "unit": unit}
            for i, (quantity, place, unit) in enumerate(places)]


class Row:
    """`meters` meters, `dead` of which accept connections and never answer. Its report: see meter_server.cpp."""

    def __init__(self, meters: int, dead: int):
        self.meters, self.dead, self.port = meters, dead, free_port()
        self.server = Peer("meter_server", meters, dead, self.port)

    @property
    def healthy(self) -> int:
        return self.meters - self.dead

    def agent(self, folder: pathlib.Path, broker_url: str | None = None) -> Agent:
        shared = registers()   # one object: YAML tells it once
        exporters = {"mqtt": [{"name": "ems", "broker": broker_url}]} if broker_url else {}
        return Agent(folder, {
            "node": "bench", "accelerators": {"nvidia": "off"}, "exporters": exporters,
            "meters": [{"name": f"m{i}", "address": f"tcp://{host(i)}:{self.port}", "unit_id": 1, "max_registers": 60,
                        "registers": shared} for i in range(self.meters)],
        })
