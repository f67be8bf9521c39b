"""What a disk can do while the agent runs and when it starts: full, read-only, failing to sync, and a store that is damaged when the agent
starts. Polling and /metrics go on, what waits is stored when the disk is well again, with nothing missing, and a damaged
file is set aside, never deleted."""
import contextlib
import os
import pathlib
import resource
import sqlite3
import subprocess
import time

from harness.agent import Agent
from harness.disk import Disk, run
from harness.process import BUILD, wait_until
from harness.rack import Rack

LOAD = "meters:\n  - {name: pdu-a, base_power: 5000}\n"


class Case:
    def __init__(self, folder, started, store: pathlib.Path, environment=None, **limits):
        self.rack = Rack(folder, LOAD).start()
        started.append(self.rack)
        self.agent = Agent(folder, {
            "node": "rack-r12", "accelerators": {"nvidia": False}, "sampling": {"interval": "100ms"},
            "meters": [self.rack.meter_config("pdu-a")], "store": {"path": str(store), "commit": "250ms", **limits},
        }, environment=environment)
        started.append(self.agent)

    def up(self) -> float:
        return self.agent.metrics().get("flopwatt_store_up")

    def stored(self) -> float:
        return self.agent.metrics().get("flopwatt_store_readings_total")

    def start(self) -> "Case":
        self.begun = time.time()
        self.agent.start()
        wait_until(lambda: self.stored() > 0, 20, "stored readings")
        return self

    def times(self, until: float) -> list[float]:
        """Of the stored sets of this run, up to that moment, in seconds."""
        with contextlib.closing(sqlite3.connect(self.agent.store)) as connection:
            times = [time_us / 1e6 for time_us, in connection.execute("select time from reading_set")]
        return [one for one in times if self.begun < one < until + 0.001]

    def check_sick(self) -> None:
        """The store cannot commit; everything else goes on."""
        wait_until(lambda: self.up() == 0, 20, "the store to be down")
        page = self.agent.metrics()
        polls, waiting = page.get("flopwatt_polls_total", source="pdu-a"), page.get("flopwatt_store_waiting_readings")
        wait_until(lambda: self.agent.metrics().get("flopwatt_polls_total", source="pdu-a") > polls + 10, 10,
                   "polls that go on")
        page = self.agent.metrics()
        assert page.get("flopwatt_store_waiting_readings") > waiting, "readings wait in memory"
        assert page.get("flopwatt_meter_power_watts", meter="pdu-a") == 5000
        assert page.get("flopwatt_polls_skipped_total", source="pdu-a") == 0
        assert self.agent.alive()

    def check_well(self, jumps: int = 0) -> None:
        """`jumps`: starts at which the agent could not be certain that no set is missing."""
        stored = self.stored()
        wait_until(lambda: self.up() == 1 and self.stored() > stored, 30, "the store to commit again")
        wait_until(lambda: self.agent.metrics().get("flopwatt_store_waiting_readings") < 200, 20, "what waited is stored")
        page = self.agent.metrics()
        polls = page.get("flopwatt_polls_total", source="pdu-a")
        failed = sum(value for _, value in page.samples["flopwatt_poll_failures_total"])
        newest = page.get("flopwatt_source_last_reading_timestamp_seconds", source="pdu-a")
        assert self.agent.stop() == 0
        assert self.agent.integrity() == "ok"
        # The store gives out seqs without a hole, whatever it is given: only the polls tell what is missing.
        assert len(self.times(newest)) == polls - failed, "sets were lost between their poll and the store"
        seqs = sorted(self.agent.stored_seqs())
        holes = [(before, after) for before, after in zip(seqs, seqs[1:]) if after != before + 1]
        assert len(holes) <= jumps, f"holes in the stored sets: {holes}"


def fill_up(filler: pathlib.Path) -> None:
    """Until the file system has no room for another byte."""
    for size in (4096, 1):
        with open(filler, "ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * size)


def begin_sick(case: Case) -> None:
    """Starts on a disk that lets no store begin: everything else does, and it is ready."""
    case.begun = time.time()
    case.agent.start()
    assert case.up() == 0
    wait_until(lambda: case.agent.answers("/-/ready"), 10, "the agent to be ready")
    case.check_sick()
    assert "the store cannot be opened now; metering goes on" in case.agent.log_text()


def test_start_on_a_full_disk_meters_and_heals(tmp_path, started):
    disk = Disk(tmp_path, 24)
    disk.mount()
    filler = disk.mounted_at / "filler"
    case = Case(tmp_path, started, disk.mounted_at / "flopwatt.db", max_size="16MiB")
    try:
        fill_up(filler)
        begin_sick(case)
        filler.unlink()
        case.check_well()
    finally:
        case.agent.kill()
        disk.unmount()


def test_start_on_a_read_only_disk_goes_on_with_the_totals_when_it_can_write(tmp_path, started):
    disk = Disk(tmp_path, 24)
    disk.mount()
    case = Case(tmp_path, started, disk.mounted_at / "flopwatt.db", max_size="16MiB")
    try:
        case.start()
        wait_until(lambda: case.stored() > 500, 20, "some rows")
        assert case.agent.stop() == 0
        before = case.agent.stored_seqs()
        run("mount", "-o", "remount,ro", disk.mounted_at)
        begin_sick(case)
        assert case.stored() >= len(before), "what is stored is known although it cannot be written"
        run("mount", "-o", "remount,rw", disk.mounted_at)
        case.check_well()
        assert before < case.agent.stored_seqs()
    finally:
        case.agent.kill()
        disk.unmount()


def test_end_on_a_full_disk_says_what_is_lost(tmp_path, started):
    disk = Disk(tmp_path, 24)
    disk.mount()
    case = Case(tmp_path, started, disk.mounted_at / "flopwatt.db", max_size="16MiB")
    try:
        case.start()
        fill_up(disk.mounted_at / "filler")
        case.check_sick()
        waiting = case.agent.metrics().get("flopwatt_store_waiting_readings")
        begun = time.monotonic()
        assert case.agent.stop() == 0
        assert time.monotonic() - begun < 2.5
        line = next(line for line in case.agent.log_text().splitlines() if "the last readings could not be stored" in line)
        assert "are lost" in line
        assert 0 < int(line.split("readings=")[1].split()[0].strip('"')) < waiting * 1.5 + 200
    finally:
        case.agent.kill()
        disk.unmount()


def test_full_disk_heals_without_a_loss(tmp_path, started):
    disk = Disk(tmp_path, 24)
    disk.mount()
    filler = disk.mounted_at / "filler"
    try:
        case = Case(tmp_path, started, disk.mounted_at / "flopwatt.db", max_size="16MiB").start()
        fill_up(filler)
        case.check_sick()
        filler.unlink()
        case.check_well()
    finally:
        case.agent.kill()
        disk.unmount()


def test_read_only_file_system_is_survived(tmp_path, started):
    """The kernel makes a file system read-only at an error of the disk; only e2fsck, without the agent, helps. What was
    stored before is there after it."""
    disk = Disk(tmp_path, 24)
    run("tune2fs", "-e", "remount-ro", disk.image)
    disk.mount()
    try:
        case = Case(tmp_path, started, disk.mounted_at / "flopwatt.db", max_size="16MiB").start()
        mounts = [line.split() for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
        device = os.path.basename(next(mount[0] for mount in mounts if mount[1] == str(disk.mounted_at)))
        shown = case.stored()
        pathlib.Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("1")
        case.check_sick()
        case.agent.stop()
        disk.unmount()
        done = subprocess.run(["e2fsck", "-fy", disk.image], capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), done.stdout
        disk.mount()
        case.start()
        wait_until(lambda: case.stored() > shown, 20, "what was stored, and more")
        case.check_well(jumps=1)  # the end before could not be written down
    finally:
        case.agent.kill()
        disk.unmount()


def test_failing_sync_is_survived(tmp_path, started):
    """fsync says EIO, as after a lost write. What was told as stored before is there."""
    sick = tmp_path / "sick"
    case = Case(tmp_path, started, tmp_path / "flopwatt.db", {
        "LD_PRELOAD": str(BUILD / "tests/faults/store/libsick_fsync.so"), "SICK_FSYNC_WHILE": str(sick)}).start()
    before = case.agent.stored_seqs()
    sick.touch()
    case.check_sick()
    sick.unlink()
    case.check_well()
    assert before <= case.agent.stored_seqs()


def test_limit_on_file_sizes_is_survived(tmp_path, started):
    """`ulimit -f`, LimitFSIZE= of a unit: the kernel sends SIGXFSZ at a write beyond it, which ends a program that does
    not expect it."""
    case = Case(tmp_path, started, tmp_path / "flopwatt.db").start()
    wal = pathlib.Path(f"{case.agent.store}-wal")
    wait_until(lambda: wal.stat().st_size > 200_000, 30, "a write-ahead log that is longer than the limit")
    resource.prlimit(case.agent.pid, resource.RLIMIT_FSIZE, (65_536, resource.RLIM_INFINITY))
    case.check_sick()
    line = next(line for line in case.agent.log_text().splitlines() if "the store cannot commit" in line)
    assert "LimitFSIZE=" in line
    resource.prlimit(case.agent.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    case.check_well()


def test_damaged_store_is_set_aside_at_start(tmp_path, started):
    case = Case(tmp_path, started, tmp_path / "flopwatt.db").start()
    wait_until(lambda: case.stored() > 1000, 20, "some pages")
    case.agent.stop()
    store = case.agent.store
    size = store.stat().st_size
    with open(store, "r+b") as file:
        for offset in range(4096, size, 4096):
            file.seek(offset)
            file.write(os.urandom(512))
    damaged = store.read_bytes()
    case.start()
    aside = [path for path in tmp_path.iterdir()
             if path.name.startswith("flopwatt.db.") and path.stat().st_size == len(damaged)]
    assert any(path.read_bytes() == damaged for path in aside), "the damaged file is kept as it was"
    assert "set aside" in case.agent.log_text()
    before = time.time()
    wait_until(lambda: case.agent.metrics().get("flopwatt_source_last_reading_timestamp_seconds", source="pdu-a") > before,
               10, "new readings")
    assert case.agent.stop() == 0
    assert case.agent.integrity() == "ok"
