//! `audit verify --day`: verifies a sealed day of decisions.

use lutong_client::Failure;
use lutong_client::api::segment;
use lutong_client::noun::{CallArgs, items, text};

pub async fn verify(shown: &CallArgs, day: &str) -> Result<(), Failure> {
    let answer = shown.get(&format!("/v1/audit/days/{}", segment(day))).await?;
    let is_intact = answer["intact"] == true;
    if shown.json {
        say!("{answer}");
    } else {
        let cell = |name: &str| text(&answer[name]);
        let (day, sealed, found, root) = (cell("decision_date"), cell("sealed"), cell("found"), cell("root"));
        if is_intact {
            tell!(
                "{day}：完好；封存 {sealed}，现存 {found}，根 {root}",
                "{day}: intact; {sealed} sealed, {found} found, root {root}"
            );
        } else {
            tell!(
                "{day}：异常；封存 {sealed}，现存 {found}，根 {root}",
                "{day}: BROKEN; {sealed} sealed, {found} found, root {root}"
            );
        }
        let buckets: Vec<_> = items(&answer, "broken_buckets")
            .iter()
            .filter_map(serde_json::Value::as_i64)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        if !buckets.is_empty() {
            let buckets = buckets.join(", ");
            tell!(
                "  主体编号末字节为 {buckets} 者不一致",
                "  subject ids ending in the bytes {buckets} differ"
            );
        }
    }
    if is_intact { Ok(()) } else { Err(Failure::Failed) }
}
