#!/bin/sh
# Debian packages that CI needs beyond a C compiler, Rust and Python. Called by .ci/run; harmless to repeat.
set -e
missing=""
for package in build-essential python3-venv; do
    dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
[ -z "$missing" ] || { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; }
