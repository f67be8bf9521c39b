"""What befalls an agent at its broker, one situation after the other, each with its cure: the broker is mosquitto behind
TLS with client certificates, the subscriber paho's client for Python. Nothing that is allowed may be missing after any
of them.

Over MQTT 3.1.1 a broker acknowledges also what it throws away. What that costs is noted in `thrown_away`, and nothing
else may be missing.
"""
import contextlib
import signal
import time
from datetime import datetime, timedelta, timezone

import paho.mqtt.client as paho

from harness.broker import PahoClient
from harness.delivery import Arrivals, Site, write_acl
from harness.process import wait_until
from harness.secured_broker import AGENT, SecuredBroker, exporter, issued, reader, tls_of, write_password

DENIED = "nvidia2"


def shown_time(microseconds: int) -> str:
    """As the contract has it: UTC, with milliseconds, cut off."""
    whole = datetime.fromtimestamp(microseconds // 1_000_000, timezone.utc)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{microseconds // 1000 % 1000:03}Z"


class BrokerSituations:
    def __init__(self, folder, started, protocol: str, scrape_period_s: float = 0.05):
        self.mqtt_5 = protocol == "5"
        self.folder = folder
        self.certificates = issued(folder)
        folder.chmod(0o755)
        self.broker = SecuredBroker(folder, self.certificates)
        self.configure()
        write_acl(self.broker, None)
        started.append(self.broker)
        self.broker.start()
        self.subscriber = reader(self.broker, self.certificates, mqtt_5=self.mqtt_5)
        self.arrivals = Arrivals(self.subscriber)
        entry = exporter(self.broker, self.certificates, folder)
        self.site = Site(folder, started, entry.pop("broker"), scrape_period_s=scrape_period_s, protocol=protocol, **entry)
        self.agent = self.site.agent
        self.password = AGENT[1]
        self.thrown_away: set[int] = set()
        self.drained_in: dict[str, float] = {}  # situation -> seconds from the new connection until all had arrived
        wait_until(lambda: len(self.arrivals.look()) > 20, 30, "the first sets")

    # Of use to all of them

    def configure(self, extra: str = "max_inflight_messages 0") -> None:
        """Of the broker's next start. Nothing but the socket may hold up what the subscriber is sent: so a broker that
        is killed has sent what it had acknowledged."""
        # Without room for messages mosquitto 2.0.11 closes the connection at a refusal.
        self.broker.configure(f"acl_file {self.folder}/acl\nmax_queued_messages 1000000\n{extra}\n")

    def is_up(self) -> bool:
        with contextlib.suppress(OSError):  # it may be busy
            return self.site.exporter("up") == 1
        return False

    def stop_broker(self) -> None:
        assert self.broker.stop() == 0
        wait_until(lambda: not self.is_up(), 30, "exporter down")

    def restart_broker(self) -> None:
        self.stop_broker()
        self.broker.start()

    def told_since(self, position: int, words: str) -> bool:
        return words in self.agent.log_text()[position:]

    def wait_for_words(self, position: int, words: str, seconds: float = 60) -> None:
        wait_until(lambda: self.told_since(position, words), seconds, f"'{words}' in {self.agent.log_text()[position:]}")

    def settle(self, situation: str, without=set, seconds: float = 90) -> None:
        """The exporter is up again, and all that is stored by then arrives, but for `without()`."""
        wait_until(self.is_up, 90, f"exporter up after '{situation}': {self.agent.log_text()[-3000:]}")
        begin = time.monotonic()
        expected = self.site.seqs() - self.thrown_away - without()  # in this order: there may be more each moment
        self.wait_for(expected, seconds)
        self.drained_in[situation] = time.monotonic() - begin

    def wait_for(self, expected: set[int], seconds: float = 90) -> None:
        try:
            wait_until(lambda: expected <= self.arrivals.look(), seconds, "what is allowed")
        except AssertionError as error:
            missing = sorted(expected - self.arrivals.look())
            raise AssertionError(f"{error}: {len(missing)} sets are missing, {missing[:3]} to {missing[-3:]}; "
                                 f"{self.agent.log_text()[-3000:]}") from None

    def fault_and_cure(self, situation: str, words: str, cure) -> None:
        """The broker is restarted into a fault that the agent tells; then the cure."""
        position = len(self.agent.log_text())
        self.restart_broker()
        self.wait_for_words(position, words)
        assert not self.is_up()
        cure()
        self.settle(situation)

    def wait_for_silence(self) -> None:
        """The subscriber has got nothing for a second."""
        count = -1
        while len(self.subscriber.messages) != count:
            count = len(self.subscriber.messages)
            time.sleep(1)  # the silence itself

    # The situations

    def outage_with_a_death_amid_the_burst(self, seconds: float) -> None:
        """The broker is away for so long, comes back, and is killed while the backlog flows."""
        self.stop_broker()
        time.sleep(seconds)  # the outage itself
        behind = self.site.seqs() - self.arrivals.look()
        # The subscriber is there first: the memory of a broker that is killed holds nothing for it.
        self.agent.signal(signal.SIGSTOP)
        self.broker.start()
        wait_until(self.subscriber.is_connected, 20, "the subscriber")
        # What is in flight then stays without an answer. What had one is on its way to the subscriber.
        self.subscriber.at_next_replay = lambda: self.broker.signal(signal.SIGSTOP)
        self.agent.signal(signal.SIGCONT)
        wait_until(lambda: behind & self.arrivals.look(), 60, "the begin of the backlog")
        self.wait_for_silence()
        arrived = behind & self.arrivals.look()
        self.broker.kill()
        assert arrived < behind, "not amid the burst: the outage was too short"
        self.amid = len(arrived) / len(behind)
        wait_until(lambda: not self.is_up(), 30, "exporter down")
        self.broker.start()
        self.settle("outage, killed amid the burst")

    def half_open_link(self) -> None:
        self.broker.signal(signal.SIGSTOP)
        wait_until(lambda: not self.is_up(), 60, "exporter down")
        self.broker.signal(signal.SIGCONT)
        self.settle("half-open link")

    def certificate_expires(self) -> None:
        """The agent's own, in the course of time; it is renewed when the broker has refused it."""
        position = len(self.agent.log_text())
        valid_for = timedelta(seconds=40)
        end = time.time() + valid_for.total_seconds()
        self.certificates.sign("agent", "DNS:agent.example", valid_for)
        self.wait_for_words(position, "with other certificate files", 30)
        wait_until(self.is_up, 20, "exporter up")
        wait_until(lambda: time.time() > end + 1, valid_for.total_seconds() + 10, "the certificate to expire")
        assert self.is_up()
        self.fault_and_cure("certificate of the agent expired", "our certificate has expired; renew it",
                            lambda: self.certificates.sign("agent", "DNS:agent.example"))

    def certificate_of_the_broker(self, situation: str, names: str, words: str, **more) -> None:
        self.certificates.sign("broker", names, **more)

        def cure():
            self.broker.stop()
            self.certificates.sign("broker", "DNS:localhost")
            self.broker.start()

        self.fault_and_cure(situation, words, cure)

    def wrong_host_name(self) -> None:
        self.certificate_of_the_broker("wrong host name", "DNS:elsewhere.example",
                                       "the certificate is for another name: elsewhere.example")

    def certificate_of_the_broker_expired(self) -> None:
        self.certificate_of_the_broker("certificate of the broker expired", "DNS:localhost",
                                       "(this machine's clock says ", valid_for=timedelta(days=-1))

    def refused_credentials(self) -> None:
        self.password = "another secret of the agent"
        self.broker.set_login(AGENT[0], self.password)
        self.fault_and_cure("refused credentials", "check `username`, `password_file`",
                            lambda: write_password(self.folder, self.password))

    def second_client(self) -> None:
        """It has our client id, and comes back each time it is thrown out, until the agent has named it. mosquitto 2.0.11
        gives no reason over MQTT 5 either."""
        time.sleep(11)  # a connection that has held for 10 s: losses before it are no part of this
        position = len(self.agent.log_text())
        other = PahoClient("flopwatt-n-ems", protocol=paho.MQTTv5 if self.mqtt_5 else paho.MQTTv311)
        other.tls_set(**tls_of("agent", self.certificates))
        other.username_pw_set(AGENT[0], self.password)
        other.reconnect_delay_set(1, 1)
        other.connect("localhost", self.broker.port)
        other.loop_start()
        try:
            self.wait_for_words(position, "another client uses this client id", 90)
        finally:
            other.disconnect()
            other.loop_stop()
        self.settle("second client with the same id")

    def with_a_backlog(self, extra: str, seconds: float = 10) -> None:
        """An outage, and then a broker with other settings."""
        self.stop_broker()
        time.sleep(seconds)  # the outage itself
        self.configure(extra)
        self.broker.start()

    def receive_maximum_1(self) -> None:
        position = len(self.agent.log_text())
        self.with_a_backlog("max_inflight_messages 1")
        self.settle("receive maximum 1")
        assert self.agent.log_text()[position:].count("connected to MQTT broker") == 1
        self.with_a_backlog("max_inflight_messages 0", seconds=1)
        self.settle("receive maximum 1, lifted")

    def denied_topic(self) -> None:
        """With an outage behind it; then the access list is fixed."""
        self.stop_broker()
        before = self.site.seqs(DENIED)
        write_acl(self.broker, f"accelerators/{DENIED}")
        self.broker.start()
        self.settle("denied topic", without=lambda: self.site.seqs(DENIED))
        self.with_a_backlog("max_inflight_messages 0")
        self.settle("denied topic, outage behind it", without=lambda: self.site.seqs(DENIED))
        refused = self.site.seqs(DENIED) - before
        assert refused and not refused & self.arrivals.look()
        self.judge_refusal("not_authorized")
        self.broker.stop()
        write_acl(self.broker, None)
        self.cured("denied topic, allowed again", lambda: self.site.seqs(DENIED) - self.arrivals.look())

    def wait_for_refusals(self, reason: str) -> None:
        wait_until(lambda: self.site.exporter("refusals_total", reason=reason) > 0, 10, "refusals to be counted")

    def judge_refusal(self, reason: str) -> None:
        """What is refused is set aside; over 3.1.1 it is taken for delivered."""
        if self.mqtt_5:
            wait_until(lambda: self.site.exporter("set_aside_readings") > 0, 20, "readings that are set aside")
            self.wait_for_refusals(reason)
        else:
            assert self.site.exporter("set_aside_readings") == 0
            assert self.site.exporter("refusals_total", reason=reason) == 0

    def cured(self, situation: str, refused) -> None:
        """The broker, which is stopped, starts and takes what it had refused; over 3.1.1 that is gone."""
        wait_until(lambda: not self.is_up(), 30, "exporter down")
        if not self.mqtt_5:
            gone = refused()
            assert gone, "over 3.1.1 what is refused is lost"
            self.thrown_away |= gone
        self.broker.start()
        self.settle(situation)
        wait_until(lambda: self.site.exporter("set_aside_readings") == 0, 20, "nothing to be set aside")

    def arrays_too_large(self) -> None:
        """Not announced, then announced. Over 3.1.1 the former are gone, at the latter the connection is closed: that is
        found out after two or three losses, so the limit there is one that arrays obey after they were halved once."""
        large, outage_s = (10_000, 10) if self.mqtt_5 else (33_000, 25)
        self.with_a_backlog(f"max_inflight_messages 0\nmessage_size_limit {large}", outage_s)
        if self.mqtt_5:
            self.settle("arrays too large, not announced")
            self.wait_for_refusals("packet_too_large")
        else:
            wait_until(self.is_up, 60, "exporter up")
            behind = self.site.seqs()  # sets that had to wait for the connection, and those before
            wait_until(lambda: self.site.exporter("backlog_readings") < 300, 60, "the backlog to be gone")
            self.wait_for(self.site.seqs() - behind)
            self.thrown_away |= behind - self.arrivals.look()
            assert self.thrown_away, "over 3.1.1 what is refused is lost"
        self.with_a_backlog(f"max_inflight_messages 0\nmax_packet_size {large}", outage_s)
        self.settle("arrays too large, announced", seconds=300)
        self.with_a_backlog("max_inflight_messages 0", seconds=1)
        self.settle("arrays too large, limit lifted")

    def single_sets_too_large(self, announced: bool) -> None:
        """The sets of meters are longer than those of accelerators without work."""
        newest = {}
        for message in self.subscriber.messages[-2000:]:
            if message.sets and not message.replayed:
                newest[message.topic.split("/")[2]] = message.size
        limit = (newest["meters"] + newest["accelerators"]) // 2
        assert newest["accelerators"] < limit - 20, newest
        setting = f"max_packet_size {limit + 60}" if announced else f"message_size_limit {limit}"
        self.stop_broker()
        self.configure(f"max_inflight_messages 0\n{setting}")
        before = self.site.seqs()
        self.broker.start()
        wait_until(self.is_up, 60, "exporter up")
        wait_until(lambda: len((self.site.seqs() - before) & self.arrivals.look()) > 50, 30, "sets that are small")
        self.judge_refusal("packet_too_large")
        meters = self.site.seqs("pdu-a") - before
        assert len(meters & self.arrivals.look()) == 0
        self.broker.stop()
        self.configure()
        self.cured(f"single sets too large, {'' if announced else 'not '}announced",
                   lambda: self.site.seqs() - self.arrivals.look())

    # At the end

    def check_all(self) -> dict:
        """After a restart of the agent: everything has arrived, with its time and on its topic. Returns the figures."""
        self.site.restart_agent()
        self.settle("restart of the agent")
        wait_until(lambda: self.site.exporter("backlog_readings") < 300, 20, "no backlog")
        wait_until(lambda: self.site.watch.scrapes > 5, 20, "some scrapes of the agent that was restarted")
        self.site.end_watch()
        page = self.agent.metrics()
        left = {name: page.get(f"flopwatt_exporter_{name}", exporter="ems")
                for name in ("dropped_readings_total", "left_out_readings_total", "set_aside_readings")}
        assert not any(left.values()), left
        arrived = self.arrivals.look()
        times = self.site.stored_times()
        assert set(times) == set(range(min(times), max(times) + 1)), "a hole in the store's own numbers"
        for seq in arrived & set(times):
            assert self.arrivals.times[seq] == {shown_time(times[seq])}, (seq, self.arrivals.times[seq], times[seq])
            assert len(self.arrivals.topics[seq]) == 1, f"a seq names two things: {self.arrivals.topics[seq]}"
        return {"stored": len(times), "arrived": len(arrived), "thrown away": len(self.thrown_away - arrived),
                "repeats %": 100 * self.arrivals.repeats / len(arrived), "scrapes": self.site.scrapes,
                "seconds to drain": {name: round(value, 2) for name, value in self.drained_in.items()}}

    def end(self) -> None:
        self.subscriber.stop()
