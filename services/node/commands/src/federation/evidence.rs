//! `federation evidence` and `federation verify-evidence`: what proves an exchange to somebody who has neither this database nor a network.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use lutong_federation::evidence::{Anchors, Bundle, Part, Proof, ProvenMessage, Row, verify};
use lutong_federation::trust_list::Roots;
use lutong_kernel::Timestamp;
use lutong_token::{Issuer, VerifyingKey};
use serde_json::{Value, json};

use super::message_records::NOUN;
use lutong_client::Failure;
use lutong_client::noun::{Show, items};

#[derive(Debug, Args)]
pub struct Make {
    #[command(flatten)]
    of: Show,
    /// File to write.
    #[arg(long, short)]
    out: PathBuf,
}

#[derive(Debug, Args)]
pub struct Verify {
    /// The evidence, as `evidence` writes it.
    file: PathBuf,
    /// File of the public root keys of trust lists.
    #[arg(long)]
    root: PathBuf,
    /// File of the public key of this province's messages (PEM, GET /v1/message-key), obtained from elsewhere than the evidence.
    #[arg(long)]
    key: PathBuf,
    /// Whose record it is: two digits of GB/T 2260.
    #[arg(long, default_value = "37", value_parser = Issuer::parse)]
    province: Issuer,
    /// For machines.
    #[arg(long)]
    json: bool,
}

impl Make {
    pub async fn run(self) -> Result<(), Failure> {
        let path = format!("{}/evidence", NOUN.path(&self.of.name));
        let answer = self.of.call.get(&path).await?;
        let bundle = bundle(&answer["evidence"]).ok_or_else(|| {
            Failure::Because("服务答复不完整 / the answer of the service is not complete".to_owned())
        })?;
        std::fs::write(&self.out, bundle.to_bytes())?;
        if self.of.call.json {
            say!("{answer}");
        } else {
            tell!("证据文件：{}", "evidence written: {}", self.out.display());
        }
        Ok(())
    }
}

fn bundle(evidence: &Value) -> Option<Bundle> {
    let trust_list = match &evidence["trust_list_document"] {
        Value::Null => None,
        document => Some(STANDARD.decode(document.as_str()?).ok()?),
    };
    let answer = match &evidence["answer"] {
        Value::Null => None,
        answer => Some(part(answer)?),
    };
    Some(Bundle::new(
        evidence["clause"].as_str()?,
        evidence["own_key"].as_str()?,
        trust_list.as_deref(),
        part(&evidence["request"])?,
        answer,
    ))
}

fn part(part: &Value) -> Option<Part> {
    let rows: Option<Vec<Row>> = items(part, "records").iter().map(row).collect();
    Some(Part {
        previous_entry: part["previous_entry"].as_str()?.to_owned(),
        records: rows?,
        head: part["head"].as_str()?.to_owned(),
    })
}

fn row(record: &Value) -> Option<Row> {
    Some(Row {
        sequence: record["message_record_id"].as_str()?.parse().ok()?,
        recorded_at: Timestamp::parse(record["record_time"].as_str()?).ok()?.micros(),
        partner: record["partner"].as_str()?.strip_prefix("partners/")?.to_owned(),
        is_answer: record["answer"].as_bool()?,
        header: record["header"].as_str()?.to_owned(),
        outcome: record["outcome"].as_str()?.to_owned(),
        entry: record["entry"].as_str()?.to_owned(),
    })
}

impl Verify {
    pub fn run(self) -> Result<(), Failure> {
        let wrong = |path: &Path, reason: &dyn std::fmt::Display| {
            Failure::Input(format!("{}: {reason}", path.display()))
        };
        let read = |path: &Path| std::fs::read(path).map_err(|error| wrong(path, &error));
        let pem = |path: &Path| {
            let text = String::from_utf8(read(path)?);
            text.map_err(|error| wrong(path, &error))
        };
        let anchors = Anchors {
            roots: Roots::parse(&pem(&self.root)?).map_err(|error| wrong(&self.root, &error))?,
            own_key: VerifyingKey::from_pem(pem(&self.key)?.trim())
                .map_err(|error| wrong(&self.key, &error))?,
            own: self.province,
        };
        let proof = verify(&read(&self.file)?, &anchors);
        let proof = proof.map_err(|broken| Failure::Because(format!("{}: {broken}", self.file.display())))?;
        if self.json {
            say!("{}", shown(&proof));
        } else {
            say(&proof);
        }
        Ok(())
    }
}

fn say(proof: &Proof) {
    tell!("证据成立：{}", "the evidence holds: {}", proof.clause);
    let message = |zh: &str, en: &str, message: &ProvenMessage| {
        let header = &message.header;
        let (sent, recorded, digest) = (header.sent_at, message.recorded_at, shown_digest(message));
        tell!(
            "{zh}：{} 致 {}，发送于 {sent}，记录于 {recorded}（第 {} 号），报文摘要 {digest}，签名密钥 {}",
            "{en}: {} to {}, sent {sent}, recorded {recorded} (number {}), digest of its body {digest}, signed with {}",
            header.sender,
            header.audience,
            message.sequence,
            message.key
        );
    };
    message("请求", "request", &proof.request);
    match &proof.answer {
        Some(answer) => {
            message("答复", "answer", answer);
            tell!("答复内容：{}", "it says: {}", proof.outcome);
        }
        None => tell!("无答复记录", "no answer was recorded"),
    }
}

fn shown(proof: &Proof) -> Value {
    let message = |message: &ProvenMessage| {
        let header = &message.header;
        json!({
            "message_record_id": message.sequence.to_string(),
            "record_time": message.recorded_at.to_string(),
            "method": header.method,
            "sender": header.sender,
            "audience": header.audience,
            "send_time": header.sent_at.to_string(),
            "body_digest": shown_digest(message),
            "key_id": message.key.to_string(),
            "head": {"message_record_id": message.head.sequence.to_string(), "entry": message.head.entry},
        })
    };
    json!({
        "partner": proof.partner,
        "clause": proof.clause,
        "request": message(&proof.request),
        "answer": proof.answer.as_ref().map(message),
        "outcome": proof.outcome,
        "trust_list": proof.trust_list.map(|(sequence, root)| {
            json!({"trust_list_id": sequence.to_string(), "root_key_id": root.to_string()})
        }),
    })
}

fn shown_digest(message: &ProvenMessage) -> String {
    lutong_storage::crypto::hex(&message.header.body_digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Value {
        let record = json!({
            "name": "message-records/3",
            "message_record_id": "3",
            "record_time": "2022-11-26T02:00:00.250001Z",
            "partner": "partners/32",
            "answer": false,
            "header": "AQI=",
            "outcome": "",
            "entry": "ab",
        });
        json!({
            "clause": "GB/T 38963-2020, 6: code verification",
            "own_key": "PEM",
            "trust_list_document": "Aw==",
            "request": {"previous_entry": "cd", "records": [record], "head": "BA=="},
        })
    }

    #[test]
    fn the_answer_of_the_service_becomes_a_file_with_everything_that_is_verified() {
        let file = bundle(&answer()).unwrap();
        let row = &file.request.records[0];
        assert_eq!((row.sequence, row.recorded_at), (3, 1_669_428_000_250_001));
        assert_eq!((row.partner.as_str(), row.header.as_str()), ("32", "AQI="));
        assert_eq!(
            (row.entry.as_str(), file.request.previous_entry.as_str()),
            ("ab", "cd")
        );
        assert_eq!((file.trust_list.as_deref(), file.answer), (Some("Aw=="), None));
    }

    #[test]
    fn an_answer_that_is_not_complete_is_no_file() {
        for field in ["clause", "own_key", "request"] {
            let mut short = answer();
            short[field] = Value::Null;
            assert!(bundle(&short).is_none(), "{field}");
        }
        for field in [
            "message_record_id",
            "record_time",
            "partner",
            "answer",
            "header",
            "outcome",
            "entry",
        ] {
            let mut short = answer();
            short["request"]["records"][0][field] = Value::Null;
            assert!(bundle(&short).is_none(), "{field}");
        }
    }
}
