"""The operations under /api/v1/models, for tests/openapi_test.py."""
import re
import time


def check_challenger(server, model):
    """Another configuration in the shadow, put in place by hand."""
    call = server.call
    call("post", model + "/challenger/promote", 404, {}, model="other")
    call("post", model + "/challenger/promote", 400, {}, model="ranker")
    call("put", "/api/v1/settings", 400, {"ranker": {"challengers": [{"name": "bold", "prior": 0}]}})
    call("put", "/api/v1/settings", 400, {"ranker": {"learner": "forest"}})
    call("put", "/api/v1/settings", 400, {"ranker": {"challengers": [{"name": "bold", "learner": "both"}]}})
    bold, slow = {"name": "bold", "learner": "linear", "prior": 2}, {"name": "slow", "prior": 0.1}
    call("put", "/api/v1/settings", 400, {"ranker": {"challengers": [bold, bold]}})
    call("put", "/api/v1/settings", 400, {"ranker": {"challengers": [bold] * 5}})
    call("put", "/api/v1/settings", 400, {"ranker": {"challengers": [{"prior": 2}]}})
    call("put", "/api/v1/settings", 400, {"ranker": {"challengers": [bold], "challenger": slow}})
    call("put", "/api/v1/settings", 200, {"ranker": {"challengers": [slow, bold]}})
    about = call("get", "/api/v1/models", 200)["models"][0]
    assert [(one["name"], one["verdict"]) for one in about["challengers"]] == [("slow", "open"), ("bold", "open")], about
    call("post", model + "/challenger/promote", 400, {}, model="ranker")
    call("post", model + "/challenger/promote", 400, {"name": "other"}, model="ranker")
    now = call("post", model + "/challenger/promote", 200, {"name": "bold"}, model="ranker")
    assert now["learner"] == "linear" and now["notes"][0]["text"] == "challenger bold", now
    assert [one["name"] for one in now["challengers"]] == ["slow"], now
    assert (now["promoted"], now["prior"], now["declared"]["learner"]) == ("bold", 2, "ensemble"), now
    assert call("get", "/api/v1/audit", 200)["entries"][0]["action"] == "model-challenger"
    call("put", "/api/v1/settings", 200, {"ranker": {"learner": "ensemble"}})
    now = call("get", "/api/v1/models", 200)["models"][0]
    assert now["learner"] == "ensemble" and "promoted" not in now and now["challengers"] == [], now


def check_models(server, wait_folded):
    """Versions of what the ranker serves: made by a shop's pages and clicks, kept, compared, sent and put back."""
    call = server.call
    model, one = "/api/v1/models/{model}", "/api/v1/models/{model}/versions/{version}"
    assert call("get", "/api/v1/models", 200)["models"][0]["good"] == 0
    call("post", model + "/rollback", 404, {}, model="other")
    call("post", model + "/rollback", 400, {}, model="ranker")
    start = int(time.time() * 1000) - 40 * 86400000
    lines = [{"type": "item-upsert", "item": f"i{n}", "time": start, "title": f"Item {n}", "price": n + 1}
             for n in range(20)]
    for page in range(900):  # Everybody wants the first of ten.
        at = start + page * 1200000
        shown = [f"i{(page * 7 + k) % 20}" for k in range(20)]
        lines.append({"type": "impression", "user": f"u{page % 9}", "query_id": f"page-{page}", "surface": "for-you",
                      "time": at, "items": shown})
        lines += [{"type": "click", "user": f"u{page % 9}", "query_id": f"page-{page}", "item": item, "time": at + 1000}
                  for item in shown if int(item[1:]) % 10 == 0]
    call("post", "/api/v1/events", 200, lines, query={"history": "true"})
    wait_folded(server)
    versions, before = [], None
    for _ in range(100):  # They are written by a thread of their own.
        versions = call("get", model + "/versions", 200, model="ranker")["versions"]
        if len(versions) >= 3 and versions == before:
            break
        before = versions
        time.sleep(0.3)
    assert len(versions) >= 3, versions
    about = call("get", "/api/v1/models", 200)["models"][0]
    assert about["name"] == "ranker" and about["good"] > 0 and about["pages"] > 100, about
    first, last = versions[-1]["version"], versions[0]["version"]
    call("get", model + "/versions", 404, model="other")
    assert call("get", one, 200, model="ranker", version=first)["version"] == first
    call("get", one, 404, model="ranker", version="nothing")
    diff = call("get", one + "/diff", 200, query={"with": last}, model="ranker", version=first)
    assert not diff["equal"] and diff["weights"]["changed"] > 0, diff
    call("get", one + "/diff", 400, model="ranker", version=first)
    call("get", one + "/diff", 404, query={"with": "nothing"}, model="ranker", version=first)
    assert call("post", one + "/pin", 200, {"name": "before-the-sale"}, model="ranker", version=first)["name"] == "before-the-sale"
    for name in ("7", "good", "live", "newest", "imported-1"):
        call("post", one + "/pin", 400, {"name": name}, model="ranker", version=first)
    for word in ("good", "live"):  # Neither is kept as a rule: at most one an hour is.
        if about[word] not in [version["version"] for version in versions]:
            said = call("get", one, 404, model="ranker", version=word)["error"]["message"]
            assert said.startswith(f"{word} is {about[word]}, which is not kept") and str(last) in said, said
    call("post", one + "/pin", 404, {"name": "x"}, model="ranker", version="nothing")
    exported = call("get", one + "/export", 200, model="ranker", version="before-the-sale").encode("latin-1")
    call("get", one + "/export", 404, model="ranker", version="nothing")
    binary = {"Content-Type": "application/octet-stream"}
    imported = call("post", model + "/import", 200, exported, headers=binary, model="ranker")
    assert imported["imported"] and imported["hash"] == call("get", one, 200, model="ranker", version=first)["hash"], imported
    for wrong in (b"", b"no version", exported[:-9], exported[:99] + bytes([exported[99] ^ 1]) + exported[100:]):
        call("post", model + "/import", 400, wrong, headers=binary, model="ranker")
    call("post", model + "/import", 404, exported, headers=binary, model="other")
    assert call("get", one, 200, model="ranker", version="newest")["version"] == last
    # Imported versions are none of those that are kept for being new, and go when they are unpinned.
    again = call("post", model + "/import", 200, exported, headers=binary, model="ranker")
    gone = call("post", one + "/unpin", 200, {}, model="ranker", version=again["name"])
    assert gone["removed"] and gone["version"] == again["version"] and "name" not in gone, gone
    call("get", one, 404, model="ranker", version=again["version"])
    # What none of them takes is refused, not passed over.
    for path, body in ((model + "/rollback", {"version": 7}), (one + "/promote", {"force": True}), (one + "/unpin", {"name": "x"}),
                       (model + "/rollback", b"garbage{")):
        more = {} if path.startswith(model + "/r") else {"version": first}
        call("post", path, 400, body, model="ranker", **more)
    call("post", model + "/rollback", 400, {}, query={"version": 7}, model="ranker")
    now = call("post", one + "/promote", 200, {}, model="ranker", version=imported["version"])
    assert now["notes"][0]["what"] == "promote", now["notes"][0]
    call("post", one + "/promote", 404, {}, model="ranker", version="nothing")
    now = call("post", model + "/rollback", 200, {}, model="ranker")
    assert now["live"] == now["good"] and now["notes"][0]["what"] == "rollback", now
    call("post", one + "/unpin", 200, {}, model="ranker", version="before-the-sale")
    call("post", one + "/unpin", 404, {}, model="ranker", version="nothing")
    actions = [entry["action"] for entry in call("get", "/api/v1/audit", 200)["entries"]]
    assert actions[:3] == ["model-unpin", "model-rollback", "model-promote"] and "model-part" not in actions, actions
    assert actions[3:7] == ["model-unpin", "model-import", "model-import", "model-pin"], actions
    check_challenger(server, model)
    metrics = call("get", "/metrics", 200)
    assert re.search(r"freshet_model_rollbacks_total [1-9]", metrics), "the counter of roll-backs"
