"""Building contracts: the project manifest, the ``pyde.abi`` section, the module. Pure Python, usable without the compiled core.

:func:`build` makes a module that can be deployed out of a project directory; :mod:`detent.codec` turns values into calldata and back.
"""

from __future__ import annotations

from detent.toolchain.abi import ContractAbi, Event, Function, StateField
from detent.toolchain.build import BuildResult, build, package
from detent.toolchain.manifest import Manifest, ManifestError
from detent.toolchain.manifest import load as load_manifest

__all__ = [
    "BuildResult",
    "ContractAbi",
    "Event",
    "Function",
    "Manifest",
    "ManifestError",
    "StateField",
    "build",
    "load_manifest",
    "package",
]
