#!/usr/bin/env python3
"""Trains a fold with several recipes, by iterations and not by time, so that other work may run beside them, and compares the
Dice of the same validation cases, in pairs.

    python3 perf/recipes/compare.py QUEUE RESULTS --data DATASET --work FOLDER [--sharpseg "COMMAND"]

QUEUE is a JSON list of experiments, read again after each of them, so that more may be added meanwhile:

    {"name": "momentum-95", "seed": 12345, "epochs": 50, "iterations": 34, "batch": 2, "configuration": "3d_fullres",
     "fold": 0, "recipe": {"momentum": 0.95}, "options": ["--augmentation", "no-mirroring"], "against": "published"}

"recipe" is the file of `train --recipe` (docs/method/budget.md), "options" and "plan_options" go to `train` and `plan`, "features",
channels per stage, replaces what the plan says, "against" is the experiment that it is compared with. Each trains in a plan of its own.
RESULTS, a JSON list, gets an entry per experiment; what it holds is not trained again. One that was interrupted goes on where it was
when this is started again, if the queue still describes it as it did; its seconds are then those of the rest.
"""
import argparse
import json
import os
import shlex
import subprocess
import sys
import time


def run_folder(work, name, configuration, fold):
    return os.path.join(work, "plans", name, "runs", configuration, f"fold_{fold}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("queue")
    parser.add_argument("results")
    parser.add_argument("--data", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--sharpseg", default="./sharpseg")
    arguments = parser.parse_args()
    program = shlex.split(arguments.sharpseg)
    while True:
        results = read(arguments.results) if os.path.exists(arguments.results) else []
        done = {entry["name"] for entry in results}
        left = [entry for entry in read(arguments.queue) if entry["name"] not in done]
        if not left:
            return
        results.append(run(program, left[0], arguments.data, arguments.work))
        os.makedirs(os.path.dirname(os.path.abspath(arguments.results)), exist_ok=True)
        write(arguments.results, results)


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def write(path, value):
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)
        file.write("\n")
    os.replace(path + ".part", path)


def set_features(path, configuration, features):
    plans = read(path)
    plans["configurations"][configuration]["architecture"]["arch_kwargs"]["features_per_stage"] = features
    write(path, plans)


def run(program, experiment, data, work):
    name, configuration, fold = experiment["name"], experiment.get("configuration", "3d_fullres"), experiment.get("fold", 0)
    plans, begun = os.path.join(work, "plans", name + ".json"), os.path.join(work, name + ".experiment.json")
    if os.path.exists(begun) and read(begun) != experiment:
        sys.exit(f"error: {begun}: `{name}` was begun as another experiment; give this one another name")
    os.makedirs(work, exist_ok=True)
    write(begun, experiment)
    if not os.path.exists(plans):
        subprocess.run([*program, "plan", data, "-o", work, "--plan", name, "--quiet", *experiment.get("plan_options", [])],
                       check=True, stdout=subprocess.DEVNULL)
    if experiment.get("features"):
        set_features(plans, configuration, experiment["features"])
    subprocess.run([*program, "preprocess", work, "--plan", name, "-c", configuration, "--quiet"], check=True)
    words = ["train", work, "--plan", name, "-c", configuration, "-f", str(fold), "--resume",
             "--seed", str(experiment.get("seed", 12345)), "--epochs", str(experiment["epochs"]), "--iterations",
             str(experiment["iterations"]), "--batch", str(experiment["batch"]), "--threads", "1", *experiment.get("options", [])]
    if experiment.get("recipe"):
        path = os.path.join(work, name + ".json")
        write(path, experiment["recipe"])
        words += ["--recipe", path]
    begin, used = time.time(), os.times()
    subprocess.run([*program, *words, "--json"], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    with open(os.path.join(run_folder(work, name, configuration, fold), "run.json"), encoding="utf-8") as file:
        session = json.load(file)["sessions"][-1]
    entry = {
        **experiment, "ended": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": session["commit"], "iterations_done": session["iterations"],
        "mean_foreground_dice": session["mean_foreground_dice"],
        "wall_seconds": round(time.time() - begin), "training_wall_seconds": round(session["training_seconds"]),
        "processor_seconds": round(after[2] + after[3] - used[2] - used[3]), "load": os.getloadavg()[1],
    }
    if experiment.get("against"):
        answer = subprocess.run(
            [*program, "compare", run_folder(work, experiment["against"], configuration, fold),
             run_folder(work, name, configuration, fold), "--json"], check=True, capture_output=True, text=True)
        entry["comparison"] = json.loads(answer.stdout.splitlines()[-1])
    print(json.dumps({key: value for key, value in entry.items() if key != "comparison"}), flush=True)
    return entry


if __name__ == "__main__":
    main()
