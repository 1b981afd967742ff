#!/usr/bin/env python3
"""Products over Z_{2^64} in PyTorch, (n,n) x (n,n) on random elements, the ways there are without a 64-bit integer product on a GPU:

- float64 limbs, as CryptGPU has it (Tan, Knott, Tian, Wu: CryptGPU, IEEE S&P 2021, section IV): an element is four 16-bit limbs, each a
  float64; the ten products of limbs i + j < 4 count modulo 2^64. Also with the products of one i + j summed before they become integers.
- int8 limbs on tensor cores by torch._int_mm: an element is eight balanced base-256 digits in [-128, 127]; 36 products of digits count.
  Also with the products of one i + j as one product of a longer inner dimension.

Exactness. Every partial sum is an integer that the accumulator holds: float64 while terms · K · (2^16 - 1)^2 <= 2^53, int32 while
terms · K · 2^14 < 2^31, with `terms` the limb products in one sum. Larger K is refused. Every method is compared with Python's integers
on small operands, and every timed result by projections C v = A (B v) on 32 random vectors v.

    python3 bench/torch_limbs.py [--sizes 1024 2048 4096] [--device cuda|cpu] [--seconds 2] [--out FILE]
"""

import argparse
import datetime
import json
import os
import platform
import sys
import time
from dataclasses import dataclass
from typing import Callable

import torch

LIMBS16 = 4
LIMBS8 = 8
PROJECTIONS = 32
# Shape of the operands that are compared with Python's integers; torch._int_mm wants more than 16 rows and multiples of 8.
CHECK_SHAPE = (24, 64, 48)
EDGES = [0, 1, -1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**62, 2**63 - 1, -(2**63), -(2**63) + 1, 0x7F7F7F7F7F7F7F7F, 0x0080808080808080]
# Added before an element's bytes are read: bytes b of x + BALANCE are digits b - 128 of x, since BALANCE = sum of 128 · 256^i.
BALANCE = 0x8080808080808080 - 2**64


def random_elements(rows, columns, device):
    """(rows, columns) uniform elements as int64."""
    return torch.empty((rows, columns), dtype=torch.int64, device=device).random_(-(2**63), None)


# --- float64 limbs ---------------------------------------------------------------------------------------------------------------------


def split16(x):
    """Four float64 tensors as x: bits 0-15, 16-31, 32-47, 48-63."""
    return [((x >> (16 * i)) & 0xFFFF).double() for i in range(LIMBS16)]


def ten_products(a, b):
    """Every limb product becomes an integer by itself."""
    out = 0
    for i in range(LIMBS16):
        for j in range(LIMBS16 - i):
            out = out + ((a[i] @ b[j]).long() << (16 * (i + j)))
    return out


def ten_products_summed(a, b):
    """The products of one i + j are summed as float64, in cuBLAS."""
    out = 0
    for d in range(LIMBS16):
        diagonal = a[0] @ b[d]
        for i in range(1, d + 1):
            diagonal.addmm_(a[i], b[d - i])
        out = out + (diagonal.long() << (16 * d))
    return out


# --- int8 limbs ------------------------------------------------------------------------------------------------------------------------


def digits8(x):
    """(rows, columns, 8): balanced digits as int8. Flipping a byte's top bit takes 128 from it, read as int8."""
    return (x + BALANCE).view(torch.int8).reshape(*x.shape, LIMBS8) ^ -128


def split8_left(a):
    """(m, 8k): the planes of digits 0 to 7 side by side."""
    return digits8(a).permute(0, 2, 1).reshape(a.shape[0], -1)


def split8_right(b):
    """(8k, n): the planes of digits 7 to 0, one below the other, column-major as int8 matrix units want it."""
    return digits8(b).permute(1, 2, 0).flip(1).reshape(b.shape[1], -1).t()


def int_mm(a, b):
    """(m,k) x (k,n), int8 to int32. Without torch._int_mm by the slow int32 product, for the check of the arithmetic alone."""
    return torch._int_mm(a, b) if HAS_INT_MM[a.device.type] else a.int() @ b.int()


def has_int_mm(device):
    if not hasattr(torch, "_int_mm"):
        return False
    try:
        one = torch.ones((32, 32), dtype=torch.int8, device=device)
        return int(torch._int_mm(one, one)[0, 0]) == 32
    except (RuntimeError, NotImplementedError):
        return False


HAS_INT_MM = {}


def thirty_six_products(a, b):
    """Every product of digits by itself; int32 sums for one i + j."""
    k = a.shape[1] // LIMBS8
    out = 0
    for d in range(LIMBS8):
        diagonal = None
        for i in range(d + 1):
            at = LIMBS8 - 1 - (d - i)
            product = int_mm(a[:, i * k : (i + 1) * k], b[at * k : (at + 1) * k])
            diagonal = product if diagonal is None else diagonal.add_(product)
        out = out + (diagonal.long() << (8 * d))
    return out


def eight_long_products(a, b):
    """Digits 0 to d of A beside one another times digits d to 0 of B below one another: one product for each d."""
    k = a.shape[1] // LIMBS8
    out = 0
    for d in range(LIMBS8):
        out = out + (int_mm(a[:, : (d + 1) * k], b[(LIMBS8 - 1 - d) * k :]).long() << (8 * d))
    return out


# --- methods ---------------------------------------------------------------------------------------------------------------------------


@dataclass
class Method:
    name: str
    split_left: Callable
    split_right: Callable
    multiply: Callable
    # The largest inner dimension that is exact.
    bound: int
    int8: bool


FLOAT_BOUND = 2**53 // (2**16 - 1) ** 2
INT_BOUND = (2**31 - 1) // 2**14
METHODS = [
    Method("float64 limbs, ten products", split16, split16, ten_products, FLOAT_BOUND, False),
    Method("float64 limbs, summed in float64", split16, split16, ten_products_summed, FLOAT_BOUND // 4, False),
    Method("int8 limbs, 36 products", split8_left, split8_right, thirty_six_products, INT_BOUND // LIMBS8, True),
    Method("int8 limbs, 8 long products", split8_left, split8_right, eight_long_products, INT_BOUND // LIMBS8, True),
]


def product(method, a, b):
    """A · B over Z_{2^64} as int64, from elements to elements."""
    if a.shape[1] > method.bound:
        raise ValueError(f"{method.name}: inner dimension {a.shape[1]}, at most {method.bound} is exact")
    return method.multiply(method.split_left(a), method.split_right(b))


# --- checks ----------------------------------------------------------------------------------------------------------------------------


def exact(a, b):
    """The product by Python's integers, as int64 values."""
    rows, columns = a.tolist(), b.t().tolist()
    entry = lambda row, column: sum(x * y for x, y in zip(row, column)) % 2**64
    return [[value - 2**64 if value >= 2**63 else value for value in (entry(r, c) for c in columns)] for r in rows]


def check_small(method, device):
    """Random elements, elements from EDGES alone, and the element whose digits are all -128."""
    m, k, n = CHECK_SHAPE
    edges = torch.tensor(EDGES, dtype=torch.int64, device=device)
    pick = lambda rows, columns: edges[torch.randint(len(EDGES), (rows, columns), device=device)]
    smallest = lambda rows, columns: torch.full((rows, columns), -BALANCE, dtype=torch.int64, device=device)
    for make in (lambda r, c: random_elements(r, c, device), pick, smallest):
        a, b = make(m, k), make(k, n)
        if product(method, a, b).tolist() != exact(a, b):
            return False
    return True


def check_projected(a, b, c):
    """C v = A (B v) modulo 2^64 for random v. A row that is wrong passes with probability 2^-32 at most."""
    for _ in range(PROJECTIONS):
        v = random_elements(1, b.shape[1], b.device)
        right = (b * v).sum(dim=1)
        if not torch.equal((c * v).sum(dim=1), (a * right).sum(dim=1)):
            return False
    return True


# --- timing ----------------------------------------------------------------------------------------------------------------------------


def timed(operation, device, seconds):
    """Median and least seconds of one run, by CUDA events on a GPU; two runs to warm up, at least five counted."""
    cuda = device == "cuda"
    times = []
    for _ in range(2):
        operation()
    end = time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        if cuda:
            begin, finish = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            operation()
            finish.record()
            finish.synchronize()
            times.append(begin.elapsed_time(finish) / 1e3)
        else:
            begin = time.perf_counter()
            operation()
            times.append(time.perf_counter() - begin)
    times.sort()
    return times[len(times) // 2], times[0]


def rounded(value):
    return float(f"{value:.4g}")


def measure(method, size, device, seconds):
    row = {"method": method.name, "size": size}
    if size > method.bound:
        return {**row, "skipped": f"inner dimension above {method.bound} is not exact"}
    if method.int8 and not HAS_INT_MM[device]:
        return {**row, "skipped": "not timed: torch._int_mm is not available here"}
    try:
        return {**row, **measured(method, size, device, seconds)}
    except RuntimeError as error:
        return {**row, "skipped": f"failed: {error}"}


def measured(method, size, device, seconds):
    a, b = random_elements(size, size, device), random_elements(size, size, device)
    correct = check_projected(a, b, product(method, a, b))
    median, best = timed(lambda: product(method, a, b), device, seconds)
    left, right = method.split_left(a), method.split_right(b)
    limbs, _ = timed(lambda: method.multiply(left, right), device, seconds)
    return {
        "correct": correct,
        "seconds": rounded(median),
        "best": rounded(best),
        # Operands already in limbs.
        "secondsWithoutSplit": rounded(limbs),
        "multiplyAddsPerSecond": rounded(size**3 / median),
        "multiplyAddsPerSecondWithoutSplit": rounded(size**3 / limbs),
    }


def machine(device):
    card = {"cpu": platform.processor() or platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    card["torch"] = torch.__version__
    card["cuda"] = torch.version.cuda
    card["gpu"] = torch.cuda.get_device_name() if device == "cuda" else None
    return card


def arguments():
    parser = argparse.ArgumentParser(description="Products over Z_{2^64} in PyTorch by float64 and int8 limbs")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1024, 2048, 4096], help="n of (n,n) x (n,n), multiples of 8, above 16")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--seconds", type=float, default=2.0, help="measured for each figure")
    parser.add_argument("--out", help="JSON file")
    options = parser.parse_args()
    for size in options.sizes:
        if size <= 16 or size % 8 != 0:
            parser.error(f"--sizes: expected multiples of 8 above 16, found {size}")
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: this torch sees no CUDA device")
    return options


def main():
    options = arguments()
    device = options.device
    HAS_INT_MM[device] = has_int_mm(device)
    checks = {}
    for method in METHODS:
        if method.int8 and device == "cuda" and not HAS_INT_MM[device]:
            continue
        checks[method.name] = check_small(method, device)
        print(f"{method.name}: {'as' if checks[method.name] else 'NOT as'} Python's integers have it", flush=True)
    rows = []
    for size in options.sizes:
        for method in METHODS:
            row = measure(method, size, device, options.seconds)
            rows.append(row)
            told = f"{row['multiplyAddsPerSecond'] / 1e9:.4g} G multiply-adds/s" if "seconds" in row else row["skipped"]
            wrong = "" if row.get("correct", True) else ", WRONG"
            print(f"{size}: {method.name}: {told}{wrong}", flush=True)
    result = {
        "bench": "torch_limbs",
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "machine": machine(device),
        "device": device,
        "intMm": HAS_INT_MM[device],
        "exactUpToInner": {method.name: method.bound for method in METHODS},
        "asPythonIntegers": checks,
        "rows": rows,
    }
    if options.out:
        os.makedirs(os.path.dirname(options.out) or ".", exist_ok=True)
        with open(options.out, "w", encoding="utf-8") as file:
            file.write(json.dumps(result, indent=2) + "\n")
    right = all(checks.values()) and all(row.get("correct", True) for row in rows)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
