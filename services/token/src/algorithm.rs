//! Signature algorithms.

use strum::{Display, IntoStaticStr, VariantArray};

/// The algorithms that may sign a token. The text form is lower-case: `ed25519`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase", const_into_str)]
#[non_exhaustive]
pub enum Algorithm {
    /// EdDSA on Curve25519 (RFC 8032).
    Ed25519,
    /// ECDSA on P-256 with SHA-256 (FIPS 186-5).
    Es256,
}

impl Algorithm {
    /// The number in the IANA registry of COSE algorithms (RFC 9053).
    pub const fn cose_number(self) -> i64 {
        match self {
            Self::Ed25519 => -8,
            Self::Es256 => -7,
        }
    }

    /// The algorithm with this number, or `None`.
    pub fn from_cose_number(number: i64) -> Option<Self> {
        Self::VARIANTS
            .iter()
            .copied()
            .find(|algorithm| algorithm.cose_number() == number)
    }
}

#[cfg(test)]
mod tests {
    use coset::iana::{self, EnumI64 as _};

    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_cose_registry() {
        for (algorithm, registered, name) in [
            (Algorithm::Ed25519, iana::Algorithm::EdDSA, "ed25519"),
            (Algorithm::Es256, iana::Algorithm::ES256, "es256"),
        ] {
            assert_eq!(algorithm.cose_number(), registered.to_i64());
            assert_eq!(Algorithm::from_cose_number(registered.to_i64()), Some(algorithm));
            assert_eq!(
                (algorithm.into_str(), algorithm.to_string().as_str()),
                (name, name)
            );
        }
        assert_eq!(Algorithm::from_cose_number(-6), None);
    }
}
