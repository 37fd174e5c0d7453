//! From wasmtime's errors to ours.

use crate::Frame;
use crate::Trap;
use crate::frame::Left;
use crate::settings::max_frames;
use detent_gas::{Deterministic, Place};
use detent_protocol::{Code, Fault};
use wasmtime::{Error, WasmBacktrace};

/// How a host entry ended with `error`. Activations of entries further out in the same store are the last `outer` of the list; they live on.
pub(super) fn left(error: &Error, host: bool, outer: usize, module: &Deterministic) -> Left {
    let node = |words: String| Left::Node(Fault::new(Code::NodeFault, words));
    if host {
        return Left::Host(frames(error, outer, module).unwrap_or_default());
    }
    let trap = match error.downcast_ref::<wasmtime::Trap>() {
        Some(wasmtime::Trap::UnreachableCodeReached) => Trap::Unreachable,
        Some(wasmtime::Trap::MemoryOutOfBounds) => Trap::MemoryOutOfBounds,
        Some(wasmtime::Trap::TableOutOfBounds) => Trap::TableOutOfBounds,
        Some(wasmtime::Trap::IndirectCallToNull) => Trap::IndirectCallToNull,
        Some(wasmtime::Trap::BadSignature) => Trap::BadSignature,
        Some(wasmtime::Trap::IntegerOverflow) => Trap::IntegerOverflow,
        Some(wasmtime::Trap::IntegerDivisionByZero) => Trap::IntegerDivisionByZero,
        Some(wasmtime::Trap::BadConversionToInteger) => Trap::BadConversionToInteger,
        // The native stack must outlast the logical one; the rest cannot come from an admitted module.
        Some(other) => return node(format!("the engine stopped: {other}")),
        None => return node(format!("the engine failed: {error:#}")),
    };
    let Some(frames) = frames(error, outer, module) else { return node("the list of activations at a trap is truncated".into()) };
    let mut sum = Place::default();
    for frame in &frames {
        let Some(offset) = frame.offset else { return node("an activation at a trap has no code offset".into()) };
        let place = module.side.place(offset);
        sum.unpaid = sum.unpaid.saturating_add(place.unpaid);
        sum.refund = sum.refund.saturating_add(place.refund);
    }
    match frames.is_empty() {
        true => node("a trap without activations".into()),
        false => Left::Trap(trap, frames, sum),
    }
}

/// The activations of the innermost entry; `None` when the list may not be whole.
fn frames(error: &Error, outer: usize, module: &Deterministic) -> Option<Vec<Frame>> {
    let all = error.downcast_ref::<WasmBacktrace>()?.frames();
    if all.len() >= max_frames() {
        return None;
    }
    let inner = all.get(..all.len().checked_sub(outer)?)?;
    let frame = |frame: &wasmtime::FrameInfo| Frame {
        function: module.facts.origin.get(frame.func_index() as usize).copied().flatten(),
        offset: frame.module_offset().and_then(|offset| u32::try_from(offset).ok()),
    };
    Some(inner.iter().map(frame).collect())
}
