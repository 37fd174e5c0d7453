//! The cells of an instance and its mutable globals, by address.
//!
//! wasmtime's `Global::get` and `set` take 8 ns each without link-time optimisation, more than the rest of a host call's bookkeeping, so the
//! addresses are found once a module. Nothing is assumed about the layout but this: a function reference of a function that the
//! instance defines lies in the same allocation as its globals, after them, and its fourth word points to that allocation's beginning.
//! (`VMFuncRef` and `VMContext` of the pinned wasmtime.) A slot counts as a global's only if it is the one slot in between that
//! holds what two writes through the interface put there. If that fails for any global, all of them go through the interface.

use crate::frame::Cell;
use std::ptr::NonNull;
use wasmtime::{AsContextMut, Func, Global, Val, ValType};

/// More bytes than an admitted module's globals and function references take.
const LARGEST: usize = 1 << 20;

/// Where a module's instances keep their globals: byte offsets from the beginning of the instance's context.
#[derive(Debug)]
pub(super) struct Layout {
    cells: [u32; 5],
    globals: Box<[u32]>,
    /// Where the reference of the anchor function is.
    anchor: usize,
}

/// The cells of section 8 of an instance, and its mutable globals.
pub(super) struct Cells {
    cells: [Global; 5],
    globals: Box<[Global]>,
    addresses: Option<[NonNull<u8>; 5]>,
    /// What [`Cells::restore`] writes.
    first: First,
}

enum First {
    Values(Box<[Val]>),
    Words(Box<[(NonNull<u64>, u64)]>),
}

// SAFETY: the addresses point into the instance of the store that holds this value; who has the store has both.
unsafe impl Send for Cells {}
// SAFETY: nothing is reached through a shared reference.
unsafe impl Sync for Cells {}

/// The beginning of the context of the instance that defines `anchor`, and the distance from there to the function's reference.
fn context(store: impl AsContextMut, anchor: Func) -> Option<(NonNull<u8>, usize)> {
    let reference = anchor.to_raw(store).cast::<*mut u8>();
    // SAFETY: a raw function is a pointer to a live `VMFuncRef` of four words: two entry points, a type, the context.
    let context = NonNull::new(unsafe { reference.add(3).read() })?;
    let distance = (reference as usize).checked_sub(context.as_ptr() as usize)?;
    (distance < LARGEST && context.cast::<u64>().is_aligned()).then_some((context, distance))
}

/// Two values of a global's type that nothing else holds, and how many of their bytes count.
fn probes(ty: &ValType) -> Option<[(Val, u64); 2]> {
    const BITS: [u64; 2] = [0x5bd1_e995_9e37_79b1, 0xa076_1d64_e703_7ed1];
    let value = |bits: u64| match ty {
        ValType::I32 => Some((Val::I32(bits as i32), bits & 0xffff_ffff)),
        ValType::F32 => Some((Val::F32(bits as u32), bits & 0xffff_ffff)),
        ValType::I64 => Some((Val::I64(bits as i64), bits)),
        ValType::F64 => Some((Val::F64(bits), bits)),
        _ => None,
    };
    Some([value(BITS[0])?, value(BITS[1])?])
}

impl Layout {
    /// Finds the globals in a new instance. They have their first values again when this returns.
    pub(super) fn discover(mut store: impl AsContextMut, anchor: Func, cells: &[Global; 5], globals: &[Global]) -> Option<Layout> {
        let (context, anchor) = context(&mut store, anchor)?;
        let mut find = |global: &Global| -> Option<u32> {
            let first = global.get(&mut store);
            let ty = global.ty(&store);
            let mask = if matches!(ty.content(), ValType::I32 | ValType::F32) { 0xffff_ffff } else { u64::MAX };
            let mut places: Vec<usize> = (0..anchor / 8).collect();
            for (value, bits) in probes(ty.content())? {
                global.set(&mut store, value).ok()?;
                // SAFETY: every place lies between the context's beginning and the function reference behind it, in one allocation.
                places.retain(|&place| unsafe { context.as_ptr().cast::<u64>().add(place).read() } & mask == bits);
            }
            global.set(&mut store, first).ok()?;
            match places[..] {
                [place] => u32::try_from(place * 8).ok(),
                _ => None,
            }
        };
        let mut found = [0; 5];
        for (found, cell) in found.iter_mut().zip(cells) {
            *found = find(cell)?;
        }
        Some(Layout { cells: found, globals: globals.iter().map(find).collect::<Option<_>>()?, anchor })
    }
}

impl Cells {
    /// The cells of a new instance.
    pub(super) fn new(mut store: impl AsContextMut, cells: [Global; 5], globals: Box<[Global]>, layout: Option<(&Layout, Func)>) -> Cells {
        let found = layout.and_then(|(layout, anchor)| {
            let (context, distance) = context(&mut store, anchor)?;
            // SAFETY: offsets found in an instance of the same module; the function reference is in the same place, so is the rest.
            let at = |offset: u32| unsafe { context.add(offset as usize) };
            (distance == layout.anchor)
                .then(|| (layout.cells.map(at), layout.globals.iter().map(|&o| at(o).cast::<u64>()).collect::<Vec<_>>()))
        });
        let (addresses, first) = match found {
            Some((addresses, words)) => {
                // SAFETY: as above; a global has 16 bytes, and the instance does not run.
                let words = words.into_iter().map(|word| (word, unsafe { word.read() })).collect();
                (Some(addresses), First::Words(words))
            }
            None => (None, First::Values(globals.iter().map(|global| global.get(&mut store)).collect())),
        };
        Cells { cells, globals, addresses, first }
    }

    /// The cell's address, if it is known.
    #[inline]
    fn address(&self, cell: Cell) -> Option<NonNull<u8>> {
        self.addresses?.get(cell as usize).copied()
    }

    /// Reads through the address; `Err` with the global otherwise.
    #[inline]
    pub(super) fn get(&self, cell: Cell) -> Result<i64, Option<Global>> {
        match (self.address(cell), cell) {
            // SAFETY: the global's address in the live instance of our store; it is 8-byte aligned, and only this thread uses the store.
            (Some(address), Cell::Gas) => Ok(unsafe { address.cast::<i64>().read() }),
            // SAFETY: as above.
            (Some(address), _) => Ok(i64::from(unsafe { address.cast::<i32>().read() })),
            (None, _) => Err(self.cells.get(cell as usize).copied()),
        }
    }

    /// Writes through the address; `Err` with the global otherwise.
    #[inline]
    pub(super) fn set(&self, cell: Cell, value: i64) -> Result<(), Option<Global>> {
        match (self.address(cell), cell) {
            // SAFETY: as in `get`; the guest does not run while a host writes.
            (Some(address), Cell::Gas) => unsafe { address.cast::<i64>().write(value) },
            // SAFETY: as above.
            (Some(address), _) => unsafe { address.cast::<i32>().write(value as i32) },
            (None, _) => return Err(self.cells.get(cell as usize).copied()),
        }
        Ok(())
    }

    /// Gives the mutable globals their first values; false when the engine refuses.
    pub(super) fn restore(&self, mut store: impl AsContextMut) -> bool {
        match &self.first {
            First::Words(words) => {
                for (word, value) in words {
                    // SAFETY: as in `set`; the activation has ended.
                    unsafe { word.write(*value) };
                }
                true
            }
            First::Values(values) => self.globals.iter().zip(values).all(|(global, value)| global.set(&mut store, *value).is_ok()),
        }
    }
}
