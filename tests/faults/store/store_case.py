"""What the tests of the store under faults share: the writer, its acknowledgements, and the check of a file."""

import os
import select
import sqlite3
import subprocess
import time


class Writer:
    """store_writer on a file. Its acknowledgements are read without blocking."""

    def __init__(self, program, path, preload=None, options=()):
        environment = dict(os.environ)
        if preload:
            environment["LD_PRELOAD"] = preload
            environment["ASAN_OPTIONS"] = "verify_asan_link_order=0"  # in builds with a sanitizer
        self.process = subprocess.Popen(
            [program, path, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.text = b""
        self.opened = None  # next seq when it began
        self.acknowledged = None  # last seq that it said is stored

    def read(self):
        """Takes what it has printed so far. Only whole lines count."""
        while True:
            try:
                part = os.read(self.process.stdout.fileno(), 65536)
            except BlockingIOError:
                break
            if not part:
                break
            self.text += part
        *lines, self.text = self.text.split(b"\n")
        for line in lines:
            if line.startswith(b"opened "):
                self.opened = int(line.split()[1])
            else:
                self.acknowledged = int(line)

    def wait_for(self, condition, seconds=60.0):
        """Reads until the condition holds; a writer that ends or hangs is a failure."""
        deadline = time.monotonic() + seconds
        while not condition():
            left = deadline - time.monotonic()
            assert left > 0, "the writer has printed nothing for too long"
            select.select([self.process.stdout], [], [], left)
            self.read()
            if self.process.poll() is not None and not condition():
                self.read()
                assert condition(), f"the writer ended: {self.process.stderr.read().decode()}"

    def kill(self):
        self.process.kill()
        self.process.wait()


def integrity(path):
    """SQLite's own full check, on a file that nobody holds."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute("PRAGMA integrity_check").fetchone()[0]
    finally:
        connection.close()


def verify(program, path):
    """The agent's own reading of every set; returns (first seq, last seq + 1), zeros without a row."""
    done = subprocess.run([program, path], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"store_verify: {done.stderr}"
    first, following = done.stdout.split()
    return int(first), int(following)
