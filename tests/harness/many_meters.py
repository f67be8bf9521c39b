"""One server of Modbus TCP for any number of meters: every address of 127.0.0.0/8 leads to it. Each register pair it is
asked for holds 230.0 as a float. A process of its own, so that the test's work does not delay it."""
import asyncio
import pathlib
import resource
import struct
import sys

from harness.process import SOURCE, Process, free_port, wait_until

PAIR = struct.pack(">f", 230)


class Meter(asyncio.Protocol):
    def connection_made(self, transport) -> None:
        self._transport, self._asked = transport, b""

    def data_received(self, data: bytes) -> None:
        self._asked += data
        while len(self._asked) >= 12:
            head, function, count = self._asked[:4], self._asked[6:8], int.from_bytes(self._asked[10:12], "big")
            self._asked = self._asked[12:]
            values = (PAIR * (count // 2 + 1))[:2 * count]
            self._transport.write(head + struct.pack(">H", 3 + len(values)) + function + bytes([len(values)]) + values)


class ManyMeters(Process):
    def __init__(self, folder: pathlib.Path):
        super().__init__("meters", folder)
        self.port = free_port()

    def start(self) -> "ManyMeters":
        self.spawn([sys.executable, "-B", "-m", "harness.many_meters", self.port], {"PYTHONPATH": str(SOURCE / "tests")})
        wait_until(lambda: "ready" in self.log_text(), 20, "the meters")
        return self

    def config(self, number: int, **keys) -> dict:
        return {"name": f"m{number}", "address": f"tcp://127.1.{number // 250}.{number % 250 + 1}:{self.port}",
                "profile": "eastron-sdm630", **keys}


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Meter, "0.0.0.0", port, backlog=4096)
    print("ready", file=sys.stderr, flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(serve(int(sys.argv[1])))
