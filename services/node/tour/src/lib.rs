#![doc = include_str!("../README.md")]

#[macro_use]
extern crate lutong_client;

mod people;
mod picture;
mod report;
mod scenes;
mod stage;

use clap::Args;

use lutong_client::Failure;
use report::Report;
use stage::Stage;

#[derive(Debug, Args)]
pub struct Tour {
    /// A line of JSON a step.
    #[arg(long)]
    json: bool,
    /// Also draw the green, the yellow and the red code of the tour into this SVG file.
    #[arg(long, value_name = "FILE")]
    picture: Option<std::path::PathBuf>,
}

impl Tour {
    pub async fn run(self) -> Result<(), Failure> {
        let mut report = Report::new(self.json);
        if !self.json {
            say!(
                "{}",
                lutong_client::output::in_language(
                    "鲁通演示：在临时目录中启动整个系统，以下各步都经过公开网关。",
                    "A tour of Lutong: the whole system in a folder of its own for a moment; each step goes through the public gateway.",
                )
            );
        }
        let stage = Stage::raise().await?;
        let holders = scenes::play(&stage, &mut report).await?;
        if let Some(file) = &self.picture {
            std::fs::write(file, picture::of(&holders).await?)
                .map_err(|error| Failure::Input(format!("{}: {error}", file.display())))?;
        }
        stage.strike().await;
        report.finish()
    }
}
