//! `merges`: which subjects are one person.

use clap::{Args, Subcommand, ValueEnum};
use lutong_proto::identity::v1::merge_service_client::MergeServiceClient;
use lutong_proto::identity::v1::subject_reference::Reference;
use lutong_proto::identity::v1::{
    CreateMergeRequest, GetMergeRequest, ListMergesRequest, ListMergesResponse, Merge, MergeState,
    SubjectReference, UndoMergeRequest,
};
use lutong_proto::types::v1::{Document, PurposeCode};

use super::Failure;
use super::client::{Calls, Target, failed, from_json, new_request_id, to_json, when};
use super::why::Why;

#[derive(Debug, Subcommand)]
pub enum Merges {
    /// Two subjects are one person: what is known of one holds for both.
    Create(Create),
    /// The two are not one person after all.
    Undo(Undo),
    /// One merge.
    Show(Show),
    /// Merges of people in the account's division, the newest first.
    List(List),
}

/// A subject is named by its id, or as `@FILE` with a document in JSON: a number on a command line would be seen by others.
#[derive(Debug, Args)]
pub struct Create {
    /// The one that is merged.
    subject: String,
    /// The one that it is merged into.
    into: String,
    /// How it is known; nothing personal.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    said: Said,
}

#[derive(Debug, Args)]
pub struct Undo {
    /// `merges/…`, as `list` shows it.
    name: String,
    /// How it is known; nothing personal.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    said: Said,
}

#[derive(Debug, Args)]
pub struct Show {
    /// `merges/…`, as `list` shows it.
    name: String,
    #[command(flatten)]
    said: Said,
}

#[derive(Debug, Args)]
pub struct List {
    /// That touch this subject.
    #[arg(long)]
    subject: Option<String>,
    /// That stand like this.
    #[arg(long)]
    state: Option<State>,
    /// Merges at the most.
    #[arg(long, default_value_t = 50)]
    page_size: i32,
    /// What the last line of the list before said.
    #[arg(long)]
    page_token: Option<String>,
    #[command(flatten)]
    said: Said,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    InForce,
    Undone,
}

#[derive(Debug, Args)]
struct Said {
    /// For machines: the API's own JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Merges {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(Create {
                subject,
                into,
                reason,
                why,
                said,
            }) => {
                let request = CreateMergeRequest {
                    request_id: new_request_id(),
                    subject: Some(reference(&subject)?),
                    into: Some(reference(&into)?),
                    reason,
                    purpose: Some(why.purpose(PurposeCode::DataCorrection)),
                };
                let answer = said.client().await?.create_merge(request).await;
                said.say(answer.map_err(|status| failed(&status))?.into_inner().merge);
            }
            Self::Undo(Undo {
                name,
                reason,
                why,
                said,
            }) => {
                let request = UndoMergeRequest {
                    request_id: new_request_id(),
                    name,
                    reason,
                    etag: String::new(),
                    purpose: Some(why.purpose(PurposeCode::DataCorrection)),
                };
                let answer = said.client().await?.undo_merge(request).await;
                said.say(answer.map_err(|status| failed(&status))?.into_inner().merge);
            }
            Self::Show(Show { name, said }) => {
                let answer = said.client().await?.get_merge(GetMergeRequest { name }).await;
                said.say(answer.map_err(|status| failed(&status))?.into_inner().merge);
            }
            Self::List(list) => list.run().await?,
        }
        Ok(())
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let state = match self.state {
            None => MergeState::Unspecified,
            Some(State::InForce) => MergeState::InForce,
            Some(State::Undone) => MergeState::Undone,
        };
        let request = ListMergesRequest {
            subject_id: self.subject.unwrap_or_default(),
            state: state.into(),
            page_size: self.page_size,
            page_token: self.page_token.unwrap_or_default(),
        };
        let answer = self.said.client().await?.list_merges(request).await;
        let listed: ListMergesResponse = answer.map_err(|status| failed(&status))?.into_inner();
        if self.said.json {
            say!("{}", to_json("lutong.identity.v1.ListMergesResponse", &listed));
            return Ok(());
        }
        for merge in &listed.merges {
            say!("{}", merge.name);
            line(merge);
        }
        if !listed.next_page_token.is_empty() {
            say!(
                "还有更早的 there are older ones: --page-token {}",
                listed.next_page_token
            );
        }
        Ok(())
    }
}

impl Said {
    async fn client(&self) -> Result<MergeServiceClient<Calls>, Failure> {
        Ok(MergeServiceClient::new(self.target.calls().await?))
    }

    fn say(&self, merge: Option<Merge>) {
        let merge = merge.unwrap_or_default();
        if self.json {
            say!("{}", to_json("lutong.identity.v1.Merge", &merge));
            return;
        }
        say!("{}", merge.name);
        line(&merge);
    }
}

fn line(merge: &Merge) {
    let how = match merge.state() {
        MergeState::Undone => "不再属同一人 is no longer one person with",
        _ => "已合并为一人 is one person with",
    };
    say!("  {} {how} {}", merge.subject_id, merge.into_subject_id);
    say!(
        "  {}  {}: {}",
        when(merge.create_time.as_ref()),
        merge.creator,
        merge.reason
    );
    if merge.state() == MergeState::Undone {
        say!(
            "  {}  {}: {}",
            when(merge.undo_time.as_ref()),
            merge.undoer,
            merge.undo_reason
        );
    }
}

fn reference(text: &str) -> Result<SubjectReference, Failure> {
    let reference = match text.strip_prefix('@') {
        None => Reference::SubjectId(text.to_owned()),
        Some(file) => {
            let wrong = |error: &dyn std::fmt::Display| Failure::Input(format!("{file}: {error}"));
            let json = std::fs::read_to_string(file).map_err(|error| wrong(&error))?;
            let document: Document =
                from_json("lutong.types.v1.Document", &json).map_err(|error| wrong(&error))?;
            Reference::Document(document)
        }
    };
    Ok(SubjectReference {
        reference: Some(reference),
    })
}
