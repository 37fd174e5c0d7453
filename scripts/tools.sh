#!/bin/sh
# Says in one line what is missing, and adds the wasm32 target that contracts are built for.
python=$1
cargo=$2
need() { command -v "$1" >/dev/null 2>&1 || { echo "missing: $1. $2" >&2; exit 1; }; }
need "$cargo" "Install Rust with rustup (https://rustup.rs)."
need "$python" "Install Python 3.11 or newer."
need cc "Install a C compiler (Debian: apt-get install build-essential)."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $python is older. Set PYTHON=..." >&2; exit 1; }
"$python" -c 'import venv, ensurepip' 2>/dev/null || { echo "missing: the venv module. Debian: apt-get install python3-venv." >&2; exit 1; }
if command -v rustup >/dev/null 2>&1; then
    channel=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
    rustup toolchain list | grep -q "^$channel" || rustup -q toolchain install --profile minimal "$channel" || exit 1
    for component in clippy rustfmt; do
        rustup component list --toolchain "$channel" --installed | grep -q "^$component" ||
            rustup -q component add --toolchain "$channel" $component || exit 1
    done
    rustup target list --toolchain "$channel" --installed | grep -q '^wasm32-unknown-unknown$' ||
        rustup -q target add --toolchain "$channel" wasm32-unknown-unknown || exit 1
fi
