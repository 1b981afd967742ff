#!/usr/bin/env bash
# pyedflib 0.1.42 (PyPI), EEG and other signals in EDF; numpy 2.4.6; Python 3.
#
# Expected by most: what is written in 16 bits comes back to half a step, 0 as 0; a missing value or one out of bounds
#   is refused or marked; as many samples as were written.
# Seen: a NaN becomes the least value of the range, a deep negative peak, and so does infinity. Bounds have 8 characters
#   in the file, and the minus takes one: -1234.56789 is cut to -1234.56, 1234.56789 to 1234.567, a warning, so all
#   samples are moved by 0.02. Even with round bounds 0 is half a step beside 0, as the range has no middle. What passes
#   the bounds is cut, and a recording is filled up to full seconds. Output (100 samples a second, bounds +-200):
#     0, 1, NaN, infinity, 500: 0.003, 0.998, -200, -200, 200
#     with bounds +-1234.56789: 0.022, 1.002, -1234.56, -1234.56, 499.989
#     150 samples: 200, the last 0.003
# Follows: choose bounds of up to 7 characters, and -32767 for the least digital value so that 0 is 0; replace NaN and
#   keep a mask beside; store the number of samples.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check pyedflib==0.1.42 numpy==2.4.6
python/bin/python -W ignore - <<'PY'
import numpy as np
import pyedflib


def stored(samples, bound, least=-32768):
    header = {"label": "a", "dimension": "uV", "sample_frequency": 100, "transducer": "", "prefilter": ""}
    header |= {"physical_min": -bound, "physical_max": bound, "digital_min": least, "digital_max": 32767}
    with pyedflib.EdfWriter("a.edf", 1, file_type=pyedflib.FILETYPE_EDFPLUS) as file:
        file.setSignalHeaders([header])
        file.writeSamples([np.array(samples, float)])
    with pyedflib.EdfReader("a.edf") as file:
        return file.readSignal(0)


def check(title, expected, *seen):
    text = ", ".join(str(value) for value in seen)
    print(f"{title}: {text}")
    assert text == expected, title


def text(values):
    return ", ".join(f"{value:.3f}".rstrip("0").rstrip(".") for value in values)


five = [0, 1, np.nan, np.inf, 500] * 20
check("0, 1, NaN, infinity, 500", "0.003, 0.998, -200, -200, 200", text(stored(five, 200)[:5]))
expected = "0.022, 1.002, -1234.56, -1234.56, 499.989"
check("with bounds +-1234.56789", expected, text(stored(five, 1234.56789)[:5]))
short = stored([1] * 150, 200)
check("150 samples", "200, the last 0.003", len(short), f"the last {text(short[-1:])}")
assert text(stored([0, 1] * 50, 200, -32767)[:1]) == "0"
PY
