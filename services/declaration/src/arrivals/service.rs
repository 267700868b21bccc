//! Creates and reads arrival declarations (来鲁申报). The code of another province is converted; an arrival from abroad needs its
//! quarantine ended and a negative test.

use lutong_chassis::skin::{Mutation, Page, Query};
use lutong_kernel::country::Country;
use lutong_kernel::{Fault, FaultCode, Violation};
use lutong_transport::access::SelfPermit;

use crate::declarations::domain::DeclarationKind;
use crate::declarations::service::form::{CreateCall, StatedForm, in_form};
use crate::declarations::service::{AcknowledgedDeclaration, Declarations};
use crate::peers::MissingStep;

const KIND: DeclarationKind = DeclarationKind::Arrival;

/// The origin as stated, unchecked.
#[derive(Debug, Clone, Copy)]
pub enum StatedOrigin<'a> {
    PartnerCode { token: &'a str },
    Overseas { country: &'a str },
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
        origin: StatedOrigin<'_>,
    ) -> Result<AcknowledgedDeclaration, Fault> {
        check_origin(origin).map_err(|wrong| Fault::invalid(vec![wrong.within("form")]))?;
        let CreateCall { call, request_id } = create;
        let Mutation {
            grant,
            permit,
            request,
        } = call;
        // A repeated request is answered before anything is checked: the partner code has expired by now, and the days of the contact
        // history would be counted from another day.
        if let Some(stored) = self.0.earlier(&request).await? {
            return Ok(self.0.finish_new(&grant, stored).await);
        }
        let (person, mut form) = form
            .check(KIND, self.0.clock.now().local_day())
            .map_err(|fault| in_form(fault, "form.application"))?;
        if let StatedOrigin::PartnerCode { token } = origin {
            form.partner_code = Some(self.0.peers.verify_partner_code(&grant.call(), token).await?);
        }
        let person = self
            .0
            .peers
            .register(&grant.call(), request_id, person, "form.application")
            .await?;
        if let StatedOrigin::Overseas { .. } = origin {
            let missing = self.0.peers.check_entry(&grant.call(), person.subject).await?;
            if !missing.is_empty() {
                return Err(entry_incomplete(&missing));
            }
        }
        let (subject, notes) = (person.subject, person.normalisations);
        let stored = self.0.acknowledge(&permit, request, subject, notes, form).await?;
        Ok(self.0.finish_new(&grant, stored).await)
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

fn check_origin(origin: StatedOrigin<'_>) -> Result<(), Violation> {
    match origin {
        StatedOrigin::Overseas { country } => match Country::parse(country) {
            Ok(country) if country != Country::CHINA => Ok(()),
            _ => Err(Violation::new(
                "overseas.country",
                "COUNTRY_NOT_ABROAD",
                "应为GB/T 2659三位字母代码，且不为CHN",
                "is a GB/T 2659 alpha-3 code other than CHN",
            )),
        },
        StatedOrigin::PartnerCode { .. } => Ok(()),
    }
}

fn entry_incomplete(missing: &[MissingStep]) -> Fault {
    let step = |missing: &MissingStep| match missing {
        MissingStep::BorderRecord => (
            "entry.border_record",
            "BORDER_RECORD_MISSING",
            "口岸尚无入境记录",
            "the border has reported no entry",
        ),
        MissingStep::QuarantineEnd => (
            "entry.quarantine_completed_at",
            "QUARANTINE_END_MISSING",
            "隔离期未满或尚未报送",
            "the end of quarantine has not been reported, or lies ahead",
        ),
        MissingStep::NegativeTest => (
            "entry.negative_test",
            "NEGATIVE_TEST_MISSING",
            "入境后尚无核酸检测阴性结果",
            "no negative test sampled after the entry has been reported",
        ),
    };
    let steps: Vec<_> = missing.iter().map(step).collect();
    let zh: Vec<_> = steps.iter().map(|step| step.2).collect();
    let en: Vec<_> = steps.iter().map(|step| step.3).collect();
    let mut fault = Fault::new(
        FaultCode::FailedPrecondition,
        "ENTRY_INCOMPLETE",
        format!("境外来鲁须隔离期满且检测合格：{}", zh.join("；")),
        format!(
            "arrivals from abroad need quarantine ended and a test passed: {}",
            en.join("; ")
        ),
    );
    fault.violations = steps
        .into_iter()
        .map(|(field, reason, zh, en)| Violation::new(field, reason, zh, en))
        .collect();
    fault
}
