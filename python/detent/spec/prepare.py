"""From bytes to a `Program`: decoding, validation, blocks, stack plans, steps."""

from __future__ import annotations

from collections.abc import Collection

from .accounting import operator_charges
from .binary import decode
from .blocks import block_charges, cutting_functions
from .instance import NULL, admit
from .instructions import leave, steps_of
from .program import Code, Program
from .reachability import reach
from .schedule import Schedule, reentering_imports
from .stack import stack_plans
from .validation import validate


def prepare(
    wasm: bytes,
    schedule: Schedule | None = None,
    reentering: Collection[tuple[str, str]] | None = None,
    *,
    by_operator: bool = False,
) -> Program:
    """Raises `MalformedModule`, `InvalidModule`, `NotAdmitted`.

    `reentering` are the (module, name) of imports that may enter exports; default those of `host.toml`.
    `by_operator` charges by the second accountant (`accounting`) instead of by blocks.
    """
    schedule = schedule or Schedule.current()
    module = decode(wasm)
    shapes = validate(module)
    admit(module, schedule.limits)
    reaches = [reach(shape) for shape in shapes]
    plans = stack_plans(module, shapes, reaches, schedule, reentering_imports() if reentering is None else reentering)
    cutting = cutting_functions(module, shapes, reaches)
    charges_of = operator_charges if by_operator else block_charges
    imports = module.imported_functions
    codes = []
    for index, (shape, found, plan) in enumerate(zip(shapes, reaches, plans, strict=True), len(imports)):
        charges = charges_of(shape, found, cutting, schedule)
        zeros = [NULL if type_.is_reference else 0 for type_ in shape.function.locals]
        steps = [*steps_of(shape, found, module), leave]
        codes.append(Code(index, shape.type, shape, zeros, [*charges.taken, 0], [*charges.refunded, 0], plan, steps))
    exports = {export.name: export.index for export in module.exports if export.kind == "func"}
    return Program(module, schedule, imports, module.function_types(), codes, exports)
