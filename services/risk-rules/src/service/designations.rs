//! Designating somebody: proposed by one officer, approved by another, in force as a fact.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use futures::FutureExt as _;
use lutong_chassis::etag::Etag;
use lutong_chassis::skin::Page;
use lutong_kernel::{DecisionId, DivisionCode, Fault, FaultCode, SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::idempotency;
use lutong_storage::idempotency::Claim;
use lutong_transport::access::DivisionPermit;
use lutong_transport::client::Call;
use sea_orm::DatabaseTransaction;
use serde_json::json;
use uuid::Uuid;

use super::appending::Batch;
use super::approval::{Acting, refused};
use super::deciding::Decider;
use super::effect::{Bringing, Effect, LeftTo};
use super::statement::reader::StatementReader;
use super::statement::{Content, Statement};
use crate::domain::approval::{Approval, Closing, Signature, State, Step};
use crate::domain::attributes::Attributes;
use crate::domain::designation::{Designation, Proposed, is_in_scope, source};
use crate::domain::fact::FactKind;
use crate::domain::legal_basis::LegalBasis;
use crate::store::decisions::{self, StoredDecision};
use crate::store::designations::{self, Filter};
use crate::store::statements::{self, Name};
use crate::store::subjects;

/// `designations/{designation}`.
pub const COLLECTION: &str = "designations";

/// A designation and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingDesignation {
    pub designation: Designation,
    pub state: State,
}

impl StandingDesignation {
    pub fn name(&self) -> String {
        format!("{COLLECTION}/{}", self.designation.id)
    }

    /// Of what an action may change.
    pub fn etag(&self) -> Etag {
        let until = self.designation.until.micros().to_string();
        Etag::of(&self.name(), [self.state.as_str(), &until])
    }

    /// Checks that an officer may take a step of what they have seen.
    fn check(&self, acting: &Acting, step: Step) -> Result<(), Fault> {
        self.etag().check(&acting.etag, self.state.as_str())?;
        let approval = &self.designation.approval;
        let checked = approval.check(step, self.state, &acting.account);
        checked.map_err(|error| refused(error, &approval.allowed(self.state, &acting.account)))
    }
}

impl Decider {
    /// Stores a proposal once.
    pub async fn propose_designation(
        &self,
        acting: Acting,
        proposed: Proposed,
    ) -> Result<StandingDesignation, Fault> {
        self.check_reach(&acting.permit, proposed.subject).await?;
        let now = self.clock.now();
        let Proposed {
            subject,
            level,
            from,
            until,
            basis,
        } = proposed;
        let one = Designation {
            id: DecisionId::new(now, &*self.random).uuid(),
            subject,
            level,
            from,
            until,
            basis,
            division: acting.permit.jurisdiction().division(),
            approval: Approval::proposed(Signature {
                officer: acting.account.clone(),
                at: now,
            }),
        };
        self.database
            .write(move |transaction| async move { propose(transaction, &acting, one, now).await }.boxed())
            .await
    }

    /// Refuses whom the officers of a division have nothing to do with. The one place that compares a person's places, as
    /// identity publishes them, with an officer's division.
    async fn check_reach(&self, permit: &DivisionPermit, subject: SubjectId) -> Result<(), Fault> {
        let reader = self.database.reader();
        let cipher = self.ready().await?;
        let basis = self.book.catch_up(reader).await?;
        let homes = subjects::homes(reader, basis.merged.person(subject)).await?;
        let mut facts = Vec::new();
        if let Some(row) = subjects::find(reader, subject).await? {
            row.open(&cipher, &mut facts)?;
        }
        if is_in_scope(permit.jurisdiction(), &homes, &facts) {
            Ok(())
        } else {
            Err(outside())
        }
    }

    /// Approves: from its beginning it decides, as a fact that is stored with the approval.
    pub async fn approve_designation(
        &self,
        call: &Call,
        reader: &StatementReader,
        acting: Acting,
        id: Uuid,
    ) -> Result<(StandingDesignation, Effect), Fault> {
        self.act_on_designation(call, reader, acting, id, Step::Approve)
            .await
    }

    /// Ends it now, as a correction of its fact.
    pub async fn end_designation(
        &self,
        call: &Call,
        reader: &StatementReader,
        acting: Acting,
        id: Uuid,
    ) -> Result<(StandingDesignation, Effect), Fault> {
        self.act_on_designation(call, reader, acting, id, Step::End).await
    }

    async fn act_on_designation(
        &self,
        call: &Call,
        reader: &StatementReader,
        acting: Acting,
        id: Uuid,
        step: Step,
    ) -> Result<(StandingDesignation, Effect), Fault> {
        let cipher = self.ready().await?;
        let (this, reader, account) = (self.clone(), reader.clone(), acting.account.clone());
        let acted = self.database.write(move |transaction| {
            async move {
                let now = this.clock.now();
                let Some(one) = step_in(transaction, &acting, id, step, now).await? else {
                    // Sent again: what was done is answered, and brought into force once more.
                    let one = held(transaction, &acting.permit, id, now).await?;
                    let standing = decisions::latest(transaction, &[one.designation.subject]).await?;
                    return Ok((one, Vec::new(), standing));
                };
                let stated = statement(&reader, &one.designation, step)?;
                let touched = BTreeSet::from([stated.subject]);
                let batch = Batch {
                    statements: this.prepare(&cipher, vec![Ok(stated)])?,
                    ..Batch::default()
                };
                let appended = this.append_in(transaction, &cipher, touched, batch).await?;
                if let Some(Err(wrong)) = appended.results.into_iter().next() {
                    return Err(Fault::invalid(vec![wrong]));
                }
                Ok::<_, Fault>((one, appended.made, appended.standing))
            }
            .boxed()
        });
        let (one, made, standing): (StandingDesignation, Vec<StoredDecision>, Vec<StoredDecision>) =
            acted.await?;
        lutong_failpoint::hit("risk_rules.committed");
        self.outbox.wake();
        let mut bringing = Bringing::new(self, call);
        bringing.made(&made).await;
        bringing.standing(&standing).await;
        let effect = bringing.finish(LeftTo::its_own(&account, one.name())).await?;
        Ok((one, effect))
    }

    /// Rejects or withdraws: nothing has followed from it.
    pub async fn refuse_designation(
        &self,
        acting: Acting,
        id: Uuid,
        how: Closing,
    ) -> Result<StandingDesignation, Fault> {
        let now = self.clock.now();
        let refused = self.database.write(move |transaction| {
            async move {
                match step_in(transaction, &acting, id, how.step(), now).await? {
                    Some(one) => Ok(one),
                    None => held(transaction, &acting.permit, id, now).await,
                }
            }
            .boxed()
        });
        refused.await
    }

    pub async fn designation(&self, permit: &DivisionPermit, id: Uuid) -> Result<StandingDesignation, Fault> {
        let found = designations::find(self.database.reader(), permit, id).await?;
        let one = found.ok_or_else(not_found)?;
        let standing = self.standing_of(vec![one]).await?;
        standing.into_iter().next().ok_or_else(not_found)
    }

    /// A page of what the permit reaches, the newest first, and the next page's token.
    pub async fn list_designations(
        &self,
        permit: &DivisionPermit,
        filter: Filter,
        page: &Page,
    ) -> Result<(Vec<StandingDesignation>, String), Fault> {
        let mut after = page.after.as_deref().map(place).transpose()?;
        let (mut found, now) = (Vec::new(), self.clock.now());
        loop {
            let reader = self.database.reader();
            let rows = designations::list(reader, permit, (filter, now), after, page.limit()).await?;
            let was_last = (rows.len() as u64) < page.limit();
            after = rows.last().map(|one| one.id);
            let standing = self.standing_of(rows).await?.into_iter();
            found.extend(standing.filter(|one| filter.state.is_none_or(|state| one.state == state)));
            if was_last || found.len() > page.size {
                break;
            }
        }
        page.cut(found, |last| last.designation.id.as_bytes().to_vec())
    }

    /// Where designations stand: of approved ones also whether their facts are believed.
    async fn standing_of(&self, rows: Vec<Designation>) -> Result<Vec<StandingDesignation>, Fault> {
        let believed = self.believed(&rows).await?;
        let now = self.clock.now();
        let standing = rows.into_iter().map(|designation| StandingDesignation {
            state: designation.state(now, !believed.contains(&name(&designation))),
            designation,
        });
        Ok(standing.collect())
    }

    async fn believed(&self, rows: &[Designation]) -> Result<HashSet<Name>, StorageError> {
        let approved = rows.iter().filter(|one| one.approval.approved.is_some());
        let names: Vec<Name> = approved.map(name).collect();
        let standing = statements::standing(self.database.reader(), &names).await?;
        Ok(standing.into_iter().collect())
    }

    /// In force now, by division and legal basis: approved, running, and their facts are believed.
    pub async fn count_designations(&self) -> Result<Vec<((DivisionCode, LegalBasis), i64)>, Fault> {
        let running = designations::running(self.database.reader(), self.clock.now()).await?;
        let believed = self.believed(&running).await?;
        let mut counts = BTreeMap::new();
        for one in running.iter().filter(|one| believed.contains(&name(one))) {
            *counts.entry((one.division, one.basis)).or_insert(0) += 1;
        }
        Ok(counts.into_iter().collect())
    }
}

fn place(bytes: &[u8]) -> Result<Uuid, Fault> {
    let damaged = |_| StorageError::Damaged("a page token".to_owned());
    Ok(Uuid::from_slice(bytes).map_err(damaged)?)
}

async fn propose(
    transaction: &DatabaseTransaction,
    acting: &Acting,
    one: Designation,
    now: Timestamp,
) -> Result<StandingDesignation, Fault> {
    let answer = one.id.as_bytes();
    if let Claim::Replay(answer) = idempotency::claim(transaction, &acting.request, answer, now).await? {
        let damaged = |_| StorageError::Damaged("idempotency.answer".to_owned());
        let id = Uuid::from_slice(&answer).map_err(damaged)?;
        return held(transaction, &acting.permit, id, now).await;
    }
    designations::insert(transaction, &acting.permit, &one).await?;
    Ok(StandingDesignation {
        state: one.state(now, false),
        designation: one,
    })
}

/// One that the transaction holds, and where it stands.
async fn held(
    transaction: &DatabaseTransaction,
    permit: &DivisionPermit,
    id: Uuid,
    now: Timestamp,
) -> Result<StandingDesignation, Fault> {
    let one = designations::hold(transaction, permit, id).await?;
    let designation = one.ok_or_else(not_found)?;
    let stated = statements::by_names(transaction, &[name(&designation)].into()).await?;
    let is_taken_back = stated.iter().all(|row| row.superseded_at.is_some());
    Ok(StandingDesignation {
        state: designation.state(now, is_taken_back),
        designation,
    })
}

/// Takes a step once: as it stands afterwards; `None` when the request was answered before.
async fn step_in(
    transaction: &DatabaseTransaction,
    acting: &Acting,
    id: Uuid,
    step: Step,
    now: Timestamp,
) -> Result<Option<StandingDesignation>, Fault> {
    let StandingDesignation {
        mut designation,
        state,
    } = held(transaction, &acting.permit, id, now).await?;
    let claim = idempotency::claim(transaction, &acting.request, id.as_bytes(), now).await?;
    if claim != Claim::Fresh {
        return Ok(None);
    }
    let seen = StandingDesignation {
        designation: designation.clone(),
        state,
    };
    seen.check(acting, step)?;
    let signed = Signature {
        officer: acting.account.clone(),
        at: now,
    };
    let how = match step {
        Step::Approve => None,
        Step::Reject => Some(Closing::Rejected),
        Step::Withdraw => Some(Closing::Withdrawn),
        Step::End => Some(Closing::Ended),
    };
    match how {
        None => {
            designations::approve(transaction, &designation, &signed).await?;
            designation.approval.approved = Some(signed);
        }
        Some(how) => {
            if how == Closing::Ended {
                designation.until = now.max(designation.from);
            }
            designations::close(transaction, &designation, (how, &signed)).await?;
            designation.approval.closed = Some((how, signed));
        }
    }
    Ok(Some(StandingDesignation {
        state: designation.state(now, false),
        designation,
    }))
}

/// The name of the fact that an approved designation is.
fn name(one: &Designation) -> Name {
    Name::of(&source(one.division), &one.id.to_string())
}

/// A designation as a fact of its division's officers: stated by the approval, corrected by its end.
fn statement(reader: &StatementReader, one: &Designation, step: Step) -> Result<Statement, Fault> {
    let given = json!({"level": one.level.as_str(), "from": one.from.to_rfc3339(), "until": one.until.to_rfc3339(),
        "legal_basis": one.basis.code()});
    let given = given.as_object().cloned().unwrap_or_default();
    let attributes = Attributes::parse(FactKind::Designation, &given).map_err(Fault::invalid)?;
    let (key, replaces) = match step {
        Step::End => (format!("{}/end", one.id), Some(one.id.to_string())),
        _ => (one.id.to_string(), None),
    };
    let content = Content::fact(attributes, replaces);
    Ok(reader.own(&source(one.division), key, one.subject, content))
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
