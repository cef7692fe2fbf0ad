#!/usr/bin/env python3
"""docs/openapi.yaml against the running server: every path and method, every kind of answer it names.

Usage: tests/openapi_test.py <freshet binary>

A server is started twice on a free loopback port: with keys off, and with keys required. Each call below must get the
status it names, the status must be in the document for that path and method, and the body must fit its schema. The test
fails when an operation of the document was never called, or was never seen to succeed.
"""
import gzip
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import yaml

from openapi_models import check_models

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())
METHODS = ("get", "put", "post", "patch", "delete")
TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}


def resolve(node):
    while isinstance(node, dict) and "$ref" in node:
        target = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def misfits(value, schema, where="body"):
    """What of `value` the schema does not allow, as a list of texts."""
    schema = resolve(schema)
    if "oneOf" in schema:
        tries = [misfits(value, one, where) for one in schema["oneOf"]]
        return [] if sum(not found for found in tries) == 1 else [f"{where}: fits none or several of oneOf"]
    kind = schema.get("type")
    if value is None and schema.get("nullable"):
        return []
    if kind:
        right = isinstance(value, TYPES[kind]) and not (isinstance(value, bool) and kind in ("integer", "number"))
        if not right:
            return [f"{where}: expected {kind}, got {value!r:.60}"]
    found = []
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{where}: {value!r} is not in {schema['enum']}")
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        found += [f"{where}: {name} is missing" for name in schema.get("required", []) if name not in value]
        extra = schema.get("additionalProperties", True)
        for name, one in value.items():
            if name in properties:
                found += misfits(one, properties[name], f"{where}.{name}")
            elif extra is False:
                found.append(f"{where}: {name} is not in the document")
            elif isinstance(extra, dict):
                found += misfits(one, extra, f"{where}.{name}")
    if isinstance(value, list):
        if len(value) > schema.get("maxItems", len(value)):
            found.append(f"{where}: more than {schema['maxItems']} elements")
        for index, one in enumerate(value):
            found += misfits(one, schema.get("items", {}), f"{where}[{index}]")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value < schema.get("minimum", value) or value > schema.get("maximum", value):
            found.append(f"{where}: {value} is out of range")
    return found


class Server:
    def __init__(self, binary, data, *flags):
        command = [binary, "serve", "--data", data, "--port", "0", *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+", line)
        if not found:
            sys.exit(f"the server did not start: {line}{self.process.stderr.read()}")
        self.base = found.group(0)
        self.seen = {}
        self.failures = []

    def wait_ready(self):
        for _ in range(600):
            try:
                with urllib.request.urlopen(self.base + "/readyz", timeout=5):
                    return
            except urllib.error.HTTPError:
                time.sleep(0.05)
        sys.exit("the server did not get ready")

    def stop(self):
        self.process.terminate()
        _, diary = self.process.communicate(timeout=60)
        if self.process.returncode != 0:
            self.failures.append(f"the server ended with {self.process.returncode}: {diary[-2000:]}")
        return diary

    def call(self, method, path, want, body=None, query=None, headers=None, **params):
        """One request to `path` of the document with its {params}; returns the decoded body."""
        url = self.base + re.sub(r"\{(\w+)\}", lambda m: urllib.parse.quote(str(params[m.group(1)]), safe=""), path)
        if query:
            url += "?" + urllib.parse.urlencode(query, doseq=True)
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            headers.setdefault("Content-Type", "application/json")
            body = json.dumps(body).encode()
        request = urllib.request.Request(url, data=body, method=method.upper(), headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status, kind = answer.status, answer.headers.get_content_type()
                stream = kind == "text/event-stream"
                raw = b"".join(answer.readline() for _ in range(3)) if stream else answer.read()
        except urllib.error.HTTPError as error:
            status, kind, raw = error.code, error.headers.get_content_type(), error.read()
        decoded = raw.decode("latin-1" if kind == "application/octet-stream" else "utf-8")
        if kind == "application/json":
            decoded = json.loads(raw)
        self.check(method, path, want, status, kind, decoded)
        return decoded

    def check(self, method, path, want, status, kind, decoded):
        what = f"{method.upper()} {path} -> {status}"
        self.seen.setdefault((path, method), set()).add(status)
        if want is None and status >= 500 and status != 503 or want not in (None, status):
            self.failures.append(f"{what}: expected {want}: {decoded!r:.300}")
        operation = DOCUMENT["paths"].get(path, {}).get(method)
        if operation is None:
            self.failures.append(f"{what}: the document has no such operation")
            return
        response = resolve(operation["responses"].get(str(status)))
        if response is None and status in (400, 413, 431, 503):  # Any path: the document says so at its top.
            response = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}
        if response is None:
            self.failures.append(f"{what}: the document does not name this status")
        elif kind not in response["content"]:
            self.failures.append(f"{what}: content-type {kind}, the document has {list(response['content'])}")
        else:
            self.failures += [f"{what}: {m}" for m in misfits(decoded, response["content"][kind]["schema"])]


def check_open(server):
    """Every operation, with keys off."""
    call = server.call
    items = [{"id": "kettle", "title": "Kettle", "category": "Home > Kitchen", "brand": "Acme", "price": 29.5},
             {"id": "a/b c", "title": "Odd id", "category": "Home", "brand": "Lux", "price": 9, "tags": ["x", "y"],
              "size": {"width": 3}, "available": True}]
    assert call("post", "/api/v1/items", 200, items)["accepted"] == 2
    wait_folded(server)
    assert call("get", "/api/v1/items/{id}", 200, id="a/b c")["attributes"]["size.width"] == 3
    call("patch", "/api/v1/items/{id}", 200, {"price": 10, "tags": None}, id="a/b c")
    call("get", "/api/v1/items/{id}", 404, id="nothing")
    call("patch", "/api/v1/items/{id}", 422, b"{", id="kettle")
    call("patch", "/api/v1/items/{id}", 400, {"price": 1}, id="kettle", query={"x": 1})
    call("post", "/api/v1/items", 422, [{"title": "no id"}])
    assert call("post", "/api/v1/items", 200, [{"title": "no id"}], query={"check": "true"})["rejected"] == 1
    old = {"type": "view", "user": "u", "item": "kettle", "time": "2019-01-01"}
    assert call("post", "/api/v1/events", 200, old, query={"check": "true"})["rejected"] == 1
    assert call("post", "/api/v1/events", 200, old, query={"check": "true", "history": "true"})["accepted"] == 1
    time.sleep(0.5)
    found = call("post", "/api/v1/search", 200, {"query": "ketle", "facets": ["*"], "explain": True})
    assert found["found"] >= 1, found
    several = call("post", "/api/v1/search", 200, {"searches": [{"query": "kettle"}, {"count": 0}]})
    assert len(several["answers"]) == 2
    assert call("post", "/api/v1/search", 400, {"sort": [{}]})["error"]["field"] == "sort[0]"
    call("post", "/api/v1/search", 400, b"{")
    call("post", "/api/v1/browse", 200, {"count": 1})
    call("post", "/api/v1/browse", 400, {"cursor": "nonsense"})
    call("post", "/api/v1/facets/{name}", 200, {"contains": "a"}, name="brand")
    call("post", "/api/v1/facets/{name}", 400, {"filter": "price <"}, name="brand")
    steps = call("post", "/api/v1/search", 200, {"count": 0, "facets": [{"name": "category", "under": "", "first": ["x"]}]})
    assert all(" > " not in value["value"] for value in steps["facets"][0]["values"]), steps
    asked = {"query": "ket", "count": 5}
    assert call("post", "/api/v1/suggestions", 200, asked).keys() == call("get", "/api/v1/suggestions", 200, query=asked).keys()
    assert call("post", "/api/v1/suggestions", 400, {"count": 0})["error"]["field"] == "count"
    staged = call("post", "/api/v1/settings/staged", 201, {"pagination_max": 500})["version"]
    assert call("post", "/api/v1/settings/staged", 400, {"typo": {"one_edit_from": 0}})["error"]["field"] == "typo.one_edit_from"
    call("delete", "/api/v1/settings/staged/{version}", 200, version=staged)
    call("delete", "/api/v1/settings/staged/{version}", 404, version=staged)
    call("put", "/api/v1/settings", 200, {"pagination_max": 400})
    call("put", "/api/v1/settings", 400, {"nothing": 1})
    assert call("get", "/api/v1/settings", 200)["settings"]["pagination_max"] == 400
    patched = call("patch", "/api/v1/settings", 200, {"ranker": {"diversity": 0.2}}, query={"note": "less alike"})
    assert patched["settings"]["pagination_max"] == 400 and patched["settings"]["ranker"]["diversity"] == 0.2, patched
    call("patch", "/api/v1/settings", 400, {"ranker": {"diversity": 7}})
    call("patch", "/api/v1/settings", 400, [])
    call("patch", "/api/v1/settings", 200, {"ranker": None})
    call("get", "/api/v1/settings", 404, query={"version": 99})
    call("get", "/api/v1/settings/versions", 200)
    call("get", "/api/v1/settings/diff", 200, query={"from": 0})
    call("get", "/api/v1/settings/diff", 404, query={"from": 99})
    call("post", "/api/v1/settings/rollback", 200, {})
    call("post", "/api/v1/settings/rollback", 404, {"version": 99})
    call("post", "/api/v1/settings/publish", 200, {"version": 0})
    call("post", "/api/v1/settings/publish", 400, {})
    call("post", "/api/v1/settings/publish", 404, {"version": 99})
    call("put", "/api/v1/synonyms/{id}", 200, {"words": ["sofa", "couch"]}, id="s1")
    call("put", "/api/v1/synonyms/{id}", 400, {"words": ["sofa"]}, id="s1")
    call("get", "/api/v1/synonyms/{id}", 200, id="s1")
    call("get", "/api/v1/synonyms", 200)
    call("delete", "/api/v1/synonyms/{id}", 200, id="s1")
    call("delete", "/api/v1/synonyms/{id}", 404, id="s1")
    call("get", "/api/v1/synonyms/{id}", 404, id="s1")
    call("put", "/api/v1/synonyms", 200, [{"id": "1", "words": ["tv", "television"]}])
    call("put", "/api/v1/synonyms", 400, {})
    call("post", "/api/v1/items", 200, {"id": "n1", "title": "Lamp"}, query={"catalogue": "next"})
    call("get", "/api/v1/catalogues", 200)
    call("delete", "/api/v1/catalogues/{name}", 200, name="next")
    call("delete", "/api/v1/catalogues/{name}", 404, name="next")
    call("post", "/api/v1/catalogues/{name}/swap", 404, name="next")
    call("post", "/api/v1/items", 200, items, query={"catalogue": "next"})
    time.sleep(0.5)
    call("post", "/api/v1/catalogues/{name}/swap", 200, name="next")

    view = {"type": "view", "user": "ada", "item": "kettle", "id": "e1"}
    assert call("post", "/api/v1/events", 200, view)["accepted"] == 1
    again = call("post", "/api/v1/events", 200, [view, {**view, "id": "e2", "item": "a/b c"}])
    assert (again["accepted"], again["duplicates"]) == (1, 1), again
    lines = b'{"type":"view","user":"bob","item":"kettle"}\n{"type":"view","user":"bob","item":"a/b c"}\n'
    call("post", "/api/v1/events", 200, lines, headers={"Content-Type": "application/x-ndjson"})
    packed = gzip.compress(json.dumps({**view, "id": "e3", "user": "cleo"}).encode())
    call("post", "/api/v1/events", 200, packed, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"})
    mixed = call("post", "/api/v1/events", 200, [{**view, "id": "e4"}, {**view, "id": "e5", "price": "cheap"}])
    assert mixed["errors"][0]["index"] == 1 and mixed["errors"][0]["field"] == "price", mixed
    assert call("post", "/api/v1/events", 422, {"type": "view", "user": "ada"})["error"]["field"] == "item"
    call("post", "/api/v1/events", 400, b"no json")
    call("post", "/api/v1/events", 400, view, query={"sauce": "web"})
    call("post", "/api/v1/events", 415, b"<x/>", headers={"Content-Type": "text/xml"})
    call("post", "/api/v1/events", 415, b"x", headers={"Content-Encoding": "br"})
    call("post", "/api/v1/events", 400, b"x", headers={"Content-Encoding": "gzip"})
    call("post", "/api/v1/events", 413, b" " * (33 << 20))
    bomb = gzip.compress(b" " * (40 << 20))
    call("post", "/api/v1/events", 413, bomb, headers={"Content-Encoding": "gzip"})

    for kind, linked in (("identity-link", ["dans-cookie"]), ("identity-unlink", [])):
        call("post", "/api/v1/events", 200, {"type": "view", "user": "dans-cookie", "item": "kettle"})
        done = call("post", "/api/v1/events", 200, {"type": kind, "user": "dans-cookie", "user_to": "dan"})
        while call("get", "/api/v1/status", 200)["log"]["applied"] < done["offset"]:
            time.sleep(0.02)
        assert call("get", "/api/v1/users/{id}", 200, id="dan")["linked"] == linked
    page = call("get", "/api/v1/recommend", 200, query={"user": "dan", "item": "kettle", "k": 2, "explain": 1})
    assert page["query_id"]
    for item in page["items"]:
        assert sum(part["value"] for part in item["explain"]) == item["score"], item
        for part in item["explain"]:
            assert "evidence" not in part or sum(part["evidence"].values()) == part["value"], part
    then = int(time.time() * 1000) - 5 * 86_400_000
    call("get", "/api/v1/recommend", 200, query={"time_ms": then})
    for far in (then - 40 * 86_400_000, then + 6 * 86_400_000):
        assert call("post", "/api/v1/recommend", 400, {"time_ms": far})["error"]["field"] == "time_ms"
    body = {"surface": "related", "items": ["kettle"], "k": 3, "filter": "price < 100", "exclude": ["kettle"]}
    call("post", "/api/v1/recommend", 200, body)
    for surface in DOCUMENT["components"]["schemas"]["Surface"]["enum"]:
        call("get", "/api/v1/recommend", 200, query={"surface": surface, "user": "ada", "item": "kettle"})
    wrong = call("post", "/api/v1/recommend", 400, {"filter": "price <"})
    assert wrong["error"]["field"] == "filter" and wrong["error"]["position"] >= 6, wrong
    for query in ({"k": 0}, {"k": "ten"}, {"surface": "nowhere"}, {"sufrace": "next"}, {"explain": "maybe"}):
        error = call("get", "/api/v1/recommend", 400, query=query)["error"]
        assert error["field"] in query, error
    call("post", "/api/v1/recommend", 400, b'{"k": ')
    call("get", "/api/v1/recommend/trending", 200, query={"k": 5})
    call("get", "/api/v1/recommend/trending", 400, query={"k": 1000})

    wait_folded(server)
    profile = call("get", "/api/v1/users/{id}", 200, id="ada")
    assert [a["item"] for a in profile["actions"]][:2] == ["kettle", "a/b c"], profile
    call("get", "/api/v1/users/{id}", 404, id="nobody")
    call("delete", "/api/v1/users/{id}", 202, id="bob")

    check_search(server)
    check_letters(call)
    status = call("get", "/api/v1/status", 200, query={"curves": "true"})
    assert status["log"]["end"] >= 8 and "curves" in status, status
    call("get", "/api/v1/status", 400, query={"curve": 1})
    assert "event: status" in call("get", "/api/v1/stream", 200)
    call("post", "/api/v1/admin/snapshot", 200)
    made = call("post", "/api/v1/admin/keys", 201, {"name": "shop", "role": "write"})
    assert made["id"] in [key["id"] for key in call("get", "/api/v1/admin/keys", 200)["keys"]]
    call("post", "/api/v1/admin/keys", 400, {"name": "shop", "role": "king"})
    call("delete", "/api/v1/admin/keys/{id}", 200, id=made["id"])
    call("delete", "/api/v1/admin/keys/{id}", 404, id=made["id"])
    done = [(one["action"], one.get("what")) for one in call("get", "/api/v1/audit", 200, query={"limit": 2})["entries"]]
    assert done == [("key-remove", "shop"), ("key-create", "shop (write)")], done
    call("get", "/api/v1/audit", 400, query={"limit": 0})
    features = call("get", "/api/v1/ranker/features", 200)["features"]
    assert {"item", "visit-alike", "context-category"} <= {one["name"] for one in features}, features
    call("post", "/api/v1/events", 200, {"type": "context", "name": "weather", "value": "rain", "region": "DE",
                                         "time": "2026-01-02", "until": "2100-01-01"})
    around = call("get", "/api/v1/contexts", 200, query={"region": "DE-BY"})["contexts"]
    assert [one["value"] for one in around if one["active"]] == ["rain"], around
    call("get", "/api/v1/contexts", 400, query={"place": "DE"})
    call("get", "/api/v1/recommend", 200, query={"region": "DE-BY", "device": "mobile"})
    assert call("get", "/api/v1/connect", 200, query={"origin": "https://shop.example"}) == {
        "origin": "https://shop.example", "api": False, "storefront": False, "keys_required": False}
    for wrong in ("", "shop.example", "https://", "https://shop.example/path"):
        call("get", "/api/v1/connect", 400, query={"origin": wrong})
    call("delete", "/api/v1/items/{id}", 200, id="kettle")
    call("get", "/healthz", 200)
    call("get", "/readyz", 200)
    check_metrics(call("get", "/metrics", 200))
    assert yaml.safe_load(call("get", "/openapi.yaml", 200)) == DOCUMENT


def check_search(server):
    """Searching, its settings and synonyms, and a catalogue that takes the place of another."""
    call = server.call

    def titles(body):
        return [hit["item"] for hit in call("post", "/api/v1/search", 200, body)["items"]]

    assert titles({"query": "kettle"}) == ["kettle"]
    assert titles({"query": "ketle"}) == ["kettle"], "one edit is forgiven"
    page = call("post", "/api/v1/search", 200, {"query": "ket", "facets": ["brand"], "explain": True})
    assert [hit["item"] for hit in page["items"]] == ["kettle"], page
    for hit in page["items"]:
        assert sum(part["value"] for part in hit["explain"]) == hit["score"], hit
    assert len(call("post", "/api/v1/search", 200, {"searches": [{"query": "kettle"}, {"query": ""}]})["answers"]) == 2
    for wrong in ({"query": 7}, {"query": "x" * 2000}, {"filter": "price <"}, {"count": -1}, {"sort": 3}, {"qurey": "x"}):
        error = call("post", "/api/v1/search", 400, wrong)["error"]
        assert error["field"] in wrong, (wrong, error)
    wrong = call("post", "/api/v1/search", 400, {"query": "pan", "filter": "price <"})["error"]
    assert wrong["position"] == 7, wrong
    assert len(call("post", "/api/v1/browse", 200, {"count": 100})["items"]) >= 2
    call("post", "/api/v1/browse", 400, {"cursor": "nonsense"})
    call("post", "/api/v1/facets/{name}", 200, {"contains": "ac"}, name="brand")
    call("post", "/api/v1/facets/{name}", 400, {"contains": 1}, name="brand")

    call("put", "/api/v1/synonyms/{id}", 200, {"words": ["kettle", "boiler"]}, id="k")
    wait_folded(server)
    assert titles({"query": "boiler"}) == ["kettle"], "a synonym holds from the next search on"
    call("get", "/api/v1/synonyms/{id}", 200, id="k")
    call("put", "/api/v1/synonyms/{id}", 400, {"words": "kettle"}, id="k")
    assert call("get", "/api/v1/synonyms", 200)
    call("delete", "/api/v1/synonyms/{id}", 200, id="k")
    wait_folded(server)
    call("get", "/api/v1/synonyms/{id}", 404, id="k")
    call("delete", "/api/v1/synonyms/{id}", 404, id="k")
    call("put", "/api/v1/synonyms", 200, [{"id": "a", "words": ["pan", "pot"]}])
    call("put", "/api/v1/synonyms", 400, [{"id": "a"}])

    call("put", "/api/v1/rules/{id}", 200, {"when": [{"query": "kettle"}], "then": {"redirect": "/kettles", "data": {"a": 1}}},
         id="r")
    call("put", "/api/v1/rules/{id}", 400, {"then": {"filter": "("}}, id="r")
    answer = call("post", "/api/v1/search", 200, {"query": "kettle"})
    assert answer["rules"] == ["r"] and answer["redirect"] == "/kettles" and answer["data"] == [{"a": 1}], answer
    assert "rules" not in call("post", "/api/v1/search", 200, {"query": "kettle", "rules": False, "contexts": ["x"]})
    call("get", "/api/v1/rules/{id}", 200, id="r")
    assert len(call("get", "/api/v1/rules", 200)["rules"]) == 1
    call("delete", "/api/v1/rules/{id}", 200, id="r")
    call("delete", "/api/v1/rules/{id}", 404, id="r")
    call("get", "/api/v1/rules/{id}", 404, id="r")
    call("put", "/api/v1/rules", 200, [{"id": "a", "then": {"hide": ["nobody"]}}])
    call("put", "/api/v1/rules", 400, [{"id": "a", "then": {"hide": 1}}])
    call("put", "/api/v1/rules", 200, [])
    check_experiments(call)

    call("put", "/api/v1/settings", 200, {"searchable": [{"name": "title", "weight": 5}, "brand", "*"]})
    wait_folded(server)
    assert call("get", "/api/v1/settings", 200)
    call("put", "/api/v1/settings", 400, {"serchable": []})
    staged = call("post", "/api/v1/settings/staged", 201, {"typo": {"one_edit_from": 5}})["version"]
    call("post", "/api/v1/settings/staged", 400, {"typo": 5})
    wait_folded(server)
    call("get", "/api/v1/settings/diff", 200, query={"from": staged - 1, "to": staged})
    call("get", "/api/v1/settings/diff", 404, query={"from": 999, "to": staged})
    call("post", "/api/v1/settings/publish", 200, {"version": staged})
    call("post", "/api/v1/settings/publish", 404, {"version": 999})
    wait_folded(server)
    call("post", "/api/v1/settings/rollback", 200)
    other = call("post", "/api/v1/settings/staged", 201, {"typo": {"one_edit_from": 6}})["version"]
    wait_folded(server)
    call("delete", "/api/v1/settings/staged/{version}", 200, version=other)
    call("delete", "/api/v1/settings/staged/{version}", 404, version=999)
    assert len(call("get", "/api/v1/settings/versions", 200)["versions"]) >= 2

    lamp = [{"id": "lamp", "title": "Lamp", "price": 5}]
    call("post", "/api/v1/items", 200, lamp, query={"catalogue": "next"})
    wait_folded(server)
    assert "lamp" not in titles({"query": "lamp"}), "a catalogue beside the live one is not searched"
    call("get", "/api/v1/catalogues", 200)
    call("delete", "/api/v1/catalogues/{name}", 200, name="next")
    wait_folded(server)
    call("delete", "/api/v1/catalogues/{name}", 404, name="next")
    call("post", "/api/v1/catalogues/{name}/swap", 404, name="next")
    keep = [{"id": "kettle", "title": "Kettle", "category": "Home > Kitchen", "brand": "Acme", "price": 29.5}]
    call("post", "/api/v1/items", 200, lamp + keep, query={"catalogue": "new"})
    wait_folded(server)
    call("post", "/api/v1/catalogues/{name}/swap", 200, name="new")
    wait_folded(server)
    assert titles({"query": "lamp"}) == ["lamp"]
    assert titles({"query": "odd"}) == [], "what the new catalogue does not have is gone"


def wait_folded(server):
    for _ in range(200):
        log = server.call("get", "/api/v1/status", 200)["log"]
        if log["lag"] == 0:
            return
        time.sleep(0.02)
    sys.exit("the fold does not reach the end of the log")


def check_letters(call):
    letters = "/api/v1/dead-letters"
    listed = call("get", letters, 200, query={"limit": 1})
    assert len(listed["letters"]) == 1 and listed["next"] > listed["letters"][0]["number"], listed
    assert call("get", letters + "/counts", 200)["by_reason"]["type"] >= 1
    cheap = call("get", letters, 200, query={"reason": "type"})["letters"][0]
    number = cheap["number"]
    call("get", letters, 400, query={"reason": "mood"})
    call("get", letters + "/{number}", 200, number=number)
    call("get", letters + "/{number}", 404, number=10**9)
    call("get", letters + "/{number}", 400, number="x")
    call("post", letters + "/{number}/replay", 422, number=number)
    fixed = {"type": "view", "user": "ada", "item": "kettle", "id": "e5", "price": 3}
    call("put", letters + "/{number}", 200, fixed, number=number)
    assert call("post", letters + "/{number}/replay", 200, number=number)["accepted"] == 1
    call("post", letters + "/{number}/replay", 404, number=number)
    call("post", letters + "/replay", 422, query={"reason": "missing"})
    left = call("get", letters, 200)["letters"]
    assert all(letter["number"] != number for letter in left)
    call("delete", letters + "/{number}", 200, number=left[0]["number"])
    call("delete", letters + "/{number}", 404, number=left[0]["number"])
    call("delete", letters, 200)
    call("post", letters + "/replay", 200)


def check_metrics(text):
    """Each metric is in docs/metrics.md and each of the document is there; histograms count."""
    served = set(re.findall(r"^# TYPE (\S+) ", text, re.M))
    listed = set(re.findall(r"`(freshet_\w+)`", (ROOT / "docs" / "metrics.md").read_text()))
    assert served == listed, f"only served: {served - listed}; only in docs/metrics.md: {listed - served}"
    assert float(re.search(r"^freshet_freshness_seconds_count (\S+)", text, re.M).group(1)) > 0
    assert re.search(r'^freshet_ingest_events_total\{result="accepted"\} [1-9]', text, re.M), text


def random_value(draw, depth=0):
    """Anything JSON can say, nasty things often."""
    texts = ["", "ada", "kettle", "a/b c", "\u0000", "\ud83d\ude00", "x" * 300, "../..", "-1", "1e400", "price < 10", "(("]
    kinds = [None, True, draw.randint(-5, 2**53), draw.random() * 1e300, draw.choice(texts), draw.choice(texts)]
    if depth < 3:
        kinds.append([random_value(draw, depth + 1) for _ in range(draw.randint(0, 3))])
        kinds.append({draw.choice(texts): random_value(draw, depth + 1) for _ in range(draw.randint(0, 3))})
    return draw.choice(kinds)


def check_experiments(call):
    """One of each kind, from its definition to what it says and to its end."""
    all_of, one = "/api/v1/experiments", "/api/v1/experiments/{name}"
    variant = {"variant": {"settings": {"prefix": False}}}
    assert call("get", all_of, 200) == {"experiments": []}
    call("get", one, 404, name="x")
    assert call("put", one, 400, {"variant": {"settings": {"prefix": 1}}}, name="x")["error"]["field"] == "variant.settings.prefix"
    call("put", one, 400, {"variant": {"settings_version": 99}}, name="x")
    call("put", one, 400, variant, name="No Name")
    call("delete", one, 404, name="x")
    for action in ("start", "stop", "ship"):
        call("post", one + "/" + action, 404, {}, name="x")
        call("post", one + "/" + action, 400, {"nothing": 1}, name="x")
    call("put", one, 400, dict(variant, on="recommendations"), name="x")  # What no recommendation asks for.
    spread = {"on": "recommendations", "variant": {"settings": {"ranker": {"diversity": 0.5}}}}
    assert call("put", one, 200, spread, name="x")["on"] == "recommendations"
    call("post", one + "/start", 200, {}, name="x")
    page = call("post", "/api/v1/recommend", 200, {"surface": "for-you", "user": "ada"})
    assert page["items"] and page["experiment"]["arm"] in ("control", "variant"), page
    assert "experiment" not in call("post", "/api/v1/search", 200, {"query": "kettle", "user": "ada"})
    counted = call("get", one, 200, name="x")["results"]["recommendations"]
    assert sum(counted.values()) == 1, counted
    assert "experiment" not in call("post", "/api/v1/recommend", 200, {"user": "ada", "settings_version": 0})
    call("post", "/api/v1/recommend", 404, {"user": "ada", "settings_version": 99})
    call("post", one + "/stop", 200, {}, name="x")
    call("delete", one, 200, name="x")
    for kind in ("ab", "interleaving"):
        made = call("put", one, 200, dict(variant, kind=kind, note="why"), name="x")
        assert made["state"] == "draft" and "results" not in made, made
        assert made["changes"] == [{"name": "prefix", "before": True, "after": False}], made
        call("post", one + "/stop", 400, {}, name="x")
        call("post", one + "/ship", 400, {}, name="x")
        call("post", one + "/start", 200, {}, name="x")
        call("post", one + "/start", 400, {}, name="x")
        call("put", one, 400, variant, name="x")
        call("delete", one, 400, name="x")
        for user in ("ada", "bob", "eve"):
            found = call("post", "/api/v1/search", 200, {"query": "kettle", "user": user})
            assert found["experiment"]["name"] == "x" and ("arm" in found["experiment"]) == (kind == "ab"), found
        results = call("get", one, 200, name="x")["results"]
        assert results["verdict"] == "too_early" and "history" in results, results
        stopped = call("post", one + "/stop", 200, {"reason": "enough"}, name="x")
        assert stopped["stopped_because"] == "enough" and stopped["state"] == "stopped", stopped
    assert call("post", one + "/ship", 200, {}, name="x")["state"] == "shipped"
    assert "history" not in call("get", all_of, 200)["experiments"][0]["results"]
    call("delete", one, 200, name="x")
    call("post", "/api/v1/settings/publish", 200, {"version": 0})


def check_random(server, rounds=600):
    """Random arguments and bodies on every operation: always a documented answer that fits; 503 is one, 500 is not."""
    draw = random.Random(20260101)
    operations = [(path, method) for path, node in DOCUMENT["paths"].items() for method in METHODS if method in node]
    quiet = {"/api/v1/stream", "/api/v1/admin/keys", "/api/v1/admin/snapshot"}  # Without end, or with lasting effect.
    names = [p["name"] for node in DOCUMENT["paths"].values() for m in METHODS for p in node.get(m, {}).get("parameters", [])
             if "name" in p] + list(DOCUMENT["components"]["schemas"]["RecommendRequest"]["properties"])
    events = list(DOCUMENT["components"]["schemas"]["Event"]["properties"])
    kinds = ["view", "purchase", "impression", "search", "item-upsert", "erase-user", "identity-link", "context", "rating"]
    for _ in range(rounds):
        path, method = draw.choice([o for o in operations if o[0] not in quiet])
        query = {draw.choice(names): draw.choice(["", "1", "0", "-1", "true", "x,y", "for-you", "\u00e9", "9" * 30])
                 for _ in range(draw.randint(0, 2))}
        body = None
        if method in ("post", "put", "patch"):
            named = {draw.choice(names + events): random_value(draw) for _ in range(draw.randint(0, 5))}
            named.update({"type": draw.choice(kinds), "item": "kettle"} if draw.random() < 0.5 else {})
            body = json.dumps(draw.choice([named, [named, named], random_value(draw)])).encode()
            for _ in range(draw.choice([0, 0, 1, 3])):  # Damage.
                at = draw.randrange(len(body))
                body = body[:at] + bytes([draw.randrange(256)]) + body[at + draw.randint(0, 2):]
        param = draw.choice(["1", "kettle", "a/b c", "\u00e9", "0", "%", "x" * 300, "-"])
        server.call(method, path, None, body, query=query, id=param, number=param, name=param, version=param,
                    model=draw.choice([param, "ranker"]))
    server.call("get", "/healthz", 200)


def check_keys(server, data):
    """Roles: who is nobody, who may only read, who may write, who may do all."""
    call = server.call
    admin = (pathlib.Path(data) / "admin.key").read_text().strip()
    mode = (pathlib.Path(data) / "admin.key").stat().st_mode & 0o777
    assert mode == 0o600, oct(mode)
    bearer = {"Authorization": "Bearer " + admin}
    roles = {"admin": bearer}
    for role in ("read", "write"):
        made = call("post", "/api/v1/admin/keys", 201, {"name": role, "role": role}, headers=bearer)
        roles[role] = {"X-API-Key": made["key"]}
    view = {"type": "view", "user": "ada", "item": "kettle"}
    calls = [("post", "/api/v1/events", view, "write"), ("get", "/api/v1/recommend", None, "read"),
             ("get", "/api/v1/status", None, "read"), ("get", "/metrics", None, "read"),
             ("get", "/api/v1/audit", None, "admin"), ("get", "/api/v1/experiments", None, "read"), ("get", "/api/v1/ranker/features", None, "read"), ("get", "/api/v1/contexts", None, "read"), ("delete", "/api/v1/experiments/{name}", None, "admin"),
             ("get", "/api/v1/dead-letters", None, "admin"), ("get", "/api/v1/admin/keys", None, "admin"),
             ("delete", "/api/v1/users/{id}", None, "admin"), ("get", "/api/v1/stream", None, "admin")]
    order = ["read", "write", "admin"]
    ok = {("delete", "/api/v1/users/{id}"): 202, ("delete", "/api/v1/experiments/{name}"): 404}
    for method, path, body, least in calls:
        call(method, path, 401, body, id="ada", name="ada")
        call(method, path, 401, body, headers={"X-API-Key": "fk_" + "0" * 48}, id="ada", name="ada")
        for role in order:
            allowed = order.index(role) >= order.index(least)
            want = ok.get((method, path), 200) if allowed else 403
            call(method, path, want, body, headers=roles[role], id="ada", name="ada")
    for path in ("/healthz", "/readyz", "/openapi.yaml"):
        call("get", path, 200)
    return [admin] + [roles[role]["X-API-Key"] for role in ("read", "write")]


def main():
    binary = sys.argv[1]
    with tempfile.TemporaryDirectory() as data:
        server = Server(binary, data, "--no-keys")
        try:
            server.wait_ready()
            check_open(server)
            check_random(server)
        finally:
            server.stop()
    with tempfile.TemporaryDirectory() as data:
        models = Server(binary, data, "--no-keys")
        models.seen, models.failures = server.seen, server.failures
        try:
            models.wait_ready()
            check_models(models, wait_folded)
        finally:
            models.stop()
    operations = {(path, method) for path, node in DOCUMENT["paths"].items() for method in METHODS if method in node}
    for path, method in sorted(operations):
        statuses = server.seen.get((path, method), set())
        if not any(status < 300 for status in statuses):
            server.failures.append(f"{method.upper()} {path}: never seen to succeed, only {statuses or 'never called'}")
    with tempfile.TemporaryDirectory() as data:
        locked = Server(binary, data)
        try:
            locked.wait_ready()
            secrets = check_keys(locked, data)
        finally:
            diary = locked.stop()
        locked.failures += ["an API key is in the diary" for secret in secrets if secret in diary]
    failures = server.failures + locked.failures
    print("\n".join(failures) or f"{len(operations)} operations of docs/openapi.yaml answered as it says")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
