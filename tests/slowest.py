#!/usr/bin/env python3
"""Lists the slowest tests and test classes of a run: ./sharpseg test --logger trx, then tests/slowest.py TestResults/*.trx."""
import collections
import sys
import xml.etree.ElementTree

SHOWN = 25
RESULT = "{http://microsoft.com/schemas/VisualStudio/TeamTest/2010}UnitTestResult"


def seconds(duration: str) -> float:
    hours, minutes, rest = duration.split(":")
    return 3600 * int(hours) + 60 * int(minutes) + float(rest)


def show(title: str, rows: list[tuple[str, float]]) -> None:
    print(title)
    for name, took in sorted(rows, key=lambda row: -row[1])[:SHOWN]:
        print(f"{took:8.1f} s  {name}")


def main(paths: list[str]) -> int:
    if not paths:
        print(f"error: no .trx file is named\nhint: {__doc__}", file=sys.stderr)
        return 2
    tests: list[tuple[str, float]] = []
    classes: dict[str, float] = collections.defaultdict(float)
    for path in paths:
        try:
            results = list(xml.etree.ElementTree.parse(path).iter(RESULT))
        except (OSError, xml.etree.ElementTree.ParseError) as e:
            print(f"error: {path}: {e}\nhint: {__doc__}", file=sys.stderr)
            return 1
        for result in results:
            took = seconds(result.get("duration", "0:0:0"))
            tests.append((result.get("testName"), took))
            classes[result.get("testName").split("(")[0].rpartition(".")[0]] += took
    show("tests", tests)
    show("classes", list(classes.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
