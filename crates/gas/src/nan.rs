//! One NaN: which results are made canonical, and where nobody could tell (`docs/metering.md` section 6).

use wasm_encoder::{Ieee32, Ieee64, InstructionSink};
use wasmparser::Operator;

/// Width of a float.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Float {
    F32,
    F64,
}

/// The width of an operator's result, if a NaN in it must be canonical.
pub(crate) fn canonical_result(operator: &Operator<'_>) -> Option<Float> {
    use Operator::*;
    match operator {
        F32Add | F32Sub | F32Mul | F32Div | F32Sqrt | F32Ceil | F32Floor | F32Trunc | F32Nearest | F32Min | F32Max | F32DemoteF64 => {
            Some(Float::F32)
        }
        F64Add | F64Sub | F64Mul | F64Div | F64Sqrt | F64Ceil | F64Floor | F64Trunc | F64Nearest | F64Min | F64Max | F64PromoteF32 => {
            Some(Float::F64)
        }
        _ => None,
    }
}

/// Whether an operator gives the same for every NaN in its last operand, so that the operator just before it need not canonicalise:
///
/// - the operators above: a NaN operand makes the result a NaN (for `min` and `max` too), and that is made canonical, or hidden in turn;
/// - comparisons: unordered, whichever NaN;
/// - truncations to integers: a trap, or 0;
/// - `drop`.
///
/// The operator just before it in program order is the one that made the operand: both execute, with no label between them.
pub(crate) fn hides(operator: &Operator<'_>) -> bool {
    use Operator::*;
    canonical_result(operator).is_some()
        || matches!(
            operator,
            F32Eq
                | F32Ne
                | F32Lt
                | F32Gt
                | F32Le
                | F32Ge
                | F64Eq
                | F64Ne
                | F64Lt
                | F64Gt
                | F64Le
                | F64Ge
                | I32TruncF32S
                | I32TruncF32U
                | I32TruncF64S
                | I32TruncF64U
                | I64TruncF32S
                | I64TruncF32U
                | I64TruncF64S
                | I64TruncF64U
                | I32TruncSatF32S
                | I32TruncSatF32U
                | I32TruncSatF64S
                | I32TruncSatF64U
                | I64TruncSatF32S
                | I64TruncSatF32U
                | I64TruncSatF64S
                | I64TruncSatF64U
                | Drop
        )
}

/// Replaces a NaN on the stack by the canonical one, by way of a local. `x >= x` is false of a NaN only, and one flag of a processor, where `x == x` is two.
pub(crate) fn canonicalise(float: Float, local: u32, code: &mut InstructionSink<'_>) {
    code.local_tee(local);
    match float {
        Float::F32 => code.f32_const(Ieee32::new(0x7fc0_0000)).local_get(local).local_get(local).f32_ge(),
        Float::F64 => code.f64_const(Ieee64::new(0x7ff8_0000_0000_0000)).local_get(local).local_get(local).f64_ge(),
    };
    code.select();
}
