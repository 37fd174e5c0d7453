"""Compiling a Rust contract: one cargo run with the flags of contracts, the same bytes wherever it happens."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from detent.errors import ToolchainError

TARGET = "wasm32-unknown-unknown"

# What makes a contract small and quick; the optimisation level is the project's own.
_PROFILE = {
    "CARGO_PROFILE_RELEASE_PANIC": "abort",
    "CARGO_PROFILE_RELEASE_LTO": "fat",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "1",
    "CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS": "true",
    "CARGO_PROFILE_RELEASE_DEBUG": "false",
    "CARGO_PROFILE_RELEASE_STRIP": "none",
    "CARGO_INCREMENTAL": "0",
}
# Settings of the person who builds: they would change the bytes.
_IGNORED = ("RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", f"CARGO_TARGET_{TARGET.upper().replace('-', '_')}_RUSTFLAGS", "RUSTC_BOOTSTRAP")


def compile_contract(project: Path, *, stack_size: int, target_dir: Path | None = None) -> tuple[bytes, list[str]]:
    """The module that cargo makes of a project's library, and warnings. Raises D703, D704."""
    project = project.resolve()
    if not (project / "Cargo.toml").is_file():
        raise ToolchainError("compile_failed", "a Rust contract needs a Cargo.toml", str(project))
    if shutil.which("cargo") is None:
        raise ToolchainError("compiler_missing", "cargo is not installed: see https://rustup.rs", str(project))
    environment = {key: value for key, value in os.environ.items() if key not in _IGNORED} | _PROFILE
    _need_target(project, environment)
    warnings = []
    metadata = _metadata(project, environment, locked=True)
    if metadata is None:
        metadata = _metadata(project, environment, locked=False)
        warnings.append("Cargo.lock was missing or behind and has been written: commit it, or builds differ")
    environment["CARGO_ENCODED_RUSTFLAGS"] = "\x1f".join((f"-Clink-arg=-zstack-size={stack_size}", *_remaps(metadata, environment)))
    arguments = ["build", "--release", "--locked", "--lib", "--target", TARGET, "--message-format=json-render-diagnostics"]
    if target_dir is not None:
        arguments += ["--target-dir", str(target_dir.resolve())]
    ran = _cargo(arguments, project, environment)
    if ran.returncode != 0:
        raise ToolchainError("compile_failed", ran.stderr.strip() or f"cargo ended with status {ran.returncode}", str(project))
    module = _artefact(ran.stdout.splitlines(), project / "Cargo.toml")
    if module is None:
        raise ToolchainError("compile_failed", 'the library needs crate-type = ["cdylib"]', str(project / "Cargo.toml"))
    return module.read_bytes(), warnings


def _cargo(arguments: list[str], project: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["cargo", *arguments], cwd=project, env=environment, capture_output=True, encoding="utf-8", errors="replace", check=False
    )


def _need_target(project: Path, environment: dict[str, str]) -> None:
    """The compiler that rustup chooses in this folder must have the target."""
    rustc = shutil.which("rustc")
    if rustc is None:
        raise ToolchainError("compiler_missing", "rustc is not installed: see https://rustup.rs", str(project))
    asked = subprocess.run(
        [rustc, "--print", "target-libdir", "--target", TARGET],
        cwd=project,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if asked.returncode != 0:
        raise ToolchainError("compiler_missing", f"rustc does not run: {asked.stderr.strip()}", str(project))
    if not Path(asked.stdout.strip()).is_dir():
        raise ToolchainError("compiler_missing", f"rustc has no target {TARGET}: run rustup target add {TARGET}", str(project))


def _metadata(project: Path, environment: dict[str, str], *, locked: bool) -> dict[str, Any] | None:
    """The workspace and its packages; None when the lock file would have to change."""
    arguments = ["metadata", "--format-version=1", f"--filter-platform={TARGET}", *(["--locked"] if locked else [])]
    ran = _cargo(arguments, project, environment)
    if ran.returncode == 0:
        found: dict[str, Any] = json.loads(ran.stdout)
        return found
    if locked and "--locked" in ran.stderr:
        return None
    raise ToolchainError("compile_failed", ran.stderr.strip(), str(project / "Cargo.toml"))


def _remaps(metadata: dict[str, Any] | None, environment: dict[str, str]) -> Iterable[str]:
    """Every folder of this machine that a module could mention gets a name of its own. Later ones win, so the nearest come last."""
    if metadata is None:
        return
    home = environment.get("CARGO_HOME") or str(Path.home() / ".cargo")
    folders = {home: "/cargo", str(metadata["workspace_root"]): "/workspace"}
    for package in metadata["packages"]:
        if package["source"] is None:
            folders[str(Path(package["manifest_path"]).parent)] = f"/{package['name']}"
    for folder, name in sorted(folders.items(), key=lambda item: len(item[0])):
        yield f"--remap-path-prefix={folder}={name}"


def _artefact(lines: Iterable[str], manifest: Path) -> Path | None:
    """The module among cargo's messages."""
    for line in lines:
        if not line.startswith("{"):
            continue
        message = json.loads(line)
        if message.get("reason") == "compiler-artifact" and Path(message["manifest_path"]) == manifest:
            for name in message["filenames"]:
                if name.endswith(".wasm"):
                    return Path(name)
    return None
