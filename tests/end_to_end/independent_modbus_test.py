"""An independent Modbus server (pymodbus), its registers set by the test, is read exactly."""
import struct
import sys

import pytest

from harness.agent import Agent
from harness.process import Process, free_port, wait_until

SERVER = """
import sys
from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server import StartTcpServer

holding, inputs = ([int(word) for word in block.split(",")] for block in sys.argv[2:4])
slave = ModbusSlaveContext(hr=ModbusSequentialDataBlock(0, holding), ir=ModbusSequentialDataBlock(0, inputs),
                           zero_mode=True)
StartTcpServer(context=ModbusServerContext(slaves={7: slave}, single=False), address=("127.0.0.1", int(sys.argv[1])))
"""


def words(format_: str, value) -> list[int]:
    """A value as 16-bit registers, most significant first."""
    packed = struct.pack(">" + format_, value)
    return list(struct.unpack(f">{len(packed) // 2}H", packed))


@pytest.fixture
def server(tmp_path, started):
    """Holding registers: a float at 10, an int32 low word first at 20, an int64 at 30. Input registers: two u16."""
    holding = [0] * 60
    holding[10:12] = words("f", 5123.4375)
    holding[20:22] = reversed(words("i", -1234567))
    holding[30:34] = words("q", 9007199254740993 // 1000)
    inputs = [0] * 10
    inputs[4], inputs[5] = 4998, 2305
    port = free_port()
    process = Process("pymodbus", tmp_path)
    process.spawn([sys.executable, "-c", SERVER, str(port), ",".join(map(str, holding)), ",".join(map(str, inputs))])
    started.append(process)
    return port


def test_registers_of_an_independent_server_are_read_exactly(tmp_path, started, server):
    registers = [
        {"quantity": "active_power", "address": 10, "function": 3, "type": "f32", "unit": "W"},
        {"quantity": "reactive_power", "address": 20, "function": 3, "type": "i32", "word_order": "little",
         "unit": "var"},
        {"quantity": "energy_import", "address": 30, "function": 3, "type": "i64", "unit": "Wh"},
        {"quantity": "frequency", "address": 4, "function": 4, "type": "u16", "scale": 0.01, "unit": "Hz"},
        {"quantity": "voltage", "phase": "L1", "address": 5, "function": 4, "type": "u16", "scale": 0.1, "unit": "V"},
    ]
    agent = Agent(tmp_path, {
        "node": "rack-r12", "accelerators": {"nvidia": False},
        "meters": [{"name": "main", "address": f"tcp://127.0.0.1:{server}", "unit_id": 7, "registers": registers,
                    "accuracy": {"class": 0.5}}],
    }).start()
    started.append(agent)
    page = wait_until(lambda: (lambda p: p if p.get("flopwatt_meter_power_watts") is not None else None)(
        agent.metrics()), 20, "a reading")
    assert page.get("flopwatt_meter_power_watts", meter="main") == 5123.4375
    assert page.get("flopwatt_meter_reactive_power_vars", meter="main") == -1234567
    assert page.get("flopwatt_meter_energy_joules_total", meter="main") == (9007199254740993 // 1000) * 3600
    assert page.get("flopwatt_meter_frequency_hertz", meter="main") == pytest.approx(49.98, abs=1e-12)
    assert page.get("flopwatt_meter_phase_voltage_volts", meter="main", phase="L1") == pytest.approx(230.5, abs=1e-12)
