"""A shop's own vectors, from outside: items with `_vector`, searches with `vector`, filters, explained scores, and
what is said of vectors that are none.

    vector_test.py build/release/freshet
"""
import json
import sys
import tempfile
import urllib.error

from server import Server

DIM = 1536  # More than the 1,000 values that other lists may have.


def direction(axis: int, lean: float = 0.0) -> list[float]:
    """A unit vector, nearly."""
    vector = [0.0] * DIM
    vector[axis] = 1.0
    vector[axis + 1] = lean + 0.0371
    return vector


def refused(server: Server, path: str, body: dict) -> str:
    try:
        answer = server.post(path, json.dumps(body).encode(), settle=False)
    except urllib.error.HTTPError as error:
        return error.read().decode()
    assert answer.get("rejected", 0) or answer.get("errors"), f"taken: {body!r:.80}: {answer}"
    return json.dumps(answer)


def check(server: Server) -> None:
    items = [{"id": f"lamp{i}", "title": f"Lamp {i}", "brand": "Lux", "price": 10 + i, "_vector": direction(0, i / 10)}
             for i in range(6)]
    items += [{"id": f"sofa{i}", "title": f"Sofa {i}", "brand": "Sit", "price": 100 + i,
               "_vector": " ".join(map(str, direction(700, i / 10)))} for i in range(6)]  # As text, too.
    items += [{"id": "plain", "title": "A lamp without a vector", "brand": "Lux", "price": 5}]
    server.post("/api/v1/items", json.dumps(items).encode())

    def search(**body) -> dict:
        return server.post("/api/v1/search", json.dumps(body).encode(), settle=False)

    def ids(**body) -> list[str]:
        return [hit["item"] for hit in search(**body)["items"]]

    # By vector alone, nearest first; with a filter; far items are left out.
    found = ids(vector=direction(0), count=20)
    assert found == [f"lamp{i}" for i in range(6)], found
    found = ids(vector=direction(700), filter="price >= 103", count=20)
    assert found == ["sofa3", "sofa4", "sofa5"], found
    assert ids(vector=direction(300)) == []

    # Words and vector together: all lamps by words, sofas by the vector; the parts of each score add up to it.
    page = search(query="lamp", vector=direction(700), semantic=0.6, explain=True, count=20)
    found = [hit["item"] for hit in page["items"]]
    assert set(found) == {f"lamp{i}" for i in range(6)} | {f"sofa{i}" for i in range(6)} | {"plain"}, found
    names = set()
    for hit in page["items"]:
        total = sum(part["value"] for part in hit["explain"])
        assert abs(total - hit["score"]) < 1e-6, (hit["score"], hit["explain"])
        names |= {part["part"] for part in hit["explain"] if part["value"]}
    assert "semantic" in names and "word" in names, names
    assert ids(query="lamp", vector=direction(700), semantic="off", count=20)[0].startswith(("lamp", "plain"))
    assert "sofa0" not in ids(query="lamp", vector=direction(700), semantic="off", count=20)

    # The numbers of a vector are no words, no column, and not on the page unless they are named.
    assert ids(query="0.0371", semantic="off", relaxation="none", typos=False, prefix=False) == []
    hit = search(query="lamp", attributes=["*"], count=1)["items"][0]
    assert "_vector" not in hit.get("attributes", {}), hit
    hit = search(vector=direction(0), attributes=["_vector"], count=1)["items"][0]
    assert len(hit["attributes"]["_vector"]) == DIM

    # A changed vector is found where it went, a deleted item not at all.
    server.post("/api/v1/items", json.dumps([{"id": "lamp0", "title": "Lamp 0", "_vector": direction(700)}]).encode())
    assert "lamp0" in ids(vector=direction(700), count=20)
    assert ids(vector=direction(0), count=20) == [f"lamp{i}" for i in range(1, 6)]

    # What is no vector is refused where it comes in, and says why.
    for vector, says in [([1.0, 2.0], "expected 1536"), (["a"] * DIM, "expected a number"), ([0] * DIM, "zero"),
                         (["nan"] * DIM, "finite"), ([1.0] * 4097, "4096"), ("", "empty"), (True, "list of numbers")]:
        said = refused(server, "/api/v1/items", {"id": "bad", "title": "Bad", "_vector": vector})
        assert "_vector" in said and says in said, (str(vector)[:40], said[:400])
    for body, says in [({"vector": [1.0]}, "expected 1536"), ({"vector": [0] * DIM}, "zero"),
                       ({"vector": ["x"] * DIM}, "vector[0]"), ({"vector": [1.0] * 4097}, "4096"),
                       ({"vector": "1 2"}, "vector")]:
        said = refused(server, "/api/v1/search", body)
        assert says in said, (str(body)[:40], said[:400])
    assert ids(vector=direction(700), count=20)[0] in ("lamp0", "sofa0")


def main() -> None:
    for precision in ("int8", "bf16"):
        with tempfile.TemporaryDirectory(prefix="freshet-vectors-") as data:
            with Server(sys.argv[1], data, "--set", f'state.vector_precision="{precision}"') as server:
                check(server)
            with Server(sys.argv[1], data, "--set", f'state.vector_precision="{precision}"') as server:  # From the log.
                page = server.post("/api/v1/search", json.dumps({"vector": direction(0)}).encode(), settle=False)
                assert [hit["item"] for hit in page["items"]] == [f"lamp{i}" for i in range(1, 6)], page
    print("a shop's own vectors: found, filtered, explained, refused")


if __name__ == "__main__":
    main()
