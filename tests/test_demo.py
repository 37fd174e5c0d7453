"""The main job survives being killed: no committed block is lost, roots equal on the second engine, balances and supply right."""

from __future__ import annotations

from pathlib import Path

import pytest

from detent.demo import run_demo
from detent.errors import DetentError


def test_twenty_kills_lose_no_committed_block(tmp_path: Path) -> None:
    result = run_demo(transfers=20_000, accounts=200, block_size=100, kills=20, folder=tmp_path, seed=20, quiet=True)
    assert result["kills"] >= 15, "the worker finished before most kills came"
    assert result["blocks_lost"] == 0
    assert result["replay_equal"]
    assert result["balances_right"]
    assert result["supply_right"]
    assert result["ok"]


def test_a_chain_that_stands_elsewhere_is_said(tmp_path: Path) -> None:
    run_demo(transfers=20, accounts=10, block_size=10, kills=0, folder=tmp_path, seed=1, quiet=True)
    with pytest.raises(DetentError, match="demo_failed"):
        run_demo(transfers=10, accounts=10, block_size=10, kills=0, folder=tmp_path, seed=1, quiet=True)
