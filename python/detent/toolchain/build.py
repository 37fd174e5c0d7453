"""From a project to a module that can be deployed: compile, compare code and manifest, append the ``pyde.abi`` section."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from detent.errors import ToolchainError
from detent.toolchain import names, signatures
from detent.toolchain.abi import SECTION, ContractAbi, encode
from detent.toolchain.cargo import compile_contract
from detent.toolchain.manifest import Manifest, load
from detent.toolchain.wasm import FuncType, Module

ENTRY = FuncType((), ())
"""The type of every function that a call can name."""


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What a build made."""

    wasm: Path
    """The module, ready to deploy."""
    abi_json: Path
    """Its interface for people and other tools."""
    code: bytes
    """The module's bytes."""
    manifest: Manifest
    warnings: tuple[str, ...]

    @property
    def name(self) -> str:
        """The contract's name."""
        return self.manifest.name

    @property
    def abi(self) -> ContractAbi:
        """The contract's interface."""
        return self.manifest.abi


def build(
    project_dir: Path | str, *, out: Path | str | None = None, target_dir: Path | str | None = None, keep_names: bool = False
) -> BuildResult:
    """Builds a project and writes ``<name>.wasm`` and ``<name>.abi.json`` to ``out`` (default: ``build`` in the project).

    Rust projects are compiled; of other languages the module that their own build has left at ``contract.lang.output`` is packaged.
    The bytes depend on the sources, the lock file and the compiler alone. ``keep_names`` keeps functions' names for traces.
    Raises :class:`detent.errors.ToolchainError` (D7xx). Prints nothing.
    """
    manifest = load(project_dir)
    warnings = [str(problem) for problem in manifest.warnings]
    if manifest.language.name == "rust":
        target = None if target_dir is None else Path(target_dir)
        module, more = compile_contract(manifest.directory, stack_size=manifest.language.stack_size, target_dir=target)
        warnings += more
    else:
        module = _prebuilt(manifest)
    code = package(module, manifest.abi, keep_names=keep_names)
    folder = manifest.directory / "build" if out is None else Path(out)
    wasm, abi_json = folder / f"{manifest.name}.wasm", folder / f"{manifest.name}.abi.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        wasm.write_bytes(code)
        abi_json.write_text(json.dumps(manifest.abi.to_json(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ToolchainError("output_missing", f"the module cannot be written: {error}", str(folder)) from error
    return BuildResult(wasm, abi_json, code, manifest, tuple(warnings))


def package(module: bytes, abi: ContractAbi, *, keep_names: bool = False) -> bytes:
    """A compiled module with its ABI section and without the custom sections of compilers. Raises D706, D707."""
    parsed = Module(module)
    problems = [*_exports(parsed, abi)]
    for section in parsed.customs(signatures.SECTION):
        problems += signatures.compare(section, abi)
    if problems:
        raise ToolchainError("module_mismatch", "\n  ".join(("the module and the manifest differ", *problems)), abi.name)
    bare = parsed.without_customs()
    if keep_names:
        for section in parsed.customs(names.SECTION)[:1]:
            bare = bare.with_custom(names.SECTION, names.plain(section))
    return bare.with_custom(SECTION, encode(abi)).to_bytes()


def _exports(module: Module, abi: ContractAbi) -> list[str]:
    """Differences between exports and declared functions, as sentences."""
    exports = {export.name: export for export in module.exports()}
    problems = []
    if "memory" not in exports or exports["memory"].kind != "memory":
        problems.append("the module does not export its memory as memory")
    for function in abi.functions:
        export = exports.get(function.name)
        if export is None:
            problems.append(f"{function.name} is declared but not exported")
        elif export.type != ENTRY:
            found = export.kind if export.type is None else f"a function {export.type}"
            problems.append(f"{function.name} is exported as {found} and must be a function {ENTRY}")
    declared = {function.name for function in abi.functions}
    for export in exports.values():
        if export.kind == "function" and export.name not in declared and not export.name.startswith("_"):
            problems.append(f"{export.name} is exported but not declared: declare it, or begin its name with _")
    return problems


def _prebuilt(manifest: Manifest) -> bytes:
    path = manifest.directory / (manifest.language.output or "")
    try:
        return path.read_bytes()
    except OSError as error:
        raise ToolchainError("output_missing", f"build the {manifest.language.name} project first: {error}", str(path)) from error
