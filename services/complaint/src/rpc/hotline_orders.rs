//! `HotlineOrderService`: parse, call, map.

use lutong_chassis::skin::{Listing, Query};
use lutong_kernel::fault::AllValid as _;
use lutong_kernel::{Fault, Timestamp, Violation};
use lutong_proto::bounds::Bounded as _;
use lutong_proto::complaint::v1 as wire;
use lutong_proto::time::{instant, timestamp};
use lutong_skin::complaint::v1::HotlineOrderHandler;
use lutong_transport::access::DivisionPermit;
use wire::hotline_order::Kind as OrderKind;

use super::cases::COLLECTION as CASES;
use super::content::{finding, kind, read_feedback, read_place, read_state, revisit, state};
use crate::domain::content::{Content, division};
use crate::domain::hotline::{Caller, Entry, Intake, city_number, hotline_number};
use crate::domain::staff::Staff;
use crate::fault;
use crate::service::handling::staff;
use crate::service::hotline_orders::Outcome;
use crate::service::{Complaints, Filing};
use crate::store::hotline_orders::{Filter, OrderStatus};

pub struct HotlineOrderRpc(pub Complaints);

impl HotlineOrderHandler for HotlineOrderRpc {
    async fn import_hotline_orders(
        &self,
        call: Query<DivisionPermit>,
        message: wire::ImportHotlineOrdersRequest,
    ) -> Result<wire::ImportHotlineOrdersResponse, Fault> {
        let staff = staff(&call.grant, call.permit);
        let now = self.0.now();
        let orders = message.orders.iter().map(|order| read_order(&staff, order, now));
        let outcomes = self.0.import(&staff, orders.collect()).await?;
        Ok(wire::ImportHotlineOrdersResponse {
            outcomes: outcomes.into_iter().map(shown_outcome).collect(),
        })
    }

    async fn list_hotline_orders(
        &self,
        call: Listing<DivisionPermit>,
        message: wire::ListHotlineOrdersRequest,
    ) -> Result<wire::ListHotlineOrdersResponse, Fault> {
        let staff = staff(&call.grant, call.permit);
        let filter = Filter {
            state: read_state(message.state()),
            from: message.start_time.as_ref().map(timestamp),
            until: message.end_time.as_ref().map(timestamp),
        };
        let (found, next_page_token) = self.0.orders(&staff, filter, &call.page).await?;
        Ok(wire::ListHotlineOrdersResponse {
            orders: found.into_iter().map(shown_status).collect(),
            next_page_token,
        })
    }
}

/// What an order asks to be filed, or everything that is wrong with it.
fn read_order(staff: &Staff, order: &wire::HotlineOrder, now: Timestamp) -> Result<Filing, Vec<Violation>> {
    order.check().map_err(|wrong| wrong.violations)?;
    let content = match &order.kind {
        // The bounds above have refused it.
        None => Err(vec![lutong_transport::reply::missing("kind")]),
        Some(OrderKind::Feedback(one)) => read_feedback(one).map(Content::Feedback),
        Some(OrderKind::Place(one)) => read_place(one, "place").map(Content::Place),
    };
    let division = division(&order.division).and_then(|division| {
        let is_own = staff.jurisdiction.covers(division);
        is_own.then_some(division).ok_or_else(fault::division_outside)
    });
    let caller = order.caller.as_ref();
    let caller = caller.map(|caller| Caller::new(&caller.name, &caller.mobile));
    let called_at = order.call_time.as_ref().map(timestamp);
    let called_at = match called_at {
        Some(at) if now < at => Err(fault::call_ahead()),
        at => Ok(at),
    };
    let numbers = (
        hotline_number(&order.hotline_number, true),
        city_number(&order.city_number),
    );
    let read = (
        content,
        division,
        numbers.0,
        numbers.1,
        caller.transpose(),
        called_at,
    )
        .all_valid();
    let (content, division, hotline_number, city_number, caller, called_at) =
        read.map_err(|wrong| wrong.violations)?;
    Ok(Filing {
        account: None,
        subject: None,
        content,
        division,
        entry: Entry {
            intake: Intake::Hotline,
            hotline_number,
            city_number,
            is_repeat: order.repeat_caller,
            called_at,
            caller,
            is_secret: order.secret_caller,
            entered_by: Some(staff.account.clone()),
        },
        network: None,
    })
}

fn shown_outcome(outcome: Outcome) -> wire::HotlineOrderOutcome {
    let result = match &outcome {
        Outcome::Imported(_) => wire::HotlineOrderResult::Imported,
        Outcome::Known(_) => wire::HotlineOrderResult::Known,
        Outcome::Conflict | Outcome::Refused(_) => wire::HotlineOrderResult::Refused,
    };
    let (case, errors) = match outcome {
        Outcome::Imported(number) | Outcome::Known(Some(number)) => (format!("{CASES}{number}"), Vec::new()),
        Outcome::Known(None) => (String::new(), Vec::new()),
        Outcome::Conflict => (String::new(), vec![fault::hotline_number_taken()]),
        Outcome::Refused(wrong) => (String::new(), wrong),
    };
    wire::HotlineOrderOutcome {
        result: result.into(),
        case,
        errors: errors.into_iter().map(Into::into).collect(),
    }
}

/// How an order stands. Nothing of it says who called.
fn shown_status(order: OrderStatus) -> wire::HotlineOrderStatus {
    let OrderStatus {
        complaint,
        answer,
        finding: found,
    } = order;
    let case = complaint.case;
    let (answer_time, answer) = answer.map_or_else(Default::default, |(at, text)| {
        (Some(instant(at)), text.into_inner())
    });
    wire::HotlineOrderStatus {
        hotline_number: complaint.entry.hotline_number.unwrap_or_default(),
        city_number: complaint.entry.city_number.unwrap_or_default(),
        case: format!("{CASES}{}", complaint.number),
        case_kind: kind(case.kind).into(),
        state: state(case.state).into(),
        division: case.division.to_string(),
        secret_caller: complaint.entry.is_secret,
        repeat_caller: complaint.entry.is_repeat,
        create_time: Some(instant(complaint.created_at)),
        due_time: case.due_at().map(instant),
        answer_time,
        answer,
        finding: found.map_or(0, |one| finding(one).into()),
        revisit: case.revisit.map(revisit),
    }
}
