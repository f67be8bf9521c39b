"""Judges what recorder.c has recorded: nothing but reads was sent to meters.

    recording.py FOLDER [--tcp=N] [--serial=N]     the fewest requests that there must be, at least one

Nothing is believed of a peer: every stream that the program sent must be whole Modbus requests of functions 3 and 4
(and 43/14), to no broadcast address, from its first byte to its last; unless it begins as MQTT, TLS or HTTP do, and so
can no Modbus request. Each write to a serial line must be whole requests.
"""
import argparse
import collections
import dataclasses
import os
import pathlib
import socket
import struct
import sys

MAGIC = b"recorded"
FILE_HEAD = struct.Struct("=8sQ")
RECORD = struct.Struct("=qIIIIIIII")   # as struct record of recorder.c
LINE = 1                               # its kinds; the other is a socket
NOT_MADE = -2                          # the process was killed before the call
READS = (3, 4)
IDENTIFY = (0x2B, 0x0E)
MQTT = (b"\x00\x04MQTT\x04", b"\x00\x04MQTT\x05")   # protocol names with their levels: 3.1.1 and 5
HTTP = (b"GET /", b"PUT /", b"POST /")


class Fault(AssertionError):
    """Something else than a read was sent, or it cannot be told."""


@dataclasses.dataclass
class Sent:
    """One call that sent something."""
    kind: int
    process: int
    descriptor: int
    connection: int
    peer: bytes
    sent: int     # bytes; -1: the process did not live to tell
    asked: int
    data: bytes   # the first of the asked ones

    @property
    def where(self) -> str:
        if self.kind == LINE:
            return self.peer.decode()
        family, port = struct.unpack("=H", self.peer[:2])[0], int.from_bytes(self.peer[2:4], "big")
        address = self.peer[4:8] if family == socket.AF_INET else self.peer[8:24]
        return f"{socket.inet_ntop(family, address)}:{port}"


def sent_of(file: pathlib.Path) -> list[Sent]:
    with open(file, "rb") as content:
        magic, used = FILE_HEAD.unpack(content.read(FILE_HEAD.size))
        content.seek(0, os.SEEK_END)
        if magic != MAGIC or used > content.tell():
            raise Fault(f"{file}: {used} bytes recorded do not fit into it; some are lost")
        content.seek(0)
        data = content.read(used)
    calls, at = [], FILE_HEAD.size
    while at + RECORD.size <= used:
        sent, size, kind, process, descriptor, connection, peer_size, asked, kept = RECORD.unpack_from(data, at)
        if size == 0:   # killed before it had noted anything, so before it had sent anything
            at += 8
            continue
        body = at + RECORD.size
        if sent != NOT_MADE:
            calls.append(Sent(kind, process, descriptor, connection, data[body:body + peer_size], sent, asked,
                              data[body + peer_size:body + peer_size + kept]))
        at += size
    return calls


def checksum(data: bytes) -> int:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xA001 if crc & 1 else 0)
    return crc


def check_read(pdu: bytes) -> int:
    """Function code of a whole request without its framing."""
    if pdu[:2] == bytes(IDENTIFY) and len(pdu) == 4 and 1 <= pdu[2] <= 4:
        return pdu[0]
    if pdu[0] not in READS or len(pdu) != 5:
        raise Fault(f"no read: function {pdu[0]}, {pdu.hex(' ')}")
    address, count = struct.unpack(">HH", pdu[1:])
    if not 1 <= count <= 125 or address + count > 65536:
        raise Fault(f"a read of {count} registers from {address} on")
    return pdu[0]


def mbap_requests(stream: bytes, may_end_early: bool) -> list[int]:
    functions, at = [], 0
    while at < len(stream):
        head = stream[at:at + 6]
        protocol, length = struct.unpack(">HH", head[2:].ljust(4, b"\0"))
        if protocol != 0 or (len(head) == 6 and length not in (5, 6)):
            raise Fault(f"no request of Modbus TCP: {stream[at:at + 12].hex(' ')}")
        if len(head) < 6 or at + 6 + length > len(stream):
            if may_end_early and stream[at + 7:at + 8] in (b"", *(bytes((code,)) for code in (*READS, IDENTIFY[0]))):
                return functions
            raise Fault(f"a request that is not whole: {stream[at:].hex(' ')}")
        functions.append(check_read(stream[at + 7:at + 6 + length]))
        at += 6 + length
    return functions


def rtu_requests(stream: bytes, may_end_early: bool) -> list[int]:
    functions, at = [], 0
    while at < len(stream):
        size = 7 if stream[at + 1:at + 2] == bytes(IDENTIFY[:1]) else 8
        frame = stream[at:at + size]
        if not 1 <= frame[0] <= 247:
            raise Fault(f"unit {frame[0]} on a line")
        if len(frame) < size:
            if may_end_early and frame[1:2] in (b"", *(bytes((code,)) for code in (*READS, IDENTIFY[0]))):
                return functions
            raise Fault(f"a request that is not whole: {frame.hex(' ')}")
        if checksum(frame[:-2]) != int.from_bytes(frame[-2:], "little"):
            raise Fault(f"no request of Modbus RTU: {frame.hex(' ')}")
        functions.append(check_read(frame[1:-2]))
        at += size
    return functions


def is_no_modbus(stream: bytes) -> bool:
    is_mqtt = stream[:1] == b"\x10" and any(name in stream[2:13] for name in MQTT)   # CONNECT, its length, its header
    # A ClientHello: its record, whose length is that of the message and its head.
    is_tls = (stream[:2] == b"\x16\x03" and stream[5:6] == b"\x01" and stream[9:11] == b"\x03\x03"
              and int.from_bytes(stream[3:5], "big") == int.from_bytes(stream[6:9], "big") + 4)
    return is_mqtt or is_tls or stream.startswith(HTTP)


def stream_requests(calls: list[Sent]) -> tuple[str, list[int]]:
    """What one connection sent: its transport ("" where it is none of Modbus) and the functions asked for."""
    asked = b"".join(call.data for call in calls[:2])
    if is_no_modbus(asked):
        return "", []
    stream, may_end_early = b"", False
    for call in calls:
        sent = call.asked if call.sent < 0 else call.sent
        if sent > len(call.data):
            raise Fault(f"{call.asked} bytes at once")
        stream += call.data[:sent]
        may_end_early = sent < call.asked
    try:
        return "tcp", mbap_requests(stream, may_end_early)
    except Fault as fault:
        try:
            return "rtu+tcp", rtu_requests(stream, may_end_early)
        except Fault as other:
            raise Fault(f"{fault}; {other}") from None


def judge(files) -> collections.Counter:
    """Requests by (transport, function); Fault where anything else was sent."""
    requests, faults = collections.Counter(), []
    for file in files:
        streams = collections.defaultdict(list)
        for number, call in enumerate(sent_of(file)):
            alone = number if call.kind == LINE else None
            streams[call.process, call.descriptor, call.connection, call.peer, alone].append(call)
        for calls in streams.values():
            try:
                if calls[0].kind == LINE:
                    sent = calls[0].asked if calls[0].sent < 0 else calls[0].sent
                    found = "serial", rtu_requests(calls[0].data[:sent], sent < calls[0].asked)
                else:
                    found = stream_requests(calls)
            except Fault as fault:
                faults.append(f"{file.name}, to {calls[0].where}: {fault}")
                continue
            requests.update((found[0], function) for function in found[1])
    if faults:
        raise Fault("\n".join(faults[:20]))
    return requests


def main() -> int:
    arguments = argparse.ArgumentParser(description="Asserts that only reads were sent to meters.")
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("--tcp", type=int, default=0, help="fewest requests over TCP")
    arguments.add_argument("--serial", type=int, default=0, help="fewest requests over serial lines")
    told = arguments.parse_args()
    files = sorted(told.folder.glob("*.sent"))
    try:
        requests = judge(files)
    except Fault as fault:
        print(fault)
        return 1
    by_transport = collections.Counter()
    for (transport, function), count in sorted(requests.items()):
        print(f"{transport}: {count} requests of function {function}")
        by_transport[transport] += count
    tcp, serial = by_transport["tcp"] + by_transport["rtu+tcp"], by_transport["serial"]
    print(f"{len(files)} processes sent {tcp + serial} requests to meters, reads all of them")
    if tcp < told.tcp or serial < told.serial or tcp + serial == 0:
        print(f"too few to prove anything: {tcp} over TCP of at least {told.tcp}, {serial} over serial lines of at "
              f"least {told.serial}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
