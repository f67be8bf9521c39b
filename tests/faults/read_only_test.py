"""Meters are only ever read. The proof is harness/recording.py over everything that the tests made flopwatt send; here
it is shown that nothing escapes it, and what the program cannot do at all."""
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import threading

import pytest

from harness.process import BUILD, SOURCE
from harness.recording import Fault, checksum, judge

# What each of these sends, and how: a way of sending, then the bytes, call by call.
WAYS = ["send", "sendall_twice", "sendmsg", "write", "writev", "sendto", "thread", "fork", "reused"]
PROGRAM = r"""
import os, socket, sys, threading
way, to, *sent = sys.argv[1:]
sent = [bytes.fromhex(call) for call in sent]
if to.startswith("/"):
    line = os.open(to, os.O_RDWR | os.O_NOCTTY)
    for call in sent:
        os.write(line, call)
    sys.exit()
def connected():
    return socket.create_connection(("127.0.0.1", int(to)))
if way == "reused":   # the descriptor was an accepted one before
    with socket.create_server(("127.0.0.1", 0)) as listener:
        caller = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
        accepted.sendall(b"an answer of a server is no request")
        accepted.close()
        peer = connected()
else:
    peer = connected()
def send():
    for call in sent:
        if way == "sendmsg": peer.sendmsg([call[:3], call[3:]])
        elif way == "write": os.write(peer.fileno(), call)
        elif way == "writev": os.writev(peer.fileno(), [call[:5], call[5:]])
        elif way == "sendto": peer.sendto(call, ("127.0.0.1", int(to)))
        elif way == "sendall_twice": peer.sendall(call[:7]); peer.sendall(call[7:])
        else: peer.send(call)
if way == "thread":
    sender = threading.Thread(target=send); sender.start(); sender.join()
elif way == "fork":
    if os.fork() == 0:
        send(); os._exit(0)
    os.wait()
else:
    send()
"""


def mbap(pdu: bytes, unit: int = 1, transaction: int = 1) -> bytes:
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


def rtu(pdu: bytes, unit: int = 1) -> bytes:
    frame = bytes((unit,)) + pdu
    return frame + struct.pack("<H", checksum(frame))


READ = struct.pack(">BHH", 3, 52, 2)
WRITE = struct.pack(">BHH", 6, 52, 2)
IDENTIFY = b"\x2b\x0e\x01\x00"


def recorded(folder: pathlib.Path, way: str, to: str, *sent: bytes):
    """What is recorded of a program that sends this."""
    folder.mkdir(exist_ok=True)
    environment = {**os.environ, "LD_PRELOAD": str(BUILD / "tests/harness/librecorder.so"),
                   "FLOPWATT_RECORD": str(folder),
                   "FLOPWATT_RECORD_PROGRAMS": pathlib.Path(sys.executable).resolve().name}
    subprocess.run([sys.executable, "-c", PROGRAM, way, to, *(call.hex() for call in sent)], check=True, timeout=30,
                   env=environment)
    return folder.glob("*.sent")


@pytest.fixture
def peer():
    """Takes everything and says nothing."""
    def swallow(connection):
        while connection.recv(4096):
            pass

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=swallow, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield str(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def line():
    master, slave = os.openpty()
    yield os.ttyname(slave)
    os.close(slave)
    os.close(master)


@pytest.mark.parametrize("way", WAYS)
def test_a_write_does_not_escape(tmp_path, peer, way):
    assert judge(recorded(tmp_path / "reads", way, peer, mbap(READ), mbap(READ))) == {("tcp", 3): 2}
    with pytest.raises(Fault, match="no read: function 6"):
        judge(recorded(tmp_path / "writes", way, peer, mbap(READ), mbap(WRITE), mbap(READ)))


def test_what_counts_as_a_read(tmp_path, peer, line):
    for number, (to, good, found) in enumerate([
            (peer, [mbap(struct.pack(">BHH", 4, 0, 125), unit=255), mbap(IDENTIFY)], {("tcp", 4): 1, ("tcp", 43): 1}),
            (peer, [rtu(READ), rtu(IDENTIFY)], {("rtu+tcp", 3): 1, ("rtu+tcp", 43): 1}),
            (line, [rtu(READ), rtu(READ, unit=247)], {("serial", 3): 2})]):
        assert judge(recorded(tmp_path / str(number), "send", to, *good)) == found


@pytest.mark.parametrize(("sent", "fault"), [
    (rtu(WRITE), "no read"), (rtu(READ, unit=0), "unit 0"), (rtu(READ)[:-1], "not whole"), (b"hello", "not whole"),
    (rtu(READ) + b"\0", "unit 0"), (rtu(struct.pack(">BHHBH", 16, 52, 1, 2, 7)), "no request of Modbus RTU")])
def test_what_is_refused_on_a_line(tmp_path, line, sent, fault):
    with pytest.raises(Fault, match=fault):
        judge(recorded(tmp_path, "send", line, sent))


@pytest.mark.parametrize("sent", [
    mbap(b"\x10\x00\x34\x00\x01\x02\x00\x07"), mbap(b"\x05\x00\x01\xff\x00"), mbap(b"\x2b\x0d\x01\x00"), mbap(b"\x11"),
    mbap(READ)[:-2], mbap(READ) + b"\0", mbap(struct.pack(">BHH", 3, 0, 126)), mbap(struct.pack(">BHH", 3, 65535, 2)),
    b"\x16\x03\x01" + bytes(40), b"GET" + mbap(WRITE), b"hello", rtu(READ) + rtu(WRITE), rtu(READ, unit=0)])
def test_what_is_refused_on_a_connection(tmp_path, peer, sent):
    with pytest.raises(Fault):
        judge(recorded(tmp_path, "send", peer, sent))


@pytest.mark.parametrize("level", [b"\x04", b"\x05"], ids=["3.1.1", "5"])
def test_brokers_are_told_from_meters(tmp_path, peer, level):
    connect = b"\x10\x1c\x00\x04MQTT" + level + b"\x02\x00\x3c\x00\x00\x0fflopwatt-rack-1"
    assert not judge(recorded(tmp_path, "send", peer, connect, bytes(600)))


def test_an_empty_recording_proves_nothing(tmp_path):
    done = subprocess.run([sys.executable, SOURCE / "tests/harness/recording.py", tmp_path], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 1 and "too few" in done.stdout


def test_the_program_imports_no_function_that_writes():
    names = subprocess.run(["nm", "-D", "--undefined-only", BUILD / "flopwatt"], check=True, capture_output=True,
                           text=True).stdout
    assert "modbus_new_rtu" in names, "this is not the program that speaks Modbus"
    assert not re.findall(r"modbus_(?:write|mask_write|report_slave)\w*", names)
    # Ways of sending that are not recorded.
    assert not re.findall(r"\b(?:sendmmsg|io_uring\w*|vmsplice|tee)\b", names)
