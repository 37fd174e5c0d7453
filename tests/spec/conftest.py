"""The specification needs no compiled core: its tests run from a checkout that was never built."""

from __future__ import annotations

import sys
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2] / "python"
if str(SOURCES) not in sys.path:
    sys.path.append(str(SOURCES))
