//! `areas key`: key areas, which one officer proposes and another approves.

use clap::{Args, Subcommand, ValueEnum};
use lutong_proto::risk_rules::v1::key_area_service_client::KeyAreaServiceClient;
use lutong_proto::risk_rules::v1::{
    ApproveKeyAreaRequest, EndKeyAreaRequest, KeyArea, KeyAreaState, LegalBasisCode, ListKeyAreasRequest,
    ProposeKeyAreaRequest, RejectKeyAreaRequest, WithdrawKeyAreaRequest,
};
use prost_types::Timestamp;

use super::{Failure, instant, round, show};
use crate::commands::client::{Target, failed, new_request_id, to_json, when};

#[derive(Debug, Subcommand)]
pub enum Key {
    /// Propose a key area.
    Propose(Propose),
    /// Approve what another account proposed.
    Approve(Act),
    /// Refuse what another account proposed.
    Reject(Act),
    /// Take one's own proposal back.
    Withdraw(Act),
    /// End what was approved.
    End(Act),
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
pub struct Act {
    /// `key-areas/…`, as `areas key list` shows it.
    name: String,
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
            Self::Approve(act) => act.approve().await,
            Self::Reject(act) => act.reject().await,
            Self::Withdraw(act) => act.withdraw().await,
            Self::End(act) => act.end().await,
            Self::List(list) => list.run().await,
        }
    }
}

impl Propose {
    async fn run(self) -> Result<(), Failure> {
        let basis = match self.legal_basis {
            Basis::EmergencyMeasures => LegalBasisCode::Picl42,
            Basis::EpidemicArea => LegalBasisCode::Picl43,
            Basis::JointMechanism => LegalBasisCode::JointMechanism,
        };
        let request = ProposeKeyAreaRequest {
            request_id: new_request_id(),
            division: self.division,
            start_time: Some(self.from),
            end_time: self.to,
            legal_basis: basis.into(),
        };
        let mut client = KeyAreaServiceClient::new(self.target.calls().await?);
        let answer = client.propose_key_area(request).await;
        let answer = answer.map_err(|status| failed(&status))?.into_inner();
        answer.key_area.iter().for_each(|area| say(area, self.json));
        Ok(())
    }
}

impl Act {
    async fn approve(self) -> Result<(), Failure> {
        let request = ApproveKeyAreaRequest {
            request_id: new_request_id(),
            name: self.name,
            etag: String::new(),
        };
        let mut client = KeyAreaServiceClient::new(self.target.calls().await?);
        let answer = client.approve_key_area(request).await;
        let answer = answer.map_err(|status| failed(&status))?.into_inner();
        if self.json {
            let name = "lutong.risk_rules.v1.ApproveKeyAreaResponse";
            say!("{}", to_json(name, &answer));
            return Ok(());
        }
        answer.key_area.iter().for_each(|area| say(area, false));
        say!("{}", round(answer.effect.as_ref()));
        Ok(())
    }

    async fn end(self) -> Result<(), Failure> {
        let request = EndKeyAreaRequest {
            request_id: new_request_id(),
            name: self.name,
            etag: String::new(),
        };
        let mut client = KeyAreaServiceClient::new(self.target.calls().await?);
        let answer = client.end_key_area(request).await;
        let answer = answer.map_err(|status| failed(&status))?.into_inner();
        if self.json {
            say!("{}", to_json("lutong.risk_rules.v1.EndKeyAreaResponse", &answer));
            return Ok(());
        }
        answer.key_area.iter().for_each(|area| say(area, false));
        say!("{}", round(answer.effect.as_ref()));
        Ok(())
    }

    async fn reject(self) -> Result<(), Failure> {
        let request = RejectKeyAreaRequest {
            request_id: new_request_id(),
            name: self.name,
            etag: String::new(),
        };
        let mut client = KeyAreaServiceClient::new(self.target.calls().await?);
        let answer = client.reject_key_area(request).await;
        let answer = answer.map_err(|status| failed(&status))?.into_inner();
        answer.key_area.iter().for_each(|area| say(area, self.json));
        Ok(())
    }

    async fn withdraw(self) -> Result<(), Failure> {
        let request = WithdrawKeyAreaRequest {
            request_id: new_request_id(),
            name: self.name,
            etag: String::new(),
        };
        let mut client = KeyAreaServiceClient::new(self.target.calls().await?);
        let answer = client.withdraw_key_area(request).await;
        let answer = answer.map_err(|status| failed(&status))?.into_inner();
        answer.key_area.iter().for_each(|area| say(area, self.json));
        Ok(())
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let mut client = KeyAreaServiceClient::new(self.target.calls().await?);
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
    let state = match area.state() {
        KeyAreaState::Unspecified => "？",
        KeyAreaState::Proposed => "待批准 waits for a second officer",
        KeyAreaState::Approved => "已批准 approved",
        KeyAreaState::Rejected => "已驳回 rejected",
        KeyAreaState::Withdrawn => "已撤回 withdrawn",
        KeyAreaState::Ended => "已结束 ended",
        KeyAreaState::Expired => "已到期 expired",
    };
    let basis = area.legal_basis.clone().unwrap_or_default();
    let approval = area.approval.clone().unwrap_or_default();
    say!(
        "{} 重点 {} {} 起{}；依据 {}；{} 申报 proposed，{state} {}",
        area.name,
        area.division,
        when(area.start_time.as_ref()),
        show::until(area.end_time.as_ref()),
        basis.text.unwrap_or_default().zh,
        approval.proposer,
        approval.approver,
    );
}
