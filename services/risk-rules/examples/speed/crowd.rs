//! Many people, whose rows are written as the service would write them, without their statements: a listing that concerns ten
//! thousand of them, and a run over everyone with its memory.

use std::collections::BTreeSet;
use std::time::Instant;

use lutong_kernel::{FactId, SubjectId, Timestamp};
use lutong_proto::risk_rules::v1 as wire;
use lutong_risk_engine::area::AreaBook;
use lutong_risk_engine::evaluate::{Evaluator, Verdict};
use lutong_risk_engine::fact::FactKind;
use lutong_risk_engine::packed::{self, PackedFact};
use lutong_risk_engine::rule_set::RuleSet;
use lutong_risk_engine::set_digest::SetDigest;
use lutong_storage::cell::{Cell, Kind};
use lutong_storage::crypto::ReadyCipher;
use lutong_storage::rows::{Insert, OnDuplicate};
use lutong_storage::{Database, StorageError};
use serde_json::json;
use uuid::Uuid;

use crate::mass::{CHUNK, Mesh, resident_mb, statement, subject};
use crate::varied::{Dice, Population, attributes, now};

/// Number of different sets of facts, which people share.
const LIVES: usize = 50_000;
const ROWS: usize = 5_000;
/// Number of people whom the new listing concerns.
const CONCERNED: usize = 10_000;

const FILL: Insert = Insert {
    table: "subjects",
    columns: &[
        ("subject_id", Kind::Bytes),
        ("enrolled_at", Kind::Number),
        ("roster", Kind::Number),
        ("facts", Kind::Bytes),
        ("latest_at", Kind::Number),
        ("version", Kind::Number),
        ("colour", Kind::Number),
        ("rules", Kind::Number),
        ("rule_set", Kind::Number),
        ("next_change_at", Kind::Number),
        ("cited", Kind::Number),
        ("salt", Kind::Bytes),
        ("head", Kind::Bytes),
    ],
    on_duplicate: OnDuplicate::Fail,
};

const ROSTER: Insert = Insert {
    table: "rosters",
    columns: &[("count", Kind::Number), ("digest", Kind::Bytes)],
    on_duplicate: OnDuplicate::Fail,
};

/// The packed row of a person, and the verdict that follows from it while nothing is listed.
struct Life {
    packed: Vec<u8>,
    verdict: Verdict,
}

fn lives() -> Vec<Life> {
    let (population, mut dice) = (Population::new(), Dice(7));
    let mut evaluator = Evaluator::new(RuleSet::sd_2020(), AreaBook::default());
    let life = |n: usize| {
        let stated = population.person(&mut dice);
        let facts: Vec<_> = (0_u128..)
            .zip(&stated)
            .map(|(m, (kind, given))| {
                let id = FactId::from_uuid(Uuid::from_u128((n as u128) << 8 | m));
                PackedFact::new(id, &attributes(*kind, given))
            })
            .collect();
        Life {
            verdict: evaluator.verdict(&facts, now(), now()),
            packed: if facts.is_empty() {
                Vec::new()
            } else {
                packed::pack(&facts)
            },
        }
    };
    (0..LIVES).map(life).collect()
}

/// The associated data of a packed row, equal to that of the service, whose runs could not decrypt the rows otherwise.
fn context(subject: SubjectId) -> Vec<u8> {
    [&b"subjects/facts/"[..], subject.uuid().as_bytes()].concat()
}

/// Writes the rows of a number of people.
pub async fn fill(database: &Database, cipher: ReadyCipher, subjects: usize) {
    let started = Instant::now();
    let lives = std::sync::Arc::new(lives());
    let mut digest = SetDigest::default();
    for first in (0..subjects).step_by(ROWS) {
        let (lives, cipher) = (std::sync::Arc::clone(&lives), cipher.clone());
        let people = first..subjects.min(first + ROWS);
        for n in people.clone() {
            digest.add(subject(n).uuid().as_bytes());
        }
        let written = database.write(move |transaction| {
            Box::pin(async move {
                let sealed: Vec<_> = people
                    .map(|n| {
                        let life = &lives[n.wrapping_mul(48_611) % LIVES];
                        let id = subject(n);
                        let facts = (!life.packed.is_empty())
                            .then(|| cipher.encrypt(&life.packed, &context(id)).unwrap());
                        (id, facts, life.verdict)
                    })
                    .collect();
                let rows = sealed
                    .iter()
                    .map(|(id, facts, verdict)| row(*id, facts.as_deref(), *verdict));
                FILL.rows(transaction, &rows.collect::<Vec<_>>()).await
            })
        });
        let written: Result<(), StorageError> = written.await;
        written.unwrap();
    }
    let counted: Result<(), StorageError> = database
        .write(move |transaction| {
            Box::pin(async move {
                let (count, sum) = (digest.count, digest.digest());
                let row = [Cell::Number(Some(count)), Cell::Bytes(Some(&sum))];
                ROSTER.rows(transaction, &[row]).await
            })
        })
        .await;
    counted.unwrap();
    let took = started.elapsed().as_secs_f64();
    println!(
        "rows written                  {:.0} subjects/s ({took:.0} s)",
        subjects as f64 / took
    );
}

fn row(id: SubjectId, facts: Option<&[u8]>, verdict: Verdict) -> [Cell<'_>; 13] {
    let now = Some(now().micros());
    [
        Cell::Id(Some(id.uuid())),
        Cell::Number(now),
        Cell::Number(Some(1)),
        Cell::Bytes(facts),
        Cell::Number(now),
        Cell::Number(Some(1)),
        Cell::Number(Some(i64::from(verdict.colour.wire_code()))),
        Cell::Number(Some(verdict.rules.number())),
        Cell::Number(Some(1)),
        Cell::Number(verdict.next_change_at.map(Timestamp::micros)),
        Cell::Number(Some(0)),
        Cell::Bytes(Some(&[7; 16])),
        Cell::Bytes(Some(&[7; 32])),
    ]
}

/// Ten thousand people stayed in one community, which becomes a high-risk area. Measures the time until all of them are decided
/// about, and checks that nobody else is.
pub async fn list(mesh: &Mesh, subjects: usize) {
    let concerned: Vec<usize> = (0..subjects)
        .step_by((subjects / CONCERNED).max(1))
        .take(CONCERNED)
        .collect();
    let stay =
        json!({"division": "370202", "community": "万人小区", "arrived_at": "2022-11-25T12:00:00+08:00"});
    for chunk in concerned.chunks(CHUNK) {
        let stays = chunk.iter().map(|n| statement(*n, 99, FactKind::Stay, &stay));
        mesh.append(stays.collect()).await;
    }
    let before = mesh.count("SELECT count(*) FROM decisions").await;
    let table = "level,province,city,county,community,gb2260_code,first_seen,removed_at\n\
        high,山东省,青岛市,市南区,万人小区,370202,2022-11-26T00:00:00+08:00,\n";
    let started = Instant::now();
    let request = wire::ImportIntervalsRequest {
        chunk: table.as_bytes().to_vec().into(),
    };
    let answer = mesh.import_intervals(request).await;
    let took = started.elapsed().as_secs_f64();
    let effect = answer.effect.clone().unwrap_or_default();
    let decided = mesh.count("SELECT count(*) FROM decisions").await - before;
    println!(
        "a listing                     {} of {subjects} decided anew and in force ({:?}) in {took:.2} s, {decided} decisions in all (aim: 10,000 of a million in ≤ 2 s)",
        effect.redecided,
        effect.state()
    );
    assert_eq!((answer.opened, answer.needs_placement), (1, 0));
    assert_eq!(
        (effect.redecided, decided),
        (concerned.len() as i64, concerned.len() as i64)
    );
}

/// A run over everyone with one wrong decision in a thousand. Checks that exactly those are reported.
pub async fn recompare(mesh: &Mesh, subjects: usize) {
    mesh.run("over everyone").await;
    // Green subjects (six in ten) whose id ends in one of 106 of 65,536 values.
    let wrong = mesh.ends_below(0x6A, "colour = 0");
    let planted = mesh
        .subjects(&format!("SELECT subject_id FROM subjects WHERE {wrong}"))
        .await;
    mesh.execute(&format!(
        "UPDATE subjects SET colour = 10, rules = 1 WHERE {wrong}"
    ))
    .await;
    reset_peak();
    let report = mesh.run("with wrong decisions planted").await;
    let found = mesh
        .subjects(
            "SELECT subject_id FROM recomparison_findings WHERE run = (SELECT max(id) FROM recomparisons) AND kind = 'mismatch'",
        )
        .await;
    let exactly = planted.iter().collect::<BTreeSet<_>>() == found.iter().collect::<BTreeSet<_>>();
    println!(
        "planted wrong decisions       {} ({:.3} %), found {}, exactly those: {exactly}, complete: {}; memory at its most {} MB (aim: ≤ 256)",
        planted.len(),
        planted.len() as f64 * 100.0 / subjects as f64,
        found.len(),
        report.state() == wire::RecomparisonState::Complete,
        resident_mb("VmHWM:")
    );
}

/// Resets the peak memory of this process.
fn reset_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}
