"""report.py RESULTS.TSV OUT.JSON OUT.GP PICTURE: what script/bench measured, as a table on standard
output, as JSON, and as input for gnuplot. Of each benchmark only rounds with the same distance of
the cores are compared: those of the label that most rounds have."""

import collections
import json
import statistics
import sys

LARGER_IS_BETTER = {"M/s", "MiB/s", "restarts/s"}
PANELS = [
    ("one core", "one", ["pingpong", "ring", "count", "fanin", "spawn"]),
    ("all cores", "all", ["pingpong", "ring", "count", "fanin", "fanin100", "spawn"]),
    ("all cores", "all", ["big", "forkjoin", "chameneos", "bank"]),
]
SYSTEMS = ["troupe", "go", "tokio", "caf", "erlang", "plain", "nng"]
COLOURS = ["#c0392b", "#2e86ab", "#e0a030", "#7b5ea7", "#5a9e6f", "#777777", "#aaaaaa"]


def read(path):
    """The values by benchmark and label; and of each benchmark the label of most rounds."""
    values = collections.defaultdict(lambda: collections.defaultdict(list))
    rounds = collections.defaultdict(lambda: collections.defaultdict(set))
    with open(path, encoding="ascii") as file:
        for line in file:
            nth, label, mode, bench, system, metric, value, unit = line.rstrip("\n").split("\t")
            if mode == "one":
                label = "one"  # a single core has no distance
            rounds[mode, bench][label].add(nth)
            values[mode, bench, metric, unit, system][label].append(float(value))
    label = {key: max(sorted(by), key=lambda one: len(by[one])) for key, by in rounds.items()}
    return values, label


def summarise(values, label):
    """One entry for each benchmark, mode, metric and system, in the order of the runs."""
    results = []
    for (mode, bench, metric, unit, system), by in values.items():
        sample = by.get(label[mode, bench], [])
        if sample:
            results.append({
                "bench": bench, "mode": mode, "metric": metric, "unit": unit, "system": system,
                "cores": label[mode, bench], "runs": len(sample),
                "median": statistics.median(sample), "min": min(sample), "max": max(sample),
                "values": sample})
    return results


def rate(results):
    """Adds to Troupe's entries how many times better they are than those of the best peer."""
    for mine in results:
        peers = [r for r in results if r["system"] != "troupe" and all(
            r[key] == mine[key] for key in ("bench", "mode", "metric", "unit"))]
        if mine["system"] != "troupe" or not peers:
            continue
        larger = mine["unit"] in LARGER_IS_BETTER
        best = (max if larger else min)(peers, key=lambda r: r["median"])
        pair = (mine["median"], best["median"]) if larger else (best["median"], mine["median"])
        mine["best_peer"] = best["system"]
        mine["times_better"] = pair[0] / pair[1] if pair[1] else None


def table(results):
    print("%-13s %-4s %-18s %-12s %-7s %10s %23s %5s  %s" % (
        "benchmark", "core", "metric", "unit", "system", "median", "min - max", "runs", "ratio"))
    order = {}
    for r in results:
        order.setdefault((r["bench"], r["mode"], r["metric"]), len(order))
    for r in sorted(results, key=lambda r: (order[r["bench"], r["mode"], r["metric"]],
                                            SYSTEMS.index(r["system"]))):
        if (r["bench"], r["mode"], "time") in order and r["metric"] == "rate":
            continue  # the same said twice
        ratio = ""
        if r.get("times_better"):
            ratio = "%.2f x %s" % (r["times_better"], r["best_peer"])
        spread = "%.4g - %.4g" % (r["min"], r["max"])
        where = "1" if r["mode"] == "one" else r["cores"]
        print("%-13s %-4s %-18s %-12s %-7s %10.4g %23s %5d  %s" % (
            r["bench"], where, r["metric"], r["unit"], r["system"], r["median"], spread, r["runs"],
            ratio))


def plot(results, picture):
    """What gnuplot shall draw: bars of ns, on a logarithmic scale; None if there is nothing."""
    found = {(r["mode"], r["bench"], r["system"]): r["median"] for r in results
             if r["metric"] == "time"}
    systems = [s for s in SYSTEMS if any(key[2] == s for key in found)]
    panels = []
    for title, mode, benches in PANELS:
        benches = [b for b in benches if any((mode, b, s) in found for s in systems)]
        if benches:
            panels.append((title, mode, benches))
    if not panels:
        return ""
    lines = [
        "set terminal svg size 900,%d font 'sans-serif,12' background '#ffffff'" %
        (260 * len(panels)),
        "set output '%s'" % picture,
        "set multiplot layout %d,1" % len(panels),
        "set style data histograms",
        "set style histogram clustered gap 1.5",
        "set style fill solid 1.0 noborder",
        "set boxwidth 0.9",
        "set logscale y",
        "set grid ytics lc rgb '#dddddd'",
        "set border 3 lc rgb '#666666'",
        "set tics nomirror out",
        "set key outside right top",
        "set ylabel 'ns a message (spawn: an actor)'",
        "set datafile missing '-'",
    ]
    for title, mode, benches in panels:
        lines.append("$data << END")
        for bench in benches:
            row = [found.get((mode, bench, s)) for s in systems]
            lines.append(" ".join([bench] + ["-" if v is None else "%.4g" % v for v in row]))
        lines.append("END")
        top = max(found[mode, b, s] for b in benches for s in systems if (mode, b, s) in found)
        lines.append("set title '%s (less is better)'" % title)
        lines.append("set yrange [1:%.4g]" % (top * 2))
        lines.append("plot " + ", ".join(
            "$data using %d:xtic(1) title '%s' lc rgb '%s'" % (i + 2, s, COLOURS[SYSTEMS.index(s)])
            for i, s in enumerate(systems)))
    return "\n".join(lines + ["unset multiplot", ""])


def main():
    tsv, out, gp, picture = sys.argv[1:]
    values, label = read(tsv)
    results = summarise(values, label)
    rate(results)
    table(results)
    with open(out, "w", encoding="ascii") as file:
        json.dump(results, file, indent=1)
    with open(gp, "w", encoding="ascii") as file:
        file.write(plot(results, picture))


main()
