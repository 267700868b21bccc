//! Field encryption: a field decrypts only where it was written, in every process of its service.

use std::sync::Arc;

use futures::future::join_all;
use lutong_kernel::random::SeededRandom;
use lutong_kernel::{Fault, FaultCode, ServiceName};
use lutong_storage::Database;
use lutong_storage::crypto::{CipherError, FieldCipher, KeyFile};
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, tamper};
use lutong_transport::status::from_fault;

use crate::schema::{column, open, open_again};

on_both_engines!(
    a_ciphertext_that_was_moved_to_another_row_or_column_does_not_open,
    a_ciphertext_that_was_changed_anywhere_does_not_open,
    the_same_text_is_never_encrypted_to_the_same_bytes,
    decrypting_into_a_buffer_is_decrypting,
    a_key_encryption_key_that_is_missing_is_named_to_the_operator_and_not_to_the_caller,
    a_key_file_of_other_keys_opens_nothing,
    processes_that_start_together_share_one_data_key,
    a_newer_key_encryption_key_leaves_older_fields_readable,
    a_key_encryption_key_is_changed_while_the_service_runs_and_the_old_one_can_go,
    a_key_file_that_lacks_a_key_in_use_changes_nothing,
);

const PLAIN: &[u8] = "张三，男".as_bytes();
const CONTEXT: &[u8] = b"people/name/1";
/// Version, data key id and nonce; and the tag at the end.
const OVERHEAD: usize = 1 + 4 + 12 + 16;

fn damaged<T: std::fmt::Debug>(result: &Result<T, CipherError>) {
    assert!(matches!(result, Err(CipherError::Damaged)), "{result:?}");
}

async fn a_ciphertext_that_was_moved_to_another_row_or_column_does_not_open(bed: Bed) {
    let (store, _) = open(&bed, ServiceName::Identity).await;
    let cipher = store.fields.ready().await.unwrap();
    let sealed = cipher.encrypt(PLAIN, CONTEXT).unwrap();
    assert_eq!(cipher.decrypt(&sealed, CONTEXT).unwrap(), PLAIN);
    for elsewhere in [
        "people/name/2",
        "people/phone/1",
        "stays/name/1",
        "people/name/",
        "",
    ] {
        damaged(&cipher.decrypt(&sealed, elsewhere.as_bytes()));
        damaged(&cipher.decrypt_text(&sealed, elsewhere.as_bytes()));
        damaged(&cipher.decrypt_into(&sealed, elsewhere.as_bytes(), &mut Vec::new()));
    }
}

async fn a_ciphertext_that_was_changed_anywhere_does_not_open(bed: Bed) {
    let (store, _) = open(&bed, ServiceName::Identity).await;
    let cipher = store.fields.ready().await.unwrap();
    let sealed = cipher.encrypt(PLAIN, CONTEXT).unwrap();
    assert_eq!(sealed.len(), PLAIN.len() + OVERHEAD);
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        damaged(&cipher.decrypt(&changed, CONTEXT));
        damaged(&cipher.decrypt_into(&changed, CONTEXT, &mut Vec::new()));
        damaged(&cipher.decrypt(&sealed[..at], CONTEXT));
        damaged(&cipher.decrypt_into(&sealed[..at], CONTEXT, &mut Vec::new()));
    }
}

async fn the_same_text_is_never_encrypted_to_the_same_bytes(bed: Bed) {
    let (store, _) = open(&bed, ServiceName::Identity).await;
    let cipher = store.fields.ready().await.unwrap();
    let sealed: std::collections::BTreeSet<Vec<u8>> = (0..100)
        .map(|_| cipher.encrypt(PLAIN, CONTEXT).unwrap())
        .collect();
    // Their nonces differ.
    let nonces: std::collections::BTreeSet<&[u8]> = sealed.iter().map(|one| &one[5..17]).collect();
    assert_eq!((sealed.len(), nonces.len()), (100, 100));
}

async fn decrypting_into_a_buffer_is_decrypting(bed: Bed) {
    let (store, _) = open(&bed, ServiceName::Identity).await;
    let cipher = store.fields.ready().await.unwrap();
    // Earlier content of the buffer, longer or shorter, must not remain.
    let mut plain = b"what was there before".to_vec();
    for length in [0, 1, 15, 16, 17, 1_000, 3] {
        let text = vec![b'x'; length];
        let sealed = cipher.encrypt(&text, CONTEXT).unwrap();
        cipher.decrypt_into(&sealed, CONTEXT, &mut plain).unwrap();
        assert_eq!(plain, text);
        assert_eq!(cipher.decrypt(&sealed, CONTEXT).unwrap(), text);
    }
}

/// A key file with these lines, as written by an operator.
fn key_file(lines: &str) -> KeyFile {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("identity.keys");
    std::fs::write(&path, lines).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    KeyFile::open(&path, &[], &SeededRandom::new(1)).unwrap()
}

fn line(number: u32, digit: &str) -> String {
    format!("kek.{number} = {}\n", digit.repeat(64))
}

async fn a_key_encryption_key_that_is_missing_is_named_to_the_operator_and_not_to_the_caller(bed: Bed) {
    let (store, _) = open(&bed, ServiceName::Identity).await;
    store.fields.ready().await.unwrap();
    let keys = key_file(&line(2, "a"));
    let lacking = FieldCipher::new(store.database.clone(), &keys, Arc::clone(&bed.foundation.random));
    let error = lacking.ready().await.map(drop).unwrap_err();
    assert!(matches!(error, CipherError::NoKey(1)), "{error:?}");
    assert_eq!(
        error.to_string(),
        "the key-encryption key 1 is not in the key file"
    );
    let fault = Fault::from(error);
    assert_eq!(fault.code, FaultCode::Internal);
    let cause = fault.cause().unwrap_or_default().to_owned();
    assert!(cause.contains("the key-encryption key 1"), "{cause}");
    let status = from_fault(fault);
    let details = String::from_utf8_lossy(status.details());
    assert!(
        !details.contains("key") && !format!("{status:?}").contains("key"),
        "{status:?}"
    );
    // No new key was created instead.
    let ids: Vec<i64> = column(&store.database, "SELECT id FROM data_keys").await;
    assert_eq!(ids, [1]);
}

async fn a_key_file_of_other_keys_opens_nothing(bed: Bed) {
    let (store, _) = open(&bed, ServiceName::Identity).await;
    store.fields.ready().await.unwrap();
    let keys = key_file(&line(1, "a"));
    let other = FieldCipher::new(store.database.clone(), &keys, Arc::clone(&bed.foundation.random));
    damaged(&other.ready().await.map(drop));
}

async fn processes_that_start_together_share_one_data_key(bed: Bed) {
    let (first, config) = open(&bed, ServiceName::Identity).await;
    let mut stores = vec![first];
    for _ in 0..5 {
        stores.push(open_again(&bed, ServiceName::Identity, &config).await);
    }
    let ciphers: Vec<_> = join_all(stores.iter().map(|store| store.fields.ready()))
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let ids: Vec<i64> = column(&stores[0].database, "SELECT id FROM data_keys").await;
    assert_eq!(ids, [1]);
    for writes in &ciphers {
        let sealed = writes.encrypt(PLAIN, CONTEXT).unwrap();
        for reads in &ciphers {
            assert_eq!(reads.decrypt(&sealed, CONTEXT).unwrap(), PLAIN);
        }
    }
}

async fn a_newer_key_encryption_key_leaves_older_fields_readable(bed: Bed) {
    let (store, config) = open(&bed, ServiceName::Identity).await;
    let random = Arc::clone(&bed.foundation.random);
    let cipher = |keys: &KeyFile| FieldCipher::new(store.database.clone(), keys, Arc::clone(&random));
    let before = cipher(&key_file(&line(1, "a"))).ready().await.unwrap();
    let sealed = before.encrypt(PLAIN, CONTEXT).unwrap();
    let both = key_file(&[line(1, "a"), line(2, "b")].concat());
    let after = cipher(&both).ready().await.unwrap();
    assert_eq!(after.decrypt(&sealed, CONTEXT).unwrap(), PLAIN);
    // New data keys are wrapped under the highest key.
    tamper(&config, "DELETE FROM data_keys").await;
    cipher(&both).ready().await.unwrap();
    let wrapping: Vec<i64> = column(&store.database, "SELECT key_encryption_key FROM data_keys").await;
    assert_eq!(wrapping, [2]);
}

async fn wrappings(database: &Database) -> Vec<i64> {
    column(database, "SELECT key_encryption_key FROM data_keys").await
}

async fn a_key_encryption_key_is_changed_while_the_service_runs_and_the_old_one_can_go(bed: Bed) {
    let (store, config) = open(&bed, ServiceName::Identity).await;
    let random = Arc::clone(&bed.foundation.random);
    let cipher = |keys: &KeyFile| FieldCipher::new(store.database.clone(), keys, Arc::clone(&random));
    let (old, both, new) = (
        key_file(&line(1, "a")),
        key_file(&[line(1, "a"), line(2, "b")].concat()),
        key_file(&line(2, "b")),
    );
    let (one, other) = (cipher(&old), cipher(&old));
    let sealed = one.ready().await.unwrap().encrypt(PLAIN, CONTEXT).unwrap();
    other.ready().await.unwrap();
    assert_eq!(wrappings(&store.database).await, [1]);
    assert_eq!(one.renew(&both).await.unwrap(), 1);
    assert_eq!(wrappings(&store.database).await, [2]);
    // A second time, or on another replica, there is nothing to rewrap.
    assert_eq!(one.renew(&both).await.unwrap(), 0);
    assert_eq!(other.renew(&both).await.unwrap(), 0);
    for running in [&one, &other, &cipher(&new)] {
        assert_eq!(running.renew(&new).await.unwrap(), 0);
        let ready = running.ready().await.unwrap();
        assert_eq!(ready.decrypt(&sealed, CONTEXT).unwrap(), PLAIN);
    }
    // A process with only the old file gets an error that names the missing key.
    let late = cipher(&old).ready().await.map(drop).unwrap_err();
    assert!(matches!(late, CipherError::NoKey(2)), "{late:?}");
    // A data key that another process has created since is known after the next renewal: here, one that replaced the
    // first.
    tamper(&config, "DELETE FROM data_keys").await;
    let later = cipher(&new)
        .ready()
        .await
        .unwrap()
        .encrypt(PLAIN, CONTEXT)
        .unwrap();
    damaged(&one.ready().await.unwrap().decrypt(&later, CONTEXT));
    one.renew(&new).await.unwrap();
    assert_eq!(
        one.ready().await.unwrap().decrypt(&later, CONTEXT).unwrap(),
        PLAIN
    );
}

async fn a_key_file_that_lacks_a_key_in_use_changes_nothing(bed: Bed) {
    let (store, _) = open(&bed, ServiceName::Identity).await;
    let random = Arc::clone(&bed.foundation.random);
    let fields = FieldCipher::new(store.database.clone(), &key_file(&line(1, "a")), random);
    let sealed = fields.ready().await.unwrap().encrypt(PLAIN, CONTEXT).unwrap();
    let lacking = fields.renew(&key_file(&line(2, "b"))).await.unwrap_err();
    assert!(matches!(lacking, CipherError::NoKey(1)), "{lacking:?}");
    damaged(&fields.renew(&key_file(&line(1, "c"))).await);
    assert_eq!(wrappings(&store.database).await, [1]);
    let ready = fields.ready().await.unwrap();
    assert_eq!(ready.decrypt(&sealed, CONTEXT).unwrap(), PLAIN);
}
