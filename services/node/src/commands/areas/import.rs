//! `areas import`: a notice as published, or a table of listings with their ends.

use std::path::{Path, PathBuf};

use clap::Args;
use lutong_proto::risk_rules::v1::area_service_client::AreaServiceClient;
use lutong_proto::risk_rules::v1::{ImportIntervalsRequest, ImportNoticeRequest, ImportNoticeResponse};

use super::{CHUNK, Failure, read, round};
use crate::commands::client::{Calls, Target, failed, to_json};

#[derive(Debug, Args)]
pub struct Import {
    /// The notice.
    #[arg(required_unless_present = "intervals", conflicts_with = "intervals")]
    file: Option<PathBuf>,
    /// A table of listings with their ends instead (CSV, or gzipped CSV).
    #[arg(long)]
    intervals: Option<PathBuf>,
    /// For machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Import {
    pub async fn run(self) -> Result<(), Failure> {
        match (&self.file, &self.intervals) {
            (_, Some(table)) => self.intervals(table).await,
            (Some(notice), None) => self.notice(notice).await,
            (None, None) => Err(Failure::Input("a notice, or --intervals".to_owned())),
        }
    }

    async fn notice(&self, file: &Path) -> Result<(), Failure> {
        let notice = read(file)?;
        let changed = send(self.target.calls().await?, &notice).await?;
        if self.json {
            say!(
                "{}",
                to_json("lutong.risk_rules.v1.ImportNoticeResponse", &changed)
            );
        } else {
            say!(
                "{} listed, {} opened, {} unchanged, {} lifted, {} need placement by an officer; {}",
                changed.listed,
                changed.opened,
                changed.unchanged,
                changed.lifted,
                changed.needs_placement,
                round(changed.effect.as_ref())
            );
        }
        Ok(())
    }

    async fn intervals(&self, file: &Path) -> Result<(), Failure> {
        let table = read(file)?;
        let chunks: Vec<_> = table
            .chunks(CHUNK)
            .map(|chunk| ImportIntervalsRequest {
                chunk: chunk.to_vec().into(),
            })
            .collect();
        let mut client = AreaServiceClient::new(self.target.calls().await?);
        let answer = client.import_intervals(tokio_stream::iter(chunks)).await;
        let changed = answer.map_err(|status| failed(&status))?.into_inner();
        if self.json {
            let name = "lutong.risk_rules.v1.ImportIntervalsResponse";
            say!("{}", to_json(name, &changed));
            return Ok(());
        }
        say!(
            "{} 行 rows：{} 处 listed，新增 opened {}，补记结束 ended {}，不变 unchanged {}，待定 to be placed {}，低风险 low {}",
            changed.rows,
            changed.listed,
            changed.opened,
            changed.ended,
            changed.unchanged,
            changed.needs_placement,
            changed.low
        );
        say!("{}", round(changed.effect.as_ref()));
        Ok(())
    }
}

pub async fn send(calls: Calls, notice: &[u8]) -> Result<ImportNoticeResponse, Failure> {
    let chunks: Vec<_> = notice
        .chunks(CHUNK)
        .map(|chunk| ImportNoticeRequest {
            chunk: chunk.to_vec().into(),
        })
        .collect();
    let answer = AreaServiceClient::new(calls)
        .import_notice(tokio_stream::iter(chunks))
        .await;
    Ok(answer.map_err(|status| failed(&status))?.into_inner())
}
