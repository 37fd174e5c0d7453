"""Validation of whole modules: everything outside bodies is checked here, bodies by `checker`. Gives one `Shape` for each function."""

from __future__ import annotations

from .checker import Shape, shape_of
from .context import Context
from .errors import InvalidModule
from .module import ElementSegment, Expression, GlobalType, Module, Size, ValueType

MAX_PAGES = 65536


def validate(module: Module) -> list[Shape]:
    """The shapes of the defined functions, in order. Raises `InvalidModule`."""
    for imported in module.imports:
        if isinstance(imported.type, int):
            _index("type", imported.type, len(module.types), imported.offset)
    for function in module.functions:
        _index("type", function.type, len(module.types), function.offset)
    context = Context.of(module)
    _sizes(context)
    _globals(module, context)
    _exports(module, context)
    if module.start is not None:
        _index("function", module.start, len(context.functions), 0)
        start = context.functions[module.start]
        if start.params or start.results:
            raise InvalidModule(0, "start function has parameters or results")
    for segment in module.elements:
        _element(segment, context)
    for data in module.data:
        if data.mode == "active":
            _index("memory", data.memory, len(context.memories), data.offset)
            _constant(data.place, ValueType.I32, context)
    return [shape_of(function, context) for function in module.functions]


def _index(kind: str, index: int, count: int, offset: int) -> None:
    if index >= count:
        raise InvalidModule(offset, f"unknown {kind} {index}")


def _sizes(context: Context) -> None:
    if len(context.memories) > 1:
        raise InvalidModule(0, "multiple memories")
    for memory in context.memories:
        _size(memory, MAX_PAGES, "memory size must be at most 65536 pages")
    for table in context.tables:
        _size(table.size, 2**32 - 1, "table size")


def _size(size: Size, ceiling: int, what: str) -> None:
    if size.minimum > ceiling or (size.maximum is not None and size.maximum > ceiling):
        raise InvalidModule(0, what)
    if size.maximum is not None and size.minimum > size.maximum:
        raise InvalidModule(0, "size minimum must not be greater than maximum")


def _globals(module: Module, context: Context) -> None:
    for defined in module.globals:
        _constant(defined.value, defined.type.value, context)


def _exports(module: Module, context: Context) -> None:
    counts = {
        "func": len(context.functions),
        "table": len(context.tables),
        "memory": len(context.memories),
        "global": len(context.globals),
    }
    names: set[str] = set()
    for export in module.exports:
        if export.name in names:
            raise InvalidModule(export.offset, f"duplicate export name {export.name!r}")
        names.add(export.name)
        _index({"func": "function"}.get(export.kind, export.kind), export.index, counts[export.kind], export.offset)


def _element(segment: ElementSegment, context: Context) -> None:
    for entry in segment.entries:
        _constant(entry, segment.type, context)
    if segment.mode == "active":
        _index("table", segment.table, len(context.tables), segment.offset)
        if context.tables[segment.table].element != segment.type:
            raise InvalidModule(segment.offset, "type mismatch of table and element segment")
        _constant(segment.place, ValueType.I32, context)


def _constant(expression: Expression, wanted: ValueType, context: Context) -> None:
    """A constant expression of one value: a constant, a reference, or an imported immutable global."""
    found: list[ValueType] = []
    for name, immediates, offset in expression[:-1]:
        if name.endswith(".const"):
            found.append(ValueType[name.split(".")[0].upper()])
        elif name == "ref.null":
            found.append(ValueType(immediates[0]))
        elif name == "ref.func":
            _index("function", immediates[0], len(context.functions), offset)
            found.append(ValueType.FUNCREF)
        elif name == "global.get":
            _index("global", immediates[0], context.imported_globals, offset)
            seen: GlobalType = context.globals[immediates[0]]
            if seen.mutable:
                raise InvalidModule(offset, "constant expression required")
            found.append(seen.value)
        else:
            raise InvalidModule(offset, "constant expression required")
    if found != [wanted]:
        raise InvalidModule(expression[-1].offset, "type mismatch in a constant expression")
