#!/usr/bin/env python3
"""Fills the demo's configuration: demo_config.py TEMPLATE RACK_START_LINE KEY=VALUE... > CONFIGURATION"""
import json
import re
import sys


def main() -> int:
    template, start_line, *settings = sys.argv[1:]
    with open(start_line) as file:
        rack = json.loads(file.readline())
    values = dict(setting.split("=", 1) for setting in settings)
    values["LIBRARY"] = rack["library"]
    for meter in rack["meters"]:
        key = meter["name"].upper().replace("-", "_")
        values[key] = str(meter["port"])
        values[key + "_UNIT"] = str(meter["unit_id"])
    with open(template) as file:
        print(re.sub(r"@([A-Z_]+)@", lambda match: values[match.group(1)], file.read()), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
