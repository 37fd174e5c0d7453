//! The logical stack: which functions count it at run time, and how much each needs (`docs/metering.md` section 5).

use crate::callgraph::CallGraph;
use crate::survey::Survey;
use detent_protocol::Schedule;

/// What one defined function needs of the logical stack, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Need {
    /// One activation.
    pub frame: u64,
    /// It checks at run time.
    pub counted: bool,
    /// `reserve` if counted, else `bound`.
    pub bytes: u64,
}

/// The needs of all defined functions.
pub(crate) fn needs(calls: &CallGraph, surveys: &[Survey], schedule: &Schedule) -> Vec<Need> {
    let limit = u64::from(schedule.limits.stack_bytes);
    let mut needs: Vec<Need> = surveys
        .iter()
        .map(|s| {
            let values = s.parameters.saturating_add(s.locals).saturating_add(s.peak);
            let operators = s.operators.saturating_mul(u64::from(schedule.stack.operator));
            let frame = values.saturating_mul(8).saturating_add(operators).saturating_add(u64::from(schedule.stack.frame));
            Need { frame, counted: false, bytes: 0 }
        })
        .collect();
    let functions = calls.functions;
    // Of nodes that are not functions: the deepest function behind them that is not counted.
    let mut deepest = vec![0u64; calls.graph.nodes() - functions];
    for mut component in calls.graph.components() {
        let cyclic = component.len() > 1 || component.first().is_some_and(|&n| calls.graph.from(n as usize).contains(&n));
        if cyclic {
            for &member in &component {
                if let Some(need) = needs.get_mut(member as usize) {
                    need.counted = true;
                }
            }
        }
        // Inside a cycle all functions are counted, so only nodes for types look at another member: at the host's, which comes first.
        component.sort_unstable_by_key(|&n| std::cmp::Reverse(n));
        for &member in &component {
            let below = calls.graph.from(member as usize).iter().map(|&next| match needs.get(next as usize) {
                Some(need) if need.counted => 0,
                Some(need) => need.bytes,
                None => deepest.get(next as usize - functions).copied().unwrap_or_default(),
            });
            let below = below.max().unwrap_or_default();
            match needs.get_mut(member as usize) {
                Some(need) => {
                    need.bytes = need.frame.saturating_add(below);
                    need.counted |= need.bytes > limit;
                }
                None => {
                    if let Some(slot) = deepest.get_mut(member as usize - functions) {
                        *slot = below;
                    }
                }
            }
        }
    }
    needs
}
