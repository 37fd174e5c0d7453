//! What is decided about a module before its bodies are written.

use crate::blocks::Cutting;
use crate::callgraph::{CallGraph, HostImport};
use crate::cells::{Cells, Helpers};
use crate::helpers::memory_maximum;
use crate::hidden::{Hidden, cutting, hidden};
use crate::module::{Module, invalid};
use crate::prices::Prices;
use crate::stack::{Need, needs};
use crate::survey::{Survey, survey};
use crate::{Form, Options};
use detent_protocol::{Fault, HostTable, Schedule};
use std::collections::HashMap;
use wasmparser::{ExternalKind, FuncType, ValType};

/// A function that the form adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Added {
    /// A helper of [`Helpers`].
    Grow,
    Words,
    Elements,
    /// Stands for an import in element segments whose type carries the hidden parameter.
    Import(u32),
    /// Enters a defined function from the host.
    Entry(u32),
}

/// The plan.
pub(crate) struct Plan<'a> {
    pub module: &'a Module<'a>,
    pub schedule: &'a Schedule,
    pub prices: Prices,
    pub form: Form,
    pub metering: bool,
    /// By defined function.
    pub surveys: Vec<Survey>,
    pub needs: Vec<Need>,
    pub hidden: Hidden,
    cutting: Vec<bool>,
    /// By import.
    pub hosts: Vec<HostImport>,
    pub cells: Cells,
    /// What the memory can have at most.
    pub memory_bytes: u64,
    pub helpers: Helpers,
    /// Types to write: the original's, then those of the form.
    pub types: Vec<FuncType>,
    /// By class: the type with the hidden parameter, where there is one.
    pub widened: Vec<Option<u32>>,
    /// Functions to write after the original's, with their type indexes.
    pub added: Vec<(Added, u32)>,
    /// Where they are. Looked up only.
    places: HashMap<Added, u32>,
    /// Entries of element segments, for the instance charge.
    pub element_entries: u64,
}

impl<'a> Plan<'a> {
    /// Decides.
    pub fn new(module: &'a Module<'a>, schedule: &'a Schedule, options: &Options) -> Result<Plan<'a>, Fault> {
        let mut surveys = Vec::with_capacity(module.bodies.len());
        for (place, body) in module.bodies.iter().enumerate() {
            surveys.push(survey(module, module.type_of(module.function(place))?, body)?);
        }
        let hosts = host_imports(module, options);
        let (mut escaping, element_entries) = module.escaping()?;
        escaping.extend(surveys.iter().flat_map(|s| &s.references));
        escaping.sort_unstable();
        escaping.dedup();
        let calls = CallGraph::new(module, &surveys, &escaping, &hosts)?;
        let needs = needs(&calls, &surveys, schedule);
        let hidden = hidden(&calls, &surveys, &needs, &hosts);
        let mut plan = Plan {
            module,
            schedule,
            prices: Prices::new(schedule),
            form: options.form,
            metering: options.metering,
            cutting: cutting(&surveys, module.imported_functions),
            cells: cells(module, options.form)?,
            memory_bytes: module.memory.map_or(0, |m| memory_maximum(&m, schedule.limits.memory_pages).saturating_mul(1 << 16)),
            helpers: Helpers::default(),
            types: (0u32..).zip(&module.types).map(|(i, _)| module.ty(i).cloned()).collect::<Result<_, _>>()?,
            widened: Vec::new(),
            added: Vec::new(),
            places: HashMap::new(),
            surveys,
            needs,
            hidden,
            hosts,
            element_entries,
        };
        plan.widen()?;
        plan.add(&escaping)?;
        Ok(plan)
    }

    /// What ends blocks.
    pub fn cutting(&self) -> Cutting<'_> {
        Cutting { imported: self.module.imported_functions, functions: &self.cutting }
    }

    /// Whether a defined function takes the hidden parameter.
    pub fn is_hidden(&self, place: usize) -> bool {
        self.hidden.functions.get(place).copied().unwrap_or_default()
    }

    /// The type index in the form of the functions of an original type: with the hidden parameter if a defined function needs it.
    pub fn type_in_form(&self, function: u32) -> Result<u32, Fault> {
        let ty = self.module.type_of(function)?;
        match self.module.defined(function) {
            Some(place) if self.is_hidden(place) => self.widened(ty),
            _ => Ok(ty),
        }
    }

    /// The type with the hidden parameter.
    pub fn widened(&self, ty: u32) -> Result<u32, Fault> {
        let class = self.module.class(ty)?;
        self.widened.get(class as usize).copied().flatten().ok_or_else(|| invalid("type without a wider one"))
    }

    /// Whether indirect calls of a type pass the hidden parameter.
    pub fn is_wide(&self, ty: u32) -> Result<bool, Fault> {
        Ok(self.hidden.classes.get(self.module.class(ty)? as usize).copied().unwrap_or_default())
    }

    /// The index of an added function.
    pub fn index_of(&self, added: Added) -> Option<u32> {
        self.places.get(&added).copied()
    }

    /// What a reference to a function refers to: itself, or what stands for an import.
    pub fn reference(&self, function: u32) -> u32 {
        match self.module.defined(function) {
            Some(_) => function,
            None => self.index_of(Added::Import(function)).unwrap_or(function),
        }
    }

    fn widen(&mut self) -> Result<(), Fault> {
        let mut wide = self.hidden.classes.clone();
        for (place, _) in self.hidden.functions.iter().enumerate().filter(|(_, h)| **h) {
            let class = self.module.class(self.module.type_of(self.module.function(place))?)?;
            if let Some(mark) = wide.get_mut(class as usize) {
                *mark = true;
            }
        }
        self.widened = vec![None; wide.len()];
        for class in (0u32..).zip(&wide).filter(|(_, w)| **w).map(|(c, _)| c) {
            let ty = self.module.ty(class)?;
            let parameters = ty.params().iter().copied().chain([ValType::I32]);
            let wider = FuncType::new(parameters, ty.results().iter().copied());
            let index = self.push_type(wider);
            if let Some(slot) = self.widened.get_mut(class as usize) {
                *slot = Some(index);
            }
        }
        Ok(())
    }

    fn push_type(&mut self, ty: FuncType) -> u32 {
        self.types.push(ty);
        u32::try_from(self.types.len() - 1).unwrap_or(u32::MAX)
    }

    fn add(&mut self, escaping: &[u32]) -> Result<(), Fault> {
        let any = |has: fn(&Survey) -> bool| self.surveys.iter().any(has);
        let (grows, words, elements) = (any(|s| s.grows), self.metering && any(|s| s.moves_memory), any(|s| s.writes_tables));
        let mut added = Vec::new();
        if grows || words || elements {
            let helper = self.push_type(FuncType::new([ValType::I32], [ValType::I32]));
            for (wanted, kind) in [(grows, Added::Grow), (words, Added::Words), (elements, Added::Elements)] {
                if wanted {
                    added.push((kind, helper));
                }
            }
        }
        for &function in escaping.iter().filter(|&&f| self.module.defined(f).is_none()) {
            let ty = self.module.type_of(function)?;
            if self.is_wide(ty)? {
                added.push((Added::Import(function), self.widened(ty)?));
            }
        }
        let exported = self.module.exports.iter().filter(|e| e.kind == ExternalKind::Func).map(|e| e.index);
        let mut entries: Vec<u32> = exported.chain(self.module.start).filter(|&f| self.module.defined(f).is_some()).collect();
        entries.sort_unstable();
        entries.dedup();
        for function in entries {
            added.push((Added::Entry(function), self.module.type_of(function)?));
        }
        // The parser bounds functions far below 2^32.
        let first = u32::try_from(self.module.functions.len()).unwrap_or(u32::MAX);
        self.places = added.iter().map(|(a, _)| *a).zip(first..).collect();
        self.added = added;
        let index = |kind| self.index_of(kind);
        self.helpers = Helpers { grow: index(Added::Grow), words: index(Added::Words), elements: index(Added::Elements) };
        Ok(())
    }
}

/// What the host table, and the options, say of each import.
fn host_imports(module: &Module<'_>, options: &Options) -> Vec<HostImport> {
    let table = HostTable::current();
    let functions = module.imports.iter().filter(|i| matches!(i.ty, wasmparser::TypeRef::Func(_)));
    let look_up = |import: &wasmparser::Import<'_>| {
        let listed = if import.module == table.module() { table.functions.get(import.name) } else { None };
        let reenters = listed.is_some_and(|f| f.reenters) || options.reenters.iter().any(|(m, n)| m == import.module && n == import.name);
        HostImport { reenters, hands_on: reenters || listed.is_some_and(|f| f.nested) }
    };
    functions.map(look_up).collect()
}

/// The cells come after the original's globals.
fn cells(module: &Module<'_>, form: Form) -> Result<Cells, Fault> {
    let defined = u32::try_from(module.globals.len()).map_err(|_| invalid("too many globals"))?;
    let first = module.imported_globals.checked_add(defined).filter(|f| *f < u32::MAX - 8).ok_or_else(|| invalid("too many globals"))?;
    Ok(Cells {
        gas: first,
        rest: first + 1,
        pages: first + 2,
        status: first + 3,
        flags: first + 4,
        owed: (form == Form::Fine).then_some(first + 5),
    })
}
