#!/usr/bin/env python3
"""The demo's table: each closed window that the agent publishes over MQTT, beside the simulated rack's truth.

Needs mosquitto_sub for the subscription and nothing but the standard library. Exit 0: figures were seen.
"""
import argparse
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from datetime import datetime

COLUMNS = "{:>8}  {:>9} {:>9}  {:>9} {:>9}  {:>9} {:>9}  {:>7} {:>7}  {:>6}"


def unix_time(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Truth:
    """What the simulated rack knows of an interval: asked from its control program."""

    def __init__(self, control: str, state: str):
        self.command = [control, f"--state={state}", "truth"]

    def of(self, start: float, end: float) -> dict:
        answer = subprocess.run([*self.command, f"--from={start:.6f}", f"--until={end:.6f}"],
                                check=True, capture_output=True, text=True)
        return json.loads(answer.stdout)


class Table:
    def __init__(self, truth: Truth):
        self.truth = truth
        self.rows = 0
        self.inside = 0
        self.energy_j = self.flop = self.true_energy_j = self.true_flop = 0.0

    def header(self) -> None:
        print(COLUMNS.format("", "power", "truth", "work", "truth", "energy", "truth", "", "stated", ""))
        print(COLUMNS.format("time", "W", "W", "TFLOP/s", "TFLOP/s", "pJ/FLOP", "pJ/FLOP", "error", "+-", "cover"),
              flush=True)

    def row(self, window: dict) -> None:
        start, end = unix_time(window["start"]), unix_time(window["time"])
        if "joules_per_flop" not in window:
            print(f"{window['time'][11:19]:>8}  no J/FLOP yet: known for {window.get('coverage', 0):.0%} of the window",
                  flush=True)
            return
        truth = self.truth.of(start, end)["sum"]
        seconds = end - start
        error = window["joules_per_flop"] / truth["joules_per_flop"] - 1
        # The window's own rates: its figures are of the covered part.
        flop_rate = window["power_w"] / window["joules_per_flop"]
        print(COLUMNS.format(
            window["time"][11:19], f"{window['power_w']:.1f}", f"{truth['meter_energy_j'] / seconds:.1f}",
            f"{flop_rate / 1e12:.2f}", f"{truth['flop'] / seconds / 1e12:.2f}",
            f"{window['joules_per_flop'] * 1e12:.4f}", f"{truth['joules_per_flop'] * 1e12:.4f}",
            f"{error:+.2%}", f"{window['uncertainty']:.2%}", f"{window['coverage']:.0%}"), flush=True)
        self.rows += 1
        self.inside += abs(error) <= window["uncertainty"]
        self.energy_j += window["energy_j"]
        self.flop += window["flop"]
        self.true_energy_j += truth["meter_energy_j"]
        self.true_flop += truth["flop"]

    def summary(self) -> int:
        if self.rows == 0:
            print("\nno window with J/FLOP was published; look at the agent's log")
            return 1
        measured, true = self.energy_j / self.flop, self.true_energy_j / self.true_flop
        print(f"\n{self.rows} windows: {measured * 1e12:.4f} pJ/FLOP measured, {true * 1e12:.4f} pJ/FLOP true, "
              f"error {measured / true - 1:+.3%}; truth inside the stated uncertainty in {self.inside} of {self.rows}")
        return 0


def windows(port: int, agent: int, end: float):
    """Yields the payloads of closed 5 s windows until `end`, a signal, or the end of the agent."""
    subscriber = subprocess.Popen(["mosquitto_sub", "-p", str(port), "-t", "flopwatt/demo/scopes/gpu-01/5s"],
                                  stdout=subprocess.PIPE, text=True)
    selector = selectors.DefaultSelector()
    selector.register(subscriber.stdout, selectors.EVENT_READ)
    try:
        while time.monotonic() < end:
            if selector.select(timeout=min(0.5, max(0.0, end - time.monotonic()))):
                line = subscriber.stdout.readline()
                if not line:
                    print("the broker has gone", file=sys.stderr)
                    return
                yield json.loads(line)
            os.kill(agent, 0)  # raises when the agent has ended by itself
    finally:
        subscriber.terminate()
        subscriber.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--control", required=True)
    parser.add_argument("--state", required=True)
    parser.add_argument("--mqtt-port", type=int, required=True)
    parser.add_argument("--agent", type=int, required=True)
    parser.add_argument("--for", dest="seconds", type=float, default=0)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    table = Table(Truth(options.control, options.state))
    table.header()
    end = time.monotonic() + options.seconds if options.seconds else float("inf")
    try:
        for window in windows(options.mqtt_port, options.agent, end):
            table.row(window)
    except KeyboardInterrupt:
        pass
    except ProcessLookupError:
        print("the agent has ended; look at its log", file=sys.stderr)
        return 1
    return table.summary()


if __name__ == "__main__":
    sys.exit(main())
