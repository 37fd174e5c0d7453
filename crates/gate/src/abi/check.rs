//! What a section may contradict of itself (`[deploy_checks]` of the ABI, in that order). Everything is said, not only the first.

use super::{Attributes, ContractAbi, ContractKind, EventAbi, FieldKind, ParamAbi, ParamType, ScalarType, TYPE_DEPTH, TypeKind};
use crate::quote::quoted;
use std::collections::{BTreeMap, BTreeSet};

/// Topics an event may have besides topic 0.
const INDEXED: u32 = 3;
/// Keys of a state map.
const KEYS: usize = 3;
/// Variants of an enum: their index is one byte.
const VARIANTS: usize = 256;

impl ContractAbi {
    /// Every contradiction inside the section, in a fixed order. Empty for a section that may be deployed.
    pub fn problems(&self) -> Vec<String> {
        let mut out = Vec::new();
        if self.kind == ContractKind::Parachain {
            out.push("parachains cannot be deployed in this version".into());
        }
        if !self.parachain_imports.is_empty() && self.kind == ContractKind::Contract {
            out.push(format!("a contract declares {} parachain imports", self.parachain_imports.len()));
        }
        self.functions(&mut out);
        self.roles(&mut out);
        self.state(&mut out);
        self.customs(&mut out);
        for event in &self.events {
            event_fields(event, &mut out);
        }
        repeated("event", self.events.iter().map(|e| e.name.as_str()), &mut out);
        out
    }

    /// What is legal and rarely meant, for authors.
    pub fn warnings(&self) -> Vec<String> {
        let mut out = Vec::new();
        for f in &self.functions {
            out.extend(f.attributes.warnings().map(|pair| format!("function {} is {pair}", quoted(&f.name))));
            if !f.attributes.callable() && !f.attributes.has(Attributes::CONSTRUCTOR) {
                out.push(format!("function {} has none of entry, constructor, fallback, receive: nothing can call it", quoted(&f.name)));
            }
        }
        out
    }

    fn functions(&self, out: &mut Vec<String>) {
        for f in &self.functions {
            let name = quoted(&f.name);
            if f.name.is_empty() {
                out.push("a function has no name".into());
            }
            let unknown = f.attributes.unknown();
            if unknown != 0 {
                out.push(format!("function {name} has unknown attribute bits {unknown:#x}"));
            }
            out.extend(f.attributes.conflicts().map(|pair| format!("function {name} is {pair}")));
        }
        repeated("function", self.functions.iter().map(|f| f.name.as_str()), out);
    }

    /// At most one constructor, fallback and receive, and the indexes name them.
    fn roles(&self, out: &mut Vec<String>) {
        let roles = [
            ("constructor", Attributes::CONSTRUCTOR, self.constructor_index),
            ("fallback", Attributes::FALLBACK, self.fallback_index),
            ("receive", Attributes::RECEIVE, self.receive_index),
        ];
        for (role, bit, index) in roles {
            let mut holders = (0u32..).zip(&self.functions).filter(|(_, f)| f.attributes.has(bit)).map(|(i, _)| i);
            let (first, more) = (holders.next(), holders.count());
            if more > 0 {
                out.push(format!("{} functions are {role}, at most one may be", more + 1));
            }
            match (index, first) {
                (Some(i), _) if self.function(i).is_none() => out.push(format!("{role}_index {i} is not a function")),
                (Some(i), _) if !self.function(i).is_some_and(|f| f.attributes.has(bit)) => {
                    out.push(format!("{role}_index {i} names a function without the attribute {role}"));
                }
                (None, Some(i)) => out.push(format!("function {i} is {role}, but {role}_index is absent")),
                _ => {}
            }
        }
    }

    fn state(&self, out: &mut Vec<String>) {
        let fields = self.state_schema.iter().flat_map(|s| &s.fields);
        for field in fields.clone() {
            let name = quoted(&field.name);
            if field.name.is_empty() {
                out.push("a state field has no name".into());
            }
            let value = match &field.kind {
                FieldKind::Scalar { value } => value,
                FieldKind::Map { keys, value } => {
                    if keys.is_empty() || keys.len() > KEYS {
                        out.push(format!("state field {name} has {} keys, 1 to {KEYS} are possible", keys.len()));
                    }
                    if keys.iter().any(|k| matches!(k, ScalarType::Vec(_))) {
                        out.push(format!("state field {name} has a vec as key"));
                    }
                    value
                }
            };
            if matches!(value, ScalarType::Vec(item) if item.fixed_width().is_none()) {
                out.push(format!("state field {name} is a vec of {}, whose width is not fixed", vec_item(value)));
            }
        }
        repeated("state field", fields.map(|f| f.name.as_str()), out);
    }

    /// Custom types: known, without cycles, not too deep, inhabited, and each value at least a byte.
    fn customs(&self, out: &mut Vec<String>) {
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        for (i, ty) in self.types.iter().enumerate() {
            known.entry(&ty.name).or_insert(i);
        }
        repeated("type", self.types.iter().map(|t| t.name.as_str()), out);
        for ty in &self.types {
            let name = quoted(&ty.name);
            match &ty.kind {
                TypeKind::Struct(fields) => {
                    if fields.is_empty() {
                        out.push(format!("struct {name} has no fields"));
                    }
                    repeated(&format!("field of struct {name}"), fields.iter().map(|f| f.name.as_str()), out);
                    params(&format!("struct {name}"), fields, &known, out);
                }
                TypeKind::Enum(variants) => {
                    if variants.is_empty() || variants.len() > VARIANTS {
                        out.push(format!("enum {name} has {} variants, 1 to {VARIANTS} are possible", variants.len()));
                    }
                    repeated(&format!("variant of enum {name}"), variants.iter().map(String::as_str), out);
                }
            }
        }
        for f in &self.functions {
            let place = format!("function {}", quoted(&f.name));
            params(&place, &f.params, &known, out);
            if let Some(ty) = &f.returns {
                param(&place, ty, &known, out);
            }
        }
        for e in &self.events {
            params(&format!("event {}", quoted(&e.name)), &e.params, &known, out);
        }
        self.depths(&known, out);
    }

    /// Cycles and depth over custom types, without recursion: types are taken in an order in which what they hold comes first.
    fn depths(&self, known: &BTreeMap<&str, usize>, out: &mut Vec<String>) {
        // What each type holds: (levels above it, type).
        let holds: Vec<Vec<(u32, usize)>> = self.types.iter().map(|t| held(&t.kind, known)).collect();
        let mut users: Vec<Vec<(u32, usize)>> = vec![Vec::new(); holds.len()];
        for (user, edges) in holds.iter().enumerate() {
            for &(levels, ty) in edges {
                if let Some(list) = users.get_mut(ty) {
                    list.push((levels, user));
                }
            }
        }
        let mut depth: Vec<u32> = self.types.iter().map(|t| own_depth(&t.kind)).collect();
        let mut waits: Vec<usize> = holds.iter().map(Vec::len).collect();
        let mut ready: Vec<usize> = (0..waits.len()).filter(|&i| waits.get(i) == Some(&0)).collect();
        let mut done = vec![false; waits.len()];
        while let Some(ty) = ready.pop() {
            if let Some(d) = done.get_mut(ty) {
                *d = true;
            }
            let below = depth.get(ty).copied().unwrap_or(0);
            for &(levels, user) in users.get(ty).into_iter().flatten() {
                if let Some(d) = depth.get_mut(user) {
                    *d = (*d).max(levels.saturating_add(below));
                }
                if let Some(w) = waits.get_mut(user) {
                    *w = w.saturating_sub(1);
                    if *w == 0 {
                        ready.push(user);
                    }
                }
            }
        }
        for (ty, done) in self.types.iter().zip(&done) {
            if !done {
                out.push(format!("type {} is part of a cycle or holds one", quoted(&ty.name)));
            }
        }
        let uses = self.functions.iter().flat_map(|f| f.params.iter().map(|p| &p.ty).chain(&f.returns));
        let uses = uses.chain(self.events.iter().flat_map(|e| e.params.iter().map(|p| &p.ty)));
        let deepest_use = uses.map(|ty| type_depth(ty, &|name| known.get(name).and_then(|&i| depth.get(i)).copied().unwrap_or(1))).max();
        let deepest = depth.iter().copied().chain(deepest_use).max().unwrap_or(0);
        if deepest > TYPE_DEPTH {
            out.push(format!("types nest {deepest} deep, at most {TYPE_DEPTH} is possible"));
        }
    }
}

fn event_fields(event: &EventAbi, out: &mut Vec<String>) {
    let name = quoted(&event.name);
    if event.name.is_empty() {
        out.push("an event has no name".into());
    }
    if event.indexed_mask.count_ones() > INDEXED {
        out.push(format!("event {name} has {} indexed fields, at most {INDEXED} are possible", event.indexed_mask.count_ones()));
    }
    let fields = u32::try_from(event.params.len()).unwrap_or(u32::MAX);
    if fields < 8 && event.indexed_mask.checked_shr(fields).unwrap_or(0) != 0 {
        out.push(format!("event {name} marks a field as indexed that it does not have"));
    }
}

fn params(place: &str, params: &[ParamAbi], known: &BTreeMap<&str, usize>, out: &mut Vec<String>) {
    for p in params {
        param(place, &p.ty, known, out);
    }
}

/// Recursion is bounded by the decoder.
fn param(place: &str, ty: &ParamType, known: &BTreeMap<&str, usize>, out: &mut Vec<String>) {
    match ty {
        ParamType::Custom(name) if !known.contains_key(name.as_str()) => {
            out.push(format!("{place} uses the type {}, which is not declared", quoted(name)));
        }
        // Values without bytes would let a length prefix ask for billions of them.
        ParamType::FixedBytes(0) => out.push(format!("{place} uses bytes0")),
        ParamType::Vec(inner) | ParamType::Option(inner) => param(place, inner, known, out),
        ParamType::Map { key, value } => {
            param(place, key, known, out);
            param(place, value, known, out);
        }
        _ => {}
    }
}

/// Levels of a type, given those of custom types.
fn type_depth(ty: &ParamType, custom: &dyn Fn(&str) -> u32) -> u32 {
    match ty {
        ParamType::Vec(inner) | ParamType::Option(inner) => type_depth(inner, custom).saturating_add(1),
        ParamType::Map { key, value } => type_depth(key, custom).max(type_depth(value, custom)).saturating_add(1),
        ParamType::Custom(name) => custom(name),
        _ => 1,
    }
}

/// Levels of a custom type when the custom types that it holds count nothing.
fn own_depth(kind: &TypeKind) -> u32 {
    match kind {
        TypeKind::Struct(fields) => fields.iter().map(|f| type_depth(&f.ty, &|_| 0)).max().unwrap_or(0).saturating_add(1),
        TypeKind::Enum(_) => 1,
    }
}

/// The declared types that a type holds, each with the levels above it.
fn held(kind: &TypeKind, known: &BTreeMap<&str, usize>) -> Vec<(u32, usize)> {
    let TypeKind::Struct(fields) = kind else { return Vec::new() };
    let mut out = Vec::new();
    let mut stack: Vec<(u32, &ParamType)> = fields.iter().map(|f| (1, &f.ty)).collect();
    while let Some((levels, ty)) = stack.pop() {
        match ty {
            ParamType::Vec(inner) | ParamType::Option(inner) => stack.push((levels.saturating_add(1), inner)),
            ParamType::Map { key, value } => stack.extend([(levels.saturating_add(1), &**key), (levels.saturating_add(1), &**value)]),
            ParamType::Custom(name) => out.extend(known.get(name.as_str()).map(|&i| (levels, i))),
            _ => {}
        }
    }
    out
}

fn vec_item(ty: &ScalarType) -> String {
    match ty {
        ScalarType::Vec(item) => item.to_string(),
        other => other.to_string(),
    }
}

fn repeated<'a>(what: &str, names: impl Iterator<Item = &'a str>, out: &mut Vec<String>) {
    let (mut seen, mut said) = (BTreeSet::new(), BTreeSet::new());
    for name in names {
        if !seen.insert(name) && said.insert(name) {
            out.push(format!("{what} {} is declared twice", quoted(name)));
        }
    }
}
