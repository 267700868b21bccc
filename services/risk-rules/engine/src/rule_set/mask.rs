//! A set of rules represented as one number.

/// A set of rules of one rule set: the bit at the index of each rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RuleMask(u64);

impl RuleMask {
    #[must_use]
    pub const fn with(self, rule: u8) -> Self {
        Self(self.0 | (1 << (rule & 63)))
    }

    pub const fn has(self, rule: u8) -> bool {
        self.0 & (1 << (rule & 63)) != 0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The number that is stored. A rule set has at most 63 rules, so that it is never negative.
    pub const fn number(self) -> i64 {
        self.0.cast_signed()
    }

    pub const fn from_number(number: i64) -> Self {
        Self(number.cast_unsigned())
    }
}
