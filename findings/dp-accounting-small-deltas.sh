#!/usr/bin/env bash
# dp-accounting 0.6.0 (Google's, PyPI); Python 3.
#
# Expected by most: privacy loss distributions (PLD) give a smaller epsilon than RDP for the same mechanism and delta,
#   and a Laplace mechanism of noise 1, which is 1-DP without any delta, has epsilon 1 for each.
# Seen: PLD is smaller until delta comes near what was cut from the distribution's tails, and infinite from there on, at
#   1e-16 for one Laplace mechanism and at 1e-15 for 1000 steps of DP-SGD; RDP goes on. So does delta stop falling as
#   epsilon grows: for a Gaussian at 5e-16. With delta 0 both say infinite, for Laplace too. Output (epsilon):
#     Laplace, noise 1, delta 1e-12: PLD 1.000, RDP 1.019
#     Laplace, noise 1, delta 1e-18: PLD inf, RDP 1.032
#     Laplace, noise 1, delta 0: PLD inf, RDP inf
#     DP-SGD, 1000 steps, rate 0.01, noise 1, delta 1e-12: PLD 3.916, RDP 4.354
#     DP-SGD, 1000 steps, rate 0.01, noise 1, delta 1e-15: PLD inf, RDP 5.284
#     DP-SGD, 1000 steps, rate 0.01, noise 1000, delta 1e-15: PLD inf, RDP 0.026
#     delta of one Gaussian, noise 1, at epsilon 10 and 20: PLD 5.0e-16, 5.0e-16, RDP 9.3e-22, 5.5e-85
# Follows: for a delta below 1e-12 ask both accountants and take the smaller; a search for noise by PLD ends there more
#   than a thousand times too high.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check dp-accounting==0.6.0 numpy==2.4.6
python/bin/python -W ignore - <<'PY'
from dp_accounting import GaussianDpEvent, LaplaceDpEvent, PoissonSampledDpEvent, pld, rdp

ACCOUNTANTS = {"PLD": pld.PLDAccountant, "RDP": rdp.RdpAccountant}


def composed(kind, event, count=1):
    accountant = ACCOUNTANTS[kind]()
    accountant.compose(event, count)
    return accountant


def check(title, event, count, delta, *expected):
    seen = [f"{composed(kind, event, count).get_epsilon(delta):.3f}" for kind in ACCOUNTANTS]
    print(f"{title}, delta {delta}: PLD {seen[0]}, RDP {seen[1]}")
    assert tuple(seen) == expected, title


check("Laplace, noise 1", LaplaceDpEvent(1), 1, 1e-12, "1.000", "1.019")
check("Laplace, noise 1", LaplaceDpEvent(1), 1, 1e-18, "inf", "1.032")
check("Laplace, noise 1", LaplaceDpEvent(1), 1, 0, "inf", "inf")
step = PoissonSampledDpEvent(0.01, GaussianDpEvent(1))
check("DP-SGD, 1000 steps, rate 0.01, noise 1", step, 1000, 1e-12, "3.916", "4.354")
check("DP-SGD, 1000 steps, rate 0.01, noise 1", step, 1000, 1e-15, "inf", "5.284")
louder = PoissonSampledDpEvent(0.01, GaussianDpEvent(1000))
check("DP-SGD, 1000 steps, rate 0.01, noise 1000", louder, 1000, 1e-15, "inf", "0.026")
deltas = {kind: [composed(kind, GaussianDpEvent(1)).get_delta(epsilon) for epsilon in (10, 20)] for kind in ACCOUNTANTS}
shown = ", ".join(f"{kind} {', '.join(f'{delta:.1e}' for delta in values)}" for kind, values in deltas.items())
print(f"delta of one Gaussian, noise 1, at epsilon 10 and 20: {shown}")
assert deltas["PLD"][0] == deltas["PLD"][1] > 1e-16 and deltas["RDP"][1] < 1e-80
PY
