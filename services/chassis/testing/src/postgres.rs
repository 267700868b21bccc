//! Databases of the tests on their PostgreSQL. Each names the process that made it, so that the next one to ask for a
//! database can drop those of tests that have ended: two thousand of them would fill the disk of a small machine.

use std::path::Path;

use lutong_kernel::{Random as _, Secret};
use lutong_operating::entropy::Entropy;
use lutong_storage::{Database, StorageConfig};
use sea_orm::{ConnectionTrait as _, Statement};

/// Environment variable with the URL of the tests' PostgreSQL; `tests/run` starts one and sets it.
pub const POSTGRES: &str = "LUTONG_TEST_POSTGRES";

/// A new, empty database on the tests' PostgreSQL. It is dropped some time after this process has ended.
pub async fn fresh_postgres() -> StorageConfig {
    let server = std::env::var(POSTGRES).unwrap_or_else(|_| {
        panic!("{POSTGRES} is not set: run the tests with tests/run, which starts PostgreSQL 15 (Debian package postgresql-15)")
    });
    let admin = Database::connect(&on(&server, "postgres", 1)).await.unwrap();
    drop_left_behind(&admin).await;
    let mut random = [0_u8; 8];
    Entropy.fill(&mut random);
    let name = format!("t{}_{:016x}", std::process::id(), u64::from_le_bytes(random));
    let create = format!("CREATE DATABASE {name}");
    admin.reader().execute_unprepared(&create).await.unwrap();
    on(&server, &name, 8)
}

fn on(server: &str, database: &str, max_connections: u32) -> StorageConfig {
    StorageConfig {
        url: Secret::new(format!("{server}/{database}")),
        max_connections,
        acquire_timeout_ms: 20_000,
    }
}

/// Drops the databases of processes that have ended. One that somebody is still connected to, or that another test
/// drops at this moment, stays or is gone: neither is this test's concern.
async fn drop_left_behind(admin: &Database) {
    let reader = admin.reader();
    let names = Statement::from_string(
        reader.get_database_backend(),
        r"SELECT datname FROM pg_database WHERE datname LIKE 't%\_%'",
    );
    for row in reader.query_all_raw(names).await.unwrap() {
        let name: String = row.try_get("", "datname").unwrap();
        if maker(&name).is_some_and(has_ended) {
            drop(
                reader
                    .execute_unprepared(&format!("DROP DATABASE IF EXISTS {name}"))
                    .await,
            );
        }
    }
}

/// The process that made a database of the tests.
fn maker(database: &str) -> Option<u32> {
    let (process, _) = database.strip_prefix('t')?.split_once('_')?;
    process.parse().ok()
}

/// Where there is no `/proc`, nobody is known to have ended.
fn has_ended(process: u32) -> bool {
    Path::new("/proc/self").exists() && !Path::new("/proc").join(process.to_string()).exists()
}
