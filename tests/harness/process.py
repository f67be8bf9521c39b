"""A child process whose log is kept, and waiting for events."""
import os
import pathlib
import signal
import socket
import subprocess
import time

BUILD = pathlib.Path(os.environ.get("FLOPWATT_BUILD", "build/release")).resolve()
SOURCE = pathlib.Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, seconds: float, what: str, poll: float = 0.05):
    """The first truthy value of condition(); an AssertionError naming `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(poll)


def environment_with(own: dict | None) -> dict:
    """Of a child: this process' environment and its own; libraries to preload are those of both."""
    own = own or {}
    preloads = [where["LD_PRELOAD"] for where in (own, os.environ) if where.get("LD_PRELOAD")]
    return {**os.environ, **own, **({"LD_PRELOAD": ":".join(preloads)} if preloads else {})}


class Process:
    """Runs a command; standard error goes to <folder>/<name>.log, appended over restarts."""

    def __init__(self, name: str, folder: pathlib.Path):
        self.name = name
        self.folder = folder
        self.log = folder / f"{name}.log"
        self.child: subprocess.Popen | None = None

    def spawn(self, command, environment=None, **options) -> subprocess.Popen:
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stderr=log,
                                          env=environment_with(environment), **options)
        return self.child

    @property
    def pid(self) -> int:
        return self.child.pid

    def alive(self) -> bool:
        return self.child is not None and self.child.poll() is None

    def signal(self, number: int) -> None:
        self.child.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and gone when this returns."""
        if self.alive():
            self.child.kill()
        if self.child:
            self.child.wait()

    def stop(self, seconds: float = 10) -> int:
        """SIGTERM; the exit code. Fails the test if it does not end in time."""
        if self.alive():
            self.child.send_signal(signal.SIGTERM)
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise AssertionError(f"{self.name} did not end within {seconds} s of SIGTERM") from None

    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""
