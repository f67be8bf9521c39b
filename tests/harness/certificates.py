"""A small public key infrastructure, made by the openssl command as an operator would."""
import pathlib
import subprocess
from datetime import datetime, timedelta, timezone

CA_CONFIG = """
[ca]
default_ca = a
[a]
database = {index}
serial = {serial}
new_certs_dir = {folder}
certificate = {folder}/ca.pem
private_key = {folder}/ca.key
default_md = sha256
policy = p
unique_subject = no
rand_serial = yes
[p]
commonName = supplied
[e]
subjectAltName = {names}
"""


class Certificates:
    """A folder with an authority, ca.pem, and what it has signed."""

    def __init__(self, folder: pathlib.Path, authority: str = "Test CA"):
        self.folder = folder
        folder.mkdir()
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                      self / "ca.key", "-out", self / "ca.pem", "-days", "30", "-subj", f"/CN={authority}")

    def __truediv__(self, name: str) -> pathlib.Path:
        return self.folder / name

    def _openssl(self, *arguments) -> None:
        done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def sign(self, name: str, names: str, valid_for: timedelta = timedelta(days=30)) -> None:
        """NAME.pem and NAME.key; `names` as in "DNS:localhost,IP:127.0.0.1". A negative time: it has expired."""
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                      self / f"{name}.key.new", "-out", self / f"{name}.csr", "-subj", f"/CN={name}")
        (self / "index").write_text("")
        config = self / f"{name}.cnf"
        config.write_text(CA_CONFIG.format(index=self / "index", serial=self / "serial", folder=self.folder, names=names))
        end = datetime.now(timezone.utc) + valid_for
        begin = min(datetime.now(timezone.utc), end) - timedelta(days=1)
        self._openssl("ca", "-batch", "-notext", "-config", config, "-extensions", "e", "-startdate",
                      begin.strftime("%Y%m%d%H%M%SZ"), "-enddate", end.strftime("%Y%m%d%H%M%SZ"), "-in",
                      self / f"{name}.csr", "-out", self / f"{name}.pem.new")
        for ending in ("key", "pem"):
            (self / f"{name}.{ending}.new").rename(self / f"{name}.{ending}")
