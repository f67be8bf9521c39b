"""A broker on raw sockets that misbehaves as its script says, where mosquitto cannot. Speaks as much MQTT 5 and 3.1.1 as
a publisher needs."""
import dataclasses
import json
import socket
import struct
import threading

CONNECT, CONNACK, PUBLISH, PUBACK, PINGREQ, PINGRESP, DISCONNECT = 1, 2, 3, 4, 12, 13, 14

# What a script returns for a PUBLISH besides a reason code for its PUBACK
CLOSE, IGNORE = "close", "ignore"


@dataclasses.dataclass
class Disconnect:
    """Return value of a script: a DISCONNECT with this reason code, then the connection is closed."""
    reason: int


@dataclasses.dataclass
class Published:
    topic: str
    payload: bytes
    qos: int
    retained: bool
    connection: int
    answer: object = None

    @property
    def sets(self) -> list[dict]:
        if not self.payload:
            return []
        content = json.loads(self.payload)
        objects = content if isinstance(content, list) else [content]
        return [item for item in objects if isinstance(item, dict) and "seq" in item]


def varint(data: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


class ScriptedBroker:
    """`on_publish(Published)` returns a reason code, CLOSE, IGNORE or a Disconnect. `connack`: bytes of the answer to a
    CONNECT behind the fixed header, a function of the connection's number and the CONNECT's body, or None to close."""

    def __init__(self, on_publish=lambda message: 0, connack=bytes([0, 0, 0])):
        self.on_publish = on_publish
        self.connack = connack
        self.messages: list[Published] = []
        self.connects: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self._open.add(peer)
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        try:
            with peer, peer.makefile("rb") as stream:
                while self._answer_one(peer, stream):
                    pass
        except (OSError, EOFError, struct.error):
            pass
        finally:
            self._open.discard(peer)

    @staticmethod
    def _exactly(stream, count: int) -> bytes:
        data = stream.read(count)
        if len(data) < count:
            raise EOFError
        return data

    def _answer_one(self, peer, stream) -> bool:
        header = self._exactly(stream, 1)[0]
        length, shift = 0, 0
        while True:
            byte = self._exactly(stream, 1)[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        body = self._exactly(stream, length)
        kind = header >> 4
        if kind == CONNECT:
            return self._answer_connect(peer, body)
        if kind == PUBLISH:
            return self._answer_publish(peer, header, body)
        if kind == PINGREQ:
            peer.sendall(bytes([PINGRESP << 4, 0]))
        return kind != DISCONNECT

    def _answer_connect(self, peer, body: bytes) -> bool:
        self.connects.append(body)
        self.version = body[6]
        answer = self.connack(len(self.connects), body) if callable(self.connack) else self.connack
        if answer is None:
            return False
        peer.sendall(bytes([CONNACK << 4, len(answer)]) + answer)
        return answer[1] == 0

    def _answer_publish(self, peer, header: int, body: bytes) -> bool:
        size = struct.unpack(">H", body[:2])[0]
        topic, at, qos = body[2:2 + size].decode(), 2 + size, header >> 1 & 3
        identifier = body[at:at + 2] if qos else b""
        at += 2 if qos else 0
        if self.version == 5:
            properties, at = varint(body, at)
            at += properties
        message = Published(topic, body[at:], qos, bool(header & 1), len(self.connects))
        answer = message.answer = self.on_publish(message)
        self.messages.append(message)
        if answer == CLOSE:
            return False
        if isinstance(answer, Disconnect):
            peer.sendall(bytes([DISCONNECT << 4, 2, answer.reason, 0]))
            return False
        if qos and answer != IGNORE:
            reason = bytes([answer, 0]) if self.version == 5 and answer else b""
            peer.sendall(bytes([PUBACK << 4, 2 + len(reason)]) + identifier + reason)
        return True

    def taken(self, ending: str = "") -> list[int]:
        """The seqs that it has acknowledged, as often as it has."""
        return [item["seq"] for message in list(self.messages) if isinstance(message.answer, int) and message.answer < 0x80
                for item in message.sets if message.topic.endswith(ending)]

    def drop(self) -> None:
        """Closes all connections."""
        for peer in list(self._open):
            try:
                peer.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self) -> None:
        self._listener.close()
        self.drop()
