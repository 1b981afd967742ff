#!/usr/bin/env bash
# liac-arff 2.5.0, beside scipy 1.17.1 (PyPI), reading and writing ARFF, the format of Weka and OpenML; Python 3.
#
# Expected by most: an integer attribute holds integers or the reader complains; missing, empty and the text ? are three
#   things that a round trip keeps apart, as quotes are there for it; a sparse row leaves out zeros.
# Seen: 3.7 in an integer attribute becomes 3, where scipy reads 3.7, 2^53 + 1 is rounded, and nan is a text there,
#   while it is a number in a real attribute. An empty text, the text ? and NaN are all written as the mark of a missing
#   value. In sparse rows the first name of a nominal attribute is left out, too, so it is no class among the values.
#   Output:
#     INTEGER 3.7, -3.7, 9007199254740993, nan: 3, -3, 9007199254740992, 'nan'
#     REAL 3.7, nan: 3.7, nan
#     scipy, INTEGER 3.7: 3.7
#     texts '', '?', 'None' and number NaN after a round trip: None, None, 'None', None
#     sparse rows of x or y, as lists: ['x', 'y', 'x'], as positions: {}, {0: 'y'}, {}
# Follows: declare REAL unless each value is an integer, replace empty texts before writing, and let the first name of
#   a sparse nominal attribute be one that no sample has.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check liac-arff==2.5.0 scipy==1.17.1 numpy==2.4.6
python/bin/python - <<'PY'
import io

import arff
from scipy.io.arff import loadarff


def check(title, expected, *seen):
    text = ", ".join(str(value) for value in seen)
    print(f"{title}: {text}")
    assert text == expected, title


def column(kind, values):
    return "\n".join(["@RELATION r", f"@ATTRIBUTE a {kind}", "@DATA", *values]) + "\n"


def read(kind, values, **options):
    return arff.load(column(kind, values), **options)["data"]


def reprs(rows):
    return ", ".join(repr(row[0]) for row in rows)


large = "9007199254740993"
integers = read("INTEGER", ["3.7", "-3.7", large, "nan"])
check(f"INTEGER 3.7, -3.7, {large}, nan", "3, -3, 9007199254740992, 'nan'", reprs(integers))
check("REAL 3.7, nan", "3.7, nan", reprs(read("REAL", ["3.7", "nan"])))
check("scipy, INTEGER 3.7", "3.7", loadarff(io.StringIO(column("INTEGER", ["3.7"])))[0][0][0])
attributes = [("text", "STRING"), ("number", "REAL")]
rows = [["", 1.0], ["?", 1.0], ["None", 1.0], ["a", float("nan")]]
again = arff.load(arff.dumps({"relation": "r", "attributes": attributes, "data": rows}))["data"]
expected = "None, None, 'None', None"
title = "texts '', '?', 'None' and number NaN after a round trip"
check(title, expected, reprs(again[:3]), again[3][1])
sparse = ["{}", "{0 y}", "{}"]
lists = [row[0] for row in read("{x, y}", sparse)]
positions = read("{x, y}", sparse, return_type=arff.LOD)
expected = "['x', 'y', 'x'], as positions: {}, {0: 'y'}, {}"
check("sparse rows of x or y, as lists", expected, f"{lists}, as positions: {', '.join(map(str, positions))}")
PY
