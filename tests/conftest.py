"""What all tests share: where the third-party vectors are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from places import ROOT


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The folder of third-party vectors: ``DETENT_VECTORS``, else beside the repository. CI fails without it."""
    named = os.environ.get("DETENT_VECTORS")
    folder = Path(named) if named else ROOT.parent / "shared" / "vectors"
    if not folder.is_dir():
        message = f"third-party vectors not found at {folder}: set DETENT_VECTORS"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return folder
