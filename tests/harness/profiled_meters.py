"""Meters made from profiles: for each a device that holds random but plausible values in that meter's registers and
obeys its limits, on a TCP port or on a serial line of its own. The registers are encoded here, from the YAML file, with
nothing of flopwatt in between. All devices live in one thread.
"""
import asyncio
import dataclasses
import os
import pathlib
import pty
import random
import struct
import termios
import threading
import tty

from harness.serial_devices import checksum

FORMATS = {"u16": "H", "i16": "h", "u32": "I", "i32": "i", "u64": "Q", "i64": "q", "f32": "f", "f64": "d"}
UNITS = {"k": 1e3, "M": 1e6, "m": 1e-3}
BASE_UNITS = {"W", "VA", "var", "V", "A", "Hz", "Wh", "1"}
# What a meter of a rack may show, in base units.
PLAUSIBLE = {"voltage": (100, 480), "current": (0.5, 600), "active_power": (100, 150_000),
             "reactive_power": (50, 80_000), "apparent_power": (100, 200_000), "power_factor": (0.1, 0.99),
             "frequency": (45, 65), "energy_import": (2e6, 8e9), "energy_export": (1e6, 4e9)}
SIGNED = {"active_power", "reactive_power", "power_factor"}
JSON_UNITS = {"voltage": "_v", "current": "_a", "active_power": "_w", "reactive_power": "_var", "apparent_power": "_va",
              "power_factor": "", "frequency": "_hz", "energy_import": "_wh_total", "energy_export": "_wh_total"}
PLACES = {"voltage": {"whole", "phase", "lines"}, "current": {"whole", "phase", "branch"},
          "active_power": {"whole", "phase", "branch"}, "energy_import": {"whole", "branch"}}   # published; else: whole
ILLEGAL_ADDRESS, ILLEGAL_VALUE = 2, 3


def unit_factor(unit: str) -> float:
    return 1.0 if unit in BASE_UNITS else UNITS[unit[0]]


def place_of(entry: dict) -> str:
    return next((place for place in ("phase", "lines", "branch", "part") if place in entry), "whole")


def is_published(entry: dict) -> bool:
    return entry["quantity"] in JSON_UNITS and place_of(entry) in PLACES.get(entry["quantity"], {"whole"})


def width(entry: dict) -> int:
    return 2 if entry["type"] == "mod10k" else struct.calcsize(">" + FORMATS[entry["type"]]) // 2


def encode(entry: dict, raw) -> list[int]:
    if entry["type"] == "mod10k":
        words = [raw // 10000, raw % 10000]
    else:
        packed = struct.pack(">" + FORMATS[entry["type"]], raw)
        words = list(struct.unpack(f">{len(packed) // 2}H", packed))
    return words[::-1] if entry.get("word_order") == "little" else words


def raw_range(type_: str) -> tuple[int, int]:
    """What a number of that type may be without meaning "not available"."""
    if type_ == "mod10k":
        return 0, 99_999_999
    bits = int(type_[1:])
    return (0, 2**bits - 2) if type_[0] == "u" else (-2**(bits - 1) + 1, 2**(bits - 1) - 2)


@dataclasses.dataclass
class Value:
    """What has to be read: `key` is the JSON key, inside that branch where there is one."""
    key: str
    branch: str | None
    number: float


class ProfiledMeter:
    def __init__(self, name: str, profile: dict):
        self.name, self.profile = name, profile
        self.limits = {"max_registers": 125, "max_hole": 0, "even": False, "block": 1, "forbidden": [],
                       **profile.get("limits", {})}
        self.words: dict[tuple[int, int], int] = {}     # function, address
        self.starts: set[tuple[int, int]] = set()       # where a request may begin: at a value
        self.ends: set[tuple[int, int]] = set()         # and behind which it may end
        self.alone: dict[tuple[int, int], list[int]] = {}   # answered to a request for just these
        self.expected: list[Value] = []
        self.requests: list[str] = []
        self.refused: list[str] = []
        self.line_settings: set[tuple[int, int]] = set()    # speed, stop bits when a request came
        self._random = random.Random(name)
        for entry in profile["registers"]:
            self._add_all(entry)
        self.alone.update(((entry["function"], entry["address"]), self._identity(entry))
                          for entry in profile.get("identify", []))
        self.forbidden = {address for first, _, last in (str(one).partition("-") for one in self.limits["forbidden"])
                          for address in range(int(first), int(last or first) + 1)}

    # -- what it holds ---------------------------------------------------------------------------------------------
    def _add_all(self, entry: dict) -> None:
        first, _, last = str(entry.get("branch", 0)).partition("-")
        for i, branch in enumerate(range(int(first), int(last or first) + 1)):
            self._add(entry, branch, entry["address"] + i * entry.get("stride", 0), i)

    def _add(self, entry: dict, branch: int, address: int, index: int) -> None:
        scales = entry.get("scaled_by", [])
        factor = 1.0
        for scale in scales if isinstance(scales, list) else [scales]:
            factor *= self._scale(scale, scale["address"] + index * scale.get("stride", 0))
        factor *= entry.get("scale", 1) * unit_factor(entry["unit"]) if is_published(entry) else 1
        number = self._store(entry, address, factor)
        if "minus" in entry:
            number -= self._store(entry, entry["minus"], factor)
        if is_published(entry):
            places = {"phase": entry.get("phase"), "lines": entry.get("lines")}.get(place_of(entry))
            key = entry["quantity"] + ("_" + places.lower().replace("-", "_") if places else "")
            self.expected.append(Value(key + JSON_UNITS[entry["quantity"]], str(branch) if branch else None,
                                       number * factor))

    def _scale(self, scale: dict, address: int) -> float:
        """Never the neutral one, the same for all who ask."""
        at = (scale["function"], address)
        if at not in self.words:
            raw = {"factor": self._random.randint(11, 40), "exponent": self._random.choice((-2, -1, 1)),
                   "divisors": self._random.randrange(len(scale.get("divisors", [0])))}[scale["use"]]
            if scale["use"] == "exponent" and scale["type"].startswith("u"):
                raw = abs(raw)
            self._place(scale, address, encode(scale, raw))
        raw = self._number_at(scale, address)
        if scale["use"] == "factor":
            return raw * scale.get("scale", 1)
        return 10.0**raw if scale["use"] == "exponent" else 1 / scale["divisors"][raw]

    def _number_at(self, entry: dict, address: int) -> int:
        words = [self.words[entry["function"], address + i] for i in range(width(entry))]
        words = words[::-1] if entry.get("word_order") == "little" else words
        return struct.unpack(">" + FORMATS[entry["type"]], struct.pack(f">{len(words)}H", *words))[0]

    def _store(self, entry: dict, address: int, factor: float):
        """Puts a number there and returns it, before scaling."""
        low, high = PLAUSIBLE.get(entry["quantity"], (1, 1000))
        if entry["type"][0] == "f":
            sign = self._random.choice((-1, 1)) if entry["quantity"] in SIGNED else 1
            raw = sign * self._random.uniform(low, high) / factor
            raw = struct.unpack(FORMATS[entry["type"]], struct.pack(FORMATS[entry["type"]], raw))[0]   # as it holds it
        else:
            if entry["type"][0] == "i" and entry["quantity"] in SIGNED:
                low, high = -high, -low   # an export, which an unsigned number could not tell
            least, most = raw_range(entry["type"])
            low, high = max(least, int(low / abs(factor)) + 1), min(most, int(high / abs(factor)))
            raw = self._random.randint(low, high) if low < high else self._random.randint(1, 9)
            raw += raw in entry.get("unavailable", [])
        self._place(entry, address, encode(entry, raw))
        return raw

    def _place(self, entry: dict, address: int, words: list[int]) -> None:
        function = entry["function"]
        for i, word in enumerate(words):
            assert (function, address + i) not in self.words, f"{self.name}: {address + i} is given twice"
            self.words[function, address + i] = word
        self.starts.add((function, address))
        self.ends.add((function, address + len(words)))
        if entry.get("alone"):
            self.alone[function, address] = words
            self.words |= {(function, address + i): word ^ 0x5555 for i, word in enumerate(words)}

    def _identity(self, entry: dict) -> list[int]:
        expected = entry.get("expected")
        expected = expected[0] if isinstance(expected, list) else expected
        if entry["type"] != "text":
            return encode(entry, 4711 if expected is None else expected)
        text = (expected or "text").encode().ljust(2 * entry["registers"], b"\0")
        return list(struct.unpack(f">{entry['registers']}H", text))

    # -- how it answers --------------------------------------------------------------------------------------------
    def _fault(self, function: int, address: int, count: int) -> tuple[int, str] | None:
        limits, asked = self.limits, range(address, address + count)
        if count > limits["max_registers"]:
            return ILLEGAL_VALUE, "more than max_registers"
        if limits["even"] and (address % 2 or count % 2):
            return ILLEGAL_ADDRESS, "not even"
        if address % limits["block"] or count % limits["block"]:
            return ILLEGAL_ADDRESS, "no whole block"
        if self.forbidden.intersection(asked):
            return ILLEGAL_ADDRESS, "forbidden registers"
        if limits["block"] > 1:
            return None if any((function, one) in self.words for one in asked) else (ILLEGAL_ADDRESS, "nothing there")
        if (function, address) not in self.starts or (function, address + count) not in self.ends:
            return ILLEGAL_ADDRESS, "cuts a value"
        hole = 0
        for one in asked:
            hole = 0 if (function, one) in self.words else hole + 1
            if hole > limits["max_hole"]:
                return ILLEGAL_ADDRESS, "a hole"
        return None

    def answer(self, unit: int, pdu: bytes) -> bytes | None:
        """The answer to a request; None: it is meant for another unit."""
        function, address, count = struct.unpack(">BHH", pdu)
        if unit != self.profile["unit_id"]:
            return None
        self.requests.append(f"{function}:{address}+{count}")
        words = self.alone.get((function, address))
        if words is None or len(words) != count:
            fault = self._fault(function, address, count)
            if fault:
                self.refused.append(f"{self.requests[-1]}: {fault[1]}")
                return bytes((function | 0x80, fault[0]))
            words = [self.words.get((function, address + i), 0x6B6B) for i in range(count)]
        return struct.pack(f">BB{count}H", function, 2 * count, *words)


class Devices:
    """Serves meters over TCP and over serial lines until stop()."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._terminals: list[int] = []

    def serve_tcp(self, meter: ProfiledMeter) -> int:
        """The port on which it listens."""
        async def start():
            return await asyncio.start_server(lambda reader, writer: self._talk(meter, reader, writer), "127.0.0.1", 0)
        server = asyncio.run_coroutine_threadsafe(start(), self._loop).result(10)
        return server.sockets[0].getsockname()[1]

    @staticmethod
    async def _talk(meter: ProfiledMeter, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                transaction, _, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
                body = meter.answer(unit, await reader.readexactly(length - 1))
                if body is not None:
                    writer.write(struct.pack(">HHHB", transaction, 0, len(body) + 1, unit) + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def serve_line(self, meter: ProfiledMeter, link: pathlib.Path) -> None:
        """`link` becomes the name of a pseudo-terminal, as udev names an adapter."""
        master, slave = pty.openpty()
        tty.setraw(slave, termios.TCSANOW)
        os.symlink(os.ttyname(slave), link)
        self._terminals += [master, slave]
        heard = bytearray()

        def hear() -> None:
            heard.extend(os.read(master, 256))
            while len(heard) >= 8:
                request = bytes(heard[:8])
                del heard[:8]
                assert checksum(request[:6]) == request[6:], f"{meter.name}: a broken request {request.hex()}"
                settings = termios.tcgetattr(slave)
                meter.line_settings.add((settings[5], 2 if settings[2] & termios.CSTOPB else 1))
                body = meter.answer(request[0], request[1:6])
                if body is not None:
                    frame = request[:1] + body
                    os.write(master, frame + checksum(frame))

        self._loop.call_soon_threadsafe(self._loop.add_reader, master, hear)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        for terminal in self._terminals:
            os.close(terminal)
