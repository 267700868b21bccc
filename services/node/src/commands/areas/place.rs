//! `areas place`: an officer says where a row of a notice lies.

use clap::Args;
use lutong_proto::risk_rules::v1::PlaceAreaRequest;
use lutong_proto::risk_rules::v1::area_service_client::AreaServiceClient;

use super::{Failure, round, show};
use crate::commands::client::{Target, failed, new_request_id, to_json};

#[derive(Debug, Args)]
pub struct Place {
    /// The row's number, as `areas unplaced` lists it.
    id: i64,
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
        let request = PlaceAreaRequest {
            request_id: new_request_id(),
            unplaced_area_id: self.id,
            division: self.division,
            community: self.community,
        };
        let mut client = AreaServiceClient::new(self.target.calls().await?);
        let answer = client.place_area(request).await;
        let answer = answer.map_err(|status| failed(&status))?.into_inner();
        if self.json {
            say!("{}", to_json("lutong.risk_rules.v1.PlaceAreaResponse", &answer));
            return Ok(());
        }
        if let Some(area) = &answer.area {
            say!("{}", show::said(area));
        }
        say!("{}", round(answer.redecided, answer.in_force));
        Ok(())
    }
}
