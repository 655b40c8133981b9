#!/usr/bin/env python3
"""Runs a command and prints its peak resident and highest reserved private memory, GB, and its lines about memory.

    python3 measure.py NAME COMMAND ...
"""
import subprocess
import sys
import tempfile
import time

name, command = sys.argv[1], sys.argv[2:]
with tempfile.TemporaryFile("w+") as out:
    process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    peak = {"VmHWM": 0, "VmData": 0}
    while process.poll() is None:
        try:
            for line in open(f"/proc/{process.pid}/status"):
                key = line.split(":")[0]
                if key in peak:
                    peak[key] = max(peak[key], int(line.split()[1]) * 1024)
        except (OSError, ProcessLookupError):
            pass
        time.sleep(0.03)
    out.seek(0)
    text = out.read()
print(f"{name:26} rc {process.returncode}  resident {peak['VmHWM'] / 1e9:.3f}  reserved {peak['VmData'] / 1e9:.3f} GB")
for line in text.splitlines():
    if "memory" in line or line.startswith(("error", "hint")):
        print("  " + line.strip())
