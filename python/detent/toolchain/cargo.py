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
_IGNORED = (
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTFLAGS",
    "CARGO_BUILD_RUSTFLAGS",
    f"CARGO_TARGET_{TARGET.upper().replace('-', '_')}_RUSTFLAGS",
    "RUSTC_BOOTSTRAP",
)
# Cargo tells crates apart by a hash in which the folder of a local package counts unless it lies inside the workspace; symbols, and by
# way of them the order of functions, follow that hash. Name and version tell a contract's few crates apart as well.
_WRAPPER = """#!/bin/sh
rustc=$1
shift
left=$#
while [ "$left" -gt 0 ]; do
    argument=$1
    shift
    left=$((left - 1))
    case $argument in metadata=*) argument="metadata=$CARGO_PKG_NAME-$CARGO_PKG_VERSION" ;; esac
    set -- "$@" "$argument"
done
exec "$rustc" "$@"
"""


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
        metadata = _metadata(project, environment, locked=False) or {}
        warnings.append("Cargo.lock was missing or behind and has been written: commit it, or builds differ")
    # A folder of its own: cargo does not see the wrapper, so it must not find crates that were compiled without it.
    target = Path(metadata["target_directory"]) / "detent" if target_dir is None else target_dir.resolve()
    environment["RUSTC_WRAPPER"] = str(_wrapper(target))
    environment["CARGO_ENCODED_RUSTFLAGS"] = "\x1f".join((f"-Clink-arg=-zstack-size={stack_size}", *_remaps(metadata, environment)))
    arguments = ["build", "--release", "--locked", "--lib", "--target", TARGET, "--message-format=json-render-diagnostics"]
    arguments += ["--target-dir", str(target)]
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


def _wrapper(folder: Path) -> Path:
    """The compiler's wrapper, written only when it is not there: cargo asks the compiler anew whenever it is younger."""
    path = folder / "rustc"
    try:
        if not path.is_file() or path.read_text() != _WRAPPER:
            folder.mkdir(parents=True, exist_ok=True)
            fresh = folder / f"rustc.{os.getpid()}"
            fresh.write_text(_WRAPPER)
            fresh.chmod(0o755)
            fresh.replace(path)  # at once: another build may be running it
    except OSError as error:
        raise ToolchainError("compile_failed", f"the target folder cannot be written: {error}", str(folder)) from error
    return path


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


def _remaps(metadata: dict[str, Any], environment: dict[str, str]) -> Iterable[str]:
    """Every folder of this machine that a module could mention gets a name of its own. Later ones win, so the nearest come last."""
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
