#!/usr/bin/env python3
"""kinds.py PEER: one-ofs and maps go to Python's msgpack and back, as in roundtrip.py."""
import random
import sys

from roundtrip import integer, moment, msgpack, run, say, several

COUNT = 150
TEXTS = ["", "a", "h\u00e9", "\U0001f3ad and \u20ac", "x" * 31, "x" * 32, "x" * 256]
NAMES = {"drawing": ["first", "shapes", "two", "last", "amount"],
         "job": ["what", "settings", "rows", "two", "extra", "outcome"]}


def text():
    return random.choice(TEXTS)


def real():
    return random.choice([0.0, -0.0, 1 / 3, 5e-324, 1e308, float("inf"), random.random()])


def spot():
    return [integer(16, True), text()]


def amount():
    return random.choice([[0, integer(8, False)], [1, real()], [2, None]])


def shape():
    return random.choice([
        [0, None], [7, real()], [-1, text()], [2000, several(spot)], [3, spot()],
        [4, [integer(32, True) for _ in range(3)]], [5, random.choice([None, text()])],
        [6, amount()]])


def drawing():
    return [shape(), several(shape), [shape(), shape()], random.choice([None, shape()]), amount()]


def anything(level):
    draws = [lambda: None, lambda: random.random() < 0.5, lambda: integer(64, True),
             lambda: integer(64, False), real, text,
             lambda: random.randbytes(random.choice([0, 1, 255, 256])), moment]
    if level < 8:
        draws += [lambda: [anything(level + 1) for _ in range(random.randrange(4))],
                  lambda: mapping(level + 1, 4)]
    return random.choice(draws)()


def mapping(level=1, most=20):
    return {random.choice(TEXTS) + str(i) if i else "": anything(level)
            for i in range(random.randrange(most))}


def job():
    return [text(), mapping(), several(mapping, 4), [mapping(), mapping(1, 1025)],
            random.choice([None, mapping()]), random.choice([[0, None], [1, mapping()]])]


def twice():
    """A map with a key twice, which no dict can be."""
    return b"\x82" + 2 * (msgpack.packb("a") + msgpack.packb(1))


def deep(levels):
    return {"in": deep(levels - 1)} if levels > 1 else {}


def spoilt():
    """Of each type messages with one thing wrong, and what PEER must say of each."""
    good = {"drawing": [[0, None], [], [[0, None], [0, None]], None, [2, None]],
            "job": ["", {}, [], [{}, {}], None, [0, None]]}

    def change(which, at, to):
        value = list(good[which])
        value[NAMES[which].index(at)] = to
        return which, msgpack.packb(value)

    yield change("drawing", "first", [8, None]), ".first: expected the tag of a case, got 8"
    yield change("drawing", "first", ["DOT", None]), ".first: expected the tag of a case, got text"
    yield change("drawing", "first", [0]), ".first: expected an array of 2, got an array of 1"
    yield change("drawing", "first", [0, 1]), ".first.DOT: expected nil, got 1"
    yield change("drawing", "shapes", [[0, None], [7, 1]]), ".shapes[1].CIRCLE: expected f64, got 1"
    yield change("drawing", "last", [2000, [[1, "a"], [1, 2]]]), \
        ".last.PATH[1].name: expected text, got 2"
    yield change("drawing", "last", [6, [0, 256]]), ".last.INNER.FEW: expected u8, got 256"
    yield change("job", "settings", []), ".settings: expected map, got an array of 0"
    yield change("job", "settings", {1: 2}), ".settings: key 1 is no text"
    yield change("job", "settings", {"a": {"b c": [1, msgpack.ExtType(5, b"abcd")]}}), \
        '.settings.a["b c"][1]: expected a value of a map, got ext'
    yield change("job", "rows", [{str(i): i for i in range(1025)}]), \
        ".rows[0]: a map of 1025 keys, over 1024"
    yield change("job", "extra", deep(9)), ".extra" + 8 * ".in" + ": is on more than 8 levels"
    yield change("job", "outcome", [1, None]), ".outcome.DETAILS: expected map, got nil"
    yield ("job", b"\x96\xa0" + twice() + b"\x90\x92\x80\x80\xc0\x92\x00\xc0"), \
        ".settings.a: is there twice"


def exchange(peer, which, draw):
    """How many messages from here are another thing there."""
    sent = [draw() for _ in range(COUNT)]
    heard = run(peer, which, text="".join(msgpack.packb(one).hex() + "\n" for one in sent))
    wrong = [(say(one), words) for one, words in zip(sent, heard) if say(one) != words]
    for one, words in wrong:
        print(f"sent {one[:300]}\nread {words[:300]}")
    return len(wrong) + (len(heard) != COUNT)


def main(peer):
    random.seed(1)
    wrong = 0
    for line in run(peer, "write", "1", str(COUNT)):
        bytes_, words = line.split(" ")
        wrong += say(msgpack.unpackb(bytes.fromhex(bytes_), strict_map_key=True)) != words
    wrong += exchange(peer, "drawing", drawing) + exchange(peer, "job", job)
    deepest = ["", deep(8), [], [{}, {}], None, [0, None]]
    wrong += run(peer, "job", text=msgpack.packb(deepest).hex() + "\n") != [say(deepest)]
    cases = list(spoilt())
    for (which, bytes_), expected in cases:
        heard = run(peer, which, text=bytes_.hex() + "\n")
        if heard != [f"refused: {which}{expected}"]:
            wrong += 1
            print(f"expected {which}{expected}, got {heard}")
    print(f"{2 * COUNT} messages to Python, {2 * COUNT + 1} from there, {len(cases)} spoilt ones: "
          f"{wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
