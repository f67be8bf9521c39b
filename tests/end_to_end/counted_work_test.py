"""An hour of training that counts its work: what is published is exactly what was sent, wrong lines are told apart."""
import random
import socket
import stat

import pytest

from harness.agent import Agent
from harness.process import free_port, wait_until
from harness.rack import Rack

LOAD = """
gpus: {count: 2, product: NVIDIA H100 80GB HBM3, sm_clock: 1755, activity: {hmma: 0.4}, graphics: 0.99}
meters:
  - {name: pdu-a, gpus: all, base_power: 500, serial: 63010001}
  - {name: pdu-b, base_power: 300, serial: 63010002}
"""
STEPS = 3600       # one a second of the simulated hour
GRAIN = 2 ** 13    # FLOP come in multiples of it, so that sums of doubles are exact, whatever their order
MOST_GRAINS = 30_000_000_000   # 246 TFLOP a step: 8.8e17 at most, of 1.19e18 that ten minutes of the peak allow
REASONS = {
    "syntax": ["nonsense", "flop:|c|#accelerator:nvidia0", "flop:1|h|#accelerator:nvidia0", "flop:+1|g|#scope:pool"],
    "sampling_rate": ["flop:1|c|@0.1|#accelerator:nvidia0"],
    "not_finite": ["flop:inf|c|#accelerator:nvidia0", "flop:nan|g|#scope:pool", "flop:1e999|c|#scope:pool"],
    "negative": ["flop:-1|c|#accelerator:nvidia0", "flop:-5|g|#accelerator:nvidia1"],
    "target": ["flop:1|c", "flop:1|c|#accelerator:nvidia7", "flop:1|c|#scope:node,accelerator:nvidia0"],
    "foreign": ["train.loss:0.25|g|#accelerator:nvidia0", "_sc|trainer|0", "_e{1,1}:a|b"],
    "budget": ["flop:1e30|c|#accelerator:nvidia0", "flop:1e19|c|#accelerator:nvidia1"],
}


class UnixSender:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.connect(str(path))

    def send(self, lines: list[str]) -> None:
        self.socket.send("\n".join(lines).encode())   # waits while the agent's queue is full


class UdpSender:
    """Waits for the agent before its queue is full, as nothing else keeps datagrams from being lost."""

    def __init__(self, port: int):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.port = port
        self.sent = 0

    def queue(self) -> tuple[int, int]:
        """Bytes that wait, and datagrams that were lost (proc(5))."""
        with open("/proc/net/udp", encoding="ascii") as table:
            for line in table:
                fields = line.split()
                if fields[1].endswith(f":{self.port:04X}"):
                    return int(fields[4].split(":")[1], 16), int(fields[12])
        raise AssertionError("the agent does not listen")

    def send(self, lines: list[str]) -> None:
        self.socket.sendto("\n".join(lines).encode(), ("127.0.0.1", self.port))
        self.sent += 1
        if self.sent % 20 == 0:
            wait_until(lambda: self.queue()[0] == 0, 10, "the agent to take what was sent", poll=0.001)


class Rank:
    """A process of a training: tells its running total, which begins at 0 again when it is restarted."""

    def __init__(self, sender, tags: list[str]):
        self.sender = sender
        self.tags = tags
        self.total = 0
        self.truth = 0
        self.waiting = []   # lines of a burst

    def tell(self, burst: int = 1) -> None:
        random.shuffle(self.tags)
        self.waiting.append(f"flop:{self.total}|g|#{','.join(self.tags)}")
        if len(self.waiting) >= burst:
            self.flush()

    def flush(self) -> None:
        if self.waiting:
            self.sender.send(self.waiting)
        self.waiting = []

    def step(self, flop: int, burst: int) -> None:
        self.total += flop
        self.truth += flop
        self.tell(burst)

    def restart(self) -> None:
        self.flush()
        self.total = 0
        self.tell()


@pytest.fixture
def training(tmp_path, started):
    rack = Rack(tmp_path, LOAD).start()
    started.append(rack)
    path, port = tmp_path / "work.sock", free_port()
    agent = Agent(tmp_path, {
        "meters": [rack.meter_config("pdu-a"), rack.meter_config("pdu-b")],
        "accelerators": {"nvidia": {"library": rack.library}},
        "work": {"statsd": [{"address": f"unix://{path}", "mode": "0620"}, {"address": f"udp://127.0.0.1:{port}"}]},
        "scopes": [{"name": "node", "energy": ["pdu-a"], "work": ["nvidia*"]}, {"name": "pool", "energy": ["pdu-b"]}],
    }, environment=rack.environment)
    agent.start()
    started.append(agent)
    return agent, path, port


def test_counted_work_is_exactly_what_was_sent(training):
    agent, path, port = training
    random.seed(7)
    wait_until(lambda: agent.metrics().get("flopwatt_accelerator_peak_flop_per_second", accelerator="nvidia1",
                                           precision="fp8"), 20, "the accelerators")
    assert stat.S_IMODE(path.stat().st_mode) == 0o620
    assert {reason: rejected(agent, reason) for reason in [*REASONS, "overflow"]} == dict.fromkeys(
        [*REASONS, "overflow"], 0), "all reasons are known from the start"
    unix, udp = UnixSender(path), UdpSender(port)
    ranks = [Rank(unix, ["accelerator:nvidia0", "precision:bf16", "job:a7", "rank:0", "kind:hardware", "env:test"]),
             Rank(udp, ["accelerator:nvidia1", "precision:bf16", "job:a7", "rank:1"])]
    for rank in ranks:
        rank.total = GRAIN * 12345   # it ran before the agent listened: the first value counts nothing
        rank.tell()
    wait_until(lambda: scope_total(agent, "node") == 0, 20, "the scope's counted work")

    pool = by_adding = 0
    for step in range(STEPS):
        for rank in ranks:
            if random.random() < 0.002:
                rank.restart()
            rank.step(GRAIN * random.randrange(MOST_GRAINS), burst=1 if step % 600 < 300 else 25)
        flop = GRAIN * random.randrange(1000)
        by_adding += 2 * flop
        for sender in (unix, udp):
            sender.send([f"flop:{flop}|c|#accelerator:nvidia0,precision:fp8"])
        if step % 60 == 0:   # the evaluation of all ranks together, in a burst
            pool += 40 * flop
            (unix if step % 120 else udp).send([f"flop:{flop}|c|#scope:pool"] * 40)
        if step % 900 == 450:
            for lines in REASONS.values():
                for sender in (unix, udp):
                    sender.send([*lines, "", f"flop:{GRAIN}|c|#scope:pool"])
                    pool += GRAIN
    for rank in ranks:
        rank.flush()
    unix.send([f"flop:{GRAIN}|c|#scope:pool"] + ["flop:0|c|#scope:pool"] * 4000)   # longer than is read at once
    pool += GRAIN

    expected = {("nvidia0", "bf16"): ranks[0].truth, ("nvidia1", "bf16"): ranks[1].truth, ("nvidia0", "fp8"): by_adding}
    total = sum(expected.values())
    wait_until(lambda: scope_total(agent, "node") == total and scope_total(agent, "pool") == pool, 15,
               f"{total} and {pool} FLOP of the scopes; there are {scope_total(agent, 'node')} and "
               f"{scope_total(agent, 'pool')}")
    page = agent.metrics()
    for (accelerator, precision), flop in expected.items():
        assert page.get("flopwatt_counted_flop_total", accelerator=accelerator, precision=precision) == flop
    for reason, lines in REASONS.items():
        assert rejected(agent, reason) == 8 * len(lines), reason
    assert rejected(agent, "overflow") == 1, "the datagram that was too long, once"
    assert udp.queue() == (0, 0)

    agent.stop()
    assert not path.exists()
    agent.start()
    wait_until(lambda: scope_total(agent, "pool") is not None, 10, "the scopes after a restart")
    assert (scope_total(agent, "node"), scope_total(agent, "pool")) == (total, pool)


def scope_total(agent: Agent, scope: str) -> float | None:
    return agent.metrics().get("flopwatt_scope_flop_total", scope=scope, method="counted")


def rejected(agent: Agent, reason: str) -> float | None:
    return agent.metrics().get("flopwatt_work_rejected_lines_total", reason=reason)
