"""Predicts with a model of nnU-Net v2 in PyTorch, all in float32: an independent answer to compare `sharpseg predict` with.

    predict.py MODEL OUTPUT.nii.gz --scan CHANNEL_0.nii.gz …                a scan at the target spacing without a zero background
    predict.py MODEL OUTPUT.nii.gz --preprocessed CASE.npz --like SEG.nii.gz --properties meta.json --case ID
    predict.py MODEL --forward FORWARD.npz                                  the network alone, against recorded outputs

MODEL is a folder TRAINER__PLANS__CONFIGURATION of a plain U-Net, as the golden models are. nnU-Net itself adds tiles, views and weights up in
float16; here they are float32, so that what is left between the two programs is the order of sums. Prints seconds and the highest resident
memory. The rules followed are those of docs/method/inference.md.
"""
import argparse
import gzip
import itertools
import json
import math
import resource
import struct
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

NIFTI_TYPES = {2: np.uint8, 4: np.int16, 8: np.int32, 16: np.float32, 64: np.float64, 256: np.int8, 512: np.uint16}


class PlainUNet:
    """nnU-Net's plain U-Net over the names of its checkpoint."""

    def __init__(self, arguments, weights):
        self.a, self.w = arguments, weights
        self.axes = len(arguments["strides"][0])
        self.convolve = F.conv3d if self.axes == 3 else F.conv2d
        self.up = F.conv_transpose3d if self.axes == 3 else F.conv_transpose2d
        self.epsilon = arguments["norm_op_kwargs"]["eps"]

    def stack(self, x, prefix, count, stride):
        for i in range(count):
            name = f"{prefix}.convs.{i}"
            kernel = self.w[f"{name}.conv.weight"]
            x = self.convolve(x, kernel, self.w.get(f"{name}.conv.bias"), stride if i == 0 else 1, [k // 2 for k in kernel.shape[2:]])
            x = F.instance_norm(x, weight=self.w[f"{name}.norm.weight"], bias=self.w[f"{name}.norm.bias"], eps=self.epsilon)
            x = F.leaky_relu_(x, 0.01)
        return x

    def outputs(self, x):
        """Logits of every decoder stage, the full resolution first."""
        skips = []
        for s, (stride, count) in enumerate(zip(self.a["strides"], self.a["n_conv_per_stage"])):
            x = self.stack(x, f"encoder.stages.{s}.0", count, stride)
            skips.append(x)
        skips.pop()
        logits = []
        for i, count in enumerate(self.a["n_conv_per_stage_decoder"]):
            stride = self.a["strides"][len(self.a["strides"]) - 1 - i]
            up = self.up(x, self.w[f"decoder.transpconvs.{i}.weight"], self.w.get(f"decoder.transpconvs.{i}.bias"), stride)
            x = self.stack(torch.cat((up, skips.pop()), 1), f"decoder.stages.{i}", count, 1)
            if skips:
                head = None
            else:
                head = self.convolve(x, self.w[f"decoder.seg_layers.{i}.weight"], self.w[f"decoder.seg_layers.{i}.bias"])
            logits.append(head)
        return logits[::-1]

    def __call__(self, x):
        return self.outputs(x)[0]


class Model:
    def __init__(self, folder, folds):
        checkpoints = [torch.load(folder / f"fold_{fold}" / "checkpoint_final.pth", map_location="cpu") for fold in folds]
        plans = json.loads((folder / "plans.json").read_text())
        self.plan = plans["configurations"][checkpoints[0]["init_args"]["configuration"]]
        architecture = self.plan["architecture"]
        if not architecture["network_class_name"].endswith(".PlainConvUNet"):
            raise SystemExit("only plain U-Nets")
        self.forward, self.backward = plans["transpose_forward"], plans["transpose_backward"]
        self.labels = json.loads((folder / "dataset.json").read_text())
        self.networks = [PlainUNet(architecture["arch_kwargs"], c["network_weights"]) for c in checkpoints]
        self.mirror = checkpoints[0]["inference_allowed_mirroring_axes"] or ()
        self.patch = self.plan["patch_size"]

    def normalise(self, channels):
        """Where nothing is zero, nothing is cropped, and a mask changes nothing."""
        for i, scheme in enumerate(self.plan["normalization_schemes"]):
            x = channels[i]
            if not x.all():
                raise SystemExit("only scans without zeros")
            if scheme == "ZScoreNormalization":
                channels[i] = (x - x.mean(dtype=np.float64)) / max(x.std(dtype=np.float64), 1e-8)
            elif scheme != "NoNormalization":
                raise SystemExit(f"{scheme} is not supported")
        return channels

    def mean_over_views(self, network, x, mirror):
        """Axes are the network's; 2D tiles have no z."""
        total = network(x)
        subsets = [s for n in range(1, len(mirror) + 1) for s in itertools.combinations(mirror, n)]
        for subset in subsets:
            dims = [axis + 2 for axis in subset]
            total += torch.flip(network(torch.flip(x, dims)), dims)
        return total / (1 + len(subsets))

    def logits(self, image, step, even, mirror):
        """Sliding window over (c, z, y, x)."""
        patch = self.patch if len(self.patch) == 3 else [1, *self.patch]
        size = image.shape[1:]
        missing = [max(0, p - n) for p, n in zip(patch, size)]
        padded = F.pad(image, [m for low in reversed(missing) for m in (low // 2, low - low // 2)])
        weight = torch.ones(patch) if even else gaussian(self.patch).reshape(patch)
        starts = [steps(n, p, step) for n, p in zip(padded.shape[1:], patch)]
        if len(self.patch) == 2:
            starts[0] = range(padded.shape[1])
        mean = None
        for network in self.networks:
            total, weights = None, torch.zeros(padded.shape[1:])
            for corner in itertools.product(*starts):
                box = tuple(slice(c, c + p) for c, p in zip(corner, patch))
                tile = padded[(slice(None), *box)]
                x = tile[None] if len(self.patch) == 3 else tile[None, :, 0]
                y = self.mean_over_views(network, x, mirror)[0].reshape(-1, *patch)
                if total is None:
                    total = torch.zeros(y.shape[0], *padded.shape[1:])
                total[(slice(None), *box)] += y * weight
                weights[box] += weight
            total /= weights
            mean = total if mean is None else mean + total
        mean /= len(self.networks)
        return mean[(slice(None), *(slice(m // 2, m // 2 + n) for m, n in zip(missing, size)))]

    def decide(self, logits):
        """Labels of (heads, z, y, x): the highest class, or regions written over each other where a sigmoid is above a half."""
        order = self.labels.get("regions_class_order")
        if order is None:
            return logits.argmax(0).numpy().astype(np.uint8)
        labels = np.zeros(logits.shape[1:], np.uint8)
        for label, region in zip(order, torch.sigmoid(logits) > 0.5):
            labels[region.numpy()] = label
        return labels


def steps(size, patch, step):
    count = math.ceil((size - patch) / (patch * step)) + 1
    return [int(np.round((size - patch) / (count - 1) * i)) for i in range(count)] if count > 1 else [0]


def gaussian(patch):
    """A Gaussian of an eighth of the patch as scipy filters a unit impulse with it: cut off at four sigma, the maximum 1, no zeros."""
    weight = np.ones(())
    for n in patch:
        sigma = n / 8
        radius = int(4 * sigma + 0.5)
        kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
        line = np.zeros(n)
        for i, value in enumerate(kernel / kernel.sum(), n // 2 - radius):
            if 0 <= i < n:
                line[i] = value
        weight = np.multiply.outer(weight, line)
    weight /= weight.max()
    weight[weight == 0] = weight[weight > 0].min()
    return torch.from_numpy(weight.astype(np.float32))


def resize(maps, size):
    """Linear along each axis, voxel edges on voxel edges, the border continued: order 1 of nnU-Net's resampling of nearly isotropic grids."""
    for axis, n in enumerate(size, 1):
        old = maps.shape[axis]
        if n == old:
            continue
        at = np.clip((np.arange(n) + 0.5) * old / n - 0.5, 0, old - 1)
        low = np.minimum(at.astype(int), max(old - 2, 0))
        part = (at - low).reshape([-1 if i == axis else 1 for i in range(4)])
        maps = maps.take(low, axis) * (1 - part) + maps.take(np.minimum(low + 1, old - 1), axis) * part
    return maps


def read_nifti(path):
    """Voxels (z, y, x) as float32, and the bytes of the header."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    dim = struct.unpack_from("<8h", data, 40)
    kind, = struct.unpack_from("<h", data, 70)
    offset, slope, intercept = struct.unpack_from("<3f", data, 108)
    voxels = np.frombuffer(data, np.dtype(NIFTI_TYPES[kind]).newbyteorder("<"), dim[1] * dim[2] * dim[3], int(offset))
    voxels = voxels.astype(np.float32) * (slope or 1) + intercept
    return voxels.reshape(dim[3], dim[2], dim[1]), data[:int(offset)]


def write_labels(path, labels, header):
    """A label map under another image's header."""
    header = bytearray(header)
    struct.pack_into("<2h", header, 70, 2, 8)
    struct.pack_into("<2f", header, 112, 1, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(bytes(header) + np.ascontiguousarray(labels, np.uint8).tobytes(), mtime=0))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("output", type=Path, nargs="?")
    parser.add_argument("--scan", type=Path, nargs="+")
    for name in ("--preprocessed", "--like", "--properties", "--forward"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--case")
    parser.add_argument("--box", type=int, nargs=6, help="cut the scan first: from and to along z, y and x")
    parser.add_argument("--transpose", type=int, nargs=3, help="transpose_forward instead of the plans'")
    parser.add_argument("--folds", nargs="+", default=["0"])
    parser.add_argument("--step", type=float, default=0.5)
    parser.add_argument("--even", action="store_true", help="even weights instead of the Gaussian")
    parser.add_argument("--mirror", type=int, nargs="*", help="axes of the network, 0 the slowest; the checkpoint's unless given")
    parser.add_argument("--threads", type=int, default=2)
    o = parser.parse_args()
    start = time.perf_counter()
    torch.set_num_threads(o.threads)
    torch.set_grad_enabled(False)
    model = Model(o.model, o.folds)
    if o.transpose:
        model.forward, model.backward = o.transpose, np.argsort(o.transpose)
    if o.forward:
        recorded = np.load(o.forward)
        ours = model.networks[0](torch.from_numpy(recorded["input"])).numpy()
        print(f"largest difference of the network's outputs: {np.abs(ours - recorded['output']).max():.2e}")
        return

    if o.scan:
        channels, headers = zip(*(read_nifti(path) for path in o.scan))
        header = bytearray(headers[0])
        if o.box:
            z, y, x = (slice(a, b) for a, b in zip(o.box[::2], o.box[1::2]))
            channels = [channel[z, y, x] for channel in channels]
            struct.pack_into("<3h", header, 42, *channels[0].shape[::-1])
        image = model.normalise(np.stack(channels)).transpose(0, *(axis + 1 for axis in model.forward)).copy()
        box, shape, cropped = None, image.shape[1:], image.shape[1:]
    else:
        image = np.load(o.preprocessed)["data"]
        _, header = read_nifti(o.like)
        facts = json.loads(o.properties.read_text())["cases"][o.case]
        box = tuple(slice(a, b) for a, b in facts["bbox_used_for_cropping"])
        shape, cropped = facts["shape_before_cropping"], facts["shape_after_cropping_and_before_resampling"]
    logits = model.logits(torch.from_numpy(image), o.step, o.even, model.mirror if o.mirror is None else o.mirror)
    labels = model.decide(torch.from_numpy(resize(logits.numpy(), cropped)) if list(cropped) != list(logits.shape[1:]) else logits)
    whole = np.zeros(shape, np.uint8)
    whole[box or ...] = labels
    write_labels(o.output, whole.transpose(model.backward), header)
    print(f"{time.perf_counter() - start:.2f} s, {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB")


if __name__ == "__main__":
    main()
