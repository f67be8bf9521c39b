#!/usr/bin/env python3
"""Prints a line `0 NAME` (passed) or `1 NAME` for each test of a ctest JUnit report; `1 ...` where there is none."""
import sys
import xml.etree.ElementTree as xml


def main() -> int:
    try:
        cases = list(xml.parse(sys.argv[1]).getroot().iter("testcase"))
    except (OSError, xml.ParseError) as fault:
        print(f"1 no report: {fault}")
        return 1
    for case in cases:
        # "run" is passed; "fail", "notrun", "disabled" are not: nothing is skipped silently.
        print(0 if case.get("status") == "run" else 1, case.get("name"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
