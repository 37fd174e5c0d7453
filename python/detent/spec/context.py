"""What a body may refer to: the index spaces of a module, imports first."""

from __future__ import annotations

from dataclasses import dataclass

from .module import Expression, FunctionType, GlobalType, Module, Size, TableType, ValueType


@dataclass(frozen=True, slots=True)
class Context:
    """The index spaces, and the functions that `ref.func` may name."""

    module: Module
    functions: list[FunctionType]
    tables: list[TableType]
    memories: list[Size]
    globals: list[GlobalType]
    imported_globals: int
    element_types: list[ValueType]
    data_segments: int
    referable: frozenset[int]

    @staticmethod
    def of(module: Module) -> Context:
        """Of a module whose type indexes of functions were checked."""
        kinds = [imported.type for imported in module.imports]
        globals_ = [kind for kind in kinds if isinstance(kind, GlobalType)]
        return Context(
            module=module,
            functions=module.function_types(),
            tables=[kind for kind in kinds if isinstance(kind, TableType)] + module.tables,
            memories=[kind for kind in kinds if isinstance(kind, Size)] + module.memories,
            globals=globals_ + [defined.type for defined in module.globals],
            imported_globals=len(globals_),
            element_types=[segment.type for segment in module.elements],
            data_segments=len(module.data),
            referable=_referable(module),
        )


def _referable(module: Module) -> frozenset[int]:
    """Functions that occur outside bodies: in exports, globals and element segments."""
    expressions: list[Expression] = [defined.value for defined in module.globals]
    for segment in module.elements:
        expressions += segment.entries
    named = {export.index for export in module.exports if export.kind == "func"}
    for expression in expressions:
        named |= {operator.immediates[0] for operator in expression if operator.name == "ref.func"}
    return frozenset(named)
