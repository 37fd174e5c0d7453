//! The pristine contents of a module's memory, by page; pages of zeros are not kept.

use super::region::page_size;
use wasmparser::{DataKind, Operator, Parser, Payload};

/// Pristine pages that are not all zero.
#[derive(Debug, Default)]
pub(crate) struct Image {
    /// For each page, 1 + its place in `bytes` in pages; 0 for a page of zeros. Shorter than the memory when the rest is zero.
    index: Box<[u32]>,
    bytes: Box<[u8]>,
}

impl Image {
    /// Takes the image of a memory that has just been instantiated from `wasm`. Only pages that a data segment of the module may
    /// have touched are looked at.
    pub(crate) fn take(wasm: &[u8], memory: &[u8]) -> Image {
        let size = page_size();
        let mut touched = vec![false; memory.len() / size];
        match segments(wasm) {
            Some(ranges) => {
                for (start, len) in ranges.into_iter().filter(|r| r.1 > 0) {
                    let first = (start / size).min(touched.len());
                    let last = ((start + len - 1) / size + 1).min(touched.len());
                    touched[first..last].fill(true);
                }
            }
            None => touched.fill(true),
        }
        let kept = touched.iter().rposition(|&t| t).map_or(0, |last| last + 1);
        let mut index = vec![0u32; kept];
        let mut bytes = Vec::new();
        for (page, (contents, place)) in memory.chunks_exact(size).zip(&mut index).enumerate() {
            if touched[page] && contents.iter().any(|&b| b != 0) {
                bytes.extend_from_slice(contents);
                *place = (bytes.len() / size) as u32;
            }
        }
        Image { index: index.into(), bytes: bytes.into() }
    }

    /// The pristine contents of a page; `None` for zeros.
    #[inline]
    pub(crate) fn page(&self, page: usize) -> Option<&[u8]> {
        let place = *self.index.get(page)? as usize;
        self.bytes.get(place.checked_sub(1)? * page_size()..place * page_size())
    }

    /// Every page that is not all zero, ascending.
    pub(crate) fn pages(&self) -> impl Iterator<Item = (usize, &[u8])> {
        (0..self.index.len()).filter_map(|page| Some((page, self.page(page)?)))
    }

    /// Bytes held.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len() + self.index.len() * 4
    }
}

/// Start and length of the active data segments; `None` when an offset is not a constant that this page can read.
fn segments(wasm: &[u8]) -> Option<Vec<(usize, usize)>> {
    let mut ranges = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::DataSection(section) = payload.ok()? {
            for segment in section {
                let segment = segment.ok()?;
                if let DataKind::Active { offset_expr, .. } = segment.kind {
                    let Operator::I32Const { value } = offset_expr.get_operators_reader().read().ok()? else { return None };
                    ranges.push((value as u32 as usize, segment.data.len()));
                }
            }
        }
    }
    Some(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_holds_exactly_what_the_segments_wrote() {
        let size = page_size();
        let wasm = wat::parse_str(format!(r#"(module (memory 2) (data (i32.const {}) "ab") (data (i32.const 70000) "\00\00"))"#, size - 1))
            .unwrap();
        let mut memory = vec![0u8; 2 << 16];
        memory[size - 1..=size].copy_from_slice(b"ab");
        let image = Image::take(&wasm, &memory);
        assert_eq!(image.page(0), Some(&memory[..size]));
        assert_eq!(image.page(1), Some(&memory[size..2 * size]));
        assert_eq!(image.page(70000 / size), None, "a page of zeros is not kept");
        assert_eq!(image.pages().map(|p| p.0).collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn an_offset_that_is_no_constant_makes_every_page_count() {
        let wasm = wat::parse_str(r#"(module (import "a" "g" (global i32)) (memory 1) (data (global.get 0) "x"))"#).unwrap();
        let mut memory = vec![0u8; 1 << 16];
        memory[5 * page_size() + 7] = b'x';
        let image = Image::take(&wasm, &memory);
        assert_eq!(image.pages().map(|p| p.0).collect::<Vec<_>>(), [5]);
    }
}
