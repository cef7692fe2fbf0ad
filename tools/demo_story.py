#!/usr/bin/env python3
"""A shopper's taste changes, and the recommendations follow; a word is misspelled, and the search understands; shoppers choose
something further down, and it comes up: told in the terminal, measured as it happens.

Usage: tools/demo_story.py URL [--user ID]
Speaks to a running Freshet that has a catalogue and some history, through its public API only. Exits 1 when the
recommendations did not follow, the search did not find, or clicks moved nothing.
"""
import argparse
import http.client
import json
import sys
import time
import urllib.parse

SHOWN = 8      # Length of the list
CLICKS = 5     # Things of the new kind the shopper looks at
SEARCHES = 60  # At most, by shoppers who all want the same
COLOUR = sys.stdout.isatty()


def paint(code: str, text: str) -> str:
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[:width - 1] + "…"


def bold(text: str) -> str:
    return paint("1", text)


def dim(text: str) -> str:
    return paint("2", text)


def teal(text: str) -> str:
    return paint("36;1", text)


class Api:
    """The API over one connection."""

    def __init__(self, url: str):
        parts = urllib.parse.urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=30)

    def call(self, method: str, path: str, body: object = None) -> dict:
        data = json.dumps(body) if body is not None else None
        self.connection.request(method, path, data, {"content-type": "application/json"} if data else {})
        response = self.connection.getresponse()
        text = response.read().decode()
        if response.status // 100 != 2:
            raise RuntimeError(f"{method} {path} was answered {response.status}: {text[:300]}")
        return json.loads(text)

    def recommend(self, surface: str, user: str, record: bool = False, **more: object) -> dict:
        ask = {"surface": surface, "user": user, "k": SHOWN, "explain": True, "record": record, **more}
        return self.call("POST", "/api/v1/recommend", ask)


class Story:
    def __init__(self, api: Api, user: str):
        self.api = api
        self.user = user
        self.categories: dict[str, str] = {}

    def category(self, item: str) -> str:
        """"Shoes > Boots" of an item."""
        if item not in self.categories:
            known = self.api.call("GET", f"/api/v1/items/{urllib.parse.quote(item)}")
            self.categories[item] = str(known["attributes"].get("category", ""))
        return self.categories[item]

    def show(self, page: dict, before: list[str]) -> None:
        for place, item in enumerate(page["items"], 1):
            new = bool(before) and item["item"] not in before
            mark = teal("new") if new else "   "
            name = f"{cut(item.get('title', item['item']), 44):<44}"
            print(f"   {mark} {place:2}  {bold(name) if new else name} {item.get('price', 0):>8.2f}  "
                  f"{dim(cut(item['reason'] or item.get('source', ''), 46))}")

    def kinds(self, page: dict) -> str:
        count: dict[str, int] = {}
        for item in page["items"]:
            kind = self.category(item["item"]).split(" > ")[-1]
            count[kind] = count.get(kind, 0) + 1
        return ", ".join(f"{n} {kind}" for kind, n in sorted(count.items(), key=lambda kv: -kv[1])[:4])

    def new_interest(self, page: dict) -> tuple[str, list[dict]]:
        """A category that trends in the shop and of which nothing is in this shopper's list or late history."""
        mine = {self.category(item["item"]).split(" > ")[0] for item in page["items"]}
        try:
            actions = self.api.call("GET", f"/api/v1/users/{urllib.parse.quote(self.user)}")["actions"]
            mine |= {self.category(action["item"]).split(" > ")[0] for action in actions[-15:]}
        except RuntimeError:
            pass  # Nothing is known of this shopper yet.
        found = self.api.call("GET", "/api/v1/recommend/trending?k=60")["facets"]
        facets = [f["facet"] for f in found if f["facet"].startswith("category:") and " > " in f["facet"]]
        for only_new in (True, False):
            for facet in facets:
                if only_new and facet.removeprefix("category:").split(" > ")[0] in mine:
                    continue
                kind = facet.removeprefix("category:")
                items = self.api.recommend("trending", self.user, filter=f'category:"{kind}"')["items"]
                if len(items) >= CLICKS:
                    return kind, items[:CLICKS]
        raise RuntimeError("the shop has no category with enough items; was its history loaded?")

    def tell(self) -> bool:
        before = self.api.recommend("for-you", self.user, record=True)
        kind, items = self.new_interest(before)
        department = kind.split(" > ")[0]
        print(f" Shopper {bold(self.user)} opens the shop. {bold('For you')}, from all that was seen so far")
        print(dim(f" ({self.kinds(before)}):"))
        self.show(before, [])
        print(f"\n Today it is something else: {bold(self.user)} looks at {teal(kind.split(' > ')[-1])}.\n")
        before_ids = [item["item"] for item in before["items"]]
        session = f"story-{time.time_ns()}"
        first_change = None
        last = before_ids
        page = before
        for number, item in enumerate(items, 1):
            event = {"type": "view", "user": self.user, "session": session, "item": item["item"], "source": "demo"}
            start = time.perf_counter()
            offset = self.api.call("POST", "/api/v1/events", event).get("offset", 0)
            kept = time.perf_counter()
            while True:  # Until an answer is made from a state that contains the event.
                page = self.api.recommend("for-you", self.user)
                if page.get("state_offset", offset) >= offset or time.perf_counter() - kept > 5:
                    break
            seen = time.perf_counter()
            ids = [i["item"] for i in page["items"]]
            fresh = len([i for i in ids if i not in last])
            there = len([i for i in ids if self.category(i).startswith(department)])
            if first_change is None and ids != before_ids:
                first_change = (seen - start) * 1000
            last = ids
            print(f"   view {number}  {cut(item.get('title', item['item']), 40):<40}  kept {(kept - start) * 1e3:5.1f} ms   "
                  f"in the answer {bold(f'{(seen - start) * 1e3:5.1f} ms')}   {fresh} new, {there} of {len(ids)} {department}")
            time.sleep(0.15)
        after = self.api.recommend("for-you", self.user, record=True)
        print(f"\n {bold('For you')}, now {dim(f'({self.kinds(after)}):')}")
        self.show(after, before_ids)
        was = len([i for i in before["items"] if self.category(i["item"]).startswith(department)])
        now = len([i for i in after["items"] if self.category(i["item"]).startswith(department)])
        if first_change is None or now <= was:
            print(f"\n The recommendations did not follow: {was} of {len(before_ids)} {department} before, {now} after.",
                  file=sys.stderr)
            return False
        print(f"\n {teal('The answer changed ' + format(first_change, '.0f') + ' ms after the first view was sent')}"
              f", and {now} of {len(after['items'])} are {department} now ({was} before).")
        return True

    def search(self, asked: dict) -> dict:
        return self.api.call("POST", "/api/v1/search", {"record": False, "explain": True, **asked})

    def tell_search(self) -> bool:
        """The longest word of what is shown with two letters swapped; then the first hit gets another price. Short names
        are made up of few syllables: with a letter wrong they may as well be another."""
        titles = [item["title"] for item in self.api.recommend("for-you", self.user)["items"]]
        word = max((w.strip(",") for title in titles for w in title.split() if w.strip(",").isalpha()), key=len)
        typed = word[:2] + word[3] + word[2] + word[4:] if len(word) > 4 and word[2] != word[3] else word[:-1]
        page = self.search({"query": typed.lower(), "count": 4, "facets": [{"name": "category", "values_max": 4}]})
        print(f"\n {bold(self.user)} types {teal(typed.lower())}: {page['found']} found in {page['took_us'] / 1000:.1f} ms.")
        for place, item in enumerate(page["items"], 1):
            print(f"       {place:2}  {cut(item['title'], 44):<44} {item['price']:>8.2f}")
        if not page["items"] or word.lower() not in page["items"][0]["title"].lower():
            print(f"\n The search did not understand {typed!r} as {word!r}.", file=sys.stderr)
            return False
        counts = [f"{value['value'].split(' > ')[-1]} {value['count']}" for value in page["facets"][0]["values"]]
        print(dim(f"       {', '.join(counts)}"))
        first = page["items"][0]
        item = urllib.parse.quote(first["item"])
        price = 0.5
        start = time.perf_counter()
        offset = self.api.call("PATCH", f"/api/v1/items/{item}", {"price": price}).get("offset", 0)
        while True:
            now = self.search({"query": typed.lower(), "filter": f"price <= {price}", "count": 50})
            if now.get("state_offset", offset) >= offset or time.perf_counter() - start > 5:
                break
        took = (time.perf_counter() - start) * 1000
        self.api.call("PATCH", f"/api/v1/items/{item}", {"price": first["price"]})  # As it was.
        if first["item"] not in [hit["item"] for hit in now["items"]]:
            print(f"\n The new price of {first['item']} was not found.", file=sys.stderr)
            return False
        print(f" Its first item is now offered at {price:.2f}: {teal(f'found under the new price {took:.0f} ms later')}.")
        return True

    def tell_clicks(self) -> bool:
        """Shoppers search for a kind of thing and click what stands last on the page, wherever it stands by then."""
        kind = self.category(self.api.recommend("for-you", self.user)["items"][0]["item"]).split(" > ")[-1].lower()
        asked = {"query": kind, "count": SHOWN}
        page = self.search(asked)["items"]
        wanted = page[-1]
        places = [len(page)]
        while len(places) <= SEARCHES and places[-3:] != [1, 1, 1]:
            shopper = f"story-{len(places)}"
            page = self.search({**asked, "user": shopper, "record": True})
            ids = [item["item"] for item in page["items"]]
            if wanted["item"] not in ids:  # Something else is tried out in its place.
                places.append(SHOWN + 1)
                continue
            places.append(ids.index(wanted["item"]) + 1)
            click = {"type": "click", "user": shopper, "query_id": page["query_id"], "item": wanted["item"], "source": "demo"}
            offset = self.api.call("POST", "/api/v1/events", click).get("offset", 0)
            deadline = time.perf_counter() + 5
            while self.search(asked).get("state_offset", offset) < offset and time.perf_counter() < deadline:
                pass
        print(f"\n {len(places) - 1} others search {teal(kind)}, and each clicks {bold(wanted['title'])}.")
        print(f" It stood at place {places[0]}; on their pages, one after the other: {teal(' '.join(map(str, places[1:])))}.")
        print(dim(f" ({SHOWN + 1}: not on it. Now and then two places are exchanged, to measure how often each is looked at.)"))
        if min(places[-5:]) >= places[0]:
            print("\n The clicks did not bring it up.", file=sys.stderr)
            return False
        return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--user", default="u000007")
    args = parser.parse_args()
    try:
        story = Story(Api(args.url), args.user)
        return 0 if story.tell() and story.tell_search() and story.tell_clicks() else 1
    except (OSError, RuntimeError, KeyError) as error:
        print(f"demo story: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
