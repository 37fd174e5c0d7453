"""The Blake3 of the toolchain is Blake3."""

from __future__ import annotations

import json
from pathlib import Path

from detent.toolchain.blake3 import blake3


def test_published_vectors(vectors: Path) -> None:
    cases = json.loads((vectors / "hashes/blake3_test_vectors.json").read_text())["cases"]
    pattern = bytes(range(251)) * 410
    assert len(cases) == 35
    for case in cases:
        assert blake3(pattern[: case["input_len"]]).hex() == case["hash"][:64], case["input_len"]


def test_known_hashes() -> None:
    # `topic_transfer` and `selector_increment` of the published ABI vectors.
    assert blake3(b"Transfer(address,address,uint128)").hex() == "71fba72c0005dd55aea688392321923169fb06ab0ec0c3e330731ca5979f4db9"
    assert blake3(b"increment")[:4].hex() == "fcf52a2c"
