#!/usr/bin/env python3
"""docs/events.md names every event type, every field, every synonym and every reason that the program knows."""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
doc = (root / "docs/events.md").read_text()
words = {re.sub(r"[_\- ]", "", word).lower() for word in re.findall(r"[\w\-]+", doc)}
missing = []


def expect(source: str, pattern: str, what: str) -> None:
    found = re.findall(pattern, (root / source).read_text())
    if not found:
        missing.append(f"{source}: no {what} found: has the table moved?")
    for name in found:
        if re.sub(r"[_\- ]", "", name).lower() not in words:
            missing.append(f"docs/events.md: {what} \"{name}\" of {source} is not there")


expect("src/ingest/fields.cc", r'\{"(\w+)", Field::', "field name")
expect("src/event/event.cc", r'\{"([\w\-]+)", EventType::', "synonym")
types = re.search(r"kNames = \{(.*?)\};", (root / "src/event/event.cc").read_text(), re.S).group(1)
for name in re.findall(r'"([\w\-]+)"', types):
    if name != "erased" and name.replace("-", "") not in words:
        missing.append(f"docs/events.md: event type \"{name}\" is not there")
reasons = re.search(r"kNames = \{(.*?)\};", (root / "src/ingest/report.cc").read_text(), re.S).group(1)
for name in re.findall(r'"(\w+)"', reasons):
    if name.replace("_", "") not in words:
        missing.append(f"docs/events.md: reason \"{name}\" is not there")
print("\n".join(missing) or "events.md: every name is there")
sys.exit(1 if missing else 0)
