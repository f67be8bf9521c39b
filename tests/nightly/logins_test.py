"""50 wrong logins a second for a minute, against hashes of bcrypt's cost 10: no poll is skipped or late, users who are known
and /-/healthy are answered at once, and one who is new comes through. With and without the system call that puts the
computing of hashes behind all other work. FLOPWATT_LOGINS_S: another time than a minute."""
import base64
import crypt
import http.client
import os
import pathlib
import ssl
import subprocess
import sys
import threading
import time

import pytest
import yaml

from harness.agent import Agent, Metrics
from harness.certificates import Certificates
from harness.process import SOURCE, wait_until
from harness.rack import Rack

SECONDS = float(os.environ.get("FLOPWATT_LOGINS_S", "60"))
LOAD = "meters: {count: 20, name: outlet, base_power: 3000}\n"
NEW = [f"new{number}" for number in range(60)]


def basic(login: str) -> dict:
    return {"Authorization": "Basic " + base64.b64encode(login.encode()).decode()}


class Guarded:
    """An agent with 20 meters, behind TLS and users."""

    def __init__(self, folder: pathlib.Path, started: list, may_set_priority: bool):
        certificates = Certificates(folder / "pki")
        certificates.sign("server", "DNS:localhost,IP:127.0.0.1")
        secret = crypt.crypt("secret", "$2b$10$abcdefghijklmnopqrstuu")
        (folder / "web.yml").write_text(yaml.safe_dump({
            "tls_server_config": {"cert_file": "pki/server.pem", "key_file": "pki/server.key"},
            "basic_auth_users": {name: secret for name in ("alice", *NEW)}}))
        rack = Rack(folder, LOAD).start()
        self.agent = Agent(folder, {
            "node": "rack-r12", "accelerators": {"nvidia": False},
            "meters": [rack.meter_config(meter["name"]) for meter in rack.started["meters"]]})
        config = yaml.safe_load(self.agent.config.read_text())
        config["exporters"]["prometheus"]["web_config"] = "web.yml"
        self.agent.config.write_text(yaml.safe_dump(config))
        self.context = ssl.create_default_context(cafile=certificates / "ca.pem")
        started += [rack, self.agent]
        before = [] if may_set_priority else [sys.executable, "-B", SOURCE / "tests/harness/without_setpriority.py"]
        self.agent.spawn([*before, self.agent.program, "run", f"--config.file={self.agent.config}"])
        wait_until(self._listens, 20, "the endpoint")
        wait_until(lambda: self.get("/metrics", "alice:secret")[0] == 200, 20, "the first login")
        wait_until(lambda: sum(value for _, value in self.page().samples["flopwatt_source_up"]) == 20, 20, "all meters")

    def _listens(self) -> bool:
        assert self.agent.alive(), self.agent.log_text()
        try:
            return self.get("/-/healthy")[0] == 200
        except OSError:
            return False

    def get(self, path: str, login: str = "", source: str = "127.0.0.1") -> tuple[int, str]:
        connection = http.client.HTTPSConnection("127.0.0.1", self.agent.port, timeout=30, context=self.context,
                                                 source_address=(source, 0))
        try:
            connection.request("GET", path, headers=basic(login) if login else {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def page(self) -> Metrics:
        return Metrics(self.get("/metrics", "alice:secret")[1])


class Asker(threading.Thread):
    """Asks each `period` seconds until the time is over; `answers` are (seconds, status or error)."""

    def __init__(self, period: float, phase: float, until: float, ask):
        super().__init__()
        self.answers: list[tuple[float, int | str]] = []
        self._period, self._due, self._until, self._ask = period, time.monotonic() + phase, until, ask

    def run(self) -> None:
        while self._due < self._until:
            time.sleep(max(0, self._due - time.monotonic()))
            begin = time.monotonic()
            try:
                status = self._ask()
            except OSError as error:
                status = repr(error)
            self.answers.append((time.monotonic() - begin, status))
            self._due = max(self._due + self._period, time.monotonic() - self._period)


def quantile(times: list[float], share: float) -> float:
    return sorted(times)[min(int(share * len(times)), len(times) - 1)]


def attack() -> None:
    """As a program of its own: 50 wrong logins a second from another address, each on a connection of its own."""
    port, seconds = int(sys.argv[1]), float(sys.argv[2])
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def guess(number: int) -> int:
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context,
                                                 source_address=("127.0.0.2", 0))
        try:
            connection.request("GET", "/metrics", headers=basic(f"alice:guess{number}"))
            return connection.getresponse().status
        finally:
            connection.close()

    until = time.monotonic() + seconds
    askers = [Asker(1, number / 50, until, lambda number=number: guess(number)) for number in range(50)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    print(yaml.safe_dump([status for asker in askers for _, status in asker.answers]))


def lateness(before: Metrics, after: Metrics) -> dict[float, float]:
    """Share of the polls between the two pages that began within so many seconds."""
    def buckets(page: Metrics) -> dict[str, float]:
        return {labels["le"]: value for labels, value in page.samples["flopwatt_poll_lateness_seconds_bucket"]}
    first, last = buckets(before), buckets(after)
    count = last["+Inf"] - first["+Inf"]
    return {float(bound): round((last[bound] - first[bound]) / count, 4) for bound in last}


def first_login(guarded: Guarded) -> list[tuple[float, float, int]]:
    """One user after the other who was not there before, each until it is let in: seconds until then, the longest time of
    an answer, and the tries."""
    results, until = [], time.monotonic() + SECONDS
    for name in NEW:
        begin, longest, tries, status = time.monotonic(), 0.0, 0, 0
        while status != 200 and time.monotonic() < until:
            asked = time.monotonic()
            status = guarded.get("/metrics", f"{name}:secret", "127.0.0.3")[0]
            longest, tries = max(longest, time.monotonic() - asked), tries + 1
            assert status in (200, 503)
            if status == 503:
                time.sleep(1)  # as it says in Retry-After
        if status == 200:
            results.append((time.monotonic() - begin, longest, tries))
        time.sleep(1)
        if time.monotonic() > until:
            break
    return results


def ask_meanwhile(guarded: Guarded) -> dict:
    until = time.monotonic() + SECONDS
    known = Asker(0.25, 0, until, lambda: guarded.get("/metrics", "alice:secret")[0])
    healthy = Asker(0.25, 0.1, until, lambda: guarded.get("/-/healthy")[0])
    known.start()
    healthy.start()
    new = first_login(guarded)
    known.join()
    healthy.join()
    return {"known": known.answers, "healthy": healthy.answers, "new": new}


def report(name: str, seen: dict, late: dict) -> None:
    for who in ("known", "healthy"):
        times = [seconds for seconds, _ in seen[who]]
        print(f"{name}: {who}: {len(times)} times, median {1e3 * quantile(times, 0.5):.0f} ms, p99 "
              f"{1e3 * quantile(times, 0.99):.0f} ms, longest {1e3 * max(times):.0f} ms, {set(s for _, s in seen[who])}")
    for what, at in (("let in after", 0), ("longest answer", 1), ("tries", 2)):
        values = [one[at] for one in seen["new"]]
        print(f"{name}: {len(values)} new users: {what}: median {quantile(values, 0.5):.2f}, most {max(values):.2f}")
    print(f"{name}: share of polls within so many seconds of their time: {late}")


@pytest.mark.parametrize("may_set_priority", [True, False], ids=["setpriority allowed", "setpriority refused"])
def test_wrong_logins_for_a_minute(tmp_path, started, may_set_priority):
    guarded = Guarded(tmp_path, started, may_set_priority)
    begin = guarded.page()
    time.sleep(SECONDS)
    without = guarded.page()
    attacker = subprocess.Popen([sys.executable, "-B", "-c", "from nightly import logins_test; logins_test.attack()",
                                 str(guarded.agent.port), str(SECONDS)], stdout=subprocess.PIPE, text=True,
                                env={**os.environ, "PYTHONPATH": str(SOURCE / "tests")})
    seen = ask_meanwhile(guarded)
    wrong = yaml.safe_load(attacker.communicate(timeout=60)[0])
    end = guarded.page()
    report("attack", seen, lateness(without, end))
    print("without:", lateness(begin, without))
    print(f"wrong logins: {len(wrong) / SECONDS:.1f} a second, 401: {wrong.count(401)}, 503: {wrong.count(503)}")
    assert set(wrong) <= {401, 503} and len(wrong) > 30 * SECONDS
    assert all(longest < 8 for _, longest, _ in seen["new"]), "an answer takes 5 s at the most, and how long the machine is busy"
    assert sum(value for _, value in end.samples["flopwatt_polls_skipped_total"]) == 0
    assert lateness(without, end)[0.05] > 0.99
    for who in ("known", "healthy"):
        assert {status for _, status in seen[who]} == {200}
        assert quantile([seconds for seconds, _ in seen[who]], 0.99) < 0.5
    assert seen["new"], "nobody who was new came in"
