//! The price of each operator, looked up once for a schedule.

use detent_protocol::Schedule;
use wasmparser::Operator;

macro_rules! define {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $ty:ty),* })? => $visit:ident ($($arity:tt)*))*) => {
        /// Names of operators as wasmparser's visitors have them: `visit_` and the text format's name with `_` for `.`.
        const VISITORS: &[&str] = &[$(stringify!($visit)),*];

        enum Place { $($op),* }

        fn place(operator: &Operator<'_>) -> usize {
            match operator {
                $(Operator::$op { .. } => Place::$op as usize,)*
                _ => usize::MAX,
            }
        }
    };
}
wasmparser::for_each_operator!(define);

/// Prices of operators in fuel.
pub(crate) struct Prices(Vec<u64>);

impl Prices {
    /// Prices of a schedule.
    pub fn new(schedule: &Schedule) -> Prices {
        let name = |visitor: &'static str| match visitor.strip_prefix("visit_").unwrap_or(visitor) {
            // The one name that differs: the text format writes both encodings `select`.
            "typed_select" => "select",
            name => name,
        };
        Prices(VISITORS.iter().map(|v| u64::from(schedule.operators.price(name(v)))).collect())
    }

    /// The price of one operator.
    pub fn of(&self, operator: &Operator<'_>) -> u64 {
        self.0.get(place(operator)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_the_schedule_is_an_operator() {
        let schedule = Schedule::current();
        for name in schedule.operators.cost.keys().chain(&schedule.operators.free) {
            assert!(VISITORS.contains(&format!("visit_{name}").as_str()), "{name} is no operator");
        }
    }

    #[test]
    fn operators_cost_what_the_schedule_says() {
        let prices = Prices::new(Schedule::current());
        let price = |name: &str| u64::from(Schedule::current().operators.price(name));
        assert_eq!(prices.of(&Operator::I64DivU), price("i64_div_u"));
        assert_eq!(prices.of(&Operator::CallIndirect { type_index: 0, table_index: 0 }), price("call_indirect"));
        assert_eq!(prices.of(&Operator::Nop), 0);
        assert_eq!(prices.of(&Operator::I32TruncSatF64U), price("i32_trunc_sat_f64_u"));
        assert_eq!(prices.of(&Operator::MemoryGrow { mem: 0 }), 1000);
    }
}
