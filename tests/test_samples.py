"""The packaged contracts are what their source gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from detent import samples
from detent.toolchain import build
from places import ROOT


@pytest.mark.parametrize("name", ["token", "counter"])
def test_the_packaged_contract_is_its_source_built(name: str, tmp_path: Path) -> None:
    packaged: Path = getattr(samples, name)()
    built = build(ROOT / "examples" / name, out=tmp_path / "built.wasm")
    assert built.code == packaged.read_bytes(), f"copy examples/{name}/build/{name}.wasm to python/detent/samples"
