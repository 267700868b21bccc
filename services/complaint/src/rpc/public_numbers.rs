//! `PublicNumberService`: parse, call, map.

use lutong_chassis::skin::Listing;
use lutong_kernel::{DivisionCode, Fault};
use lutong_proto::complaint::v1 as wire;
use lutong_skin::complaint::v1::PublicNumberHandler;
use lutong_transport::access::NoPermit;
use lutong_transport::reply;

use super::content::kind;
use crate::domain::month::Month;
use crate::domain::monthly::{DivisionNumbers, KindNumbers};
use crate::fault::public_numbers as fault;
use crate::service::public_numbers::PublicNumbers;

/// `public-numbers/{division}-{month}`.
const COLLECTION: &str = "public-numbers";

pub struct PublicNumberRpc(pub PublicNumbers);

impl PublicNumberHandler for PublicNumberRpc {
    async fn list_public_numbers(
        &self,
        call: Listing<NoPermit>,
        message: wire::ListPublicNumbersRequest,
    ) -> Result<wire::ListPublicNumbersResponse, Fault> {
        let month = Month::parse(&message.month).ok_or_else(|| reply::wrong(fault::month_shape()))?;
        // The bounds of the contract have checked its shape.
        let division = DivisionCode::parse(&message.division).ok();
        let (found, next_page_token) = self.0.list(month, division, &call.page).await?;
        let csv = if message.csv {
            csv(&found, month)
        } else {
            String::new()
        };
        Ok(wire::ListPublicNumbersResponse {
            public_numbers: found.into_iter().map(|one| public_number(one, month)).collect(),
            next_page_token,
            csv,
        })
    }
}

/// The columns of the CSV form. No cell needs quotes: all are words and numbers.
const COLUMNS: &str = "division,month,case_kind,filed_count,answered_count,closed_count,overdue_count,\
    median_first_answer,ninetieth_first_answer,upheld_share";

/// The numbers as CSV.
fn csv(found: &[DivisionNumbers], month: Month) -> String {
    let mut text = format!("{COLUMNS}\r\n");
    for division in found {
        for of in &division.kinds {
            let counts = [
                of.filed,
                of.answered,
                of.closed,
                of.overdue,
                of.median_first_answer,
                of.ninetieth_first_answer,
            ];
            let counts = counts.map(|count| count.map(|count| count.to_string()).unwrap_or_default());
            let share = of.upheld_share.map(|share| share.to_string()).unwrap_or_default();
            text.push_str(&format!(
                "{},{month},{},{},{share}\r\n",
                division.division,
                of.kind.into_str(),
                counts.join(",")
            ));
        }
    }
    text
}

fn public_number(numbers: DivisionNumbers, month: Month) -> wire::PublicNumber {
    let id = format!("{}-{month}", numbers.division);
    wire::PublicNumber {
        name: format!("{COLLECTION}/{id}"),
        public_number_id: id,
        division: numbers.division.to_string(),
        month: month.to_string(),
        kinds: numbers.kinds.into_iter().map(kind_numbers).collect(),
    }
}

fn kind_numbers(numbers: KindNumbers) -> wire::KindNumbers {
    let KindNumbers {
        kind: of,
        filed,
        answered,
        closed,
        overdue,
        median_first_answer,
        ninetieth_first_answer,
        upheld_share,
    } = numbers;
    let count = |count: Option<u64>| count.map(|count| i64::try_from(count).unwrap_or(i64::MAX));
    let seconds =
        |seconds: Option<u64>| count(seconds).map(|seconds| prost_types::Duration { seconds, nanos: 0 });
    wire::KindNumbers {
        case_kind: kind(of).into(),
        filed_count: count(filed),
        answered_count: count(answered),
        closed_count: count(closed),
        overdue_count: count(overdue),
        median_first_answer: seconds(median_first_answer),
        ninetieth_first_answer: seconds(ninetieth_first_answer),
        upheld_share,
    }
}
