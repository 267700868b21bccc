//! `CaseService`: parse, call, map.

pub mod shown;

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::fault::AllValid as _;
use lutong_kernel::{DivisionCode, DoorReportId, Fault, FreeText, Secret, TextRule, Timestamp};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::time;
use lutong_skin::complaint::v1::CaseHandler;
use lutong_transport::access::DivisionPermit;
use lutong_transport::reply;
use wire::create_case_request::Kind as EnteredKind;

use self::shown::{case, event, listed, subject_id};
use super::content::{
    DOOR_REPORTS, read_feedback, read_finding, read_kind, read_place, read_revisit, read_state,
    read_waiting_for,
};
use super::tracking_number;
use crate::domain::case::{Command, WaitingFor};
use crate::domain::content::{Content, FollowUp, division};
use crate::domain::hotline::{Caller, Entry, Intake, city_number, hotline_number};
use crate::domain::staff::{Role, Staff};
use crate::domain::text::{lines, optional_lines};
use crate::domain::tracking::TrackingNumber;
use crate::service::handling::staff;
use crate::service::{Attached, Complaints, Filing, Step};
use crate::store::CallerHashes;
use crate::store::queues::Filter;

/// `cases/{tracking number}`.
pub const COLLECTION: &str = "cases/";

pub struct CaseRpc(pub Complaints);

impl CaseHandler for CaseRpc {
    async fn create_case(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::CreateCaseRequest,
    ) -> Result<wire::CreateCaseResponse, Fault> {
        let staff = staff(&call.grant, call.permit);
        let filing = entered(&staff, &message)?;
        let filed = self.0.file(call.request, filing).await?;
        Ok(wire::CreateCaseResponse {
            case: Some(case(filed, &staff, self.0.handling())),
        })
    }

    async fn follow_door_report(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::FollowDoorReportRequest,
    ) -> Result<wire::FollowDoorReportResponse, Fault> {
        let staff = staff(&call.grant, call.permit);
        let stated = reply::required(message.follow_up, "follow_up").map_err(reply::wrong)?;
        let report = reply::uuid_in("follow_up.door_report", &stated.door_report, DOOR_REPORTS)?;
        let follow_up = FollowUp {
            report: DoorReportId::from_uuid(report),
            text: lines(&stated.text, "follow_up.text").map_err(reply::wrong)?,
        };
        let as_officer = call.grant.call();
        let opened = self
            .0
            .follow_door_report(&staff, call.request, &as_officer, follow_up);
        Ok(wire::FollowDoorReportResponse {
            case: Some(case(opened.await?, &staff, self.0.handling())),
        })
    }

    async fn get_case(
        &self,
        call: Query<DivisionPermit>,
        message: wire::GetCaseRequest,
    ) -> Result<wire::GetCaseResponse, Fault> {
        let staff = staff(&call.grant, call.permit);
        let found = self.0.case(&staff, &number(&message.name)?).await?;
        Ok(wire::GetCaseResponse {
            subject_id: subject_id(&found),
            case: Some(case(found, &staff, self.0.handling())),
        })
    }

    async fn list_cases(
        &self,
        call: Listing<DivisionPermit>,
        message: wire::ListCasesRequest,
    ) -> Result<wire::ListCasesResponse, Fault> {
        let staff = staff(&call.grant, call.permit);
        let filter = filter(&message);
        let (found, next_page_token) = self.0.queue(&staff, filter, &call.page).await?;
        let cases = found.into_iter();
        Ok(wire::ListCasesResponse {
            cases: cases.map(|one| listed(one, &staff, self.0.handling())).collect(),
            next_page_token,
        })
    }

    async fn list_caller_cases(
        &self,
        call: Listing<DivisionPermit>,
        message: wire::ListCallerCasesRequest,
    ) -> Result<wire::ListCallerCasesResponse, Fault> {
        let staff = staff(&call.grant, call.permit);
        let caller = reply::required(message.caller, "caller").map_err(reply::wrong)?;
        let caller = Caller::new(&caller.name, &caller.mobile).map_err(Fault::invalid)?;
        if caller.name.is_none() && caller.mobile.is_none() {
            return Err(reply::wrong(reply::missing("caller")));
        }
        let (found, next_page_token) = self.0.of_caller(&staff, &caller, &call.page).await?;
        let cases = found.into_iter();
        Ok(wire::ListCallerCasesResponse {
            cases: cases.map(|one| listed(one, &staff, self.0.handling())).collect(),
            next_page_token,
        })
    }

    async fn list_case_events(
        &self,
        call: Listing<DivisionPermit>,
        message: wire::ListCaseEventsRequest,
    ) -> Result<wire::ListCaseEventsResponse, Fault> {
        let staff = staff(&call.grant, call.permit);
        let number = number(&message.name)?;
        let (complaint, found, next_page_token) = self.0.log(&staff, &number, &call.page).await?;
        Ok(wire::ListCaseEventsResponse {
            subject_id: subject_id(&complaint),
            events: found
                .into_iter()
                .map(|(sequence, entry)| event(sequence, entry))
                .collect(),
            next_page_token,
        })
    }

    async fn assign_case(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::AssignCaseRequest,
    ) -> Result<wire::AssignCaseResponse, Fault> {
        let assignee = optional_line(&message.assignee, "assignee")?;
        let command = Command::Assign {
            division: division(&message.division).map_err(reply::wrong)?,
            assignee,
        };
        let text = optional(&message.reason, "reason")?;
        let done = self.handle(call, &message.name, message.etag, command, text);
        Ok(wire::AssignCaseResponse {
            case: Some(done.await?),
        })
    }

    async fn take_up_case(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::TakeUpCaseRequest,
    ) -> Result<wire::TakeUpCaseResponse, Fault> {
        let command = Command::TakeUp(call.grant.principal().account.clone());
        let text = None;
        let done = self.handle(call, &message.name, message.etag, command, text);
        Ok(wire::TakeUpCaseResponse {
            case: Some(done.await?),
        })
    }

    async fn ask_case(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::AskCaseRequest,
    ) -> Result<wire::AskCaseResponse, Fault> {
        let command = Command::Ask(read_waiting_for(message.waiting_for())?);
        let text = required(&message.text, "text")?;
        let done = self.handle(call, &message.name, message.etag, command, text);
        Ok(wire::AskCaseResponse {
            case: Some(done.await?),
        })
    }

    async fn answer_case(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::AnswerCaseRequest,
    ) -> Result<wire::AnswerCaseResponse, Fault> {
        let command = Command::Answer;
        let finding = read_finding(message.finding());
        let with = finding.map_or(Attached::Nothing, Attached::Finding);
        let text = required(&message.text, "text")?;
        let done = self.handle_with(call, &message.name, message.etag, (command, with), text);
        Ok(wire::AnswerCaseResponse {
            case: Some(done.await?),
        })
    }

    async fn return_case(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::ReturnCaseRequest,
    ) -> Result<wire::ReturnCaseResponse, Fault> {
        let command = Command::Return;
        let text = required(&message.reason, "reason")?;
        let done = self.handle(call, &message.name, message.etag, command, text);
        Ok(wire::ReturnCaseResponse {
            case: Some(done.await?),
        })
    }

    async fn extend_case(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::ExtendCaseRequest,
    ) -> Result<wire::ExtendCaseResponse, Fault> {
        // The contract bounds it by 1 and 10.
        let command = Command::Extend(message.working_days.unsigned_abs());
        let text = required(&message.reason, "reason")?;
        let done = self.handle(call, &message.name, message.etag, command, text);
        Ok(wire::ExtendCaseResponse {
            case: Some(done.await?),
        })
    }

    async fn reopen_case(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::ReopenCaseRequest,
    ) -> Result<wire::ReopenCaseResponse, Fault> {
        let command = Command::Reopen;
        let text = required(&message.reason, "reason")?;
        let done = self.handle(call, &message.name, message.etag, command, text);
        Ok(wire::ReopenCaseResponse {
            case: Some(done.await?),
        })
    }

    async fn merge_case(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::MergeCaseRequest,
    ) -> Result<wire::MergeCaseResponse, Fault> {
        let command =
            Command::Merge(tracking_number("into", &message.into, COLLECTION).map_err(reply::wrong)?);
        let text = required(&message.reason, "reason")?;
        let done = self.handle(call, &message.name, message.etag, command, text);
        Ok(wire::MergeCaseResponse {
            case: Some(done.await?),
        })
    }

    async fn revisit_case(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::RevisitCaseRequest,
    ) -> Result<wire::RevisitCaseResponse, Fault> {
        let command = Command::Revisit(read_revisit(message.revisit)?);
        let text = optional(&message.text, "text")?;
        let done = self.handle(call, &message.name, message.etag, command, text);
        Ok(wire::RevisitCaseResponse {
            case: Some(done.await?),
        })
    }

    async fn close_case(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::CloseCaseRequest,
    ) -> Result<wire::CloseCaseResponse, Fault> {
        let command = Command::Close;
        let text = required(&message.reason, "reason")?;
        let done = self.handle(call, &message.name, message.etag, command, text);
        Ok(wire::CloseCaseResponse {
            case: Some(done.await?),
        })
    }
}

impl CaseRpc {
    /// Takes an action, and shows the case to whoever took it.
    async fn handle(
        &self,
        call: Mutation<DivisionPermit>,
        name: &str,
        etag: String,
        command: Command,
        text: Option<Secret<String>>,
    ) -> Result<wire::Case, Fault> {
        self.handle_with(call, name, etag, (command, Attached::Nothing), text)
            .await
    }

    async fn handle_with(
        &self,
        call: Mutation<DivisionPermit>,
        name: &str,
        etag: String,
        (command, with): (Command, Attached),
        text: Option<Secret<String>>,
    ) -> Result<wire::Case, Fault> {
        let staff = staff(&call.grant, call.permit);
        let is_shown = matches!(command, Command::Ask(WaitingFor::Filer) | Command::Answer);
        let step = Step {
            request: call.request,
            number: number(name)?,
            etag,
            command,
            text,
            is_shown,
            with: Ok(with),
        };
        let done = self.0.handle(&staff, step).await?;
        // Whoever gave a case away reads no more of it, also by sending the request again.
        if staff.reaches(&done.reach()) {
            Ok(case(done, &staff, self.0.handling()))
        } else {
            Ok(listed(done, &staff, self.0.handling()))
        }
    }
}

fn number(name: &str) -> Result<TrackingNumber, Fault> {
    tracking_number("name", name, COLLECTION).map_err(reply::wrong)
}

fn required(text: &str, field: &str) -> Result<Option<Secret<String>>, Fault> {
    lines(text, field).map(Some).map_err(reply::wrong)
}

fn optional(text: &str, field: &str) -> Result<Option<Secret<String>>, Fault> {
    optional_lines(text, field).map_err(reply::wrong)
}

/// An account, as stated.
fn optional_line(text: &str, field: &str) -> Result<Option<String>, Fault> {
    let text = FreeText::parse_optional(text, TextRule::line(200));
    let text = text.map_err(|error| reply::wrong(error.violation(field)))?;
    Ok(text.map(FreeText::into_string))
}

fn filter(message: &wire::ListCasesRequest) -> Filter {
    let due_before = message.due_before.as_ref().map(time::to_micros);
    Filter {
        state: read_state(message.state()),
        kind: read_kind(message.case_kind()),
        // The bounds of the contract have checked its shape.
        division: DivisionCode::parse(&message.division).ok(),
        due_before: due_before.map(Timestamp::from_micros),
        is_assigned_to_me: message.assigned_to_me,
        caller: CallerHashes::default(),
    }
}

/// What a member of staff enters for somebody else.
fn entered(staff: &Staff, message: &wire::CreateCaseRequest) -> Result<Filing, Fault> {
    let is_agent = staff.roles.contains(&Role::HotlineAgent);
    let kind = reply::required(message.kind.as_ref(), "kind").map_err(reply::wrong)?;
    let content = match kind {
        EnteredKind::Feedback(one) => read_feedback(one).map(Content::Feedback),
        EnteredKind::Place(one) => read_place(one, "place").map(Content::Place),
    };
    let division = division(&message.division);
    let hotline_number = hotline_number(&message.hotline_number, is_agent);
    let caller = message.caller.as_ref();
    let caller = caller.map(|caller| Caller::new(&caller.name, &caller.mobile));
    let caller = caller.transpose();
    let city_number = city_number(&message.city_number);
    let (content, division, hotline_number, city_number, caller) =
        (content, division, hotline_number, city_number, caller).all_valid()?;
    Ok(Filing {
        account: None,
        subject: None,
        content,
        division,
        entry: Entry {
            intake: if is_agent {
                Intake::Hotline
            } else {
                Intake::Counter
            },
            hotline_number,
            city_number,
            is_repeat: message.repeat_caller,
            called_at: None,
            caller,
            is_secret: message.secret_caller,
            entered_by: Some(staff.account.clone()),
        },
        network: None,
    })
}
