//! Files complaints: by an account, without a name, or by staff for somebody else.

use futures::FutureExt as _;
use lutong_kernel::{DivisionCode, Fault, LocalDay, SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::crypto::{ReadyCipher, keyed_hash};
use lutong_storage::idempotency::{self, Claim, RequestKey};
use lutong_transport::client::Call;
use sea_orm::DatabaseTransaction;

use super::Complaints;
use crate::domain::case::Case;
use crate::domain::content::{Content, Kind};
use crate::domain::hotline::{Caller, Entry};
use crate::domain::log::{Actor, Happening, LogEntry};
use crate::domain::tracking::TrackingNumber;
use crate::fault::{appeals, cases as fault};
use crate::store::{self, CallerHashes, Complaint, cases, content_bytes, events};

/// How often cases are stored that meet another one, each time under new tracking numbers.
const TRIES: usize = 3;

/// What is filed.
#[derive(Debug, Clone)]
pub struct Filing {
    /// The account that follows it.
    pub account: Option<String>,
    /// The person of the account; kept with an appeal only.
    pub subject: Option<SubjectId>,
    pub content: Content,
    pub division: DivisionCode,
    pub entry: Entry,
    /// From where an account or somebody without a name files, as the gateway hashes it.
    pub network: Option<String>,
}

/// New cases that can be given other tracking numbers.
pub(super) trait Numbered: Clone {
    fn number_anew(&mut self, number: &impl Fn(LocalDay) -> TrackingNumber);
}

impl Numbered for Complaint {
    fn number_anew(&mut self, number: &impl Fn(LocalDay) -> TrackingNumber) {
        self.number = number(self.created_at.local_day());
    }
}

impl<N: Numbered> Numbered for Vec<N> {
    fn number_anew(&mut self, number: &impl Fn(LocalDay) -> TrackingNumber) {
        for one in self {
            one.number_anew(number);
        }
    }
}

impl Complaints {
    /// Files a complaint under a new tracking number. A repeated request gets the complaint as it stands.
    pub async fn file(&self, request: RequestKey, filing: Filing) -> Result<Complaint, Fault> {
        self.file_checked(request, filing, Ok(())).await
    }

    /// Files what an account complains about itself. An appeal is about the decision in force about the person of the account; while
    /// risk-rules cannot say whether it is, it is filed all the same.
    pub async fn file_own(
        &self,
        request: RequestKey,
        call: &Call,
        filing: Filing,
    ) -> Result<Complaint, Fault> {
        let checked = match (&filing.content, filing.subject) {
            (Content::Appeal(_), None) => Err(appeals::decision_not_found()),
            (Content::Appeal(appeal), Some(_)) => self.check_decision(call, appeal.decision).await,
            _ => Ok(()),
        };
        self.file_checked(request, filing, checked).await
    }

    async fn check_decision(&self, call: &Call, version: u64) -> Result<(), Fault> {
        let checked = self.peers.check_own_decision(call, version).await;
        checked.or_else(|fault| match &*fault.reason {
            "DECISION_NOT_FOUND" | "DECISION_SUPERSEDED" => Err(fault),
            _ => {
                tracing::info!(%fault, "an appeal is filed whose decision could not be looked up");
                Ok(())
            }
        })
    }

    pub(super) async fn file_checked(
        &self,
        request: RequestKey,
        filing: Filing,
        checked: Result<(), Fault>,
    ) -> Result<Complaint, Fault> {
        let speaker = self.speaker(&filing, self.clock.now());
        let filed = self.new_complaint(filing);
        self.note_calendar(&filed.case);
        let cipher = self.fields.ready().await?;
        self.store_numbered(filed, |filed| {
            let (this, cipher, request, checked) =
                (self.clone(), cipher.clone(), request.clone(), checked.clone());
            self.database.write(move |transaction| {
                async move {
                    let (filed, is_new) = file(transaction, &request, &cipher, filed, checked).await?;
                    if is_new {
                        this.speak(transaction, &filed, speaker).await?;
                    }
                    Ok(filed)
                }
                .boxed()
            })
        })
        .await
    }

    /// Stores new cases by `write`, and once more under other tracking numbers where it met another case: of a day with a million cases,
    /// one number in 28 thousand is taken.
    pub(super) async fn store_numbered<N, T, W>(&self, mut new: N, write: impl Fn(N) -> W) -> Result<T, Fault>
    where
        N: Numbered,
        W: Future<Output = Result<T, Fault>>,
    {
        let contended = Fault::from(StorageError::Contended);
        for _ in 1..TRIES {
            match write(new.clone()).await {
                Err(fault) if fault == contended => {
                    new.number_anew(&|day| TrackingNumber::new(day, &*self.random));
                }
                stored => return stored,
            }
        }
        write(new).await
    }

    pub(super) fn new_complaint(&self, filing: Filing) -> Complaint {
        let Filing {
            account,
            subject,
            content,
            division,
            entry,
            network: _,
        } = filing;
        let now = self.clock.now();
        let hash = |content: &Content| {
            let bytes = [b"hotline content\n", content_bytes(content).as_slice()].concat();
            keyed_hash(&self.key, &bytes)
        };
        Complaint {
            number: TrackingNumber::new(now.local_day(), &*self.random),
            account: account.map(|account| self.account_hash(&account)),
            subject: subject.filter(|_| content.kind() == Kind::Appeal),
            created_at: now,
            filed_for: division,
            caller_hashes: match &entry.caller {
                Some(caller) if !entry.is_secret => self.caller_hashes(caller),
                _ => CallerHashes::default(),
            },
            content_hash: entry.hotline_number.is_some().then(|| hash(&content)),
            case: Case::filed(
                content.kind(),
                content.is_in_two_provinces(),
                division,
                now,
                self.calendar(),
            ),
            content,
            entry,
        }
    }

    /// What finds a caller again.
    pub(super) fn caller_hashes(&self, caller: &Caller) -> CallerHashes {
        let hash =
            |what: &str, text: &str| keyed_hash(&self.key, format!("caller {what}\n{text}").as_bytes());
        CallerHashes {
            name: caller.name.as_ref().map(|name| hash("name", name.expose())),
            mobile: caller
                .mobile
                .as_ref()
                .map(|mobile| hash("mobile", mobile.expose())),
        }
    }
}

/// The complaint, and whether it was filed just now.
async fn file(
    transaction: &DatabaseTransaction,
    request: &RequestKey,
    cipher: &ReadyCipher,
    filed: Complaint,
    checked: Result<(), Fault>,
) -> Result<(Complaint, bool), Fault> {
    let answer = filed.number.as_str().as_bytes();
    if let Claim::Replay(answer) = idempotency::claim(transaction, request, answer, filed.created_at).await? {
        return Ok((answered(transaction, cipher, &answer).await?, false));
    }
    checked?;
    if let Some(number) = &filed.entry.hotline_number
        && let Some(known) = cases::hotline_content(transaction, number).await?
    {
        return Err(if filed.content_hash == Some(known) {
            fault::hotline_number_known()
        } else {
            fault::hotline_number_conflict()
        });
    }
    if let Content::DoorReport(follow_up) = &filed.content
        && let Some(case) = cases::following(transaction, follow_up.report).await?
    {
        return Err(fault::door_report_followed(&case));
    }
    // Its tracking number is taken, or its order of the hotline is being entered by somebody else.
    if !store::insert(transaction, cipher, &filed).await? {
        return Err(StorageError::Contended.into());
    }
    let actor = filed.entry.entered_by.clone().map_or(Actor::Filer, Actor::Staff);
    let first = first_entry(&filed.case, filed.created_at, actor);
    events::append(transaction, cipher, &filed.number, 1, &[first]).await?;
    Ok((filed, true))
}

/// The first line of the log of a case.
pub(super) fn first_entry(case: &Case, at: Timestamp, actor: Actor) -> LogEntry {
    LogEntry {
        happening: Happening::Filed,
        at,
        actor,
        from: None,
        to: case.state,
        text: None,
        division: Some(case.division),
        clock: None,
        verdict: None,
        finding: None,
        is_shown: false,
    }
}

/// The complaint of a stored answer, as it stands. Whatever follows its number is not read.
pub(super) async fn answered(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    answer: &[u8],
) -> Result<Complaint, Fault> {
    let damaged = || Fault::from(idempotency::damaged_answer());
    let number = answer.split(|byte| *byte == b' ').next().unwrap_or_default();
    let number = std::str::from_utf8(number)
        .ok()
        .and_then(|text| TrackingNumber::parse(text).ok());
    let number = number.ok_or_else(damaged)?;
    store::find(transaction, cipher, &number)
        .await?
        .ok_or_else(damaged)
}
