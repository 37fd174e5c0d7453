//! What the gate says about a module: every reason for refusing it, as data, text and JSON.

use crate::facts::Facts;
use crate::rule::Rule;
use detent_protocol::{Code, Fault};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;

/// At most so many reasons of one rule are listed; the rest are counted.
pub const PER_RULE: usize = 8;

/// The gate's answer: admitted if there are no reasons.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Why the module is refused, in the order of precedence (`docs/gate.md`), then of offsets.
    pub reasons: Vec<Reason>,
    /// How many further reasons of a rule were left out, by the rule's name.
    pub omitted: BTreeMap<&'static str, u64>,
    /// What is legal and deserves a second look. For people: nothing depends on it.
    pub warnings: Vec<String>,
    /// Sizes and counts.
    pub facts: Box<Facts>,
}

/// One reason for refusing a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Which rule was broken. Its name, as in `docs/gate.md`, is stable.
    pub rule: Rule,
    /// What was wrong, in words.
    pub message: String,
    /// Where: byte offset in the module.
    pub offset: Option<usize>,
    /// Where: function index (imports first), when the reason lies in one function.
    pub function: Option<u32>,
    /// What to try.
    pub hint: String,
}

impl Reason {
    /// The error of the catalogue.
    pub fn code(&self) -> Code {
        self.rule.code()
    }
}

impl Report {
    /// Whether the module is admitted.
    pub fn admitted(&self) -> bool {
        self.reasons.is_empty()
    }

    /// The refusal as one error: the code of the first reason, and how many more there are. `None` for an admitted module.
    pub fn fault(&self) -> Option<Fault> {
        let first = self.reasons.first()?;
        let others = self.reasons.len().saturating_sub(1) as u64 + self.omitted.values().sum::<u64>();
        let more = if others == 0 { String::new() } else { format!(" (and {others} more)") };
        let fault = Fault::new(first.code(), format!("{}{more}", first.message));
        Some(match first.place() {
            Some(place) => fault.at(place),
            None => fault,
        })
    }
}

impl Reason {
    fn place(&self) -> Option<String> {
        match (self.offset, self.function) {
            (Some(offset), Some(function)) => Some(format!("byte {offset}, function {function}")),
            (Some(offset), None) => Some(format!("byte {offset}")),
            (None, Some(function)) => Some(format!("function {function}")),
            (None, None) => None,
        }
    }
}

/// `D108 shape_limit: 10001 functions, at most 10000 (gate.functions) at byte 52` and below it the hint.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = self.code().entry();
        write!(f, "{} {}: {}", entry.code, entry.name, self.message)?;
        if let Some(place) = self.place() {
            write!(f, " at {place}")?;
        }
        write!(f, "\n    {}", self.hint)
    }
}

/// A line for each reason and warning; `admitted` for a module without reasons.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.admitted() {
            writeln!(f, "admitted")?;
        }
        for reason in &self.reasons {
            writeln!(f, "{reason}")?;
        }
        for (rule, more) in &self.omitted {
            writeln!(f, "{more} more of {rule}")?;
        }
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        Ok(())
    }
}

/// `{code, name, rule, message, offset, function, hint}`.
impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entry = self.code().entry();
        let mut s = serializer.serialize_struct("Reason", 7)?;
        s.serialize_field("code", entry.code)?;
        s.serialize_field("name", entry.name)?;
        s.serialize_field("rule", self.rule.name())?;
        s.serialize_field("message", &self.message)?;
        s.serialize_field("offset", &self.offset)?;
        s.serialize_field("function", &self.function)?;
        s.serialize_field("hint", &self.hint)?;
        s.end()
    }
}

/// Collects reasons in any order.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    by_rule: BTreeMap<Rule, Vec<Reason>>,
    omitted: BTreeMap<&'static str, u64>,
    pub(crate) warnings: Vec<String>,
}

impl Findings {
    /// A reason with the rule's own hint.
    pub(crate) fn add(&mut self, rule: Rule, message: String, offset: Option<usize>, function: Option<u32>) {
        self.add_with_hint(rule, message, offset, function, rule.hint().into());
    }

    pub(crate) fn add_with_hint(&mut self, rule: Rule, message: String, offset: Option<usize>, function: Option<u32>, hint: String) {
        let list = self.by_rule.entry(rule).or_default();
        if list.len() < PER_RULE {
            // the validator spreads some of its messages over lines
            let message = if message.contains('\n') { message.split_whitespace().collect::<Vec<_>>().join(" ") } else { message };
            list.push(Reason { rule, message, offset, function, hint });
        } else {
            *self.omitted.entry(rule.name()).or_default() += 1;
        }
    }

    pub(crate) fn any(&self) -> bool {
        !self.by_rule.is_empty()
    }

    pub(crate) fn has(&self, rule: Rule) -> bool {
        self.by_rule.contains_key(&rule)
    }

    /// The report: rules in their order of precedence, offsets ascending within a rule.
    pub(crate) fn report(self, facts: Facts) -> Report {
        let mut reasons = Vec::new();
        for mut list in self.by_rule.into_values() {
            list.sort_by_key(|r| (r.offset, r.function));
            reasons.append(&mut list);
        }
        Report { reasons, omitted: self.omitted, warnings: self.warnings, facts: Box::new(facts) }
    }
}
