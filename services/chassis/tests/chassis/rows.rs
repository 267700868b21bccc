//! Many rows in one go: every value reads back as it was given, whatever their number, and known keys are as was said.

use futures::FutureExt as _;
use lutong_kernel::ServiceName;
use lutong_storage::cell::{Cell, Kind};
use lutong_storage::rows::{Insert, Known};
use lutong_storage::{Database, Engine, StorageError};
use lutong_testing::Bed;
use lutong_testing::on_both_engines;
use sea_orm::{ConnectionTrait as _, Statement};

use crate::schema::open;

on_both_engines!(
    rows_read_back_as_they_were_given_whatever_their_number,
    known_rows_are_refused_kept_or_replaced_as_was_said,
);

const SAMPLES: Insert = Insert {
    table: "samples",
    columns: &[
        ("id", Kind::Bytes),
        ("body", Kind::Text),
        ("sealed", Kind::Bytes),
        ("number", Kind::Number),
        ("small", Kind::Number),
    ],
    known: Known::Refused,
};

/// Texts and bytes that an array's or a statement's own spelling could be taken for.
const TEXTS: [Option<&str>; 6] = [
    None,
    Some(""),
    Some("NULL"),
    Some(r#"a "quoted" \ {text}, '$1' ?"#),
    Some("\\x00"),
    Some("鲁通 ünïcode 🟢"),
];
const BYTES: [Option<&[u8]>; 4] = [None, Some(&[]), Some(&[0, 255, 34, 92]), Some(b"NULL")];

type Sample = (Vec<u8>, Option<String>, Option<Vec<u8>>, Option<i64>, i32);

fn sample(n: usize) -> Sample {
    (
        u32::try_from(n).unwrap().to_be_bytes().to_vec(),
        TEXTS[n % TEXTS.len()].map(str::to_owned),
        BYTES[n % BYTES.len()].map(<[u8]>::to_vec),
        [None, Some(i64::MIN), Some(i64::MAX), Some(0)][n % 4],
        i32::try_from(n).unwrap(),
    )
}

fn cells((id, body, sealed, number, small): &Sample) -> [Cell<'_>; 5] {
    [
        Cell::Bytes(Some(id)),
        Cell::Text(body.as_deref()),
        Cell::Bytes(sealed.as_deref()),
        Cell::Number(*number),
        Cell::Number(Some(i64::from(*small))),
    ]
}

async fn insert(database: &Database, known: Known, samples: Vec<Sample>) -> Result<(), StorageError> {
    database
        .write(move |transaction| {
            async move {
                let rows: Vec<_> = samples.iter().map(cells).collect();
                Insert { known, ..SAMPLES }.rows(transaction, &rows).await
            }
            .boxed()
        })
        .await
}

async fn stored(database: &Database) -> Vec<Sample> {
    let reader = database.reader();
    let sql = "SELECT id, body, sealed, number, small FROM samples ORDER BY id";
    let rows = reader.query_all_raw(Statement::from_string(reader.get_database_backend(), sql));
    let read = |row: &sea_orm::QueryResult| {
        (
            row.try_get_by_index(0).unwrap(),
            row.try_get_by_index(1).unwrap(),
            row.try_get_by_index(2).unwrap(),
            row.try_get_by_index(3).unwrap(),
            row.try_get_by_index(4).unwrap(),
        )
    };
    rows.await.unwrap().iter().map(read).collect()
}

async fn samples(bed: &Bed) -> Database {
    let (store, _) = open(bed, ServiceName::Identity).await;
    let bytes = match bed.engine() {
        Engine::Sqlite => "BLOB",
        Engine::Postgres => "BYTEA",
    };
    let table = format!(
        "CREATE TABLE samples (id {bytes} PRIMARY KEY, body TEXT, sealed {bytes}, number BIGINT, small INTEGER NOT NULL)"
    );
    let made: Result<(), StorageError> = store
        .database
        .write(move |transaction| {
            async move {
                transaction.execute_unprepared(&table).await?;
                Ok(())
            }
            .boxed()
        })
        .await;
    made.unwrap();
    store.database
}

async fn rows_read_back_as_they_were_given_whatever_their_number(bed: Bed) {
    let database = samples(&bed).await;
    let mut expected = Vec::new();
    for count in [0, 1, 3, 4, 31, 33, 255, 700] {
        let new: Vec<_> = (expected.len()..expected.len() + count).map(sample).collect();
        expected.extend(new.clone());
        insert(&database, Known::Refused, new).await.unwrap();
        assert_eq!(stored(&database).await, expected, "{count}");
    }
}

async fn known_rows_are_refused_kept_or_replaced_as_was_said(bed: Bed) {
    let database = samples(&bed).await;
    let first: Vec<_> = (0..40).map(sample).collect();
    insert(&database, Known::Refused, first.clone()).await.unwrap();
    let changed: Vec<Sample> = (20..60)
        .map(|n| (sample(n).0, Some("later".to_owned()), None, None, -1))
        .collect();
    let refused = insert(&database, Known::Refused, changed.clone()).await;
    assert!(matches!(refused, Err(StorageError::Unique(_))), "{refused:?}");
    assert_eq!(stored(&database).await, first);
    insert(&database, Known::Kept, changed.clone()).await.unwrap();
    let kept = [&first[..], &changed[20..]].concat();
    assert_eq!(stored(&database).await, kept);
    insert(&database, Known::Replaced, changed.clone()).await.unwrap();
    assert_eq!(stored(&database).await, [&first[..20], &changed[..]].concat());
}

#[tokio::test]
async fn on_postgres_keys_are_found_by_their_index_however_few_rows_the_table_has() {
    let database = samples(&Bed::new(Engine::Postgres)).await;
    let few = (0..10).map(sample).collect();
    insert(&database, Known::Refused, few).await.unwrap();
    let reader = database.reader();
    reader.execute_unprepared("ANALYZE samples").await.unwrap();
    let explain = r#"EXPLAIN SELECT body FROM samples WHERE id IN (SELECT unnest('{"\\x00000001","\\x00000002"}'::bytea[]))"#;
    let plan = reader.query_all_raw(Statement::from_string(reader.get_database_backend(), explain));
    let lines = plan.await.unwrap();
    let plan: Vec<String> = lines
        .iter()
        .map(|line| line.try_get_by_index(0).unwrap())
        .collect();
    let plan = plan.join("\n");
    assert!(
        plan.contains("samples_pkey") && !plan.contains("Seq Scan"),
        "{plan}"
    );
}
