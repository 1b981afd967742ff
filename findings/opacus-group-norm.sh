#!/usr/bin/env bash
# opacus 1.6.0, torch 2.15.0 (PyPI); Python 3. They take 5 GB on Linux: PYTHON=… names an interpreter that has them.
#
# Expected by most: ModuleValidator.fix, the remedy that Opacus names for batch norm, replaces it by a GroupNorm that
#   does the same work without mixing samples, and keeps what the layer had learned.
# Seen: the number of groups is the greatest common divisor of 32 and the number of features. So behind a Linear layer
#   of 8, 16 or 32 features each group is one number, which minus its own mean is 0: the layer gives its bias whatever
#   the input, and no gradient passes. With 64 features groups are pairs, of which the sign is left; 33 features are one
#   group. The validator calls the module valid, training runs and learns nothing. Weights learned by the norm are
#   replaced by 1, and an optimizer made before holds the old ones. Output:
#     Linear, BatchNorm1d of 16 features: GroupNorm(16, 16), valid True
#     greatest difference between the outputs of 100 samples: 0.00
#     greatest gradient of the layer before: 0.00 (with batch norm 12.68)
#     64 features: GroupNorm(32, 64), more than 90 of 100 values within 0.01 of -1 or 1: True
#     33 features: GroupNorm(1, 33)
#     training with DP-SGD, 512 samples: 0.50 right; without the norm 0.98
#     a learned weight of 7 becomes 1; optimizer holds the new parameters: False
# Follows: it does for channels of images, where a group has many pixels. Between Linear layers put LayerNorm or
#   nothing, and fix a module before it is trained and before its optimizer is made.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
if [ -z "${PYTHON:-}" ]; then
  python3 -m venv python
  python/bin/pip install --quiet --disable-pip-version-check opacus==1.6.0 torch==2.15.0
  PYTHON=$dir/python/bin/python
fi
"$PYTHON" -W ignore - <<'PY'
import torch
from opacus import PrivacyEngine
from opacus.validators import ModuleValidator
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(1)


def network(features, norm=True):
    middle = nn.BatchNorm1d(features) if norm else nn.Identity()
    return nn.Sequential(nn.Linear(10, features), middle, nn.ReLU(), nn.Linear(features, 2))


def gradient(module, x):
    module(x).square().sum().backward()
    return module[0].weight.grad.abs().max().item()


x = torch.randn(100, 10)
module = network(16)
fixed = ModuleValidator.fix(module)
valid = ModuleValidator.is_valid(fixed)
groups, features = fixed[1].num_groups, fixed[1].num_channels
print(f"Linear, BatchNorm1d of 16 features: GroupNorm({groups}, {features}), valid {valid}")
assert (groups, features, valid) == (16, 16, True)
outputs = fixed(x)
difference = (outputs.max(0).values - outputs.min(0).values).max().item()
print(f"greatest difference between the outputs of 100 samples: {difference:.2f}")
assert difference < 1e-3
after, before = gradient(fixed, x), gradient(module, x)
print(f"greatest gradient of the layer before: {after:.2f} (with batch norm {before:.2f})")
assert after < 1e-2 and before > 1

wide = ModuleValidator.fix(network(64))
values = wide[1](wide[0](x)).abs()
near = ((values - 1).abs() < 0.01).float().mean().item() > 0.9
print(f"64 features: GroupNorm({wide[1].num_groups}, 64), more than 90 of 100 values within 0.01 of -1 or 1: {near}")
odd = ModuleValidator.fix(network(33))
print(f"33 features: GroupNorm({odd[1].num_groups}, 33)")
assert wide[1].num_groups == 32 and near and odd[1].num_groups == 1

samples = torch.randn(512, 10)
labels = (samples[:, 0] > 0).long()


def train(module):
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    loader = DataLoader(TensorDataset(samples, labels), batch_size=64)
    module, optimizer, loader = PrivacyEngine().make_private(
        module=module, optimizer=optimizer, data_loader=loader, noise_multiplier=0.3, max_grad_norm=1.0
    )
    for _ in range(20):
        for inputs, targets in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(module(inputs), targets).backward()
            optimizer.step()
    return (module(samples).argmax(1) == labels).float().mean().item()


with_norm, without = train(ModuleValidator.fix(network(16))), train(network(16, norm=False))
print(f"training with DP-SGD, 512 samples: {with_norm:.2f} right; without the norm {without:.2f}")
assert with_norm < 0.6 and without > 0.9

learned = network(16)
nn.init.constant_(learned[1].weight, 7.0)
optimizer = torch.optim.SGD(learned.parameters(), lr=0.1)
replaced = ModuleValidator.fix(learned)
held = {id(parameter) for parameter in optimizer.param_groups[0]["params"]}
holds = any(id(parameter) in held for parameter in replaced.parameters())
print(f"a learned weight of 7 becomes {replaced[1].weight[0]:.0f}; optimizer holds the new parameters: {holds}")
assert replaced[1].weight[0] == 1 and not holds
PY
