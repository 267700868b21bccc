//! `complaints import`: hands orders of the hotline over, and says what became of each line.

use std::path::PathBuf;

use clap::Args;
use lutong_proto::types::v1::PurposeCode;
use serde_json::{Value, json};

use super::orders::{self, Line};
use lutong_client::Failure;
use lutong_client::noun::{CallArgs, items, text};
use lutong_client::output::in_language;
use lutong_client::why::Why;

/// Orders of one call.
const MOST_ORDERS: usize = 500;
/// Bytes of the orders of one call, which the gateway bounds.
const MOST_BYTES: usize = 256 * 1024;

#[derive(Debug, Args)]
pub struct Import {
    /// The file: NDJSON, or CSV by its name; services/node/commands/README.md describes both.
    file: PathBuf,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    call: CallArgs,
}

#[derive(Default)]
struct Counts {
    imported: usize,
    known: usize,
    refused: usize,
}

impl Import {
    pub async fn run(self) -> Result<(), Failure> {
        let lines = orders::read(&self.file)
            .map_err(|wrong| Failure::Input(format!("{}: {wrong}", self.file.display())))?;
        let api = self.call.target.api().await?;
        let mut counts = Counts::default();
        let mut readable = Vec::new();
        for Line { number, order } in lines {
            match order {
                Ok(order) => readable.push((number, order)),
                Err(wrong) => {
                    let said = in_language(&wrong.zh, &wrong.en);
                    self.refuse(
                        &mut counts,
                        number,
                        &[json!({"field": wrong.field, "reason": "LINE_UNREADABLE",
                        "message": {"zh": wrong.zh, "en": wrong.en}})],
                        said,
                    );
                }
            }
        }
        for piece in pieces(&readable) {
            let orders: Vec<&Value> = piece.iter().map(|(_, order)| order).collect();
            let body = json!({"purpose": self.why.json(PurposeCode::Assistance), "orders": orders});
            let answer = api.post("/v1/hotline-orders:import", &body).await?;
            let outcomes = items(&answer, "outcomes");
            if outcomes.len() != piece.len() {
                let said = in_language(
                    "应答与所发条数不符",
                    "an answer has another number of lines than was sent",
                );
                return Err(Failure::Because(said.to_owned()));
            }
            for ((number, _), outcome) in piece.iter().zip(outcomes) {
                self.tell(&mut counts, *number, outcome);
            }
        }
        let Counts {
            imported,
            known,
            refused,
        } = counts;
        if !self.call.json {
            tell!(
                "已导入 {imported}，已有 {known}，未导入 {refused}",
                "{imported} imported, {known} known, {refused} refused"
            );
        }
        if refused == 0 {
            Ok(())
        } else {
            Err(Failure::Failed)
        }
    }

    fn tell(&self, counts: &mut Counts, number: u64, outcome: &Value) {
        match outcome["result"].as_str() {
            Some("HOTLINE_ORDER_RESULT_IMPORTED") => counts.imported += 1,
            Some("HOTLINE_ORDER_RESULT_KNOWN") => counts.known += 1,
            _ => {
                let errors = outcome["errors"].as_array().cloned().unwrap_or_default();
                let said: Vec<String> = errors
                    .iter()
                    .map(|error| {
                        let message = &error["message"];
                        let (zh, en) = (text(&message["zh"]), text(&message["en"]));
                        format!("{}: {}", text(&error["field"]), in_language(&zh, &en))
                    })
                    .collect();
                return self.refuse(counts, number, &errors, &said.join("; "));
            }
        }
        if self.call.json {
            say!(
                "{}",
                json!({"line": number, "result": outcome["result"], "case": outcome["case"]})
            );
        }
    }

    fn refuse(&self, counts: &mut Counts, number: u64, errors: &[Value], said: &str) {
        counts.refused += 1;
        if self.call.json {
            let result = "HOTLINE_ORDER_RESULT_REFUSED";
            say!("{}", json!({"line": number, "result": result, "errors": errors}));
        } else {
            tell!("第 {number} 行：{said}", "line {number}: {said}");
        }
    }
}

/// Pieces of at most as many orders and bytes as one call takes; an order alone may have more.
fn pieces(orders: &[(u64, Value)]) -> Vec<&[(u64, Value)]> {
    let (mut pieces, mut begin, mut bytes) = (Vec::new(), 0, 0);
    for (index, (_, order)) in orders.iter().enumerate() {
        let size = order.to_string().len();
        if index > begin && (index - begin == MOST_ORDERS || bytes + size > MOST_BYTES) {
            pieces.push(&orders[begin..index]);
            (begin, bytes) = (index, 0);
        }
        bytes += size;
    }
    if begin < orders.len() {
        pieces.push(&orders[begin..]);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_sent_in_pieces_and_none_is_left_out() {
        let orders: Vec<(u64, Value)> = (0..1_201).map(|n| (n, json!({"n": n}))).collect();
        let sizes: Vec<usize> = pieces(&orders).iter().map(|piece| piece.len()).collect();
        assert_eq!(sizes, [500, 500, 201]);
        let long = json!({"text": "长".repeat(MOST_BYTES / 6)});
        let orders: Vec<(u64, Value)> = (0..5).map(|n| (n, long.clone())).collect();
        let sent: Vec<u64> = pieces(&orders).concat().iter().map(|(n, _)| *n).collect();
        assert_eq!((pieces(&orders).len(), sent), (5, vec![0, 1, 2, 3, 4]));
        assert!(pieces(&[]).is_empty());
    }
}
