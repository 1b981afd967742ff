#!/usr/bin/env bash
# cicada-mpc 2.1.0 (PyPI), three parties as processes, additive sharing, its fixed point of 16 fractional bits in a
# field of 64 bits; numpy 2.4.6; Python 3.11 or later.
#
# Expected by most: a quotient is right to a few units of the last place, x / x is 1; a product that fits into 47 bits
#   before the point is right, others raise, as sharing does for 2^47; whole numbers may be shared as they are.
# Seen: a quotient's error grows with the divisor: of sixteen 50000 / 50000 some are below 0.7, and 1 / 70000 is one
#   unit of 2^-16. A product has twice the fractional bits until it is truncated, which goes wrong the more often the
#   larger it is: a fifth of the squares of 30000 are off by 2^32, all of 65536 are 0. Sums wrap. Without encoding
#   (Identity) a float is another number, be it whole. No word of any. Numbers are cut towards 0, not rounded. Output
#   (all but the last lines vary):
#     worst of 16 x / x of 2, 100, 2000, 50000: 1.00002, 0.999466, 0.986832, 0.568008
#     1 / 300, 1 / 70000, 100 / 0.125: 0.00334167, 1.52588e-05, 799.95
#     wrong of 64 squares of 1000, 30000, 50000, 65536: 0, 13, 43, 64
#     Identity of 3, 3.0: 3, 0
#     sum of four 2^46: 0.000900269
#     0.1, -0.1 shared: 0.0999908, -0.0999908
# Follows: scale so that divisors are near 1 and products below 1000; convert whole numbers to an integer type before
#   they are shared.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check cicada-mpc==2.1.0 numpy==2.4.6
cat > run.py <<'PY'
import logging

import numpy as np
from cicada.additive import AdditiveProtocolSuite
from cicada.communicator import SocketCommunicator
from cicada.encoding import Identity

logging.disable(logging.CRITICAL)


def party(communicator):
    protocol = AdditiveProtocolSuite(communicator)

    def share(values, kind=np.float64, encoding=None):
        array = np.array(values, kind)
        secret = array if communicator.rank == 0 else None
        return protocol.share(src=0, secret=secret, shape=array.shape, encoding=encoding)

    def wrong(value):
        shares = share([value] * 64)
        return np.count_nonzero(np.abs(protocol.reveal(protocol.multiply(shares, shares)) - value**2) > 1)

    def whole(kind):
        return float(protocol.reveal(share([3], kind, Identity()), encoding=Identity())[0])

    def worst(value):
        shares = share([value] * 16)
        return max(protocol.reveal(protocol.divide(shares, shares)), key=lambda quotient: abs(quotient - 1))

    quotients = protocol.divide(share([1, 1, 100]), share([300, 70000, 0.125]))
    return {
        "worst of 16 x / x of 2, 100, 2000, 50000": [worst(x) for x in (2, 100, 2000, 50000)],
        "1 / 300, 1 / 70000, 100 / 0.125": protocol.reveal(quotients),
        "wrong of 64 squares of 1000, 30000, 50000, 65536": [wrong(x) for x in (1000, 30000, 50000, 65536)],
        "Identity of 3, 3.0": [whole(kind) for kind in (int, float)],
        "sum of four 2^46": [float(protocol.reveal(protocol.sum(share([2.0**46] * 4))))],
        "0.1, -0.1 shared": protocol.reveal(share([0.1, -0.1])),
    }


if __name__ == "__main__":
    seen = SocketCommunicator.run(world_size=3, fn=party, timeout=60)[0]
    for title, values in seen.items():
        print(f"{title}: {', '.join(f'{value:g}' for value in values)}")
    same, mixed, wrong, plain, total, parts = seen.values()
    assert abs(same[0] - 1) < 0.001 and abs(same[1] - 1) < 0.02 and abs(same[3] - 1) > 0.05, same
    assert mixed[1] in (0, 2**-16, 2**-15), mixed
    assert wrong[0] == 0 and 2 < wrong[1] < 35 and 10 < wrong[2] < 60 and wrong[3] == 64, wrong
    assert plain[0] == 3 and plain[1] != 3 and abs(total[0]) < 0.01 and parts[0] == -parts[1] == 6553 / 65536
PY
python/bin/python -W ignore run.py
