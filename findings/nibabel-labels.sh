#!/usr/bin/env bash
# nibabel 5.4.2 (PyPI) and nifti-reader-js 0.8.0 (npm); Python 3.
#
# Expected by most: saving integer labels to an image of bytes keeps those below 256, and for greater ones raises, clips
#   or wraps; a missing value can't be saved in an integer image.
# Seen: as soon as one label is too great, all are scaled to the range of a byte, without a word, and come back as
#   floats near them: of 0, 3, 4, 5, 300 the labels 3 and 4 are one. It takes no more than the header of another image.
#   NaN becomes 0 and infinity the greatest value. The reader for pages gives the bytes as they lie, and whoever does
#   not apply the header's slope has yet other labels. Output:
#     labels 0,3,4,5,200: 0,3,4,5,200 (uint8); bytes in JavaScript 0,3,4,5,200
#     labels 0,3,4,5,300: 0,3.529,3.529,4.706,300 (float64); bytes in JavaScript 0,3,3,4,255
#     labels 0,3,4,5,-1: 0,3,4,5,-1 (float64); bytes in JavaScript 1,4,5,6,0
#     floats NaN,1,2,inf: 0,0.9961,2,2 (float64)
# Follows: set the type from the data (img.set_data_dtype(labels.dtype)), look at the header's slope after saving, and
#   round before comparing labels.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check nibabel==5.4.2 numpy==2.4.6
npm install --silent --no-audit --no-fund --ignore-scripts nifti-reader-js@0.8.0
cat > run.mjs <<'JS'
import { readFileSync } from 'node:fs';
import * as nifti from 'nifti-reader-js';

const { buffer } = new Uint8Array(readFileSync(process.argv[2]));
console.log(new Uint8Array(nifti.readImage(nifti.readHeader(buffer), buffer)).join());
JS
python/bin/python -W ignore - <<'PY'
import subprocess

import nibabel
import numpy as np

reference = nibabel.Nifti1Image(np.zeros((5, 1, 1), np.uint8), np.eye(4))


def save(values):
    image = nibabel.Nifti1Image(values.reshape(-1, 1, 1), np.eye(4), header=reference.header)
    nibabel.save(image, "image.nii")
    array = np.asarray(nibabel.load("image.nii").dataobj).ravel()
    return f"{','.join(f'{value:.4g}' for value in array)} ({array.dtype})"


def check(labels, expected, raw):
    seen = save(np.array(labels, np.int16))
    read = subprocess.check_output(["node", "run.mjs", "image.nii"], text=True).strip()
    print(f"labels {','.join(map(str, labels))}: {seen}; bytes in JavaScript {read}")
    assert (seen, read) == (expected, raw)


check([0, 3, 4, 5, 200], "0,3,4,5,200 (uint8)", "0,3,4,5,200")
check([0, 3, 4, 5, 300], "0,3.529,3.529,4.706,300 (float64)", "0,3,3,4,255")
check([0, 3, 4, 5, -1], "0,3,4,5,-1 (float64)", "1,4,5,6,0")
seen = save(np.array([np.nan, 1, 2, np.inf]))
print(f"floats NaN,1,2,inf: {seen}")
assert seen == "0,0.9961,2,2 (float64)"
PY
