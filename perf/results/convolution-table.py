#!/usr/bin/env python3
"""Prints the convolution table of docs/performance.md from a result of `bench … --json`: convolution-table.py FILE.json"""
import json
import sys

rows = [r for r in json.load(open(sys.argv[1]))["results"] if r["group"] in ("conv", "transposed") and "," not in r["op"]]
print("| n, channels, voxels, kernel or ×, stride | pass: ours | PyTorch | ratio ± % |\n|---|---|---|---|")
for shape in dict.fromkeys(r["shape"] for r in rows):
    passes = [r for r in rows if r["shape"] == shape]
    ours = " / ".join(f'{r["milliseconds"]:.3g}' for r in passes)
    theirs = " / ".join(f'{r.get("peer_milliseconds", r.get("pytorch_milliseconds")):.3g}' for r in passes)
    ratios = " / ".join(f'{r["ratio"]:.1f} ± {r["ratio_spread_percent"]:.0f}' for r in passes)
    print(f"| {shape} | {ours} | {theirs} | {ratios} |")
