//! `facts rollback`: undoing what a feed reported, proposed by one supervisor and approved by another.

use clap::{Args, Subcommand};
use lutong_proto::risk_rules::v1::rollback_service_client::RollbackServiceClient;
use lutong_proto::risk_rules::v1::{
    ApproveRollbackRequest, GetRollbackRequest, ListRollbacksRequest, ProposeRollbackRequest,
    RejectRollbackRequest, Rollback, RollbackState, WithdrawRollbackRequest,
};
use lutong_proto::types::v1::{Colour, Purpose, PurposeCode};

use crate::commands::Failure;
use crate::commands::client::{Calls, Target, failed, new_request_id, to_json, when};
use crate::commands::operations;

#[derive(Debug, Subcommand)]
pub enum Rollbacks {
    /// Propose to undo a span, and count what that would change.
    Propose(Propose),
    /// Approve what another account proposed: it is undone.
    Approve(One),
    /// Refuse what another account proposed.
    Reject(One),
    /// Take one's own proposal back.
    Withdraw(One),
    /// One rollback.
    Show(One),
    /// Rollbacks of feeds in one's division, the newest first.
    List(List),
}

#[derive(Debug, Args)]
pub struct Propose {
    /// The feed.
    source: String,
    /// From this instant of recording on (RFC 3339).
    #[arg(long)]
    from: String,
    /// Until before this one.
    #[arg(long)]
    until: String,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Only count.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    shown: Shown,
}

#[derive(Debug, Args)]
pub struct One {
    /// The rollback: `rollbacks/…`, or its id.
    name: String,
    #[command(flatten)]
    shown: Shown,
}

#[derive(Debug, Args)]
pub struct List {
    /// Only those that wait for a second account.
    #[arg(long)]
    waiting: bool,
    #[command(flatten)]
    shown: Shown,
}

#[derive(Debug, Args)]
struct Shown {
    /// For machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Rollbacks {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Propose(propose) => propose.run().await,
            Self::List(list) => list.run().await,
            Self::Approve(one) => {
                let request = ApproveRollbackRequest {
                    request_id: new_request_id(),
                    name: name(&one.name),
                    etag: String::new(),
                    purpose: Some(purpose()),
                };
                let answer = one.shown.client().await?.approve_rollback(request).await;
                let answer = answer.map_err(|status| failed(&status))?.into_inner();
                let effect = answer.effect.unwrap_or_default();
                if !effect.operation.is_empty() {
                    operations::follow(one.shown.target.calls().await?, &effect.operation).await?;
                }
                one.get().await
            }
            Self::Reject(one) => {
                let request = RejectRollbackRequest {
                    request_id: new_request_id(),
                    name: name(&one.name),
                    etag: String::new(),
                    purpose: Some(purpose()),
                };
                let answer = one.shown.client().await?.reject_rollback(request).await;
                let answer = answer.map_err(|status| failed(&status))?.into_inner();
                one.shown.say(&answer.rollback.unwrap_or_default());
                Ok(())
            }
            Self::Withdraw(one) => {
                let request = WithdrawRollbackRequest {
                    request_id: new_request_id(),
                    name: name(&one.name),
                    etag: String::new(),
                    purpose: Some(purpose()),
                };
                let answer = one.shown.client().await?.withdraw_rollback(request).await;
                let answer = answer.map_err(|status| failed(&status))?.into_inner();
                one.shown.say(&answer.rollback.unwrap_or_default());
                Ok(())
            }
            Self::Show(one) => one.get().await,
        }
    }
}

/// `rollbacks/{rollback}`, also where only the id was typed.
fn name(typed: &str) -> String {
    if typed.contains('/') {
        typed.to_owned()
    } else {
        format!("rollbacks/{typed}")
    }
}

/// What a rollback is for.
fn purpose() -> Purpose {
    Purpose {
        code: PurposeCode::DataCorrection.into(),
        reference: String::new(),
    }
}

impl One {
    async fn get(&self) -> Result<(), Failure> {
        let request = GetRollbackRequest {
            name: name(&self.name),
        };
        let answer = self.shown.client().await?.get_rollback(request).await;
        let answer = answer.map_err(|status| failed(&status))?.into_inner();
        self.shown.say(&answer.rollback.unwrap_or_default());
        Ok(())
    }
}

impl Propose {
    async fn run(self) -> Result<(), Failure> {
        let instant = |text: &str, name: &str| {
            let at = lutong_kernel::Timestamp::parse(text);
            at.map(|at| lutong_proto::time::from_micros(at.micros()))
                .map_err(|error| Failure::Input(format!("--{name}: {error}")))
        };
        let request = ProposeRollbackRequest {
            request_id: new_request_id(),
            start_time: Some(instant(&self.from, "from")?),
            end_time: Some(instant(&self.until, "until")?),
            source: self.source,
            reason: self.reason,
            validate_only: self.dry_run,
            purpose: Some(purpose()),
        };
        let answer = self.shown.client().await?.propose_rollback(request).await;
        let answer = answer.map_err(|status| failed(&status))?.into_inner();
        self.shown.say(&answer.rollback.unwrap_or_default());
        Ok(())
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let state = if self.waiting {
            RollbackState::Proposed
        } else {
            RollbackState::Unspecified
        };
        let mut client = self.shown.client().await?;
        let mut page_token = String::new();
        loop {
            let request = ListRollbacksRequest {
                state: state.into(),
                page_size: 0,
                page_token,
            };
            let answer = client.list_rollbacks(request).await;
            let page = answer.map_err(|status| failed(&status))?.into_inner();
            page.rollbacks.iter().for_each(|one| self.shown.say(one));
            if page.next_page_token.is_empty() {
                return Ok(());
            }
            page_token = page.next_page_token;
        }
    }
}

impl Shown {
    async fn client(&self) -> Result<RollbackServiceClient<Calls>, Failure> {
        let calls = self.target.calls().await?;
        Ok(RollbackServiceClient::new(calls))
    }

    fn say(&self, one: &Rollback) {
        if self.json {
            println!("{}", to_json("lutong.risk_rules.v1.Rollback", one));
            return;
        }
        let state = one.state().as_str_name().trim_start_matches("ROLLBACK_STATE_");
        println!(
            "{} {state} {} {} – {}: {}",
            if one.name.is_empty() {
                "(试算 dry run)"
            } else {
                &one.name
            },
            one.source,
            when(one.start_time.as_ref()),
            when(one.end_time.as_ref()),
            one.reason
        );
        if let Some(preview) = &one.preview {
            println!(
                "  将会 would: {} 人 subjects, {} 撤回 retracted, {} 恢复 stated anew",
                preview.subjects, preview.retracted, preview.restated
            );
            let name = |colour: Colour| colour.as_str_name().trim_start_matches("COLOUR_").to_lowercase();
            for change in &preview.colour_changes {
                let (before, after) = (name(change.before()), name(change.after()));
                println!("    {before} → {after}: {}", change.count);
            }
            if preview.tried_subjects < preview.subjects {
                println!("    colours of the first {} only", preview.tried_subjects);
            }
        }
        if let Some(done) = &one.outcome {
            println!(
                "  已办 done: {} 人 subjects, {} 撤回 retracted, {} 恢复 stated anew, {} 重新决定 decided anew",
                done.subjects, done.retracted, done.restated, done.redecided
            );
        }
    }
}
