//! What the claims of a verified ID token say about somebody.

use lutong_kernel::Secret;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::id_token::Payload;
use crate::failure::SignInFailure;
use crate::recognised::{Recognised, VerifiedIdentity};

/// The longest subject: OpenID Connect Core, section 2.
const LONGEST_SUBJECT: usize = 255;

/// Which claims hold a name and a number that the provider has verified with the authority. A provider that verifies nobody has
/// none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClaimNames {
    /// Says how well somebody was verified, for example `auth_level`; empty: nobody is.
    pub assurance: String,
    /// The values of that claim with which name and number are verified, for example `["L3", "L4"]`.
    pub verified_by: Vec<String>,
    /// The name, for example `name`.
    pub full_name: String,
    /// The number of the resident card, for example `id_card`.
    pub resident_id: String,
    /// The verified telephone, for example `phone_number`; empty: none is read.
    pub mobile: String,
}

impl ClaimNames {
    pub(crate) fn read(&self, payload: &Payload) -> Result<Recognised, SignInFailure> {
        let subject = payload.get("sub").and_then(Value::as_str).unwrap_or_default();
        if !(1..=LONGEST_SUBJECT).contains(&subject.len()) {
            return Err(SignInFailure::Forged("sub"));
        }
        Ok(Recognised {
            outside_id: Secret::new(subject.to_owned()),
            verified: self.verified(payload),
        })
    }

    /// A claim of another type than text is none.
    fn verified(&self, payload: &Payload) -> Option<VerifiedIdentity> {
        let text = |name: &str| {
            let value = payload.get(name).filter(|_| !name.is_empty())?.as_str()?;
            (!value.is_empty()).then(|| Secret::new(value.to_owned()))
        };
        let level = text(&self.assurance)?;
        if !self.verified_by.iter().any(|one| one == level.expose()) {
            return None;
        }
        Some(VerifiedIdentity {
            full_name: text(&self.full_name)?,
            resident_id: text(&self.resident_id)?,
            mobile: text(&self.mobile),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names() -> ClaimNames {
        ClaimNames {
            assurance: "auth_level".to_owned(),
            verified_by: vec!["L3".to_owned(), "L4".to_owned()],
            full_name: "name".to_owned(),
            resident_id: "id_card".to_owned(),
            mobile: "phone_number".to_owned(),
        }
    }

    fn read(claims: Value) -> Result<Recognised, SignInFailure> {
        let Value::Object(payload) = claims else {
            panic!("no object")
        };
        names().read(&payload)
    }

    #[test]
    fn a_name_is_verified_at_the_levels_that_the_operator_lists() {
        let claims = |level: &str| json!({"sub": "1", "auth_level": level, "name": "王小明", "id_card": "11010519491231002X"});
        for (level, is_verified) in [("L3", true), ("L4", true), ("L1", false), ("", false)] {
            assert_eq!(
                read(claims(level)).unwrap().verified.is_some(),
                is_verified,
                "{level}"
            );
        }
    }

    #[test]
    fn half_an_identity_is_none() {
        for claims in [
            json!({"sub": "1", "auth_level": "L3", "name": "王小明"}),
            json!({"sub": "1", "auth_level": "L3", "name": "王小明", "id_card": 7}),
            json!({"sub": "1", "auth_level": 3, "name": "王小明", "id_card": "x"}),
            json!({"sub": "1", "name": "王小明", "id_card": "x"}),
        ] {
            assert_eq!(read(claims.clone()).unwrap().verified, None, "{claims}");
        }
        let nobody =
            ClaimNames::default().read(&serde_json::Map::from_iter([("sub".to_owned(), json!("1"))]));
        assert_eq!(nobody.unwrap().verified, None);
    }

    #[test]
    fn a_token_without_a_subject_is_nobodys() {
        for claims in [
            json!({}),
            json!({"sub": ""}),
            json!({"sub": 7}),
            json!({"sub": "x".repeat(256)}),
        ] {
            assert_eq!(read(claims), Err(SignInFailure::Forged("sub")));
        }
    }
}
