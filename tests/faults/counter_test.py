"""An energy register that begins again at 0 (meter reboot), or wraps at its width, gives no negative and no huge energy:
the scope's total never falls, never jumps, and follows the truth."""
import math
import struct
import time

from harness.agent import Agent
from harness.modbus import ScriptedMeter
from harness.process import wait_until
from harness.rack import Rack

WATTS = 20_000
STEP_J = 1000   # a fall is known as a wrap from within 0.1 % of the width: 65 steps, and one reading is 20
# Ideal meters: a step of 10 Wh is as long as the seconds that are told apart here, and these have steps of their own.
# The 16-bit register wraps about 12 s after the rack has started.
LOAD = f"""
meters:
  - {{name: rebooting, meter: ideal, base_power: {WATTS}}}
  - name: wrapping
    kind: raw
    meter: ideal
    base_power: {WATTS}
    energy_offset_kwh: {(65536 * STEP_J - 12 * WATTS) / 3.6e6}
    registers:
      - {{address: 0, type: f32, value: power_w}}
      - {{address: 2, type: u16, scale: {STEP_J}, value: energy_j}}
  - name: replaced
    kind: raw
    meter: ideal
    base_power: {WATTS}
    registers:
      - {{address: 0, type: f32, value: power_w}}
      - {{address: 2, type: u32, scale: {STEP_J}, value: energy_j}}
"""


def test_totals_follow_the_truth_over_reset_and_wrap(tmp_path, started):
    rack = Rack(tmp_path, LOAD).start()
    started.append(rack)

    def raw(name: str, width: str) -> dict:
        meter = rack.meter_config(name)
        del meter["profile"]
        meter["registers"] = [
            {"quantity": "active_power", "address": 0, "function": 3, "type": "f32", "unit": "W"},
            {"quantity": "energy_import", "address": 2, "function": 3, "type": width, "scale": STEP_J, "unit": "J"}]
        return meter

    agent = Agent(tmp_path, {
        "node": "rack-r12", "accelerators": {"nvidia": False},
        "meters": [rack.meter_config("rebooting"), raw("wrapping", "u16"), raw("replaced", "u32")],
        "scopes": [{"name": "a", "energy": ["rebooting"]}, {"name": "b", "energy": ["wrapping"]},
                   {"name": "c", "energy": ["replaced"]}],
        "energy": {"windows": ["1m"]}, "store": {"commit": "1s"},
    }).start()
    started.append(agent)

    def totals() -> dict[str, float]:
        page = agent.metrics()
        return {scope: page.get("flopwatt_scope_energy_joules_total", scope=scope) or 0 for scope in ("a", "b", "c")}

    def register(meter: str) -> float | None:
        return agent.metrics().get("flopwatt_meter_energy_joules_total", meter=meter)

    wait_until(lambda: all(value > 0 for value in totals().values()), 20, "totals that grow")
    begin, first, last = time.monotonic(), totals(), totals()
    before = {meter: register(meter) for meter in ("rebooting", "wrapping", "replaced")}
    rack.control("meter", "rebooting", "counter_reset")
    rack.control("meter", "replaced", "counter_reset")
    fallen = set()
    lead = {False: -math.inf, True: -math.inf}   # of total b on its register, before and after the wrap
    wrapped_at = math.inf

    def all_fell() -> bool:
        nonlocal last, wrapped_at
        now = totals()
        for scope, value in now.items():
            assert value >= last[scope], f"{scope} fell from {last[scope]} to {value}"
            assert value - last[scope] < 5 * WATTS, f"{scope} jumped from {last[scope]} to {value}"
        last = now
        fallen.update(meter for meter, value in before.items() if (register(meter) or value) < value)
        page = agent.metrics()
        total, read = (page.get("flopwatt_scope_energy_joules_total", scope="b"),
                       page.get("flopwatt_meter_energy_joules_total", meter="wrapping"))
        if total is None or read is None:  # stale for a moment, on a machine that is busy with builds
            return False
        wrapped = read < before["wrapping"]
        lead[wrapped] = max(lead[wrapped], total - read - wrapped * 65536 * STEP_J)
        wrapped_at = min(wrapped_at, time.monotonic() if wrapped else math.inf)
        return len(fallen) == 3 and time.monotonic() - max(begin, wrapped_at) > 8

    wait_until(all_fell, 40, "all registers to fall")
    seconds = time.monotonic() - begin
    for scope in last:
        gained = last[scope] - first[scope]
        # Looks and commits are up to two seconds apart; after a reset one interval is not known from the register.
        assert abs(gained - WATTS * seconds) < 3 * WATTS, (scope, gained, WATTS * seconds)
    # Nothing of a wrap is unknown. The total is some time older than the register: the least of that is the same.
    assert abs(lead[True] - lead[False]) < 0.5 * WATTS, lead


def test_a_value_is_never_put_together_from_two_moments(tmp_path, started):
    """The register goes to and fro over a carry, at each request: halves of two requests would make 0 or 131071."""
    meter = ScriptedMeter(lambda request: struct.pack(">I", 65535 + request % 2))
    started.append(meter)
    agent = Agent(tmp_path, {
        "node": "rack-r12", "accelerators": {"nvidia": False}, "sampling": {"interval": "100ms"},
        "meters": [{"name": "torn", "address": f"tcp://127.0.0.1:{meter.port}", "accuracy": {"class": 1},
                    "max_registers": 2,
                    "registers": [{"quantity": "active_power", "address": 0, "function": 3, "type": "u32", "unit": "W"}]}],
    }).start()
    started.append(agent)
    seen = set()

    def both_seen() -> bool:
        value = agent.metrics().get("flopwatt_meter_power_watts", meter="torn")
        if value is not None:
            seen.add(value)
        return len(seen) >= 2 and meter.requests > 20

    wait_until(both_seen, 20, "both values")
    assert seen == {65535, 65536}
