//! One NaN: wherever bits of a result are seen, they are those of canonicalising after every operator.

mod support;

use detent_gas::Form;
use proptest::prelude::*;
use support::*;

/// An expression over f64 whose leaves are bit patterns.
#[derive(Clone, Debug)]
enum Expression {
    Leaf(u64),
    One(&'static str, Box<Expression>),
    Two(&'static str, Box<Expression>, Box<Expression>),
    /// By way of f32 and back.
    Narrow(Box<Expression>),
    /// Through a local, so that the maker is not just before the taker.
    Kept(Box<Expression>),
}

/// On bits: compilers may drop a choice between a NaN and a NaN.
fn canonical(x: f64) -> u64 {
    let bits = x.to_bits();
    if bits & !(1 << 63) > f64::INFINITY.to_bits() { 0x7ff8_0000_0000_0000 } else { bits }
}

fn minmax(a: f64, b: f64, max: bool) -> f64 {
    if a.is_nan() || b.is_nan() {
        return f64::NAN;
    }
    if a == b {
        // Zeros of two signs.
        let bits = if max { a.to_bits() & b.to_bits() } else { a.to_bits() | b.to_bits() };
        return f64::from_bits(bits);
    }
    if (a > b) == max { a } else { b }
}

impl Expression {
    /// Bits, canonicalised after each operator that section 6 names.
    fn value(&self) -> u64 {
        let x = |e: &Expression| f64::from_bits(e.value());
        match self {
            Expression::Leaf(bits) => *bits,
            Expression::Kept(e) => e.value(),
            Expression::Narrow(e) => {
                // A NaN stays one on both ways, and ends canonical.
                canonical(f64::from(x(e) as f32))
            }
            Expression::One(op, e) => {
                let v = x(e);
                match *op {
                    "neg" => v.to_bits() ^ (1 << 63),
                    "abs" => v.to_bits() & !(1 << 63),
                    "sqrt" => canonical(v.sqrt()),
                    "ceil" => canonical(v.ceil()),
                    "floor" => canonical(v.floor()),
                    "trunc" => canonical(v.trunc()),
                    _ => canonical(v.round_ties_even()),
                }
            }
            Expression::Two(op, a, b) => {
                let (a, b) = (x(a), x(b));
                match *op {
                    "copysign" => (a.to_bits() & !(1 << 63)) | (b.to_bits() & (1 << 63)),
                    "add" => canonical(a + b),
                    "sub" => canonical(a - b),
                    "mul" => canonical(a * b),
                    "div" => canonical(a / b),
                    "min" => canonical(minmax(a, b, false)),
                    _ => canonical(minmax(a, b, true)),
                }
            }
        }
    }

    fn text(&self) -> String {
        match self {
            Expression::Leaf(bits) => format!("(f64.reinterpret_i64 (i64.const {}))", *bits as i64),
            Expression::One(op, e) => format!("(f64.{op} {})", e.text()),
            Expression::Two(op, a, b) => format!("(f64.{op} {} {})", a.text(), b.text()),
            Expression::Narrow(e) => format!("(f64.promote_f32 (f32.demote_f64 {}))", e.text()),
            Expression::Kept(e) => format!("(block (result f64) (local.set 0 {}) (local.get 0))", e.text()),
        }
    }
}

fn expressions() -> impl Strategy<Value = Expression> {
    let interesting = prop_oneof![
        Just(0x7ff8_0000_0000_0000u64),
        Just(0xfff8_0000_0000_0000),
        Just(0x7ff0_0000_0000_0001),
        Just(0xffff_ffff_ffff_ffff),
        Just(f64::INFINITY.to_bits()),
        Just(f64::NEG_INFINITY.to_bits()),
        Just(0),
        Just(1u64 << 63),
        Just((-1.5f64).to_bits()),
        any::<u64>()
    ];
    interesting.prop_map(Expression::Leaf).prop_recursive(6, 40, 2, |inner| {
        prop_oneof![
            (prop::sample::select(vec!["neg", "abs", "sqrt", "ceil", "floor", "trunc", "nearest"]), inner.clone())
                .prop_map(|(op, e)| Expression::One(op, Box::new(e))),
            (prop::sample::select(vec!["add", "sub", "mul", "div", "min", "max", "copysign"]), inner.clone(), inner.clone())
                .prop_map(|(op, a, b)| Expression::Two(op, Box::new(a), Box::new(b))),
            inner.clone().prop_map(|e| Expression::Narrow(Box::new(e))),
            inner.prop_map(|e| Expression::Kept(Box::new(e))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn results_are_those_of_canonicalising_always(e in expressions()) {
        let text = format!(r#"(module (func (export "f") (result i64) (local f64) (i64.reinterpret_f64 {})))"#, e.text());
        prop_assert_eq!(run(&text, "f", &[], limits(1 << 30)).end, End::Returned(vec![e.value()]), "{}", e.text());
    }
}

#[test]
fn every_maker_of_nans_is_canonical_when_seen() {
    // Payloads and signs that hardware and interpreters pass on.
    let nan = "(f64.reinterpret_i64 (i64.const 0xfff0000000000123))";
    let nan32 = "(f32.reinterpret_i32 (i32.const 0xff800123))";
    for op in ["add", "sub", "mul", "div", "min", "max"] {
        for (a, b) in [(nan, "(f64.const 1)"), ("(f64.const 1)", nan), (nan, nan)] {
            let text = format!(r#"(module (func (export "f") (result f64) (f64.{op} {a} {b})))"#);
            assert_eq!(run(&text, "f", &[], limits(1000)).end, End::Returned(vec![0x7ff8_0000_0000_0000]), "{op}");
        }
        let text = format!(r#"(module (func (export "f") (result f32) (f32.{op} {nan32} (f32.const 2))))"#);
        assert_eq!(run(&text, "f", &[], limits(1000)).end, End::Returned(vec![0x7fc0_0000]), "{op}");
    }
    for op in ["sqrt", "ceil", "floor", "trunc", "nearest"] {
        let text = format!(
            r#"(module (memory 1) (func (export "f") (result i64 f32) (f64.store (i32.const 0) (f64.{op} {nan}))
            (i64.load (i32.const 0)) (f32.{op} {nan32})))"#
        );
        assert_eq!(run(&text, "f", &[], limits(1000)).end, End::Returned(vec![0x7ff8_0000_0000_0000, 0x7fc0_0000]), "{op}");
    }
    let text = format!(r#"(module (func (export "f") (result f32 f64) (f32.demote_f64 {nan}) (f64.promote_f32 {nan32})))"#);
    assert_eq!(run(&text, "f", &[], limits(1000)).end, End::Returned(vec![0x7fc0_0000, 0x7ff8_0000_0000_0000]));
}

#[test]
fn other_operators_keep_bits() {
    let text = r#"(module (func (export "f") (param f64) (result f64 f64 f64 f64)
        (f64.neg (local.get 0)) (f64.abs (local.get 0)) (f64.copysign (local.get 0) (f64.const 1)) (select (local.get 0) (f64.const 0) (i32.const 1))))"#;
    let bits = 0xfff0_0000_0000_0123u64;
    let positive = bits & !(1 << 63);
    assert_eq!(run(text, "f", &[bits], limits(1000)).end, End::Returned(vec![positive, positive, positive, bits]));
}

#[test]
fn nothing_is_spent_on_a_nan_that_nobody_can_tell() {
    let size = |body: &str| form(&format!("(module (func (export \"f\") (param f64 f64) (result i32) {body}))"), Form::Side).wasm.len();
    // The first sum feeds a product, the product a comparison: no code for either.
    let hidden = size("local.get 0 local.get 1 f64.add local.get 0 local.get 1 f64.add f64.mul local.get 1 f64.lt");
    let plain = size("local.get 0 local.get 1 f64.copysign local.get 0 local.get 1 f64.add f64.mul local.get 1 f64.lt");
    // Only the first sum of the first is followed by something else than a taker: one canonicalisation against none.
    assert!(hidden > plain && hidden - plain < 30, "{hidden} {plain}");
}
