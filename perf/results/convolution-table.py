#!/usr/bin/env python3
"""Prints the tables of docs/performance.md from results of `bench … --json`: convolutions, then steps and predictions.

convolution-table.py FILE.json …
"""
import json
import sys

results = [r for name in sys.argv[1:] for r in json.load(open(name))["results"]]


def theirs(row):
    return row.get("peer_milliseconds", row.get("pytorch_milliseconds"))  # the latter of before ONNX Runtime could be the peer


def ratio(row):
    return f'{row["ratio"]:.1f} ± {row["ratio_spread_percent"]:.0f}'


convolutions = [r for r in results if r["group"] in ("conv", "transposed") and "," not in r["op"]]
if convolutions:
    print("| n, channels, voxels, kernel or ×, stride | pass: ours | PyTorch | ratio ± % |\n|---|---|---|---|")
for shape in dict.fromkeys(r["shape"] for r in convolutions):
    passes = [r for r in convolutions if r["shape"] == shape]
    ours = " / ".join(f'{r["milliseconds"]:.3g}' for r in passes)
    print(f"| {shape} | {ours} | {' / '.join(f'{theirs(r):.3g}' for r in passes)} | {' / '.join(map(ratio, passes))} |")

whole = [r for r in results if r["group"] in ("step", "inference")]
if whole:
    print("\n| what | ours | peer | ratio ± % | memory |\n|---|---|---|---|---|")
for r in whole:
    peak = r.get("peer_peak_bytes", r.get("pytorch_peak_bytes"))
    memory = f'{r["peak_bytes"] / 1e9:.2f} of {peak / 1e9:.2f} GB' if peak > 5e6 else "–"  # it kept what the step before it had
    what = f'{r["op"]}, {r["shape"].split(", features")[0]}'
    print(f'| {what} | {r["milliseconds"] / 1e3:.2f} s | {theirs(r) / 1e3:.2f} s | {ratio(r)} | {memory} |')
