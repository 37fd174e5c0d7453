//! The configuration of wasmtime, every choice explicit.

use super::memory::Regions;
use crate::settings::max_frames;
use crate::{Cpu, Settings, stack};
use std::num::NonZeroUsize;
use std::sync::Arc;
use wasmtime::{Config, Inlining, OptLevel, Strategy, WasmFeatures};

/// What a deterministic form may use; everything else is refused, also where wasmtime would allow it one day.
const ADMITTED: [WasmFeatures; 6] = [
    WasmFeatures::MUTABLE_GLOBAL,
    WasmFeatures::SATURATING_FLOAT_TO_INT,
    WasmFeatures::SIGN_EXTENSION,
    WasmFeatures::MULTI_VALUE,
    WasmFeatures::BULK_MEMORY,
    WasmFeatures::FLOATS,
];

pub(super) fn config(strategy: Strategy, settings: &Settings) -> wasmtime::Result<Config> {
    let mut config = Config::new();
    config.strategy(strategy);
    if settings.cpu == Cpu::Baseline {
        config.target(&format!("{}-unknown-linux-gnu", std::env::consts::ARCH))?;
    }
    config.wasm_features(WasmFeatures::all(), false);
    for feature in ADMITTED {
        config.wasm_features(feature, true);
    }
    // Refunds need the code offset of every live activation: a list that could be truncated is useless.
    config.wasm_backtrace_max_frames(NonZeroUsize::new(max_frames()));
    config.generate_address_map(true);
    // Nobody unwinds natively through guest code: panics of hosts are caught at the boundary.
    config.native_unwind_info(false);
    // An inlined call has no activation of its own.
    config.compiler_inlining(Inlining::No);
    config.cranelift_opt_level(OptLevel::Speed);
    // The form does these itself.
    config.consume_fuel(false).epoch_interruption(false).cranelift_nan_canonicalization(false);
    // The logical stack ends first. (wasmtime wants the other size to be no smaller, though it is not used.)
    config.async_stack_size(stack::GUEST).max_wasm_stack(stack::GUEST);
    // 4 GiB and a guard: no bounds checks in code.
    config.memory_reservation(1 << 32).memory_guard_size(32 << 20).memory_may_move(false);
    config.signals_based_traps(true).macos_use_mach_ports(false);
    config.with_host_memory(Arc::new(Regions));
    config.memory_init_cow(false);
    Ok(config)
}
