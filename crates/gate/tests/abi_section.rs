//! The `pyde.abi` section against the published vector, and its decoder against hostile bytes.

use detent_gate::abi::{
    Attributes, ContractAbi, ContractKind, EventAbi, FieldKind, FunctionAbi, ParamAbi, ParamType, ScalarType, StateField, StateSchema,
    TYPE_DEPTH, TypeAbi, TypeKind, V1_0, V1_1, V1_2,
};
use detent_protocol::Code;
use proptest::prelude::*;

/// `abi_counter_section` of the ABI's vectors: the counter template's manifest, decoded and re-encoded by the published client.
const COUNTER: &str = "020001000002000000a7d4bd360300000067657481000000000000000103fcf52a2c09000000696e6372656d656e7480000000000000000103449a3a583a5378\
2476dfc343e7b5652a7984a53bd1c190142e550e1dd6388da50000000d000000707964652d74656d706c61746505000000302e312e3000000000000000000100000007000000636f756e7465\
72000300000000";

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).expect("hex")).collect()
}

fn field(name: &str, ty: ParamType) -> ParamAbi {
    ParamAbi { name: name.into(), ty }
}

/// A section in which everything occurs.
fn rich() -> ContractAbi {
    ContractAbi {
        version: V1_2,
        kind: ContractKind::Contract,
        functions: vec![
            FunctionAbi::new("new", Attributes::CONSTRUCTOR, vec![field("arg0", ParamType::String)], None),
            FunctionAbi::new("get", Attributes::VIEW | Attributes::ENTRY, vec![], Some(ParamType::Vec(Box::new(ParamType::U128)))),
            FunctionAbi::new("any", Attributes::FALLBACK, vec![], None),
            FunctionAbi::new("take", Attributes::RECEIVE | Attributes::PAYABLE, vec![], None),
            FunctionAbi::new("place", Attributes::ENTRY, vec![field("arg0", ParamType::Custom("Order".into()))], None),
        ],
        state_schema_hash: [7; 32],
        constructor_index: Some(0),
        fallback_index: Some(2),
        receive_index: Some(3),
        name: "market".into(),
        contract_version: "1.2.3".into(),
        events: vec![EventAbi {
            name: "Placed".into(),
            params: vec![field("who", ParamType::Address), field("order", ParamType::Custom("Order".into()))],
            indexed_mask: 1,
        }],
        parachain_imports: vec![],
        state_schema: Some(StateSchema {
            fields: vec![
                StateField { name: "count".into(), kind: FieldKind::Scalar { value: ScalarType::U64 } },
                StateField {
                    name: "orders".into(),
                    kind: FieldKind::Map { keys: vec![ScalarType::Address, ScalarType::U64], value: ScalarType::Bytes },
                },
            ],
        }),
        types: vec![
            TypeAbi {
                name: "Order".into(),
                kind: TypeKind::Struct(vec![
                    field("side", ParamType::Custom("Side".into())),
                    field("tag", ParamType::Option(Box::new(ParamType::FixedBytes(32)))),
                    field("legs", ParamType::Map { key: Box::new(ParamType::U8), value: Box::new(ParamType::I64) }),
                ]),
            },
            TypeAbi { name: "Side".into(), kind: TypeKind::Enum(vec!["Buy".into(), "Sell".into()]) },
        ],
    }
}

#[test]
fn the_published_counter_section_round_trips() {
    let bytes = unhex(COUNTER);
    let abi = ContractAbi::decode(&bytes).expect("decodes");
    assert_eq!(abi.encode(), bytes);
    assert_eq!(abi.name, "pyde-template");
    assert_eq!(abi.problems(), Vec::<String>::new());
    let (index, increment) = abi.find_function("increment").expect("declared");
    assert_eq!((index, increment.attributes, &increment.returns), (1, Attributes::ENTRY, &Some(ParamType::U64)));
    assert_eq!(*increment, FunctionAbi::new("increment", Attributes::ENTRY, vec![], Some(ParamType::U64)), "selector");
    assert!(abi.find_function("nope").is_none());
    let schema = abi.schema().expect("1.2 has a schema");
    let counter = schema.field(b"counter").expect("declared");
    assert_eq!((counter.arity(), counter.value_width()), (0, Some(8)));
}

#[test]
fn everything_round_trips_in_every_version() {
    let abi = rich();
    assert_eq!(abi.problems(), Vec::<String>::new());
    assert_eq!(ContractAbi::decode(&abi.encode()).expect("1.2"), abi);
    let abi = ContractAbi { version: V1_1, types: vec![], ..abi };
    assert_eq!(ContractAbi::decode(&abi.encode()).expect("1.1"), abi);
    let abi = ContractAbi { version: V1_0, state_schema: None, ..abi };
    assert_eq!(ContractAbi::decode(&abi.encode()).expect("1.0"), abi);
    assert_eq!(abi.schema(), None);
}

#[test]
fn a_version_that_is_not_known_is_refused() {
    for version in [0, V1_0 - 1, V1_2 + 1, 0x0002_0000, u32::MAX] {
        let fault = ContractAbi::decode(&ContractAbi { version, ..rich() }.encode()).expect_err("refused");
        assert_eq!(fault.code, Code::AbiSection);
        assert!(fault.detail.contains("is not supported"), "{fault}");
    }
}

#[test]
fn every_truncation_and_a_byte_too_many_are_refused_with_a_place() {
    let bytes = rich().encode();
    for cut in 0..bytes.len() {
        let fault = ContractAbi::decode(&bytes[..cut]).expect_err("truncated");
        assert!(fault.at.is_some(), "{cut}");
    }
    let mut longer = bytes;
    longer.push(0);
    assert!(ContractAbi::decode(&longer).expect_err("longer").detail.contains("1 bytes left over"));
}

#[test]
fn lengths_do_not_allocate_and_nesting_does_not_recurse() {
    // four billion functions in nine bytes
    let mut bytes = V1_2.to_le_bytes().to_vec();
    bytes.extend([0, 0xff, 0xff, 0xff, 0xff]);
    assert!(ContractAbi::decode(&bytes).is_err());
    // a hundred thousand vectors in each other: one byte a level
    let deep = |levels: u32| {
        let mut head = V1_2.to_le_bytes().to_vec();
        head.extend([0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 128, 0, 0, 0, 0, 0, 0, 0, 1]);
        head.extend(vec![15u8; levels as usize]);
        head.push(0);
        head.extend([0; 32 + 3 + 4 + 4 + 4 + 4 + 4 + 4]);
        head
    };
    assert!(ContractAbi::decode(&deep(TYPE_DEPTH - 1)).is_ok());
    for levels in [TYPE_DEPTH, 100_000] {
        assert!(ContractAbi::decode(&deep(levels)).expect_err("deep").detail.contains("nest deeper"));
    }
}

/// Each contradiction, and that it is found alone.
#[test]
fn each_contradiction_is_said() {
    type Change = fn(&mut ContractAbi);
    let cases: [(&str, Change); 28] = [
        ("parachains cannot", |a| a.kind = ContractKind::Parachain),
        ("parachain imports", |a| a.parachain_imports.push("x".into())),
        ("has no name", |a| a.functions[4].name.clear()),
        ("unknown attribute bits 0x100", |a| a.functions[4].attributes.0 |= 0x100),
        ("is view with payable", |a| a.functions[1].attributes.0 |= 2),
        ("receive without payable", |a| a.functions[3].attributes = Attributes::RECEIVE),
        ("function \"get\" is declared twice", |a| a.functions[4].name = "get".into()),
        ("2 functions are constructor", |a| a.functions[4].attributes = Attributes::CONSTRUCTOR),
        ("constructor_index 9 is not a function", |a| a.constructor_index = Some(9)),
        ("without the attribute fallback", |a| a.fallback_index = Some(1)),
        ("function 3 is receive, but receive_index is absent", |a| a.receive_index = None),
        ("state field has no name", |a| fields(a)[0].name.clear()),
        ("has 0 keys", |a| fields(a)[1].kind = FieldKind::Map { keys: vec![], value: ScalarType::U8 }),
        ("has 4 keys", |a| fields(a)[1].kind = FieldKind::Map { keys: vec![ScalarType::U8; 4], value: ScalarType::U8 }),
        ("vec as key", |a| {
            fields(a)[1].kind = FieldKind::Map { keys: vec![ScalarType::Vec(Box::new(ScalarType::U8))], value: ScalarType::U8 };
        }),
        ("is a vec of string", |a| fields(a)[0].kind = FieldKind::Scalar { value: ScalarType::Vec(Box::new(ScalarType::String)) }),
        ("state field \"count\" is declared twice", |a| fields(a)[1].name = "count".into()),
        ("type \"Side\" is declared twice", |a| {
            let side = a.types[1].clone();
            a.types.push(side);
        }),
        ("uses the type \"Nope\"", |a| a.functions[1].returns = Some(ParamType::Custom("Nope".into()))),
        ("event \"Placed\" uses bytes0", |a| a.events[0].params[0].ty = ParamType::FixedBytes(0)),
        ("has no fields", |a| a.types.push(TypeAbi { name: "E".into(), kind: TypeKind::Struct(vec![]) })),
        ("has 0 variants", |a| a.types[1].kind = TypeKind::Enum(vec![])),
        ("has 257 variants", |a| a.types[1].kind = TypeKind::Enum((0..257).map(|i| i.to_string()).collect())),
        ("variant of enum \"Side\" \"Buy\" is declared twice", |a| a.types[1].kind = TypeKind::Enum(vec!["Buy".into(), "Buy".into()])),
        ("field of struct \"Order\" \"side\" is declared twice", |a| struct_fields(a)[1].name = "side".into()),
        ("event \"Placed\" marks a field", |a| a.events[0].indexed_mask = 0b101),
        ("has 4 indexed fields", |a| {
            a.events[0].params = (0..5).map(|i| field(&i.to_string(), ParamType::Address)).collect();
            a.events[0].indexed_mask = 0b1111;
        }),
        ("event \"Placed\" is declared twice", |a| {
            let event = a.events[0].clone();
            a.events.push(event);
        }),
    ];
    for (words, change) in cases {
        let mut abi = rich();
        change(&mut abi);
        let problems = abi.problems();
        assert_eq!(problems.len(), 1, "{words}: {problems:?}");
        assert!(problems[0].contains(words), "{words}: {problems:?}");
    }
}

fn fields(abi: &mut ContractAbi) -> &mut Vec<StateField> {
    &mut abi.state_schema.as_mut().expect("1.2").fields
}

fn struct_fields(abi: &mut ContractAbi) -> &mut Vec<ParamAbi> {
    match &mut abi.types[0].kind {
        TypeKind::Struct(fields) => fields,
        TypeKind::Enum(_) => panic!("Order is a struct"),
    }
}

#[test]
fn cycles_of_custom_types_are_said_and_long_chains_count_as_depth() {
    let chain = |n: usize, last: ParamType| -> Vec<TypeAbi> {
        let next = |i: usize| if i + 1 < n { ParamType::Custom(format!("T{}", i + 1)) } else { last.clone() };
        (0..n).map(|i| TypeAbi { name: format!("T{i}"), kind: TypeKind::Struct(vec![field("f", next(i))]) }).collect()
    };
    let with = |types: Vec<TypeAbi>| {
        let mut abi = rich();
        abi.types.extend(types);
        abi.problems()
    };
    let depth = TYPE_DEPTH as usize;
    assert_eq!(with(chain(depth - 1, ParamType::U8)), Vec::<String>::new());
    assert!(with(chain(depth, ParamType::U8))[0].contains("nest 33 deep"));
    assert!(with(chain(10_000, ParamType::U8))[0].contains("nest 10001 deep"));
    let cyclic = with(chain(3, ParamType::Vec(Box::new(ParamType::Custom("T0".into())))));
    assert_eq!(cyclic.len(), 3, "{cyclic:?}");
    assert!(cyclic.iter().all(|p| p.contains("cycle")));
}

#[test]
fn warnings_are_not_problems() {
    let mut abi = rich();
    abi.functions[4].attributes = Attributes::ENTRY | Attributes::PAYABLE | Attributes::REENTRANT;
    abi.functions[1].attributes = Attributes::VIEW;
    assert_eq!(abi.problems(), Vec::<String>::new());
    assert_eq!(abi.warnings().len(), 2, "{:?}", abi.warnings());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_decode_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(abi) = ContractAbi::decode(&bytes) {
            prop_assert_eq!(abi.encode(), bytes);
        }
    }

    #[test]
    fn changed_sections_decode_or_are_refused(at in any::<prop::sample::Index>(), to in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut bytes = rich().encode();
        let i = at.index(bytes.len());
        bytes[i] = to;
        if let Ok(abi) = ContractAbi::decode(&bytes) {
            prop_assert_eq!(abi.encode(), bytes.clone());
            let _ = (abi.problems(), abi.warnings(), abi.schema(), serde_json::to_string(&abi).expect("serialises"));
        }
        bytes.truncate(cut.index(bytes.len()));
        prop_assert!(ContractAbi::decode(&bytes).is_err());
    }
}
