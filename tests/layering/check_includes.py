#!/usr/bin/env python3
"""Refuses an include that goes against the table of rooms: who may include whom."""
import pathlib
import re
import sys

# room -> rooms whose headers it may include besides its own
ALLOWED = {
    "readings": set(),
    "config": {"readings"},
    "runtime": {"readings"},
    "drivers": {"readings", "config", "runtime"},
    "exporters": {"readings", "config", "runtime"},
    "agent": {"readings", "config", "runtime", "drivers", "exporters"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')


def folder(path: pathlib.PurePath) -> str:
    """The room, or for drivers and exporters the one driver: they do not know each other."""
    parts = path.parts
    return "/".join(parts[:2]) if parts[0] in ("drivers", "exporters") else parts[0]


def faults_of(root: pathlib.Path, file: pathlib.Path) -> list[str]:
    here = file.relative_to(root)
    room = here.parts[0]
    faults = []
    for number, line in enumerate(file.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        target = pathlib.PurePath(match.group(1))
        where = f"{here}:{number}"
        if not (root / target).is_file():
            faults.append(f'{where}: "{target}" is not a path from the top of the project')
        elif folder(target) != folder(here) and target.parts[0] not in ALLOWED[room]:
            faults.append(f"{where}: {room}/ may not include {target}")
    return faults


def main() -> int:
    root = pathlib.Path(sys.argv[1]).resolve()
    files = [f for room in ALLOWED for suffix in ("*.h", "*.cpp") for f in sorted((root / room).rglob(suffix))]
    faults = [fault for file in files for fault in faults_of(root, file)]
    for fault in faults:
        print(fault)
    print(f"{len(files)} files, {len(faults)} includes against the table")
    return 1 if faults or not files else 0


if __name__ == "__main__":
    sys.exit(main())
