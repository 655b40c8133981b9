#!/usr/bin/env python3
"""Runs a command and prints its peak resident memory (VmHWM), how much of that at the most was not of files (RssAnon + RssShmem), its highest
private address space (VmData), GB, its processor seconds, and its lines about memory.

    python3 perf/recipes/measure.py NAME COMMAND ...
"""
import os
import subprocess
import sys
import tempfile
import time

name, command = sys.argv[1], sys.argv[2:]
with tempfile.TemporaryFile("w+") as out:
    process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    peak = {"VmHWM": 0, "VmData": 0, "RssAnon": 0, "RssShmem": 0}
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        try:
            for line in open(f"/proc/{process.pid}/status"):
                key = line.split(":")[0]
                if key in peak:
                    peak[key] = max(peak[key], int(line.split()[1]) * 1024)
        except (OSError, ProcessLookupError):
            pass
        time.sleep(0.02)
    _, status, usage = os.wait4(process.pid, 0)
    out.seek(0)
    text = out.read()
high = max(peak["VmHWM"], usage.ru_maxrss * 1024)
print(f"{name:26} rc {os.waitstatus_to_exitcode(status)}  resident {high / 1e9:.3f}  anonymous {(peak['RssAnon'] + peak['RssShmem']) / 1e9:.3f}"
      f"  reserved {peak['VmData'] / 1e9:.3f} GB  processor {usage.ru_utime + usage.ru_stime:.1f} s")
for line in text.splitlines():
    if "memory" in line or line.startswith(("error", "hint", "warning")):
        print("  " + line.strip())
