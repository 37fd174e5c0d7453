//! The state schema as host calls ask for it: by the bytes of a field's name.

use super::{FieldKind, ScalarType, StateSchema};
use std::cmp::Ordering;

/// A state schema, ready for look-ups. Building it sorts once; a look-up allocates nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// By length of the name, then by its bytes: most comparisons end at the length.
    fields: Vec<Field>,
}

/// A field of a [`Schema`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    name: Box<str>,
    keys: Box<[ScalarType]>,
    value: ScalarType,
    key_widths: [Option<u8>; 3],
    value_width: Option<u8>,
}

impl Schema {
    /// The look-up form of `schema`. Of two fields with one name (the gate refuses that) the first counts.
    pub fn new(schema: &StateSchema) -> Schema {
        let mut fields: Vec<Field> = schema.fields.iter().map(|f| Field::new(&f.name, &f.kind)).collect();
        fields.sort_by(|a, b| by_length(a.name.as_bytes(), b.name.as_bytes()));
        fields.dedup_by(|later, first| later.name == first.name);
        Schema { fields }
    }

    /// The field of that name.
    pub fn field(&self, name: &[u8]) -> Option<&Field> {
        let found = self.fields.binary_search_by(|f| by_length(f.name.as_bytes(), name)).ok()?;
        self.fields.get(found)
    }

    /// All fields, in the order of look-ups.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }
}

impl Field {
    fn new(name: &str, kind: &FieldKind) -> Field {
        let (keys, value) = match kind {
            FieldKind::Scalar { value } => (&[][..], value),
            FieldKind::Map { keys, value } => (keys.as_slice(), value),
        };
        let mut key_widths = [None; 3];
        for (width, key) in key_widths.iter_mut().zip(keys) {
            *width = key.fixed_width();
        }
        Field { name: name.into(), keys: keys.into(), value: value.clone(), key_widths, value_width: value.fixed_width() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many keys it takes: 0 for a scalar, 1 to 3 for a map.
    pub fn arity(&self) -> usize {
        self.keys.len()
    }

    /// Types of its keys.
    pub fn keys(&self) -> &[ScalarType] {
        &self.keys
    }

    /// Type of its values.
    pub fn value(&self) -> &ScalarType {
        &self.value
    }

    /// Width in bytes of key `index` (0 to 2); `None` when its type has no fixed width.
    pub fn key_width(&self, index: usize) -> Option<u8> {
        self.key_widths.get(index).copied().flatten()
    }

    /// Width in bytes of its values; `None` when their type has no fixed width.
    pub fn value_width(&self) -> Option<u8> {
        self.value_width
    }
}

fn by_length(a: &[u8], b: &[u8]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::StateField;

    #[test]
    fn every_field_is_found_and_nothing_else() {
        let names = ["b", "total_supply", "a", "balances", "allowances", "owner", "ab", ""];
        let fields = names
            .iter()
            .enumerate()
            .map(|(i, name)| StateField {
                name: (*name).into(),
                kind: if i == 0 {
                    FieldKind::Scalar { value: ScalarType::String }
                } else {
                    FieldKind::Map { keys: vec![ScalarType::Address; i.min(3)], value: ScalarType::U128 }
                },
            })
            .collect();
        let schema = Schema::new(&StateSchema { fields });
        for (i, name) in names.iter().enumerate() {
            let field = schema.field(name.as_bytes()).expect("declared");
            assert_eq!((field.name(), field.arity()), (*name, i.min(3)));
            assert_eq!(field.key_width(0), (i > 0).then_some(32));
            assert_eq!(field.key_width(3), None);
            assert_eq!(field.value_width(), (i > 0).then_some(16));
        }
        for name in ["c", "owne", "owners", "bb", "\u{0}"] {
            assert_eq!(schema.field(name.as_bytes()), None);
        }
    }
}
