//! The call graph of `docs/metering.md` section 5, in linear space: an indirect call goes through a node for its type,
//! a call that may come back through one node for the host.

use crate::module::Module;
use crate::survey::Survey;
use detent_protocol::Fault;

/// Directed edges as one array of targets, cut by node.
pub(crate) struct Graph {
    starts: Vec<u32>,
    targets: Vec<u32>,
}

impl Graph {
    /// A graph of `nodes` nodes. Edges that leave it are left out.
    pub fn new(nodes: usize, edges: &[(u32, u32)]) -> Graph {
        let edges: Vec<_> = edges.iter().copied().filter(|&(a, b)| (a as usize) < nodes && (b as usize) < nodes).collect();
        let mut starts = vec![0u32; nodes + 1];
        for &(from, _) in &edges {
            if let Some(count) = starts.get_mut(from as usize + 1) {
                *count += 1;
            }
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut next = starts.clone();
        let mut targets = vec![0u32; edges.len()];
        for &(from, to) in &edges {
            if let Some(place) = next.get_mut(from as usize) {
                if let Some(slot) = targets.get_mut(*place as usize) {
                    *slot = to;
                }
                *place += 1;
            }
        }
        Graph { starts, targets }
    }

    /// Where the edges of a node lead.
    pub fn from(&self, node: usize) -> &[u32] {
        let bounds = self.starts.get(node).zip(self.starts.get(node + 1));
        bounds.and_then(|(&a, &b)| self.targets.get(a as usize..b as usize)).unwrap_or_default()
    }

    /// Number of nodes.
    pub fn nodes(&self) -> usize {
        self.starts.len() - 1
    }

    /// Marks all nodes that a walk from the seeds along edges reaches, the seeds included.
    pub fn reach(&self, seeds: impl IntoIterator<Item = usize>) -> Vec<bool> {
        let mut seen = vec![false; self.nodes()];
        let mut waiting = Vec::new();
        for seed in seeds {
            if let Some(mark) = seen.get_mut(seed).filter(|m| !**m) {
                *mark = true;
                waiting.push(seed);
            }
        }
        while let Some(node) = waiting.pop() {
            for &next in self.from(node) {
                if let Some(mark) = seen.get_mut(next as usize).filter(|m| !**m) {
                    *mark = true;
                    waiting.push(next as usize);
                }
            }
        }
        seen
    }

    /// Strongly connected components, callees before callers (Tarjan's algorithm, its recursion on an array).
    pub fn components(&self) -> Vec<Vec<u32>> {
        const NONE: u32 = u32::MAX;
        let n = self.nodes();
        let (mut index, mut low, mut on_stack) = (vec![NONE; n], vec![0u32; n], vec![false; n]);
        let (mut stack, mut components, mut counter) = (Vec::<u32>::new(), Vec::new(), 0u32);
        let mut path: Vec<(usize, usize)> = Vec::new();
        for root in 0..n {
            if index[root] != NONE {
                continue;
            }
            path.push((root, 0));
            while let Some(top) = path.last_mut() {
                let (node, edge) = *top;
                // Seen for the first time; when it has edges, it is past the first when it is seen again.
                if edge == 0 {
                    index[node] = counter;
                    low[node] = counter;
                    counter += 1;
                    stack.push(node as u32);
                    on_stack[node] = true;
                }
                if let Some(&next) = self.from(node).get(edge) {
                    top.1 += 1;
                    let next = next as usize;
                    if index[next] == NONE {
                        path.push((next, 0));
                    } else if on_stack[next] {
                        low[node] = low[node].min(index[next]);
                    }
                    continue;
                }
                path.pop();
                if let Some(&(parent, _)) = path.last() {
                    low[parent] = low[parent].min(low[node]);
                }
                if low[node] == index[node] {
                    let mut component = Vec::new();
                    while let Some(member) = stack.pop() {
                        on_stack[member as usize] = false;
                        component.push(member);
                        if member as usize == node {
                            break;
                        }
                    }
                    components.push(component);
                }
            }
        }
        components
    }
}

/// Who calls whom. Nodes: defined functions, then classes of types (by type index), then the host.
pub(crate) struct CallGraph {
    pub graph: Graph,
    /// Number of defined functions.
    pub functions: usize,
    /// By class: members of element segments that are defined here, by place.
    pub members: Vec<Vec<u32>>,
    /// By class: whether an element segment has an import of that class that hands the stack on (`nested` or `reenters`).
    pub hands_on: Vec<bool>,
}

/// What the host table says of an import.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HostImport {
    /// It may enter exports of this instance.
    pub reenters: bool,
    /// It gets the remaining stack: `nested` or `reenters`.
    pub hands_on: bool,
}

impl CallGraph {
    /// Builds the graph. `escaping` are the functions in element segments, `hosts` the imports by function index.
    pub fn new(module: &Module<'_>, surveys: &[Survey], escaping: &[u32], hosts: &[HostImport]) -> Result<CallGraph, Fault> {
        let functions = surveys.len();
        let classes = module.types.len();
        let host = (functions + classes) as u32;
        let node = |class: u32| functions as u32 + class;
        let mut edges = Vec::new();
        let mut members = vec![Vec::new(); classes];
        let mut hands_on = vec![false; classes];
        for &function in escaping {
            let class = module.class(module.type_of(function)?)?;
            if let Some(place) = module.defined(function) {
                edges.push((node(class), place as u32));
                if let Some(list) = members.get_mut(class as usize) {
                    list.push(place as u32);
                }
            } else if let Some(import) = hosts.get(function as usize) {
                if import.reenters {
                    edges.push((node(class), host));
                }
                if let Some(mark) = hands_on.get_mut(class as usize) {
                    *mark |= import.hands_on;
                }
            }
        }
        for (place, survey) in (0u32..).zip(surveys) {
            for &callee in &survey.calls {
                if let Some(callee) = module.defined(callee) {
                    edges.push((place, callee as u32));
                } else if hosts.get(callee as usize).is_some_and(|i| i.reenters) {
                    edges.push((place, host));
                }
            }
            edges.extend(survey.indirect.iter().map(|&class| (place, node(class))));
        }
        for export in &module.exports {
            if export.kind == wasmparser::ExternalKind::Func
                && let Some(place) = module.defined(export.index)
            {
                edges.push((host, place as u32));
            }
        }
        Ok(CallGraph { graph: Graph::new(functions + classes + 1, &edges), functions, members, hands_on })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_come_callees_first_and_are_whole() {
        // 0 -> 1 -> 2 -> 1, 2 -> 3, 4 -> 4, 5 alone
        let graph = Graph::new(6, &[(0, 1), (1, 2), (2, 1), (2, 3), (4, 4)]);
        let mut components = graph.components();
        components.iter_mut().for_each(|c| c.sort_unstable());
        assert_eq!(components, [vec![3], vec![1, 2], vec![0], vec![4], vec![5]]);
    }

    #[test]
    fn a_chain_of_a_million_nodes_does_not_recurse() {
        let n = 1_000_000;
        let edges: Vec<_> = (0..n - 1).map(|i| (i, i + 1)).collect();
        let graph = Graph::new(n as usize, &edges);
        let components = graph.components();
        assert_eq!(components.len(), n as usize);
        assert_eq!(components[0], [n - 1]);
        assert!(graph.reach([0]).iter().all(|&m| m));
    }
}
