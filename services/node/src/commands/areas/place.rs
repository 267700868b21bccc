//! `areas place`: an officer says where a row of a notice lies.

use clap::Args;
use lutong_proto::risk_rules::v1::PlaceUnplacedAreaRequest;
use lutong_proto::risk_rules::v1::area_service_client::AreaServiceClient;

use super::{Failure, round, show};
use crate::commands::client::{Target, failed, new_request_id, to_json};

#[derive(Debug, Args)]
pub struct Place {
    /// The row's name, as `areas unplaced` lists it: `unplaced-areas/…`.
    name: String,
    /// Code of the county or street.
    #[arg(long)]
    division: String,
    /// The place within it; without it, all of it.
    #[arg(long, default_value = "")]
    community: String,
    /// For machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Place {
    pub async fn run(self) -> Result<(), Failure> {
        let request = PlaceUnplacedAreaRequest {
            request_id: new_request_id(),
            name: self.name,
            etag: String::new(),
            division: self.division,
            community: self.community,
        };
        let mut client = AreaServiceClient::new(self.target.calls().await?);
        let answer = client.place_unplaced_area(request).await;
        let answer = answer.map_err(|status| failed(&status))?.into_inner();
        if self.json {
            say!(
                "{}",
                to_json("lutong.risk_rules.v1.PlaceUnplacedAreaResponse", &answer)
            );
            return Ok(());
        }
        if let Some(area) = &answer.area {
            say!("{}", show::said(area));
        }
        say!("{}", round(answer.effect.as_ref()));
        Ok(())
    }
}
