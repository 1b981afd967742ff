#!/usr/bin/env bash
# lightphe 0.0.27 (PyPI); Python 3.
#
# Expected by most: an encrypted tensor holds decimals to a few digits, so times 0.3 is 0.3, and a sum of numbers of
#   both signs is right or an error.
# Seen: constants are cut, not rounded, to as many digits as their text has, and 0.3 as a float is a little less than
#   0.3: times 0.3 is times 0.2, times 0.7 is times 0.6. A number smaller than 0.00001 becomes 0. Where a product has
#   more digits than the tensor, it is a number of 70 digits, as is a sum with a negative result (a warning says that
#   its sign cannot be known). Output:
#     0.29, 0.57 encrypted and decrypted: 0.28999, 0.56999
#     1, 2 times 0.3: 0.2, 0.4
#     1, 2 times 0.7: 0.6, 1.2
#     1, 2 times 0.1: 0.1, 0.2
#     0.000015, 0.000004: 1e-05, 0.0
#     1.00001 times 0.5: more than 1e60
#     0.5 minus 1.5, as 0.5 plus -1.5: more than 1e60
# Follows: scale to integers yourself, with rounding, and keep signs as residues, or use a library that does.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check lightphe==0.0.27
python/bin/python -W ignore - 2> errors <<'PY' || { cat errors; exit 1; }
import os
import sys

from lightphe import LightPHE

out = sys.stdout
sys.stdout = open(os.devnull, "w")
scheme = LightPHE(algorithm_name="Paillier", key_size=256)


def check(title, tensor, expected):
    values = scheme.decrypt(tensor)
    seen = ", ".join("more than 1e60" if value > 1e60 else str(value) for value in values)
    print(f"{title}: {seen}", file=out)
    assert seen == expected, (title, seen)


def encrypt(*values):
    return scheme.encrypt(list(values))


check("0.29, 0.57 encrypted and decrypted", encrypt(0.29, 0.57), "0.28999, 0.56999")
check("1, 2 times 0.3", encrypt(1.0, 2.0) * 0.3, "0.2, 0.4")
check("1, 2 times 0.7", encrypt(1.0, 2.0) * 0.7, "0.6, 1.2")
check("1, 2 times 0.1", encrypt(1.0, 2.0) * 0.1, "0.1, 0.2")
check("0.000015, 0.000004", encrypt(0.000015, 0.000004), "1e-05, 0.0")
check("1.00001 times 0.5", encrypt(1.00001) * 0.5, "more than 1e60")
check("0.5 minus 1.5, as 0.5 plus -1.5", encrypt(0.5) + encrypt(-1.5), "more than 1e60")
PY
