"""The metrics page in both formats: a strict checker of our own, promtool and a real Prometheus."""
import gzip
import subprocess
import urllib.request

import pytest

from harness import openmetrics
from harness.agent import Agent
from harness.process import wait_until
from harness.prometheus import Prometheus
from harness.rack import LOADS, Rack

# As Prometheus 2.42 sends it.
ACCEPT = ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
          "text/plain;version=0.0.4;q=0.5,*/*;q=0.1")

GOOD = r"""# TYPE a_joules counter
# UNIT a_joules joules
# HELP a_joules Energy \"of\" \\ all\nthings.
a_joules_total{x="1",y="q\" b\\ n\n"} 1.5e+18 1.25
a_joules_total{x="1",y="q\" b\\ n\n"} 1.5e+18 2
a_joules_total{x="2"} 0
# TYPE a info
# HELP a h
a_info{x="1"} 1
# TYPE b_seconds histogram
# UNIT b_seconds seconds
# HELP b_seconds h
b_seconds_bucket{le="0.0001"} 1
b_seconds_bucket{le="1.0"} 2
b_seconds_bucket{le="+Inf"} 3
b_seconds_sum 2.5
b_seconds_count 3
# TYPE c_ratio gauge
# UNIT c_ratio ratio
# HELP c_ratio h
c_ratio -0.5
# EOF
"""

# rule -> what is replaced, and with what
BROKEN = {
    "the page does not end": [("# EOF\n", ""), ("# EOF\n", "# EOF"), ("# EOF\n", "# EOF\n\n"),
                              ("# EOF\n", "# EOF\nc_ratio 1\n")],
    "a carriage return": [("c_ratio -0.5\n", "c_ratio -0.5\r\n")],
    "neither metadata nor a sample": [("# TYPE c_ratio gauge", "# a comment\n# TYPE c_ratio gauge"),
                                      ("# HELP c_ratio h", "#HELP c_ratio h")],
    "'s name expected": [("c_ratio -0.5", "\nc_ratio -0.5"), ('{x="2"}', '{2="2"}')],
    "comes in two places": [("# TYPE c_ratio gauge", "# HELP a_joules h")],
    "behind its samples": [("# EOF", "# HELP c_ratio h\n# EOF")],
    "TYPE of c_ratio twice": [("# UNIT c_ratio ratio", "# TYPE c_ratio gauge")],
    "UNIT of c_ratio behind HELP": [("# UNIT c_ratio ratio\n# HELP c_ratio h", "# HELP c_ratio h\n# UNIT c_ratio ratio")],
    "does not end in its unit": [("# UNIT c_ratio ratio", "# UNIT c_ratio watts"), ("# UNIT c_ratio ratio", "# UNIT c_ratio tio"),
                                 ("# UNIT c_ratio ratio", "# UNIT c_ratio ")],
    "is not one that the agent uses": [("# TYPE c_ratio gauge", "# TYPE c_ratio untyped")],
    "could be confused": [("# TYPE c_ratio gauge\n# UNIT c_ratio ratio\n# HELP c_ratio h\nc_ratio -0.5",
                           "# TYPE a_info gauge\n# HELP a_info h\na_info -0.5")],
    "is not one of family": [('a_joules_total{x="2"}', 'a_joules{x="2"}'), ('a_info{x="1"} 1', 'a{x="1"} 1'),
                             ("c_ratio -0.5", "c_ratio_total -0.5"), ("c_ratio -0.5", "d -0.5"),
                             ("# TYPE a_joules counter", "# TYPE a_joules_total counter"),
                             ("# TYPE c_ratio gauge\n", "")],
    "lacks TYPE or HELP": [("# HELP c_ratio h\n", "")],
    "has no samples": [("c_ratio -0.5\n", "")],
    "is an info and has a unit": [("# TYPE a info\n# HELP a h\na_info", "# TYPE x_a info\n# UNIT x_a a\n# HELP x_a h\nx_a_info")],
    "a quotation mark that is not escaped": [(r"\"of\"", '"of"')],
    "an escape that there is not": [(r"q\"", r"q\t\"")],
    "a string that does not end": [('{x="2"}', '{x="2}')],
    "expected at column": [('{x="2"}', '{x="2" }'), ('{x="2"}', '{x="2",}'), ("c_ratio -0.5", "c_ratio  -0.5"),
                           ("c_ratio -0.5", "c_ratio x"), ("c_ratio -0.5", "c_ratio -0.5 ")],
    "something follows": [("c_ratio -0.5", "c_ratio 0x1"), ("e+18 2", "e+18 2ms"), ("c_ratio -0.5", "c_ratio -0.5 1 1")],
    "label x twice": [('{x="2"}', '{x="2",x="3"}')],
    "a reserved label": [('{x="2"}', '{__x="2"}')],
    "a counter is a number from 0": [('{x="2"} 0', '{x="2"} -1'), ('{x="2"} 0', '{x="2"} NaN')],
    "what is unknown is absent": [("c_ratio -0.5", "c_ratio NaN"), ("c_ratio -0.5", "c_ratio +Inf")],
    "an info is 1": [('a_info{x="1"} 1', 'a_info{x="1"} 2')],
    "label le outside": [('a_info{x="1"} 1', 'a_info{le="1"} 1')],
    "not together": [('a_joules_total{x="2"} 0\n', 'a_joules_total{x="2"} 0\na_joules_total{x="1",y="q\\" b\\\\ n\\n"} 2 3\n')],
    "the same series twice": [("c_ratio -0.5\n", "c_ratio -0.5\nc_ratio -0.5\n"), ("e+18 2", "e+18 1"), ("e+18 2", "e+18")],
    "a bucket without le": [('b_seconds_bucket{le="1.0"}', "b_seconds_bucket")],
    "the last bucket is not +Inf": [('b_seconds_bucket{le="+Inf"} 3\n', "")],
    "buckets do not ascend": [('le="1.0"', 'le="0.00001"')],
    "buckets are not cumulative": [('le="1.0"} 2', 'le="1.0"} 0')],
    "is not written canonically": [('le="1.0"', 'le="1"'), ('le="0.0001"', 'le="1e-04"')],
    "a bucket counts wholes": [('le="1.0"} 2', 'le="1.0"} 2.5')],
    "_count and _sum belong together": [("b_seconds_sum 2.5\n", "")],
    "_count is not the bucket +Inf": [("b_seconds_count 3", "b_seconds_count 4")],
}


def test_the_checker_takes_a_good_page():
    families = openmetrics.check(GOOD)
    assert list(families) == ["a_joules", "a", "b_seconds", "c_ratio"]
    assert families["a_joules"].metadata["HELP"] == 'Energy "of" \\ all\nthings.'
    assert families["a_joules"].samples[0].labels["y"] == 'q" b\\ n\n'
    assert families["a_joules"].samples[0].timestamp == 1.25


@pytest.mark.parametrize("rule", BROKEN)
def test_the_checker_refuses_a_page_that_breaks_a_rule(rule):
    for old, new in BROKEN[rule]:
        assert GOOD.count(old) >= 1, old
        with pytest.raises(openmetrics.Fault) as fault:
            openmetrics.check(new.join(GOOD.rsplit(old, 1)))
        assert rule in str(fault.value), (old, new)


def scrape(agent: Agent, **headers):
    request = urllib.request.Request(agent.url("/metrics"), headers=headers)
    with urllib.request.urlopen(request, timeout=5) as answer:
        body = answer.read()
        return answer.headers, (gzip.decompress(body) if answer.headers["Content-Encoding"] == "gzip" else body).decode()


def test_the_page_is_accepted_in_both_formats(tmp_path, started):
    rack = Rack(tmp_path, LOADS / "demo.yml").start()
    started.append(rack)
    agent = Agent(tmp_path, {"node": "rack-r12", "meters": [rack.meter_config("pdu-a"), rack.meter_config("pdu-b")],
                             "accelerators": {"nvidia": {"library": rack.library}},
                             "scopes": [{"name": "gpu-01", "energy": ["pdu-a", "pdu-b"], "work": "all"}],
                             "energy": {"windows": ["5s", "1h"]}}, environment=rack.environment).start()
    started.append(agent)
    prometheus = Prometheus(tmp_path, f"127.0.0.1:{agent.port}").start()
    started.append(prometheus)
    wait_until(lambda: agent.metrics().get("flopwatt_scope_joules_per_flop", scope="gpu-01", window="5s",
                                           method="pipe"), 30, "J/FLOP")

    headers, page = scrape(agent, **{"Accept": ACCEPT, "Accept-Encoding": "gzip"})
    assert headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert headers["Content-Encoding"] == "gzip" and headers["Vary"] == "Accept, Accept-Encoding"
    families = openmetrics.check(page)
    assert families["flopwatt_scope_energy_joules"].metadata["UNIT"] == "joules"
    assert families["flopwatt_meter"].type == "info" and families["flopwatt_poll_duration_seconds"].type == "histogram"

    headers, classic = scrape(agent, Accept="*/*")
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8" and not headers["Content-Encoding"]
    said = subprocess.run(["promtool", "check", "metrics"], input=classic, text=True, capture_output=True)
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")
    of_one_name = lambda text: {line.split("{")[0].split(" ")[0] for line in text.splitlines() if line[0] != "#"}
    assert of_one_name(page) == of_one_name(classic)

    wait_until(lambda: [r for r in prometheus.query("up") if r["value"][1] == "1"], 30, "up = 1")
    # Only OpenMetrics has units and infos: this is the format that Prometheus asked for and understood.
    metadata = wait_until(lambda: prometheus.get("targets/metadata", metric="flopwatt_meter_power_watts"), 10, "metadata")
    assert (metadata[0]["type"], metadata[0]["unit"]) == ("gauge", "watts")
    metadata = prometheus.get("targets/metadata", metric="flopwatt_meter")
    assert metadata[0]["type"] == "info"
    assert len(prometheus.query("flopwatt_meter_info")) == 2
    assert len(prometheus.query("flopwatt_scope_energy_joules_total")) == 1
    buckets = prometheus.query('flopwatt_poll_duration_seconds_bucket{le="1.0"}')
    assert len(buckets) == 1
