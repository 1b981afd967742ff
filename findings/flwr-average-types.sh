#!/usr/bin/env bash
# flwr 1.42.0 (Flower, federated learning, PyPI), its strategies of flwr.server; numpy 2.4.6; Python 3.10 or later.
#
# Expected by most: FedAvg averages each array of the clients, whatever its type, or refuses; its switch inplace saves
#   memory and changes nothing; a model of another shape is an error; FedTrimmedAvg leaves out the extremes.
# Seen: in place, the default, each client's share is rounded to the array's own type before it is added, so integers
#   are 0: the batches that PyTorch's BatchNorm counts, or quantised weights. With inplace=False, and in FedAvgM, arrays
#   are first multiplied by the number of samples in their own type: float16 is infinite from 65504 on, uint8 wraps,
#   int64 becomes float64, and another shape is stretched. Without samples in place raises, the other gives NaN.
#   FedTrimmedAvg cuts a fifth of each end, rounded down, so of up to four clients none. Output (two clients):
#     int64 3, 4 of 1 sample each: inplace 0, not 3.5, FedAvgM 3.5
#     uint8 200, 200 of 2: inplace 0, not 8, FedAvgM 8
#     float16 100, 100 of 1000: inplace 100, not inf, FedAvgM inf
#     float32 0.5, 1.5 of 7: inplace 1, not 1, FedAvgM 1
#     one 1, three 2 of 1: inplace ValueError, not 1.5 1.5 1.5, FedAvgM 1.5 1.5 1.5
#     FedTrimmedAvg of 0, 1, 2, 100: 25.75; of 0, 1, 2, 3, 100: 2
# Follows: send floats of 32 bits only and leave counters out; compare shapes before averaging; take five clients at
#   least for trimmed averages.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check flwr==1.42.0 numpy==2.4.6
python/bin/python -W ignore - <<'PY'
import logging

import numpy as np
from flwr.common import Code, FitRes, Status, ndarrays_to_parameters, parameters_to_ndarrays
from flwr.server.strategy import FedAvg, FedAvgM, FedTrimmedAvg

logging.disable(logging.CRITICAL)


def average(strategy, arrays, samples):
    results = [FitRes(Status(Code.OK, ""), ndarrays_to_parameters([array]), samples, {}) for array in arrays]
    try:
        parameters, _ = strategy.aggregate_fit(1, [(None, result) for result in results], [])
    except ValueError as error:
        return type(error).__name__
    return " ".join(f"{value:g}" for value in parameters_to_ndarrays(parameters)[0])


def check(title, arrays, samples, *expected):
    start = ndarrays_to_parameters([np.zeros(1, np.float32)])
    strategies = {"inplace": FedAvg(), "not": FedAvg(inplace=False), "FedAvgM": FedAvgM(initial_parameters=start)}
    seen = [average(strategy, arrays, samples) for strategy in strategies.values()]
    print(f"{title}: {', '.join(f'{name} {value}' for name, value in zip(strategies, seen))}")
    assert seen == list(expected), title


def of(kind, *values):
    return [np.array([value], kind) for value in values]


check("int64 3, 4 of 1 sample each", of(np.int64, 3, 4), 1, "0", "3.5", "3.5")
check("uint8 200, 200 of 2", of(np.uint8, 200, 200), 2, "0", "8", "8")
check("float16 100, 100 of 1000", of(np.float16, 100, 100), 1000, "100", "inf", "inf")
check("float32 0.5, 1.5 of 7", of(np.float32, 0.5, 1.5), 7, "1", "1", "1")
shapes = [np.ones(1), np.full(3, 2.0)]
check("one 1, three 2 of 1", shapes, 1, "ValueError", "1.5 1.5 1.5", "1.5 1.5 1.5")
four, five = (average(FedTrimmedAvg(), of(np.float32, *values), 1) for values in ((0, 1, 2, 100), (0, 1, 2, 3, 100)))
print(f"FedTrimmedAvg of 0, 1, 2, 100: {four}; of 0, 1, 2, 3, 100: {five}")
assert (four, five) == ("25.75", "2")
PY
