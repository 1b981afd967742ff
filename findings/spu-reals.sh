#!/usr/bin/env bash
# spu 0.9.5 (SecretFlow's SPU, from PyPI, with the jax 0.4.34 that it takes), ring of 64 bits and its default of 18
# fractional bits; Python 3.10 or 3.11 on Linux. PYTHON=… names an interpreter that has them.
#
# Expected by most: reals have 18 fractional bits and products may reach 2^27 or so; inside of that a function gives its
#   value with a few digits, and bounded functions stay in their bounds.
# Seen: each function has a range of its own, and what lies outside is 0 or a constant, without a word. sqrt is 0 from
#   2^17 on, so a standard deviation or the length of a vector is 0 as soon as a sum of squares passes 131072; log
#   stands still; x / x is 0 for a million; tanh goes above 1; exp(10) is 17 percent too small; NaN, infinity and 1 / 0
#   are 0. With SEMI2K, ABY3 and SECURENN alike. Output (ABY3; the last digits vary):
#     sqrt(130000): jax 360.555, SPU 360.307
#     sqrt(132000): jax 363.318, SPU 0
#     std of 0, 1000, 2000, -2000: jax 1479.02, SPU 0
#     norm of 300, 250: jax 390.512, SPU 0
#     log(1000000): jax 13.8155, SPU 10.7919
#     x / x of 1000000: jax 1, SPU 0
#     1 / x of 0: jax inf, SPU 0
#     tanh(6): jax 0.999988, SPU 1.00268
#     exp(10): jax 22026.5, SPU 18207.7
#     x * 0.5 of NaN: jax nan, SPU 0
# Follows: scale inputs before variances and norms; do not take tanh's result for a cosine, or 1 - tanh^2 for positive.
#   NaN is no signal here: look for zeros.
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

PARTIES = {"SEMI2K": 2, "SECURENN": 3, "ABY3": 3}


def check(title, program, values, low, high):
    array = np.array(values, np.float32)
    right = float(np.asarray(jax.jit(program)(array)).ravel()[0])
    for protocol, parties in PARTIES.items():
        kind = getattr(libspu.ProtocolKind, protocol)
        simulator = simulation.Simulator.simple(parties, kind, libspu.FieldType.FM64)
        seen = float(np.asarray(simulation.sim_jax(simulator, program)(array)).ravel()[0])
        assert low <= seen <= high, (title, protocol, seen)
    print(f"{title}: jax {right:.6g}, SPU {seen:.6g}")


check("sqrt(130000)", jnp.sqrt, [130000], 359, 362)
check("sqrt(132000)", jnp.sqrt, [132000], 0, 0)
check("std of 0, 1000, 2000, -2000", jnp.std, [0, 1000, 2000, -2000], 0, 0)
check("norm of 300, 250", jnp.linalg.norm, [300, 250], 0, 0)
check("log(1000000)", jnp.log, [1e6], 10.7, 10.9)
check("x / x of 1000000", lambda x: x / x, [1e6], 0, 0)
check("1 / x of 0", lambda x: 1 / x, [0], 0, 0)
check("tanh(6)", jnp.tanh, [6], 1.002, 1.004)
check("exp(10)", jnp.exp, [10], 18000, 18400)
check("x * 0.5 of NaN", lambda x: x * 0.5, [np.nan], -1e-4, 1e-4)
PY
"$PYTHON" -W ignore run.py > output 2> errors || { cat errors; exit 1; }
grep -v "^\[" output
