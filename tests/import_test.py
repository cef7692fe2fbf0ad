#!/usr/bin/env python3
"""freshet import and freshet deadletters, from outside: what a person sees, and what is on the log afterwards.

Usage: tests/import_test.py <path of freshet>
"""
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile

freshet = sys.argv[1]


def run(*args: str, code: int = 0, stdin: str = "") -> str:
    done = subprocess.run([freshet, *args], input=stdin, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, f"{args}: exit code {done.returncode}, want {code}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def exported(data: str) -> list[dict]:
    return [json.loads(line) for line in run("log", "export", "--data", data).splitlines()]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = folder + "/shop"
        rows = "".join(f"{1433221332000 + i},v{i % 7},{'view' if i % 3 else 'addtocart'},i{i % 11}\n" for i in range(1000))
        bad = "1433221332000,v1,dance,i1\n1433221332000,v1,view,\n"
        path = pathlib.Path(folder) / "events.csv.gz"
        path.write_bytes(gzip.compress(("timestamp,visitorid,event,itemid\n" + rows + bad).encode()))
        mapped = ["--map", "user=visitorid,item=itemid,type=event,time=timestamp", "--data", data]

        said = json.loads(run("import", str(path), "--json", *mapped))
        assert (said["accepted"], said["rejected"], said["received"]) == (1000, 2, 1002), said
        assert said["reasons"] == {"unknown": 1, "missing": 1}, said
        again = json.loads(run("import", str(path), "--json", "--no-letters", *mapped))
        assert (again["accepted"], again["duplicates"]) == (0, 1000), again
        events = exported(data)
        assert len(events) == 1000 and events[0]["type"] == "add-to-cart" and events[1]["item"] == "i1", events[:2]

        counts = json.loads(run("deadletters", "count", "--json", "--data", data))
        assert counts["letters"] == 2 and counts["by_reason"] == {"unknown": 1, "missing": 1}, counts
        letters = json.loads(run("deadletters", "list", "--json", "--data", data))
        assert [letter["line"] for letter in letters] == [1002, 1003], letters
        assert letters[0]["raw"] == "1433221332000,v1,dance,i1", letters[0]
        assert "dance" in run("deadletters", "list", "--reason", "unknown", "--data", data)
        number = str(letters[0]["number"])
        assert "stay" in run("deadletters", "replay", "--all", "--data", data)
        run("deadletters", "fix", number, "--body", "-", "--data", data,
            stdin=letters[0]["body"].replace("dance", "click"))
        assert "1 letters taken (1 events), 0 stay" in run("deadletters", "replay", number, "--data", data)
        last = exported(data)[-1]
        assert (last["type"], last["user"], last["item"]) == ("click", "v1", "i1"), last
        run("deadletters", "remove", "--reason", "missing", "--data", data)
        assert json.loads(run("deadletters", "count", "--json", "--data", data))["letters"] == 0

        # What the log exports, the door takes again: propensities, staged catalogues and settings, too.
        page = {"type": "impression", "user": "u", "query_id": "q", "time": 1433221333000, "surface": "for-you", "id": "page",
                "items": [{"item": "i1", "propensity": 0.5}, "i2"], "attributes": {"base": "ZaY9", "round": 2.0}}
        staged = {"type": "item-upsert", "item": "i9", "id": "staged", "time": 1433221333000, "freshet.catalogue": "spring"}
        public = {"type": "settings", "name": "stage", "value": "{}", "id": "s1", "source": "eve", "time": 1433221333000}
        swap = {"type": "catalog-swap", "freshet.catalogue": "spring", "id": "s2", "source": "eve", "time": 1433221333000}
        lines = "".join(json.dumps(event) + "\n" for event in (page, staged, public, swap))
        said = json.loads(run("import", "-", "--data", data, "--json", stdin=lines))
        assert (said["accepted"], said["rejected"]) == (4, 0), said
        back = exported(data)[-4:]
        assert back[0]["items"] == page["items"] and back[0]["attributes"] == page["attributes"], back
        assert [event.get("freshet.catalogue") for event in back] == [None, "spring", None, "spring"], back
        copy = folder + "/copy"
        run("log", "export", "--data", data, "--out", folder + "/log.jsonl")
        said = json.loads(run("import", folder + "/log.jsonl", "--data", copy, "--json"))
        assert (said["accepted"], said["rejected"]) == (1005, 0), said
        differing = [pair for pair in zip(exported(copy), exported(data)) if pair[0] != pair[1]]
        assert not differing, differing[:2]

        said = json.loads(run("import", "-", "--data", copy, "--json", "--no-header", "--delimiter", "space",
                              "--map", "session=1,items=2-", stdin="s1 a b a\ns2 c\n"))
        assert (said["accepted"], said["received"]) == (4, 2), said
        assert [event["item"] for event in exported(copy)[-4:]] == ["a", "b", "a", "c"]

        ahead = "user,item,time\nu,i,2999-01-01\nu,i,2015-06-02\n"
        said = json.loads(run("import", "-", "--data", copy, "--json", stdin=ahead))
        assert (said["accepted"], said["reasons"]) == (1, {"future": 1}), said
        said = json.loads(run("import", "-", "--data", copy, "--json", "--future", stdin=ahead))
        assert (said["accepted"], said["duplicates"], said["rejected"]) == (1, 1, 0), said

        assert "no column \"who\"; the header has" in run("import", str(path), "--map", "user=who", "--data", data, code=1)
        assert "No such file" in run("import", folder + "/none.csv", "--data", data, code=1)
        assert "name the data directory" in run("deadletters", "list", "--data", folder + "/none", code=1)
        assert "name letters by number" in run("deadletters", "replay", "--data", data, code=2)
        assert "expected one of malformed, " in run("deadletters", "list", "--reason", "x", "--data", data, code=1)
    print("import: all as it should be")


main()
