"""mosquitto behind TLS that wants client certificates and a password; what its clients need to reach it."""
import pathlib
import subprocess

from harness.broker import Broker, Subscriber
from harness.certificates import Certificates

AGENT, READER = ("rack-r12", "secret of the agent"), ("reader", "secret of the reader")


def issued(folder: pathlib.Path) -> Certificates:
    """The authority, and the certificates of the broker and its two clients."""
    made = Certificates(folder / "certificates")
    made.sign("broker", "DNS:localhost")
    for name in ("agent", "reader"):
        made.sign(name, f"DNS:{name}.example")
    return made


class SecuredBroker(Broker):
    def __init__(self, folder: pathlib.Path, certificates: Certificates, extra: str = ""):
        self._passwords = folder / "passwords"
        self._certificates = certificates
        for login in (AGENT, READER):
            self.set_login(*login)
        super().__init__(folder, extra)

    def set_login(self, user: str, password: str) -> None:
        """Of the next start."""
        create = [] if self._passwords.exists() else ["-c"]
        subprocess.run(["mosquitto_passwd", "-b", *create, self._passwords, user, password], check=True)

    def configure(self, extra: str) -> None:
        own = self._certificates
        super().configure(f"cafile {own / 'ca.pem'}\ncertfile {own / 'broker.pem'}\nkeyfile {own / 'broker.key'}\n"
                          f"require_certificate true\nallow_anonymous false\npassword_file {self._passwords}\n{extra}")


def tls_of(name: str, certificates: Certificates) -> dict:
    """As paho's tls_set() takes it."""
    return {"ca_certs": certificates / "ca.pem", "certfile": certificates / f"{name}.pem",
            "keyfile": certificates / f"{name}.key"}


def reader(broker: Broker, certificates: Certificates, **more) -> Subscriber:
    return Subscriber(broker.port, login=READER, tls=tls_of("reader", certificates), **more)


def write_password(folder: pathlib.Path, password: str) -> None:
    path = folder / "mqtt-password"
    path.write_text(password + "\n")
    path.chmod(0o600)


def exporter(broker: Broker, certificates: Certificates, folder: pathlib.Path, host: str = "localhost", **tls) -> dict:
    """The agent's entry of the configuration; its password is put into `folder`, which is that of the configuration."""
    write_password(folder, AGENT[1])
    files = {"ca_file": str(certificates / "ca.pem"), "cert_file": str(certificates / "agent.pem"),
             "key_file": str(certificates / "agent.key")}
    files.update(tls)
    return {"name": "ems", "broker": f"mqtts://{host}:{broker.port}", "username": AGENT[0],
            "password_file": "mqtt-password", "tls": {key: value for key, value in files.items() if value}}
