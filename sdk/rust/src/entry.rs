//! Exports: from the calldata to a function's arguments, from its value to `return`.

use crate::abi::AbiType;
use crate::codec::{Decode, Encode, Reader};
use crate::halt::{finish, trap};
use crate::text::Text;
use crate::{Vec, raw};
use alloc::vec;

/// A function that can be an entry: its arguments decode, its value encodes.
pub trait Entry<Arguments> {
    /// `(A,B)->R;` in Rust's names.
    const SIGNATURE: Text;
    /// Decodes the calldata, runs the function, returns its value.
    fn run(self);
}

/// The calldata of this frame.
pub fn calldata() -> Vec<u8> {
    // SAFETY: no arguments.
    let mut length = unsafe { raw::calldata_size() } as u32;
    let mut data = vec![0; length as usize];
    if length > 0 {
        // SAFETY: the buffer has the capacity that the cell says.
        unsafe { raw::calldata_copy(data.as_mut_ptr(), &mut length) };
    }
    data
}

fn reply(value: &impl Encode) {
    // A unit returns nothing at all.
    if value.size() > 0 {
        finish(&value.to_bytes())
    }
}

fn taken<T>(argument: Option<T>) -> T {
    match argument {
        Some(value) => value,
        None => trap(),
    }
}

impl<F: Fn() -> R, R: Encode + AbiType> Entry<()> for F {
    const SIGNATURE: Text = Text::new().push("()->").join(&R::RUST).push(";");

    // Without arguments the calldata is not looked at, as in all libraries of this ABI.
    fn run(self) {
        reply(&self());
    }
}

macro_rules! entries {
    ($(($($name:ident)+))*) => {$(
        impl<F: Fn($($name),+) -> R, $($name: Decode + AbiType,)+ R: Encode + AbiType> Entry<($($name,)+)> for F {
            const SIGNATURE: Text = Text::new().push("(")$(.item(&$name::RUST))+.push(")->").join(&R::RUST).push(";");

            #[allow(non_snake_case)]
            fn run(self) {
                let data = calldata();
                let mut from = Reader::new(&data);
                $(let $name = taken($name::decode(&mut from));)+
                if !from.is_empty() {
                    trap();
                }
                reply(&self($($name),+));
            }
        }
    )*};
}

entries! {
    (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E G) (A B C D E G H) (A B C D E G H I)
    (A B C D E G H I J) (A B C D E G H I J K) (A B C D E G H I J K L) (A B C D E G H I J K L M)
}

/// Runs an entry; used by [`crate::entries!`].
#[doc(hidden)]
pub fn run<A, F: Entry<A>>(function: F) {
    function.run();
}

/// A function's record in the `pyde.sig.v1` section; used by [`crate::entries!`].
#[doc(hidden)]
pub const fn record<A, F: Entry<A>>(name: &str, _function: &F) -> Text {
    Text::new().push(name).join(&F::SIGNATURE)
}

/// Exports functions of this module as the contract's entries.
///
/// Arguments are decoded from exactly the calldata (missing or surplus bytes trap), the value is returned as borsh, a unit returns
/// nothing. Attributes are declared in the manifest.
///
/// ```no_run
/// # mod contract {
/// # use detent_sdk::{Scalar, entries};
/// static COUNTER: Scalar<u64> = Scalar::new("counter");
///
/// entries! { add, get }
///
/// fn add(step: u64) {
///     COUNTER.set(&COUNTER.get().saturating_add(step));
/// }
/// fn get() -> u64 {
///     COUNTER.get()
/// }
/// # }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! entries {
    ($($name:ident),+ $(,)?) => {$(
        // A module beside the function of the same name: they live in different namespaces.
        #[doc(hidden)]
        mod $name {
            #[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
            #[allow(dead_code)]
            extern "C" fn $name() {
                $crate::entry::run(super::$name)
            }

            #[allow(dead_code)]
            const TEXT: $crate::text::Text = $crate::entry::record(stringify!($name), &super::$name);

            #[cfg(target_arch = "wasm32")]
            #[unsafe(link_section = "pyde.sig.v1")]
            static RECORD: [u8; TEXT.len()] = TEXT.to_array();
        }
    )+};
}
