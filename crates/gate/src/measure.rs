//! Measuring a module against the limits of the schedule.

use crate::facts::Shape;
use crate::limit::Limit;
use crate::report::Findings;
use crate::rule::Rule;
use detent_protocol::Schedule;

/// Measured values so far, and where each sum first passed its cap.
pub(crate) struct Measure<'s> {
    schedule: &'s Schedule,
    pub(crate) shape: Shape,
    passed: [Option<usize>; Limit::ALL.len()],
}

impl<'s> Measure<'s> {
    pub(crate) fn new(schedule: &'s Schedule) -> Measure<'s> {
        Measure { schedule, shape: Shape::default(), passed: [None; Limit::ALL.len()] }
    }

    /// One function's, type's or name's own value: a reason for each that is too large.
    pub(crate) fn peak(&mut self, findings: &mut Findings, limit: Limit, value: u64, offset: usize, function: Option<u32>) {
        if let Some(greatest) = self.shape.slot(limit) {
            *greatest = (*greatest).max(value);
        }
        let cap = limit.cap(self.schedule);
        if value > cap {
            findings.add(Rule::Limit(limit), excess(limit, value, cap), Some(offset), function);
        }
    }

    /// Part of a sum over the module: one reason at the end, placed where the sum passed the cap.
    pub(crate) fn add(&mut self, limit: Limit, value: u64, offset: usize) {
        let cap = limit.cap(self.schedule);
        let Some(sum) = self.shape.slot(limit) else { return };
        *sum = sum.saturating_add(value);
        let exceeded = *sum > cap;
        if let (true, Some(passed)) = (exceeded, self.passed.get_mut(limit as usize)) {
            passed.get_or_insert(offset);
        }
    }

    /// Something so far beyond its cap that the reader gave up counting it.
    pub(crate) fn unmeasured(&self, findings: &mut Findings, limit: Limit, offset: usize, function: Option<u32>) {
        let message = format!("too many {}, at most {} ({})", limit.what(), limit.cap(self.schedule), limit.name());
        findings.add(Rule::Limit(limit), message, Some(offset), function);
    }

    /// The reasons of the sums.
    pub(crate) fn finish(&self, findings: &mut Findings) {
        for &limit in Limit::ALL {
            if let Some(&Some(offset)) = self.passed.get(limit as usize) {
                findings.add(Rule::Limit(limit), excess(limit, self.shape.get(limit), limit.cap(self.schedule)), Some(offset), None);
            }
        }
    }
}

pub(crate) fn excess(limit: Limit, value: u64, cap: u64) -> String {
    format!("{value} {}, at most {cap} ({})", limit.what(), limit.name())
}
