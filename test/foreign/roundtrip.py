#!/usr/bin/env python3
"""roundtrip.py PEER: messages go to Python's msgpack and back, as values of all kinds.

What PEER writes must hold for Python what it holds for PEER, and the other way round; what Python
writes with one value of another kind must be refused with its path; and fields that are missing or too
many are those of another version of the type."""
import random
import struct
import subprocess
import sys

try:
    import msgpack
except ImportError:
    print("skipped: there is no python3-msgpack; script/bootstrap installs it")
    sys.exit(77)

COUNT = 500
COLOURS = [0, 5, -1]
TEXTS = ["", "a", "h\u00e9", "\U0001f3ad and \u20ac", "x" * 31, "x" * 32, "x" * 256, "y" * 70000]


def say(value):
    """A value in the words of PEER."""
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "t" + value.encode().hex()
    if isinstance(value, bytes):
        return "b" + value.hex()
    if isinstance(value, float):
        return "f" + struct.pack(">d", value).hex()
    if isinstance(value, msgpack.Timestamp):
        return f"T{value.seconds}.{value.nanoseconds}"
    if isinstance(value, list):
        return "[" + ",".join(say(one) for one in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(say(key) + ":" + say(one) for key, one in value.items()) + "}"
    return str(value)


def run(peer, *arguments, text=""):
    done = subprocess.run([peer, *arguments], input=text, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def integer(bits, signed):
    low, high = (-1 << bits - 1, (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    edges = [low, high, 0, 1, high - 1, min(high, 127), min(high, 128), min(high, 255), max(low, -33)]
    return random.choice(edges) if random.random() < 0.5 else random.randint(low, high)


def several(draw, most=20):
    return [draw() for _ in range(random.randrange(most))]


def size():
    return [integer(8, False), integer(16, True)]


def moment():
    return msgpack.Timestamp(integer(64, True), random.choice([0, 1, 999999999]))


def line():
    return [random.choice(TEXTS[:7]), integer(16, False), integer(24, True) / 16,
            random.choice(COLOURS), size(), several(lambda: random.choice(TEXTS[:6])),
            random.choice([None, random.choice(TEXTS)])]


def order():
    return [integer(64, False), moment(), integer(8, True), [integer(64, True) for _ in range(3)],
            several(line), random.choice([None, size()]), random.choice([None, moment()]),
            several(lambda: integer(8, False), 300), line(),
            [random.randbytes(random.choice([0, 1, 255, 256, 65536])), b""],
            several(lambda: random.choice(COLOURS)),
            several(lambda: [integer(64, False), integer(64, False)]),
            random.choice([0.0, -0.0, 1 / 3, 5e-324, 1e308, float("inf"), random.random()])]


def spoilt():
    """Orders with one thing wrong, and what PEER must say of each."""
    def change(*path, to):
        value = good()
        at = value
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = to
        return value

    def good():
        return [1, msgpack.Timestamp(1, 0), 1, [1, 2, 3], [["a", 1, 0.5, 0, [1, 2], ["n"], None]],
                None, None, [1], ["b", 1, 0.5, 5, [1, 2], [], "g"], [b"", b""], [0], [[1, 2]], 0.5]

    yield change(0, to=-1), "order.id: expected u64, got -1"
    yield change(0, to=1.0), "order.id: expected u64, got float"
    yield change(1, to=7), "order.when: expected time, got 7"
    yield change(1, to=msgpack.ExtType(5, b"abcd")), "order.when: expected time, got ext"
    yield change(2, to=128), "order.priority: expected i8, got 128"
    yield change(3, to=[1, 2]), "order.balance: expected an array of 3, got an array of 2"
    yield change(4, 0, 2, to=0.1), "order.lines[0].price: no f32 is so precise"
    yield change(4, 0, 3, to=2), "order.lines[0].colour: expected a choice of the enum, got 2"
    yield change(4, 0, 4, 0, to=256), "order.lines[0].size.width: expected u8, got 256"
    yield change(4, 0, 5, 0, to=b"n"), "order.lines[0].notes[0]: expected text, got bytes"
    yield change(4, to={"a": 1}), "order.lines: expected a list, got map"
    yield change(5, to=1), "order.box: expected an array of 2, got 1"
    yield change(11, 0, to=[1, 2, 3]), "order.who[0]: expected ref, got an array of 3"
    yield {"id": 1}, "order: expected an array of 13, got map"


def grown():
    """Orders of older and newer versions of the type, and as what they are read."""
    one = order()
    yield one[:-1], one[:-1] + [0.0]
    yield one + [{"more": [1, None]}, 2], one


def main(peer):
    random.seed(1)
    wrong = 0
    for text in run(peer, "write", "1", str(COUNT)):
        bytes_, words = text.split(" ")
        unpacked = msgpack.unpackb(bytes.fromhex(bytes_), strict_map_key=True)
        wrong += say(unpacked) != words
    orders = [order() for _ in range(COUNT)]
    heard = run(peer, "read", text="".join(msgpack.packb(one).hex() + "\n" for one in orders))
    wrong += len(heard) != COUNT
    for one, words in zip(orders, heard):
        if say(one) != words:
            wrong += 1
            print(f"sent {say(one)[:300]}\nread {words[:300]}")
    cases = list(spoilt())
    heard = run(peer, "read", text="".join(msgpack.packb(one).hex() + "\n" for one, _ in cases))
    wrong += len(heard) != len(cases)
    for (_, expected), words in zip(cases, heard):
        if words != "refused: " + expected:
            wrong += 1
            print(f"expected {expected}, got {words[:300]}")
    for one, expected in grown():
        heard = run(peer, "read", text=msgpack.packb(one).hex() + "\n")
        wrong += heard != [say(expected)]
    print(f"{COUNT} orders to Python, {COUNT} from there, {len(cases)} spoilt ones: {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
