#!/usr/bin/env python3
"""50 SIGKILLs at random moments: what was acknowledged is there with the same seq, and the file is sound.

The disk is slow, so that a kill often falls between two writes of one commit.

usage: sigkill_test.py STORE_WRITER STORE_VERIFY SLOW_WRITE_LIBRARY
"""

import os
import random
import sys
import tempfile
import time

from store_case import Writer, integrity, verify

CYCLES = 50


def main(writer_program, verify_program, slow_write):
    os.environ["SLOW_WRITE_MS"] = "1"
    seed = int(os.environ.get("FLOPWATT_TEST_SEED", "20261123"))
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="flopwatt-sigkill-") as directory:
        path = os.path.join(directory, "flopwatt.db")
        acknowledged = None
        first_ever = None
        for cycle in range(CYCLES):
            # A small file: checkpoints and removals are under way all the time.
            writer = Writer(writer_program, path, slow_write,
                            ["--max_size=1048576", f"--sets={chance.choice([1, 28, 200])}"])
            if cycle % 10 == 9:
                # while it opens; nothing is acknowledged here
                time.sleep(chance.uniform(0.0, 0.02))
            else:
                writer.wait_for(lambda: writer.opened is not None)
                first_ever = first_ever or writer.opened
                assert acknowledged is None or writer.opened > acknowledged, "a seq was given out twice"
                start = writer.acknowledged
                writer.wait_for(lambda: writer.acknowledged != start)
                time.sleep(chance.uniform(0.0, 0.1))  # the moment is the test's, not an event that is waited for
            writer.kill()
            writer.read()
            if writer.acknowledged is not None:
                acknowledged = writer.acknowledged
            if not os.path.exists(path):
                continue
            # First as the agent opens it, with what the WAL holds; then as SQLite sees it.
            _, following = verify(verify_program, path)
            assert acknowledged is None or following > acknowledged, (
                f"cycle {cycle}, seed {seed}: {acknowledged} was acknowledged, the store goes to {following - 1}")
            verdict = integrity(path)
            assert verdict == "ok", f"cycle {cycle}, seed {seed}: {verdict}"
        print(f"{CYCLES} SIGKILLs, {acknowledged - first_ever + 1} sets acknowledged, none lost")


if __name__ == "__main__":
    main(*sys.argv[1:])
