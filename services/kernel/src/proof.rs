//! What an account has to show before it may hold a person's code.

/// What is missing, as stored and shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case", const_into_str)]
pub enum MissingProof {
    /// The authority's real-name check has not answered yet.
    RealNameCheck,
    /// A one-time code to the mobile that is known already, or the document at a counter.
    KnownMobileOrCounter,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_proof_is_read_back_by_its_name() {
        for (missing, name) in [
            (MissingProof::RealNameCheck, "real-name-check"),
            (MissingProof::KnownMobileOrCounter, "known-mobile-or-counter"),
        ] {
            assert_eq!(missing.into_str(), name);
            assert_eq!(name.parse(), Ok(missing));
        }
    }
}
