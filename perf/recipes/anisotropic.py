#!/usr/bin/env python3
"""Makes an anisotropic and harder data set of the demo's phantoms, for comparing recipes on a second kind of data.

    python3 perf/recipes/anisotropic.py sharpseg-demo/dataset anisotropic

Four slices become one of four times the thickness: brightness is averaged, a voxel has the label of its thickest part. Then noise
is added, seeded by the case's name, so that the same phantoms always give the same bytes.
"""
import array
import gzip
import os
import random
import shutil
import struct
import sys

SLICES = 4      # that become one
NOISE = 20.0    # standard deviation; the phantoms' head and tail differ by 20, and have 7
FLOAT, SHORT, BYTE = 16, 4, 2  # NIfTI's data types


def read(path):
    with gzip.open(path, "rb") as file:
        data = file.read()
    header = bytearray(data[:348])
    x, y, z = struct.unpack_from("<3h", header, 42)
    kind = struct.unpack_from("<h", header, 70)[0]
    values = array.array({FLOAT: "f", SHORT: "h", BYTE: "B"}[kind])
    begin = int(struct.unpack_from("<f", header, 108)[0])
    values.frombytes(data[begin:begin + (x * y * z * values.itemsize)])
    return header, (z, y, x), values


def write(path, header, shape, values):
    struct.pack_into("<h", header, 46, shape[0])
    struct.pack_into("<f", header, 88, struct.unpack_from("<f", header, 88)[0] * SLICES)
    for row in range(3):  # of the affine, which the phantoms' files have: z goes in steps of SLICES voxels from the middle of the first ones
        step = struct.unpack_from("<f", header, 280 + (16 * row) + 8)[0]
        origin = struct.unpack_from("<f", header, 280 + (16 * row) + 12)[0]
        struct.pack_into("<2f", header, 280 + (16 * row) + 8, step * SLICES, origin + (step * (SLICES - 1) / 2))
    struct.pack_into("<f", header, 108, 352.0)
    with open(path, "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as file:
        file.write(bytes(header) + b"\0\0\0\0" + values.tobytes())


def thin(shape, values, choose):
    z, y, x = shape
    plane = y * x
    slabs = z // SLICES
    result = array.array(values.typecode, bytes(slabs * plane * values.itemsize))
    for slab in range(slabs):
        for i in range(plane):
            begin = (slab * SLICES * plane) + i
            result[(slab * plane) + i] = choose([values[begin + (s * plane)] for s in range(SLICES)])
    return (slabs, y, x), result


def thickest(labels):
    return max(labels, key=lambda label: (labels.count(label), label))


def main(source, target):
    for folder in ("imagesTr", "labelsTr"):
        os.makedirs(os.path.join(target, folder))
    shutil.copy(os.path.join(source, "dataset.json"), target)
    for name in sorted(os.listdir(os.path.join(source, "labelsTr"))):
        case = name.removesuffix(".nii.gz")
        header, shape, labels = read(os.path.join(source, "labelsTr", name))
        write(os.path.join(target, "labelsTr", name), header, *thin(shape, labels, thickest))
        image = f"{case}_0000.nii.gz"
        header, shape, values = read(os.path.join(source, "imagesTr", image))
        shape, values = thin(shape, values, lambda slices: sum(slices) / SLICES)
        noise = random.Random(case)
        write(os.path.join(target, "imagesTr", image), header, shape, array.array(
            "f", (max(0.0, value + noise.gauss(0, NOISE)) for value in values)))


if __name__ == "__main__":
    main(*sys.argv[1:])
