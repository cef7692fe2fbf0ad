#!/usr/bin/env python3
"""The sample storefront's names of indexes, facets and sort orders, put into a server through the storefront dialect.

Usage: tools/shop_settings.py URL [KEY]      KEY of role admin, where the server asks for one
"""
import json
import pathlib
import sys
import urllib.request

SETTINGS = pathlib.Path(__file__).resolve().parent.parent / "src" / "web" / "shop" / "settings.json"


def put(url: str, key: str, index: str, settings: dict) -> None:
    headers = {"content-type": "application/json", **({"x-algolia-api-key": key} if key else {})}
    request = urllib.request.Request(f"{url}/1/indexes/{index}/settings", json.dumps(settings).encode(), headers, method="PUT")
    with urllib.request.urlopen(request, timeout=30):
        pass


if __name__ == "__main__":
    for name, one in json.loads(SETTINGS.read_text()).items():
        put(sys.argv[1].rstrip("/"), sys.argv[2] if len(sys.argv) > 2 else "", name, one)
