//! One frame, as `docs/metering.md` sections 3 to 5 and 7 order it: the same code for every engine.

use crate::{Budget, Call, End, Ended, Exit, Frame, Host, Instance, Reply, Trap, guard, stack};
use detent_gas::{Deterministic, Place};
use detent_protocol::{Code, Fault, Schedule};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The globals of section 8 that a host reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Gas,
    Rest,
    Pages,
    Status,
    Flags,
    /// Fine form only; elsewhere it reads 0.
    Owed,
}

impl Cell {
    pub(crate) const ALL: [Cell; 6] = [Cell::Gas, Cell::Rest, Cell::Pages, Cell::Status, Cell::Flags, Cell::Owed];

    pub(crate) fn export(self) -> &'static str {
        match self {
            Cell::Gas => "detent:gas",
            Cell::Rest => "detent:rest",
            Cell::Pages => "detent:pages",
            Cell::Status => "detent:status",
            Cell::Flags => "detent:flags",
            Cell::Owed => "detent:owed",
        }
    }
}

/// Values of `detent:status`.
const STACK_OVERFLOW: i64 = 1;
const NO_MEMORY: i64 = 2;

/// A live instance of some engine, as the frame drives it.
pub(crate) trait Live: Instance {
    fn get(&mut self, cell: Cell) -> i64;
    fn set(&mut self, cell: Cell, value: i64);
    /// Where the host sits while the guest runs.
    fn host(&mut self) -> &mut Option<Box<dyn Host>>;
    /// Why a host function left, until somebody reads it.
    fn exit(&mut self) -> &mut Option<Exit>;
    /// Enters export number `export` of [`Exports`]; the caller has checked the number of arguments.
    fn enter(&mut self, export: usize, args: &[u64]) -> Result<Vec<u64>, Left>;
}

/// How a host entry ended other than by returning.
#[derive(Debug)]
pub(crate) enum Left {
    /// A host function left; [`Live::exit`] says why.
    Host(Vec<Frame>),
    /// A trap, with the live activations of this host entry and the sum of what is to be settled for them.
    Trap(Trap, Vec<Frame>, Place),
    /// The node's trouble.
    Node(Fault),
}

/// A module's exported functions, sorted by name, and what runs before an entry.
#[derive(Debug)]
pub(crate) struct Exports {
    /// Name, number of parameters.
    functions: Vec<(Box<str>, usize)>,
    start: Option<usize>,
    initialize: Option<usize>,
}

impl Exports {
    pub(crate) fn new(module: &Deterministic) -> Exports {
        let mut all: Vec<_> =
            module.facts.exports.iter().map(|e| (Box::from(e.name.as_str()), e.ty.params.len(), e.ty.results.len())).collect();
        if module.facts.start {
            all.push((Box::from("detent:start"), 0, 0));
        }
        all.sort();
        all.dedup_by(|a, b| a.0 == b.0);
        let place = |name: &str, any: bool| all.iter().position(|e| &*e.0 == name && (any || (e.1, e.2) == (0, 0)));
        let (start, initialize) = (place("detent:start", true), place("_initialize", false));
        Exports { functions: all.into_iter().map(|e| (e.0, e.1)).collect(), start, initialize }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.functions.iter().map(|f| &*f.0)
    }

    fn find(&self, name: &str, args: usize) -> Result<usize, Fault> {
        match self.functions.binary_search_by(|f| (*f.0).cmp(name)) {
            Ok(i) if self.functions[i].1 == args => Ok(i),
            Ok(i) => Err(Fault::new(Code::EntryUnknown, format!("{name} takes {} arguments, {args} were given", self.functions[i].1))),
            Err(_) => Err(Fault::new(Code::EntryUnknown, format!("no exported function {name:?}"))),
        }
    }
}

/// A frame that may begin: everything that is decided before an instance is needed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begin {
    export: usize,
    limit: i64,
    gas: i64,
    rest: i32,
    pages: i32,
    initialize: bool,
}

/// Section 4 up to the instance: `Ok(Err(_))` is a frame that ended there.
pub(crate) fn begin(module: &Deterministic, exports: &Exports, call: &Call<'_>) -> Result<Result<Begin, Ended>, Fault> {
    let export = exports.find(call.entry, call.args.len())?;
    let Budget { fuel, rest, pages } = call.budget;
    let limit = i64::try_from(fuel).map_err(|_| Fault::new(Code::NodeFault, "a fuel limit must be below 2^63"))?;
    let ended = |end, used| Ok(Err(Ended { end, used, frames: Vec::new(), detail: None }));
    let charge = if call.instance_charge { module.facts.instance_charge } else { 0 };
    if charge > fuel {
        return ended(End::OutOfGas, fuel);
    }
    if module.facts.initial_pages > pages {
        return ended(End::OutOfMemory, charge);
    }
    if rest < 0 {
        return ended(End::StackOverflow, charge);
    }
    let pages = i32::try_from(pages - module.facts.initial_pages).unwrap_or(i32::MAX);
    Ok(Ok(Begin { export, limit, gas: limit - charge as i64, rest, pages, initialize: call.initialize }))
}

/// Runs the frame on a fresh instance. A [`Fault`] means that the instance must be dropped.
pub(crate) fn run<L: Live>(live: &mut L, exports: &Exports, begin: Begin, args: &[u64]) -> Result<Ended, Fault> {
    live.set(Cell::Gas, begin.gas);
    live.set(Cell::Pages, i64::from(begin.pages));
    live.set(Cell::Status, 0);
    live.set(Cell::Flags, 0);
    let before = [exports.start, exports.initialize.filter(|_| begin.initialize)];
    for export in before.into_iter().flatten() {
        live.set(Cell::Rest, i64::from(begin.rest));
        live.set(Cell::Owed, 0);
        let left = live.enter(export, &[]);
        if left.is_err() || live.get(Cell::Gas) < 0 {
            return ended(live, begin.limit, left);
        }
    }
    live.set(Cell::Rest, i64::from(begin.rest));
    live.set(Cell::Owed, 0);
    let left = live.enter(begin.export, args);
    ended(live, begin.limit, left)
}

fn ended<L: Live>(live: &mut L, limit: i64, left: Result<Vec<u64>, Left>) -> Result<Ended, Fault> {
    let Closed { end, frames, detail } = close(live, left, 0)?;
    let used = match end {
        End::OutOfGas => limit,
        _ => limit - live.get(Cell::Gas),
    };
    let used = u64::try_from(used).map_err(|_| Fault::new(Code::NodeFault, "more fuel came back than was given"))?;
    Ok(Ended { end, used, frames, detail })
}

struct Closed {
    end: End,
    frames: Vec<Frame>,
    detail: Option<String>,
}

/// Decides how a host entry ended, and pays its refunds into the gas cell. `owed` is what the cell held before the entry.
fn close<L: Live>(live: &mut L, left: Result<Vec<u64>, Left>, owed: i64) -> Result<Closed, Fault> {
    let gas = live.get(Cell::Gas);
    let closed = |end| Ok(Closed { end, frames: Vec::new(), detail: None });
    match left {
        Err(Left::Node(fault)) => Err(fault),
        Err(Left::Host(frames)) => match live.exit().take() {
            Some(Exit::Node(fault)) => Err(fault),
            Some(_) if gas < 0 => closed(End::OutOfGas),
            Some(Exit::Stop) => closed(End::Stopped),
            Some(Exit::OutOfGas) => closed(End::OutOfGas),
            Some(Exit::Trap(words)) => Ok(Closed { end: End::Trapped(Trap::Host), frames, detail: Some(words) }),
            None => Err(Fault::new(Code::NodeFault, "a host function left without a reason")),
        },
        // Out of gas is nothing but a negative cell, whatever else happened.
        Ok(_) if gas < 0 => closed(End::OutOfGas),
        Ok(values) => closed(End::Returned(values)),
        Err(Left::Trap(trap, frames, Place { unpaid, refund })) => {
            // What the form had not taken from the cell yet counts before the cell is judged.
            let gas = gas.saturating_sub(i64::try_from(unpaid).unwrap_or(i64::MAX));
            live.set(Cell::Gas, gas);
            let end = match live.get(Cell::Status) {
                _ if gas < 0 => End::OutOfGas,
                NO_MEMORY => return Err(Fault::new(Code::NodeFault, "no memory for memory.grow")),
                STACK_OVERFLOW => End::StackOverflow,
                _ => End::Trapped(trap),
            };
            if !matches!(end, End::OutOfGas) {
                let owed = live.get(Cell::Owed) - owed;
                let refund = i64::try_from(refund).unwrap_or(i64::MAX);
                live.set(Cell::Gas, gas.saturating_add(refund).saturating_add(owed));
            }
            Ok(Closed { end, frames, detail: None })
        }
    }
}

/// A call of an import. `Err(())` unwinds the guest; [`Live::exit`] holds the reason.
#[inline]
pub(crate) fn import<L: Live>(live: &mut L, exports: &Exports, import: usize, args: &[u64]) -> Result<u64, ()> {
    let Some(mut host) = live.host().take() else {
        *live.exit() = Some(Exit::Node(Fault::new(Code::NodeFault, "a host function was called without a host")));
        return Err(());
    };
    let mut answer = guarded(|| host.call(import, args, live));
    loop {
        match answer {
            Ok(Reply::Value(value)) => {
                *live.host() = Some(host);
                return Ok(value);
            }
            Ok(Reply::CallBack { entry, args }) => {
                *live.host() = Some(host);
                let end = callback(live, exports, &entry, &args);
                let Some(back) = live.host().take() else {
                    *live.exit() = Some(Exit::Node(Fault::new(Code::NodeFault, "a callback lost its host")));
                    return Err(());
                };
                host = back;
                answer = end.and_then(|end| guarded(|| host.resume(end, live)));
            }
            Err(exit) => {
                *live.host() = Some(host);
                *live.exit() = Some(exit);
                return Err(());
            }
        }
    }
}

/// A panic in a host is the node's trouble and goes no further.
#[inline]
fn guarded(f: impl FnOnce() -> Result<Reply, Exit>) -> Result<Reply, Exit> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Err(Exit::Node(Fault::new(Code::NodeFault, format!("a host function panicked: {}", words.unwrap_or("no message")))))
    })
}

/// An inner host entry on the same gas cell (section 7). The cells that belong to the outer one are put back.
fn callback<L: Live>(live: &mut L, exports: &Exports, entry: &str, args: &[u64]) -> Result<End, Exit> {
    let export = exports.find(entry, args.len()).map_err(Exit::Node)?;
    let (rest, owed) = (live.get(Cell::Rest), live.get(Cell::Owed));
    let inner = rest - i64::from(Schedule::current().stack.nested_call);
    let Some(inner) = i32::try_from(inner).ok().filter(|&r| r >= 0) else {
        return Ok(End::StackOverflow);
    };
    stack::check().map_err(Exit::Node)?;
    live.set(Cell::Rest, i64::from(inner));
    let left = live.enter(export, args);
    // A host function inside that ended the frame ended the outer entries too.
    if matches!(left, Err(Left::Host(_))) && matches!(live.exit(), Some(Exit::Stop)) {
        live.exit().take();
        return Err(Exit::Stop);
    }
    let closed = close(live, left, owed).map_err(Exit::Node)?;
    // One gas cell: the outer entries are out of gas as well, and unwinding them here costs no walk of the stack at each.
    if closed.end == End::OutOfGas {
        return Err(Exit::OutOfGas);
    }
    live.set(Cell::Rest, rest);
    live.set(Cell::Owed, owed);
    live.set(Cell::Status, 0);
    Ok(closed.end)
}

/// [`Instance::charge`] for an engine with a gas cell.
#[inline]
pub(crate) fn charge<L: Live>(live: &mut L, fuel: u64) -> Result<(), Exit> {
    let gas = live.get(Cell::Gas);
    if gas < 0 || fuel > gas as u64 {
        live.set(Cell::Gas, -1);
        return Err(Exit::OutOfGas);
    }
    live.set(Cell::Gas, gas - fuel as i64);
    guard::check().map_err(Exit::Node)
}

/// Stands for a host that a panicking engine did not give back; the run ended as a node fault.
pub(crate) struct Lost;

impl Host for Lost {
    fn call(&mut self, _: usize, _: &[u64], _: &mut dyn Instance) -> Result<Reply, Exit> {
        Err(Exit::Node(Fault::new(Code::NodeFault, "the host was lost when the engine panicked")))
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
