#!/usr/bin/env python3
"""Trains one fold with several recipes, by iterations and not by time, so that other work may run beside them, and compares the
Dice of the same validation cases, in pairs.

    python3 perf/recipes/compare.py QUEUE RESULTS --data DATASET --work FOLDER [--sharpseg "COMMAND"]

QUEUE is a JSON list of experiments, read again after each of them, so that more may be added meanwhile:

    {"name": "momentum-95", "seed": 12345, "epochs": 50, "iterations": 34, "batch": 2, "configuration": "3d_fullres",
     "recipe": {"momentum": 0.95}, "options": ["--augmentation", "no-mirroring"], "against": "published"}

"recipe" is the file of `train --recipe` (docs/method/budget.md), "options" and "plan_options" go to `train` and `plan`, "features",
channels per stage, replaces what the plan says, "against" is the experiment that it is compared with. Each trains in a plan of its own.
RESULTS, a JSON list, gets an entry per experiment; what it holds is not trained again.
"""
import argparse
import json
import os
import shlex
import subprocess
import time


def run_folder(work, name, configuration):
    return os.path.join(work, "plans", name, "runs", configuration, "fold_0")


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
        with open(arguments.results + ".part", "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
            file.write("\n")
        os.replace(arguments.results + ".part", arguments.results)


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def set_features(path, configuration, features):
    plans = read(path)
    plans["configurations"][configuration]["architecture"]["arch_kwargs"]["features_per_stage"] = features
    with open(path, "w", encoding="utf-8") as file:
        json.dump(plans, file, indent=1)


def run(program, experiment, data, work):
    name, configuration = experiment["name"], experiment.get("configuration", "3d_fullres")
    subprocess.run([*program, "plan", data, "-o", work, "--plan", name, "--quiet", *experiment.get("plan_options", [])],
                   check=True, stdout=subprocess.DEVNULL)
    if experiment.get("features"):
        set_features(os.path.join(work, "plans", name + ".json"), configuration, experiment["features"])
    subprocess.run([*program, "preprocess", work, "--plan", name, "-c", configuration, "--quiet"], check=True)
    words = ["train", work, "--plan", name, "-c", configuration, "-f", "0", "--seed", str(experiment.get("seed", 12345)),
             "--epochs", str(experiment["epochs"]), "--iterations", str(experiment["iterations"]),
             "--batch", str(experiment["batch"]), "--threads", "1", *experiment.get("options", [])]
    if experiment.get("recipe"):
        path = os.path.join(work, name + ".json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(experiment["recipe"], file)
        words += ["--recipe", path]
    begin, used = time.time(), os.times()
    subprocess.run([*program, *words, "--json"], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    with open(os.path.join(run_folder(work, name, configuration), "run.json"), encoding="utf-8") as file:
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
            [*program, "compare", run_folder(work, experiment["against"], configuration),
             run_folder(work, name, configuration), "--json"], check=True, capture_output=True, text=True)
        entry["comparison"] = json.loads(answer.stdout.splitlines()[-1])
    print(json.dumps({key: value for key, value in entry.items() if key != "comparison"}), flush=True)
    return entry


if __name__ == "__main__":
    main()
