"""The agent as a service: what it tells a service manager, its watchdog, its units, and the guest that is a service of its
own."""
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from harness.agent import Agent
from harness.process import BUILD, SOURCE, Process, wait_until
from harness.rack import LOADS, Rack

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WATCHDOG_S = 2


class NotifySocket:
    """What a service manager listens to: a datagram socket of the test's own."""

    def __init__(self, folder: pathlib.Path):
        self.path = folder / "notify.sock"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))

    @property
    def environment(self) -> dict:
        return {"NOTIFY_SOCKET": str(self.path), "WATCHDOG_USEC": str(WATCHDOG_S * 1_000_000)}

    def receive(self, seconds: float) -> dict | None:
        """The assignments of the next message; None where none comes in time."""
        self._socket.settimeout(max(seconds, 0.001))
        try:
            text = self._socket.recv(4096).decode()
        except TimeoutError:
            return None
        return dict(line.split("=", 1) for line in text.splitlines())

    def wait_for(self, key: str, seconds: float = 10) -> dict:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            message = self.receive(left)
            if message and key in message:
                return message
        raise AssertionError(f"no {key} within {seconds} s")

    def drain(self) -> None:
        while self.receive(0):
            pass


def start_agent(folder, started, environment, **config) -> Agent:
    agent = Agent(folder, {"node": "rack-r12", "accelerators": {"nvidia": "off"}, **config}, environment=environment)
    started.append(agent)
    return agent.start(wait=False)


def test_ready_comes_when_the_endpoint_listens_and_the_store_is_open(tmp_path, started):
    manager = NotifySocket(tmp_path)
    agent = start_agent(tmp_path, started, manager.environment)
    manager.wait_for("READY")
    assert agent.answers(), "READY=1 came before the endpoint listened"
    assert agent.integrity() == "ok" and agent.store.stat().st_size > 0
    status = agent.metrics().get("flopwatt_store_up")
    assert status == 1

    agent.signal(signal.SIGHUP)
    assert manager.wait_for("RELOADING")["RELOADING"] == "1"
    assert manager.wait_for("READY")["READY"] == "1"

    agent.signal(signal.SIGTERM)
    manager.wait_for("STOPPING")
    assert agent.stop() == 0


def test_status_tells_what_is_up(tmp_path, started):
    rack = Rack(tmp_path, LOADS / "demo.yml").start()
    started.append(rack)
    manager = NotifySocket(tmp_path)
    agent = start_agent(tmp_path, started, manager.environment, meters=[rack.meter_config("pdu-a")])
    told = [manager.wait_for("STATUS")["STATUS"]]
    wait_until(lambda: told.append(manager.wait_for("STATUS", 15)["STATUS"]) or "1 of 1 sources up; store up" in told, 20,
               "a status with the source up")
    manager.drain()
    assert agent.alive()


def test_without_a_service_manager_nothing_is_told(tmp_path, started):
    manager = NotifySocket(tmp_path)
    agent = start_agent(tmp_path, started, {"WATCHDOG_USEC": "1000000", "NOTIFY_SOCKET": ""})
    wait_until(agent.answers, 10, "the agent to answer")
    assert manager.receive(1.5) is None
    assert agent.stop() == 0


def ptrace(request: int, thread: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def http_status(agent: Agent, path: str) -> int:
    try:
        with urllib.request.urlopen(agent.url(path), timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as answer:
        return answer.code


def test_the_watchdog_is_fed_by_the_metering_loop_alone(tmp_path, started):
    manager = NotifySocket(tmp_path)
    agent = start_agent(tmp_path, started, manager.environment)
    manager.wait_for("READY")
    for _ in range(3):
        manager.wait_for("WATCHDOG", WATCHDOG_S)
    assert http_status(agent, "/-/ready") == 200

    # One thread stands still, the one of the metering loop; the serving thread goes on and finds all well.
    ptrace(PTRACE_SEIZE, agent.pid)
    ptrace(PTRACE_INTERRUPT, agent.pid)
    try:
        os.waitpid(agent.pid, 0x40000000)  # __WALL: it has stopped
        manager.drain()
        deadline = time.monotonic() + 1.5 * WATCHDOG_S
        while time.monotonic() < deadline:
            assert agent.fetch("/-/healthy")
            message = manager.receive(0.2)
            assert not message or "WATCHDOG" not in message, "fed although the metering loop stands still"
        assert http_status(agent, "/-/ready") == 503
    finally:
        ptrace(PTRACE_DETACH, agent.pid)
    manager.wait_for("WATCHDOG", 2 * WATCHDOG_S)
    wait_until(lambda: http_status(agent, "/-/ready") == 200, 10, "the agent to be ready again")

    # The same for the process as a whole.
    agent.signal(signal.SIGSTOP)
    manager.drain()
    assert manager.receive(1.5 * WATCHDOG_S) is None
    agent.signal(signal.SIGCONT)
    manager.wait_for("WATCHDOG", 2 * WATCHDOG_S)
    assert agent.stop() == 0


def test_sigterm_ends_the_agent_although_the_metering_loop_stands_still(tmp_path, started):
    agent = start_agent(tmp_path, started, NotifySocket(tmp_path).environment)
    wait_until(agent.answers, 10, "the agent to answer")
    ptrace(PTRACE_SEIZE, agent.pid)
    ptrace(PTRACE_INTERRUPT, agent.pid)
    os.waitpid(agent.pid, 0x40000000)  # __WALL: it has stopped
    agent.signal(signal.SIGTERM)
    assert agent.child.wait(timeout=10) == 3
    assert "the agent does not come to an end" in agent.log_text()


def units(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """The units as they are installed, with the program that was built."""
    paths = {}
    for name, instance in (("flopwatt.service", "flopwatt.service"),
                           ("flopwatt-smi@.service", "flopwatt-smi@nvidia.service")):
        text = (BUILD / "systemd" / name).read_text()
        text, count = re.subn(r"^ExecStart=\S+/flopwatt ", f"ExecStart={BUILD}/flopwatt ", text, flags=re.M)
        assert count == 1
        paths[name] = folder / instance
        paths[name].write_text(text)
    shutil.copytree(SOURCE / "systemd/flopwatt-smi@nvidia.service.d", folder / "flopwatt-smi@nvidia.service.d", dirs_exist_ok=True)
    return paths


def systemd(*command) -> subprocess.CompletedProcess:
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, check=False)


def test_units_are_correct(tmp_path):
    for path in units(tmp_path).values():
        done = systemd("systemd-analyze", "verify", "--man=no", path)
        assert done.returncode == 0 and not done.stderr.strip(), done.stderr


@pytest.mark.parametrize(("unit", "tenths"), [("flopwatt.service", 15), ("flopwatt-smi@.service", 10)])
def test_units_are_hardened(tmp_path, unit, tenths):
    done = systemd("systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={tenths}",
                   units(tmp_path)[unit])
    assert done.returncode == 0, done.stdout


def test_the_units_of_the_agent_need_no_accelerator_and_no_descriptor_beyond_select(tmp_path):
    text = units(tmp_path)["flopwatt.service"].read_text()
    assert not re.search(r"^DeviceAllow=.*(nvidia|drm|kfd)", text, flags=re.M)
    assert re.search(r"^LimitNOFILE=1024$", text, flags=re.M)


def megabytes(text: str, key: str) -> int:
    return int(re.search(rf"^{key}=(\d+)M$", text, flags=re.M)[1])


@pytest.mark.parametrize("unit", ["flopwatt.service", "flopwatt-smi@.service"])
def test_units_leave_no_core_and_are_pressed_before_they_are_ended(tmp_path, unit):
    text = units(tmp_path)[unit].read_text()
    assert re.search(r"^LimitCORE=0$", text, flags=re.M)
    assert 0 < megabytes(text, "MemoryHigh") < megabytes(text, "MemoryMax")


def settings(path: pathlib.Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if re.match(r"\w+=", line))


def test_only_a_wrong_configuration_is_given_up(tmp_path):
    agent, guest = (settings(path) for path in units(tmp_path).values())
    assert agent["Restart"] == "on-failure" and guest["Restart"] == "always"
    assert agent["StartLimitIntervalSec"] == guest["StartLimitIntervalSec"] == "0"
    given_up = {agent["RestartPreventExitStatus"], guest["RestartPreventExitStatus"]}

    def exit_code(*arguments) -> int:
        return subprocess.run([BUILD / "flopwatt", *arguments], capture_output=True, timeout=60, check=False).returncode

    wrong = tmp_path / "wrong.yml"
    wrong.write_text("node: rack-r12\nmetres: []\n")
    wrongs = {exit_code("run", f"--config.file={wrong}"), exit_code("smi", "nobody"), exit_code("smi", "nvidia", "--nonsense")}
    assert {str(code) for code in wrongs} == given_up == {"1"}


def test_the_guest_of_nvidia_wants_the_service_that_makes_its_device_nodes(tmp_path):
    folder = units(tmp_path)["flopwatt-smi@.service"].parent
    text = (folder / "flopwatt-smi@nvidia.service.d/nvidia.conf").read_text()
    for key in ("Wants", "After"):
        assert "nvidia-persistenced.service" in re.search(rf"^{key}=(.*)$", text, flags=re.M)[1].split()


def test_the_unit_of_the_guests_is_of_no_vendor_and_the_drop_in_of_nvidia_is_read(tmp_path):
    guest = units(tmp_path)["flopwatt-smi@.service"]
    of_any = "".join(line for line in guest.read_text().splitlines(keepends=True) if not line.startswith("#"))
    assert "nvidia" not in of_any and "kfd" not in of_any
    done = systemd("systemd-analyze", "security", "--offline=true", "--no-pager", guest)
    assert "char-nvidia" in done.stdout, done.stdout


def test_the_guests_have_no_network(tmp_path):
    assert re.search(r"^PrivateNetwork=yes$", units(tmp_path)["flopwatt-smi@.service"].read_text(), flags=re.M)


def test_users_and_groups(tmp_path):
    (tmp_path / "etc").mkdir()
    done = systemd("systemd-sysusers", f"--root={tmp_path}", "--replace=/usr/lib/sysusers.d/flopwatt.conf",
                   SOURCE / "systemd/flopwatt.sysusers")
    assert done.returncode == 0, done.stderr
    groups = {line.split(":")[0]: line.strip().split(":")[3].split(",")
              for line in (tmp_path / "etc/group").read_text().splitlines()}
    assert "flopwatt" in groups["dialout"] and "flopwatt" in groups["flopwatt-work"]
    users = {line.split(":")[0]: line.split(":")[6] for line in (tmp_path / "etc/passwd").read_text().splitlines()}
    assert users == {"flopwatt": "/usr/sbin/nologin", "flopwatt-smi": "/usr/sbin/nologin"}


class Guest(Process):
    """`flopwatt smi nvidia` as a service of its own."""

    def __init__(self, folder: pathlib.Path, rack: Rack):
        super().__init__("guest", folder)
        self.socket = folder / "nvidia.sock"
        self.rack = rack

    def start(self) -> "Guest":
        self.spawn([BUILD / "flopwatt", "smi", "nvidia", f"--library={self.rack.library}", f"--listen={self.socket}"],
                   self.rack.environment)
        return self


def test_a_guest_that_is_a_service(tmp_path, started):
    rack = Rack(tmp_path, LOADS / "two_meters.yml").start()
    guest = Guest(tmp_path, rack).start()
    started += [rack, guest]
    # Its own environment has no rack: a guest that the agent started itself would find nothing.
    agent = Agent(tmp_path, {"node": "rack-r12", "accelerators": {"nvidia": {"guest": str(guest.socket)}}})
    started.append(agent)
    agent.start()

    def up() -> float | None:
        return agent.metrics().get("flopwatt_source_up", source="nvidia0")

    wait_until(lambda: up() == 1, 15, "the accelerator")
    children = pathlib.Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text().split()
    assert not children, "the agent has started a guest of its own"

    guest.kill()
    wait_until(lambda: up() == 0, 15, "the accelerator to be stale without its guest")
    assert "it closed the connection" in agent.log_text()
    guest.start()
    wait_until(lambda: up() == 1, 15, "the accelerator after the guest's restart")

    assert agent.stop() == 0
    assert guest.alive(), "the guest has ended with the agent"
    agent.start()
    wait_until(lambda: up() == 1, 15, "the accelerator after the agent's restart")

    # Whoever else comes is told, and nothing happens to the agent.
    other = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    other.settimeout(5)
    other.connect(str(guest.socket))
    assert "serves another agent" in json.loads(other.recv(65536))["text"]
    other.close()
    assert up() == 1
    assert agent.stop() == 0


def test_a_guest_by_hand_prints_json_lines(tmp_path, started):
    rack = Rack(tmp_path, LOADS / "two_meters.yml").start()
    started.append(rack)
    by_hand = Process("smi", tmp_path)
    started.append(by_hand)
    child = by_hand.spawn([BUILD / "flopwatt", "smi", "nvidia", f"--library={rack.library}", "--interval=200ms"],
                          rack.environment, stdout=subprocess.PIPE, text=True)
    lines = [json.loads(child.stdout.readline()) for _ in range(3)]
    assert [line["message"] for line in lines] == ["hello", "device", "device"]
    assert lines[1]["pci"] == lines[0]["devices"][0]["pci"] and lines[1]["power_mw"] > 0
    assert by_hand.stop() == 0
