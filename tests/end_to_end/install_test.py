"""What `cmake --install` puts on a machine: a stripped program that finds its data beside it."""
import subprocess

import pytest

from harness.process import BUILD

MOST_BYTES = 8_000_000


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("installed")
    subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], check=True, capture_output=True)
    return prefix


def run(*command) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_program_is_stripped(installed):
    program = installed / "bin/flopwatt"
    sections = run("readelf", "--wide", "--sections", program)
    assert ".text" in sections
    assert ".symtab" not in sections and ".debug_info" not in sections
    assert program.stat().st_size < MOST_BYTES
    assert run(program, "version").startswith("flopwatt ")


def test_the_program_finds_the_profiles_that_were_installed(installed):
    profiles = run(installed / "bin/flopwatt", "profiles", "list")
    assert str(installed / "share/flopwatt/meters") in profiles
