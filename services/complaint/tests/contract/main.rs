//! Contract tests of complaint, on both engines.

#![allow(clippy::unwrap_used)]

mod access;
mod accountability;
mod actions;
mod appeals;
mod attachments;
mod audit;
mod deadlines;
mod door_reports;
mod fact_reviews;
mod fakes;
mod feedback;
mod filing;
mod handling;
mod hotline_orders;
mod places;
mod public_numbers;
mod random_actions;
mod reach;
mod recognition_refusals;
mod reference;
mod reliefs;

use std::sync::atomic::{AtomicU32, Ordering};

use lutong_complaint::{ComplaintConfig, Migrations};
use lutong_kernel::{DivisionCode, Fault, ServiceName};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::complaint::v1::case_service_client::CaseServiceClient;
use lutong_proto::complaint::v1::complaint_service_client::ComplaintServiceClient;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::types::v1::{Purpose, PurposeCode};
use lutong_storage::StorageConfig;
use lutong_testing::Bed;
use lutong_transport::access::{Principal, Roles};
use lutong_transport::client::MeshChannel;
use wire::create_complaint_request::Kind as FiledKind;

use crate::fakes::Fakes;

const TEXT: &str = "我的码昨天变黄，\n但我没有离开青岛。";

struct Complaint(Bed, StorageConfig, Fakes);

async fn start(bed: Bed) -> Complaint {
    let storage = bed.storage::<Migrations>(ServiceName::Complaint).await;
    let fakes = Fakes::default();
    fakes.bind(&bed);
    serve(&bed, &storage).await;
    Complaint(bed, storage, fakes)
}

/// Starts with a file of the province's policy of relief.
async fn start_with_relief(bed: Bed, policy: &std::path::Path) -> Complaint {
    let storage = bed.storage::<Migrations>(ServiceName::Complaint).await;
    let fakes = Fakes::default();
    fakes.bind(&bed);
    let config = ComplaintConfig {
        relief_policy: Some(policy.to_owned()),
    };
    serve_with(&bed, &storage, &config).await;
    Complaint(bed, storage, fakes)
}

/// Builds the service on a store, and binds it.
async fn serve(bed: &Bed, storage: &StorageConfig) {
    serve_with(bed, storage, &ComplaintConfig::default()).await;
}

async fn serve_with(bed: &Bed, storage: &StorageConfig, config: &ComplaintConfig) {
    let peer = |service| bed.channel(service, Caller::Complaint);
    let peers = lutong_complaint::Peers {
        identity: peer(ServiceName::Identity),
        declaration: peer(ServiceName::Declaration),
        risk_rules: peer(ServiceName::RiskRules),
        code_rendering: peer(ServiceName::CodeRendering),
    };
    let component = lutong_complaint::build(&bed.foundation, storage, config, peers).await;
    bed.bind(component.unwrap());
}

fn feedback(category: i32, text: &str) -> wire::Feedback {
    wire::Feedback {
        category,
        text: text.to_owned(),
    }
}

fn request_id(n: u32) -> String {
    format!("00000000-0000-7000-9000-{n:012}")
}

/// A request id that no other request of this run has.
fn next_request_id() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(10_000);
    request_id(NEXT.fetch_add(1, Ordering::Relaxed))
}

fn fault(status: &tonic::Status) -> Fault {
    lutong_transport::status::to_fault(status, "complaint")
}

impl Complaint {
    fn client(&self) -> ComplaintServiceClient<MeshChannel> {
        ComplaintServiceClient::new(self.0.channel(ServiceName::Complaint, Caller::Gateway))
    }

    async fn send(
        &self,
        account: &str,
        request: wire::CreateComplaintRequest,
    ) -> Result<wire::Complaint, Fault> {
        let filer = lutong_testing::citizen(account, Some(fakes::person(account)));
        let request = self.0.call_as(&filer).request(request);
        let answer = self.client().create_complaint(request).await;
        answer
            .map(|answer| answer.into_inner().complaint.unwrap())
            .map_err(|status| fault(&status))
    }

    async fn file(
        &self,
        account: &str,
        n: u32,
        category: wire::FeedbackCategory,
        text: &str,
    ) -> Result<wire::Complaint, Fault> {
        let request = wire::CreateComplaintRequest {
            request_id: request_id(n),
            kind: Some(FiledKind::Feedback(feedback(category.into(), text))),
            division: String::new(),
        };
        self.send(account, request).await
    }

    async fn find(&self, account: &str, name: &str) -> Result<wire::Complaint, Fault> {
        let request = wire::GetComplaintRequest {
            name: name.to_owned(),
        };
        let request = self
            .0
            .call_as(&lutong_testing::citizen(account, None))
            .request(request);
        let answer = self.client().get_complaint(request).await;
        answer
            .map(|answer| answer.into_inner().complaint.unwrap())
            .map_err(|status| fault(&status))
    }

    async fn list(
        &self,
        account: &str,
        page_size: i32,
        page_token: &str,
    ) -> Result<(Vec<String>, String), Fault> {
        let request = wire::ListComplaintsRequest {
            page_size,
            page_token: page_token.to_owned(),
        };
        let request = self
            .0
            .call_as(&lutong_testing::citizen(account, None))
            .request(request);
        let answer = self.client().list_complaints(request).await;
        let page = answer.map_err(|status| fault(&status))?.into_inner();
        let names = page.complaints.into_iter().map(|one| one.name).collect();
        Ok((names, page.next_page_token))
    }

    async fn stored(&self) -> [i64; 2] {
        [
            lutong_testing::rows(&self.1, "complaints").await,
            lutong_testing::rows(&self.1, "idempotency").await,
        ]
    }
}

/// A member of staff with a role, within a division.
fn staff(account: &str, role: Role, division: &str) -> Principal {
    Principal {
        account: account.to_owned(),
        roles: Roles::of(&[role]),
        subject: None,
        division: DivisionCode::parse(division).ok(),
        feed: None,
        desks: Vec::new(),
    }
}

fn officer(division: &str) -> Principal {
    staff(&format!("officer-{division}"), Role::HealthOfficer, division)
}

fn supervisor(division: &str) -> Principal {
    staff(&format!("supervisor-{division}"), Role::Supervisor, division)
}

fn agent() -> Principal {
    staff("agent-1", Role::HotlineAgent, "370000")
}

#[allow(clippy::unnecessary_wraps)] // as the field is
fn purpose() -> Option<Purpose> {
    Some(Purpose {
        code: PurposeCode::ComplaintReview.into(),
        reference: String::new(),
    })
}

fn case_name(complaint: &wire::Complaint) -> String {
    format!("cases/{}", complaint.complaint_id)
}

fn place(text: &str) -> wire::PlaceComplaint {
    wire::PlaceComplaint {
        issue: wire::PlaceIssue::RefusingGreen.into(),
        place: "海景酒店，香港中路1号".to_owned(),
        text: text.to_owned(),
    }
}

/// An action of staff on a case, with what it needs beyond name, etag and purpose.
#[derive(Debug, Clone)]
enum Act {
    Assign(&'static str, &'static str),
    TakeUp,
    Ask(wire::WaitingFor),
    Answer,
    Return,
    Extend(i32),
    Reopen,
    Merge(String),
    Revisit(bool),
    Close,
}

/// An action of the filer's.
#[derive(Debug, Clone, Copy)]
enum Own {
    Reply,
    Reopen,
    Rate(bool),
}

/// One of each action of staff; a merge needs another case.
fn every_act(into: &str) -> [Act; 10] {
    [
        Act::Assign("370202", ""),
        Act::TakeUp,
        Act::Ask(wire::WaitingFor::Filer),
        Act::Answer,
        Act::Return,
        Act::Extend(1),
        Act::Reopen,
        Act::Merge(into.to_owned()),
        Act::Revisit(true),
        Act::Close,
    ]
}

const EVERY_OWN: [Own; 3] = [Own::Reply, Own::Reopen, Own::Rate(true)];

/// Everything that staff may be.
fn all_roles(account: &str, division: &str) -> Principal {
    let roles = [Role::HealthOfficer, Role::Supervisor, Role::HotlineAgent];
    Principal {
        roles: Roles::of(&roles),
        ..staff(account, Role::HealthOfficer, division)
    }
}

/// Sends an action: `$rpc` of `$client` with a request of `$message` and these fields.
macro_rules! act {
    ($self:ident, $who:ident, $id:ident, $name:ident, $etag:ident, $rpc:ident, $message:ident { $($fields:tt)* }) => {{
        let request = wire::$message {
            request_id: $id.to_owned(),
            name: $name.to_owned(),
            etag: $etag.to_owned(),
            purpose: purpose(),
            $($fields)*
        };
        let request = $self.0.call_as($who).request(request);
        let answer = $self.cases().$rpc(request).await;
        answer.map(|answer| answer.into_inner().case.unwrap())
    }};
}

impl Complaint {
    fn cases(&self) -> CaseServiceClient<MeshChannel> {
        CaseServiceClient::new(self.0.channel(ServiceName::Complaint, Caller::Gateway))
    }

    async fn act_with(
        &self,
        who: &Principal,
        id: &str,
        (name, etag): (&str, &str),
        act: Act,
    ) -> Result<wire::Case, Fault> {
        let (reason, text) = ("原因".to_owned(), "答复".to_owned());
        let done = match act {
            Act::Assign(division, assignee) => act!(
                self,
                who,
                id,
                name,
                etag,
                assign_case,
                AssignCaseRequest {
                    division: division.to_owned(),
                    assignee: assignee.to_owned(),
                    reason: String::new()
                }
            ),
            Act::TakeUp => act!(self, who, id, name, etag, take_up_case, TakeUpCaseRequest {}),
            Act::Ask(waiting_for) => act!(
                self,
                who,
                id,
                name,
                etag,
                ask_case,
                AskCaseRequest {
                    waiting_for: waiting_for.into(),
                    text: "请补充说明".to_owned()
                }
            ),
            Act::Answer => act!(
                self,
                who,
                id,
                name,
                etag,
                answer_case,
                AnswerCaseRequest { text, finding: 0 }
            ),
            Act::Return => act!(
                self,
                who,
                id,
                name,
                etag,
                return_case,
                ReturnCaseRequest { reason }
            ),
            Act::Extend(working_days) => act!(
                self,
                who,
                id,
                name,
                etag,
                extend_case,
                ExtendCaseRequest { working_days, reason }
            ),
            Act::Reopen => act!(
                self,
                who,
                id,
                name,
                etag,
                reopen_case,
                ReopenCaseRequest { reason }
            ),
            Act::Merge(into) => act!(
                self,
                who,
                id,
                name,
                etag,
                merge_case,
                MergeCaseRequest { into, reason }
            ),
            Act::Revisit(solved) => act!(
                self,
                who,
                id,
                name,
                etag,
                revisit_case,
                RevisitCaseRequest {
                    revisit: Some(wire::Revisit {
                        contacted: true,
                        solved,
                        satisfied: solved
                    }),
                    text: String::new()
                }
            ),
            Act::Close => act!(self, who, id, name, etag, close_case, CloseCaseRequest { reason }),
        };
        done.map_err(|status| fault(&status))
    }

    /// An action on whatever the state is.
    async fn act(&self, who: &Principal, name: &str, act: Act) -> Result<wire::Case, Fault> {
        let id = next_request_id();
        self.act_with(who, &id, (name, ""), act).await
    }

    async fn case(&self, who: &Principal, name: &str) -> Result<wire::Case, Fault> {
        let request = wire::GetCaseRequest {
            name: name.to_owned(),
            purpose: purpose(),
        };
        let answer = self.cases().get_case(self.0.call_as(who).request(request)).await;
        answer
            .map(|answer| answer.into_inner().case.unwrap())
            .map_err(|status| fault(&status))
    }

    async fn events(&self, who: &Principal, name: &str) -> Result<Vec<wire::CaseEvent>, Fault> {
        let request = wire::ListCaseEventsRequest {
            name: name.to_owned(),
            purpose: purpose(),
            ..Default::default()
        };
        let answer = self
            .cases()
            .list_case_events(self.0.call_as(who).request(request))
            .await;
        answer
            .map(|answer| answer.into_inner().events)
            .map_err(|status| fault(&status))
    }

    async fn queue(
        &self,
        who: &Principal,
        request: wire::ListCasesRequest,
    ) -> Result<wire::ListCasesResponse, Fault> {
        let request = wire::ListCasesRequest {
            purpose: purpose(),
            ..request
        };
        let answer = self
            .cases()
            .list_cases(self.0.call_as(who).request(request))
            .await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))
    }

    /// Files a complaint about a place of a division.
    async fn file_place(&self, account: &str, division: &str) -> wire::Complaint {
        let request = wire::CreateComplaintRequest {
            request_id: next_request_id(),
            kind: Some(FiledKind::Place(place(TEXT))),
            division: division.to_owned(),
        };
        self.send(account, request).await.unwrap()
    }
}

impl Complaint {
    async fn own_with(
        &self,
        account: &str,
        id: &str,
        (name, etag): (&str, &str),
        own: Own,
    ) -> Result<wire::Complaint, Fault> {
        let (id, name, etag) = (id.to_owned(), name.to_owned(), etag.to_owned());
        let call = self.0.call_as(&lutong_testing::citizen(account, None));
        let mut client = self.client();
        let done = match own {
            Own::Reply => {
                let request = wire::ReplyComplaintRequest {
                    request_id: id,
                    name,
                    etag,
                    text: "补充".to_owned(),
                };
                let answer = client.reply_complaint(call.request(request)).await;
                answer.map(|answer| answer.into_inner().complaint)
            }
            Own::Reopen => {
                let request = wire::ReopenComplaintRequest {
                    request_id: id,
                    name,
                    etag,
                    reason: "仍未解决".to_owned(),
                };
                let answer = client.reopen_complaint(call.request(request)).await;
                answer.map(|answer| answer.into_inner().complaint)
            }
            Own::Rate(solved) => {
                let request = wire::RateComplaintRequest {
                    request_id: id,
                    name,
                    etag,
                    revisit: Some(wire::Revisit {
                        contacted: true,
                        solved,
                        satisfied: solved,
                    }),
                };
                let answer = client.rate_complaint(call.request(request)).await;
                answer.map(|answer| answer.into_inner().complaint)
            }
        };
        done.map(Option::unwrap).map_err(|status| fault(&status))
    }

    /// An action of the filer's on whatever the state is.
    async fn own(&self, account: &str, name: &str, own: Own) -> Result<wire::Complaint, Fault> {
        let id = next_request_id();
        self.own_with(account, &id, (name, ""), own).await
    }

    /// A valid tracking number that nobody was given.
    fn unknown_number(&self) -> String {
        let day = self.0.foundation.now().local_day();
        let random = lutong_kernel::random::SeededRandom::new(99);
        lutong_complaint::domain::tracking::TrackingNumber::new(day, &random).to_string()
    }
}
