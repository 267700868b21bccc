//! Codes: shown ones are verified, others are made and called, and what is no code has no colour.

use lutong_kernel::{Colour, Timestamp};
use lutong_proto::federation::v1 as wire;
use lutong_token::{Algorithm, Claims, DYNAMIC_LIFE_SECONDS, Expectations, Issuer, Kind, SigningKey, verify};
use wire::ExchangeReturnCode as Code;
use wire::RecognitionOutcome as Outcome;

use super::people::{invalid, misnamed, named, nobody, returns, unsalted};
use super::{about, question};
use crate::declaration::{Consent, TestPerson};
use crate::exchange::Exchange;
use crate::session::{Session, read, unsigned};
use crate::verdict::{Failure, Finding, Verdict, ensure};

/// Seconds of difference between the clocks.
const TOLERANCE: i64 = 30;

/// Whether it is a colour.
pub const fn is_colour(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Green | Outcome::Yellow | Outcome::Red)
}

impl Session<'_> {
    /// What the system says of a token.
    pub async fn verify_token(&mut self, token: &str) -> Result<wire::HealthCodeVerificationResult, Failure> {
        let answer = self.ask(Exchange::VerifyHealthCode, &about(token)).await?;
        read(&answer.body)
    }

    pub async fn no_code(&mut self) -> Verdict {
        let answer = self.ask(Exchange::VerifyHealthCode, &question()).await?;
        proves_nothing(&read(&answer.body)?)
    }

    /// A code in the name of the system's province, signed with a key that is not its.
    pub async fn forged_code(&mut self) -> Verdict {
        let speaker = &self.kit.speaker;
        let kit = |error: &dyn std::fmt::Display| Failure::new(Finding::Kit, error);
        let key = SigningKey::generate(Algorithm::Ed25519, &*speaker.random).map_err(|error| kit(&error))?;
        let issuer = Issuer::parse(self.kit.peer.province.as_str()).map_err(|error| kit(&error))?;
        let claims = Claims::dynamic(
            issuer,
            speaker.clock.now(),
            speaker.random.bytes(),
            Colour::Green,
            None,
        );
        let claims = claims.map_err(|error| kit(&error))?;
        let token = key.sign(&claims).map_err(unsigned)?;
        proves_nothing(&self.verify_token(&token).await?)
    }

    pub async fn test_codes(&mut self) -> Verdict {
        for code in &self.kit.peer.codes {
            let said = self.verify_token(&code.token).await?;
            let (outcome, expected) = (said.outcome(), code.outcome);
            let detail = format!("{} instead of {}", outcome.as_str_name(), expected.as_str_name());
            ensure(outcome == expected, Finding::Outcome, detail)?;
            if is_colour(expected) {
                let is_named = !said.code_reference.is_empty();
                ensure(
                    is_named,
                    Finding::Reference,
                    "a good code without a reference for its changes",
                )?;
            }
        }
        Ok(())
    }

    pub async fn altered_test_codes(&mut self) -> Verdict {
        for code in &self.kit.peer.codes {
            proves_nothing(&self.verify_token(&altered(&code.token)).await?)?;
        }
        Ok(())
    }

    pub async fn make(&mut self, person: wire::ExchangedPerson) -> Result<wire::ShownHealthCode, Failure> {
        let making = wire::HealthCodeMaking { person: Some(person) };
        self.say(Exchange::MakeHealthCode, &making).await
    }

    async fn call(&mut self, code_reference: String) -> Result<wire::ShownHealthCode, Failure> {
        self.say(Exchange::CallHealthCode, &wire::HealthCodeCall { code_reference })
            .await
    }

    pub async fn make_without_consent(&mut self) -> Verdict {
        let shown = self.make(nobody(self)).await?;
        shows_nothing(&shown, Code::NotConsented)
    }

    pub async fn make_with_short_salt(&mut self) -> Verdict {
        let shown = self.make(unsalted(self)).await?;
        invalid(shown.return_code(), &shown.errors)?;
        shows_nothing(&shown, Code::Invalid)
    }

    pub async fn make_of_other_name(&mut self) -> Verdict {
        let person = &self.consenting(&[Consent::Code])?;
        let shown = self.make(misnamed(self, person)).await?;
        returns(shown.return_code(), Code::Done)?;
        let outcome = shown.outcome();
        ensure(
            outcome == Outcome::NameMismatch,
            Finding::Outcome,
            outcome.as_str_name(),
        )?;
        ensure(
            shown.token.is_empty(),
            Finding::Disclosed,
            "a code is shown of somebody of another name",
        )
    }

    async fn made(&mut self, person: &TestPerson) -> Result<wire::ShownHealthCode, Failure> {
        let shown = self.make(named(self, person)).await?;
        stands_as(&shown, person.outcome)?;
        Ok(shown)
    }

    pub async fn make_consented(&mut self) -> Verdict {
        let person = &self.consenting(&[Consent::Code])?;
        let shown = self.made(person).await?;
        ensure(
            !shown.code_reference.is_empty(),
            Finding::Reference,
            "a made code without a reference",
        )?;
        if !is_colour(person.outcome) {
            return ensure(
                shown.token.is_empty(),
                Finding::Disclosed,
                "a token without a colour",
            );
        }
        let ends = shown.expire_time.as_ref().map(lutong_proto::time::timestamp);
        let latest = self
            .kit
            .speaker
            .clock
            .now()
            .plus_seconds(DYNAMIC_LIFE_SECONDS + TOLERANCE);
        let is_short: bool = ends.is_some_and(|ends: Timestamp| ends <= latest);
        ensure(
            is_short,
            Finding::Token,
            "expire_time is absent, or further away than 60 seconds",
        )
    }

    /// The token of a made code is what its issuer signs, and what it stands by.
    pub async fn made_token(&mut self) -> Verdict {
        let person = &self.consenting(&[Consent::Code])?;
        let shown = self.made(person).await?;
        let (kit, now) = (self.kit, self.kit.speaker.clock.now());
        let accepted = Expectations::kinds(&[Kind::Dynamic]);
        let claims = verify(&shown.token, &kit.peer.code_keys, now, &accepted);
        let claims =
            claims.map_err(|outcome| Failure::new(Finding::Token, format!("the token is {outcome}")))?;
        let colour = match claims.colour() {
            Colour::Green => Outcome::Green,
            Colour::Yellow => Outcome::Yellow,
            Colour::Red => Outcome::Red,
        };
        let detail = format!("the token says {}", colour.as_str_name());
        ensure(colour == shown.outcome(), Finding::Token, detail)?;
        let said = self.verify_token(&shown.token).await?.outcome();
        ensure(
            said == shown.outcome(),
            Finding::Outcome,
            format!("it verifies its code as {}", said.as_str_name()),
        )
    }

    pub async fn call_of_nothing(&mut self) -> Verdict {
        let shown = self.call("Y29uZm9ybWFuY2U".to_owned()).await?;
        shows_nothing(&shown, Code::ReferenceUnknown)
    }

    pub async fn call_altered(&mut self) -> Verdict {
        let person = &self.consenting(&[Consent::Code])?;
        let made = self.made(person).await?;
        let shown = self.call(altered(&made.code_reference)).await?;
        shows_nothing(&shown, Code::ReferenceUnknown)
    }

    pub async fn call_made(&mut self) -> Verdict {
        let person = &self.consenting(&[Consent::Code])?;
        let made = self.made(person).await?;
        let shown = self.call(made.code_reference).await?;
        stands_as(&shown, person.outcome)
    }

    pub fn consenting(&self, consents: &[Consent]) -> Result<TestPerson, Failure> {
        let person = self.kit.peer.person(consents).cloned();
        person.ok_or_else(|| Failure::new(Finding::Kit, "the plan has a case without its test person"))
    }
}

/// A text with another character in its middle.
fn altered(text: &str) -> String {
    let middle = text.chars().count() / 2;
    let other = |(place, c): (usize, char)| match (place == middle, c) {
        (true, 'A') => 'B',
        (true, _) => 'A',
        (false, c) => c,
    };
    text.chars().enumerate().map(other).collect()
}

/// Passes if a code has no colour, and why is said.
fn proves_nothing(said: &wire::HealthCodeVerificationResult) -> Verdict {
    let outcome = said.outcome();
    let is_distinct = matches!(
        outcome,
        Outcome::NotFound | Outcome::NoCode | Outcome::UnknownValue
    );
    ensure(
        is_distinct,
        Finding::Outcome,
        format!("what is no code is {}", outcome.as_str_name()),
    )?;
    ensure(
        !said.refusal.is_empty(),
        Finding::NoReason,
        "it does not say which check the code failed",
    )?;
    ensure(
        said.code_reference.is_empty(),
        Finding::Reference,
        "a reference for what is no code",
    )
}

fn shows_nothing(shown: &wire::ShownHealthCode, expected: Code) -> Verdict {
    let is_empty = shown.outcome() == Outcome::Unspecified
        && shown.token.is_empty()
        && shown.code_reference.is_empty()
        && shown.expire_time.is_none();
    ensure(is_empty, Finding::Disclosed, "something is shown all the same")?;
    returns(shown.return_code(), expected)
}

/// Passes if a code is shown with this outcome, with a token if that is a colour.
fn stands_as(shown: &wire::ShownHealthCode, expected: Outcome) -> Verdict {
    returns(shown.return_code(), Code::Done)?;
    let outcome = shown.outcome();
    let detail = format!("{} instead of {}", outcome.as_str_name(), expected.as_str_name());
    ensure(outcome == expected, Finding::Outcome, detail)?;
    let has_token = !shown.token.is_empty();
    ensure(
        has_token == is_colour(expected),
        Finding::Token,
        "a colour has a token, and nothing else has",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_altered_text_differs_in_one_character() {
        for text in ["LT1:ABCDEFG", "AAAA", "B", "0:中文"] {
            let altered = altered(text);
            let differing = text
                .chars()
                .zip(altered.chars())
                .filter(|(one, other)| one != other);
            assert_eq!(differing.count(), 1, "{text} {altered}");
        }
    }
}
