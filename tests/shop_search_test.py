#!/usr/bin/env python3
"""Search as a shop's search engineer walks through it, over HTTP: languages, typing errors, synonyms, stop words, filters,
facets, groups, marks, pages. Each check is a request and what must come back.

Usage: tests/shop_search_test.py <path of freshet>
"""
import json
import sys
import tempfile
import time
import urllib.error
import urllib.request

from server import Server

ITEMS = [
    {"id": "pipe10", "title": "PVC pipe 10 ft", "brand": "Acme", "category": "Plumbing > Pipes", "price": 9.5},
    {"id": "pipehalf", "title": "Copper pipe 1/2 in x 10-ft", "brand": "Acme", "category": "Plumbing > Pipes", "price": 22},
    {"id": "ssd", "title": "Solid state drive 256GB", "brand": "Bit", "category": "Computers > Storage", "price": 49},
    {"id": "oil", "title": "WD-40 multi use spray", "brand": "Slick", "category": "Tools", "price": 6},
    {"id": "kidsbike", "title": "Kinderfahrrad 20 Zoll", "brand": "Radwerk", "category": "Räder", "price": 199},
    {"id": "bikes", "title": "Zwei Fahrräder für die Stadt", "brand": "Radwerk", "category": "Räder", "price": 399},
    {"id": "hat", "title": "Warme Mütze", "price": 12},
    {"id": "kids", "title": "Bunte Hefte für Kinder", "price": 3},
    {"id": "zapatos", "title": "Zapatos rojos de cuero", "price": 60},
    {"id": "ru", "title": "Кроссовки для бега", "price": 62},
    {"id": "case", "title": "透明防摔手机壳", "price": 3},
    {"id": "earphones", "title": "無線藍牙耳機", "price": 5},
    {"id": "ja", "title": "スマホケース 透明", "price": 6},
    {"id": "ko", "title": "블루투스 이어폰", "price": 7},
    {"id": "mug", "title": "Café crème mug", "price": 8, "notes": "stoneware, dishwasher safe"},
    {"id": "books", "title": "Bookcase with five shelves", "price": 88},
    {"id": "shirt", "title": "Cotton t-shirt", "price": 18, "size": {"eu": 42, "us": [8, 9]},
     "_geo": {"lat": 48.85, "lng": 2.35}, "color": ["red", "white"]},
    {"id": "lamps", "title": "Reading lamps", "price": 30, "_geo": {"lat": 40.7, "lng": -74.0},
     "variants": [{"color": "red", "watts": 5}, {"color": "blue", "watts": 9.5}]},
    {"id": "sofa1", "title": "Grey sofa", "price": 500, "model": "m1", "color": "grey"},
    {"id": "sofa2", "title": "Red sofa", "price": 510, "model": "m1", "color": "red"},
    {"id": "couch1", "title": "Grey couch", "price": 520, "model": "m2", "color": "grey"},
    {"id": "tv", "title": "Television 55 inch", "price": 700},
    {"id": "rings", "title": "The Lord of the Rings", "price": 20},
]


class Shop(Server):
    """Requests with the answer's status, and settings that hold when the call returns."""

    def call(self, method: str, path: str, body=None) -> tuple[int, dict]:
        sent = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, sent, {"content-type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def ask(self, query: str = "", **more) -> dict:
        status, answer = self.call("POST", "/api/v1/search", {"query": query, "record": False, "budget_ms": 10_000, **more})
        assert status == 200, (query, more, answer)
        return answer

    def ids(self, query: str = "", **more) -> list[str]:
        return [hit["item"] for hit in self.ask(query, **more)["items"]]

    def refused(self, method: str, path: str, body) -> str:
        status, answer = self.call(method, path, body)
        assert status == 400, (path, body, status, answer)
        return answer["error"]["message"]

    def settings(self, **settings) -> None:
        status, answer = self.call("PUT", "/api/v1/settings", settings)
        assert status == 200, answer
        for _ in range(1000):  # A new analysis is built beside the live one.
            if not self.get("/api/v1/status")["search"]["rebuilding"]:
                return
            time.sleep(0.02)
        raise TimeoutError("the index is still being rebuilt")

    def synonyms(self, synonyms: list[dict]) -> None:
        status, answer = self.call("PUT", "/api/v1/synonyms", synonyms)
        assert status == 200, answer


def check_words(shop: Shop) -> None:
    """Query -> the first item, or those that must be among the answers."""
    rows = [("10ft pvc", "pipe10"), ("10 ft pvc pipe", "pipe10"), ("0.5 inch pipe", "pipehalf"), ("½ in pipe", "pipehalf"),
            ("256 gb", "ssd"), ("256GB", "ssd"), ("wd40", "oil"), ("wd 40", "oil"), ("WD-40", "oil"), ("mutze", "hat"),
            ("muetze", "hat"), ("MÜTZE", "hat"), ("cafe creme", "mug"), ("book case", "books"), ("bookcases", "books"),
            ("tshirt", "shirt"), ("tee shirt", "shirt"), ("solid stat drve", "ssd"), ("readign lamp", "lamps"),
            ("手机", "case"), ("手机壳", "case"), ("耳机", "earphones"), ("壳", "case"), ("shouji", "case"), ("スマホ", "ja"),
            ("이어폰", "ko"), ("кроссовка", "ru"), ("krossovki", "ru"), ("telev", "tv"), ("stonewear", "mug")]
    for query, want in rows:
        assert shop.ids(query)[:1] == [want], (query, want, shop.ids(query))
    assert shop.ids("256gb") == ["ssd"] and shop.ids("255gb", relaxation="none") == [], "a number is what it says"


def check_languages(shop: Shop) -> None:
    assert shop.ids("fahrrad", prefix=False, typos=False) == [], "nobody said that the shop speaks German"
    shop.settings(languages=["en", "de", "es"])
    assert set(shop.ids("fahrrad")) == {"kidsbike", "bikes"}, shop.ids("fahrrad")  # Plural, umlaut, compound.
    assert set(shop.ids("kind", typos=False, prefix=False)) == {"kids"}, shop.ids("kind")
    assert shop.ids("zapato rojo", typos=False, prefix=False) == ["zapatos"]
    assert shop.ids("lamp", typos=False, prefix=False) == ["lamps"]
    assert shop.ask("für die stadt")["language"] == "de"
    # One field in one language: English stems no longer, "none" stems nothing.
    for language, finds in (("en", True), ("de", False), ("none", False)):
        shop.settings(searchable=[{"name": "title", "language": language}], language_stop_words=False)
        assert (shop.ids("lamp", typos=False, prefix=False, language=language) == ["lamps"]) == finds, language
    shop.settings()
    wrong = [({"language": "xx"}, "language: expected one of auto, none, en"),
             ({"languages": ["en", "??"]}, "languages[1]: expected one of"), ({"languages": []}, "languages: expected at least"),
             ({"searchable": [{"name": "title", "language": "zz"}]}, "searchable[0].language: expected one of")]
    assert shop.refused("POST", "/api/v1/search", {"query": "a", "language": "xx"}).startswith("language: expected one of auto")
    for body, says in wrong:
        assert shop.refused("PUT", "/api/v1/settings", body).startswith(says), (body, says)


def check_typos(shop: Shop) -> None:
    """By length, by request, by field, by word."""
    assert shop.ids("stonewear", prefix=False) == ["mug"]  # In "*", beside others.
    fields = ["title", {"name": "*", "typos": False}]
    shop.settings(searchable=fields)
    assert shop.ids("stonewear", prefix=False) == [], "the field wants its words as they are"
    assert shop.ids("stoneware", prefix=False) == ["mug"]
    assert shop.ids("telvision", prefix=False) == ["tv"], "the other field forgives"
    shop.settings(searchable=[{"name": "title", "typos": False}, "*"])
    assert shop.ids("telvision", prefix=False) == [] and shop.ids("stonewear", prefix=False) == ["mug"]
    assert shop.ids("telvi") == [], "an edit in a beginning is one too"
    for switched_off in ({"typos": False}, {}):
        if not switched_off:
            shop.settings(typo={"enabled": False})
        assert shop.ids("telvision", prefix=False, **switched_off) == [], switched_off
    shop.settings(typo={"words_excluded": ["Télvision"]})  # However it is written.
    assert shop.ids("telvision", prefix=False) == [] and shop.ids("televsion", prefix=False) == ["tv"]
    shop.settings(typo={"one_edit_from": 8, "two_edits_from": 9})
    assert shop.ids("cofton", prefix=False) == [] and shop.ids("televsion", prefix=False) == ["tv"]
    shop.settings(typo={"numbers": True})
    assert shop.ids("256gx", prefix=False) == ["ssd"] or shop.ids("256gb")[:1] == ["ssd"]
    shop.settings()
    assert shop.ask("grey sfoa")["did_you_mean"] == "grey sofa"


def check_synonyms(shop: Shop) -> None:
    shop.synonyms([{"id": "seats", "words": ["sofa", "couch", "love seat"]},
                   {"id": "tv", "kind": "one-way", "from": "tele set", "words": ["television"]},
                   {"id": "fix", "kind": "correction", "from": "cuoch", "words": ["couch"]},
                   {"id": "size", "kind": "one-way", "from": "# pouce", "words": ["# inch"]}])
    assert set(shop.ids("couch")) == set(shop.ids("love seat")) == {"sofa1", "sofa2", "couch1"}, (shop.ids("couch"), shop.ids("love seat"))
    assert shop.ids("tele set")[:1] == ["tv"] and "tv" not in shop.ids("tele", prefix=False, typos=False)
    assert shop.ids("55 pouce")[:1] == ["tv"]
    # A correction counts less than a synonym, and works where edits are not forgiven.
    words = shop.ask("cuoch", typos=False, explain=True)["items"][0]["explain"]
    assert any("couch" in part.get("detail", "") for part in words), words
    by_word = sum(p["value"] for p in words if p["part"] == "word")
    as_word = sum(p["value"] for p in shop.ask("couch", explain=True)["items"][0]["explain"] if p["part"] == "word")
    assert 0 < by_word < as_word, (by_word, as_word)
    assert shop.call("DELETE", "/api/v1/synonyms/seats")[0] == 200
    assert shop.ids("love seat", prefix=False, typos=False) == [], "live at once, without a rebuild"
    shop.synonyms([])


def check_stop_words(shop: Shop) -> None:
    assert shop.ids("the rings", relaxation="none") == ["rings"] and shop.ids("the") == ["rings"]
    assert [w for p in shop.ask("the rings", explain=True)["items"][0]["explain"] if "the (" in (w := p.get("detail", ""))] == []
    shop.settings(stop_words=["Grey"])
    assert shop.ids("grey sofa", relaxation="none")[:2] != [] and "sofa2" in shop.ids("grey sofa", relaxation="none")
    shop.settings()
    assert shop.ids("grey sofa", relaxation="none") == ["sofa1"]
    # A version that is only tried has stop words and words of its own, too.
    status, staged = shop.call("POST", "/api/v1/settings/staged", {"stop_words": ["grey"], "typo": {"words_excluded": ["sfoa"]}})
    assert status == 201, staged
    tried = {"settings_version": staged["version"], "relaxation": "none", "prefix": False}
    assert set(shop.ids("grey sofa", **tried)) == {"sofa1", "sofa2"} and shop.ids("sfoa", **tried) == []
    assert shop.ids("sfoa", prefix=False) != []


def check_filters(shop: Shop) -> None:
    rows = [("price < 5", {"kids", "case"}), ("price:5 TO 6", {"oil", "earphones", "ja"}), ("brand IN (Bit, Slick)", {"ssd", "oil"}),
            ("size.eu = 42 AND size.us:9", {"shirt"}), ("size.us:7", set()), ("EXISTS(size.eu)", {"shirt"}),
            ("category:Plumbing AND NOT price > 10", {"pipe10"}), ("GEO_RADIUS(48.86, 2.35, 5000)", {"shirt"}),
            ("GEO_BOX(40, -75, 41, -73)", {"lamps"}), ("(brand:Bit OR brand:Slick) AND price < 10", {"oil"}),
            # Lists of objects: any of them, or one.
            ("variants.color:blue", {"lamps"}), ("variants.watts > 9", {"lamps"}), ("variants.0.color:blue", set()),
            ("variants.1.watts >= 9.5", {"lamps"}), ("variants.color:green", set())]
    for text, want in rows:
        assert set(shop.ids("", filter=text)) == want, (text, shop.ids("", filter=text))
    facet = shop.ask("", facets=["variants.color"])["facets"][0]["values"]
    assert {(v["value"], v["count"]) for v in facet} == {("red", 1), ("blue", 1)}, facet
    shown = shop.ask("", filter="id:lamps", attributes=["variants"])["items"][0]["attributes"]
    assert shown == {"variants.0.color": "red", "variants.0.watts": 5, "variants.1.color": "blue", "variants.1.watts": 9.5}, shown
    for text, at in (("price <", 7), ("(price < 3", 10), ("brand IN ()", 10), ("a:b:c", 3)):
        status, answer = shop.call("POST", "/api/v1/search", {"filter": text})
        assert status == 400 and answer["error"]["position"] == at and answer["error"]["field"] == "filter", answer


def check_facets_and_groups(shop: Shop) -> None:
    chosen = shop.ask("", facets=["color", "brand"], refine={"color": ["grey"]}, filter="price > 100")
    colors = {v["value"]: v["count"] for v in chosen["facets"][0]["values"]}
    assert chosen["found"] == 2 and colors == {"grey": 2, "red": 1}, chosen["facets"]
    grouped = shop.ask("", group_by="model", filter="EXISTS(model)", facets=["color"], facets_after_grouping=True, group_count=2)
    assert grouped["found"] == 2 and grouped["items"][0]["group_size"] == 2, grouped
    assert shop.ask("", facets=["price"], filter="price > 600")["facets"][0]["numbers"]["max"] == 700
    steps = shop.ask("", facets=[{"name": "category", "under": "Plumbing"}])["facets"][0]["values"]
    assert [v["value"] for v in steps] == ["Plumbing > Pipes"], steps
    assert shop.call("POST", "/api/v1/facets/brand", {"contains": "acm"})[1]["values"][0]["highlighted"] == "<em>Acm</em>e"


def check_pages(shop: Shop) -> None:
    seen, cursor = [], ""
    while True:
        page = shop.call("POST", "/api/v1/browse", {"count": 4, "cursor": cursor})[1]
        seen += [hit["item"] for hit in page["items"]]
        cursor = page.get("cursor", "")
        if not cursor:
            break
    assert sorted(seen) == sorted(item["id"] for item in ITEMS)
    assert "\"cursor\"" in shop.refused("POST", "/api/v1/browse", {"cursor": "bogus"})
    by_price = shop.ids("", sort=["-price", "title"], count=30)
    assert by_price[:2] == ["tv", "couch1"] and by_price == shop.ids("", sort=["-price", "title"], count=10) + \
        shop.ids("", sort=["-price", "title"], count=20, **{"from": 10})
    assert shop.ids("", sort="-price", count=1) == ["tv"]
    assert "sort" in shop.refused("POST", "/api/v1/search", {"sort": "-"})
    assert "around" in shop.refused("POST", "/api/v1/search", {"sort": ["distance"]})
    assert shop.ids("", sort=["distance"], around={"latitude": 40, "longitude": -70}, filter="EXISTS(_geo.lat)") == ["lamps", "shirt"]


def check_marks(shop: Shop) -> None:
    rows = [("red sofas", "title", "<em>Red</em> <em>sofa</em>"), ("grey couhc", "title", "<em>Grey</em> <em>couch</em>"),
            ("手机", "title", "透明防摔<em>手机</em>壳"), ("telev", "title", "<em>Telev</em>ision 55 inch")]
    for query, field, want in rows:
        hit = shop.ask(query, highlight=[field])["items"][0]
        assert hit["highlights"][field]["value"] == want, (query, hit["highlights"])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Shop(sys.argv[1], folder + "/shop") as shop:
        shop.post("/api/v1/items", "\n".join(map(json.dumps, ITEMS)).encode())
        for check in (check_words, check_languages, check_typos, check_synonyms, check_stop_words, check_filters,
                      check_facets_and_groups, check_pages, check_marks):
            check(shop)
            print(f"{check.__name__}: as expected")


if __name__ == "__main__":
    main()
