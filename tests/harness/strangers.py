"""Clients that mean the endpoint no good: readers that never read, idle ones, random bytes. They run in a process of
their own, so that their work does not delay the test's own clients.

Who loses a connection comes again a second later. Nobody closes one before its end, as nobody far away would."""
import dataclasses
import heapq
import itertools
import json
import os
import pathlib
import random
import resource
import select
import socket
import sys
import time

from harness.process import SOURCE, Process

PAGES = ("/metrics", "/api/v1/status")
ENDED = select.EPOLLERR | select.EPOLLHUP | select.EPOLLRDHUP


@dataclasses.dataclass
class Kind:
    """`count` clients, spread over `addresses`. What each sends, first to last: `gets` requests in one go, or random
    bytes without end. `again_s`: opens another connection after so long, and keeps the old one."""
    name: str
    count: int
    addresses: list[str]
    gets: int = 0
    is_noise: bool = False
    again_s: float = 0

    def first_bytes(self, number: int) -> bytes:
        if self.is_noise:
            return os.urandom(random.choice((1, 100, 5_000, 50_000)))
        return f"GET {PAGES[number % 2]} HTTP/1.1\r\nHost: h\r\n\r\n".encode() * self.gets


@dataclasses.dataclass
class Client:
    kind: Kind
    number: int
    end: socket.socket | None = None
    rest: bytes = b""


class Crowd:
    def __init__(self, port: int, kinds: list[Kind], tally: pathlib.Path):
        self._port, self._tally_path = port, tally
        self._poll = select.epoll()
        self._open: dict[int, Client] = {}
        self._due: list[tuple[float, int, Client]] = []
        self._order = itertools.count()
        self.tally = {kind.name: {"opened": 0, "ended": 0} for kind in kinds}
        for kind in kinds:
            for number in range(kind.count):
                self._later(random.random(), Client(kind, number))

    def _later(self, seconds: float, client: Client) -> None:
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), client))

    def _begin(self, client: Client) -> None:
        one = socket.socket()
        one.setblocking(False)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
        one.bind((client.kind.addresses[client.number % len(client.kind.addresses)], 0))
        one.connect_ex(("127.0.0.1", self._port))
        client.end, client.rest = one, client.kind.first_bytes(client.number)
        self._open[one.fileno()] = client
        self._poll.register(one, ENDED | (select.EPOLLOUT if client.rest else 0))
        self.tally[client.kind.name]["opened"] += 1
        if client.kind.again_s:
            self._later(client.kind.again_s, Client(client.kind, client.number))

    def _end(self, descriptor: int, client: Client) -> None:
        del self._open[descriptor]
        client.end.close()
        self.tally[client.kind.name]["ended"] += 1
        if not client.kind.again_s:
            self._later(1, client)

    def _send(self, descriptor: int, client: Client) -> None:
        try:
            client.rest = client.rest[client.end.send(client.rest):]
        except BlockingIOError:
            return
        except OSError:
            return self._end(descriptor, client)
        if not client.rest:
            self._poll.modify(descriptor, ENDED)
        return None

    def run(self) -> None:
        told = time.monotonic()
        while True:
            now = time.monotonic()
            while self._due and self._due[0][0] <= now:
                self._begin(heapq.heappop(self._due)[2])
            for descriptor, events in self._poll.poll(0.05):
                client = self._open[descriptor]
                if events & ENDED:
                    self._end(descriptor, client)
                else:
                    self._send(descriptor, client)
            if now - told > 0.5:
                told = now
                next_ = self._tally_path.with_suffix(".next")
                next_.write_text(json.dumps(self.tally | {"open": len(self._open)}))
                next_.rename(self._tally_path)


class Strangers(Process):
    def __init__(self, folder: pathlib.Path, port: int, kinds: list[Kind]):
        super().__init__("strangers", folder)
        self._tally = folder / "strangers.json"
        self._words = [port, self._tally, json.dumps([dataclasses.asdict(kind) for kind in kinds])]

    def start(self) -> "Strangers":
        self.spawn([sys.executable, "-B", "-m", "harness.strangers", *self._words], {"PYTHONPATH": str(SOURCE / "tests")})
        return self

    @property
    def tally(self) -> dict:
        """By name of the kind: connections `opened`, and `ended` by the agent; and those `open` now."""
        return json.loads(self._tally.read_text()) if self._tally.exists() else {}


def main() -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    port, tally, kinds = sys.argv[1:]
    Crowd(int(port), [Kind(**kind) for kind in json.loads(kinds)], pathlib.Path(tally)).run()


if __name__ == "__main__":
    main()
