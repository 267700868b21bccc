//! Idempotency of mutations: a repeated request gets the same answer, a different one does not.

use futures::FutureExt as _;
use futures::future::join_all;
use lutong_chassis::Store;
use lutong_kernel::{Fault, FaultCode, RequestId, ServiceName, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::idempotency;
use lutong_storage::idempotency::{Claim, ClaimError, RequestKey};
use lutong_testing::Bed;
use lutong_testing::on_both_engines;

use crate::schema::{column, note, notes, open, open_again};

on_both_engines!(
    what_is_sent_again_is_answered_as_the_first_time_and_done_once,
    a_request_id_that_comes_with_another_body_is_a_conflict_and_changes_nothing,
    another_principal_or_method_may_use_the_same_request_id,
    an_answer_is_kept_for_24_hours_and_then_swept,
    a_mutation_that_failed_may_be_sent_again,
    of_those_that_send_the_same_at_once_one_does_it_and_all_get_its_answer,
    neither_account_nor_body_can_be_read_in_the_table,
);

const METHOD: &str = "lutong.declaration.v1.DeclarationService/Apply";

fn request(n: u8) -> RequestId {
    format!("00000000-0000-4000-8000-0000000000{n:02x}")
        .parse()
        .unwrap()
}

fn key(store: &Store, body: &str) -> RequestKey {
    store
        .idempotency
        .key("alice", METHOD, request(1), body.as_bytes())
}

/// A mutation as in a use case: the note is its effect, `answer` its answer if it is new.
async fn mutate(
    store: &Store,
    key: RequestKey,
    (note_id, answer): (i64, &'static str),
    now: Timestamp,
) -> Result<Claim, ClaimError> {
    let write = store.database.write(move |transaction| {
        async move {
            let claim = idempotency::claim(transaction, &key, answer.as_bytes(), now).await?;
            if claim == Claim::Fresh {
                note(transaction, note_id).await?;
            }
            Ok(claim)
        }
        .boxed()
    });
    write.await
}

async fn sweep(store: &Store, now: Timestamp) -> u64 {
    let write = store
        .database
        .write(move |transaction| async move { idempotency::sweep(transaction, now).await }.boxed());
    write.await.unwrap()
}

fn replay(answer: &str) -> Claim {
    Claim::Replay(answer.as_bytes().to_vec())
}

async fn what_is_sent_again_is_answered_as_the_first_time_and_done_once(bed: Bed) {
    let (store, config) = open(&bed, ServiceName::Declaration).await;
    let (key, now) = (key(&store, "body"), bed.foundation.now());
    let earlier = idempotency::stored_answer(store.database.reader(), &key).await;
    assert_eq!(earlier.unwrap(), None);
    let first = mutate(&store, key.clone(), (1, "first"), now).await.unwrap();
    assert_eq!(first, Claim::Fresh);
    // In this process, and in one that starts later.
    for store in [&store, &open_again(&bed, ServiceName::Declaration, &config).await] {
        let again = store.idempotency.key("alice", METHOD, request(1), b"body");
        let earlier = idempotency::stored_answer(store.database.reader(), &again).await;
        assert_eq!(earlier.unwrap().as_deref(), Some(&b"first"[..]));
        let answer = mutate(store, again, (2, "second"), now).await.unwrap();
        assert_eq!(answer, replay("first"));
    }
    assert_eq!(notes(&store.database).await, [1]);
}

async fn a_request_id_that_comes_with_another_body_is_a_conflict_and_changes_nothing(bed: Bed) {
    let (store, _) = open(&bed, ServiceName::Declaration).await;
    let now = bed.foundation.now();
    mutate(&store, key(&store, "body"), (1, "first"), now)
        .await
        .unwrap();
    let other = key(&store, "another body");
    let error = mutate(&store, other.clone(), (2, "second"), now)
        .await
        .unwrap_err();
    assert!(matches!(error, ClaimError::Reused), "{error:?}");
    let error = idempotency::stored_answer(store.database.reader(), &other)
        .await
        .unwrap_err();
    let fault = Fault::from(error);
    assert_eq!(
        (fault.code, fault.reason.as_ref()),
        (FaultCode::AlreadyExists, "REQUEST_ID_REUSED")
    );
    // The first answer is still stored.
    let again = mutate(&store, key(&store, "body"), (3, "third"), now).await;
    assert_eq!(again.unwrap(), replay("first"));
    assert_eq!(notes(&store.database).await, [1]);
}

async fn another_principal_or_method_may_use_the_same_request_id(bed: Bed) {
    let (store, _) = open(&bed, ServiceName::Declaration).await;
    let now = bed.foundation.now();
    let scopes = [
        ("alice", METHOD, 1),
        ("bob", METHOD, 1),
        ("alice", "lutong.declaration.v1.DeclarationService/Declare", 1),
        ("alice", METHOD, 2),
    ];
    for (note_id, (principal, method, n)) in (1..).zip(scopes) {
        let key = store
            .idempotency
            .key(principal, method, request(n), principal.as_bytes());
        let claim = mutate(&store, key, (note_id, "done"), now).await.unwrap();
        assert_eq!(claim, Claim::Fresh, "{principal} {method} {n}");
    }
    assert_eq!(notes(&store.database).await, [1, 2, 3, 4]);
}

async fn an_answer_is_kept_for_24_hours_and_then_swept(bed: Bed) {
    let (store, _) = open(&bed, ServiceName::Declaration).await;
    let done = bed.foundation.now();
    mutate(&store, key(&store, "body"), (1, "first"), done)
        .await
        .unwrap();
    bed.clock.advance(idempotency::RETENTION);
    assert_eq!(idempotency::RETENTION.as_secs(), 24 * 3_600);
    assert_eq!(sweep(&store, bed.foundation.now()).await, 0);
    let again = mutate(&store, key(&store, "body"), (2, "second"), bed.foundation.now()).await;
    assert_eq!(again.unwrap(), replay("first"));
    bed.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(sweep(&store, bed.foundation.now()).await, 1);
    let new = mutate(&store, key(&store, "another body"), (3, "third"), done).await;
    assert_eq!(new.unwrap(), Claim::Fresh);
    assert_eq!(notes(&store.database).await, [1, 3]);
}

async fn a_mutation_that_failed_may_be_sent_again(bed: Bed) {
    let (store, _) = open(&bed, ServiceName::Declaration).await;
    let now = bed.foundation.now();
    mutate(
        &store,
        store.idempotency.key("bob", METHOD, request(9), b""),
        (1, ""),
        now,
    )
    .await
    .unwrap();
    // The note already exists, so the effect fails after the claim.
    let failed = mutate(&store, key(&store, "body"), (1, "first"), now).await;
    let failed = failed.unwrap_err();
    assert!(
        matches!(failed, ClaimError::Storage(StorageError::Unique(_))),
        "{failed:?}"
    );
    let again = mutate(&store, key(&store, "body"), (2, "second"), now).await;
    assert_eq!(again.unwrap(), Claim::Fresh);
    assert_eq!(notes(&store.database).await, [1, 2]);
}

async fn of_those_that_send_the_same_at_once_one_does_it_and_all_get_its_answer(bed: Bed) {
    let (store, config) = open(&bed, ServiceName::Declaration).await;
    let other = open_again(&bed, ServiceName::Declaration, &config).await;
    let now = bed.foundation.now();
    for round in 0..10_u8 {
        let sent = (0..6_i64).map(|n| {
            let store = if n % 2 == 0 { &store } else { &other };
            let key = store.idempotency.key("alice", METHOD, request(round), b"body");
            mutate(store, key, (i64::from(round) * 10 + n + 1, "first"), now)
        });
        let (fresh, repeated): (Vec<Claim>, Vec<Claim>) = join_all(sent)
            .await
            .into_iter()
            .map(Result::unwrap)
            .partition(|claim| *claim == Claim::Fresh);
        assert_eq!((fresh.len(), repeated.len()), (1, 5));
        assert!(repeated.iter().all(|claim| *claim == replay("first")));
    }
    assert_eq!(notes(&store.database).await.len(), 10);
}

async fn neither_account_nor_body_can_be_read_in_the_table(bed: Bed) {
    let (store, _) = open(&bed, ServiceName::Declaration).await;
    let key = key(&store, "a name and a number");
    mutate(&store, key, (1, "an id"), bed.foundation.now())
        .await
        .unwrap();
    for (name, kept) in [("scope", 32), ("fingerprint", 32)] {
        let query = format!("SELECT {name} FROM idempotency");
        let stored: Vec<Vec<u8>> = column(&store.database, &query).await;
        assert_eq!(stored.len(), 1);
        assert_eq!(stored[0].len(), kept, "{name} is a keyed hash");
        for plain in [&b"alice"[..], b"a name"] {
            assert!(!stored[0].windows(plain.len()).any(|window| window == plain));
        }
    }
}
