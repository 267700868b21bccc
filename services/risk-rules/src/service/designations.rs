//! Designating somebody: proposed by one officer, approved by another, in force as a fact.

use std::collections::BTreeMap;

use futures::FutureExt as _;
use lutong_chassis::access::{AnyPermit, Principal};
use lutong_chassis::client::Call;
use lutong_chassis::idempotency::{self, Claim, RequestKey};
use lutong_chassis::storage::StorageError;
use lutong_kernel::{DivisionCode, Fault, FaultCode, Jurisdiction, RequestId, SubjectId};
use serde_json::json;
use uuid::Uuid;

use super::appending::Batch;
use super::deciding::Decider;
use super::statement::{Content, Statement};
use crate::domain::attributes::Attributes;
use crate::domain::designation::{Designation, is_in_scope, source};
use crate::domain::fact::FactKind;
use crate::grpc::statement::StatementReader;
use crate::store::statements::{self, Name};
use crate::store::{designations, subjects};

impl Decider {
    /// Stores a proposal once; `propose` makes it of an id, the officer's division and the instant.
    pub async fn propose_designation(
        &self,
        _permit: AnyPermit,
        officer: &Principal,
        request_id: RequestId,
        body: &[u8],
        proposed: Designation,
    ) -> Result<Designation, Fault> {
        let request = self
            .idempotency
            .key(&officer.account, "ProposeDesignation", request_id, body);
        let own = officer.jurisdiction()?;
        self.check_scope(own, proposed.subject).await?;
        let proposed = Designation {
            id: Uuid::from_bytes(self.random.bytes::<16>()),
            division: own.division(),
            proposed_by: officer.account.clone(),
            proposed_at: self.clock.now(),
            ..proposed
        };
        self.database
            .write(move |transaction| async move { propose(transaction, &request, proposed).await }.boxed())
            .await
    }

    /// Refuses whom the officers of a division have nothing to do with.
    async fn check_scope(&self, own: Jurisdiction, subject: SubjectId) -> Result<(), Fault> {
        let reader = self.database.reader();
        let cipher = self.ready().await?;
        let basis = self.book.catch_up(reader).await?;
        let homes = subjects::homes(reader, basis.merged.person(subject)).await?;
        let mut facts = Vec::new();
        if let Some(row) = subjects::find(reader, subject).await? {
            row.open(&cipher, &mut facts)?;
        }
        if is_in_scope(own, &homes, &facts) {
            Ok(())
        } else {
            Err(outside())
        }
    }

    /// Approves, states the fact and brings it into force.
    pub async fn approve_designation(
        &self,
        _permit: AnyPermit,
        call: &Call,
        reader: &StatementReader,
        officer: &Principal,
        id: Uuid,
    ) -> Result<Designation, Fault> {
        let (account, own, now) = (officer.account.clone(), officer.jurisdiction()?, self.clock.now());
        let approved = self.database.write(move |transaction| {
            async move {
                let one = designations::hold(transaction, id).await?;
                let one = one.filter(|one| own.covers(one.division)).ok_or_else(not_found)?;
                if one.proposed_by == account {
                    return Err(own_proposal());
                }
                if one.ended_at.is_some() || one.until <= now || is_taken_back(transaction, &one).await? {
                    return Err(over());
                }
                if one.approved_at.is_some() {
                    return Ok(one);
                }
                designations::approve(transaction, id, &account, now).await?;
                designations::hold(transaction, id).await?.ok_or_else(not_found)
            }
            .boxed()
        });
        let approved: Designation = approved.await?;
        self.state(
            call,
            vec![statement(reader, &approved, approved.id.to_string(), None)?],
        )
        .await?;
        Ok(approved)
    }

    /// Ends it now, as a correction of its fact.
    pub async fn end_designation(
        &self,
        _permit: AnyPermit,
        call: &Call,
        reader: &StatementReader,
        officer: &Principal,
        id: Uuid,
    ) -> Result<Designation, Fault> {
        let (own, now) = (officer.jurisdiction()?, self.clock.now());
        let ended = self.database.write(move |transaction| {
            async move {
                let one = designations::hold(transaction, id).await?;
                let mut one = one.filter(|one| own.covers(one.division)).ok_or_else(not_found)?;
                if one.until > now && one.ended_at.is_none() {
                    one.until = now.max(one.from);
                    designations::end(transaction, id, (one.until, now)).await?;
                }
                Ok::<_, Fault>(one)
            }
            .boxed()
        });
        let ended = ended.await?;
        if ended.approved_at.is_some() {
            let key = format!("{}/end", ended.id);
            self.state(
                call,
                vec![statement(reader, &ended, key, Some(ended.id.to_string()))?],
            )
            .await?;
        }
        Ok(ended)
    }

    async fn state(&self, call: &Call, statements: Vec<Statement>) -> Result<(), Fault> {
        let batch = Batch {
            statements: statements.into_iter().map(Ok).collect(),
            ..Batch::default()
        };
        let (appended, in_force) = self.append_in_force(call, batch).await?;
        if let Some(Err(wrong)) = appended.results.into_iter().next() {
            return Err(Fault::invalid(vec![wrong]));
        }
        if in_force {
            Ok(())
        } else {
            Err(Fault::unavailable("code-rendering"))
        }
    }

    /// In force now, by division and legal basis: approved, running, and their facts are believed.
    pub async fn count_designations(&self) -> Result<Vec<((DivisionCode, &'static str), i64)>, Fault> {
        let reader = self.database.reader();
        let running = designations::running(reader, self.clock.now()).await?;
        let names: Vec<Name> = running.iter().map(name).collect();
        let standing = statements::standing(reader, &names).await?;
        let mut counts = BTreeMap::new();
        for one in running.iter().filter(|one| standing.contains(&name(one))) {
            *counts.entry((one.division, one.basis.code)).or_insert(0) += 1;
        }
        Ok(counts.into_iter().collect())
    }
}

async fn propose(
    transaction: &sea_orm::DatabaseTransaction,
    request: &RequestKey,
    proposed: Designation,
) -> Result<Designation, Fault> {
    let answer = proposed.id.as_bytes();
    if let Claim::Replay(answer) =
        idempotency::claim(transaction, request, answer, proposed.proposed_at).await?
    {
        let damaged = || Fault::from(StorageError::Damaged("idempotency.answer".to_owned()));
        let id = Uuid::from_slice(&answer).map_err(|_| damaged())?;
        return designations::find(transaction, id).await?.ok_or_else(damaged);
    }
    designations::insert(transaction, &proposed).await?;
    Ok(proposed)
}

/// The name of the fact that an approved designation is.
fn name(one: &Designation) -> Name {
    Name::of(&source(one.division), &one.id.to_string())
}

/// Whether the fact was corrected or retracted, in whatever way.
async fn is_taken_back(
    transaction: &sea_orm::DatabaseTransaction,
    one: &Designation,
) -> Result<bool, StorageError> {
    let stated = statements::by_names(transaction, &[name(one)].into()).await?;
    Ok(stated.iter().any(|row| row.superseded_at.is_some()))
}

/// A designation as a fact of its division's officers.
fn statement(
    reader: &StatementReader,
    one: &Designation,
    key: String,
    replaces: Option<String>,
) -> Result<Statement, Fault> {
    let given = json!({"level": one.level.as_str(), "from": one.from.to_rfc3339(), "until": one.until.to_rfc3339(),
        "legal_basis": one.basis.code});
    let given = given.as_object().cloned().unwrap_or_default();
    let attributes = Attributes::parse(FactKind::Designation, &given).map_err(Fault::invalid)?;
    Ok(reader.own(
        &source(one.division),
        key,
        one.subject,
        Content::fact(attributes, replaces),
    ))
}

fn not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "DESIGNATION_NOT_FOUND",
        "本辖区没有该管理决定",
        "there is no such designation in your division",
    )
}

fn outside() -> Fault {
    Fault::new(
        FaultCode::PermissionDenied,
        "OUTSIDE_DIVISION",
        "该人员不在本辖区居住，也没有在本辖区停留的记录",
        "the person neither lives in your division nor is known to have stayed there",
    )
}

fn own_proposal() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "OWN_PROPOSAL",
        "须由另一名工作人员批准",
        "another officer must approve: you proposed it",
    )
}

fn over() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "DESIGNATION_OVER",
        "该管理决定已结束或已撤销，不能再批准",
        "it has ended, or its fact was taken back: it can no longer be approved",
    )
}
