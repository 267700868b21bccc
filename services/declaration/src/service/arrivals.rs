//! Arrival declarations (来鲁申报): another province's code is converted; from abroad only after quarantine and a test.

use lutong_chassis::skin::Mutation;
use lutong_kernel::country::Country;
use lutong_kernel::{Fault, FaultCode, Violation};

use super::applications::{Sent, StatedForm, within};
use super::declaring::{Acknowledged, Declaring};
use crate::peers::MissingStep;
use crate::store::declarations::DeclarationKind;

/// Where from, as somebody stated it.
#[derive(Debug, Clone, Copy)]
pub enum StatedOrigin<'a> {
    PartnerCode { token: &'a str },
    Overseas { country: &'a str },
}

impl Declaring {
    pub async fn arrive(
        &self,
        sent: Sent,
        form: StatedForm<'_>,
        origin: StatedOrigin<'_>,
    ) -> Result<Acknowledged, Fault> {
        check_origin(origin).map_err(|wrong| Fault::invalid(vec![wrong.within("form")]))?;
        let Sent { call, request_id } = sent;
        let Mutation {
            grant,
            permit,
            request,
        } = call;
        // A request that is sent again: the other province's code has expired by now, and need not be shown again; nor
        // is a day of the contact history counted from another day than it was.
        if let Some(stored) = self.earlier(&request).await? {
            return Ok(self.finish_new(&grant, stored).await);
        }
        let (person, mut accepted) = self
            .check(DeclarationKind::Arrival, form)
            .map_err(|fault| within(fault, "form.application"))?;
        if let StatedOrigin::PartnerCode { token } = origin {
            accepted.partner_code = Some(self.peers.verify_partner_code(&grant.call(), token).await?);
        }
        let registered = self
            .peers
            .register(&grant.call(), request_id, person, "form.application")
            .await?;
        if let StatedOrigin::Overseas { .. } = origin {
            let missing = self.peers.check_entry(&grant.call(), registered.subject).await?;
            if !missing.is_empty() {
                return Err(entry_incomplete(&missing));
            }
        }
        let stored = self
            .acknowledge(
                &permit,
                request,
                registered.subject,
                registered.normalisations,
                accepted,
            )
            .await?;
        Ok(self.finish_new(&grant, stored).await)
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
