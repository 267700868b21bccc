//! Designations, on the wire.

use lutong_chassis::reply;
use lutong_kernel::fault::Violations;
use lutong_kernel::{DivisionCode, Fault, Timestamp, Violation};
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::time;
use prost::Message as _;
use tonic::{Request, Response, Status};
use uuid::Uuid;
use wire::designation_service_server::DesignationService;

use super::statement::StatementReader;
use crate::domain::designation::{Designation, LEGAL_BASES, Level, check_span, legal_basis};
use crate::service::deciding::Decider;

#[derive(Clone)]
pub struct Designations {
    decider: Decider,
    reader: StatementReader,
}

impl Designations {
    pub const fn new(decider: Decider, reader: StatementReader) -> Self {
        Self { decider, reader }
    }

    async fn propose(
        &self,
        request: Request<wire::ProposeDesignationRequest>,
    ) -> Result<wire::ProposeDesignationResponse, Fault> {
        let grant = reply::grant(&request)?;
        let permit = grant.any()?;
        let message = request.into_inner();
        let body = message.encode_to_vec();
        let mut wrong = Violations::new();
        let request_id = wrong.take(reply::request_id(&message.request_id));
        let proposed = match proposed(&message, self.reader.now()) {
            Ok(proposed) => Some(proposed),
            Err(violations) => {
                for violation in violations {
                    wrong.push(violation);
                }
                None
            }
        };
        wrong.finish()?;
        let (Some(request_id), Some(proposed)) = (request_id, proposed) else {
            return Err(Fault::internal());
        };
        let stored = self
            .decider
            .propose_designation(permit, grant.principal(), request_id, &body, proposed)
            .await?;
        Ok(wire::ProposeDesignationResponse {
            designation: Some((&stored).into()),
        })
    }

    async fn approve(
        &self,
        request: Request<wire::ApproveDesignationRequest>,
    ) -> Result<wire::ApproveDesignationResponse, Fault> {
        let grant = reply::grant(&request)?;
        let permit = grant.any()?;
        let id = id(&request.get_ref().designation_id)?;
        let approved = self
            .decider
            .approve_designation(permit, &grant.own_call(), &self.reader, grant.principal(), id)
            .await?;
        Ok(wire::ApproveDesignationResponse {
            designation: Some((&approved).into()),
        })
    }

    async fn end(
        &self,
        request: Request<wire::EndDesignationRequest>,
    ) -> Result<wire::EndDesignationResponse, Fault> {
        let grant = reply::grant(&request)?;
        let permit = grant.any()?;
        let id = id(&request.get_ref().designation_id)?;
        let ended = self
            .decider
            .end_designation(permit, &grant.own_call(), &self.reader, grant.principal(), id)
            .await?;
        Ok(wire::EndDesignationResponse {
            designation: Some((&ended).into()),
        })
    }

    async fn count(&self) -> Result<wire::CountDesignationsResponse, Fault> {
        let counts = self.decider.count_designations().await?;
        let count = |((division, code), count): ((DivisionCode, &'static str), i64)| {
            let basis = legal_basis(code);
            wire::DesignationCount {
                division: division.to_string(),
                legal_basis_zh: basis.map_or("", |basis| basis.zh).to_owned(),
                legal_basis_en: basis.map_or("", |basis| basis.en).to_owned(),
                legal_basis: code.to_owned(),
                count,
            }
        };
        Ok(wire::CountDesignationsResponse {
            counts: counts.into_iter().map(count).collect(),
        })
    }
}

fn id(text: &str) -> Result<Uuid, Fault> {
    let wrong = |error: uuid::Error| {
        reply::wrong(Violation::new(
            "designation_id",
            "DESIGNATION_ID_SHAPE",
            "应为UUID",
            error.to_string(),
        ))
    };
    text.parse().map_err(wrong)
}

/// Everything of a proposal but who proposes it, when and where.
fn proposed(
    message: &wire::ProposeDesignationRequest,
    now: Timestamp,
) -> Result<Designation, Vec<Violation>> {
    let mut wrong = Vec::new();
    let mut take = |violation: Violation| wrong.push(violation);
    let subject = reply::subject_id(&message.subject_id, "subject_id")
        .map_err(&mut take)
        .ok();
    let level = match message.level() {
        wire::DesignationLevel::High => Some(Level::High),
        wire::DesignationLevel::Medium => Some(Level::Medium),
        wire::DesignationLevel::Unspecified => {
            take(Violation::new(
                "level",
                "LEVEL_MISSING",
                "必填",
                "is required: high or medium",
            ));
            None
        }
    };
    let instant = |at: Option<prost_types::Timestamp>, field: &str| {
        reply::required(at, field).map(|at| Timestamp::from_micros(time::to_micros(&at)))
    };
    let from = instant(message.from_time, "from_time").map_err(&mut take).ok();
    let until = instant(message.until_time, "until_time").map_err(&mut take).ok();
    if let (Some(from), Some(until)) = (from, until) {
        check_span(from, until, now).map_err(&mut take).ok();
    }
    let basis = legal_basis(&message.legal_basis);
    if basis.is_none() {
        let codes = LEGAL_BASES.map(|basis| basis.code).join(", ");
        let (zh, en) = (
            format!("须为清单所列依据：{codes}"),
            format!("is one of the list: {codes}"),
        );
        take(Violation::new("legal_basis", "LEGAL_BASIS_UNKNOWN", zh, en));
    }
    match (subject, level, from, until, basis) {
        (Some(subject), Some(level), Some(from), Some(until), Some(basis)) if wrong.is_empty() => {
            Ok(Designation {
                id: Uuid::nil(),
                subject,
                level,
                from,
                until,
                basis,
                division: DivisionCode::SHANDONG,
                proposed_by: String::new(),
                proposed_at: now,
                approved_by: None,
                approved_at: None,
                ended_at: None,
            })
        }
        _ => Err(wrong),
    }
}

impl From<&Designation> for wire::Designation {
    fn from(one: &Designation) -> Self {
        let level = match one.level {
            Level::High => wire::DesignationLevel::High,
            Level::Medium => wire::DesignationLevel::Medium,
        };
        Self {
            designation_id: one.id.to_string(),
            subject_id: one.subject.to_string(),
            level: level.into(),
            from_time: Some(time::from_micros(one.from.micros())),
            until_time: Some(time::from_micros(one.until.micros())),
            legal_basis: one.basis.code.to_owned(),
            division: one.division.to_string(),
            approved: one.approved_at.is_some(),
            approve_time: one.approved_at.map(|at| time::from_micros(at.micros())),
        }
    }
}

#[tonic::async_trait]
impl DesignationService for Designations {
    async fn propose_designation(
        &self,
        request: Request<wire::ProposeDesignationRequest>,
    ) -> Result<Response<wire::ProposeDesignationResponse>, Status> {
        reply::answer(self.propose(request).await)
    }

    async fn approve_designation(
        &self,
        request: Request<wire::ApproveDesignationRequest>,
    ) -> Result<Response<wire::ApproveDesignationResponse>, Status> {
        reply::answer(self.approve(request).await)
    }

    async fn end_designation(
        &self,
        request: Request<wire::EndDesignationRequest>,
    ) -> Result<Response<wire::EndDesignationResponse>, Status> {
        reply::answer(self.end(request).await)
    }

    async fn count_designations(
        &self,
        request: Request<wire::CountDesignationsRequest>,
    ) -> Result<Response<wire::CountDesignationsResponse>, Status> {
        let wire::CountDesignationsRequest {} = request.into_inner();
        reply::answer(self.count().await)
    }
}
