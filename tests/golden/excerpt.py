#!/usr/bin/env python3
"""Cuts the small golden files of this folder out of the whole collection (nnU-Net's answers; too large for the repository).

    tests/golden/excerpt.py GOLDEN_FOLDER

An excerpt lies under the same path as its source and has the same structure, so that a test reads whichever is there: the whole file
where the collection is, else the excerpt. Of a list, the smallest entry of every kind is kept; values are never changed. Nothing of the
Hippocampus images is copied. Needs Python 3 alone; the same source gives the same bytes.
"""
import json
import pathlib
import shutil
import sys
import zipfile

TARGET = pathlib.Path(__file__).resolve().parent
EPOCH = (1980, 1, 1, 0, 0, 0)  # of every entry of an archive: the same source gives the same bytes


def smallest_of_each(entries, kind):
    """The entry with the shortest text for every kind, in the order of the source."""
    best = {}
    for index, entry in enumerate(entries):
        size = len(json.dumps(entry))
        key = json.dumps(kind(entry))
        if key not in best or size < best[key][0]:
            best[key] = (size, index)
    return [entries[index] for index in sorted(index for _, index in best.values())]


def axes(array):
    return len(array["shape"]) if isinstance(array, dict) and "shape" in array else 0


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = value if isinstance(value, list) else None
    text = "[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]" if rows else json.dumps(value, separators=(",", ":"))
    path.write_text(text + "\n")


def excerpt_json(source, name, choose):
    write_json(TARGET / name, choose(json.loads((source / name).read_text())))


def excerpt_npz(source, name, wanted):
    """Chosen arrays of a .npz, byte for byte."""
    (TARGET / name).parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(source / name) as whole, zipfile.ZipFile(TARGET / name, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as part:
        for entry in whole.namelist():
            if wanted(entry.removesuffix(".npy")):
                part.writestr(zipfile.ZipInfo(entry, EPOCH), whole.read(entry), zipfile.ZIP_DEFLATED, 9)


def copy(source, *names):
    for name in names:
        (TARGET / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, TARGET / name)


AUGMENTATION_KINDS = {
    "DownsampleSegForDS": lambda e: axes(e["seg"]),
    "Gamma": lambda e: [e["invert"], e["retain_stats"]],
    "Contrast": lambda e: e["preserve_range"],
    "Brightness": lambda e: axes(e["in"]),
    "SimulateLowRes": lambda e: axes(e["in"]),
    "Spatial(rotation,scaling;seg per-label bilinear, pad -1)": lambda e: [axes(e["in"]), axes(e["in"]) == 3 and e["scale"] != 1],
    "GaussianBlur": lambda e: 0,
}

# Of the planner's 40 data sets: cascade, 2D, isotropic, a single case, coarse last axis, regions and ignore label, random ones.
PLANNER_IDS = {
    "MSD02_Heart", "Natural2D_rgb01_var", "EM_iso_large", "SingleCase", "AnisoAxis2", "Regions_ignore",
    "rand08", "rand11", "rand20", "rand27", "rand36"}

# What plans say of PyTorch and of names, not of numbers: half of the file.
PLANNER_WORDS = {
    "dataset_name", "plans_name", "image_reader_writer", "data_identifier", "preprocessor_name", "conv_op", "conv_bias", "norm_op",
    "norm_op_kwargs", "dropout_op", "dropout_op_kwargs", "nonlin", "nonlin_kwargs", "_kw_requires_import", "experiment_planner_used",
    "label_manager"}


def without_words(value):
    if isinstance(value, dict):
        return {k: without_words(v) for k, v in value.items() if k not in PLANNER_WORDS and not k.startswith("resampling_fn_")}
    return [without_words(v) for v in value] if isinstance(value, list) else value



def main(source):
    excerpt_json(source, "functions/augmentation.json", lambda a: {
        section: smallest_of_each(a[section], kind) for section, kind in AUGMENTATION_KINDS.items()})
    excerpt_json(source, "functions/crop_to_nonzero.json", lambda l: smallest_of_each(
        l, lambda e: [e["seg"] is None, e["data"]["shape"][0]]))
    excerpt_json(source, "functions/deep_supervision.json", lambda l: [
        e for e in l if len(json.dumps(e)) < 6000])
    excerpt_json(source, "functions/largest_component.json", lambda l: smallest_of_each(
        l, lambda e: axes(e["segmentation"]) if "segmentation" in e else sorted(e)))
    excerpt_json(source, "functions/losses.json", lambda l: smallest_of_each(
        l, lambda e: [e["name"].removeprefix("v1.").removeprefix("v2."), e.get("batch_dice"), e.get("do_bg")]))
    excerpt_json(source, "functions/network_params.json", lambda l: smallest_of_each(
        l, lambda e: [e["class"], e["configuration"], e["in"] > 1]))
    excerpt_json(source, "functions/normalization.json", lambda l: smallest_of_each(
        l, lambda e: [e["scheme"], e["use_mask"], "assertion" in e]))
    excerpt_json(source, "functions/polylr.json", lambda d: {"50": d["50"]})
    excerpt_json(source, "functions/resample_data_or_seg.json", lambda l: smallest_of_each(
        l, lambda e: [e["is_seg"], e["order"], e["do_separate_z"], e["axis"], e["order_z"]]))
    excerpt_json(source, "functions/state_dict_keys.json", lambda d: {
        network: {k: v for k, v in keys.items() if "all_modules" not in k and not k.startswith("decoder.encoder")}
        for network, keys in d.items() if network != "nnUNetResEncUNetMPlans:2d"})
    excerpt_npz(source, "functions/gaussian.npz", lambda n: any(size in n for size in ("_28x20_", "_5x7x9_", "_8x12x10_")))
    copy(source, *(f"functions/{name}" for name in (
        "crossval_splits.json", "initial_patch_size.json", "label_handling.json", "metrics.json", "pool_and_conv_props.json",
        "resample_decisions.json", "sliding_window_steps.json", "trainstep_2d.npz", "trainstep_meta.json")))

    rows = [json.loads(line) for line in (source / "planner_v2.jsonl").read_text().splitlines()]
    (TARGET / "planner_v2.jsonl").write_text("".join(
        json.dumps(row | {"runs": without_words(row["runs"])}, separators=(",", ":")) + "\n" for row in rows if row["id"] in PLANNER_IDS))
    copy(source, "hippocampus/dataset_fingerprint.json", "hippocampus/nnUNetPlans.json", "hippocampus/nnUNetResEncUNetMPlans.json")

    # Synthetic image sets: 702 (MR, zero background, regions, ignore) and 703 (RGB) whole, of 701 (anisotropic CT) one case.
    for name, chosen in (("Dataset701_SynCT", "ct_3"), ("Dataset702_SynMR", "mr_0"), ("Dataset703_Syn2D", "im_")):
        folder = source / "synthetic" / name
        files = [*folder.glob("*.json"), folder / "preprocessed/meta.json", *folder.glob(f"preprocessed/{chosen}*.npz")]
        files += [f for kind in ("imagesTr", "labelsTr") for f in folder.glob(f"{kind}/{'ct_3' if chosen == 'ct_3' else ''}*")]
        copy(source, *sorted(str(f.relative_to(source)) for f in files if chosen == "im_" or not ("__2d" in f.name or "__noseg" in f.name)))

    # A network that nnU-Net trained with regions and an ignore label, and its predictor's answers for one cropped case.
    model = "predict/mr_3d_regions_ignore"
    copy(source, *(f"{model}/{name}" for name in (
        "meta.json", "model/dataset.json", "model/plans.json", "model/fold_0/checkpoint_final.pth", "mr_0__preprocessed.npz",
        "mr_0__mirror__logits.npz", "mr_0__mirror__prob.npz", "mr_0__mirror__seg.nii.gz")))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
