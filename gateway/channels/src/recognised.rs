//! Who somebody is for a provider.

use lutong_kernel::Secret;

/// Somebody whom a provider recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognised {
    /// The provider's id of this person for this application. Personal data: it is hashed before anything is stored.
    pub outside_id: Secret<String>,
    /// Absent where the provider vouches for no name.
    pub verified: Option<VerifiedIdentity>,
}

/// A name and a resident number that the provider has verified with the authority, and the telephone where it says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedIdentity {
    pub full_name: Secret<String>,
    pub resident_id: Secret<String>,
    pub mobile: Option<Secret<String>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_was_recognised_is_not_printed() {
        let text = format!(
            "{:?}",
            Recognised {
                outside_id: Secret::new("o6_bmj".to_owned()),
                verified: Some(VerifiedIdentity {
                    full_name: Secret::new("王小明".to_owned()),
                    resident_id: Secret::new("11010519491231002X".to_owned()),
                    mobile: None,
                }),
            }
        );
        assert!(
            !text.contains("o6_") && !text.contains('王') && !text.contains("1101"),
            "{text}"
        );
    }
}
