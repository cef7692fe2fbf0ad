#!/usr/bin/env python3
"""What the ranker of a running server serves, by `freshet models`, settings and rules, from outside.

Usage: tests/models_test.py <path of freshet>
"""
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from server import Server

freshet = sys.argv[1]
DAY_MS = 86_400_000


def models(*args: str, code: int = 0) -> str:
    done = subprocess.run([freshet, "models", *args], capture_output=True, text=True, timeout=120)
    assert done.returncode == code, f"{args}: exit code {done.returncode}, want {code}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


class Shop(Server):
    """Everybody wants the items whose number is 0 of ten."""
    pages = 0
    start = int(time.time() * 1000) - 40 * DAY_MS

    def send(self, method: str, path: str, body: object = None) -> dict:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"content-type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)

    def settings(self, **ranker: object) -> None:
        self.send("PUT", "/api/v1/settings", {"ranker": ranker})

    def model(self) -> dict:
        return self.get("/api/v1/models")["models"][0]

    def stock(self) -> None:
        lines = [{"type": "item-upsert", "item": f"i{n}", "time": self.start, "title": f"Item {n}", "price": n + 1,
                  "category": "A" if n % 10 == 0 else "B"} for n in range(20)]
        self.log(lines)

    def visits(self, count: int, wanted: int = 0) -> None:
        lines = []
        for page in range(self.pages, self.pages + count):
            at, who = self.start + page * 1_200_000, f"u{page % 9}"
            shown = [f"i{(page * 7 + k) % 20}" for k in range(20)]
            lines.append({"type": "impression", "user": who, "query_id": f"page-{page}", "surface": "for-you", "time": at, "items": shown})
            lines += [{"type": "click", "user": who, "query_id": f"page-{page}", "item": item, "time": at + 1000}
                      for item in shown if int(item[1:]) % 10 == wanted]
        self.pages += count
        self.log(lines)

    def log(self, lines: list[dict]) -> None:
        self.post("/api/v1/events?history=true", "\n".join(json.dumps(line) for line in lines).encode(), settle=False)
        end = self.get("/api/v1/status")["log"]["end"]
        while self.get("/api/v1/status")["log"]["applied"] < end:
            time.sleep(0.02)

    def versions(self) -> list[dict]:
        """Written by a thread of their own: once nothing comes any more."""
        before: list[dict] = []
        for _ in range(100):
            now = self.get("/api/v1/models/ranker/versions")["versions"]
            if now and now == before:
                return now
            before = now
            time.sleep(0.3)
        raise TimeoutError("the versions do not settle")


class Again(Shop):
    """Started without a snapshot: what its counters say meanwhile."""

    def rollbacks(self) -> list[str]:
        with urllib.request.urlopen(self.url + "/metrics", timeout=30) as response:
            return re.findall(r"^freshet_model_rollbacks_total (\S+)$", response.read().decode(), re.MULTILINE)

    def wait_ready(self) -> None:
        self.meanwhile = []
        for _ in range(6000):
            try:
                self.meanwhile += self.rollbacks()
                urllib.request.urlopen(self.url + "/readyz", timeout=30).close()
                return
            except urllib.error.HTTPError:
                time.sleep(0.01)
        raise TimeoutError("the server did not get ready")


def check_modes(shop: Shop) -> None:
    """The update mode changes while the server runs, with the event that publishes the settings."""
    assert shop.model()["mode"] == "event"
    shop.visits(300)
    live = shop.model()["published"]
    assert live > 0, shop.model()
    shop.settings(updates={"mode": "nightly"})
    assert shop.model()["mode"] == "nightly"
    shop.visits(20)  # Less than seven hours of event time.
    by_night = shop.model()["published"] - live
    assert by_night <= 1, by_night
    live += by_night
    shop.settings(updates={"mode": "batch", "pages": 10})
    shop.visits(300)
    batches = shop.model()["published"] - live
    assert shop.model()["mode"] == "batch" and batches > 3, batches
    for mode in ("interval", "hybrid", "event"):
        shop.settings(updates={"mode": mode})
        shop.visits(60)
        assert shop.model()["mode"] == mode
    try:
        shop.settings(updates={"mode": "yearly"})
        raise AssertionError("a mode that does not exist")
    except urllib.error.HTTPError as error:
        assert error.code == 400 and "updates.mode" in error.read().decode()


def check_versions(shop: Shop, folder: str) -> None:
    server = ("--server", shop.url)
    versions = shop.versions()
    assert len(versions) >= 3, versions
    first, last = str(versions[-1]["version"]), str(versions[0]["version"])
    listed = models("list", *server)
    assert f"live {shop.model()['live']}" in listed and first in listed and "asked: ensemble, prior 1, caution 1.3" in listed, listed
    assert json.loads(models("list", *server, "--json"))["versions"][0]["version"] == int(last)
    shown = models("show", last, *server)
    for fact in ("learner", "ensemble", "prior", "caution", "settings", "objective", "click 1, cart 0, purchase 0 x price", "offset",
                 "log_loss", "code", "hash", "scenarios", "mode"):
        assert fact in shown, f"{fact!r} is not in\n{shown}"
    facts = json.loads(models("show", last, *server, "--json"))["facts"]
    assert facts["learner"] == "ensemble" and facts["model"] == "ranker" and facts["weight_bits"] == "20", facts
    modes = {json.loads(models("show", str(v["version"]), *server, "--json"))["facts"]["mode"]: str(v["version"]) for v in versions}
    assert len(modes) > 1, f"kept versions are all of one mode: {modes}"
    one, other = list(modes.values())[:2]
    told = models("diff", one, other, *server)
    assert re.search(r"mode +\w+ +\w+", told) and "settings" in told and "weights:" in told, told
    apart = json.loads(models("diff", one, other, *server, "--json"))
    assert sorted(apart["facts"]["mode"]) == sorted(list(modes)[:2]) and not apart["equal"], apart
    assert "before-the-sale" in models("pin", first, "before-the-sale", *server)
    assert "before-the-sale" in models("list", *server)
    file = folder + "/one.version"
    models("export", "before-the-sale", "--to", file, *server)
    assert pathlib.Path(file).stat().st_size > 1000
    imported = json.loads(models("import", file, *server, "--json"))
    assert imported["imported"] and imported["facts"]["mode"] == facts["mode"] or imported["facts"], imported
    models("promote", str(imported["version"]), *server)
    assert shop.model()["notes"][0]["what"] == "promote", shop.model()["notes"][0]
    assert "rollback" in models("rollback", *server)
    now = shop.model()
    assert now["live"] == now["good"] and now["notes"][0]["text"] == "by hand", now
    models("unpin", "before-the-sale", *server)
    models("show", "before-the-sale", *server, code=1)
    check_names(shop, server, first)
    for wrong in (("show", "nothing"), ("promote", "nothing"), ("export", "nothing", "--to", file + "2"), ("import", "/nowhere")):
        models(*wrong, *server, code=1)


def check_names(shop: Shop, server: tuple[str, str], first: str) -> None:
    """A version is one part of the path, whatever is in it; imported ones go with their names."""
    models("show", "", *server, code=2)
    for odd in (first + "?x=1", "a b", first + "/export", "%31"):
        said = models("show", odd, *server, code=1)
        assert "no version" in said and "is the server running" not in said, (odd, said)
    for taken in ("good", "live", "newest", "imported-9"):
        assert "name: expected" in models("pin", first, taken, *server, code=1)
    for word in ("good", "live"):
        number = shop.model()[word]
        if number in [one["version"] for one in shop.versions()]:
            assert json.loads(models("show", word, *server, "--json"))["version"] == number
        else:
            assert f"{word} is {number}, which is not kept" in models("show", word, *server, code=1)
    imported = [one for one in shop.versions() if one["imported"]]
    newest = json.loads(models("show", "newest", *server, "--json"))
    assert len(imported) == 1 and not newest["imported"], (imported, newest)
    assert "removed" in models("unpin", "imported-1", *server)
    assert not any(one["imported"] for one in shop.versions())


def check_servers_folder(folder: str, data: str) -> None:
    """What is live in a server's folder its log says; a damaged version is listed with what is wrong."""
    of = ("--models", data + "/models/ranker")
    newest = json.loads(models("show", "newest", *of, "--json"))["version"]
    for refused in (("promote", "newest"), ("rollback",)):
        assert "the folder of a server" in models(*refused, *of, code=1)
    assert not pathlib.Path(of[1], "live").exists()
    file = folder + "/ranker.version"
    assert json.loads(models("export", "newest", "--to", file, *of, "--json"))["version"] == newest
    assert "a version of a server's ranker" in models("import", file, "--models", folder + "/plain", code=1)
    rows = pathlib.Path(folder) / "few.csv"
    rows.write_text("price,label\n" + "1,0\n2,1\n" * 50)
    there = sorted(os.listdir(of[1]))
    done = subprocess.run([freshet, "learn", str(rows), "--learner", "ftrl", "--publish-every", "10", *of], capture_output=True, text=True)
    assert done.returncode == 2 and f"--models {of[1]}: the folder of a server's ranker" in done.stderr, done.stderr
    assert "with those of --learner ftrl; name another with --models" in done.stderr and sorted(os.listdir(of[1])) == there, done.stderr
    path = pathlib.Path(of[1], f"{newest:020}.version")
    path.write_bytes(path.read_bytes()[:-9])
    assert "the checksum does not fit" in models("list", *of)
    damaged = json.loads(models("list", *of, "--json"))["versions"][0]
    assert damaged["version"] == newest and "checksum" in damaged["damage"], damaged
    with Shop(freshet, data) as shop:
        assert "checksum" in models("list", "--server", shop.url)
        assert shop.get("/api/v1/models/ranker/versions")["versions"][0]["damage"] == damaged["damage"]


def check_kinds(shop: Shop) -> None:
    """Where the ranker is heard, and how far it is from it."""
    kinds = {one["name"]: one for one in shop.model()["kinds"]}
    assert list(kinds) == ["search", "for-you", "next", "related"], kinds
    assert [one["of"] for one in kinds.values()] == ["shopper", "all", "all", "all"], kinds
    for one in kinds.values():
        assert abs(sum(one["believed"].values()) - 1) < 1e-9 and one["heard"] >= (one["evidence"] > 0), one
        assert not one["heard"] or one["evidence"] > -2, one
    assert kinds["related"]["pages"] == 0 and -3.6 < kinds["related"]["evidence"] < -3.4, kinds["related"]
    assert max(one["pages"] for one in kinds.values()) > 0, kinds
    told = models("list", "--server", shop.url)
    assert re.search(r"related\s.*\sno\s", told) and re.search(r"search\s", told), told


def check_personal(shop: Shop) -> None:
    """Of three categories each shopper wants one: searches are ordered for who asks, unless he asks not to be known."""
    shop.log([{"type": "item-upsert", "item": f"i{n}", "time": shop.start, "title": "Lamp", "category": f"c{n % 3}"} for n in range(12)])
    chance = random.Random(1)
    for page in range(500):
        user = page % 15
        found = shop.send("POST", "/api/v1/search", {"query": "lamp", "user": f"u{user}"})
        shop.log([{"type": "click", "item": one["item"], "user": f"u{user}", "query_id": found["query_id"]} for one in found["items"][:8]
                  if int(one["item"][1:]) % 3 == user % 3 and chance.random() < 0.7] or [{"type": "view", "user": "nobody", "item": "i0"}])
    assert next(one for one in shop.model()["kinds"] if one["name"] == "search")["heard"], shop.model()

    def native(**more: object) -> list[str]:
        return [one["item"] for one in shop.send("POST", "/api/v1/search", {"query": "lamp", "record": False, **more})["items"]]

    def storefront(**more: object) -> list[str]:
        return [one["objectID"] for one in shop.send("POST", "/1/indexes/products/query", {"query": "lamp", "analytics": False, **more})["hits"]]

    for user in ("u0", "u1", "u2"):
        mine = [f"i{n}" for n in range(12) if n % 3 == int(user[1])]
        for order in (native(user=user), storefront(userToken=user)):
            assert set(order[:4]) == set(mine), (user, order)
        assert native(user=user, personal=False) == native(), user
        assert storefront(userToken=user, enablePersonalization=False) == storefront() == native(), user


def check_learner(shop: Shop) -> None:
    """A promoted challenger is visible, and settings that do not name it take the learner back."""
    bold = {"name": "bold", "learner": "linear", "prior": 2}
    shop.settings(challengers=[bold, {"name": "slow", "prior": 0.1}])
    assert [one["name"] for one in shop.model()["challengers"]] == ["bold", "slow"] and shop.model()["learner"] == "ensemble"
    assert re.search(r"challenger slow: ensemble, prior 0.1, caution 1.3; on \d+ pages", models("list", "--server", shop.url))
    models("promote", "--server", shop.url, code=1)
    models("promote", "--challenger", "other", "--server", shop.url, code=1)
    assert "of challenger bold" in models("promote", "--challenger", "bold", "--server", shop.url)
    now = shop.model()
    assert (now["learner"], now["prior"], now["promoted"]) == ("linear", 2, "bold"), now
    assert [one["name"] for one in now["challengers"]] == ["slow"], now
    assert now["declared"] == {"learner": "ensemble", "prior": 1, "caution": 1.3}, now
    told = models("list", "--server", shop.url)
    assert "asked: linear, prior 2, caution 1.3 of challenger bold" in told and "the settings say ensemble" in told, told
    shop.settings(learner="ensemble")
    now = shop.model()
    assert now["learner"] == "ensemble" and "promoted" not in now and now["declared"]["learner"] == "ensemble", now
    assert now["notes"][0]["what"] == "configured" and "ensemble" in now["notes"][0]["text"], now["notes"][0]


def check_rules(shop: Shop) -> None:
    """Rules over recommendations: pinned, lifted, hidden, filtered, on the pages they are for."""
    def page(surface: str = "for-you", **more: object) -> tuple[list[str], dict]:
        answer = shop.send("POST", "/api/v1/recommend", {"surface": surface, "user": "u1", "k": 5, "record": False, **more})
        return [item["item"] for item in answer["items"]], answer

    def rule(then: dict, *when: dict) -> None:
        shop.send("PUT", "/api/v1/rules", [{"id": "r", "when": list(when), "then": then}])

    plain, _ = page()
    assert len(plain) == 5 and plain[0] != "i13"
    rule({"pin": [{"item": "i13", "position": 0}, {"item": "i14", "position": 2}], "data": {"banner": 1}})
    shown, answer = page(explain=True)
    assert (shown[0], shown[2], len(shown)) == ("i13", "i14", 5) and len(set(shown)) == 5, shown
    assert answer["rules"] == ["r"] and answer["data"] == [{"banner": 1}], answer
    assert answer["items"][0]["reason_kind"] == "rule" and answer["items"][0]["reason"] == "picked by the shop"
    for item in answer["items"]:
        assert sum(part["value"] for part in item["explain"]) == item["score"], item
    assert page(rules=False)[0] == plain
    assert page(exclude=["i13"])[0][0] != "i13" and "i13" not in page("related", items=["i13"])[0]
    rule({"lift": "price >= 19"})
    assert sorted(page()[0][:2]) == ["i18", "i19"]
    hidden = plain[:2]
    rule({"hide": hidden, "pin": [{"item": hidden[0], "position": 0}], "pins_follow_filters": False})
    for surface, more in (("for-you", {}), ("next", {}), ("trending", {}), ("recently-viewed", {}), ("buy-again", {}),
                          ("related", {"items": ["i5"]}), ("bought-together", {"items": ["i5"]})):
        assert not set(hidden) & set(page(surface, **{"k": 20, **more})[0]), surface
    rule({"filter": "price < 5"})
    assert set(page(k=20)[0]) <= {"i0", "i1", "i2", "i3"}
    # On which pages: of a query never, of a page or a context where it is said.
    pin = {"pin": [{"item": "i13", "position": 0}]}
    for when, surfaces in (({"query": "lamp"}, ()), ({"page": "search"}, ()), ({"page": "next"}, ("next",)),
                           ({"page": "recommendations"}, ("next", "for-you")), ({"context": "home"}, ())):
        rule(pin, when)
        for surface in ("next", "for-you"):
            assert (page(surface)[0][0] == "i13") == (surface in surfaces), (when, surface)
    assert page(contexts=["home"])[0][0] == "i13"
    found = shop.send("POST", "/api/v1/search", {"query": "item", "contexts": ["home"], "record": False})
    assert found["items"][0]["item"] == "i13", found["items"][0]
    try:
        rule(pin, {"page": "cellar"})
        raise AssertionError("a page that does not exist")
    except urllib.error.HTTPError as error:
        assert error.code == 400 and "page" in error.read().decode()
    shop.send("PUT", "/api/v1/rules", [])


def check_threshold(shop: Shop) -> None:
    """Of the storefront dialect: what scores less is not shown, and what falls back fills its places."""
    def scores(**more: object) -> list[float]:
        asked = {"indexName": "products", "model": "related-products", "objectID": "i5", **more}
        answer = shop.send("POST", "/1/indexes/*/recommendations", {"requests": [asked]})
        return [hit["_score"] for hit in answer["results"][0]["hits"]]

    every = scores(threshold=0)
    assert len(every) > 3 and max(every) == 100 and min(every) < 50, every
    middle = sorted(every)[len(every) // 2]
    assert sorted(scores(threshold=middle - 1e-3)) == sorted(one for one in every if one >= middle - 1e-3), (middle, every)
    filled = scores(threshold=100, maxRecommendations=4, fallbackParameters={})
    assert len(filled) == 4 and filled[0] == 100, filled


def check_alarm(shop: Shop, diary: str) -> None:
    """Shoppers turn to other items, while what is learned must show itself first: an alarm is a line in the log."""
    shop.settings(updates={"mode": "batch", "pages": 20})
    before = shop.model()
    for wanted in (3, 6, 1, 8, 2):
        shop.visits(300, wanted)
        if "ranker: " in pathlib.Path(diary).read_text():
            break
    notes = {note["what"] for note in shop.model()["notes"]} & {"worse", "rollback", "suspect", "hold"}
    said = pathlib.Path(diary).read_text()
    assert notes, (before, shop.model())
    assert re.search(r"warn.*ranker: (worse|rollback|suspect|hold) at offset \d+", said), said[-2000:]


def check_again(shop: Again, diary: str) -> None:
    """What happened before the start is neither counted up nor said again."""
    (now,) = shop.rollbacks()
    assert float(now) >= 1 and set(shop.meanwhile) <= {now}, (now, shop.meanwhile)
    said = pathlib.Path(diary).read_text()
    assert "ranker: " not in said, said[-2000:]


def check_erasure(shop: Shop) -> None:
    """Promoted weights were learned from everybody: they go with whom they were learned from."""
    server = ("--server", shop.url)
    own = next(str(one["version"]) for one in shop.versions() if one["version"] < 1_000_000_000)
    models("promote", own, *server)
    shop.send("DELETE", "/api/v1/users/u5")
    for _ in range(3000):
        if not shop.get("/api/v1/status")["erasing"]:
            break
        time.sleep(0.02)
    entries = shop.get("/api/v1/audit?limit=9")["entries"]
    actions = [(one["action"], one["what"]) for one in entries if one["action"].startswith("model-")]
    assert ("model-erased", "version " + own) in actions and ("model-promote", "version " + own) in actions, actions
    assert all(note["text"] != "version " + own for note in shop.model()["notes"] if note["what"] == "promote"), shop.model()


def check_game(shop: Shop) -> None:
    """A game of weeks, played in seconds: what is clicked is found on the page it was clicked on."""
    said = json.loads(subprocess.run([freshet, "simulate", "--server", shop.url, "--items", "200", "--shoppers", "60", "--visits", "150",
                                      "--days", "14", "--json"], capture_output=True, text=True, timeout=120, check=True).stdout)
    kinds = [one for one in shop.model()["kinds"] if one["name"] in ("for-you", "next")]
    lists = said["total"]["lists"]  # Each is counted as somebody saw it. On a busy machine the first finds an empty shop: no page.
    assert lists - 1 <= sum(one["pages"] for one in kinds) <= lists, (kinds, said)
    assert sum(one["clicks"] for one in kinds) > 0.95 * said["clicks"] > 0, (kinds, said["clicks"])


def learned(folder: str, models_in: str, *more: str) -> tuple[dict, str]:
    """A table whose labels turn round in one shop, learned with a served copy: the report, and what was said."""
    draw, rows = random.Random(3), pathlib.Path(folder) / "rows.csv"
    lines = ["shop,kind,price,label"]
    for n in range(12_000):
        shop, kind = draw.choice("abc"), draw.choice("uvwxyz")
        likely = (kind in "uvw") != (shop == "a" and n > 6000)
        lines.append(f"{shop},{kind},{draw.random():.3f},{int(draw.random() < (0.9 if likely else 0.1))}")
    rows.write_text("\n".join(lines) + "\n")
    done = subprocess.run([freshet, "learn", str(rows), "--label", "label", "--task", "binary", "--learner", "dcn", "--publish-every",
                           "200", "--gate", "--models", f"{folder}/{models_in}", "--json", *more], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def check_folder(folder: str) -> None:
    """The same commands over a folder that `freshet learn` left, and its --control and --segment."""
    plain, said = learned(folder, "plain")
    watched, drifts = learned(folder, "watched", "--segment", "shop")
    assert "drift in" not in said and "drift in shop=a: loss" in drifts and "shop=b" not in drifts and "shop=c" not in drifts, drifts
    assert watched["state_hash"] == plain["state_hash"], "to watch changes nothing"
    led, _ = learned(folder, "led", "--segment", "shop", "--control")
    assert led["by_quarter"][0] == plain["by_quarter"][0] and led["by_quarter"][2] < plain["by_quarter"][2], (led, plain)
    assert led["log_loss"] < plain["log_loss"], (led, plain)
    of = ("--models", folder + "/plain")
    versions = json.loads(models("list", *of, "--json"))["versions"]
    newest, older = str(versions[0]["version"]), str(versions[-1]["version"])
    assert newest in models("list", *of) and json.loads(models("show", "newest", *of, "--json"))["version"] == int(newest)
    assert "changed" in models("diff", newest, older, *of) and not json.loads(models("diff", newest, older, *of, "--json"))["equal"]
    models("pin", older, "kept", *of)
    assert json.loads(models("show", "kept", *of, "--json"))["version"] == int(older)
    models("promote", "kept", *of)
    assert json.loads(models("show", "live", *of, "--json"))["version"] == int(older)
    models("rollback", *of)
    models("export", "kept", "--to", folder + "/kept.version", *of)
    models("import", folder + "/kept.version", "--models", folder + "/other")
    ours, theirs = (json.loads(models("show", name, "--models", folder + place, "--json")) for name, place in
                    (("kept", "/plain"), ("newest", "/other")))
    assert ours["hash"] == theirs["hash"], (ours, theirs)
    models("unpin", "kept", *of)
    models("show", "kept", *of, code=1)
    (pathlib.Path(folder) / "plain/live").write_text("three\n")
    assert "expected a number on each line" in models("list", *of, code=1)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        data, diary = folder + "/shop", folder + "/diary"
        with open(diary, "w", encoding="utf-8") as lines, Shop(freshet, data, diary=lines) as shop:
            shop.stock()
            check_modes(shop)
            check_versions(shop, folder)
            check_kinds(shop)
            check_learner(shop)
            check_rules(shop)
            check_threshold(shop)
            check_alarm(shop, diary)
        shutil.rmtree(data + "/snapshots")
        with open(diary + "-2", "w", encoding="utf-8") as lines, Again(freshet, data, diary=lines) as shop:
            check_again(shop, diary + "-2")
            check_erasure(shop)
        with Shop(freshet, folder + "/personal") as shop:
            check_personal(shop)
        with Shop(freshet, folder + "/game") as shop:
            check_game(shop)
        # Without a server: of the folder the versions are in.
        of_folder = ("--models", data + "/models/ranker")
        assert "hash" in models("show", "newest", *of_folder) and "ensemble" in models("show", "newest", *of_folder)
        check_folder(folder)
        check_servers_folder(folder, data)
    print("freshet models: versions, learner, modes, rules and alarms agree")


if __name__ == "__main__":
    main()
