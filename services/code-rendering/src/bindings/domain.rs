//! A family binding as far as showing needs it.

use lutong_kernel::SubjectId;
use uuid::Uuid;

/// A binding at one of its versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindingCopy {
    pub binding: Uuid,
    /// Who shows the code.
    pub binder: SubjectId,
    /// Whose code it is.
    pub ward: SubjectId,
    /// Grows with every change of the binding.
    pub version: i64,
    /// Whether the binder may show the code.
    pub is_active: bool,
}

/// The newest version of each binding, ordered by binding.
pub fn newest(mut copies: Vec<BindingCopy>) -> Vec<BindingCopy> {
    copies.sort_unstable_by_key(|copy| {
        (
            copy.binder,
            copy.ward,
            copy.binding,
            std::cmp::Reverse(copy.version),
        )
    });
    copies.dedup_by_key(|copy| (copy.binder, copy.ward, copy.binding));
    copies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_versions_of_a_binding_the_newest_counts_in_whatever_order_they_come() {
        let subject = |n| SubjectId::from_uuid(Uuid::from_u128(n));
        let version = |version| BindingCopy {
            binding: Uuid::from_u128(1),
            binder: subject(2),
            ward: subject(3),
            version,
            is_active: version == 1,
        };
        let other = BindingCopy {
            binding: Uuid::from_u128(2),
            ..version(1)
        };
        for copies in [
            vec![version(1), version(2), other],
            vec![other, version(2), version(1)],
        ] {
            assert_eq!(newest(copies), [version(2), other]);
        }
    }
}
