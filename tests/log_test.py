#!/usr/bin/env python3
"""The log and its snapshots as an operator meets them: freshet log and freshet snapshot, damage, restarts, real data.

Usage: tests/log_test.py <path of freshet> made-up|real

made-up  a generated shop: every command, flipped bytes in log and snapshot, a restart from an older snapshot
real     public sets where they are present (exit code 77 where not): a fold stopped and started again and again gives the
         bytes of an uninterrupted one, and so does a server that was fed in batches of other sizes
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from server import Server

freshet = sys.argv[1]
ROOT = pathlib.Path(__file__).resolve().parent.parent


def run(*args: str, code: int = 0) -> str:
    done = subprocess.run([freshet, *args], capture_output=True, text=True, timeout=600)
    assert done.returncode == code, f"{args}: exit code {done.returncode}, want {code}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def run_json(*args: str):
    return json.loads(run(*args, "--json"))


def flip(path: pathlib.Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x20
    path.write_bytes(data)


def hash_of(data: str, *more: str) -> str:
    return run_json("log", "fold", "--data", data, *more)["states"][-1]["state_hash"]


def look(data: str, events: int) -> None:
    verified = run_json("log", "verify", "--data", data)
    assert verified["ok"] and verified["events"] == events and verified["bytes_after_end"] == 0, verified
    stats = run_json("log", "stats", "--data", data)
    assert stats["events"] == events and sum(stats["by_type"].values()) == events, stats
    assert stats["by_type"]["view"] > 0 and stats["time_ms_min"] < stats["time_ms_max"], stats
    assert sum(s["end"] - s["begin"] for s in stats["segments"]) == events, stats
    tail = [json.loads(line) for line in run("log", "tail", "-n", "3", "--offsets", "--data", data).splitlines()]
    assert [event["offset"] for event in tail] == [events - 3, events - 2, events - 1], tail
    part = run("log", "export", "--from", "5", "--to", "9", "--offsets", "--data", data).splitlines()
    assert [json.loads(line)["offset"] for line in part] == [5, 6, 7, 8], part
    assert "every checksum is right" in run("log", "verify", "--data", data)


def damage_in_the_log(data: str) -> None:
    segment = sorted(pathlib.Path(data, "log").glob("*.log"))[0]
    middle = segment.stat().st_size // 2
    flip(segment, middle)
    said = run("log", "verify", "--data", data, code=1)
    assert segment.name in said and "byte" in said, said
    flip(segment, middle)
    run("log", "verify", "--data", data)


def snapshots(data: str, more: list[str]) -> None:
    with Server(freshet, data, *more) as server:
        first = server.post("/api/v1/admin/snapshot", b"", settle=False)
        server.post("/api/v1/events", b'{"type":"view","id":"late","user":"u","item":"i","session":"s"}')
        second = server.post("/api/v1/admin/snapshot", b"", settle=False)
    listed = run_json("snapshot", "list", "--data", data)
    assert [s["offset"] for s in listed[:2]] == [second["offset"], first["offset"]], listed
    assert {"file", "bytes", "state_hash", "sections"} <= listed[0].keys(), listed[0]
    assert listed[0]["state_hash"] == hash_of(data, "--at", str(second["offset"]))
    assert run("snapshot", "verify", "--data", data).count("every checksum is right") == len(listed)
    diff = run_json("snapshot", "diff", str(first["offset"]), "newest", "--data", data)
    assert not diff["equal"] and {s["name"] for s in diff["sections"]} >= {"catalog", "profiles"}, diff
    assert run_json("snapshot", "diff", "newest", "newest", "--data", data)["equal"]
    run("snapshot", "pin", str(first["offset"]), "--data", data)
    assert [s["pinned"] for s in run_json("snapshot", "list", "--data", data)][:2] == [False, True]
    run("snapshot", "unpin", str(first["offset"]), "--data", data)
    assert "no snapshot" in run("snapshot", "verify", "7777777", "--data", data, code=1)

    newest = pathlib.Path(data, "snapshots", second["file"])
    flip(newest, newest.stat().st_size // 2)
    assert second["file"] + " byte" in run("snapshot", "verify", "--data", data, code=1)
    diary = open(data + "/diary.txt", "w+")
    with Server(freshet, data, *more, diary=diary):
        pass  # It was ready: its state is loaded.
    diary.seek(0)
    said = diary.read()
    assert second["file"] in said and "trying an older one" in said, said
    assert f"snapshot {first['file']} loaded" in said, said
    after = run_json("snapshot", "list", "--data", data)[0]  # What the server left when it stopped.
    assert after["state_hash"] == hash_of(data, "--at", str(after["offset"])), after


def made_up() -> None:
    with tempfile.TemporaryDirectory() as folder:
        data, events = folder + "/shop", folder + "/events.jsonl"
        run("simulate", "--events", "8000", "--items", "500", "--shoppers", "300", "--out", events)
        run("import", events, "--data", data)
        count = run_json("log", "verify", "--data", data)["events"]
        assert count > 6000, count
        look(data, count)
        whole = hash_of(data)
        assert whole == hash_of(data, "--stop-every", "1777") != hash_of(data, "--at", str(count - 1))
        damage_in_the_log(data)
        snapshots(data, [])
        assert "no event log" in run("log", "stats", "--data", folder + "/nothing", code=1)
        assert "no snapshots" in run("snapshot", "list", "--data", folder + "/nothing", code=1)


def real() -> None:
    base = pathlib.Path(os.environ.get("FRESHET_DATA", ROOT.parent / "shared" / "data"))
    clicks = base / "yoochoose-100k" / "clicks.tsv.gz"
    if not clicks.is_file():
        print(f"skipped: {clicks} is not there")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        data = folder + "/shop"
        run("import", str(clicks), "--map", "time=ts_ms,session=session,item=item", "--set", "type=view", "--data", data)
        look(data, run_json("log", "verify", "--data", data)["events"])
        whole = hash_of(data)
        for every in ("25013", "70001"):
            assert hash_of(data, "--stop-every", every) == whole, every


if __name__ == "__main__":
    {"made-up": made_up, "real": real}[sys.argv[2]]()
    print("ok")
