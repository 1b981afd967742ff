#!/usr/bin/env bash
# tenseal 0.3.18 (PyPI), BFV with 4096 slots and the plain modulus t = 1032193; Python 3.
#
# Expected by most: BFV computes on integers modulo t, so reals are refused, as they are where a vector is multiplied
#   by one; a number out of range is reduced, and concerns its own slot only.
# Seen: lists are cut to whole numbers without a word, when encrypted and when they are an operand: 0.9 is 0, times
#   [0.5, 1.9, 2.5] is times 0, 1, 2. bfv_tensor does the same, so one of weights is zeros. Numbers above t / 2 become
#   negative, and one below -t makes other numbers of all slots. Output:
#     encrypted [0.9, -0.9, 7.5]: 0, 0, 7
#     [1, 2, 3] * [0.5, 1.9, 2.5]: 0, 2, 6
#     [1, 2, 3] * 2.5: TypeError
#     bfv_tensor of [0.9, 1.9]: 0, 1
#     encrypted [600000]: -432193
#     encrypted [1, 2, -1032193]: 1, 2, 0
#     encrypted [1, 2, -2000000]: none is right
#     [1, 2] * [1, -2000000]: none is right
# Follows: scale and round reals oneself, as integers, and reduce them into (-t/2, t/2) before encrypting.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check tenseal==0.3.18 numpy==2.4.6
python/bin/python - <<'PY'
import tenseal

t = 1032193
context = tenseal.context(tenseal.SCHEME_TYPE.BFV, 4096, plain_modulus=t)
context.generate_galois_keys()


def encrypt(values):
    return tenseal.bfv_vector(context, values)


def check(title, function, expected, right=None):
    try:
        values = function().decrypt()
        values = values if isinstance(values, list) else values.tolist()
        seen = ", ".join(map(str, values))
        if right and all((value - true) % t for value, true in zip(values, right)):
            seen = "none is right"
    except TypeError as error:
        seen = type(error).__name__
    print(f"{title}: {seen}")
    assert seen == expected, title


check("encrypted [0.9, -0.9, 7.5]", lambda: encrypt([0.9, -0.9, 7.5]), "0, 0, 7")
check("[1, 2, 3] * [0.5, 1.9, 2.5]", lambda: encrypt([1, 2, 3]) * [0.5, 1.9, 2.5], "0, 2, 6")
check("[1, 2, 3] * 2.5", lambda: encrypt([1, 2, 3]) * 2.5, "TypeError")
reals = tenseal.plain_tensor([0.9, 1.9])
check("bfv_tensor of [0.9, 1.9]", lambda: tenseal.bfv_tensor(context, reals), "0, 1")
check("encrypted [600000]", lambda: encrypt([600000]), str(600000 - t))
check("encrypted [1, 2, -1032193]", lambda: encrypt([1, 2, -t]), "1, 2, 0")
check("encrypted [1, 2, -2000000]", lambda: encrypt([1, 2, -2000000]), "none is right", [1, 2, -2000000])
check("[1, 2] * [1, -2000000]", lambda: encrypt([1, 2]) * [1, -2000000], "none is right", [1, -4000000])
PY
