#!/usr/bin/env python3
"""freshet migrate: from one server to another through browse, and from a server over TLS that is slow, odd, and asks for patience.

Usage: tests/migrate_test.py <freshet binary>
"""
import http.server
import json
import pathlib
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request

from server import Server  # tests/server.py

SECRET = "fk_" + "5ec2e7" * 8
RECORDS = 2500


def call(url: str, key: str, method: str, path: str, body: object = None) -> dict:
    headers = {"content-type": "application/json", "x-algolia-application-id": "shop", "x-algolia-api-key": key}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url + path, data, headers, method=method), timeout=60) as answer:
        return json.load(answer)


def wait(url: str, key: str, index: str, task: int) -> None:
    while call(url, key, "GET", f"/1/indexes/{index}/task/{task}")["status"] != "published":
        pass


def record(i: int) -> dict:
    return {"objectID": f"p{i}/ü", "name": f"{'red' if i % 2 else 'blue'} kettle {i}", "brand": ["Acme", "Lux"][i % 2], "price": i / 2,
            "nested": {"sizes": [1, 2], "none": None, "list": [{"a": i}]}, "tags": []}


RULES = [{"objectID": "summer", "conditions": [{"pattern": "kettle", "anchoring": "contains"}],
          "consequence": {"promote": [{"objectID": "p7/ü", "position": 0}]}}]
SYNONYMS = [{"objectID": "s1", "type": "synonym", "synonyms": ["boiler", "kettle"]}]
SETTINGS = {"searchableAttributes": ["name", "brand"], "attributesForFaceting": ["searchable(brand)", "price"], "customRanking": ["desc(price)"],
            "replicas": ["shop_price_asc"], "hitsPerPage": 7}


def fill(url: str, key: str) -> None:
    call(url, key, "PUT", "/1/indexes/shop/settings", SETTINGS)
    call(url, key, "PUT", "/1/indexes/shop_price_asc/settings", {"ranking": ["asc(price)"]})
    call(url, key, "POST", "/1/indexes/shop/synonyms/batch", SYNONYMS)
    call(url, key, "POST", "/1/indexes/shop/rules/batch", RULES)
    for first in range(0, RECORDS, 1000):
        many = [{"action": "addObject", "body": record(i)} for i in range(first, min(first + 1000, RECORDS))]
        done = call(url, key, "POST", "/1/indexes/shop/batch", {"requests": many})
    wait(url, key, "shop", done["taskID"])


class Odd(http.server.BaseHTTPRequestHandler):
    """Another service: busy at first, with answers that hold more than they were asked for, and things that we do not know."""
    protocol_version = "HTTP/1.1"
    asked: list[str] = []
    busy = 2

    def do_GET(self) -> None:
        self.reply({"searchableAttributes": ["name"], "customRanking": ["desc(price)"], "version": 2, "primary": "x", "replicas": ["gone"], "unheardOf": {"a": 1}}
                   if "/gone/" not in self.path else None)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path.endswith("/browse"):
            if Odd.busy > 0:
                Odd.busy -= 1
                return self.reply({"message": "slow down", "status": 429}, 429)
            page = int(body.get("cursor", "0"))
            hits = [{**record(i), "_highlightResult": {"name": {"value": "x"}}, "_rankingInfo": {"nbTypos": 0}} for i in range(page * 100, page * 100 + 100)]
            return self.reply({"hits": hits, "nbHits": 300, **({"cursor": str(page + 1)} if page < 2 else {})})
        known = {"synonyms": [*SYNONYMS, {"objectID": "odd", "type": "placeholder", "placeholder": "<n>", "replacements": ["1"]}],
                 "rules": [*RULES, {"objectID": "odd rule", "conditions": [{"pattern": "{facet:brand}", "anchoring": "is"}], "consequence": {}}]}
        hits = known["rules" if "/rules/" in self.path else "synonyms"]
        return self.reply({"hits": [{**one, "_highlightResult": {}, "_metadata": {"lastUpdate": 1}} for one in hits], "nbHits": len(hits), "page": 0, "nbPages": 1})

    def reply(self, body: dict | None, status: int = 200) -> None:
        Odd.asked.append(f"{self.command} {self.path} {self.headers['x-algolia-api-key']} {self.headers['x-algolia-application-id']}")
        data = json.dumps(body or {"message": "Index does not exist", "status": 404}).encode()
        self.send_response(status if body else 404)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


def tls_server(folder: str) -> tuple[http.server.ThreadingHTTPServer, str]:
    certificate, key = f"{folder}/certificate.pem", f"{folder}/key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, certificate


def main() -> int:
    binary = sys.argv[1]

    def migrate(*flags: str, ok: bool = True, trust: str = "") -> tuple[dict, str]:
        done = subprocess.run([binary, "migrate", "--json", *flags], capture_output=True, text=True, timeout=300,
                              env={"PATH": "/usr/bin:/bin", **({"SSL_CERT_FILE": trust} if trust else {})})
        print(f"$ freshet migrate {' '.join(flags)}\n{done.stdout}{done.stderr}", flush=True)
        assert (done.returncode == 0) == ok, done.returncode
        assert SECRET not in done.stdout + done.stderr, "a key was printed"
        return json.loads(done.stdout or "{}"), done.stderr

    with tempfile.TemporaryDirectory() as folder, Server(binary, f"{folder}/there", keys=True) as there, \
            Server(binary, f"{folder}/here", keys=True) as here:
        keys = [pathlib.Path(folder, where, "admin.key").read_text().strip() for where in ("there", "here")]
        fill(there.url, keys[0])
        ends = ("--host", there.url, "--key-file", f"{folder}/there/admin.key", "--to", here.url, "--to-key-file", f"{folder}/here/admin.key")

        # counted, and nothing written
        report, _ = migrate(*ends, "--index", "shop", "--dry-run")
        assert report["records"] == {"read": RECORDS, "written": 0} and report["rules"]["read"] == 1, report
        assert call(here.url, keys[1], "GET", "/1/indexes")["items"] == []

        # into an empty server, then again, with a change, over what is there
        for turn in range(2):
            report, _ = migrate(*ends, "--index", "shop")
            assert report["records"] == {"read": RECORDS, "written": RECORDS} and report["here"] == RECORDS, report
            for name in ("settings", "replicas", "synonyms", "rules"):
                assert report[name] == {"read": 1, "written": 1}, (name, report)
            assert report["left_out"] == 0
            for path in ("/1/indexes/shop/p7%2F%C3%BC", f"/1/indexes/shop/p{RECORDS - 1}%2F%C3%BC"):
                if turn == 0 or "p7" not in path:
                    assert call(here.url, keys[1], "GET", path) == call(there.url, keys[0], "GET", path), path
            same = ("/1/indexes/shop/settings", "/1/indexes/shop_price_asc/settings", "/1/indexes/shop/rules/summer", "/1/indexes/shop/synonyms/s1")
            for path in same:
                assert call(here.url, keys[1], "GET", path) == call(there.url, keys[0], "GET", path), path
            found = call(here.url, keys[1], "POST", "/1/indexes/shop/query", {"query": "kettle"})
            assert found["hits"][0]["objectID"] == "p7/ü" and len(found["hits"]) == 7, found["hits"][:2]  # The rule; hitsPerPage.
            assert call(here.url, keys[1], "POST", "/1/indexes/shop/query", {"query": "boiler"})["nbHits"] == RECORDS  # The synonym.
            cheap = call(here.url, keys[1], "POST", "/1/indexes/shop_price_asc/query", {"query": ""})
            assert cheap["hits"][0]["price"] == 0, cheap["hits"][0]
            # What only stood here is gone after the second turn: the catalogue is replaced, not added to.
            gone = call(here.url, keys[1], "PUT", "/1/indexes/shop/extra", {"name": "extra"})
            wait(here.url, keys[1], "shop", gone["taskID"])
        migrate(*ends, "--index", "shop")
        try:
            call(here.url, keys[1], "GET", "/1/indexes/shop/extra")
            raise AssertionError("a record of before is still there")
        except urllib.error.HTTPError as error:
            assert error.code == 404

        # under another name, a part only; and what is refused
        report, _ = migrate(*ends, "--index", "shop", "--to-index", "shop", "--records", "10")
        assert report["records"] == {"read": 10, "written": 10} and report["here"] == 10, report
        _, said = migrate(*ends, "--index", "shop", "--to-index", "other", ok=False)
        assert 'called "shop"' in said, said
        _, said = migrate(*ends, "--index", "none", "--to-index", "shop", ok=False)
        assert "none" in said and "404" in said, said
        pathlib.Path(folder, "wrong.key").write_text(SECRET + "\n")
        _, said = migrate("--host", there.url, "--key-file", f"{folder}/wrong.key", "--to", here.url, "--index", "shop", "--dry-run", ok=False)
        assert "403" in said, said
        pathlib.Path(folder, "empty.key").write_text("\n")
        _, said = migrate("--host", there.url, "--key-file", f"{folder}/empty.key", "--index", "shop", ok=False)
        assert "expected an API key" in said, said
        _, said = migrate("--host", "shop.example", "--index", "shop", ok=False)
        assert "expected a URL" in said, said

        # another service, over TLS
        if not shutil.which("openssl"):
            print("no openssl: TLS not tried")
            return 0
        odd, certificate = tls_server(folder)
        url = f"https://localhost:{odd.server_port}"
        from_odd = ("--host", url, "--app", "APP1", "--key-file", f"{folder}/wrong.key", "--index", "catalog", "--to-index", "shop", *ends[4:])
        _, said = migrate(*from_odd, ok=False)
        assert "SSL certificate problem" in said, said
        _, said = migrate(*(one.replace("localhost", "127.0.0.1") for one in from_odd), ok=False, trust=certificate)
        assert "no alternative certificate subject name matches" in said, said
        report, said = migrate(*from_odd, ok=False, trust=certificate)  # Not everything could be taken.
        assert report["records"] == {"read": 300, "written": 300} and report["here"] == 300, report
        assert report["synonyms"] == {"read": 2, "written": 1} and report["rules"] == {"read": 2, "written": 1}, report
        assert [one["what"] for one in report["left"]] == ["replica gone", "synonym odd", "rule odd rule"], report["left"]
        assert call(here.url, keys[1], "GET", "/1/indexes/shop/p3%2F%C3%BC") == record(3)
        assert Odd.busy == 0 and all(f" {SECRET} APP1" in one for one in Odd.asked), Odd.asked[:3]
        odd.shutdown()
    print("migrated")
    return 0


if __name__ == "__main__":
    sys.exit(main())
