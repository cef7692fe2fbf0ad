#!/usr/bin/env python3
"""Kills a loaded server again and again, at random moments, and checks that nothing acknowledged was lost.

Usage: tools/crash_test.py <freshet binary> [--kills 200] [--seed N] [--minutes M] [--dir DIR] [--keep]

Each round starts the server on the same data directory, loads it over HTTP from several clients in batches, lets it
take snapshots all the time, and sends SIGKILL at a random moment: during the start, an append, a sync, a snapshot. A
batch without an answer is sent again in the next round, with the same event ids, until it is acknowledged. Checked:

  log       every acknowledged event is in the log exactly once, and nothing that was never sent; every checksum is right
  state     every snapshot the recovered servers took (and its hash) equals one uninterrupted fold of the whole log
  count     the state counted each event once

--minutes keeps going for that long, whatever --kills says. The seed is printed: the same seed draws the same moments and
events (the machine still decides where a moment falls).
"""
import argparse
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

CLIENTS = 3
CATCH_UP_EVERY = 25  # Kills, after which a server may live until its fold has caught up.
BATCH_MAX = 60
# Small enough that segments roll and snapshots are written within a round.
SETTINGS = ["log.segment_bytes=100000", "snapshots.every_events=300", "diary.level=warn"]


class Failure(Exception):
    pass


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Client(threading.Thread):
    """Sends batches one after the other; keeps the one that got no answer for the next round."""

    def __init__(self, number: int, seed: int):
        super().__init__()
        self.number, self.random = number, random.Random(f"{seed}-client-{number}")
        self.next_event, self.pending = 0, None
        self.acknowledged, self.sent, self.error = [], 0, None

    def batch(self) -> list[dict]:
        events = []
        for _ in range(self.random.randint(1, BATCH_MAX)):
            user = self.random.randrange(400)
            events.append({"type": self.random.choice(["view", "view", "view", "click", "add-to-cart", "purchase"]),
                           "id": f"c{self.number}-{self.next_event}", "user": f"u{user}", "session": f"s{user}",
                           "item": f"i{int(300 * self.random.random() ** 2)}", "source": "crash-test"})
            self.next_event += 1
        return events

    def work(self, port: int, stop: threading.Event) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        while not stop.is_set():
            if self.pending is None:
                self.pending = self.batch()
                for event in self.pending:
                    event["time"] = int(time.time() * 1000)
                self.sent += len(self.pending)
            try:
                connection.request("POST", "/api/v1/events", json.dumps(self.pending), {"Content-Type": "application/json"})
                response = connection.getresponse()
                body = response.read()
            except (OSError, http.client.HTTPException):
                return  # Killed: whether it was kept is not known.
            if response.status == 503:
                continue
            answer = json.loads(body)
            if response.status != 200 or answer["accepted"] + answer["duplicates"] != len(self.pending):
                raise Failure(f"client {self.number}: status {response.status}: {body[:500]!r}")
            self.acknowledged += [event["id"] for event in self.pending]
            self.pending = None

    def round(self, port: int, stop: threading.Event) -> None:
        try:
            self.work(port, stop)
        except Exception as error:  # Shown by the main thread.
            self.error = self.error or error


class Server:
    def __init__(self, binary: str, data: pathlib.Path, diary):
        settings = [part for setting in SETTINGS for part in ("--set", setting)]
        self.process = subprocess.Popen([binary, "serve", "--data", str(data), "--port", "0", "--no-keys", *settings],
                                        stdout=subprocess.PIPE, stderr=diary, text=True)
        self.port = 0

    def wait_listening(self) -> None:
        line = self.process.stdout.readline()
        if "listening on" not in line:
            raise Failure(f"the server did not start: exit code {self.process.wait()}, see its diary")
        self.port = int(line.strip().rsplit(":", 1)[1])
        while not self.doors_open():  # It listens before its state is loaded.
            time.sleep(0.005)

    def doors_open(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", "/api/v1/status")
        return connection.getresponse().status != 503

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def ask(self, method: str, path: str) -> dict:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path)
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise Failure(f"{method} {path}: status {response.status}: {body[:300]!r}")
        return json.loads(body)


def take_snapshot(server: Server, states: dict) -> None:
    try:
        taken = server.ask("POST", "/api/v1/admin/snapshot")
        states.setdefault(taken["offset"], set()).add(taken["state_hash"])
    except (OSError, http.client.HTTPException):
        pass  # Killed meanwhile.


def wait_caught_up(server: Server) -> dict:
    """Until all of the log is folded; a slow machine may take its time as long as it gets on."""
    applied, deadline = -1, 0.0
    while True:
        status = server.ask("GET", "/api/v1/status")
        if status["ready"] and status["log"]["applied"] == status["log"]["end"]:
            return status
        if status["log"]["applied"] > applied:
            applied, deadline = status["log"]["applied"], time.monotonic() + 60
        if time.monotonic() > deadline:
            raise Failure(f"the fold does not get on: {status['log']}")
        time.sleep(0.02)


def one_round(server: Server, clients: list, states: dict, draw: random.Random) -> str:
    if draw.random() < 0.15:  # While it starts and recovers.
        time.sleep(draw.random() * 0.05)
        server.kill()
        return "start"
    server.wait_listening()
    stop = threading.Event()
    threads = [threading.Thread(target=client.round, args=(server.port, stop)) for client in clients]
    if draw.random() < 0.5:
        threads.append(threading.Thread(target=take_snapshot, args=(server, states)))
    for thread in threads:
        thread.start()
    time.sleep(draw.random() ** 2 * 0.3)
    server.kill()
    stop.set()
    for thread in threads:
        thread.join()
    return "load"


def run_json(binary: str, *arguments: str) -> dict:
    done = subprocess.run([binary, *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"freshet {' '.join(arguments[:4])}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def check_log(binary: str, data: pathlib.Path, clients: list) -> int:
    run_json(binary, "log", "verify", "--data", str(data), "--json")
    export = subprocess.run([binary, "log", "export", "--data", str(data)], capture_output=True, text=True)
    if export.returncode != 0:
        raise Failure(f"freshet log export: {export.stderr.strip()}")
    seen = {}
    for line in export.stdout.splitlines():
        event = json.loads(line)
        if event.get("source") == "crash-test":
            seen[event["id"]] = seen.get(event["id"], 0) + 1
    twice = [i for i, count in seen.items() if count > 1]
    acknowledged = {i for client in clients for i in client.acknowledged}
    sent = {f"c{client.number}-{n}" for client in clients for n in range(client.next_event)}
    lost = acknowledged - seen.keys()
    if lost:
        raise Failure(f"{len(lost)} acknowledged events are not in the log, e.g. {sorted(lost)[:5]}")
    if twice:
        raise Failure(f"{len(twice)} events are in the log more than once, e.g. {sorted(twice)[:5]}")
    if seen.keys() - sent:
        raise Failure(f"events in the log that nobody sent: {sorted(seen.keys() - sent)[:5]}")
    return len(seen)


def check_states(binary: str, data: pathlib.Path, states: dict) -> int:
    for info in run_json(binary, "snapshot", "list", "--data", str(data), "--json"):
        states.setdefault(info["offset"], set()).add(info["state_hash"])
    settings = [part for setting in SETTINGS for part in ("--set", setting)]
    at = ",".join(str(offset) for offset in sorted(states))
    for state in run_json(binary, "log", "fold", "--data", str(data), "--json", "--at", at, *settings)["states"]:
        if states[state["offset"]] != {state["state_hash"]}:
            raise Failure(f"state at offset {state['offset']}: recovered {sorted(states[state['offset']])}, "
                          f"an uninterrupted fold gives {state['state_hash']}")
    return len(states)


def last_round(binary: str, data: pathlib.Path, diary, clients: list, states: dict) -> None:
    """A start that is killed only when pending batches are acknowledged and the state is complete."""
    server = Server(binary, data, diary)
    try:
        server.wait_listening()
        stop = threading.Event()
        stop.set()
        for client in clients:  # One batch each: what was pending.
            stop.clear()
            pending = client.pending
            thread = threading.Thread(target=client.round, args=(server.port, stop))
            thread.start()
            while thread.is_alive() and client.pending is pending and pending is not None:
                time.sleep(0.005)
            stop.set()
            thread.join()
        status = wait_caught_up(server)
        take_snapshot(server, states)
        if status["state"]["duplicates"] != 0:
            raise Failure(f"the fold met {status['state']['duplicates']} events twice")
    finally:
        server.kill()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("binary")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--dir", default=None, help="parent of the data directory")
    parser.add_argument("--keep", action="store_true", help="keep the data directory")
    flags = parser.parse_args()
    seed = flags.seed if flags.seed is not None else int.from_bytes(os.urandom(4), "little")
    draw = random.Random(seed)
    root = pathlib.Path(tempfile.mkdtemp(prefix="freshet-crash-", dir=flags.dir))
    data, diary_path = root / "data", root / "diary.txt"
    clients = [Client(number, seed) for number in range(CLIENTS)]
    states, kills, during = {}, 0, {"start": 0, "load": 0}
    begun = time.monotonic()
    note(f"crash test: seed {seed}, data in {root}")
    failure = None
    try:
        with open(diary_path, "w") as diary:
            while kills < flags.kills or time.monotonic() - begun < flags.minutes * 60:
                server = Server(flags.binary, data, diary)
                try:
                    during[one_round(server, clients, states, draw)] += 1
                finally:
                    server.kill()
                kills += 1
                if kills % CATCH_UP_EVERY == 0:
                    last_round(flags.binary, data, diary, clients, states)
                for client in clients:
                    if client.error:
                        raise Failure(f"client {client.number}: {client.error}")
                if kills % 100 == 0 and data.is_dir():
                    note(f"  {kills} kills, {sum(len(c.acknowledged) for c in clients)} events acknowledged, "
                         f"{check_log(flags.binary, data, clients)} in the log, {time.monotonic() - begun:.0f} s")
            last_round(flags.binary, data, diary, clients, states)
        in_log = check_log(flags.binary, data, clients)
        compared = check_states(flags.binary, data, states)
        torn = diary_path.read_text().count("torn tail")
        print(f"ok: {kills} kills ({during['start']} while starting), {in_log} events in the log once each, all "
              f"{sum(len(c.acknowledged) for c in clients)} acknowledged ones among them; {compared} recovered states equal "
              f"to an uninterrupted fold; {torn} torn tails cut off; {time.monotonic() - begun:.0f} s, seed {seed}")
    except Failure as error:
        failure = error
        print(f"FAILED after {kills} kills, seed {seed}: {error}\n  data and diary are in {root}")
    if not flags.keep and failure is None:
        shutil.rmtree(root)
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main())
