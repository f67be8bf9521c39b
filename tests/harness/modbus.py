"""A Modbus TCP meter that a test scripts answer by answer."""
import socket
import struct
import threading


class ScriptedMeter:
    """Answers each read from the bytes of all registers, from address 0, as `registers(number of the request, from 1)`
    gives them."""

    def __init__(self, registers):
        self._registers = registers
        self.requests = 0
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as requests:
            while len(request := self._next(requests)) == 12:
                transaction, _, _, unit, function, address, count = struct.unpack(">HHHBBHH", request)
                self.requests += 1
                data = self._registers(self.requests)[2 * address:2 * (address + count)]
                answer = struct.pack(">HHHBBB", transaction, 0, 3 + len(data), unit, function, len(data)) + data
                try:
                    connection.sendall(answer)
                except OSError:
                    return

    @staticmethod
    def _next(requests) -> bytes:
        try:
            return requests.read(12)
        except OSError:   # reset, as by an agent that closes before it has read everything
            return b""

    def stop(self) -> None:
        self._listener.close()
