//! The one way into a contract's memory: every pointer of every host function passes here.
//!
//! Pointers are unsigned, lengths signed and not negative, ranges computed in 64 bits. A pointer with length 0 is never
//! dereferenced and may be anything. A range that leaves the memory traps before anything was read, charged per byte, or written.

use detent_engine::Exit;

/// An i32 argument as a pointer or cell address.
pub(crate) fn pointer(argument: u64) -> u32 {
    argument as u32
}

/// An i32 argument as a length; negative traps.
pub(crate) fn length(argument: u64, name: &str) -> Result<u32, Exit> {
    let signed = argument as u32 as i32;
    u32::try_from(signed).map_err(|_| Exit::Trap(format!("{name} is {signed}: lengths are not negative")))
}

/// A length with a cap; above it traps.
pub(crate) fn capped(argument: u64, cap: u32, name: &str) -> Result<u32, Exit> {
    let length = length(argument, name)?;
    if length > cap { Err(Exit::Trap(format!("{name} is {length}, above its limit of {cap}"))) } else { Ok(length) }
}

/// The bytes of a range, to read.
#[inline]
pub(crate) fn bytes(memory: &[u8], pointer: u32, length: u32) -> Result<&[u8], Exit> {
    if length == 0 {
        return Ok(&[]);
    }
    let start = pointer as usize;
    let tail = memory.get(start..).unwrap_or_default();
    tail.get(..length as usize).ok_or_else(|| outside(memory.len(), pointer, length))
}

/// A fixed-size value, to read.
#[inline]
pub(crate) fn array<const N: usize>(memory: &[u8], pointer: u32) -> Result<[u8; N], Exit> {
    let tail = memory.get(pointer as usize..).unwrap_or_default();
    tail.first_chunk().copied().ok_or_else(|| outside(memory.len(), pointer, N as u32))
}

/// Checks a range that will be written later.
pub(crate) fn check(memory: &[u8], pointer: u32, length: u32) -> Result<(), Exit> {
    bytes(memory, pointer, length).map(|_| ())
}

/// Writes `data` at `pointer`.
#[inline]
pub(crate) fn write(memory: &mut [u8], pointer: u32, data: &[u8]) -> Result<(), Exit> {
    if data.is_empty() {
        return Ok(());
    }
    let size = memory.len();
    let target = memory.get_mut(pointer as usize..).and_then(|tail| tail.get_mut(..data.len()));
    match target {
        Some(target) => {
            target.copy_from_slice(data);
            Ok(())
        }
        None => Err(outside(size, pointer, data.len() as u32)),
    }
}

#[cold]
fn outside(size: usize, pointer: u32, length: u32) -> Exit {
    Exit::Trap(format!("{length} bytes at {pointer} are not inside the memory of {size} bytes"))
}

/// An output buffer with its length cell (u32 LE: capacity in, true length out).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    buffer: u32,
    capacity: u32,
    cell: u32,
}

impl Output {
    /// Reads the capacity from the cell and checks both ranges, the cell's first. The whole capacity must lie in memory.
    pub fn open(memory: &[u8], buffer: u32, cell: u32) -> Result<Output, Exit> {
        let capacity = u32::from_le_bytes(array(memory, cell)?);
        check(memory, buffer, capacity)?;
        Ok(Output { buffer, capacity, cell })
    }

    /// How many of `actual` bytes will be copied.
    pub fn copied(&self, actual: usize) -> usize {
        actual.min(self.capacity as usize)
    }

    /// Copies what fits, then writes the true length into the cell (so the cell wins where the two overlap).
    pub fn write(&self, memory: &mut [u8], data: &[u8]) -> Result<(), Exit> {
        let fitting = data.get(..self.copied(data.len())).unwrap_or(data);
        write(memory, self.buffer, fitting)?;
        write(memory, self.cell, &(data.len() as u32).to_le_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_pointer_with_length_zero_is_never_dereferenced() {
        for pointer in [0, 1, 4, u32::MAX] {
            assert_eq!(bytes(&[1, 2, 3], pointer, 0), Ok(&[][..]));
            assert_eq!(write(&mut [1, 2, 3], pointer, &[]), Ok(()));
        }
    }

    #[test]
    fn the_cell_wins_over_the_data_where_they_overlap() {
        let mut memory = [0u8; 16];
        memory[4] = 8; // the cell at 4 names 8 bytes at 0..8, itself among them
        let output = Output::open(&memory, 0, 4).unwrap();
        output.write(&mut memory, &[0xff; 9]).unwrap();
        assert_eq!(memory[..10], [0xff, 0xff, 0xff, 0xff, 9, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn negative_and_oversize_lengths_trap() {
        assert_eq!(length(0x7fff_ffff, "n"), Ok(0x7fff_ffff));
        assert!(matches!(length(0x8000_0000, "n"), Err(Exit::Trap(text)) if text.contains("-2147483648")));
        assert!(matches!(length(0xffff_ffff_ffff_ffff, "n"), Err(Exit::Trap(text)) if text.contains("n is -1")));
        assert_eq!(capped(16, 16, "n"), Ok(16));
        assert!(matches!(capped(17, 16, "n"), Err(Exit::Trap(_))));
    }

    proptest! {
        /// E1: the accessor agrees with arithmetic in 128 bits, and never panics.
        #[test]
        fn ranges_are_exactly_those_inside(size in 0usize..300, pointer: u32, near in 0u32..400, length: u32, short in 0u32..400) {
            let mut memory = vec![7u8; size];
            for pointer in [pointer, near, u32::MAX - near] {
                for length in [length, short] {
                    let inside = length == 0 || u128::from(pointer) + u128::from(length) <= size as u128;
                    prop_assert_eq!(bytes(&memory, pointer, length).is_ok(), inside);
                    if length <= 400 {
                        prop_assert_eq!(write(&mut memory, pointer, &vec![1; length as usize]).is_ok(), inside);
                    }
                }
                prop_assert_eq!(array::<32>(&memory, pointer).is_ok(), u128::from(pointer) + 32 <= size as u128);
            }
        }
    }
}
