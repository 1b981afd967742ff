#!/usr/bin/env bash
# spu 0.9.5 (SecretFlow's SPU, from PyPI, with the jax 0.4.34 that it takes), ring of 64 bits; Python 3.10 or 3.11 on
# Linux. PYTHON=… names an interpreter that has them.
#
# Expected by most: SPU runs JAX programs on shares, so integers have the width of their type (which the compiler and
#   the results keep), and integer arithmetic is exact, since only reals are fixed point.
# Seen: they are integers modulo 2^64, cut to their type only when they are revealed. A sum that went beyond its type
#   compares, shifts and converts as if it had not; a logical shift to the right of a negative int32 fetches ones. And
#   `//` goes through fixed point: from about 2^19 on it is too small, from 2^26 on it has the wrong sign in some runs.
#   With SEMI2K, ABY3 and SECURENN alike. Output:
#     uint8 200 + 200, as int32: jax 144, SPU 400, 400, 400
#     uint8 (200 + 200) >> 1: jax 72, SPU 200, 200, 200
#     int32 x + 1 > x of 2147483647: jax False, SPU True, True, True
#     int32 x + 1 of 2147483647: jax -2147483648, SPU -2147483648, -2147483648, -2147483648
#     uint32 (x * 1664525) >> 8 of 4000000000: jax 11886856, SPU 2176147720, 2176147720, 2176147720
#     int32 -7, logical shift by 1: jax 2147483644, SPU -4, -4, -4
#     int32 1048576 // 3: jax 349525, SPU 349522, 349522, 349522
#     int32 16777216 // 3: jax 5592405, SPU 5592337, 5592337, 5592337
#     int32 134217728 // 3: jax 44739242, SPU -22370174, 44738689, -22370175 (or in another order)
# Follows: hashes, generators, carries and ring arithmetic written for JAX are other functions in SPU, and revealing
#   what lies between does not show it. Mask after each operation; divide small numbers only.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
if [ -z "${PYTHON:-}" ]; then
  python3 -m venv python
  python/bin/pip install --quiet --disable-pip-version-check spu==0.9.5 jax==0.4.34 jaxlib==0.4.34 numpy==1.26.4
  PYTHON=$dir/python/bin/python
fi
cat > run.py <<'PY'
import jax
import jax.numpy as jnp
import numpy as np
from spu import libspu
from spu.utils import simulation

PARTIES = {"SEMI2K": 2, "ABY3": 3, "SECURENN": 3}


def check(title, program, value, right, seen, slack=0):
    array = np.array([value])
    plain = np.asarray(jax.jit(program)(array))
    results = []
    for protocol, parties in PARTIES.items():
        kind = getattr(libspu.ProtocolKind, protocol)
        simulator = simulation.Simulator.simple(parties, kind, libspu.FieldType.FM64)
        result = np.asarray(simulation.sim_jax(simulator, program)(array))
        assert result.dtype == plain.dtype
        results.append(result[0].item())
    print(f"{title}: jax {plain[0]}, SPU {', '.join(map(str, results))}")
    assert plain[0] == right and all(abs(result - seen) <= slack for result in results), title


u8, u32, i32 = np.uint8, np.uint32, np.int32
last = i32(2**31 - 1)
check("uint8 200 + 200, as int32", lambda x: (x + x).astype(jnp.int32), u8(200), 144, 400)
check("uint8 (200 + 200) >> 1", lambda x: (x + x) >> 1, u8(200), 72, 200)
check("int32 x + 1 > x of 2147483647", lambda x: x + 1 > x, last, False, True)
check("int32 x + 1 of 2147483647", lambda x: x + 1, last, -(2**31), -(2**31))
step = lambda x: (x * jnp.uint32(1664525)) >> 8
check("uint32 (x * 1664525) >> 8 of 4000000000", step, u32(4000000000), 11886856, 2176147720)
check("int32 -7, logical shift by 1", lambda x: jax.lax.shift_right_logical(x, 1), i32(-7), 2147483644, -4)
check("int32 1048576 // 3", lambda x: x // 3, i32(2**20), 349525, 349522, 1)
check("int32 16777216 // 3", lambda x: x // 3, i32(2**24), 5592405, 5592337, 1)
check("int32 134217728 // 3", lambda x: x // 3, i32(2**27), 44739242, 0, 44739000)
PY
"$PYTHON" -W ignore run.py > output 2> errors || { cat errors; exit 1; }
grep -v "^\[" output
