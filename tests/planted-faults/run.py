#!/usr/bin/env python3
"""Plants the faults of faults.json one by one and runs the tests that must catch them.

    tests/planted-faults/run.py [WORD …] [--table FILE] [--built FOLDER]
        only faults whose name contains a WORD; the table as Markdown; begin with a checkout whose tests are built (Release), which
        saves minutes, instead of the committed sources

Works on a copy of the committed sources in the temporary folder, without the folder of golden values: what lies in the repository must
suffice. However it ends, SIGKILL included, what it started ends with it and the copy is deleted. Fails if a fault is not caught, if its text is not found exactly once, if the changed sources do not build, or if its tests are
red or missing without it. Needs Python 3 and the .NET SDK alone.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LIMIT = 900  # seconds for one build or one test run

# Runs a command in a process group of its own, which ends with the command (a build has children of its own), after LIMIT, or when
# the runner does, whose death closes the standard input; the copy of a dead runner is deleted as well.
GUARD = """
import os, shutil, signal, subprocess, sys, threading
copy, limit, *command = sys.argv[1:]
signal.signal(signal.SIGINT, signal.SIG_IGN)
child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

def end():
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass

dead = threading.Event()

def watch():
    sys.stdin.read()
    dead.set()
    end()
    shutil.rmtree(copy, ignore_errors=True)
    os._exit(1)

watcher = threading.Thread(target=watch, daemon=True)
watcher.start()
try:
    code = child.wait(int(limit))
except subprocess.TimeoutExpired:
    code = 124
end()
if dead.is_set():
    watcher.join()
os._exit(code & 255)
"""


def run(command, folder):
    environment = os.environ | {"SHARPSEG_SHARED": str(folder / "none"), "DOTNET_NOLOGO": "1", "DOTNET_CLI_TELEMETRY_OPTOUT": "1"}
    with tempfile.TemporaryFile("w+") as said:    # a file, since what outlives its parent would hold a pipe open
        with subprocess.Popen([sys.executable, "-c", GUARD, str(folder), str(LIMIT), *command], cwd=folder, env=environment,
                              stdin=subprocess.PIPE, stdout=said, stderr=subprocess.STDOUT) as guard:
            code = guard.wait()                   # not communicate(), which closes the standard input at once
        said.seek(0)
        if code == 124:
            raise TimeoutError(f"more than {LIMIT} seconds: {' '.join(command[:3])}")
        return subprocess.CompletedProcess(command, code, said.read())


def build(path, copy, *more):
    command = ["dotnet", "build", path, "-c", "Release", "-v", "quiet", "--nologo", "--disable-build-servers", "-m:1", *more]
    result = run(command, copy)
    if "MSB4166" in result.stdout:                # a build process died: a full machine, not a fault
        result = run(command, copy)
    errors = sorted(set(re.findall(r"error .*", result.stdout)))
    return "" if result.returncode == 0 else "\n".join(errors[:3]) or result.stdout[-500:]


def test(project, names, copy):
    """(passed, failed) of the tests of one class or more."""
    dll = next((copy / "tests" / project / "bin" / "Release").glob("*/SharpSeg.*.Tests.dll"))
    result = run(["dotnet", "test", str(dll), "--nologo", "--filter", f"FullyQualifiedName~{names}"], copy)
    counts = re.search(r"Failed: *(\d+), Passed: *(\d+)", result.stdout)
    return (int(counts[2]), int(counts[1])) if counts else (0, 0)


def assemblies(fault, copy):
    """The projects whose sources a fault changes, each with the assembly beside the tests that a build of it replaces."""
    for project in sorted({next(folder.glob("*.csproj")) for edit in fault["edits"] for folder in (copy / edit["file"]).parents
                           if copy in folder.parents and any(folder.glob("*.csproj"))}):
        name = f"{project.stem}.dll"
        yield project, next(project.parent.glob(f"bin/Release/*/{name}")), next(
            (copy / "tests" / fault["project"] / "bin" / "Release").glob(f"*/{name}"))


def try_planted(fault, copy):
    """(complaint of the build, passed, failed) with the fault in place.

    The changed assemblies alone are built and put beside the tests, which takes a tenth of the time. Constants that other assemblies
    have taken over keep their value then, so what is not caught is built whole and tried again.
    """
    changed = list(assemblies(fault, copy))
    sound = [there.read_bytes() for _, _, there in changed]
    try:
        for project, built, there in changed:
            if complaint := build(str(project), copy, "--no-dependencies", "--no-restore", "-p:RunAnalyzers=false"):
                return complaint, 0, 0
            shutil.copyfile(built, there)
        passed, failed = test(fault["project"], fault["tests"], copy)
        if not failed:
            complaint = build(f"tests/{fault['project']}", copy)
            passed, failed = (0, 0) if complaint else test(fault["project"], fault["tests"], copy)
            return complaint, passed, failed
        return "", passed, failed
    finally:
        for (_, _, there), content in zip(changed, sound):
            there.write_bytes(content)


def plant(fault, copy):
    """Applies the edits; returns what was there before."""
    before = {}
    for edit in fault["edits"]:
        path = copy / edit["file"]
        text = path.read_text()
        before.setdefault(path, text)
        if text.count(edit["text"]) != 1:
            raise SystemExit(f"error: `{fault['fault']}`: {edit['file']} has the text {text.count(edit['text'])} times: {edit['text']!r}")
        path.write_text(text.replace(edit["text"], edit["becomes"]))
    return before


def restore(before):
    for path, text in before.items():
        path.write_text(text)


def copy_built(checkout, copy):
    """A built checkout elsewhere: what the build noted about its own folder names the copy."""
    subprocess.run(["cp", "-a", f"{checkout}/.", str(copy)], check=True)
    shutil.rmtree(copy / ".git", ignore_errors=True)
    (copy / ".git").unlink(missing_ok=True)
    for path in copy.glob("**/obj/*"):
        if path.suffix in (".json", ".props", ".targets"):
            stat, text = path.stat(), path.read_text()
            path.write_text(text.replace(str(checkout), str(copy)))
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def main(words, table, built):
    faults = [f for f in json.loads((HERE / "faults.json").read_text()) if not words or any(w in f["fault"] for w in words)]
    if not faults:
        raise SystemExit("error: no fault has such a name")
    copy = pathlib.Path(tempfile.mkdtemp(prefix="sharpseg-faults-"))
    try:
        if built:
            copy_built(pathlib.Path(built).resolve(), copy)
        else:
            archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
            subprocess.run(["tar", "-x"], cwd=copy, input=archive, check=True)
        for fault in faults:                      # a fault that no longer fits is told before anything is built
            restore(plant(fault, copy))

        for project in sorted({f["project"] for f in faults}):
            if not built and (complaint := build(f"tests/{project}", copy)):
                raise SystemExit(f"error: tests/{project} does not build: {complaint}")
            names = "|FullyQualifiedName~".join(sorted({f["tests"] for f in faults if f["project"] == project}))
            passed, failed = test(project, names, copy)
            if failed or not passed:
                raise SystemExit(f"error: without a fault, {failed} of {passed + failed} tests fail: {project}, {names}")

        rows, missed = [], 0
        for fault in faults:
            begin = time.monotonic()
            before = plant(fault, copy)
            try:
                complaint, passed, failed = try_planted(fault, copy)
            except TimeoutError as late:
                complaint, passed, failed = str(late), 0, 0
            restore(before)
            verdict = "did not run" if complaint else f"caught by {failed} of {passed + failed}" if failed else "NOT CAUGHT"
            missed += failed == 0
            rows.append(f"| {fault['fault']} | {fault['edits'][0]['file']} | {fault['tests'].replace('|FullyQualifiedName~', ', ')} | {verdict} |")
            print(f"{verdict:22} {time.monotonic() - begin:5.0f} s  {fault['fault']}{': ' + complaint if complaint else ''}", flush=True)
            if table:
                pathlib.Path(table).write_text("| fault | where | tests | result |\n|---|---|---|---|\n" + "\n".join(rows) + "\n")
        print(f"{len(faults) - missed} of {len(faults)} faults caught")
        return 1 if missed else 0
    finally:
        shutil.rmtree(copy, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs="*")
    parser.add_argument("--table")
    parser.add_argument("--built")
    given = parser.parse_args()
    sys.exit(main(given.words, given.table, given.built))
