"""mosquitto, and a subscriber that keeps everything it receives."""
import dataclasses
import json
import pathlib
import ssl
import threading
import time

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from harness.process import Process, free_port, wait_until


class Broker(Process):
    """Persistence is on, so that what it acknowledged survives its own orderly restart."""

    def __init__(self, folder: pathlib.Path, extra: str = "allow_anonymous true\n"):
        super().__init__("mosquitto", folder)
        self.port = free_port()
        self.config = folder / "mosquitto.conf"
        self._data = folder / "mosquitto-data"
        self._data.mkdir()
        self.configure(extra)

    def configure(self, extra: str) -> None:
        """Of the next start: the same listener and the same data, and `extra`."""
        self.config.write_text(f"listener {self.port} 127.0.0.1\nuser root\npersistence true\n"
                               f"persistence_location {self._data}/\nmax_queued_messages 0\n{extra}")

    def start(self) -> "Broker":
        self.spawn(["/usr/sbin/mosquitto", "-c", self.config])
        wait_until(self._answers, 10, "mosquitto to listen")
        return self

    def _answers(self) -> bool:
        import socket
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"


@dataclasses.dataclass
class Message:
    topic: str
    payload: object   # decoded JSON
    retained: bool
    arrived: float    # Unix time
    size: int         # of the payload, in bytes

    @property
    def replayed(self) -> bool:
        return "/replay/" in self.topic

    @property
    def live_topic(self) -> str:
        return self.topic.replace("/replay/", "/", 1)

    @property
    def sets(self) -> list[dict]:
        """The reading sets it carries; none for state, info and status."""
        objects = self.payload if isinstance(self.payload, list) else [self.payload]
        return [item for item in objects if isinstance(item, dict) and "seq" in item]


class PahoClient(paho.Client):
    """Connects again when a TLS connection breaks. Of paho 1.6.1 itself the thread ends at that."""

    def _sock_send(self, buf):
        try:
            return super()._sock_send(buf)
        except ssl.SSLError as error:
            raise ConnectionError(str(error)) from error

    def _sock_recv(self, bufsize):
        try:
            return super()._sock_recv(bufsize)
        except ssl.SSLError as error:
            raise ConnectionError(str(error)) from error


class Subscriber:
    """Subscribes to `topic` with QoS 1 and a session that outlives its connection. Thread-safe."""

    def __init__(self, port: int, topic: str = "#", client_id: str = "test-subscriber", tls: dict | None = None,
                 login: tuple[str, str] | None = None, mqtt_5: bool = True):
        self._messages: list[Message] = []
        self._lock = threading.Lock()
        self._topic = topic
        self.at_next_replay = None  # called once, on the thread of the client
        self._client = PahoClient(client_id, protocol=paho.MQTTv5) if mqtt_5 else PahoClient(
            client_id, clean_session=False, protocol=paho.MQTTv311)
        self._client.on_connect = self._connected
        self._client.on_message = self._received
        self._client.reconnect_delay_set(1, 1)
        self._subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        options = {}
        if mqtt_5:
            options = {"clean_start": paho.MQTT_CLEAN_START_FIRST_ONLY, "properties": Properties(PacketTypes.CONNECT)}
            options["properties"].SessionExpiryInterval = 3600
        if tls:  # as paho's tls_set() takes it
            self._client.tls_set(**tls)
        if login:
            self._client.username_pw_set(*login)
        self._client.connect("localhost" if tls else "127.0.0.1", port, **options)
        self._client.loop_start()
        assert self._subscribed.wait(10), "the subscription was not confirmed"

    def _connected(self, client, *_):
        client.subscribe(self._topic, qos=1)

    def _received(self, _client, _data, message):
        if self.at_next_replay and "/replay/" in message.topic:
            call, self.at_next_replay = self.at_next_replay, None
            call()
        payload = json.loads(message.payload) if message.payload else None  # None: a retained message is taken away
        decoded = Message(message.topic, payload, bool(message.retain), time.time(), len(message.payload))
        with self._lock:
            self._messages.append(decoded)

    @property
    def messages(self) -> list[Message]:
        with self._lock:
            return list(self._messages)

    def of(self, ending: str) -> list[Message]:
        return [message for message in self.messages if message.topic.endswith(ending)]

    def seqs(self) -> set[int]:
        return {item["seq"] for message in self.messages for item in message.sets}

    def is_connected(self) -> bool:
        return self._client.is_connected()

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
