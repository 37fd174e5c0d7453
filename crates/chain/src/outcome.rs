//! How a transaction ended: success, revert or halt, as data with stable codes and no words.

use borsh::{BorshDeserialize, BorshSerialize};
use detent_protocol::{Code, HostTable};

/// How a transaction ended. A revert and a halt leave nothing behind but the fee and the nonce.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Outcome {
    /// It did what it was for.
    Success {
        /// What the function gave to `return`; the address, for a deployment.
        output: Vec<u8>,
    } = 0,
    /// The contract decided to fail.
    Revert {
        /// What it gave to `revert`; by convention text.
        data: Vec<u8>,
    } = 1,
    /// It was ended.
    Halt {
        /// Why.
        reason: Halt,
    } = 2,
}

/// Why a transaction was ended. Every value is decided by the protocol, never by a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Halt {
    /// The outermost frame trapped.
    Trap(TrapKind) = 0,
    /// The gas limit was used up.
    OutOfGas = 1,
    /// The logical stack was used up.
    StackOverflow = 2,
    /// The initial memory of the outermost frame exceeds the transaction's pages.
    OutOfMemory = 3,
    /// The call was not begun: a code of the ABI (-12 not payable, -13 no such function, ...).
    Refused(i32) = 4,
    /// The deployment was not accepted: the number of the catalogue's code (108 for D108).
    Undeployable(u16) = 5,
}

/// The kinds of traps, as the WebAssembly specification tells them apart, and the host's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
#[allow(missing_docs)] // the specification's names
pub enum TrapKind {
    Unreachable = 0,
    MemoryOutOfBounds = 1,
    TableOutOfBounds = 2,
    IndirectCallToNull = 3,
    BadSignature = 4,
    IntegerOverflow = 5,
    IntegerDivisionByZero = 6,
    BadConversionToInteger = 7,
    /// A host function refused its arguments.
    Host = 8,
}

impl From<detent_engine::Trap> for TrapKind {
    fn from(trap: detent_engine::Trap) -> TrapKind {
        use detent_engine::Trap;
        match trap {
            Trap::Unreachable => TrapKind::Unreachable,
            Trap::MemoryOutOfBounds => TrapKind::MemoryOutOfBounds,
            Trap::TableOutOfBounds => TrapKind::TableOutOfBounds,
            Trap::IndirectCallToNull => TrapKind::IndirectCallToNull,
            Trap::BadSignature => TrapKind::BadSignature,
            Trap::IntegerOverflow => TrapKind::IntegerOverflow,
            Trap::IntegerDivisionByZero => TrapKind::IntegerDivisionByZero,
            Trap::BadConversionToInteger => TrapKind::BadConversionToInteger,
            Trap::Host => TrapKind::Host,
        }
    }
}

impl TrapKind {
    /// A stable name.
    pub fn name(self) -> &'static str {
        match self {
            TrapKind::Unreachable => "unreachable",
            TrapKind::MemoryOutOfBounds => "memory_out_of_bounds",
            TrapKind::TableOutOfBounds => "table_out_of_bounds",
            TrapKind::IndirectCallToNull => "indirect_call_to_null",
            TrapKind::BadSignature => "bad_signature",
            TrapKind::IntegerOverflow => "integer_overflow",
            TrapKind::IntegerDivisionByZero => "integer_division_by_zero",
            TrapKind::BadConversionToInteger => "bad_conversion_to_integer",
            TrapKind::Host => "host",
        }
    }
}

impl Halt {
    /// A deployment refused for an error of the catalogue.
    pub fn undeployable(code: Code) -> Halt {
        // codes are D and three digits, which the catalogue's own test checks
        Halt::Undeployable(code.entry().code.get(1..).and_then(|n| n.parse().ok()).unwrap_or(0))
    }

    /// The catalogue's entry for it.
    pub fn code(self) -> Code {
        match self {
            Halt::Trap(TrapKind::Host) => Code::HostTrap,
            Halt::Trap(_) => Code::Trap,
            Halt::OutOfGas => Code::OutOfGas,
            Halt::StackOverflow => Code::StackOverflow,
            Halt::OutOfMemory => Code::OutOfMemory,
            Halt::Refused(_) => Code::CallRefused,
            Halt::Undeployable(number) => Code::find(&format!("D{number:03}")).unwrap_or(Code::ModuleMalformed),
        }
    }

    /// One line for people: the catalogue's name, and particulars where there are any.
    pub fn text(self) -> String {
        let name = self.code().entry().name;
        match self {
            Halt::Trap(kind) if kind != TrapKind::Host => format!("{name}: {}", kind.name()),
            Halt::Refused(code) => format!("{name}: {} ({code})", code_name(code)),
            _ => name.to_string(),
        }
    }
}

/// The ABI's name of a return code.
pub fn code_name(code: i32) -> &'static str {
    HostTable::current().codes.iter().find(|(_, c)| **c == code).map_or("unknown", |(name, _)| name)
}

impl Outcome {
    /// Whether it is a success.
    pub fn is_success(&self) -> bool {
        matches!(self, Outcome::Success { .. })
    }

    /// Output of a success, data of a revert, nothing of a halt.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Outcome::Success { output } => output,
            Outcome::Revert { data } => data,
            Outcome::Halt { .. } => &[],
        }
    }

    /// `success`, `revert` or `halt`.
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::Success { .. } => "success",
            Outcome::Revert { .. } => "revert",
            Outcome::Halt { .. } => "halt",
        }
    }

    /// The status that Pyde's clients know: `success`, `reverted` or `out_of_gas`.
    pub fn status(&self) -> &'static str {
        match self {
            Outcome::Success { .. } => "success",
            Outcome::Halt { reason: Halt::OutOfGas } => "out_of_gas",
            Outcome::Revert { .. } | Outcome::Halt { .. } => "reverted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_halt_has_a_line_of_the_catalogue() {
        let text = |h: Halt| h.text();
        assert_eq!(text(Halt::Trap(TrapKind::IntegerOverflow)), "trap: integer_overflow");
        assert_eq!(text(Halt::Trap(TrapKind::Host)), "host_trap");
        assert_eq!(text(Halt::OutOfGas), "out_of_gas");
        assert_eq!(text(Halt::Refused(-13)), "call_refused: invalid_function_name (-13)");
        assert_eq!(Halt::undeployable(Code::ShapeLimit), Halt::Undeployable(108));
        assert_eq!(text(Halt::Undeployable(108)), "shape_limit");
        for &code in detent_protocol::CODES {
            assert_eq!(Halt::undeployable(code).code(), code);
        }
    }

    #[test]
    fn the_three_outcomes_map_to_the_three_published_states() {
        let halt = |reason| Outcome::Halt { reason };
        assert_eq!(Outcome::Success { output: vec![] }.status(), "success");
        assert_eq!(Outcome::Revert { data: vec![1] }.status(), "reverted");
        assert_eq!(halt(Halt::OutOfGas).status(), "out_of_gas");
        assert_eq!(halt(Halt::StackOverflow).status(), "reverted");
    }
}
