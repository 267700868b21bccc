//! PostgreSQL with its connection cut at every message, and with a full disk: acknowledged writes are stored
//! completely, others completely or not at all, and the next write succeeds.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt as _;
use lutong_kernel::Secret;
use lutong_storage::{Database, StorageConfig, StorageError};
use lutong_testing::disk::SmallDisk;
use lutong_testing::fresh_postgres;
use sea_orm::ConnectionTrait as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::schema::{migrated, note, notes};
use crate::storage::{End, writing};

/// At which message the connection is cut, and whether the server still receives it.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// The client's n-th message is lost.
    Before(usize),
    /// The client's n-th message is delivered, and its answer is lost.
    Answer(usize),
}

/// A proxy to the server that cuts one connection.
struct Wire {
    port: u16,
    /// Number of messages that the client has sent.
    sent: Arc<AtomicUsize>,
}

impl Wire {
    async fn lay(server: &str, cut: Cut) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let sent = Arc::new(AtomicUsize::new(0));
        let (server, count) = (server.to_owned(), Arc::clone(&sent));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(carry(client, server, cut, Arc::clone(&count)));
            }
        });
        Self { port, sent }
    }
}

async fn carry(mut client: TcpStream, mut server: TcpStream, cut: Cut, sent: Arc<AtomicUsize>) {
    let (mut question, mut answer) = (vec![0; 65_536], vec![0; 65_536]);
    let mut is_last = false;
    loop {
        tokio::select! {
            read = client.read(&mut question) => {
                let Ok(length @ 1..) = read else { return };
                let number = sent.fetch_add(1, Ordering::SeqCst) + 1;
                if matches!(cut, Cut::Before(cut) if cut == number) {
                    return;
                }
                is_last = matches!(cut, Cut::Answer(cut) if cut == number);
                if server.write_all(&question[..length]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut answer) => {
                let Ok(length @ 1..) = read else { return };
                if is_last || client.write_all(&answer[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Writes two notes in one transaction.
async fn pair(database: &Database, id: i64) -> Result<(), StorageError> {
    database
        .write(move |transaction| {
            async move {
                note(transaction, id).await?;
                note(transaction, id + 1).await
            }
            .boxed()
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_cut_at_any_message_keeps_what_was_answered_and_leaves_no_half() {
    let direct_config = fresh_postgres().await;
    let direct = migrated(&direct_config).await;
    let url = direct_config.url.expose().clone();
    let server = url.split(['@', '/']).nth(3).unwrap().to_owned();
    let (mut cuts, mut unanswered, mut lost_answers) = (0, 0, 0);
    for kind in [Cut::Before, Cut::Answer] {
        for number in 1.. {
            let wire = Wire::lay(&server, kind(number)).await;
            let through = url.replace(&server, &format!("127.0.0.1:{}", wire.port));
            let config = StorageConfig {
                url: Secret::new(through),
                max_connections: 1,
                ..StorageConfig::default()
            };
            let database = Database::connect(&config).await.unwrap();
            direct
                .reader()
                .execute_unprepared("DELETE FROM notes WHERE id > 0")
                .await
                .unwrap();
            let mut answered = Vec::new();
            for id in [1, 3, 5] {
                match pair(&database, id).await {
                    Ok(()) => answered.push(id),
                    Err(StorageError::Unavailable(_)) => unanswered += 1,
                    Err(other) => panic!("{:?}: {other:?}", kind(number)),
                }
            }
            let stored = notes(&direct).await;
            for id in [1, 3, 5] {
                let halves = [id, id + 1].map(|half| stored.contains(&half));
                assert_eq!(halves[0], halves[1], "{:?}: {stored:?}", kind(number));
                assert!(
                    halves[0] || !answered.contains(&id),
                    "{:?}: {id} was answered",
                    kind(number)
                );
                lost_answers += usize::from(halves[0] && !answered.contains(&id));
            }
            assert!(answered.len() >= 2, "{:?}: {answered:?}", kind(number));
            if wire.sent.load(Ordering::SeqCst) < number {
                break;
            }
            pair(&database, 7).await.unwrap();
            cuts += 1;
        }
    }
    assert!(cuts > 20, "{cuts} cuts");
    assert!(unanswered > 10, "{unanswered} writes met a cut");
    assert!(lost_answers > 0, "no commit lost its answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_whose_disk_is_full_refuses_says_so_and_goes_on_when_there_is_space() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let place = folder.path().join("disk");
    let disk = SmallDisk::mount(&place, "12m");
    let tablespace = place.join("space");
    std::fs::create_dir(&tablespace).unwrap();
    let (user, group) = postgres_user();
    chown(&tablespace, Some(user), Some(group)).unwrap();
    let elsewhere = fresh_postgres().await;
    let admin = Database::connect(&elsewhere).await.unwrap();
    let name = elsewhere.url.expose().rsplit('/').next().unwrap().to_owned();
    for statement in [
        format!("CREATE TABLESPACE s{name} LOCATION '{}'", tablespace.display()),
        format!("CREATE DATABASE d{name} TABLESPACE s{name}"),
    ] {
        admin.reader().execute_unprepared(&statement).await.unwrap();
    }
    let config = StorageConfig {
        url: Secret::new(elsewhere.url.expose().replace(&name, &format!("d{name}"))),
        ..elsewhere.clone()
    };
    let database = migrated(&config).await;
    database.check_writes().await.unwrap();
    let mut answered = Vec::new();
    let refused = loop {
        let id = i64::try_from(answered.len()).unwrap() + 1;
        let large = database.write(move |transaction| {
            async move {
                // Random, so that it cannot be compressed away.
                let row = format!(
                    "INSERT INTO notes SELECT {id}, string_agg(md5(random()::text), '') FROM generate_series(1, 2000)"
                );
                transaction.execute_unprepared(&row).await?;
                Ok::<_, StorageError>(())
            }
            .boxed()
        });
        match large.await {
            Ok(()) => answered.push(id),
            Err(error) => break error,
        }
        assert!(answered.len() < 1_000, "the disk does not fill");
    };
    assert!(matches!(refused, StorageError::Full), "{refused:?}");
    let asked = database.check_writes().await;
    assert!(matches!(asked, Err(StorageError::Full)), "{asked:?}");
    assert_eq!(notes(&database).await, answered);
    disk.resize("64m");
    let next = i64::try_from(answered.len()).unwrap() + 2;
    answered.push(writing(&database, next, End::Well).await.unwrap());
    database.check_writes().await.unwrap();
    assert_eq!(notes(&database).await, answered);
    drop(database);
    let drop_database = format!("DROP DATABASE d{name} WITH (FORCE)");
    admin.reader().execute_unprepared(&drop_database).await.unwrap();
    let drop_space = format!("DROP TABLESPACE s{name}");
    admin.reader().execute_unprepared(&drop_space).await.unwrap();
}

/// The uid and gid that PostgreSQL runs as.
fn postgres_user() -> (u32, u32) {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = passwd.lines().find(|line| line.starts_with("postgres:")).unwrap();
    let mut numbers = line.split(':').skip(2).map(|number| number.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}
