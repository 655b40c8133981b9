#!/usr/bin/env python3
"""Makes of a fully labelled dataset one as several institutes would have drawn it: in every case one class alone, the others 0.
Python's own library alone; label maps in NIfTI.

    python3 perf/recipes/hide_labels.py DATASET OUTPUT [--cases 20] [--silent]

Case i of the sorted ones shows class i mod (number of classes). dataset.json says so in "labelled" (docs/method/datasets.md §10),
with --silent it does not. `references` gets the whole label maps, to score against, splits_final.json two folds in which every class
is drawn as often.
"""
import argparse
import array
import gzip
import json
import os
import shutil
import struct
import sys

TYPE_CODES = {2: "B", 4: "h", 8: "i", 16: "f", 64: "d", 256: "b", 512: "H", 768: "I"}  # NIfTI's datatype, little-endian


def keep(source, target, value):
    """Copies a label map; what is not of this value becomes 0."""
    with gzip.open(source) as file:
        data = file.read()
    if sys.byteorder != "little" or struct.unpack_from("<i", data)[0] != 348:
        sys.exit(f"{source}: not little-endian NIfTI")
    start = int(struct.unpack_from("<f", data, 108)[0])
    voxels = array.array(TYPE_CODES[struct.unpack_from("<h", data, 70)[0]], data[start:])
    voxels = array.array(voxels.typecode, (voxel if voxel == value else 0 for voxel in voxels))
    with gzip.open(target, "wb", compresslevel=1) as file:
        file.write(data[:start] + voxels.tobytes())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset")
    parser.add_argument("output")
    parser.add_argument("--cases", type=int, default=20)
    parser.add_argument("--silent", action="store_true")
    arguments = parser.parse_args()
    with open(os.path.join(arguments.dataset, "dataset.json"), encoding="utf-8") as file:
        description = json.load(file)
    classes = {int(value): name for value, name in description["labels"].items() if int(value) > 0}
    for folder in ("imagesTr", "labelsTr", "references"):
        os.makedirs(os.path.join(arguments.output, folder), exist_ok=True)
    names = sorted(name for name in os.listdir(os.path.join(arguments.dataset, "labelsTr")) if name[0] != ".")
    labelled = {}
    for i, name in enumerate(names[:arguments.cases]):
        value = sorted(classes)[i % len(classes)]
        shutil.copy(os.path.join(arguments.dataset, "imagesTr", name), os.path.join(arguments.output, "imagesTr", name))
        labels = os.path.join(arguments.dataset, "labelsTr", name)
        shutil.copy(labels, os.path.join(arguments.output, "references", name))
        keep(labels, os.path.join(arguments.output, "labelsTr", name), value)
        labelled[name[:-len(".nii.gz")]] = [classes[value]]
    description.update(numTraining=len(labelled), numTest=0, test=[], training=[
        {"image": f"./imagesTr/{name}.nii.gz", "label": f"./labelsTr/{name}.nii.gz"} for name in labelled])
    if not arguments.silent:
        description["labelled"] = labelled
    first = [case for i, case in enumerate(labelled) if i // len(classes) % 2 == 0]
    second = [case for case in labelled if case not in first]
    with open(os.path.join(arguments.output, "splits_final.json"), "w", encoding="utf-8") as file:
        json.dump([{"train": second, "val": first}, {"train": first, "val": second}], file, indent=1)
    with open(os.path.join(arguments.output, "dataset.json"), "w", encoding="utf-8") as file:
        json.dump(description, file, indent=1)


if __name__ == "__main__":
    main()
