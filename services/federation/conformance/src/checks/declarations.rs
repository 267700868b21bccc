//! What people declare elsewhere: taken in once, for whom it is meant, and taken back by who declared it.

use lutong_kernel::Timestamp;
use lutong_proto::federation::v1 as wire;
use lutong_proto::time::instant;
use lutong_proto::types::v1::{Stay, Symptoms};
use wire::ExchangeReturnCode as Code;
use wire::declaration_correction::Statement;

use super::people::{invalid, misnamed, named, nobody, returns, unsalted};
use crate::declaration::TestPerson;
use crate::exchange::Exchange;
use crate::kept::hex;
use crate::session::Session;
use crate::verdict::{Failure, Verdict};

/// One stay more than an itinerary has.
const TOO_MANY_STAYS: usize = 32;
/// Where the test persons say that they were: Jinan, Lixia.
const DIVISION: &str = "370102";

impl Session<'_> {
    /// A key of a declaration that nobody has used.
    fn declaration_key(&self) -> String {
        let nonce = self.kit.speaker.nonce();
        format!("conformance-{}", hex(&nonce))
    }

    fn some_time_ago(&self, seconds: i64) -> Timestamp {
        self.kit.speaker.clock.now().plus_seconds(-seconds)
    }

    /// Without symptoms: it changes nobody's colour.
    fn no_symptoms(&self, person: wire::ExchangedPerson, key: &str) -> wire::HealthDeclaration {
        let symptoms = Symptoms {
            observed_at: Some(instant(self.some_time_ago(60))),
            ..Symptoms::default()
        };
        wire::HealthDeclaration {
            person: Some(person),
            declaration_key: key.to_owned(),
            symptoms: Some(symptoms),
        }
    }

    fn itinerary(
        &self,
        person: wire::ExchangedPerson,
        key: &str,
        stays: usize,
    ) -> wire::ItineraryDeclaration {
        let stay = Stay {
            division: DIVISION.to_owned(),
            arrived_at: Some(instant(self.some_time_ago(7_200))),
            left_at: Some(instant(self.some_time_ago(3_600))),
            ..Stay::default()
        };
        wire::ItineraryDeclaration {
            person: Some(person),
            declaration_key: key.to_owned(),
            stays: vec![stay; stays],
        }
    }

    async fn declare(&mut self, body: &wire::HealthDeclaration) -> Result<wire::DeclarationReceipt, Failure> {
        self.say(Exchange::DeclareHealth, body).await
    }

    async fn travel(
        &mut self,
        body: &wire::ItineraryDeclaration,
    ) -> Result<wire::DeclarationReceipt, Failure> {
        self.say(Exchange::DeclareItinerary, body).await
    }

    async fn correct(
        &mut self,
        body: &wire::DeclarationCorrection,
    ) -> Result<wire::DeclarationReceipt, Failure> {
        self.say(Exchange::CorrectDeclaration, body).await
    }

    pub async fn empty_declaration(&mut self) -> Verdict {
        let receipt = self.declare(&wire::HealthDeclaration::default()).await?;
        invalid(receipt.return_code(), &receipt.errors)
    }

    pub async fn unsalted_declaration(&mut self) -> Verdict {
        let body = self.no_symptoms(unsalted(self), &self.declaration_key());
        let receipt = self.declare(&body).await?;
        invalid(receipt.return_code(), &receipt.errors)
    }

    /// Taken in, and once: the same key again changes nothing.
    pub async fn declared(&mut self) -> Verdict {
        let person = &self.consenting(&[])?;
        let key = self.declaration_key();
        let body = self.no_symptoms(named(self, person), &key);
        returns(self.declare(&body).await?.return_code(), Code::Done)?;
        returns(self.declare(&body).await?.return_code(), Code::Unchanged)?;
        self.leave_nothing(person, &key, 0).await
    }

    pub async fn declaration_of_other_name(&mut self) -> Verdict {
        let person = &self.consenting(&[])?;
        let body = self.no_symptoms(misnamed(self, person), &self.declaration_key());
        returns(self.declare(&body).await?.return_code(), Code::NameMismatch)
    }

    pub async fn empty_itinerary(&mut self) -> Verdict {
        let receipt = self.travel(&wire::ItineraryDeclaration::default()).await?;
        invalid(receipt.return_code(), &receipt.errors)
    }

    pub async fn long_itinerary(&mut self) -> Verdict {
        let body = self.itinerary(nobody(self), &self.declaration_key(), TOO_MANY_STAYS);
        let receipt = self.travel(&body).await?;
        invalid(receipt.return_code(), &receipt.errors)
    }

    pub async fn travelled(&mut self) -> Verdict {
        let person = &self.consenting(&[])?;
        let key = self.declaration_key();
        let body = self.itinerary(named(self, person), &key, 1);
        returns(self.travel(&body).await?.return_code(), Code::Done)?;
        returns(self.travel(&body).await?.return_code(), Code::Unchanged)?;
        self.leave_nothing(person, &key, 1).await
    }

    /// Takes back what the kit declared, where that is served.
    async fn leave_nothing(&mut self, person: &TestPerson, key: &str, stay: i32) -> Verdict {
        if !self.kit.peer.serves(Exchange::CorrectDeclaration) {
            return Ok(());
        }
        let receipt = self.withdraw(named(self, person), key, stay).await?;
        returns(receipt.return_code(), Code::Done)
    }

    async fn withdraw(
        &mut self,
        person: wire::ExchangedPerson,
        key: &str,
        stay: i32,
    ) -> Result<wire::DeclarationReceipt, Failure> {
        let body = wire::DeclarationCorrection {
            person: Some(person),
            declaration_key: self.declaration_key(),
            corrected_key: key.to_owned(),
            corrected_stay: stay,
            statement: Some(Statement::Withdrawal("互认测试".to_owned())),
        };
        self.correct(&body).await
    }

    pub async fn empty_correction(&mut self) -> Verdict {
        let receipt = self.correct(&wire::DeclarationCorrection::default()).await?;
        invalid(receipt.return_code(), &receipt.errors)
    }

    /// What nobody declared is not taken back.
    pub async fn nothing_to_correct(&mut self) -> Verdict {
        let person = &self.consenting(&[])?;
        let key = self.declaration_key();
        let receipt = self.withdraw(named(self, person), &key, 0).await?;
        invalid(receipt.return_code(), &receipt.errors)
    }

    pub async fn corrected(&mut self) -> Verdict {
        let person = &self.consenting(&[])?;
        let key = self.declaration_key();
        let body = self.no_symptoms(named(self, person), &key);
        returns(self.declare(&body).await?.return_code(), Code::Done)?;
        let receipt = self.withdraw(named(self, person), &key, 0).await?;
        returns(receipt.return_code(), Code::Done)
    }
}
