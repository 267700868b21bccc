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
    /// SM2 with SM3 (GB/T 32918.2-2016).
    Sm2,
}

impl Algorithm {
    /// The number in the IANA registry of COSE algorithms (RFC 9053). SM2 has none there: its number is of the private range, below −65536,
    /// which COSE leaves to those who agree on one.
    pub const fn cose_number(self) -> i64 {
        match self {
            Self::Ed25519 => -8,
            Self::Es256 => -7,
            Self::Sm2 => -65_537,
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

    #[test]
    fn sm2_has_a_number_of_the_private_range() {
        let number = Algorithm::Sm2.cose_number();
        assert!(number < -65_536, "{number}");
        assert_eq!(Algorithm::from_cose_number(number), Some(Algorithm::Sm2));
        assert_eq!(Algorithm::Sm2.to_string(), "sm2");
    }
}
