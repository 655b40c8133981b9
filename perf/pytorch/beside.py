"""A whole prediction beside PyTorch: the same model and scan through `sharpseg predict` and through predict.py, in turns.

    beside.py SHARPSEG [--network hippocampus|large] [--size Z Y X] [--rounds N] [--threads N] [--mirror]

SHARPSEG is the command as words, e.g. ./sharpseg. Writes a model of nnU-Net's form with random weights and a random scan into a temporary folder,
imports the model, runs both programs in turns, each as a process of its own, and prints what every run took: seconds on the clock, seconds of
processor, highest resident memory. On a busy machine the processor's seconds say more than the clock's, and those of one thread more than those
of two, for PyTorch's threads wait for each other by counting. PyTorch's importing is part of its
run, as the runtime's start is of ours; nothing else is on either side. Debian's PyTorch needs OpenBLAS to be compared with (docs/performance.md).
"""
import argparse
import json
import os
import shlex
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from predict import read_nifti

# nnU-Net's plans of Hippocampus, and its usual network for large scans.
NETWORKS = {
    "hippocampus": ([40, 56, 40], [32, 64, 128, 256]),
    "large": ([128, 128, 128], [32, 64, 128, 256, 320, 320]),
}
CLASSES = 3


def weights(features):
    """Random weights under nnU-Net's names, of a scale that keeps activations alive."""
    generator = torch.Generator().manual_seed(1)
    tensors = {}

    def convolution(name, cout, cin, kernel, transposed=False):
        shape = (cin, cout, *[kernel] * 3) if transposed else (cout, cin, *[kernel] * 3)
        tensors[f"{name}.weight"] = torch.randn(shape, generator=generator) * (2 / (cin * kernel**3)) ** 0.5
        tensors[f"{name}.bias"] = torch.zeros(cout)

    def stack(name, cin, cout):
        for i in range(2):
            convolution(f"{name}.convs.{i}.conv", cout, cin if i == 0 else cout, 3)
            tensors[f"{name}.convs.{i}.norm.weight"] = torch.ones(cout)
            tensors[f"{name}.convs.{i}.norm.bias"] = 0.1 * torch.randn(cout, generator=generator)

    for s, f in enumerate(features):
        stack(f"encoder.stages.{s}.0", 1 if s == 0 else features[s - 1], f)
    for i, s in enumerate(reversed(range(len(features) - 1))):
        convolution(f"decoder.transpconvs.{i}", features[s], features[s + 1], 2, transposed=True)
        stack(f"decoder.stages.{i}", 2 * features[s], features[s])
        convolution(f"decoder.seg_layers.{i}", CLASSES, features[s], 1)
    return tensors


def write_model(folder, patch, features):
    stages = len(features)
    resampling = {f"resampling_fn_{kind}": "resample_data_or_seg_to_shape" for kind in ("data", "seg", "probabilities")}
    configuration = {
        "data_identifier": "x", "preprocessor_name": "DefaultPreprocessor", "batch_size": 2, "patch_size": patch, "spacing": [1, 1, 1],
        "normalization_schemes": ["ZScoreNormalization"], "use_mask_for_norm": [False], **resampling,
        "architecture": {"network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet", "arch_kwargs": {
            "n_stages": stages, "features_per_stage": features, "conv_op": "torch.nn.Conv3d", "kernel_sizes": [[3] * 3] * stages,
            "strides": [[1] * 3] + [[2] * 3] * (stages - 1), "n_conv_per_stage": [2] * stages, "n_conv_per_stage_decoder": [2] * (stages - 1),
            "conv_bias": True, "norm_op": "torch.nn.InstanceNorm3d", "norm_op_kwargs": {"eps": 1e-5, "affine": True},
            "dropout_op": None, "dropout_op_kwargs": None, "nonlin": "torch.nn.LeakyReLU", "nonlin_kwargs": {"inplace": True}}}}
    intensities = dict.fromkeys(("max", "mean", "median", "min", "percentile_00_5", "percentile_99_5", "std"), 1)
    (folder / "fold_0").mkdir(parents=True)
    (folder / "plans.json").write_text(json.dumps({
        "dataset_name": "Random", "plans_name": "nnUNetPlans", "image_reader_writer": "SimpleITKIO", "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2], "configurations": {"3d_fullres": configuration},
        "foreground_intensity_properties_per_channel": {"0": intensities}}))
    (folder / "dataset.json").write_text(json.dumps({
        "channel_names": {"0": "MR"}, "labels": {"background": 0, "a": 1, "b": 2}, "numTraining": 1, "file_ending": ".nii"}))
    torch.save({
        "network_weights": weights(features), "init_args": {"configuration": "3d_fullres"}, "trainer_name": "Random",
        "inference_allowed_mirroring_axes": (0, 1, 2)}, folder / "fold_0" / "checkpoint_final.pth")


def write_scan(path, size):
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, *reversed(size), 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 16, 32)
    struct.pack_into("<8f", header, 76, 1, 1, 1, 1, 1, 1, 1, 1)
    struct.pack_into("<3f", header, 108, 352, 1, 0)
    struct.pack_into("<2h", header, 252, 0, 1)
    struct.pack_into("<12f", header, 280, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)
    header[344:348] = b"n+1\0"
    coarse = torch.rand(1, 1, *[max(2, n // 8) for n in size], generator=torch.Generator().manual_seed(2))
    smooth = torch.nn.functional.interpolate(coarse, size, mode="trilinear")[0, 0].numpy()
    path.write_bytes(bytes(header) + (1 + 100 * smooth).astype("<f4").tobytes())


def run(command):
    """Seconds on the clock, of processor, and the highest resident bytes."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{shlex.join(map(str, command))}: {errors.decode()}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sharpseg")
    parser.add_argument("--network", choices=NETWORKS, default="hippocampus")
    parser.add_argument("--size", type=int, nargs=3, default=[80, 96, 80])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", default="2")
    parser.add_argument("--mirror", action="store_true", help="all eight views")
    o = parser.parse_args()
    patch, features = NETWORKS[o.network]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_model(folder / "model", patch, features)
        write_scan(folder / "scan.nii", o.size)
        sharpseg = shlex.split(o.sharpseg)
        run([*sharpseg, "import", folder / "model", "-o", folder / "model.zip"])
        ours = [*sharpseg, "predict", folder / "model.zip", "-i", folder / "scan.nii", "-o", folder / "ours.nii", "--device", "cpu",
                "--threads", o.threads, *([] if o.mirror else ["--no-tta"])]
        theirs = [sys.executable, Path(__file__).with_name("predict.py"), folder / "model", folder / "theirs.nii.gz", "--scan",
                  folder / "scan.nii", "--threads", o.threads, *([] if o.mirror else ["--mirror"])]
        results = {"sharpseg": [], "PyTorch": []}
        for _ in range(o.rounds):
            (folder / "ours.nii").unlink(missing_ok=True)
            for name, command in (("sharpseg", ours), ("PyTorch", theirs)):
                results[name].append(run(command))
                clock, processor, memory = results[name][-1]
                print(f"{name:9} {clock:8.1f} s {processor:8.1f} s of processor {memory / 1e9:6.2f} GB   load {os.getloadavg()[0]:.0f}", flush=True)
        ratios = [statistics.median(r[i] for r in results["PyTorch"]) / statistics.median(r[i] for r in results["sharpseg"]) for i in range(3)]
        print("PyTorch by sharpseg, medians: {:.1f} on the clock, {:.1f} of processor, {:.1f} in memory".format(*ratios))
        a, b = read_nifti(folder / "ours.nii")[0], read_nifti(folder / "theirs.nii.gz")[0]
        print(f"{(a != b).sum()} of {a.size} voxels differ; classes {np.unique(a).astype(int).tolist()}")


if __name__ == "__main__":
    main()
