//! The encodings are borsh, exactly: the `borsh` crate is the oracle.

use detent_sdk::{Address, Bytes, Decode, Encode, record, unit_enum};
use proptest::prelude::*;

record! {
    /// As a contract declares it.
    pub struct Order { id: u64, maker: Address, amount: u128, paid: bool, tags: Vec<u16>, note: Option<String> }
}

unit_enum! {
    /// As a contract declares it.
    pub enum Status { Pending, Active, Cancelled }
}

/// The same, as the oracle declares it.
#[derive(borsh::BorshSerialize, borsh::BorshDeserialize)]
struct Oracle {
    id: u64,
    maker: [u8; 32],
    amount: u128,
    paid: bool,
    tags: Vec<u16>,
    note: Option<String>,
}

fn same<T: Encode + Decode + PartialEq + std::fmt::Debug, O: borsh::BorshSerialize>(ours: T, oracle: &O) {
    let bytes = borsh::to_vec(oracle).unwrap();
    assert_eq!(ours.to_bytes(), bytes);
    assert_eq!(ours.size(), bytes.len());
    assert_eq!(T::from_bytes(&bytes).as_ref(), Some(&ours), "decodes");
    for cut in 0..bytes.len() {
        assert!(T::from_bytes(&bytes[..cut]).is_none(), "missing bytes");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(T::from_bytes(&longer).is_none(), "surplus bytes");
}

proptest! {
    #[test]
    fn every_type_encodes_as_borsh_and_refuses_other_lengths(
        id: u64, maker: [u8; 32], amount: u128, paid: bool, tags: Vec<u16>, note in proptest::option::of(".{0,9}"),
        small: i8, wide: i128, raw in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let order = Order { id, maker: Address(maker), amount, paid, tags: tags.clone(), note: note.clone() };
        same(order, &Oracle { id, maker, amount, paid, tags: tags.clone(), note: note.clone() });
        same((small, wide, note.clone()), &(small, wide, note));
        same(Bytes(raw.clone()), &raw);
        same((raw.clone(), maker), &(raw, maker));
    }

    #[test]
    fn hostile_bytes_never_panic_and_what_decodes_encodes_back(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Some(order) = Order::from_bytes(&bytes) {
            prop_assert_eq!(order.to_bytes(), bytes.clone());
        }
        if let Some(lists) = <Vec<Vec<u32>>>::from_bytes(&bytes) {
            prop_assert_eq!(lists.to_bytes(), bytes);
        }
    }
}

#[test]
fn hostile_counts_reserve_no_more_than_the_bytes_hold() {
    assert!(<Vec<u128>>::from_bytes(&[0xff, 0xff, 0xff, 0xff, 1]).is_none());
    assert!(String::from_bytes(&[0xff, 0xff, 0xff, 0xff]).is_none());
    assert!(String::from_bytes(&[1, 0, 0, 0, 0xff]).is_none(), "not UTF-8");
}

#[test]
fn tags_out_of_range_do_not_decode() {
    assert_eq!(Status::from_bytes(&[2]), Some(Status::Cancelled));
    assert_eq!(Status::Active.to_bytes(), [1]);
    assert!(Status::from_bytes(&[3]).is_none());
    assert!(bool::from_bytes(&[2]).is_none());
    assert!(<Option<u8>>::from_bytes(&[2, 0]).is_none());
}
