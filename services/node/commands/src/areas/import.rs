//! `areas import`: imports a published notice, or a table of listings with end times.

use std::path::{Path, PathBuf};

use clap::Args;
use lutong_proto::risk_rules::v1::ImportIntervalsRequest;
use lutong_proto::risk_rules::v1::area_service_client::AreaServiceClient;

use lutong_client::Failure;
use lutong_client::areas::{CHUNK, read, send};
use lutong_client::client::{failed, to_json};
use lutong_client::noun::{CallArgs, say_effect};

#[derive(Debug, Args)]
pub struct Import {
    /// The notice file.
    #[arg(required_unless_present = "intervals", conflicts_with = "intervals")]
    file: Option<PathBuf>,
    /// Import a table of listings with end times instead (CSV, or gzipped CSV).
    #[arg(long)]
    intervals: Option<PathBuf>,
    #[command(flatten)]
    call: CallArgs,
}

impl Import {
    pub async fn run(self) -> Result<(), Failure> {
        match (&self.file, &self.intervals) {
            (_, Some(table)) => self.intervals(table).await,
            (Some(notice), None) => self.notice(notice).await,
            (None, None) => Err(Failure::Input(lang!(
                "请给出通告文件，或 --intervals",
                "a notice, or --intervals"
            ))),
        }
    }

    async fn notice(&self, file: &Path) -> Result<(), Failure> {
        let notice = read(file)?;
        let changed = send(self.call.target.calls().await?, &notice).await?;
        let answer = to_json("lutong.risk_rules.v1.ImportNoticeResponse", &changed);
        if self.call.json {
            say!("{answer}");
            return Ok(());
        }
        let (listed, opened, unchanged) = (changed.listed, changed.opened, changed.unchanged);
        let (lifted, waiting) = (changed.lifted, changed.needs_placement);
        tell!(
            "列出 {listed} 处，新增 {opened}，不变 {unchanged}，解除 {lifted}，待确定地点 {waiting}",
            "{listed} listed, {opened} opened, {unchanged} unchanged, {lifted} lifted, {waiting} need placement by an officer"
        );
        say_effect(&answer["effect"]);
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
        let mut client = AreaServiceClient::new(self.call.target.calls().await?);
        let answer = client.import_intervals(tokio_stream::iter(chunks)).await;
        let changed = answer.map_err(|status| failed(&status))?.into_inner();
        let answer = to_json("lutong.risk_rules.v1.ImportIntervalsResponse", &changed);
        if self.call.json {
            say!("{answer}");
            return Ok(());
        }
        let (rows, listed, opened) = (changed.rows, changed.listed, changed.opened);
        let (ended, unchanged, low) = (changed.ended, changed.unchanged, changed.low);
        let waiting = changed.needs_placement;
        tell!(
            "{rows} 行：列出 {listed} 处，新增 {opened}，补记结束 {ended}，不变 {unchanged}，待确定地点 {waiting}，低风险 {low}",
            "{rows} rows: {listed} listed, {opened} opened, {ended} ended, {unchanged} unchanged, {waiting} need placement by an officer, {low} low"
        );
        say_effect(&answer["effect"]);
        Ok(())
    }
}
