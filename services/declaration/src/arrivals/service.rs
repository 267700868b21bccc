//! Creates and reads arrival declarations (来鲁申报). The code of another province is converted, as its province signed it or as the national
//! platform says it; an arrival from abroad needs its
//! quarantine ended and a negative test.

pub mod following;
mod postponed;
pub mod watching;

use std::time::Duration;

use lutong_chassis::skin::{Mutation, Page, Query};
use lutong_kernel::country::Country;
use lutong_kernel::{DivisionCode, Fault, FaultCode, PartnerCode, Timestamp, Violation};
use lutong_transport::access::{DivisionPermit, SelfPermit};
use lutong_transport::client::Call;

use super::domain::pending_step::{MissingStep, PendingStep};
use super::domain::{Journey, StatedDestination, StatedLeg};
use super::store::{self, ArrivalKey, Span};
use crate::declarations::domain::DeclarationKind;
use crate::declarations::service::form::{CheckedForm, CreateCall, StatedForm, in_form};
use crate::declarations::service::{AcknowledgedDeclaration, Declarations};
use crate::fault;
use crate::peers::{NationalAnswer, RegisteredPerson};

const KIND: DeclarationKind = DeclarationKind::Arrival;
/// The national platform, and Shandong.
const NO_OTHER_PROVINCE: [&str; 2] = ["00", "37"];
/// How long an account waits for the national platform; federation gives up on it before.
const ASKING: Duration = Duration::from_secs(4);

/// The origin as stated, unchecked.
#[derive(Debug, Clone, Copy)]
pub enum StatedOrigin<'a> {
    PartnerCode { token: &'a str },
    Overseas { country: &'a str },
    NationalCode { province: &'a str },
}

/// The journey as stated, unchecked.
#[derive(Debug, Clone)]
pub struct StatedJourney<'a> {
    pub origin: StatedOrigin<'a>,
    pub destination: StatedDestination<'a>,
    pub legs: Vec<StatedLeg<'a>>,
    /// Whether an entry from abroad that lacks something is waited for.
    pub wait_for_entry: bool,
}

/// Arrival declarations; cheap to clone.
#[derive(Clone)]
pub struct Arrivals(Declarations);

impl Arrivals {
    pub const fn new(declarations: Declarations) -> Self {
        Self(declarations)
    }

    /// Creates an arrival declaration.
    pub async fn create(
        &self,
        create: CreateCall,
        form: StatedForm<'_>,
        journey: StatedJourney<'_>,
    ) -> Result<AcknowledgedDeclaration, Fault> {
        let (origin, wait_for_entry) = (journey.origin, journey.wait_for_entry);
        check_origin(origin).map_err(|wrong| Fault::invalid(vec![wrong.within("form")]))?;
        let CreateCall { call, request_id } = create;
        let Mutation {
            grant,
            permit,
            request,
        } = call;
        // A repeated request is answered before anything is checked: the partner code has expired by now, and the days of the contact
        // history would be counted from another day.
        if let Some(stored) = self.0.earlier(&permit, &request).await? {
            return Ok(self.0.finish_new(&grant, stored).await);
        }
        let (person, mut form) = form
            .check(KIND, self.0.clock.now().local_day())
            .map_err(|fault| in_form(fault, "form.application"))?;
        form.journey = Some(
            journey
                .check(self.0.clock.now())
                .map_err(|fault| in_form(fault, "form"))?,
        );
        if let StatedOrigin::PartnerCode { token } = origin {
            self.convert_now(&grant.call(), token, &mut form).await?;
        }
        let person = self
            .0
            .peers
            .register(&grant.call(), request_id, person, "form.application")
            .await?;
        if let StatedOrigin::Overseas { .. } = origin {
            form.pending_step = self.entry_now(&grant.call(), &person, wait_for_entry).await?;
        }
        if let StatedOrigin::NationalCode { province } = origin {
            self.ask_now(&person, province, &mut form).await?;
        }
        let stored = self.0.acknowledge(&permit, request, person, form).await?;
        Ok(self.0.finish_new(&grant, stored).await)
    }

    /// Converts a code, or keeps it for later while federation is unavailable.
    async fn convert_now(&self, call: &Call, token: &str, form: &mut CheckedForm) -> Result<(), Fault> {
        match self.0.peers.verify_partner_code(call, token, None).await {
            Ok(code) => form.partner_code = Some(code),
            Err(fault) if fault.code == FaultCode::Unavailable => {
                let token = token.to_owned();
                form.pending_step = Some(PendingStep::Conversion { token });
            }
            Err(fault) => return Err(fault),
        }
        Ok(())
    }

    /// Asks the national platform, or keeps that for later while it has no answer, or while nobody knows whose code it is.
    async fn ask_now(
        &self,
        person: &RegisteredPerson,
        province: &str,
        form: &mut CheckedForm,
    ) -> Result<(), Fault> {
        let later = PendingStep::NationalCode {
            province: province.to_owned(),
        };
        if person.waiting_for.is_some() {
            form.pending_step = Some(later);
            return Ok(());
        }
        // In the name of this service: an account may not read what identity holds.
        let call = Call::background(ASKING);
        match self.0.peers.national_code(&call, person.subject, province).await {
            Ok(NationalAnswer::Code(code)) => form.partner_code = Some(*code),
            Ok(NationalAnswer::Refused(why)) => return Err(fault::arrivals::national_code_refused(why)),
            Ok(NationalAnswer::Later) => form.pending_step = Some(later),
            Err(fault) if fault.code == FaultCode::Unavailable => form.pending_step = Some(later),
            Err(fault) => return Err(fault),
        }
        Ok(())
    }

    /// Checks an entry from abroad. Returns the step that is to be waited for, or refuses the entry.
    async fn entry_now(
        &self,
        call: &Call,
        person: &RegisteredPerson,
        wait: bool,
    ) -> Result<Option<PendingStep>, Fault> {
        // Whose entry it is, is not known before the proof.
        if person.waiting_for.is_some() {
            return Ok(Some(PendingStep::unchecked_entry()));
        }
        match self.0.peers.check_entry(call, person.subject).await {
            Ok(missing) if missing.is_empty() => Ok(None),
            Ok(missing) if wait => Ok(Some(PendingStep::Entry { missing })),
            Ok(missing) => Err(entry_incomplete(&missing)),
            Err(fault) if wait && fault.code == FaultCode::Unavailable => {
                Ok(Some(PendingStep::unchecked_entry()))
            }
            Err(fault) => Err(fault),
        }
    }

    /// Which arrivals of a division there are.
    async fn keys(
        &self,
        permit: DivisionPermit,
        division: DivisionCode,
        span: Span,
        limit: u64,
    ) -> Result<Vec<ArrivalKey>, Fault> {
        let reader = self.0.reader();
        Ok(store::of_division(reader, permit, division, span, limit).await?)
    }

    /// The arrivals with these keys, in their order. One that is gone is left out.
    async fn load(&self, keys: &[ArrivalKey]) -> Result<Vec<(ArrivalKey, AcknowledgedDeclaration)>, Fault> {
        let ids: Vec<_> = keys.iter().map(|key| (key.subject, key.declaration)).collect();
        let mut found = self.0.of_keys(&ids).await?;
        let loaded = keys
            .iter()
            .filter_map(|key| Some((*key, found.remove(&key.declaration)?)));
        Ok(loaded.collect())
    }

    /// An own arrival.
    pub async fn get(&self, call: &Query<SelfPermit>, name: &str) -> Result<AcknowledgedDeclaration, Fault> {
        self.0.get(call, KIND, name).await
    }

    /// Own arrivals, the newest first, and the token of the next page.
    pub async fn list(
        &self,
        permit: &SelfPermit,
        page: &Page,
    ) -> Result<(Vec<AcknowledgedDeclaration>, String), Fault> {
        self.0.list(permit, KIND, page).await
    }
}

impl StatedJourney<'_> {
    fn check(&self, now: Timestamp) -> Result<Journey, Fault> {
        let country = match self.origin {
            StatedOrigin::Overseas { country } => Some(country),
            StatedOrigin::PartnerCode { .. } | StatedOrigin::NationalCode { .. } => None,
        };
        Journey::check(country, self.destination, &self.legs, now)
    }
}

fn check_origin(origin: StatedOrigin<'_>) -> Result<(), Violation> {
    match origin {
        StatedOrigin::Overseas { country } => match Country::parse(country) {
            Ok(country) if country != Country::CHINA => Ok(()),
            _ => Err(fault::country_not_abroad("overseas.country")),
        },
        StatedOrigin::NationalCode { province } => match PartnerCode::parse(province) {
            Some(code) if !NO_OTHER_PROVINCE.contains(&code.as_str()) => Ok(()),
            _ => Err(fault::arrivals::no_other_province("national_code.province")),
        },
        StatedOrigin::PartnerCode { .. } => Ok(()),
    }
}

fn entry_incomplete(missing: &[MissingStep]) -> Fault {
    let step = |missing: &MissingStep| match missing {
        MissingStep::BorderRecord => fault::arrivals::border_record_missing(),
        MissingStep::QuarantineEnd => fault::arrivals::quarantine_end_missing(),
        MissingStep::NegativeTest => fault::arrivals::negative_test_missing(),
    };
    fault::arrivals::entry_incomplete(missing.iter().map(step).collect())
}
