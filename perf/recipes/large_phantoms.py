#!/usr/bin/env python3
"""Writes phantoms that a cascade is for: volumes many times as large as a patch, in which one structure is too thin for a coarse
grid and too much like another to be told from near by. Deterministic; Python's own library alone.

    python3 perf/recipes/large_phantoms.py DATASET [--cases 10]

80 × 80 × 112 voxels of 1 mm. A ball of 9 mm radius, "organ"; 30 mm to its left and right a winding vessel of 1.5 mm radius each,
"inflow" and "outflow". All three are equally bright, so that which vessel it is can be known from where the ball lies alone, and
its outline on a fine grid alone. splits_final.json has two folds, so that a cascade needs two first stages.
"""
import argparse
import array
import json
import math
import os
import random

import nifti

SHAPE = (80, 80, 112)  # voxels (z, y, x), 1 mm
ORGAN_RADIUS, VESSEL_RADIUS, DISTANCE = 9.0, 1.5, 30.0  # mm
BACKGROUND, BRIGHT, NOISE = 100.0, 150.0, 12.0  # arbitrary units


def vessel(draw, x, y):
    """The centre (y, x) of a vessel in every slice, mm."""
    waves = [(draw.uniform(2, 4), draw.uniform(40, 70), draw.uniform(0, 2 * math.pi)) for _ in range(2)]
    return [tuple(place + height * math.sin(2 * math.pi * z / length + phase)
                  for place, (height, length, phase) in zip((y, x), waves)) for z in range(SHAPE[0])]


def case(seed):
    """Image and labels of one case, row-major (z, y, x)."""
    draw = random.Random(seed)
    organ = (draw.uniform(15, SHAPE[0] - 15), draw.uniform(25, SHAPE[1] - 25), SHAPE[2] / 2 + draw.uniform(-12, 12))
    vessels = [vessel(draw, organ[2] + side * DISTANCE, organ[1] + draw.uniform(-8, 8)) for side in (-1, 1)]
    labels = bytearray(SHAPE[0] * SHAPE[1] * SHAPE[2])
    at = 0
    for z in range(SHAPE[0]):
        for y in range(SHAPE[1]):
            for x in range(SHAPE[2]):
                if (z - organ[0]) ** 2 + (y - organ[1]) ** 2 + (x - organ[2]) ** 2 < ORGAN_RADIUS ** 2:
                    labels[at] = 1
                else:
                    for label, path in enumerate(vessels, start=2):
                        if abs(x - path[z][1]) < VESSEL_RADIUS and math.dist((y, x), path[z]) < VESSEL_RADIUS:
                            labels[at] = label
                at += 1
    image = array.array("f", (draw.gauss(BRIGHT if label else BACKGROUND, NOISE) for label in labels))
    return image, labels


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset")
    parser.add_argument("--cases", type=int, default=10)
    arguments = parser.parse_args()
    for folder in ("imagesTr", "labelsTr"):
        os.makedirs(os.path.join(arguments.dataset, folder), exist_ok=True)
    names = [f"large_{i:03}" for i in range(arguments.cases)]
    for i, name in enumerate(names):
        image, labels = case(i)
        nifti.write(os.path.join(arguments.dataset, "imagesTr", name + "_0000.nii.gz"), SHAPE, 16, 32, [image.tobytes()])
        nifti.write(os.path.join(arguments.dataset, "labelsTr", name + ".nii.gz"), SHAPE, 2, 8, [labels])
    with open(os.path.join(arguments.dataset, "dataset.json"), "w", encoding="utf-8") as file:
        json.dump({"name": "Large phantoms", "channel_names": {"0": "synthetic MRI"},
                   "labels": {"background": 0, "organ": 1, "inflow": 2, "outflow": 3},
                   "numTraining": len(names), "file_ending": ".nii.gz"}, file, indent=1)
    folds = [{"train": names[1 - k::2], "val": names[k::2]} for k in range(2)]
    with open(os.path.join(arguments.dataset, "splits_final.json"), "w", encoding="utf-8") as file:
        json.dump(folds, file, indent=1)


if __name__ == "__main__":
    main()
