//! What the rewriter asks of an operator.

use wasmparser::Operator;

/// Whether an operator can trap by itself: where an activation can stand when a frame ends, besides calls.
///
/// `memory.grow` is not among them: it becomes a call of a helper that ends only by returning, out of gas, or aborting the node.
pub(crate) fn traps(operator: &Operator<'_>) -> bool {
    use Operator::*;
    matches!(
        operator,
        Unreachable
            | I32Load { .. }
            | I64Load { .. }
            | F32Load { .. }
            | F64Load { .. }
            | I32Load8S { .. }
            | I32Load8U { .. }
            | I32Load16S { .. }
            | I32Load16U { .. }
            | I64Load8S { .. }
            | I64Load8U { .. }
            | I64Load16S { .. }
            | I64Load16U { .. }
            | I64Load32S { .. }
            | I64Load32U { .. }
            | I32Store { .. }
            | I64Store { .. }
            | F32Store { .. }
            | F64Store { .. }
            | I32Store8 { .. }
            | I32Store16 { .. }
            | I64Store8 { .. }
            | I64Store16 { .. }
            | I64Store32 { .. }
            | I32DivS
            | I32DivU
            | I32RemS
            | I32RemU
            | I64DivS
            | I64DivU
            | I64RemS
            | I64RemU
            | I32TruncF32S
            | I32TruncF32U
            | I32TruncF64S
            | I32TruncF64U
            | I64TruncF32S
            | I64TruncF32U
            | I64TruncF64S
            | I64TruncF64U
            | MemoryInit { .. }
            | MemoryCopy { .. }
            | MemoryFill { .. }
            | TableInit { .. }
            | TableCopy { .. }
            | TableFill { .. }
            | TableGet { .. }
            | TableSet { .. }
    )
}

/// Whether an operator accesses memory at an offset that a memory of at most `bytes` cannot have, whatever the address: a compiler may
/// take it for an unconditional trap. (Generous by a few bytes.)
pub(crate) fn always_out_of_bounds(operator: &Operator<'_>, bytes: u64) -> bool {
    use Operator::*;
    match operator {
        I32Load { memarg }
        | I64Load { memarg }
        | F32Load { memarg }
        | F64Load { memarg }
        | I32Load8S { memarg }
        | I32Load8U { memarg }
        | I32Load16S { memarg }
        | I32Load16U { memarg }
        | I64Load8S { memarg }
        | I64Load8U { memarg }
        | I64Load16S { memarg }
        | I64Load16U { memarg }
        | I64Load32S { memarg }
        | I64Load32U { memarg }
        | I32Store { memarg }
        | I64Store { memarg }
        | F32Store { memarg }
        | F64Store { memarg }
        | I32Store8 { memarg }
        | I32Store16 { memarg }
        | I64Store8 { memarg }
        | I64Store16 { memarg }
        | I64Store32 { memarg } => memarg.offset.saturating_add(16) > bytes,
        _ => false,
    }
}

/// Whether an operator loads from memory; and if so, whether it is one that compilers fold into the instruction that uses the value.
pub(crate) fn load(operator: &Operator<'_>) -> Option<bool> {
    use Operator::*;
    match operator {
        I32Load { .. } | I64Load { .. } | F32Load { .. } | F64Load { .. } => Some(true),
        I32Load8S { .. }
        | I32Load8U { .. }
        | I32Load16S { .. }
        | I32Load16U { .. }
        | I64Load8S { .. }
        | I64Load8U { .. }
        | I64Load16S { .. }
        | I64Load16U { .. }
        | I64Load32S { .. }
        | I64Load32U { .. } => Some(false),
        _ => None,
    }
}

/// The width of a store to memory, in bytes.
pub(crate) fn store(operator: &Operator<'_>) -> Option<u8> {
    use Operator::*;
    match operator {
        I32Store8 { .. } | I64Store8 { .. } => Some(1),
        I32Store16 { .. } | I64Store16 { .. } => Some(2),
        I32Store { .. } | F32Store { .. } | I64Store32 { .. } => Some(4),
        I64Store { .. } | F64Store { .. } => Some(8),
        _ => None,
    }
}

/// Whether an operator calls, in the original.
pub(crate) fn calls(operator: &Operator<'_>) -> bool {
    matches!(operator, Operator::Call { .. } | Operator::CallIndirect { .. })
}

/// Whether an activation can stand at an operator when a frame ends, or something else looks at the gas cell there.
pub(crate) fn stands(operator: &Operator<'_>) -> bool {
    traps(operator) || calls_in_form(operator)
}

/// Whether an operator calls in the form: the original's calls, and those that a helper of ours charges.
pub(crate) fn calls_in_form(operator: &Operator<'_>) -> bool {
    use Operator::*;
    calls(operator)
        || matches!(
            operator,
            MemoryGrow { .. }
                | MemoryInit { .. }
                | MemoryCopy { .. }
                | MemoryFill { .. }
                | TableGrow { .. }
                | TableInit { .. }
                | TableCopy { .. }
                | TableFill { .. }
        )
}
