"""Contracts, built once a run."""

from __future__ import annotations

import os
import shutil
from functools import cache

import pytest
from projects import PROJECTS

from detent.toolchain import BuildResult, build


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> object:
    """Builds a project by its name, once. A machine without Rust skips, CI fails."""
    if shutil.which("cargo") is None and not os.environ.get("CI"):
        pytest.skip("no cargo: guests cannot be built")

    @cache
    def one(name: str) -> BuildResult:
        return build(PROJECTS[name], out=tmp_path_factory.mktemp(name))

    return one
