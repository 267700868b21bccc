#![doc = include_str!("../README.md")]

#[macro_use]
extern crate lutong_client;

mod demo_mesh;
mod neighbour;
mod people;
mod picture;
mod report;
mod staff;
mod steps;

use clap::Args;

use demo_mesh::DemoMesh;
use lutong_client::Failure;
use report::Report;

#[derive(Debug, Args)]
pub struct Tour {
    /// Print one line of JSON per step.
    #[arg(long)]
    json: bool,
    /// Also write the green, the yellow and the red code of the tour to this SVG file.
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
                    "A tour of Lutong: the whole system runs in a temporary folder; each step goes through the public gateway.",
                )
            );
        }
        let mesh = DemoMesh::start().await?;
        let holders = steps::run(&mesh, &mut report).await?;
        if let Some(file) = &self.picture {
            std::fs::write(file, picture::of(&holders).await?)
                .map_err(|error| Failure::Input(format!("{}: {error}", file.display())))?;
        }
        mesh.stop().await;
        report.finish()
    }
}
