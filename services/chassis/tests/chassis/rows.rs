//! Bulk inserts: every value reads back as it was written, for any number of rows, and duplicate keys are handled as configured.

use futures::FutureExt as _;
use lutong_kernel::ServiceName;
use lutong_storage::cell::{Cell, Kind};
use lutong_storage::rows::{Insert, OnDuplicate};
use lutong_storage::{Database, Engine, StorageError, one_of};
use lutong_testing::Bed;
use lutong_testing::on_both_engines;
use sea_orm::{ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryTrait as _, Statement};

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
    on_duplicate: OnDuplicate::Fail,
};

/// Texts and bytes that could be confused with array or SQL syntax.
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

async fn insert(
    database: &Database,
    on_duplicate: OnDuplicate,
    samples: Vec<Sample>,
) -> Result<(), StorageError> {
    database
        .write(move |transaction| {
            async move {
                let rows: Vec<_> = samples.iter().map(cells).collect();
                Insert {
                    on_duplicate,
                    ..SAMPLES
                }
                .rows(transaction, &rows)
                .await
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
        insert(&database, OnDuplicate::Fail, new).await.unwrap();
        assert_eq!(stored(&database).await, expected, "{count}");
    }
}

async fn known_rows_are_refused_kept_or_replaced_as_was_said(bed: Bed) {
    let database = samples(&bed).await;
    let first: Vec<_> = (0..40).map(sample).collect();
    insert(&database, OnDuplicate::Fail, first.clone()).await.unwrap();
    let changed: Vec<Sample> = (20..60)
        .map(|n| (sample(n).0, Some("later".to_owned()), None, None, -1))
        .collect();
    let refused = insert(&database, OnDuplicate::Fail, changed.clone()).await;
    assert!(matches!(refused, Err(StorageError::Unique(_))), "{refused:?}");
    assert_eq!(stored(&database).await, first);
    insert(&database, OnDuplicate::Keep, changed.clone())
        .await
        .unwrap();
    let kept = [&first[..], &changed[20..]].concat();
    assert_eq!(stored(&database).await, kept);
    insert(&database, OnDuplicate::Replace, changed.clone())
        .await
        .unwrap();
    assert_eq!(stored(&database).await, [&first[..20], &changed[..]].concat());
}

/// The rows of the table by their keys, for the plan of a query.
mod by_key {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "samples")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Vec<u8>,
        pub small: i32,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// How PostgreSQL reads the rows with the keys of the first so many samples.
async fn plan(connection: &impl ConnectionTrait, keys: usize) -> String {
    let backend = connection.get_database_backend();
    let keys = (0..keys).map(|n| sample(n).0).collect();
    let query = by_key::Entity::find().filter(one_of(by_key::Column::Id, backend, keys));
    let mut explain = query.build(backend);
    explain.sql.insert_str(0, "EXPLAIN ");
    let lines = connection.query_all_raw(explain).await.unwrap();
    let lines: Vec<String> = lines
        .iter()
        .map(|line| line.try_get_by_index(0).unwrap())
        .collect();
    lines.join("\n")
}

async fn analysed(count: usize) -> Database {
    let database = samples(&Bed::new(Engine::Postgres)).await;
    insert(&database, OnDuplicate::Fail, (0..count).map(sample).collect())
        .await
        .unwrap();
    let analyse = database.reader().execute_unprepared("ANALYZE samples");
    analyse.await.unwrap();
    database
}

#[tokio::test]
async fn on_postgres_a_read_finds_thousands_of_keys_by_their_index() {
    let database = analysed(20_000).await;
    for keys in [1, 5_000] {
        let plan = plan(database.reader(), keys).await;
        assert!(
            plan.contains("samples_pkey") && !plan.contains("Seq Scan"),
            "{plan}"
        );
    }
}

#[tokio::test]
async fn on_postgres_a_write_finds_keys_by_their_index_however_few_rows_the_table_has() {
    let database = analysed(10).await;
    let read = plan(database.reader(), 2).await;
    assert!(read.contains("Seq Scan"), "a read plans normally: {read}");
    let written = database
        .write(|transaction| async move { Ok::<_, StorageError>(plan(transaction, 2).await) }.boxed());
    let plan = written.await.unwrap();
    assert!(
        plan.contains("samples_pkey") && !plan.contains("Seq Scan"),
        "{plan}"
    );
}
