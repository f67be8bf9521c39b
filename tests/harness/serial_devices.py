"""Meters on a serial line: a program of its own, with an RTU framing of its own.

    serial_devices.py LINK REGISTERS.json

LINK becomes a symbolic link to a pseudo-terminal, as udev names an adapter. REGISTERS.json maps unit to address to
16-bit word; any other address is refused with exception 2. Commands on standard input, one a line: `UNIT well`,
`UNIT silent`, `UNIT drip` (a byte each 40 ms), `UNIT crc`, `UNIT cut`, `UNIT noise`,
`UNIT stranger` (the answer names another unit), `unplug`, `plug`. Each request is
told on standard output: time, unit, address, count.
"""
import json
import os
import pty
import select
import sys
import termios
import time
import tty

DRIP_S = 0.04


def checksum(data: bytes) -> bytes:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xA001 if crc & 1 else 0)
    return bytes((crc & 0xFF, crc >> 8))


class Line:
    def __init__(self, link: str, units: dict[int, dict[int, int]]):
        self.link, self.units = link, units
        self.state = {unit: "well" for unit in units}
        self.master = self.slave = -1
        self.heard = b""
        self.dripping: list[tuple[float, int]] = []   # when, byte

    def plug(self) -> None:
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave, termios.TCSANOW)
        os.symlink(os.ttyname(self.slave), self.link)

    def unplug(self) -> None:
        os.unlink(self.link)
        os.close(self.slave)
        os.close(self.master)
        self.master, self.heard, self.dripping = -1, b"", []

    def command(self, words: list[str]) -> None:
        if words[0] in ("plug", "unplug"):
            getattr(self, words[0])()
        else:
            self.state[int(words[0])] = words[1]

    def answer(self, request: bytes) -> bytes:
        unit, function = request[0], request[1]
        address, count = int.from_bytes(request[2:4], "big"), int.from_bytes(request[4:6], "big")
        registers = self.units[unit]
        if function != 3:
            body = bytes((unit, function | 0x80, 1))
        elif any(address + i not in registers for i in range(count)):
            body = bytes((unit, function | 0x80, 2))
        else:
            words = b"".join(registers[address + i].to_bytes(2, "big") for i in range(count))
            body = bytes((unit, function, len(words))) + words
        return body + checksum(body)

    def hear(self, data: bytes) -> None:
        self.heard += data
        while len(self.heard) >= 8:
            request, self.heard = self.heard[:8], self.heard[8:]
            if checksum(request[:6]) != request[6:]:
                print(json.dumps({"garbage": request.hex()}), flush=True)
                self.heard = b""
                return
            print(json.dumps({"time": time.monotonic(), "unit": request[0],
                              "address": int.from_bytes(request[2:4], "big"),
                              "count": int.from_bytes(request[4:6], "big")}), flush=True)
            if request[0] in self.units:
                self.reply(self.state[request[0]], self.answer(request))

    def reply(self, state: str, answer: bytes) -> None:
        if state == "drip":
            now = time.monotonic()
            self.dripping = [(now + i * DRIP_S, byte) for i, byte in enumerate(answer)]
        elif state == "crc":
            os.write(self.master, answer[:-1] + bytes((answer[-1] ^ 1,)))
        elif state == "cut":
            os.write(self.master, answer[:-3])
        elif state == "noise":
            os.write(self.master, b"\x55" + answer + b"\x13")
        elif state == "stranger":
            body = bytes((answer[0] + 100,)) + answer[1:-2]
            os.write(self.master, body + checksum(body))
        elif state == "well":
            os.write(self.master, answer)

    def drip(self) -> None:
        while self.dripping and self.dripping[0][0] <= time.monotonic():
            os.write(self.master, bytes((self.dripping.pop(0)[1],)))

    def run(self) -> None:
        commands = b""
        while True:
            watched = [0] + ([self.master] if self.master >= 0 else [])
            wait = max(0.0, self.dripping[0][0] - time.monotonic()) if self.dripping else None
            ready, _, _ = select.select(watched, [], [], wait)
            self.drip()
            if self.master in ready:
                self.hear(os.read(self.master, 256))
            if 0 in ready:
                data = os.read(0, 4096)
                if not data:
                    return
                commands += data
                *lines, commands = commands.split(b"\n")
                for line in lines:
                    self.command(line.decode().split())


if __name__ == "__main__":
    with open(sys.argv[2], encoding="utf-8") as file:
        UNITS = {int(unit): {int(address): word for address, word in registers.items()}
                 for unit, registers in json.load(file).items()}
    LINE = Line(sys.argv[1], UNITS)
    LINE.plug()
    print("{}", flush=True)
    LINE.run()
