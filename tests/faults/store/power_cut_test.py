#!/usr/bin/env python3
"""20 power cuts: what was acknowledged before the cut is there after it, with the same seq, and the file is sound.

The cut is ext4's shutdown ioctl on a loop mount, without flushing its journal: what was not synced is gone, as with a
disk whose power fails. Only acknowledgements read before the ioctl count: a commit that is under way may still report
success after it, which a machine without power cannot. The same again with a library that makes fsync do nothing
must lose acknowledged sets: the test shows that it can see a loss.

Needs root and loop devices.   usage: power_cut_test.py STORE_WRITER STORE_VERIFY NO_FSYNC_LIBRARY
"""

import os
import pathlib
import random
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from harness.disk import Disk
from store_case import Writer, integrity, verify

CYCLES = 20


def make_store(disk, verify_program):
    """The file itself is made and synced in peace, so that a cut takes rows and not their file."""
    disk.mount()
    try:
        verify(verify_program, os.path.join(disk.mounted_at, "flopwatt.db"))
    finally:
        disk.unmount()


def power_cut(disk, chance, writer_program, preload):
    """One cycle on a fresh mount. Returns the last acknowledged seq. The disk is left unmounted."""
    disk.mount()
    writer = None
    try:
        writer = Writer(writer_program, os.path.join(disk.mounted_at, "flopwatt.db"), preload, ["--max_size=4194304"])
        writer.wait_for(lambda: writer.acknowledged is not None)
        time.sleep(chance.uniform(0.05, 0.3))  # the moment is the test's, not an event that is waited for
        writer.read()
        acknowledged = writer.acknowledged
        disk.cut_power()
    finally:
        if writer:
            writer.kill()
        disk.unmount()
    return acknowledged


def lost_in(cycles, chance, writer_program, verify_program, preload=None):
    """Runs the cycles; returns how many of them lost something acknowledged, or damaged the file."""
    lost = 0
    with tempfile.TemporaryDirectory(prefix="flopwatt-power-") as directory:
        disk = Disk(pathlib.Path(directory))
        for cycle in range(cycles):
            make_store(disk, verify_program)
            acknowledged = power_cut(disk, chance, writer_program, preload)
            disk.mount()
            try:
                path = os.path.join(disk.mounted_at, "flopwatt.db")
                failure = check(path, acknowledged, verify_program)
                if failure:
                    lost += 1
                    print(f"cycle {cycle}: {failure}")
                    # The next cycle begins anew: a file that lost rows would be blamed again.
                    for name in os.listdir(disk.mounted_at):
                        if name.startswith("flopwatt.db"):
                            os.remove(os.path.join(disk.mounted_at, name))
            finally:
                disk.unmount()
    print(f"{cycles} power cuts{' without fsync' if preload else ''}: {cycles - lost} sound, {lost} with losses")
    return lost


def check(path, acknowledged, verify_program):
    """Returns "" or what is wrong with the store after a cut."""
    if not os.path.exists(path):
        return "the file is gone"
    try:
        # First as the agent opens it, with what the WAL holds; then as SQLite sees it.
        _, following = verify(verify_program, path)
        verdict = integrity(path)
        if verdict != "ok":
            return f"integrity_check: {verdict}"
    except Exception as error:  # whatever a damaged file makes them say
        return str(error)
    if following <= acknowledged:
        return f"{acknowledged} was acknowledged, the store goes to {following - 1}"
    return ""


def main(writer_program, verify_program, no_fsync):
    seed = int(os.environ.get("FLOPWATT_TEST_SEED", "20261123"))
    chance = random.Random(seed)
    lost = lost_in(CYCLES, chance, writer_program, verify_program)
    assert lost == 0, f"acknowledged sets were lost in {lost} of {CYCLES} power cuts (seed {seed})"
    lost = lost_in(CYCLES, chance, writer_program, verify_program, preload=no_fsync)
    assert lost > 0, "without fsync nothing was lost: this test would not notice a loss"


if __name__ == "__main__":
    main(*sys.argv[1:])
