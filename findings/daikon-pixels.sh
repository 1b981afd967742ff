#!/usr/bin/env bash
# daikon 1.2.46 (npm), reading what pydicom 3.0.2 (PyPI) wrote; Python 3.
#
# Expected by most: two readers of DICOM give the same numbers for an image, after the rescaling that its header asks
#   for.
# Seen: signed pixels of 12 bits in words of 16 keep their sign in daikon only if the writer has filled the upper bits
#   with it. An image of an odd number of bytes has a pixel more, the padding. MONOCHROME1, which says how to display,
#   changes the numbers: they are inverted before rescaling, and all negative ones become one. Output:
#     16 bits, signed: pydicom -1000,-1,0,1,1000, daikon the same
#     12 of 16 bits, signed: pydicom -1000,-1,0,1,1000, daikon 3096,4095,0,1,1000
#     8 bits, 3 pixels: pydicom 0,1,255, daikon 0,1,255,0
#     MONOCHROME1, 12 bits, intercept -1024: pydicom -1024,-1023,-24,3071, daikon 3071,3070,2071,-1024
#     MONOCHROME1, 16 bits, signed: pydicom -1000,-1,0,1,1000, daikon 32767,32767,32767,32766,31767
# Follows: cut to rows times columns, take the sign from BitsStored, and undo the inversion from the raw data, before
#   such images are training data beside others.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check pydicom==3.0.2 numpy==2.4.6
npm install --silent --no-audit --no-fund --ignore-scripts daikon@1.2.46
cat > run.cjs <<'JS'
const { readFileSync } = require('node:fs');
const { Series } = require('daikon');

const { buffer } = new Uint8Array(readFileSync('image.dcm'));
console.log(Series.parseImage(new DataView(buffer)).getInterpretedData().join());
JS
python/bin/python - <<'PY'
import subprocess

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_rescale
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid


def write(pixels, stored, signed, interpretation, intercept):
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = CTImageStorage
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = generate_uid()
    image.Rows, image.Columns, image.SamplesPerPixel = 1, len(pixels), 1
    image.PhotometricInterpretation = interpretation
    image.BitsAllocated, image.BitsStored, image.HighBit = 8 * pixels.itemsize, stored, stored - 1
    image.PixelRepresentation = int(signed)
    image.RescaleSlope, image.RescaleIntercept = 1, intercept
    image.add_new("PixelData", "OB" if pixels.itemsize == 1 else "OW", pixels.tobytes() + b"\0" * (pixels.nbytes % 2))
    image.save_as("image.dcm", enforce_file_format=True)


def check(title, pixels, stored, signed, expected, read=None, interpretation="MONOCHROME2", intercept=0):
    write(pixels, stored, signed, interpretation, intercept)
    image = dcmread("image.dcm")
    numbers = ",".join(str(int(value)) for value in apply_rescale(image.pixel_array, image).ravel())
    seen = subprocess.check_output(["node", "run.cjs"], text=True).strip()
    print(f"{title}: pydicom {numbers}, daikon {'the same' if seen == numbers else seen}")
    assert (numbers, seen) == (expected, read or expected), title


signed = np.array([-1000, -1, 0, 1, 1000], "<i2")
words = "-1000,-1,0,1,1000"
check("16 bits, signed", signed, 16, True, words)
check("12 of 16 bits, signed", signed & np.int16(0xFFF), 12, True, words, "3096,4095,0,1,1000")
check("8 bits, 3 pixels", np.array([0, 1, 255], "u1"), 8, False, "0,1,255", "0,1,255,0")
unsigned = np.array([0, 1, 1000, 4095], "<u2")
title = "MONOCHROME1, 12 bits, intercept -1024"
check(title, unsigned, 12, False, "-1024,-1023,-24,3071", "3071,3070,2071,-1024", "MONOCHROME1", -1024)
check("MONOCHROME1, 16 bits, signed", signed, 16, True, words, "32767,32767,32767,32766,31767", "MONOCHROME1")
PY
