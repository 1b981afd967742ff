#!/usr/bin/env bash
# jpeg-js 0.4.4 (npm), Pillow 13.0.0 with numpy 2.4.6 (PyPI).
#
# Expected by most: the standard leaves a decoder a rounding of 1, so two readers of one JPEG give the same image.
# Seen: they do where every pixel has its own colour (4:4:4; they differ by 2 at most). With colours at half the size
#   (4:2:0, which nearly every program writes unless asked), jpeg-js repeats a colour over its 2 x 2 pixels, where
#   libjpeg, behind Pillow, torchvision and OpenCV, interpolates: up to 8 of 255 on a smooth ramp. A grey JPEG comes
#   back from jpeg-js as three equal channels. Output:
#     4:4:4: differ by up to 2
#     4:2:0: differ by up to 8
#     grey, 32 x 24: 2304 values
# Follows: train and infer with images that one and the same library decoded, or convert them to PNG once.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts jpeg-js@0.4.4
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 pillow==13.0.0
venv/bin/python - <<'PY'
import numpy as np
from PIL import Image

y, x = np.mgrid[0:24, 0:32]
image = Image.fromarray(np.stack([x * 8, y * 10, (x + y) * 4], -1).astype("uint8"))
image.save("half.jpg", quality=90)
image.save("full.jpg", quality=90, subsampling=0)
image.convert("L").save("grey.jpg", quality=90)
for name in ("half", "full"):
    np.asarray(Image.open(f"{name}.jpg")).tofile(f"{name}.raw")
PY
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import jpeg from 'jpeg-js';

const decoded = (name) => jpeg.decode(readFileSync(`${name}.jpg`), { useTArray: true, formatAsRGBA: false }).data;
function difference(name) {
  const other = readFileSync(`${name}.raw`);
  return decoded(name).reduce((most, value, i) => Math.max(most, Math.abs(value - other[i])), 0);
}
console.log(`4:4:4: differ by up to ${difference('full')}`);
console.log(`4:2:0: differ by up to ${difference('half')}`);
console.log(`grey, 32 x 24: ${decoded('grey').length} values`);
assert.equal(difference('full'), 2);
assert.equal(difference('half'), 8);
assert.equal(decoded('grey').length, 3 * 32 * 24);
JS
node run.mjs
