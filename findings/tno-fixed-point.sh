#!/usr/bin/env bash
# tno.mpc.encryption_schemes.paillier 4.1.0, with tno.mpc.encryption_schemes.utils 0.16.1 (PyPI); Python 3.10 or later.
#
# Expected by most: operators of fixed-point numbers take the greater precision of the two sides, as the docs say; of
#   <, == and > one holds; a scheme for integers refuses 0.7; decrypting returns what was computed, or raises.
# Seen: a plain number on the left of - is first rounded to the digits of the right side, one beside == to those of the
#   left, so 1 equals 1.4 and is less than it. Paillier's default precision is 0: 0.7 is encrypted as 1. A ciphertext
#   times 0.50 carries a scheme of its own with two digits more: the scheme that encrypted decrypts it to 100 times the
#   number, without a word, and refuses to add others. Output (one, two, four, half of precision 0, 0, 0, 1):
#     one - 0.125: 0.875
#     0.125 - one: -1
#     one + 0.125: 1.125
#     one == 1.4, one < 1.4: True, True
#     one == FixedPoint 1.4: False
#     four / 8, four / 8.0, 0.5 * half: 1, 0.5, 0.3
#     0.7 encrypted by default: 1
#     encrypted 1, plus 0.4: 1
#     precision 2, 0.5 times 0.50: 25.00, by the ciphertext's own scheme 0.2500
#     precision 2, 0.5 times 0.50, plus 1 encrypted: TypeError
# Follows: give all numbers the same precision first; decrypt with ciphertext.scheme; pass the precision to
#   from_security_parameter.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check tno.mpc.encryption_schemes.paillier==4.1.0 \
  tno.mpc.encryption_schemes.utils==0.16.1 tno.mpc.encryption_schemes.templates==5.0.0 typing_extensions==4.15.0
python/bin/python -W ignore - <<'PY'
from tno.mpc.encryption_schemes.paillier import Paillier
from tno.mpc.encryption_schemes.utils import FixedPoint


def check(title, expected, *seen):
    text = ", ".join(map(str, seen))
    print(f"{title}: {text}")
    assert text == expected, title


one, four, half = FixedPoint.fxp("1"), FixedPoint.fxp("4"), FixedPoint.fxp("0.5")
check("one - 0.125", "0.875", one - 0.125)
check("0.125 - one", "-1", 0.125 - one)
check("one + 0.125", "1.125", one + 0.125)
check("one == 1.4, one < 1.4", "True, True", one == 1.4, one < 1.4)
check("one == FixedPoint 1.4", "False", one == FixedPoint.fxp(1.4))
check("four / 8, four / 8.0, 0.5 * half", "1, 0.5, 0.3", four / 8, four / 8.0, 0.5 * half)

whole = Paillier.from_security_parameter(key_length=1024)
check("0.7 encrypted by default", "1", whole.decrypt(whole.encrypt(0.7)))
check("encrypted 1, plus 0.4", "1", whole.decrypt(whole.encrypt(1) + 0.4))
cents = Paillier.from_security_parameter(key_length=1024, precision=2)
product = cents.encrypt(0.5) * FixedPoint.fxp("0.50")
by_own = product.scheme.decrypt(product)
print(f"precision 2, 0.5 times 0.50: {cents.decrypt(product)}, by the ciphertext's own scheme {by_own}")
assert (str(cents.decrypt(product)), str(by_own)) == ("25.00", "0.2500")
try:
    product + cents.encrypt(1)
    raised = "nothing"
except TypeError as error:
    raised = type(error).__name__
check("precision 2, 0.5 times 0.50, plus 1 encrypted", "TypeError", raised)
PY
