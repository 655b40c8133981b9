#!/usr/bin/env python3
"""Makes of two cases of a dataset one of its own, cut to a box around what is drawn: to be learnt by heart in little time
(docs/method/budget.md §7). Python's own library alone; NIfTI, little-endian.

    python3 perf/recipes/two_cases.py DATASET OUTPUT [--cases hippocampus_199,hippocampus_243] [--box 16,48,24]

The box is (z, y, x) voxels, centred on the foreground and moved where the scan ends before it; it keeps the scan's spacing. Where a case
does not hold it, or where the foreground does not fit into it, nothing is written.
"""
import argparse
import array
import gzip
import json
import os
import struct
import sys

from hide_labels import TYPE_CODES


def read(path):
    """The file's bytes before the voxels, their shape (z, y, x) and the voxels."""
    with gzip.open(path) as file:
        data = file.read()
    if sys.byteorder != "little" or struct.unpack_from("<i", data)[0] != 348:
        sys.exit(f"{path}: not little-endian NIfTI")
    start = int(struct.unpack_from("<f", data, 108)[0])
    shape = struct.unpack_from("<3h", data, 42)[::-1]
    return bytearray(data[:start]), shape, array.array(TYPE_CODES[struct.unpack_from("<h", data, 70)[0]], data[start:])


def place(path, shape, labels, box):
    """The first voxel of the box in the scan."""
    _, height, width = shape
    drawn = [(i // (width * height), i // width % height, i % width) for i, label in enumerate(labels) if label > 0]
    corner = []
    for axis in range(3):
        low, high = min(voxel[axis] for voxel in drawn), max(voxel[axis] for voxel in drawn)
        if box[axis] > shape[axis] or high - low >= box[axis]:
            sys.exit(f"{path}: foreground {low} to {high} of {shape[axis]} voxels along axis {axis}; the box has {box[axis]}")
        corner.append(min(max((low + high + 1 - box[axis]) // 2, 0), shape[axis] - box[axis]))
    return corner


def write(path, header, shape, voxels, corner, box):
    """The box of a volume. The affine is left alone: image and labels are cut alike, and nothing else lies beside them."""
    struct.pack_into("<3h", header, 42, *reversed(box))
    with open(path, "wb") as file, gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as packed:
        packed.write(header)
        for z in range(corner[0], corner[0] + box[0]):
            for y in range(corner[1], corner[1] + box[1]):
                row = (z * shape[1] + y) * shape[2] + corner[2]
                packed.write(voxels[row:row + box[2]].tobytes())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset")
    parser.add_argument("output")
    parser.add_argument("--cases", default="hippocampus_199,hippocampus_243")
    parser.add_argument("--box", default="16,48,24")
    arguments = parser.parse_args()
    box = [int(edge) for edge in arguments.box.split(",")]
    cases = arguments.cases.split(",")
    cut = []
    for case in cases:
        paths = [os.path.join(folder, case + ".nii.gz") for folder in ("imagesTr", "labelsTr")]
        (image_header, shape, image), (label_header, _, labels) = (
            read(os.path.join(arguments.dataset, path)) for path in paths)
        corner = place(case, shape, labels, box)
        cut += [(paths[0], image_header, shape, image, corner), (paths[1], label_header, shape, labels, corner)]
    for path, header, shape, voxels, corner in cut:
        os.makedirs(os.path.dirname(os.path.join(arguments.output, path)), exist_ok=True)
        write(os.path.join(arguments.output, path), header, shape, voxels, corner, box)
    with open(os.path.join(arguments.dataset, "dataset.json"), encoding="utf-8") as file:
        description = json.load(file)
    description.update(numTraining=len(cases), numTest=0, test=[], training=[
        {"image": f"./imagesTr/{case}.nii.gz", "label": f"./labelsTr/{case}.nii.gz"} for case in cases])
    with open(os.path.join(arguments.output, "dataset.json"), "w", encoding="utf-8") as file:
        json.dump(description, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
