#!/usr/bin/env python3
"""Averages the weights of checkpoints of the same network into one that predicts (docs/method/budget.md §3). Python's own
library alone.

    python3 perf/recipes/average_weights.py OUTPUT CHECKPOINT CHECKPOINT …

OUTPUT says of itself what the first checkpoint does, and has no checksums. As `checkpoint_final.safetensors` in the folder of a
run of the same seed, `train --resume` predicts and scores the run's validation cases with it.
"""
import array
import json
import os
import struct
import sys


def read(path):
    """The file's metadata, and its tensors by name: extents and values."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    metadata = header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] != "F32" or sys.byteorder != "little":
            sys.exit(f"{path}: {name} is {entry['dtype']}, not little-endian F32 as this machine's")
        tensors[name] = (entry["shape"], array.array("f", data[slice(*entry["data_offsets"])]))
    return metadata, tensors


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    output, paths = sys.argv[1], sys.argv[2:]
    metadata, tensors = read(paths[0])
    rest = [read(path)[1] for path in paths[1:]]
    header, parts, offset = {}, [], 0
    for name, (shape, values) in tensors.items():
        if name.startswith("optimizer."):
            continue
        same = [values, *(other[name][1] for other in rest)]
        if any(len(one) != len(values) for one in same):
            sys.exit(f"{name}: of other extents in another checkpoint")
        mean = array.array("f", (sum(column) / len(same) for column in zip(*same)))
        parts.append(mean.tobytes())
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + len(parts[-1])]}
        offset += len(parts[-1])
    metadata.pop("sharpseg.xxh64", None)
    text = json.dumps({"__metadata__": metadata, **header}).encode()
    text += b" " * (-len(text) % 8)
    with open(output + ".part", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.writelines(parts)
    os.replace(output + ".part", output)


if __name__ == "__main__":
    main()
