"""The endpoint with a web configuration: TLS, client certificates, users, and what strangers try."""
import base64
import crypt
import http.client
import json
import os
import socket
import ssl
import subprocess
import threading
import time

import yaml
from harness.agent import Agent
from harness.process import BUILD, wait_until
from harness.rack import LOADS, Rack

FLOPWATT = BUILD / "flopwatt"


def openssl(folder, *words):
    subprocess.run(["openssl", *map(str, words)], cwd=folder, check=True, capture_output=True)


def make_authority(folder):
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key",
            "-out", "ca.pem", "-days", "30", "-subj", "/CN=Test CA")


def sign(folder, name, names="DNS:localhost,IP:127.0.0.1"):
    openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
            "-out", f"{name}.csr", "-subj", f"/CN={name}")
    (folder / "names").write_text(f"subjectAltName={names}\n")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "10", "-extfile", "names", "-out", f"{name}.pem")


def bcrypt(password, cost=8):
    return crypt.crypt(password, f"$2b${cost:02}$abcdefghijklmnopqrstuu")


def basic(login):
    return {"Authorization": "Basic " + base64.b64encode(login.encode()).decode()}


class Guarded:
    """An agent with a rack of two meters and this web configuration."""

    def __init__(self, folder, web, started, **prometheus):
        make_authority(folder)
        sign(folder, "server")
        sign(folder, "client", "DNS:prometheus.example")
        self.folder = folder
        self.write_web(web)
        rack = Rack(folder, LOADS / "demo.yml").start()
        started.append(rack)
        names = [meter["name"] for meter in rack.started["meters"]]
        self.agent = Agent(folder, {"node": "rack-r12", "meters": [rack.meter_config(name) for name in names],
                                    "accelerators": {"nvidia": False},
                                    "scopes": [{"name": "rack", "energy": names, "work": "none"}]})
        config = yaml.safe_load(self.agent.config.read_text())
        config["exporters"]["prometheus"].update(web_config="web.yml", **prometheus)
        self.agent.config.write_text(yaml.safe_dump(config))
        started.append(self.agent)
        self.agent.start(wait=False)
        wait_until(self.is_listening, 20, "the endpoint")

    def write_web(self, web):
        (self.folder / "next.yml").write_text(yaml.safe_dump(web))
        os.replace(self.folder / "next.yml", self.folder / "web.yml")

    def is_listening(self):
        assert self.agent.alive(), self.agent.log_text()
        try:
            socket.create_connection(("127.0.0.1", self.agent.port), 1).close()
            return True
        except OSError:
            return False

    def context(self, own=None):
        context = ssl.create_default_context(cafile=self.folder / "ca.pem")
        if own:
            context.load_cert_chain(self.folder / f"{own}.pem", self.folder / f"{own}.key")
        return context

    def get(self, path, headers=None, own=None):
        connection = http.client.HTTPSConnection("localhost", self.agent.port, timeout=30, context=self.context(own))
        try:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()

    def subject(self):
        with socket.create_connection(("localhost", self.agent.port), 10) as plain, \
                self.context().wrap_socket(plain, server_hostname="localhost") as end:
            return end.getpeercert()["subject"][0][0][1]

    def s_client(self, *words, said=""):
        """What openssl's own client says."""
        answer = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.agent.port}",
                                 "-CAfile", self.folder / "ca.pem", *map(str, words)],
                                input=said, capture_output=True, text=True, timeout=30)
        return answer.returncode, answer.stdout + answer.stderr

    def read(self, *words):
        return subprocess.run([FLOPWATT, "read", f"--config.file={self.agent.config}", "--format=json", *map(str, words)],
                              capture_output=True, text=True, timeout=90)


TLS = {"cert_file": "server.pem", "key_file": "server.key"}


def test_tls_and_users(tmp_path, started):
    web = {"tls_server_config": TLS, "basic_auth_users": {"alice": bcrypt("secret")},
           "http_server_config": {"headers": {"X-Frame-Options": "deny"}}}
    guarded = Guarded(tmp_path, web, started)

    # Users guard all but /-/healthy.
    assert guarded.get("/-/healthy")[0] == 200
    for path in ("/", "/metrics", "/-/ready", "/api/v1/status", "/api/v1/readings", "/nothing"):
        status, headers, body = guarded.get(path)
        assert status == 401 and headers["WWW-Authenticate"].startswith("Basic ") and body == "Unauthorized\n", path
        assert headers["X-Frame-Options"] == "deny"
    assert guarded.get("/metrics", basic("alice:wrong"))[0] == 401
    assert guarded.get("/metrics", basic("bob:secret"))[0] == 401
    status, headers, page = guarded.get("/metrics", basic("alice:secret"))
    assert status == 200 and headers["X-Frame-Options"] == "deny"
    days = [line for line in page.splitlines() if line.startswith("flopwatt_certificate_expiry_days{")]
    assert len(days) == 1 and 'usage="server",subject="CN=server"' in days[0]
    assert 9.9 < float(days[0].split()[-1]) <= 10

    # Plain HTTP is told so; the agent's certificate is not asked of it.
    with socket.create_connection(("127.0.0.1", guarded.agent.port)) as plain:
        plain.sendall(b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n")
        assert b"This port is for https:// only." in plain.recv(4096)

    # `check` and `read` know the file.
    assert subprocess.run([FLOPWATT, "check", f"--config.file={guarded.agent.config}"]).returncode == 0
    assert "asks for a user: give --username and --password-file" in guarded.read().stderr
    (tmp_path / "password").write_text("secret\n")
    login = ("--username=alice", f"--password-file={tmp_path / 'password'}")
    for words in (login, (*login, f"--ca-file={tmp_path / 'ca.pem'}")):
        answer = guarded.read(*words)
        assert answer.returncode == 0 and "the agent of this node runs" in answer.stderr, answer.stderr
    assert all(source["up"] for source in json.loads(answer.stdout)["sources"].values())
    (tmp_path / "password").write_text("wrong")
    assert "does not know this user or password" in guarded.read(*login).stderr

    # 50 wrong logins a second delay no poll, and a user who is known comes through.
    wrong, answers = guarded.context(), []

    def attack(until):
        while time.monotonic() < until:
            connection = http.client.HTTPSConnection("localhost", guarded.agent.port, timeout=10, context=wrong)
            due = time.monotonic() + 0.2  # ten of these: 50 a second
            try:
                connection.request("GET", "/metrics", headers=basic("alice:guess"))
                answers.append(connection.getresponse().status)
            except OSError:
                answers.append(None)
            connection.close()
            time.sleep(max(0, due - time.monotonic()))

    threads = [threading.Thread(target=attack, args=(time.monotonic() + 10,)) for _ in range(10)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        time.sleep(1.5)
        assert guarded.get("/metrics", basic("alice:secret"))[0] == 200
    for thread in threads:
        thread.join()
    assert set(answers) <= {401, 503, None} and answers.count(401) > 10
    page = guarded.get("/metrics", basic("alice:secret"))[2]
    skipped = [line for line in page.splitlines() if line.startswith("flopwatt_polls_skipped_total{")]
    assert skipped and all(line.endswith(" 0") for line in skipped), skipped


def test_certificates_are_taken_up_again(tmp_path, started):
    guarded = Guarded(tmp_path, {"tls_server_config": TLS}, started)
    assert guarded.subject() == "server"
    keeps = http.client.HTTPSConnection("localhost", guarded.agent.port, timeout=10, context=guarded.context())
    keeps.request("GET", "/-/healthy")
    assert keeps.getresponse().read()
    sign(tmp_path, "renewed")
    begin = time.monotonic()
    os.replace(tmp_path / "renewed.pem", tmp_path / "server.pem")  # half of the pair
    wait_until(lambda: "changed files cannot be used, keeping the old ones" in guarded.agent.log_text(), 60, "the log")
    assert guarded.subject() == "server"
    os.replace(tmp_path / "renewed.key", tmp_path / "server.key")
    wait_until(lambda: guarded.subject() == "renewed", 60, "the renewed certificate", poll=0.5)
    assert time.monotonic() - begin < 100
    keeps.request("GET", "/-/healthy")  # a connection goes on as it began
    assert keeps.getresponse().status == 200
    assert guarded.agent.log_text().count("changed files cannot be used") == 1
    # A file that guards less is not taken up while the agent runs, but by a reload.
    taken = guarded.agent.log_text().count("took up changed files")
    guarded.write_web({})
    wait_until(lambda: "guards less than before: tls_server_config" in guarded.agent.log_text(), 60, "the log")
    assert guarded.agent.log_text().count("took up changed files") == taken
    assert guarded.subject() == "renewed"


def test_what_openssl_s_own_client_gets(tmp_path, started):
    guarded = Guarded(tmp_path, {"tls_server_config": {**TLS, "client_auth_type": "RequireAndVerifyClientCert",
                                                       "client_ca_file": "ca.pem"}}, started)
    own = ("-cert", tmp_path / "client.pem", "-key", tmp_path / "client.key")
    ask = "GET /-/healthy HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    for version in ("-tls1_2", "-tls1_3"):
        code, said = guarded.s_client(*own, version, "-ign_eof", said=ask)
        assert code == 0 and "flopwatt is healthy." in said, said
        assert "Compression: NONE" in said and "Verify return code: 0 (ok)" in said
        code, said = guarded.s_client(version, "-ign_eof", said=ask)  # without the certificate
        assert "flopwatt" not in said and "HTTP/1.1" not in said and "alert" in said, said
    for old in ("-tls1", "-tls1_1"):
        code, said = guarded.s_client(*own, old, "-cipher", "ALL:@SECLEVEL=0")
        assert code != 0 and ("alert protocol version" in said or "no protocols available" in said), said
    with subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{guarded.agent.port}", "-tls1_2", *map(str, own)],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as client:
        time.sleep(1)
        client.stdin.write("R\n")
        client.stdin.flush()
        time.sleep(1)
        said = client.communicate("", timeout=10)[0]
    assert "RENEGOTIATING" in said and "no renegotiation" in said, said
    assert guarded.get("/-/healthy", own="client")[0] == 200
    answer = guarded.read(f"--cert-file={tmp_path / 'client.pem'}", f"--key-file={tmp_path / 'client.key'}")
    assert answer.returncode == 0 and "the agent of this node runs" in answer.stderr, answer.stderr
    assert "a client certificate is needed; set cert_file and key_file" in guarded.read().stderr


def test_a_wrong_web_configuration_is_exit_1(tmp_path, started):
    make_authority(tmp_path)
    sign(tmp_path, "server")
    config = tmp_path / "flopwatt.yml"
    config.write_text("node: n\naccelerators: {nvidia: off}\nexporters:\n  prometheus: {listen: ['127.0.0.1:18150'], web_config: web.yml}\n"
                      f"store: {{path: {tmp_path / 'x.db'}}}\n")
    for text, told in (("tls_server_config: {cert_file: server.pem, kee_file: a}\n", "web.yml:1:44: unknown key 'kee_file'"),
                       ("\ntls_server_config:\n  cert_file: server.pem\n  key_file: none.key\n", "none.key: no such file"),
                       (None, "web_config: cannot read")):
        (tmp_path / "web.yml").unlink(missing_ok=True)
        if text is not None:
            (tmp_path / "web.yml").write_text(text)
        for command in ("check", "run"):
            answer = subprocess.run([FLOPWATT, command, f"--config.file={config}"], capture_output=True, text=True, timeout=20)
            assert answer.returncode == 1 and told in answer.stdout + answer.stderr, (command, answer)


def test_a_socket_of_the_service_manager(tmp_path, started):
    agent = Agent(tmp_path, {"node": "n", "accelerators": {"nvidia": False}})
    started.append(agent)
    other = agent.port  # configured, but the socket counts
    config = yaml.safe_load(agent.config.read_text())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        agent.port = probe.getsockname()[1]
    assert config["exporters"]["prometheus"]["listen"] == [f"127.0.0.1:{other}"]
    agent.spawn(["systemd-socket-activate", "-l", f"127.0.0.1:{agent.port}", FLOPWATT, "run", f"--config.file={agent.config}"])
    wait_until(agent.answers, 20, "the agent on the socket that it was handed")
    with socket.socket() as nobody:
        assert nobody.connect_ex(("127.0.0.1", other)) != 0
