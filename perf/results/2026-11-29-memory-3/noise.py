#!/usr/bin/env python3
"""Writes label maps of noise for the cases of large_scans.py: the worst case of surfaces and of runs.

    python3 noise.py FOLDER
"""
import os
import random
import sys

sys.path.insert(0, "perf/recipes")  # from the root of a checkout
import nifti
Z, Y, X = 600, 512, 512
os.makedirs(sys.argv[1], exist_ok=True)
draw = random.Random(2)
block = bytes(b % 5 for b in draw.randbytes(Y * X * 2))
nifti.write(os.path.join(sys.argv[1], "case_0.nii.gz"), (Z, Y, X), 2, 8, (block[z * 331 % (Y * X):][:Y * X] for z in range(Z)))
