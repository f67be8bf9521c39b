"""Some of what befalls an agent at its broker, over MQTT 5 and 3.1.1: nothing that is allowed is missing at an
independent subscriber, each set has its time, and the sum of the five numbers holds at every scrape. All of it, in one
life and with a long outage: tests/nightly/delivery_bar_test.py."""
import pytest

from harness.broker_situations import BrokerSituations

BOTH = ["5", "3.1.1"]


@pytest.mark.parametrize("protocol", BOTH)
def test_refused_credentials_that_are_fixed(tmp_path, started, protocol):
    site = BrokerSituations(tmp_path, started, protocol)
    site.refused_credentials()
    site.check_all()


@pytest.mark.parametrize("protocol", BOTH)
def test_a_second_client_with_our_id(tmp_path, started, protocol):
    site = BrokerSituations(tmp_path, started, protocol)
    site.second_client()
    site.check_all()


def test_arrays_that_are_too_large(tmp_path, started):
    site = BrokerSituations(tmp_path, started, "5")
    site.arrays_too_large()
    site.check_all()


def test_a_topic_that_is_denied_over_3_1_1_is_lost_and_holds_up_no_other(tmp_path, started):
    site = BrokerSituations(tmp_path, started, "3.1.1")
    site.denied_topic()
    assert site.check_all()["thrown away"] > 0


def test_receive_maximum_1(tmp_path, started):
    site = BrokerSituations(tmp_path, started, "5")
    site.receive_maximum_1()
    site.check_all()
