#!/usr/bin/env bash
# mpyc 0.11 (from PyPI), one party, SecInt(32) and SecFxp(32, 16); Python 3.11 or later.
#
# Expected by most: // and % of secure integers are Python's, signs included; / of integers is refused or rounds; trunc
#   of a fixed-point number is its whole part; a number divided by 0 raises, as it does for integers.
# Seen: -7 // 2 is -4 and -7 % 3 is 2, as in Python, but a negative divisor gives numbers that differ from run to run,
#   secret or public, without a word. / of integers is division in the field: 8 / 2 is 4, 7 / 2 a number near
#   2^63 of a type that was asked for 32 bits. trunc shifts the fraction out of the representation, so -1.5
#   becomes -2 or -1 units of the last place. Integers refuse 7 // 0, fixed-point numbers divide by 0 to a large value.
#   from_bits(to_bits(x)) of a negative x is x + 2^32. The mean of 1 and 2 is 2, their median 1. Output (the second
#   line varies):
#     -7 // 2: -4, -7 % 3: 2
#     7 // -2: -512105272, 7 % -2: -197811469, python: -4 and -1
#     8 / 2: 4, 7 / 2: -9223372036854775710
#     trunc(-1.5): -2 units of the last place
#     7 // 0: ZeroDivisionError, 1.0 / 0.0: 1527888.0
#     from_bits(to_bits(-5)): 4294967291
#     mean of 1, 2: 2, median: 1
# Follows: divide by the absolute value and mend signs oneself; check divisors before they are shared; take // for
#   integers, and integer(x) = x - x % 1 for the whole part of a fixed-point number.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check mpyc==0.11 numpy==2.4.6
cat > run.py <<'PY'
from mpyc import statistics
from mpyc.runtime import mpc

integer = mpc.SecInt(32)
fixed = mpc.SecFxp(32, 16)


async def main():
    await mpc.start()
    open_ = mpc.output
    quotient, rest = await open_(integer(-7) // integer(2)), await open_(integer(-7) % 3)
    print(f"-7 // 2: {quotient}, -7 % 3: {rest}")
    assert (quotient, rest) == (-4, 2)

    wrong = [(await open_(integer(7) // integer(-2)), await open_(integer(7) % integer(-2))) for _ in range(3)]
    wrong.append((await open_(integer(7) // -2), await open_(integer(7) % -2)))
    print(f"7 // -2: {wrong[0][0]}, 7 % -2: {wrong[0][1]}, python: {7 // -2} and {7 % -2}")
    assert all(q != -4 and r != -1 and abs(q) > 1000 for q, r in wrong) and len(set(wrong)) > 1, wrong

    even, odd = await open_(integer(8) / integer(2)), await open_(integer(7) / integer(2))
    print(f"8 / 2: {even}, 7 / 2: {odd}")
    assert even == 4 and abs(odd) > 2**60

    units = round(await open_(mpc.trunc(fixed(-1.5))) * 2**16)
    print(f"trunc(-1.5): {units} units of the last place")
    assert units in (-2, -1)

    try:
        await open_(integer(7) // integer(0))
        raised = "nothing"
    except ZeroDivisionError as error:
        raised = type(error).__name__
    large = await open_(fixed(1.0) / fixed(0.0))
    print(f"7 // 0: {raised}, 1.0 / 0.0: {large}")
    assert raised == "ZeroDivisionError" and large > 1e6

    bits = await open_(mpc.from_bits(mpc.to_bits(integer(-5))))
    print(f"from_bits(to_bits(-5)): {bits}")
    assert bits == 2**32 - 5

    pair = [integer(1), integer(2)]
    mean, median = await open_(statistics.mean(pair)), await open_(statistics.median(pair))
    print(f"mean of 1, 2: {mean}, median: {median}")
    assert (mean, median) == (2, 1)
    await mpc.shutdown()


mpc.run(main())
PY
python/bin/python run.py > output 2> errors || { cat output errors; exit 1; }
grep -v "^20" output
