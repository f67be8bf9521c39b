"""A disk that can lose power."""
import fcntl
import os
import pathlib
import struct
import subprocess

EXT4_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32)
WITHOUT_FLUSHING_THE_LOG = 2


def run(*command) -> None:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[0]}: {done.stderr.strip()} (this test needs root and loop devices)"


class Disk:
    """An ext4 file system in a file, on a loop mount.

    The cut is ext4's shutdown ioctl, without flushing its journal: what was not synced is gone. A commit that is under
    way may still report success after it, which a machine without power cannot: count only what was told before.
    """

    def __init__(self, folder: pathlib.Path, mebibytes: int = 48):
        self.image = folder / "disk.img"
        self.mounted_at = folder / "disk"
        self.mounted_at.mkdir()
        with open(self.image, "wb") as image:
            image.truncate(mebibytes << 20)
        run("mkfs.ext4", "-q", "-F", self.image)

    def mount(self) -> None:
        run("mount", "-o", "loop", self.image, self.mounted_at)

    def unmount(self) -> None:
        run("umount", self.mounted_at)

    def cut_power(self) -> None:
        descriptor = os.open(self.mounted_at, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, EXT4_IOC_SHUTDOWN, struct.pack("I", WITHOUT_FLUSHING_THE_LOG))
        finally:
            os.close(descriptor)
