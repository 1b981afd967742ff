#!/usr/bin/env bash
# phe 1.5.0 (PyPI), keys of its default of 3072 bits; Python 3.
#
# Expected by most: floats are a mantissa and a plain exponent, so times 1.0 changes nothing, an average of numbers near
#   1 stays there, and whatever would not fit raises the OverflowError of which the docs speak.
# Seen: each float constant is encoded with all its 53 bits, 1.0 too, and the mantissa only grows. After 59 products
#   with 1.0 the number is gone: about a third of all times with an OverflowError, else as some small number. So is a
#   running average after 54 steps. 1, the integer, costs nothing. Output:
#     1.0 times 1.0, 58 times: 1.0
#     1.0 times 1, 200 times: 1.0
#     1.0 to 30.0, times 1.0, 60 times: 0 right, some with an error, some without
#     running average x * 0.5 + 0.5 of 1.0: right for 53 steps
# Follows: count products since encryption, as with a levelled scheme; encode constants with the precision they need
#   (EncodedNumber.encode(key, x, precision=…)), and let the holder of the key refresh.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check phe==1.5.0 gmpy2==2.3.2
python/bin/python - <<'PY'
from phe import paillier

public, private = paillier.generate_paillier_keypair()


def decrypt(number):
    try:
        return private.decrypt(number)
    except OverflowError:
        return None


def multiply(value, factor, times):
    number = public.encrypt(value)
    for _ in range(times):
        number = number * factor
    return decrypt(number)


for factor, times in (1.0, 58), (1, 200):
    seen = multiply(1.0, factor, times)
    print(f"1.0 times {factor}, {times} times: {seen}")
    assert seen == 1

values = [float(i) for i in range(1, 31)]
products = [multiply(value, 1.0, 60) for value in values]
right = sum(product == value for product, value in zip(products, values))
errors = products.count(None)
parts = ["some" if count else "none" for count in (errors, len(products) - errors - right)]
print(f"1.0 to 30.0, times 1.0, 60 times: {right} right, {parts[0]} with an error, {parts[1]} without")
assert right == 0 and parts == ["some", "some"]

average, half, steps = public.encrypt(1.0), public.encrypt(0.5), 0
while decrypt(average) == 1:
    average = average * 0.5 + half
    steps += 1
print(f"running average x * 0.5 + 0.5 of 1.0: right for {steps - 1} steps")
assert steps - 1 == 53
PY
