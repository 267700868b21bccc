//! The steps of the tour, in order.

pub mod calls;
mod complaints;
mod doors;
mod hospital;
mod people;
mod provinces;

use std::time::Duration;

use lutong_kernel::{Colour, ManualClock, Timestamp};
use lutong_proto::code_rendering::v1::VerificationOutcome;
use lutong_proto::declaration::v1::fact_row::{Statement, Subject};
use lutong_proto::declaration::v1::{ContactEntry, ContactType, FactRow};
use lutong_proto::time;
use lutong_proto::types::v1::fact::Kind;
use lutong_proto::types::v1::{CloseContact, Correction, Entry, Fact, FieldError};
use lutong_token::{Algorithm, Claims, Issuer, SigningKey};

use super::demo_mesh::DemoMesh;
use super::report::{Report, TourStep};
use crate::people::{self as cast, Person};
use calls::Holder;
use lutong_client::Failure;
use lutong_client::client::Gateway;
use lutong_client::output::in_language;

/// Runs all steps; returns the holders whose codes are green, yellow and red at the end.
pub async fn run(mesh: &DemoMesh, report: &mut Report) -> Result<[Holder; 3], Failure> {
    import_the_notice(mesh, report).await?;
    let resident = resident_is_green(mesh, report).await?;
    let visitor = listed_stay_is_red(mesh, report).await?;
    let returner = entry_turns_yellow(mesh, report).await?;
    partner_code_is_converted(mesh, report).await?;
    contact_before_registration_is_red(mesh, report).await?;
    tokens_are_refused(mesh, report, &resident).await?;
    feedback_is_found(mesh, report, &resident).await?;
    people::channel_sign_in(mesh, report).await?;
    people::child_is_shown(mesh, report, &resident).await?;
    people::waits_for_entry(mesh, report).await?;
    doors::paper_and_telephone(mesh, report).await?;
    doors::red_is_reported(mesh, report).await?;
    hospital::card_is_read(mesh, report, &resident).await?;
    complaints::appeal_is_upheld(mesh, report).await?;
    complaints::place_is_held_to_account(mesh, report).await?;
    provinces::origin_withdraws(mesh, report).await?;
    Ok([resident, returner, visitor])
}

async fn import_the_notice(mesh: &DemoMesh, report: &mut Report) -> Result<(), Failure> {
    let calls = mesh.gateway.sign_in("epidemiologist-1").await?;
    let changed = lutong_client::areas::send(calls, &mesh.notice_json).await?;
    report.add(&TourStep {
        name: "notice",
        asked: format!("the real notice of {} imported", mesh.notice.published_at),
        expected: format!("{} opened", mesh.notice.listings.len()),
        got: format!("{} opened", changed.opened),
        shown: format!(
            "{} {}",
            changed.needs_placement,
            in_language("行须由工作人员定位", "rows need placement by an officer")
        ),
    });
    Ok(())
}

async fn apply(
    mesh: &DemoMesh,
    report: &mut Report,
    name: &'static str,
    who: Person,
    history: Vec<ContactEntry>,
    expected: Colour,
) -> Result<Holder, Failure> {
    let holder = Holder::sign_in(mesh, who).await?;
    apply_as(report, (name, holder), history, expected).await
}

async fn apply_as(
    report: &mut Report,
    (name, holder): (&'static str, Holder),
    history: Vec<ContactEntry>,
    expected: Colour,
) -> Result<Holder, Failure> {
    let asked = format!("{} applies", holder.name());
    let got = match holder.apply(history).await {
        Ok(()) => holder.colour().await?,
        Err(reason) => reason,
    };
    report.add(&TourStep {
        name,
        asked,
        expected: expected.to_string(),
        got,
        shown: holder.explain().await?,
    });
    Ok(holder)
}

async fn resident_is_green(mesh: &DemoMesh, report: &mut Report) -> Result<Holder, Failure> {
    apply(
        mesh,
        report,
        "resident",
        cast::RESIDENT,
        Vec::new(),
        Colour::Green,
    )
    .await
}

async fn listed_stay_is_red(mesh: &DemoMesh, report: &mut Report) -> Result<Holder, Failure> {
    let listed = mesh
        .notice
        .listings
        .iter()
        .find(|listing| listing.code.province() == 37);
    let listed =
        listed.ok_or_else(|| Failure::Because("the notice lists no place in Shandong".to_owned()))?;
    let stay = ContactEntry {
        contact_date: mesh.now().local_day().to_string(),
        r#type: ContactType::AreaStay.into(),
        division: listed.code.to_string(),
        community: listed.community.clone(),
        country: String::new(),
    };
    apply(
        mesh,
        report,
        "listed place",
        cast::VISITOR_OF_LISTED_PLACE,
        vec![stay],
        Colour::Red,
    )
    .await
}

/// Reports one fact through a feed. The clock advances a minute first, so that every event has its own time.
async fn report_fact(mesh: &DemoMesh, feed: &str, row: FactRow) -> Result<String, Failure> {
    report_fact_at(&mesh.gateway, &mesh.clock, feed, row).await
}

/// The same to the system of a gateway.
async fn report_fact_at(
    gateway: &Gateway,
    clock: &ManualClock,
    feed: &str,
    row: FactRow,
) -> Result<String, Failure> {
    clock.advance(Duration::from_secs(60));
    let calls = gateway.sign_in(feed).await?;
    let mode = lutong_proto::declaration::v1::ImportMode::AllOrNothing;
    let imported = lutong_client::facts::send(calls, mode, vec![row]).await?;
    let first: Option<FieldError> = imported.errors.first().and_then(|wrong| wrong.error.clone());
    Ok(match first {
        Some(wrong) => wrong.reason,
        None => lutong_client::facts::state(&imported).to_owned(),
    })
}

fn row(feed: &str, key: &str, who: Person, statement: Statement) -> FactRow {
    FactRow {
        source: feed.to_owned(),
        key: key.to_owned(),
        subject: Some(Subject::Document(who.document())),
        statement: Some(statement),
    }
}

fn stated(kind: Kind) -> Statement {
    Statement::Fact(Fact { kind: Some(kind) })
}

fn contact_at(last_contact: Timestamp) -> Kind {
    Kind::CloseContact(CloseContact {
        last_contact_at: Some(time::from_micros(last_contact.micros())),
        ..CloseContact::default()
    })
}

async fn entry_turns_yellow(mesh: &DemoMesh, report: &mut Report) -> Result<Holder, Failure> {
    let who = cast::RETURNER_FROM_ABROAD;
    let holder = apply(mesh, report, "resident, before", who, Vec::new(), Colour::Green).await?;
    let entered = mesh.now().minus(Duration::from_secs(6 * 3_600));
    let entry = Entry {
        entered_at: Some(time::from_micros(entered.micros())),
        country: "DEU".to_owned(),
        quarantine_completed_at: None,
    };
    let entry = row("border-370000", "entry-1", who, stated(Kind::Entry(entry)));
    let state = report_fact(mesh, "border-370000", entry).await?;
    report.add(&TourStep {
        name: "border entry",
        asked: format!("the border reports that {} entered", who.name),
        expected: format!("IN_FORCE, {}", Colour::Yellow),
        got: format!("{state}, {}", holder.colour().await?),
        shown: holder.explain().await?,
    });
    let refused = holder.arrive_from_abroad("DEU").await?;
    report.add(&TourStep {
        name: "overseas arrival",
        asked: format!("{} declares an arrival from abroad", who.name),
        expected: "ENTRY_INCOMPLETE: entry.quarantine_completed_at, entry.negative_test".to_owned(),
        got: refused.0,
        shown: refused.1,
    });
    Ok(holder)
}

async fn partner_code_is_converted(mesh: &DemoMesh, report: &mut Report) -> Result<(), Failure> {
    let who = cast::FROM_PARTNER;
    let holder = Holder::sign_in(mesh, who).await?;
    let claims = Claims::dynamic(
        mesh.partner_province,
        mesh.now(),
        [7; 24],
        lutong_kernel::Colour::Green,
        None,
    )?;
    let token = mesh.partner.sign(&claims)?;
    let got = match holder.arrive_with(token).await {
        Ok(province) => format!("{} from {province}", holder.colour().await?),
        Err(reason) => reason,
    };
    report.add(&TourStep {
        name: "partner code",
        asked: format!("{} arrives with Jiangsu's signed green code", who.name),
        expected: format!("{} from 32", Colour::Green),
        got,
        shown: holder.explain().await?,
    });
    Ok(())
}

async fn contact_before_registration_is_red(mesh: &DemoMesh, report: &mut Report) -> Result<(), Failure> {
    let who = cast::UNREGISTERED_CONTACT;
    let last = mesh.now().minus(Duration::from_secs(86_400));
    let contact = row("cdc-370200", "contact-1", who, stated(contact_at(last)));
    let state = report_fact(mesh, "cdc-370200", contact).await?;
    report.add(&TourStep {
        name: "close contact",
        asked: "the CDC reports a close contact whose document nobody has registered".to_owned(),
        expected: "IN_FORCE".to_owned(),
        got: state,
        shown: String::new(),
    });
    let holder = apply(mesh, report, "applies later", who, Vec::new(), Colour::Red).await?;
    let earlier = mesh.now().minus(Duration::from_secs(40 * 86_400));
    let correction = Correction {
        replaces_key: "contact-1".to_owned(),
        fact: Some(Fact {
            kind: Some(contact_at(earlier)),
        }),
    };
    let correction = row(
        "cdc-370200",
        "contact-1-corrected",
        who,
        Statement::Correction(correction),
    );
    let state = report_fact(mesh, "cdc-370200", correction).await?;
    report.add(&TourStep {
        name: "correction",
        asked: "the CDC corrects the day of the contact".to_owned(),
        expected: format!("IN_FORCE, {}", Colour::Green),
        got: format!("{state}, {}", holder.colour().await?),
        shown: holder.explain().await?,
    });
    Ok(())
}

async fn tokens_are_refused(mesh: &DemoMesh, report: &mut Report, resident: &Holder) -> Result<(), Failure> {
    let token = resident.token().await?;
    let mut verify = async |name, asked: &str, token: &str, expected: VerificationOutcome| {
        let (got, shown) = calls::verify(mesh, token).await?;
        report.add(&TourStep {
            name,
            asked: asked.to_owned(),
            expected: expected.as_str_name().to_owned(),
            got,
            shown,
        });
        Ok::<_, Failure>(())
    };
    verify(
        "door",
        "a checkpoint scans the resident's code",
        &token,
        VerificationOutcome::Valid,
    )
    .await?;
    verify(
        "forged",
        "a checkpoint scans a forged code",
        &forged(&token),
        VerificationOutcome::BadSignature,
    )
    .await?;
    let stranger = SigningKey::generate(Algorithm::Ed25519, &lutong_operating::entropy::Entropy)?;
    let claims = Claims::dynamic(
        Issuer::SHANDONG,
        mesh.now(),
        [7; 24],
        lutong_kernel::Colour::Green,
        None,
    )?;
    let strange = stranger.sign(&claims)?;
    verify(
        "stranger",
        "a checkpoint scans a code of a key nobody knows",
        &strange,
        VerificationOutcome::WrongKey,
    )
    .await?;
    mesh.clock.advance(Duration::from_secs(91));
    verify(
        "late",
        "a checkpoint scans the code when its minute has passed",
        &token,
        VerificationOutcome::Expired,
    )
    .await
}

/// The token with one character of the signature, which is at its end, changed.
fn forged(token: &str) -> String {
    let mut characters: Vec<char> = token.chars().collect();
    let at = characters.len().saturating_sub(5);
    if let Some(one) = characters.get_mut(at) {
        *one = if *one == '0' { '1' } else { '0' };
    }
    characters.into_iter().collect()
}

async fn feedback_is_found(mesh: &DemoMesh, report: &mut Report, resident: &Holder) -> Result<(), Failure> {
    let number = resident.file_feedback("绿码页面刷新较慢").await?;
    let found = resident.find_feedback(&number).await?;
    let day: String = Timestamp::local_day(mesh.now()).to_string().replace('-', "");
    report.add(&TourStep {
        name: "feedback",
        asked: format!("feedback is filed and found again by {number}"),
        expected: format!("SD{day}, the same text"),
        got: format!(
            "{}, {}",
            number.split('-').next().unwrap_or_default(),
            if found == "绿码页面刷新较慢" {
                "the same text"
            } else {
                "another text"
            }
        ),
        shown: String::new(),
    });
    Ok(())
}
