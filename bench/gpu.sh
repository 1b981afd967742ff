#!/usr/bin/env bash
# Everything there is to measure on a machine with a GPU, from a checkout with node_modules:
#
#   doctor   every kernel against its CPU twin
#   kernels  rates of all kernels on the shapes of real layers (bench/kernels)
#   torch    the same products in PyTorch by float64 and int8 limbs (bench/torch_limbs.py), where python3 has torch with CUDA
#   train    a few training steps of network C among three parties on this machine, by WASM, on the GPU, and by what is faster for each
#            product; the models must be the same
#
# and one file with all of it: bench/results/gpu-ADAPTER.json (--tiny: gpu-swiftshader-tiny.json). The exit code is not 0 when a part fails
# or a result is wrong; the other parts are measured all the same.
set -euo pipefail

usage() {
  cat <<'USAGE'
bench/gpu.sh [options]
  --tiny            small shapes on SwiftShader, a GPU in software: to see that everything runs
  --parts LIST      some of doctor,kernels,torch,train (doctor always runs); the others stay as an earlier run left them
  --shapes REGEX    only these shapes of bench/kernels
  --choices REGEX   only these kernels
  --seconds N       measured for each figure of bench/kernels
  --steps N         training steps (default 10; tiny: 1)
  --batch N         images a step (default 128; tiny: 2)
  --results FOLDER  where the file goes (default bench/results)
Environment: PYTHON, the interpreter with torch (default python3).
USAGE
}

tiny=false
parts=doctor,kernels,torch,train
results=bench/results
steps=
batch=
kernel_options=()
doctor_options=()
python=${PYTHON:-python3}

cd "$(dirname "$0")/.."
while [ $# -gt 0 ]; do
  case "$1" in
    --tiny) tiny=true ;;
    --help | -h)
      usage
      exit 0
      ;;
    --parts | --shapes | --choices | --seconds | --steps | --batch | --results)
      if [ $# -lt 2 ]; then
        echo "gpu.sh: $1 needs a value" >&2
        exit 2
      fi
      case "$1" in
        --parts) parts=$2 ;;
        --steps) steps=$2 ;;
        --batch) batch=$2 ;;
        --choices)
          doctor_options+=("$1" "$2")
          kernel_options+=("$1" "$2")
          ;;
        --results) results=$2 ;;
        *) kernel_options+=("$1" "$2") ;;
      esac
      shift
      ;;
    *)
      echo "gpu.sh: unknown option $1" >&2
      usage >&2
      exit 2
      ;;
  esac
  shift
done

if [ ! -d node_modules ]; then
  echo 'gpu.sh: node_modules is missing: run npm ci' >&2
  exit 1
fi
if [ ! -f dist/bench/kernels/kernels.js ]; then
  echo '== build'
  npm run build
fi

adapter_options=()
report_options=()
if $tiny; then
  steps=${steps:-1}
  batch=${batch:-2}
  adapter_options=(--fallback-adapter)
  report_options=(--tiny)
  doctor_options+=(--seconds 0)
  kernel_options=(--tiny --seconds 0.02 ${kernel_options[@]+"${kernel_options[@]}"})
  swiftshader=$(node_modules/.bin/tsx scripts/swiftshader-env.ts)
  eval "$swiftshader"
else
  steps=${steps:-10}
  batch=${batch:-128}
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=()

wanted() {
  case ",$parts," in
    *",$1,"*) return 0 ;;
    *) return 1 ;;
  esac
}

# part NAME COMMAND…: a failure is noted, and the next part begins.
part() {
  local name=$1
  shift
  echo "== $name: $*"
  local start=$SECONDS
  if "$@"; then
    echo "== $name: done in $((SECONDS - start)) s"
  else
    echo "== $name: FAILED" >&2
    failed+=("$name")
  fi
}

securenn() {
  node dist/src/cli/main.js "$@"
}

part doctor securenn doctor ${doctor_options[@]+"${doctor_options[@]}"} ${adapter_options[@]+"${adapter_options[@]}"} --json "$work/doctor.json"
if [ ! -f "$work/doctor.json" ] || ! grep -q '"gpu": {' "$work/doctor.json"; then
  echo 'gpu.sh: there is no GPU to measure, see above; --tiny measures a software one' >&2
  exit 1
fi

if wanted kernels; then
  part kernels node dist/bench/kernels/kernels.js ${adapter_options[@]+"${adapter_options[@]}"} ${kernel_options[@]+"${kernel_options[@]}"} --out "$work/kernels.json"
fi

if wanted torch; then
  if "$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>/dev/null && ! $tiny; then
    part torch "$python" bench/torch_limbs.py --out "$work/torch.json"
  elif "$python" -c 'import torch' 2>/dev/null && $tiny; then
    part torch "$python" bench/torch_limbs.py --device cpu --sizes 64 --seconds 0.1 --out "$work/torch.json"
  else
    echo "== torch: left out, $python has no torch$($tiny || echo ' with CUDA')"
  fi
fi

if wanted train; then
  # A hundred training images at least: every label of the test images must be among them.
  part data node dist/bench/subset.js "$work/data" "$((steps * batch > 100 ? steps * batch : 100))" "$batch"
  backends=(wasm webgpu)
  if ! $tiny; then backends+=(auto); fi
  for backend in "${backends[@]}"; do
    options=()
    if [ "$backend" != wasm ]; then options=(${adapter_options[@]+"${adapter_options[@]}"}); fi
    # Fixed keys, so that the models can be compared; they protect nothing, and the data is public.
    part "train-$backend" securenn local train --network C --data "$work/data" --steps "$steps" --batch "$batch" --seed 1 --insecure-keys 1 \
      --timeout 3600 --backend "$backend" ${options[@]+"${options[@]}"} \
      --out "$work/train-$backend.safetensors" --json "$work/train-$backend.json"
  done
fi

part report node dist/bench/gpu-report.js ${report_options[@]+"${report_options[@]}"} "$work" "$results" ${failed[@]+"${failed[@]}"}
if [ ${#failed[@]} -gt 0 ]; then
  echo "gpu.sh: failed: ${failed[*]}" >&2
  exit 1
fi
