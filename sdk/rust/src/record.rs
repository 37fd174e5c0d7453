//! Own types in arguments, results and storage: what the manifest declares under `[types.<Name>]`.

/// Declares a struct with its borsh encoding: its fields, concatenated.
///
/// ```
/// # use detent_sdk::{Address, Encode, record};
/// record! {
///     pub struct Order { id: u64, maker: Address, amount: u128, paid: bool }
/// }
/// assert_eq!(Order { id: 7, maker: Address::ZERO, amount: 1, paid: true }.to_bytes().len(), 8 + 32 + 16 + 1);
/// ```
#[macro_export]
macro_rules! record {
    ($($(#[$meta:meta])* $vis:vis struct $name:ident { $($(#[$field_meta:meta])* $field:ident: $ty:ty),* $(,)? })+) => {$(
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Debug)]
        $vis struct $name {
            $($(#[$field_meta])* #[allow(missing_docs)] pub $field: $ty,)*
        }

        impl $crate::Encode for $name {
            fn size(&self) -> usize {
                0 $(+ $crate::Encode::size(&self.$field))*
            }
            fn encode(&self, out: &mut $crate::codec::Writer<'_>) {
                $($crate::Encode::encode(&self.$field, out);)*
            }
        }

        impl $crate::Decode for $name {
            fn decode(from: &mut $crate::codec::Reader<'_>) -> Option<Self> {
                Some(Self { $($field: $crate::Decode::decode(from)?,)* })
            }
        }

        $crate::record!(@rest $name);
    )+};
    (@rest $name:ident) => {
        impl $crate::abi::AbiType for $name {
            const RUST: $crate::text::Text = $crate::text::Text::new().push(stringify!($name));
            const EVENT: $crate::text::Text = $crate::text::Text::new().push(stringify!($name));
        }

        impl $crate::storage::Value for $name {
            fn read(source: impl Fn(*mut u8, usize) -> i32) -> Option<Self> {
                $crate::storage::read_record(source)
            }
            fn write(&self, sink: impl FnOnce(*const u8, usize) -> i32) {
                $crate::storage::write_record(self, sink)
            }
        }
    };
}

/// Declares an enum of unit variants, encoded as the variant's index in one byte.
///
/// ```
/// # use detent_sdk::{Encode, unit_enum};
/// unit_enum! {
///     pub enum Status { Pending, Active, Cancelled }
/// }
/// assert_eq!(Status::Active.to_bytes(), [1]);
/// ```
#[macro_export]
macro_rules! unit_enum {
    ($($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$variant_meta:meta])* $variant:ident),+ $(,)? })+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        $vis enum $name {
            $($(#[$variant_meta])* #[allow(missing_docs)] $variant,)+
        }

        impl $crate::Encode for $name {
            fn size(&self) -> usize {
                1
            }
            fn encode(&self, out: &mut $crate::codec::Writer<'_>) {
                out.put(&[*self as u8]);
            }
        }

        impl $crate::Decode for $name {
            fn decode(from: &mut $crate::codec::Reader<'_>) -> Option<Self> {
                let [index] = from.array::<1>()?;
                [$(Self::$variant),+].get(usize::from(index)).copied()
            }
        }

        $crate::record!(@rest $name);
    )+};
}
