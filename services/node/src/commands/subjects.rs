//! `subjects`: which subjects are one person.

use clap::{Args, Subcommand};
use lutong_proto::identity::v1::merge_service_client::MergeServiceClient;
use lutong_proto::identity::v1::subject_reference::Reference;
use lutong_proto::identity::v1::{
    MergeSubjectsRequest, SubjectMerge, SubjectReference, UnmergeSubjectRequest,
};
use lutong_proto::types::v1::Document;

use super::Failure;
use super::client::{Calls, Target, failed, from_json, new_request_id, to_json};

#[derive(Debug, Subcommand)]
pub enum Subjects {
    /// Two subjects are one person: what is known of one holds for both.
    Merge(Merge),
    /// A subject is a person of its own again.
    Unmerge(Unmerge),
}

/// A subject is named by its id, or as `@FILE` with a document in JSON: a number on a command line would be seen by others.
#[derive(Debug, Args)]
pub struct Merge {
    /// The one that is merged.
    from: String,
    /// The one that it is merged into.
    into: String,
    #[command(flatten)]
    said: Said,
}

#[derive(Debug, Args)]
pub struct Unmerge {
    /// The one that was merged.
    from: String,
    #[command(flatten)]
    said: Said,
}

#[derive(Debug, Args)]
struct Said {
    /// How it is known; nothing personal.
    #[arg(long)]
    reason: String,
    /// For machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Subjects {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Merge(merge) => {
                let Merge { from, into, said } = merge;
                let request = MergeSubjectsRequest {
                    request_id: new_request_id(),
                    from: Some(reference(&from)?),
                    into: Some(reference(&into)?),
                    reason: said.reason.clone(),
                };
                let answer = said.client("subjects merge").await?.merge_subjects(request).await;
                said.say(answer.map_err(|status| failed(&status))?.into_inner().merge);
            }
            Self::Unmerge(unmerge) => {
                let Unmerge { from, said } = unmerge;
                let request = UnmergeSubjectRequest {
                    request_id: new_request_id(),
                    from: Some(reference(&from)?),
                    reason: said.reason.clone(),
                };
                let answer = said
                    .client("subjects unmerge")
                    .await?
                    .unmerge_subject(request)
                    .await;
                said.say(answer.map_err(|status| failed(&status))?.into_inner().merge);
            }
        }
        Ok(())
    }
}

impl Said {
    async fn client(&self, purpose: &str) -> Result<MergeServiceClient<Calls>, Failure> {
        Ok(MergeServiceClient::new(self.target.calls_for(purpose).await?))
    }

    fn say(&self, merge: Option<SubjectMerge>) {
        let merge = merge.unwrap_or_default();
        if self.json {
            say!("{}", to_json("lutong.identity.v1.SubjectMerge", &merge));
            return;
        }
        let how = match merge.unmerge_time {
            None => "已合并为一人 is one person with",
            Some(_) => "不再属同一人 is no longer one person with",
        };
        say!("{} {how} {}", merge.from_subject_id, merge.into_subject_id);
    }
}

fn reference(text: &str) -> Result<SubjectReference, Failure> {
    let reference = match text.strip_prefix('@') {
        None => Reference::SubjectId(text.to_owned()),
        Some(file) => {
            let wrong = |error: &dyn std::fmt::Display| Failure::Input(format!("{file}: {error}"));
            let json = std::fs::read_to_string(file).map_err(|error| wrong(&error))?;
            let document: Document =
                from_json("lutong.identity.v1.Document", &json).map_err(|error| wrong(&error))?;
            Reference::Document(document)
        }
    };
    Ok(SubjectReference {
        reference: Some(reference),
    })
}
