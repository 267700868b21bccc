//! `lutong tour`: the main job by itself, on real input, through the public gateway of a throw-away mesh whose clock
//! begins with the bundled notice and is moved only by the handle in this process.

mod people;
mod report;
mod scenes;
mod stage;

use clap::Args;

use super::Failure;
use report::Report;
use stage::Stage;

#[derive(Debug, Args)]
pub struct Tour {
    /// A line of JSON a step.
    #[arg(long)]
    json: bool,
}

impl Tour {
    pub async fn run(self) -> Result<(), Failure> {
        let mut report = Report::new(self.json);
        let stage = Stage::raise().await?;
        scenes::play(&stage, &mut report).await?;
        stage.strike().await;
        report.finish()
    }
}
