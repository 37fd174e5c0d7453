//! Who carries the hidden parameter: which functions, and which types of indirect calls, hand the remaining logical stack on.

use crate::callgraph::{CallGraph, Graph, HostImport};
use crate::stack::Need;
use crate::survey::Survey;

/// Functions (by place) and classes of types (by type index) that take the hidden last parameter.
pub(crate) struct Hidden {
    pub functions: Vec<bool>,
    pub classes: Vec<bool>,
}

/// A function takes the parameter if it is counted, calls an import that gets the remaining stack, or calls one that takes it, directly or through a
/// table. All that share a class with it in element segments take it too: one type must fit them all.
pub(crate) fn hidden(calls: &CallGraph, surveys: &[Survey], needs: &[Need], hosts: &[HostImport]) -> Hidden {
    let functions = calls.functions;
    let classes = calls.members.len();
    // Against the direction of calls, and between a class and its members both ways. The host's node leads nowhere: it enters by wrappers.
    let mut edges = Vec::new();
    for node in 0..functions + classes {
        for &next in calls.graph.from(node) {
            if (next as usize) < functions + classes {
                edges.push((next, node as u32));
                if node >= functions {
                    edges.push((node as u32, next));
                }
            }
        }
    }
    let counted = needs.iter().enumerate().filter(|(_, n)| n.counted).map(|(i, _)| i);
    let callers = surveys.iter().enumerate().filter(|(_, s)| {
        let hands_on = |f: &u32| hosts.get(*f as usize).is_some_and(|i| i.hands_on);
        s.calls.iter().any(hands_on)
    });
    let tables = calls.hands_on.iter().enumerate().filter(|(_, on)| **on).map(|(class, _)| functions + class);
    let mut reached = Graph::new(functions + classes, &edges).reach(counted.chain(callers.map(|(i, _)| i)).chain(tables));
    let classes = reached.split_off(functions.min(reached.len()));
    Hidden { functions: reached, classes }
}

/// Functions (by place) that can reach a call of an import or an indirect call through direct calls: a call of one ends its caller's block.
pub(crate) fn cutting(surveys: &[Survey], imported: u32) -> Vec<bool> {
    let mut edges = Vec::new();
    for (place, survey) in (0u32..).zip(surveys) {
        edges.extend(survey.calls.iter().filter_map(|c| c.checked_sub(imported)).map(|callee| (callee, place)));
    }
    let seeds = surveys.iter().enumerate().filter(|(_, s)| !s.indirect.is_empty() || s.calls.first().is_some_and(|&c| c < imported));
    Graph::new(surveys.len(), &edges).reach(seeds.map(|(i, _)| i))
}
