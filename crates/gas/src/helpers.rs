//! The functions that the form adds. They are not of the original: they cost nothing by themselves and need no logical stack.

use crate::cells::{flags, status};
use crate::module::{Module, invalid};
use crate::plan::{Added, Plan};
use detent_protocol::Fault;
use wasm_encoder::{BlockType, Function, InstructionSink, ValType};
use wasmparser::MemoryType;

/// The greatest size that a memory may have, in pages.
pub(crate) fn memory_maximum(memory: &MemoryType, cap: u32) -> u64 {
    // The gate refuses a minimum above the cap; a type must stay a type nevertheless.
    memory.maximum.unwrap_or(u64::from(u32::MAX)).min(u64::from(cap)).max(memory.initial)
}

/// Writes an added function.
pub(crate) fn write(plan: &Plan<'_>, added: &Added) -> Result<Function, Fault> {
    match added {
        Added::Grow => grow(plan),
        Added::Words => Ok(words(plan)),
        Added::Elements => Ok(elements(plan)),
        Added::Import(function) => import(plan, *function),
        Added::Entry(function) => entry(plan, *function),
    }
}

/// Takes the i64 on the stack from the gas cell; out of gas if that makes it negative.
fn charge(gas: u32, amount: u32, code: &mut InstructionSink<'_>) {
    code.local_set(amount).global_get(gas).local_get(amount).i64_sub().global_set(gas);
    end_if_negative(gas, code);
}

fn end_if_negative(gas: u32, code: &mut InstructionSink<'_>) {
    code.global_get(gas).i64_const(0).i64_lt_s().if_(BlockType::Empty).unreachable().end();
}

/// `memory.grow` by section 6 of the page. Local 0 is delta, 1 an i64.
fn grow(plan: &Plan<'_>) -> Result<Function, Fault> {
    let memory = plan.module.memory.as_ref().ok_or_else(|| invalid("no memory to grow"))?;
    let (cells, cap) = (plan.cells, plan.schedule.limits.memory_pages);
    let maximum = i64::try_from(memory_maximum(memory, cap)).unwrap_or(i64::MAX);
    let mut function = Function::new([(1, ValType::I64)]);
    let mut code = function.instructions();
    if plan.metering {
        // min(delta, cap + 1) * price
        let most = i64::from(cap) + 1;
        code.local_get(0).i64_extend_i32_u().i64_const(most).local_get(0).i64_extend_i32_u().i64_const(most).i64_lt_u().select();
        code.i64_const(i64::from(plan.schedule.dynamic.memory_page)).i64_mul();
        charge(cells.gas, 1, &mut code);
    }
    // Growing by nothing is never refused.
    code.local_get(0).i32_eqz().if_(BlockType::Empty).memory_size(0).return_().end();
    code.memory_size(0).i64_extend_i32_u().local_get(0).i64_extend_i32_u().i64_add().i64_const(maximum).i64_gt_u();
    code.local_get(0).global_get(cells.pages).i32_gt_u().i32_or();
    code.if_(BlockType::Empty).i32_const(-1).return_().end();
    // Within all limits: whoever cannot provide it now ends the run without a result.
    code.local_get(0).memory_grow(0).i64_extend_i32_s().local_tee(1).i64_const(-1).i64_eq();
    code.if_(BlockType::Empty).i32_const(status::NO_MEMORY).global_set(cells.status).unreachable().end();
    code.global_get(cells.pages).local_get(0).i32_sub().global_set(cells.pages);
    code.global_get(cells.flags).i32_const(flags::GREW).i32_or().global_set(cells.flags);
    code.local_get(1).i32_wrap_i64().end();
    Ok(function)
}

/// Charges a length in bytes by started words.
fn words(plan: &Plan<'_>) -> Function {
    let mut function = Function::new([(1, ValType::I64)]);
    let mut code = function.instructions();
    code.local_get(0).i64_extend_i32_u().i64_const(7).i64_add().i64_const(3).i64_shr_u();
    code.i64_const(i64::from(plan.schedule.dynamic.memory_word)).i64_mul();
    charge(plan.cells.gas, 1, &mut code);
    code.local_get(0).end();
    function
}

/// Charges a number of table elements, and flags the instance.
fn elements(plan: &Plan<'_>) -> Function {
    let mut function = Function::new([(1, ValType::I64)]);
    let mut code = function.instructions();
    if plan.metering {
        code.local_get(0).i64_extend_i32_u().i64_const(i64::from(plan.schedule.dynamic.table_element)).i64_mul();
        charge(plan.cells.gas, 1, &mut code);
    }
    code.global_get(plan.cells.flags).i32_const(flags::TABLE_WRITTEN).i32_or().global_set(plan.cells.flags);
    code.local_get(0).end();
    function
}

/// Number of parameters of an original function.
fn parameters(module: &Module<'_>, function: u32) -> Result<u32, Fault> {
    let parameters = module.ty(module.type_of(function)?)?.params().len();
    u32::try_from(parameters).map_err(|_| invalid("too many parameters"))
}

/// An import behind a table whose type carries the hidden parameter. What arrives there is the caller's rest less its frame already.
fn import(plan: &Plan<'_>, function: u32) -> Result<Function, Fault> {
    let parameters = parameters(plan.module, function)?;
    let mut body = Function::new([]);
    let mut code = body.instructions();
    if plan.hosts.get(function as usize).is_some_and(|h| h.hands_on) {
        code.local_get(parameters).global_set(plan.cells.rest);
    }
    for parameter in 0..parameters {
        code.local_get(parameter);
    }
    code.call(function).end();
    Ok(body)
}

/// The way in from the host. A function that is not counted is checked here, once; the gas cell is tested when it comes back.
fn entry(plan: &Plan<'_>, function: u32) -> Result<Function, Fault> {
    let place = plan.module.defined(function).ok_or_else(|| invalid("entry of an import"))?;
    let need = plan.needs.get(place).ok_or_else(|| invalid("function without a body"))?;
    let cells = plan.cells;
    let mut body = Function::new([]);
    let mut code = body.instructions();
    if !need.counted {
        // A bound is at most the limit, below 2^31.
        code.global_get(cells.rest).i32_const(i32::try_from(need.bytes).unwrap_or(i32::MAX)).i32_lt_s().if_(BlockType::Empty);
        code.i32_const(status::STACK_OVERFLOW).global_set(cells.status).unreachable().end();
    }
    for parameter in 0..parameters(plan.module, function)? {
        code.local_get(parameter);
    }
    if plan.is_hidden(place) {
        code.global_get(cells.rest);
    }
    code.call(function);
    if plan.metering {
        end_if_negative(cells.gas, &mut code);
    }
    code.end();
    Ok(body)
}
