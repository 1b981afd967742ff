#!/usr/bin/env bash
# galois 0.4.11 (PyPI); Python 3.
#
# Expected by most: an array over a finite field stays one: what is not an element is refused, as its constructor
#   refuses 9 in GF(7), and NumPy's functions compute in the field or raise.
# Seen: einsum and tensordot return plain integers that are not reduced, where dot and matmul compute in the field.
#   append, stack, full_like and shifts return arrays of the field's type that hold what is no element, even one of
#   another field. And an integer is a count, not an element: over GF(2^8) x * 2 is x + x, so 0, while x + 2 and x / 2
#   are refused. Output (x is 1, 2, 6 over GF(7), y 1, 2, 255 over GF(2^8)):
#     dot(x, x): 6 (GF(7))
#     einsum("i,i->", x, x): 41 (plain)
#     tensordot(x, x, 0): 1,2,6,2,4,12,6,12,36 (plain)
#     append(x, 9): 1,2,6,9 (GF(7))
#     concatenate of x and 10 of GF(11): 1,2,6,10 (GF(7))
#     full_like(x, 9): 9,9,9 (GF(7))
#     x << 3: 8,16,48 (GF(7))
#     GF(7)(9): ValueError
#     y * 2: 0,0,0 (GF(2^8))
#     y times the element 2: 2,4,227 (GF(2^8))
#     y + 2: TypeError
# Follows: use dot and matmul, rebuild the array (GF(list)) after functions that join arrays, and wrap constants: an
#   even Lagrange coefficient that is still an int makes every share 0.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check galois==0.4.11 numpy==2.4.6
python/bin/python - <<'PY'
import galois
import numpy as np

prime, binary, other = galois.GF(7), galois.GF(2**8), galois.GF(11)
x, y = prime([1, 2, 6]), binary([1, 2, 255])


def check(title, function, expected):
    try:
        result = function()
        names = {prime: "GF(7)", binary: "GF(2^8)"}
        seen = f"{','.join(map(str, np.ravel(result).view(np.ndarray).tolist()))} ({names.get(type(result), 'plain')})"
    except (TypeError, ValueError) as error:
        seen = type(error).__name__
    print(f"{title}: {seen}")
    assert seen == expected, title


check("dot(x, x)", lambda: np.dot(x, x), "6 (GF(7))")
check('einsum("i,i->", x, x)', lambda: np.einsum("i,i->", x, x), "41 (plain)")
check("tensordot(x, x, 0)", lambda: np.tensordot(x, x, 0), "1,2,6,2,4,12,6,12,36 (plain)")
check("append(x, 9)", lambda: np.append(x, 9), "1,2,6,9 (GF(7))")
check("concatenate of x and 10 of GF(11)", lambda: np.concatenate([x, other([10])]), "1,2,6,10 (GF(7))")
check("full_like(x, 9)", lambda: np.full_like(x, 9), "9,9,9 (GF(7))")
check("x << 3", lambda: x << 3, "8,16,48 (GF(7))")
check("GF(7)(9)", lambda: prime(9), "ValueError")
check("y * 2", lambda: y * 2, "0,0,0 (GF(2^8))")
check("y times the element 2", lambda: y * binary(2), "2,4,227 (GF(2^8))")
check("y + 2", lambda: y + 2, "TypeError")
PY
