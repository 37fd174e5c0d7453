//! Initial memory, and that active segments fit: nothing about instantiation is left to chance or to an engine.

use crate::report::Findings;
use crate::rule::Rule;
use crate::scan::{Module, Segment, Target};
use detent_protocol::Schedule;

/// Bytes of a page.
const PAGE: u64 = 65536;

pub(crate) fn check(module: &Module<'_>, schedule: &Schedule, findings: &mut Findings) {
    let cap = u64::from(schedule.limits.memory_pages);
    for &(pages, offset) in &module.memories {
        if pages > cap {
            let message = format!("{pages} initial pages of memory, at most {cap} (limits.memory_pages)");
            findings.add(Rule::MemoryPages, message, Some(offset), None);
        }
    }
    for segment in &module.segments {
        self::segment(module, segment, findings);
    }
}

fn segment(module: &Module<'_>, segment: &Segment, findings: &mut Findings) {
    let Segment { target, index, at, len, offset } = *segment;
    let (what, unit, rule, sizes, scale) = match target {
        Target::Memory => ("data", "bytes of memory", Rule::DataBounds, &module.memories, PAGE),
        Target::Table => ("element", "entries of the table", Rule::ElementBounds, &module.tables, 1),
    };
    let Some(at) = at else {
        let message = format!("the offset of an active {what} segment is not one i32.const");
        return findings.add(Rule::SegmentOffset, message, Some(offset), None);
    };
    // A segment of something that is not there, or imported, is refused by validation or by the imports.
    let size = usize::try_from(index).ok().and_then(|i| sizes.get(i));
    let Some(&(size, _)) = size else { return };
    let (end, size) = (u64::from(at).saturating_add(len), size.saturating_mul(scale));
    if end > size {
        let message = format!("a {what} segment of {len} at {at} ends at {end}, beyond the {size} initial {unit}");
        findings.add(rule, message, Some(offset), None);
    }
}
