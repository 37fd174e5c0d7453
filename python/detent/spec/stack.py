"""The logical stack: section 5. Sizes are bytes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .checker import Shape
from .module import Module
from .reachability import Reach
from .schedule import Schedule

VALUE = 8
"""Bytes of a parameter, local or operand, whatever its type."""

STRUCTURE = frozenset({"block", "loop", "end", "else", "nop"})
"""Operators that no frame counts."""


@dataclass(frozen=True, slots=True)
class StackPlan:
    """Of one function. `needed` is `reserve(f)` if it is counted, else `bound(f)`."""

    frame: int
    counted: bool
    needed: int


def stack_plans(
    module: Module,
    shapes: Sequence[Shape],
    reaches: Sequence[Reach],
    schedule: Schedule,
    reentering: Collection[tuple[str, str]],
) -> list[StackPlan]:
    """The plan of each defined function, in order. `reentering` names the imports that can enter exports of the instance."""
    callees = call_graph(module, shapes, reaches, reentering)
    frames = [frame_size(shape, found, schedule) for shape, found in zip(shapes, reaches, strict=True)]
    plans: list[StackPlan | None] = [None] * len(shapes)
    for component in components(callees):
        for node in component:
            cyclic = len(component) > 1 or node in callees[node]
            below = 0
            for callee in callees[node]:
                plan = plans[callee]  # None: of this component, hence counted
                if plan is not None and not plan.counted:
                    below = max(below, plan.needed)
            needed = frames[node] + below
            plans[node] = StackPlan(frames[node], cyclic or needed > schedule.limits.stack_bytes, needed)
    return [plan for plan in plans if plan is not None]


def frame_size(shape: Shape, found: Reach, schedule: Schedule) -> int:
    """`frame(f)`."""
    peak = max((height for height, live in zip(shape.heights, found.operators, strict=True) if live), default=0)
    body = zip(shape.function.body, found.operators, strict=True)
    operators = sum(1 for operator, live in body if live and operator.name not in STRUCTURE)
    values = len(shape.type.params) + len(shape.function.locals) + peak
    return VALUE * values + schedule.stack.operator * operators + schedule.stack.frame


def call_graph(
    module: Module, shapes: Sequence[Shape], reaches: Sequence[Reach], reentering: Collection[tuple[str, str]]
) -> list[list[int]]:
    """The defined functions that each defined function may enter, sorted; nodes count from the first defined function."""
    imports = module.imported_functions
    types = module.function_types()
    in_tables = sorted({entry[0].immediates[0] for segment in module.elements for entry in segment.entries if entry[0].name == "ref.func"})
    exported = {export.index for export in module.exports if export.kind == "func" and export.index >= len(imports)}

    def entered(function: int) -> set[int]:
        """What a call of one function of the index space may enter."""
        if function >= len(imports):
            return {function}
        return exported if (imports[function].module, imports[function].name) in reentering else set()

    graph = []
    for shape, found in zip(shapes, reaches, strict=True):
        callees: set[int] = set()
        for operator, live in zip(shape.function.body, found.operators, strict=True):
            if live and operator.name == "call":
                callees |= entered(operator.immediates[0])
            elif live and operator.name == "call_indirect":
                wanted = module.types[operator.immediates[0]]
                for function in in_tables:
                    if types[function] == wanted:
                        callees |= entered(function)
        graph.append(sorted(callee - len(imports) for callee in callees))
    return graph


def components(graph: Sequence[Sequence[int]]) -> list[list[int]]:
    """Strongly connected components, callees first (Tarjan's algorithm without recursion)."""
    found: list[list[int]] = []
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    pending: list[int] = []
    on_pending: set[int] = set()
    for root in range(len(graph)):
        if root in order:
            continue
        path = [(root, iter(graph[root]))]
        order[root] = low[root] = len(order)
        pending.append(root)
        on_pending.add(root)
        while path:
            node, successors = path[-1]
            for successor in successors:
                if successor not in order:
                    order[successor] = low[successor] = len(order)
                    pending.append(successor)
                    on_pending.add(successor)
                    path.append((successor, iter(graph[successor])))
                    break
                if successor in on_pending:
                    low[node] = min(low[node], order[successor])
            else:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
                if low[node] == order[node]:
                    component: list[int] = []
                    while not component or component[-1] != node:
                        component.append(pending.pop())
                    on_pending.difference_update(component)
                    found.append(component)
    return found
