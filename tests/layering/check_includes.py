#!/usr/bin/env python3
"""Refuses an include that cmake/rooms.txt does not allow: check_includes.py [PROJECT]."""
import dataclasses
import fnmatch
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
SOURCES = ("*.h", "*.cpp")
NO_ROOMS = ("tests", "build", "cmake")  # folders of the project whose sources are no part of the product


@dataclasses.dataclass(frozen=True)
class Rooms:
    """The list of rooms: which rooms' headers each may include besides its own."""

    root: pathlib.Path
    allowed: dict[str, list[str]]

    @classmethod
    def of(cls, root: pathlib.Path) -> "Rooms":
        lines = (root / "cmake/rooms.txt").read_text().splitlines()
        pairs = (line.split(":") for line in lines if line and not line.startswith("#"))
        return cls(root, {room: allowed.split() for room, allowed in pairs})

    def room_of(self, file: pathlib.PurePath) -> str | None:
        """The room that is the file itself without its ending, else the one that is its folder."""
        stem, folder = str(file.with_suffix("")), str(file.parent)
        if stem in self.allowed and not (self.root / stem).is_dir():
            return stem
        return folder if folder in self.allowed else None

    def may_include(self, room: str, other: str) -> bool:
        return room == other or any(fnmatch.fnmatchcase(other, pattern) for pattern in self.allowed[room])


def faults_of(file: pathlib.Path, rooms: Rooms) -> list[str]:
    here = file.relative_to(rooms.root)
    room = rooms.room_of(here)
    if room is None:
        return [f"{here}: its folder is no room of cmake/rooms.txt"]
    faults = []
    for number, line in enumerate(file.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        target = pathlib.PurePath(match.group(2))
        if match.group(1) == "<" and not (rooms.root / target).is_file():
            continue  # of a library
        other = rooms.room_of(target)
        where = f"{here}:{number}"
        if not (rooms.root / target).is_file() or other is None:
            faults.append(f'{where}: "{target}" is not a path of a room from the top of the project')
        elif not rooms.may_include(room, other):
            faults.append(f"{where}: {room} may not include {target}")
    return faults


def check(root: pathlib.Path) -> tuple[int, list[str]]:
    """How many files were looked at, and what is against the list."""
    rooms = Rooms.of(root)
    folders = [folder for folder in root.iterdir() if folder.is_dir() and folder.name not in NO_ROOMS]
    files = [f for suffix in SOURCES for f in sorted(root.glob(suffix))]
    files += [f for folder in folders for suffix in SOURCES for f in sorted(folder.rglob(suffix))]
    return len(files), [fault for file in files for fault in faults_of(file, rooms)]


def main() -> int:
    files, faults = check(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve())
    for fault in faults:
        print(fault)
    print(f"{files} files, {len(faults)} includes against cmake/rooms.txt")
    return 1 if faults or not files else 0


if __name__ == "__main__":
    sys.exit(main())
