#!/usr/bin/env python3
"""Searches as nobody should send them, over HTTP: very long, very deep, very many, not UTF-8, out of range. Each is answered
within bounds or refused with the field, the place and what was expected; and the server still answers afterwards.

Usage: tests/hostile_search_test.py <path of freshet>
"""
import http.client
import json
import sys
import tempfile
import time
import urllib.parse

from server import Server

SECONDS_MAX = 20  # Of one request on a busy machine; on an idle one the slowest takes some tens of milliseconds.


class Shop(Server):
    def send(self, method: str, path: str, body: bytes) -> tuple[int, dict]:
        """Never an exception but for a connection that breaks: then the server has."""
        where = urllib.parse.urlparse(self.url)
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
        begun = time.monotonic()
        connection.request(method, path, body, {"content-type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        assert time.monotonic() - begun < SECONDS_MAX, (path, body[:100])
        assert answer.status < 500, (path, body[:200], answer.status, content[:300])
        return answer.status, json.loads(content)

    def refused(self, path: str, body: bytes, *says: str, method: str = "POST", status: int = 400) -> dict:
        got, answer = self.send(method, path, body)
        assert got == status, (path, body[:100], got, answer)
        for text in says:
            assert text in answer["error"]["message"], (path, body[:100], text, answer)
        assert len(answer["error"]["message"]) < 2000, answer
        return answer["error"]

    def taken(self, body: dict, path: str = "/api/v1/search") -> dict:
        status, answer = self.send("POST", path, json.dumps(body).encode())
        assert status == 200, (str(body)[:200], answer)
        return answer


def search(**fields) -> bytes:
    return json.dumps(fields).encode()


def check_texts(shop: Shop) -> None:
    words = " ".join(f"word{i}" for i in range(10_000))
    error = shop.refused("/api/v1/search", search(query=words), "query: expected a text of 0 to 1024 bytes")
    assert error["field"] == "query", error
    shop.refused("/api/v1/search", search(query="a" * (1 << 20)), status=413)
    for text in (words[:1024], "a " * 512, '"' * 1024, "-" * 1024, "(a+)+$" * 100, ".*" * 500, "\\" * 900, "'" * 1000, "\0" * 500,
                 "\u0301" * 500, "\u200d" * 300, "水" * 341, "\U0001f600" * 256, "1/2 " * 250, "12x" * 340, "a-" * 500, "{}[]" * 250,
                 "ketl" + "e" * 900, "under 5 " * 120, "\u202e\ufeff\ufffe" * 100, "0" * 1024, "ktle " * 200, "ab" * 500):
        answer = shop.taken({"query": text, "explain": True, "facets": ["*"], "highlight": ["*"]})
        assert answer["found"] <= 3, text[:20]
        shop.send("GET", "/api/v1/suggestions?query=" + urllib.parse.quote(text[:200]), b"")
    for raw in (b'{"query": "\xff\xfe"}', b'{"query": "a\xc3"}', b'{"query": "\xed\xa0\x80"}', b'{"query": "\\ud800"}'):
        shop.refused("/api/v1/search", raw)
    shop.refused("/api/v1/search", search(filter="brand:" + "a" * 5000), "filter: expected a text of 0 to 4096 bytes")


def check_filters(shop: Shop) -> None:
    deep = "(" * 500 + "price < 5" + ")" * 500
    error = shop.refused("/api/v1/search", search(filter=deep), "at most 20 levels")
    assert error["field"] == "filter" and error["position"] > 0, error
    shop.refused("/api/v1/search", search(filter="NOT " * 1000 + "a:1"), "filter: at byte")
    shop.refused("/api/v1/search", search(filter=" OR ".join(["a:1"] * 500)), "at most 100 conditions")
    for text, says in (("price < 1e999", "expected a number"), ("price < nan", "expected a number"), ("price:5 TO 1", "not below"),
                       ("GEO_RADIUS(999, 0, 1)", "latitude, -90 to 90"), ('brand:"open', "closing quote"), ("a \x00 b", "filter: at byte"),
                       ("id IN (", "expected a value"), ("💥", "filter: at byte"), ("(a+)+$", "filter: at byte")):
        error = shop.refused("/api/v1/search", search(filter=text), says)
        assert error["field"] == "filter" and "position" in error, error
    assert shop.taken({"filter": "id IN (" + ",".join(f"k{i}" for i in range(600)) + ")"})["found"] == 2
    assert shop.taken({"filter": "price > -1e308 AND price < 1e308"})["found"] == 3


def check_numbers(shop: Shop) -> None:
    for field, value in (("from", -1), ("from", 10**18), ("from", 1.5), ("from", "1"), ("count", -5), ("count", 1001), ("count", 1e300),
                         ("budget_ms", 0), ("budget_ms", 10**9), ("snippet_words", 0), ("group_count", 101), ("settings_version", -1),
                         ("semantic", 2), ("semantic", "most"), ("relaxation", "all"), ("language", "klingon"), ("typos", 1), ("query", 5),
                         ("query", ["a"]), ("facets", "brand"), ("facets", [{}]), ("facets", [{"name": "a", "x": 1}]),
                         ("facets", ["a"] * 51), ("sort", ["a"] * 5), ("sort", [{"name": ""}]), ("refine", {"a": [1]}), ("refine", []),
                         ("refine", {f"f{i}": ["x"] for i in range(51)}), ("refine", {"brand": ["x"] * 201}), ("vector", [1e30]),
                         ("vector", ["a"]), ("vector", [0.5] * 4097), ("around", {"latitude": 91, "longitude": 0}), ("around", {"latitude": 1}),
                         ("attributes", ["a"] * 101), ("highlight_before", "x" * 65), ("user", "u" * 300), ("nonsense", 1)):
        error = shop.refused("/api/v1/search", search(**{field: value}), field)
        assert error["field"].startswith(field), (field, value, error)
        assert "expected" in error["message"] or "unknown name" in error["message"], error
    shop.refused("/api/v1/search", search(**{"from": 999, "count": 2}), "from + count at most 1000")
    shop.refused("/api/v1/search", search(settings_version=99), "settings_version", status=404)
    assert len(shop.taken({"facets": [{"name": f"facet{i}", "values_max": 1000} for i in range(50)]})["facets"]) <= 50
    assert shop.taken({"facets": ["*"] * 50, "count": 0})["found"] == 3
    for cursor in ("x", "9" * 64, "-1-0", "\0"):
        shop.refused("/api/v1/browse", search(cursor=cursor), "cursor")
    shop.refused("/api/v1/browse", search(count=0), "count")


def check_bodies(shop: Shop) -> None:
    for raw, says in ((b"", ""), (b"{", "malformed"), (b"[]", "object"), (b'"x"', "object"), (b"[" * 1000, ""), (b"\xff\xfe{\0}\0", ""),
                      (b'{"query": "a", "query": "b"}', ""), (b'{"searches": 5}', "searches"), (b'{"searches": [5]}', "searches[0]"),
                      (b'{"searches": [{"query": "a"}, {"from": -1}]}', "searches[1].from")):
        status, answer = shop.send("POST", "/api/v1/search", raw)
        assert status in (200, 400), (raw[:40], status)
        if says not in ("", "malformed"):
            assert status == 400 and says in answer["error"]["message"], (raw, answer)
    shop.refused("/api/v1/search", search(searches=[{"query": "a"}] * 1000), "searches")
    body = search(a={"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": 1}}}}}}}}}}})
    shop.refused("/api/v1/search", body)


def check_settings(shop: Shop) -> None:
    put = {"method": "PUT"}
    for body, says in (({"searchable": [f"f{i}" for i in range(17)]}, "searchable: expected at most 16"), ({"searchable": "title"}, "searchable"),
                       ({"stop_words": ["x" * 257]}, "stop_words[0]"), ({"stop_words": ["x"] * 5001}, "stop_words: expected at most 5000"),
                       ({"typo": {"one_edit_from": -1}}, "typo.one_edit_from"), ({"typo": []}, "typo"), ({"typo": {"x": 1}}, "typo.x: unknown name"),
                       ({"searchable": [{"name": "a", "weight": "1e999"}]}, "searchable[0].weight"), ({"pagination_max": 0}, "pagination_max"),
                       ({"language": "../../etc"}, "language"), ({"relaxation": 3}, "relaxation"), ({"distinct": "x" * 200}, "distinct"), ([], "object")):
        shop.refused("/api/v1/settings", json.dumps(body).encode(), says, **put)
    shop.refused("/api/v1/settings", b" " * (300 << 10), status=413, **put)
    shop.refused("/api/v1/settings", b'{"searchable": ["a"', **put)
    words = [f"w{i}" for i in range(64)]
    for body, says in (([{"id": f"s{i}", "words": ["a", "b"]} for i in range(20_001)], "at most 20000"), ([{"words": ["a", "b"]}], "[0].id"),
                       ([{"id": "x", "words": ["a" * 300, "b"]}], "[0].words[0]"), ([{"id": "x", "words": words + ["y"]}], "[0].words"),
                       ([{"id": "x", "words": ["a", "b"], "weight": 5}], "[0].weight"), ({}, "expected a list")):
        error = shop.send("PUT", "/api/v1/synonyms", json.dumps(body).encode())
        assert error[0] in (400, 429) and says in error[1]["error"]["message"], (says, error)
    many = [{"id": f"s{i}", "words": words} for i in range(1500)]  # Every word stands for all others, 1,500 times.
    assert shop.send("PUT", "/api/v1/synonyms", json.dumps(many).encode())[0] == 200
    assert shop.taken({"query": " ".join(words[:24]), "explain": True})["found"] == 0
    loop = [{"id": "a", "kind": "one-way", "from": "kettle", "words": ["pot"]}, {"id": "b", "kind": "one-way", "from": "pot", "words": ["kettle"]}]
    assert shop.send("PUT", "/api/v1/synonyms", json.dumps(loop).encode())[0] == 200
    assert shop.taken({"query": "pot", "prefix": False})["found"] == 3


def main() -> None:
    items = [{"id": "k1", "title": "Red kettle", "brand": "Acme", "price": 30}, {"id": "k2", "title": "Blue kettle", "brand": "Bit", "price": 20},
             {"id": "p", "title": "Tin pot with " + "many " * 2000 + "words", "price": 5, "tags": [f"t{i}" for i in range(900)]}]
    with tempfile.TemporaryDirectory() as folder, Shop(sys.argv[1], folder + "/shop") as shop:
        shop.post("/api/v1/items", "\n".join(map(json.dumps, items)).encode())
        for check in (check_texts, check_filters, check_numbers, check_bodies, check_settings):
            check(shop)
            assert shop.taken({"query": "kettle", "budget_ms": 10_000})["items"][0]["item"] == "k1", check.__name__
            print(f"{check.__name__}: bounded, and said")


if __name__ == "__main__":
    main()
