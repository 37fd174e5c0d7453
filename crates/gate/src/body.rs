//! Counting the operators of one function body.

use crate::limit::Limit;
use crate::measure::Measure;
use crate::report::Findings;
use wasmparser::{Error, FunctionBody, Operator};

/// Counts `body` of function `index` (imports first) into `measure`. What was read before an error counts.
pub(crate) fn measure(body: &FunctionBody<'_>, index: u32, measure: &mut Measure<'_>, findings: &mut Findings) -> Result<(), Error> {
    let offset = body.range().start;
    let mut counts = Counts::default();
    let result = counts.read(body);
    let peaks = [
        (Limit::BodyBytes, body.range().len() as u64),
        (Limit::Locals, counts.locals),
        (Limit::Nesting, counts.deepest),
        (Limit::BlocksPerFunction, counts.blocks),
        (Limit::BranchTargetsPerFunction, counts.targets),
        (Limit::CallsPerFunction, counts.calls),
    ];
    for (limit, value) in peaks {
        measure.peak(findings, limit, value, offset, Some(index));
    }
    measure.add(Limit::LocalsTotal, counts.locals, offset);
    measure.add(Limit::BlocksTotal, counts.blocks, offset);
    measure.add(Limit::BranchTargetsTotal, counts.targets, offset);
    result
}

struct Counts {
    locals: u64,
    depth: u64,
    deepest: u64,
    blocks: u64,
    targets: u64,
    calls: u64,
}

impl Default for Counts {
    fn default() -> Counts {
        Counts { locals: 0, depth: 0, deepest: 0, blocks: 1, targets: 0, calls: 0 }
    }
}

impl Counts {
    fn read(&mut self, body: &FunctionBody<'_>) -> Result<(), Error> {
        let mut locals = body.get_locals_reader()?;
        for _ in 0..locals.get_count() {
            self.locals = self.locals.saturating_add(u64::from(locals.read()?.0));
        }
        let mut operators = wasmparser::OperatorsReader::new(locals.get_binary_reader());
        while !operators.eof() {
            self.count(&operators.read()?);
        }
        Ok(())
    }

    fn count(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                self.blocks += 1;
                self.depth += 1;
                self.deepest = self.deepest.max(self.depth);
            }
            Operator::Else | Operator::BrIf { .. } => self.blocks += 1,
            Operator::BrTable { targets } => {
                self.blocks += 1;
                self.targets += u64::from(targets.len()) + 1;
            }
            Operator::End => self.depth = self.depth.saturating_sub(1),
            Operator::Call { .. } | Operator::CallIndirect { .. } => self.calls += 1,
            _ => {}
        }
    }
}
