//! People in bodies: nobody, and those whom the system gave for the test.

use lutong_proto::federation::v1::{ExchangeReturnCode, ExchangedPerson};
use lutong_proto::types::v1::{Document, DocumentType, FieldError};

use crate::declaration::TestPerson;
use crate::session::Session;
use crate::verdict::{Finding, Verdict, ensure};

/// The sample number of GB 11643, under a name that nobody has.
const NOBODY: (&str, &str) = ("互认测试", "11010519491231002X");
/// A name that no test person has.
const OTHER_NAME: &str = "另有其人";

/// Somebody whom nobody has registered.
pub fn nobody(session: &Session<'_>) -> ExchangedPerson {
    let document = Document {
        r#type: DocumentType::ResidentId.into(),
        number: NOBODY.1.to_owned(),
        issuing_country: String::new(),
    };
    ExchangedPerson {
        salt: session.kit.speaker.nonce().to_vec(),
        full_name: NOBODY.0.to_owned(),
        document: Some(document),
    }
}

/// A test person, as a message names them.
pub fn named(session: &Session<'_>, person: &TestPerson) -> ExchangedPerson {
    ExchangedPerson {
        salt: session.kit.speaker.nonce().to_vec(),
        full_name: person.full_name.clone(),
        document: Some(person.document.clone()),
    }
}

/// A test person under another name.
pub fn misnamed(session: &Session<'_>, person: &TestPerson) -> ExchangedPerson {
    ExchangedPerson {
        full_name: OTHER_NAME.to_owned(),
        ..named(session, person)
    }
}

/// Somebody whose salt can be tried.
pub fn unsalted(session: &Session<'_>) -> ExchangedPerson {
    ExchangedPerson {
        salt: b"1".to_vec(),
        ..nobody(session)
    }
}

/// Passes if this is the return code.
pub fn returns(said: ExchangeReturnCode, expected: ExchangeReturnCode) -> Verdict {
    let detail = format!("{} instead of {}", said.as_str_name(), expected.as_str_name());
    ensure(said == expected, Finding::ReturnCode, detail)
}

/// Passes if a body was found wrong, and its fields are named.
pub fn invalid(said: ExchangeReturnCode, errors: &[FieldError]) -> Verdict {
    returns(said, ExchangeReturnCode::Invalid)?;
    let is_named = |error: &FieldError| !error.field.is_empty() && !error.reason.is_empty();
    ensure(
        !errors.is_empty() && errors.iter().all(is_named),
        Finding::NoFields,
        "INVALID without fields and reasons",
    )
}
