#!/usr/bin/env python3
"""Writes a dataset of two scans of 600×512×512 voxels of 1 mm (int16, no voxel 0) with labels 1 to 4 in boxes, for measuring memory.

    python3 large_scans.py DATASET
"""
import gzip
import json
import os
import random
import struct
import sys

Z, Y, X = 600, 512, 512


def header(datatype, bits):
    h = bytearray(352)
    struct.pack_into("<i", h, 0, 348)
    struct.pack_into("<8h", h, 40, 3, X, Y, Z, 1, 1, 1, 1)
    struct.pack_into("<2h", h, 70, datatype, bits)
    struct.pack_into("<8f", h, 76, 1, 1, 1, 1, 0, 0, 0, 0)
    struct.pack_into("<f", h, 108, 352)
    h[123] = 2  # mm
    struct.pack_into("<2h", h, 252, 0, 1)
    struct.pack_into("<12f", h, 280, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)
    h[344:348] = b"n+1\0"
    return bytes(h)


def write(path, datatype, bits, planes):
    with open(path, "wb") as file, gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1, mtime=0) as packed:
        packed.write(header(datatype, bits))
        for plane in planes:
            packed.write(plane)


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
        write(os.path.join(folder, "imagesTr", f"case_{i}_0000.nii.gz"), 4, 16,
              (high[2 * (z * 97 + i):] + high[:2 * (z * 97 + i)] for z in range(Z)))
        write(os.path.join(folder, "labelsTr", f"case_{i}.nii.gz"), 2, 8, (plane_of(z) for z in range(Z)))
    json.dump({"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1, "b": 2, "c": 3, "d": 4},
               "numTraining": 2, "file_ending": ".nii.gz"}, open(os.path.join(folder, "dataset.json"), "w"))
    json.dump([{"train": ["case_0"], "val": ["case_1"]}], open(os.path.join(folder, "splits_final.json"), "w"))


main()
