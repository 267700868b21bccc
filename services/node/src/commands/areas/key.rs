//! `areas key`: key areas, which one officer proposes and another approves.

use clap::{Args, Subcommand, ValueEnum};
use lutong_proto::risk_rules::v1::area_service_client::AreaServiceClient;
use lutong_proto::risk_rules::v1::{
    ApproveKeyAreaRequest, KeyArea, KeyAreaBasis, ListKeyAreasRequest, ProposeKeyAreaRequest,
};
use prost_types::Timestamp;

use super::{Failure, instant, round, show};
use crate::commands::client::{Target, failed, new_request_id, to_json, when};

#[derive(Debug, Subcommand)]
pub enum Key {
    /// Propose a key area.
    Propose(Propose),
    /// Approve what another account proposed.
    Approve(Approve),
    /// List what was proposed.
    List(List),
}

/// What a key area is declared by.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Basis {
    /// Law on the Prevention and Treatment of Infectious Diseases, article 42.
    EmergencyMeasures,
    /// The same, article 43.
    EpidemicArea,
    /// A notice of the joint prevention and control mechanism.
    JointMechanism,
}

#[derive(Debug, Args)]
pub struct Propose {
    #[arg(long)]
    division: String,
    /// From when on: `2022-11-26T00:00:00+08:00`.
    #[arg(long, value_parser = instant)]
    from: Timestamp,
    /// Until when, if that is planned.
    #[arg(long, value_parser = instant)]
    to: Option<Timestamp>,
    #[arg(long)]
    legal_basis: Basis,
    /// For machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub struct Approve {
    id: i64,
    /// For machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub struct List {
    /// For machines: a line each.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Key {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Propose(propose) => propose.run().await,
            Self::Approve(approve) => approve.run().await,
            Self::List(list) => list.run().await,
        }
    }
}

impl Propose {
    async fn run(self) -> Result<(), Failure> {
        let basis = match self.legal_basis {
            Basis::EmergencyMeasures => KeyAreaBasis::EmergencyMeasures,
            Basis::EpidemicArea => KeyAreaBasis::EpidemicArea,
            Basis::JointMechanism => KeyAreaBasis::JointMechanism,
        };
        let request = ProposeKeyAreaRequest {
            request_id: new_request_id(),
            division: self.division,
            from_time: Some(self.from),
            to_time: self.to,
            legal_basis: basis.into(),
        };
        let mut client = AreaServiceClient::new(self.target.calls().await?);
        let answer = client.propose_key_area(request).await;
        let answer = answer.map_err(|status| failed(&status))?.into_inner();
        answer.key_area.iter().for_each(|area| say(area, self.json));
        Ok(())
    }
}

impl Approve {
    async fn run(self) -> Result<(), Failure> {
        let request = ApproveKeyAreaRequest {
            request_id: new_request_id(),
            key_area_id: self.id,
        };
        let mut client = AreaServiceClient::new(self.target.calls().await?);
        let answer = client.approve_key_area(request).await;
        let answer = answer.map_err(|status| failed(&status))?.into_inner();
        if self.json {
            say!(
                "{}",
                to_json("lutong.risk_rules.v1.ApproveKeyAreaResponse", &answer)
            );
            return Ok(());
        }
        answer.key_area.iter().for_each(|area| say(area, false));
        say!("{}", round(answer.redecided, answer.in_force));
        Ok(())
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let mut client = AreaServiceClient::new(self.target.calls().await?);
        let mut request = ListKeyAreasRequest::default();
        loop {
            let answer = client.list_key_areas(request.clone()).await;
            let answer = answer.map_err(|status| failed(&status))?.into_inner();
            answer.key_areas.iter().for_each(|area| say(area, self.json));
            if answer.next_page_token.is_empty() {
                return Ok(());
            }
            request.page_token = answer.next_page_token;
        }
    }
}

fn say(area: &KeyArea, json: bool) {
    if json {
        say!("{}", to_json("lutong.risk_rules.v1.KeyArea", area));
        return;
    }
    let approved = if area.approver.is_empty() {
        "待批准 waits for a second officer".to_owned()
    } else {
        format!("{} 批准 approved", area.approver)
    };
    let basis = match area.legal_basis() {
        KeyAreaBasis::Unspecified => "？",
        KeyAreaBasis::EmergencyMeasures => "传染病防治法第四十二条",
        KeyAreaBasis::EpidemicArea => "传染病防治法第四十三条",
        KeyAreaBasis::JointMechanism => "联防联控机制通知",
    };
    say!(
        "#{} 重点 {} {} 起{}；依据 {basis}；{} 申报 proposed，{approved}",
        area.key_area_id,
        area.division,
        when(area.from_time.as_ref()),
        show::until(area.to_time.as_ref()),
        area.proposer,
    );
}
