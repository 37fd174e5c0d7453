"""Where the projects that the tests build are."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = {
    "counter": ROOT / "examples/counter",
    "token": ROOT / "examples/token",
    "vault": ROOT / "examples/vault",
    "raw_token": ROOT / "benchmarks/guests/raw_token",
    "probe": ROOT / "tests/toolchain/guests/probe",
}
