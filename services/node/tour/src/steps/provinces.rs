//! A scene of two provinces: a traveller's origin withdraws the green code that was recognised here.

use lutong_kernel::Colour;

use super::calls::Holder;
use super::people::PAUSE;
use super::{apply_as, contact_at, report_fact_at, row, stated};
use crate::demo_mesh::DemoMesh;
use crate::neighbour::{CDC, Neighbour};
use crate::people;
use crate::report::{Report, TourStep};
use lutong_client::Failure;

/// How often the traveller looks at the code: for longer than Jiangsu takes to tell of a change.
const LOOKS: u32 = 400;

/// Somebody of Jiangsu arrives with the green code of home; Jiangsu's CDC reports a contact there, and the code here turns.
pub async fn origin_withdraws(mesh: &DemoMesh, report: &mut Report) -> Result<(), Failure> {
    let jiangsu = Neighbour::start(mesh).await?;
    let played = play(mesh, &jiangsu, report).await;
    jiangsu.stop().await;
    played
}

async fn play(mesh: &DemoMesh, jiangsu: &Neighbour, report: &mut Report) -> Result<(), Failure> {
    let who = people::COMMUTER;
    let home = Holder::sign_in_at(&jiangsu.gateway, &mesh.clock, who).await?;
    let home = apply_as(report, ("green at home", home), Vec::new(), Colour::Green).await?;
    let here = Holder::sign_in(mesh, who).await?;
    let got = match here.arrive_with(home.token().await?).await {
        Ok(province) => format!("{} from {province}", here.colour().await?),
        Err(reason) => reason,
    };
    report.add(&TourStep {
        name: "arrives with it",
        asked: format!("{} arrives here with the code of Jiangsu's own system", who.name),
        expected: format!("{} from 32", Colour::Green),
        got,
        shown: String::new(),
    });
    let contact = row(CDC, "contact-32", who, stated(contact_at(mesh.now())));
    let state = report_fact_at(&jiangsu.gateway, &mesh.clock, CDC, contact).await?;
    let mut seen = here.colour().await?;
    for _ in 0..LOOKS {
        if seen != Colour::Green.to_string() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
        seen = here.colour().await?;
    }
    report.add(&TourStep {
        name: "withdrawn at home",
        asked: "Jiangsu's CDC reports a contact there; its system tells ours".to_owned(),
        expected: format!("IN_FORCE, {0} there, {0} here", Colour::Red),
        got: format!("{state}, {} there, {seen} here", home.colour().await?),
        shown: here.explain().await?,
    });
    Ok(())
}
