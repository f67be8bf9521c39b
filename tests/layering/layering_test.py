"""The include test sees what it shall: an include against cmake/rooms.txt is refused by name, and nothing else is."""
import pathlib
import subprocess
import sys

import pytest

from layering import check_includes

SOURCE = pathlib.Path(__file__).resolve().parents[2]
# What a developer adds with a vendor.
EXAMPLE = "drivers/accelerators/example:   readings config* runtime* drivers drivers/accelerators\n"

# name: the room that includes, the file that does, what is included
REFUSED = {
    "accounting -> store": ("agent/accounting", "agent/accounting/window.cpp", "agent/store/store.h"),
    "store -> accounting": ("agent/store", "agent/store/store.cpp", "agent/accounting/window.h"),
    "daemon -> commands": ("agent/daemon", "agent/daemon/daemon.h", "agent/commands/commands.h"),
    "daemon -> a command's folder": ("agent/daemon", "agent/daemon/daemon.cpp", "agent/commands/read/table.h"),
    "vendor -> vendor": ("drivers/accelerators/example", "drivers/accelerators/example/reader.cpp",
                         "drivers/accelerators/nvidia/library.h"),
    "vendor -> the list of vendors": ("drivers/accelerators/example", "drivers/accelerators/example/reader.cpp",
                                      "drivers/accelerators/vendors.h"),
    "accelerators -> vendor": ("drivers/accelerators", "drivers/accelerators/fleet.cpp",
                               "drivers/accelerators/nvidia/library.h"),
    "accelerators -> a new vendor": ("drivers/accelerators", "drivers/accelerators/driver.h",
                                     "drivers/accelerators/example/reader.h"),
    "driver -> driver": ("drivers/modbus", "drivers/modbus/driver.cpp", "drivers/work/driver.h"),
    "wire -> modbus": ("drivers/modbus/wire", "drivers/modbus/wire/serial.cpp", "drivers/modbus/meter.h"),
    "driver -> exporter": ("drivers/work", "drivers/work/driver.cpp", "exporters/snapshot.h"),
    "exporter -> driver": ("exporters/mqtt", "exporters/mqtt/exporter.cpp", "drivers/driver.h"),
    "exporter -> a driver's folder": ("exporters/prometheus", "exporters/prometheus/page.h", "drivers/modbus/bus.h"),
    "exporter -> exporter": ("exporters/mqtt", "exporters/mqtt/exporter.cpp", "exporters/prometheus/page.h"),
    "readings -> config": ("readings", "readings/quantity.cpp", "config/config.h"),
}
ALLOWED = {
    "vendors.cpp -> vendor": ("drivers/accelerators/vendors.cpp", "drivers/accelerators/nvidia/vendor.h"),
    "vendors.cpp -> a new vendor": ("drivers/accelerators/vendors.cpp", "drivers/accelerators/example/vendor.h"),
    "vendor -> accelerators": ("drivers/accelerators/example/reader.cpp", "drivers/accelerators/device.h"),
    "modbus -> wire": ("drivers/modbus/meter.cpp", "drivers/modbus/wire/serial.h"),
    "daemon -> store": ("agent/daemon/daemon.cpp", "agent/store/store.h"),
    "command -> daemon": ("agent/commands/run.cpp", "agent/daemon/daemon.h"),
}
GOOD = "agent/daemon/daemon.cpp"


def faults(root: pathlib.Path, files: dict[str, str]) -> list[str]:
    """What the include test says of a tree of these files and the rooms of the project."""
    rooms = (SOURCE / "cmake/rooms.txt").read_text() + EXAMPLE
    for path, text in {"cmake/rooms.txt": rooms, GOOD: "", **files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return check_includes.check(root)[1]


@pytest.mark.parametrize("name", REFUSED)
def test_an_include_against_the_rooms_is_refused_by_name(tmp_path, name):
    room, file, target = REFUSED[name]
    assert not faults(tmp_path, {file: "#include <vector>\n", target: "#pragma once\n"})
    for include in (f'#include "{target}"', f"  #  include <{target}>"):
        found = faults(tmp_path, {file: f"#include <vector>\n{include}\n"})
        assert found == [f"{file}:2: {room} may not include {target}"]


@pytest.mark.parametrize("name", ALLOWED)
def test_what_the_rooms_allow_is_taken(tmp_path, name):
    file, target = ALLOWED[name]
    assert not faults(tmp_path, {file: f'#include "{target}"\n', target: "#pragma once\n"})


@pytest.mark.parametrize("file", ["drivers/gpu/reader.cpp", "agent/stray.h", "tools/main.cpp", "stray.cpp"])
def test_a_source_that_is_in_no_room_is_refused(tmp_path, file):
    assert faults(tmp_path, {file: ""}) == [f"{file}: its folder is no room of cmake/rooms.txt"]


@pytest.mark.parametrize("target", ["tests/rack/load.h", "agent/daemon/missing.h", "intake.h"])
def test_an_include_that_is_no_path_of_a_room_is_refused(tmp_path, target):
    found = faults(tmp_path, {GOOD: f'#include "{target}"\n', "tests/rack/load.h": "", "agent/daemon/intake.h": ""})
    assert found == [f'{GOOD}:1: "{target}" is not a path of a room from the top of the project']


@pytest.mark.parametrize(("files", "code", "says"), [
    ({GOOD: ""}, 0, "1 files, 0 includes"), ({GOOD: '#include "agent/commands/commands.h"\n'}, 1, f"{GOOD}:1: "),
    ({}, 1, "0 files")])
def test_the_program_says_what_it_found(tmp_path, files, code, says):
    (tmp_path / "cmake").mkdir()
    (tmp_path / "cmake/rooms.txt").write_text("agent/daemon:\n")
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    done = subprocess.run([sys.executable, check_includes.__file__, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == code and says in done.stdout


def test_the_tree_itself_follows_its_rooms():
    assert not check_includes.check(SOURCE)[1]
