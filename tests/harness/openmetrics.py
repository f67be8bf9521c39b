"""A strict reader of OpenMetrics 1.0 text, written from the specification and sharing nothing with the agent.

`check(page)` returns the families of a page, or raises Fault with the line and the rule that it breaks. It knows the
types that the agent uses (counter, gauge, histogram, info) and takes no other.
"""
import dataclasses
import math
import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?[iI][nN][fF]|[nN][aA][nN]")
TIMESTAMP = re.compile(r"[+-]?\d+(\.\d+)?")
ESCAPES = {"\\": "\\", '"': '"', "n": "\n"}
METADATA_ORDER = ["TYPE", "UNIT", "HELP"]
# type -> what its samples add to the name of the family
SUFFIXES = {"counter": {"_total", "_created"}, "gauge": {""}, "info": {"_info"},
            "histogram": {"_bucket", "_count", "_sum", "_created"}}
LONGEST_LABEL_SET = 64


class Fault(AssertionError):
    def __init__(self, line: int, rule: str):
        super().__init__(f"line {line}: {rule}")
        self.rule = rule


@dataclasses.dataclass
class Sample:
    line: int
    suffix: str
    labels: dict[str, str]
    value: float
    timestamp: float | None


@dataclasses.dataclass
class Family:
    name: str
    line: int
    metadata: dict[str, str] = dataclasses.field(default_factory=dict)
    samples: list[Sample] = dataclasses.field(default_factory=list)

    @property
    def type(self) -> str:
        return self.metadata["TYPE"]


class Scanner:
    """One line, from left to right."""

    def __init__(self, text: str, line: int):
        self.text, self.line, self.at = text, line, 0

    def fail(self, rule: str):
        raise Fault(self.line, f"{rule}: {self.text!r}")

    def match(self, pattern: re.Pattern, what: str) -> str:
        found = pattern.match(self.text, self.at)
        if not found:
            self.fail(f"{what} expected at column {self.at + 1}")
        self.at = found.end()
        return found.group()

    def skip(self, text: str) -> bool:
        if not self.text.startswith(text, self.at):
            return False
        self.at += len(text)
        return True

    def expect(self, text: str) -> None:
        if not self.skip(text):
            self.fail(f"{text!r} expected at column {self.at + 1}")

    def escaped(self, end: str | None) -> str:
        """Up to `end`, or to the end of the line."""
        value = ""
        while self.at < len(self.text):
            char = self.text[self.at]
            self.at += 1
            if char == end:
                return value
            if char == '"':
                self.fail("a quotation mark that is not escaped")
            if char == "\\":
                if self.text[self.at:self.at + 1] not in ESCAPES:
                    self.fail("an escape that there is not")
                char = ESCAPES[self.text[self.at]]
                self.at += 1
            value += char
        if end is not None:
            self.fail("a string that does not end")
        return value


def parse_labels(scanner: Scanner) -> dict[str, str]:
    labels: dict[str, str] = {}
    if not scanner.skip("{") or scanner.skip("}"):
        return labels
    while True:
        name = scanner.match(LABEL_NAME, "a label's name")
        if name in labels:
            scanner.fail(f"label {name} twice")
        scanner.expect('="')
        labels[name] = scanner.escaped('"')
        if scanner.skip("}"):
            break
        scanner.expect(",")
    length = sum(len(name) + len(value) for name, value in labels.items())
    if "__name__" in labels or any(name.startswith("__") for name in labels) or length > 64 * LONGEST_LABEL_SET:
        scanner.fail("a reserved label, or labels without end")
    return labels


def parse_sample(text: str, line: int) -> tuple[str, Sample]:
    scanner = Scanner(text, line)
    name = scanner.match(NAME, "a sample's name")
    labels = parse_labels(scanner)
    scanner.expect(" ")
    value = float(scanner.match(NUMBER, "a number"))
    timestamp = None
    if scanner.skip(" "):
        timestamp = float(scanner.match(TIMESTAMP, "a time in seconds"))
    if scanner.at != len(text):
        scanner.fail(f"something follows at column {scanner.at + 1}")
    return name, Sample(line, "", labels, value, timestamp)


class Page:
    def __init__(self, text: str):
        self.families: dict[str, Family] = {}
        self.present: Family | None = None
        self.sample_names: dict[str, str] = {}   # sample name -> family, over the whole page
        lines = text.split("\n")
        if lines[-1] != "" or lines[-2:-1] != ["# EOF"]:
            raise Fault(len(lines), "the page does not end with '# EOF' and a line feed")
        if "\r" in text:
            raise Fault(1, "a carriage return")
        for number, line in enumerate(lines[:-2], 1):
            if line.startswith("#"):
                self.take_metadata(line, number)
            else:
                self.take_sample(line, number)
        for family in self.families.values():
            check_family(family)

    def take_metadata(self, line: str, number: int) -> None:
        parts = line.split(" ", 3)
        if len(parts) < 3 or parts[0] != "#" or parts[1] not in METADATA_ORDER:
            raise Fault(number, f"neither metadata nor a sample: {line!r}")
        keyword, name, text = parts[1], parts[2], parts[3] if len(parts) > 3 else ""
        if not NAME.fullmatch(name):
            raise Fault(number, f"no name: {name!r}")
        if self.present is None or self.present.name != name:
            if name in self.families:
                raise Fault(number, f"family {name} comes in two places")
            self.present = self.families[name] = Family(name, number)
        family = self.present
        if family.samples:
            raise Fault(number, f"metadata of {name} behind its samples")
        if keyword in family.metadata:
            raise Fault(number, f"{keyword} of {name} twice")
        if family.metadata and METADATA_ORDER.index(list(family.metadata)[-1]) > METADATA_ORDER.index(keyword):
            raise Fault(number, f"{keyword} of {name} behind {list(family.metadata)[-1]}")
        family.metadata[keyword] = Scanner(text, number).escaped(None) if keyword == "HELP" else text
        if keyword == "TYPE":
            self.take_type(family, text, number)
        if keyword == "UNIT" and (not text or not name.endswith("_" + text)):
            raise Fault(number, f"the name {name} does not end in its unit {text!r}")

    def take_type(self, family: Family, text: str, number: int) -> None:
        if text not in SUFFIXES:
            raise Fault(number, f"type {text!r} is not one that the agent uses")
        for suffix in SUFFIXES[text]:
            other = self.sample_names.setdefault(family.name + suffix, family.name)
            if other != family.name:
                raise Fault(number, f"samples of {family.name} and {other} could be confused")

    def take_sample(self, line: str, number: int) -> None:
        name, sample = parse_sample(line, number)
        family = self.present
        if family is None or not name.startswith(family.name) or "TYPE" not in family.metadata or \
                name[len(family.name):] not in SUFFIXES[family.type]:
            raise Fault(number, f"sample {name} is not one of family {family.name if family else None}")
        sample.suffix = name[len(family.name):]
        family.samples.append(sample)


def metric_key(family: Family, sample: Sample) -> tuple:
    """What the samples of one metric have in common."""
    ignored = {"le"} if family.type == "histogram" else set()
    return tuple(sorted((name, value) for name, value in sample.labels.items() if name not in ignored))


def check_family(family: Family) -> None:
    if not {"TYPE", "HELP"} <= set(family.metadata):
        raise Fault(family.line, f"{family.name} lacks TYPE or HELP")
    if not family.samples:
        raise Fault(family.line, f"{family.name} has no samples")
    if family.type == "info" and "UNIT" in family.metadata:
        raise Fault(family.line, f"{family.name} is an info and has a unit")
    check_grouping(family)
    seen: dict[tuple, float | None] = {}
    for sample in family.samples:
        check_value(family, sample)
        key = (sample.suffix, tuple(sorted(sample.labels.items())))
        if key in seen and (sample.timestamp is None or seen[key] is None or sample.timestamp <= seen[key]):
            raise Fault(sample.line, f"{family.name}: the same series twice, or not later than before")
        seen[key] = sample.timestamp
    if family.type == "histogram":
        check_histogram(family)


def check_grouping(family: Family) -> None:
    done: set[tuple] = set()
    last = None
    for sample in family.samples:
        key = metric_key(family, sample)
        if key != last and key in done:
            raise Fault(sample.line, f"{family.name}: samples of one metric are not together")
        done.add(key)
        last = key


def check_value(family: Family, sample: Sample) -> None:
    counts = family.type in ("counter", "histogram") and sample.suffix != "_created"
    if counts and (math.isnan(sample.value) or sample.value < 0):
        raise Fault(sample.line, f"{family.name}: a counter is a number from 0")
    if math.isinf(sample.value) or math.isnan(sample.value):
        raise Fault(sample.line, f"{family.name}: what is unknown is absent, not {sample.value}")
    if family.type == "info" and sample.value != 1:
        raise Fault(sample.line, f"{family.name}: an info is 1")
    if family.type != "histogram" and "le" in sample.labels:
        raise Fault(sample.line, f"{family.name}: label le outside of a histogram")


def canonical(bound: float) -> str:
    """As Go prints it, with .0 where neither point nor exponent is in it; below a million Python does the same."""
    return "+Inf" if math.isinf(bound) else repr(bound)


def check_histogram(family: Family) -> None:
    metrics: dict[tuple, list[Sample]] = {}
    for sample in family.samples:
        metrics.setdefault(metric_key(family, sample), []).append(sample)
    for samples in metrics.values():
        buckets = [sample for sample in samples if sample.suffix == "_bucket"]
        line = samples[0].line
        if any("le" not in sample.labels for sample in buckets):
            raise Fault(line, f"{family.name}: a bucket without le")
        bounds = [float(sample.labels["le"].replace("+Inf", "inf")) for sample in buckets]
        if not bounds or bounds[-1] != math.inf:
            raise Fault(line, f"{family.name}: the last bucket is not +Inf")
        if any(a >= b for a, b in zip(bounds, bounds[1:])):
            raise Fault(line, f"{family.name}: buckets do not ascend")
        if any(a.value > b.value for a, b in zip(buckets, buckets[1:])):
            raise Fault(line, f"{family.name}: buckets are not cumulative")
        if any(sample.labels["le"] != canonical(bound) for sample, bound in zip(buckets, bounds)):
            raise Fault(line, f"{family.name}: a bound is not written canonically")
        if any(sample.value != int(sample.value) for sample in buckets):
            raise Fault(line, f"{family.name}: a bucket counts wholes")
        by_suffix = {sample.suffix: sample.value for sample in samples if sample.suffix != "_bucket"}
        if by_suffix.keys() - {"_created"} != {"_count", "_sum"}:
            raise Fault(line, f"{family.name}: _count and _sum belong together")
        if by_suffix["_count"] != buckets[-1].value:
            raise Fault(line, f"{family.name}: _count is not the bucket +Inf")


def check(page: str) -> dict[str, Family]:
    return Page(page).families
