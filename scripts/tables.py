"""Writes the generated pages of docs/ from the protocol's files. ``--check`` only says which are stale (and exits with 1)."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PROTOCOL = ROOT / "python" / "detent" / "protocol"
FAMILIES = {
    "D1": "the gate",
    "D2": "execution",
    "D3": "transactions and the chain",
    "D4": "state and store",
    "D5": "engines and artefacts",
    "D6": "encodings and keys",
    "D7": "the toolchain",
    "D8": "the Python package and the command line",
}


def read(name: str) -> dict[str, Any]:
    """A protocol file."""
    return tomllib.loads((PROTOCOL / name).read_text(encoding="utf-8"))


def errors() -> str:
    """docs/errors.md"""
    lines = [
        "# Errors",
        "",
        "Generated from `python/detent/protocol/errors.toml` by `make docs`. Codes are never reused; names are stable.",
        "",
    ]
    entries = sorted(read("errors.toml")["error"], key=lambda entry: entry["code"])
    for prefix, title in FAMILIES.items():
        lines += [f"## {prefix}xx: {title}", "", "| code | name | cause | cure |", "|---|---|---|---|"]
        lines += [f"| {e['code']} | `{e['name']}` | {e['meaning']} | {e['cure']} |" for e in entries if e["code"].startswith(prefix)]
        lines.append("")
    return "\n".join(lines)


def schedule() -> str:
    """docs/schedule.md"""
    data = read("schedule.toml")
    operators = data["operators"]
    lines = [
        f"# Gas schedule, version {data['schedule']['version']}",
        "",
        "Generated from `python/detent/protocol/schedule.toml` by `make docs`; the rules are in [metering.md](metering.md). Unit: fuel.",
        "",
        f"Free operators: {', '.join(f'`{name}`' for name in operators['free'])}. Operators without an entry cost {operators['default']}.",
        "",
        "| operator | fuel |",
        "|---|---|",
        *[f"| `{name}` | {cost} |" for name, cost in operators["cost"].items()],
        "",
        "| constant | value |",
        "|---|---|",
    ]
    for table, values in data.items():
        if table not in {"schedule", "operators"}:
            for name, value in values.items():
                pairs = [(f"{name}.{key}", inner) for key, inner in value.items()] if isinstance(value, dict) else [(name, value)]
                lines += [f"| `{table}.{key}` | {inner} |" for key, inner in pairs]
    return "\n".join([*lines, ""])


PAGES = {"errors.md": errors, "schedule.md": schedule}


def main() -> int:
    """Writes or checks every page."""
    stale = []
    for name, make in PAGES.items():
        page = ROOT / "docs" / name
        text = make()
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in sys.argv:
                page.write_text(text, encoding="utf-8")
    if stale:
        sys.stdout.write(("stale, run make docs: " if "--check" in sys.argv else "written: ") + ", ".join(stale) + "\n")
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    raise SystemExit(main())
