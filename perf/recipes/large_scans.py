#!/usr/bin/env python3
"""Writes a dataset of two scans of 600×512×512 voxels of 1 mm (int16, no voxel 0) with labels 1 to 4 in boxes, for measuring memory.

    python3 perf/recipes/large_scans.py DATASET
"""
import json
import os
import random
import sys

import nifti

Z, Y, X = 600, 512, 512


def plane_of(z):
    """Labels of a plane: four boxes one behind the other in x, a third of the rows."""
    if not 100 <= z < 500:
        return bytes(Y * X)
    row = bytes(60) + b"".join(bytes([label]) * 80 for label in (1, 2, 3, 4)) + bytes(X - 380)
    return bytes(X) * 170 + row * 170 + bytes(X) * (Y - 340)


def main():
    folder = sys.argv[1]
    for name in ("imagesTr", "labelsTr"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    draw = random.Random(1)
    high = b"".join(bytes([draw.randrange(256), 1]) for _ in range(Y * X))       # 256 to 511
    for i in range(2):
        nifti.write(os.path.join(folder, "imagesTr", f"case_{i}_0000.nii.gz"), (Z, Y, X), 4, 16,
                    (high[2 * (z * 97 + i):] + high[:2 * (z * 97 + i)] for z in range(Z)))
        nifti.write(os.path.join(folder, "labelsTr", f"case_{i}.nii.gz"), (Z, Y, X), 2, 8, (plane_of(z) for z in range(Z)))
    json.dump({"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1, "b": 2, "c": 3, "d": 4},
               "numTraining": 2, "file_ending": ".nii.gz"}, open(os.path.join(folder, "dataset.json"), "w"))
    json.dump([{"train": ["case_0"], "val": ["case_1"]}], open(os.path.join(folder, "splits_final.json"), "w"))


main()
