//! A service works on its own database with its own keys, or not at all.

use lutong_chassis::{BuildError, KeyFolder, Store};
use lutong_kernel::ServiceName;
use lutong_storage::installation;
use lutong_storage::installation::{InstallationError, ServiceDatabase};
use lutong_storage::{Database, StorageConfig};
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, rows};

use crate::schema::{Migrations, open};

on_both_engines!(
    another_services_database_is_refused_and_left_alone,
    a_lost_key_file_is_not_made_anew_over_existing_data,
    keys_of_another_installation_are_refused,
    a_key_may_be_added_and_is_held_to_from_then_on,
    a_database_from_before_the_note_is_taken_over_only_with_the_keys_that_open_it,
    nobody_makes_a_key_file_where_it_is_given,
);

async fn try_open(
    bed: &Bed,
    service: ServiceName,
    config: &StorageConfig,
) -> Result<Store, InstallationError> {
    let opened = bed
        .foundation
        .open_store::<Migrations>(service, config, &[])
        .await;
    opened.map_err(|error| match error {
        BuildError::Installation { source, .. } => source,
        other => panic!("{other}"),
    })
}

async fn refusal(bed: &Bed, service: ServiceName, config: &StorageConfig) -> InstallationError {
    match try_open(bed, service, config).await {
        Err(error) => error,
        Ok(_) => panic!("was opened"),
    }
}

/// Encrypts something, so that the database depends on its keys.
async fn used(bed: &Bed) -> (Store, StorageConfig) {
    let (store, config) = open(bed, ServiceName::Federation).await;
    store.fields.ready().await.unwrap();
    (store, config)
}

async fn another_services_database_is_refused_and_left_alone(bed: Bed) {
    let (_store, config) = used(&bed).await;
    let tables = rows(&config, "schema_steps").await;
    let refused = refusal(&bed, ServiceName::Complaint, &config).await;
    let InstallationError::Owner { owner, service, .. } = &refused else {
        panic!("{refused}");
    };
    assert_eq!((owner.as_str(), *service), ("federation", ServiceName::Complaint));
    let database = Database::connect(&config).await.unwrap();
    let place = ServiceDatabase::new(ServiceName::Complaint, &config);
    let migrated = installation::migrate::<Migrations>(&database, &place).await;
    assert!(matches!(migrated, Err(InstallationError::Owner { .. })));
    assert_eq!(rows(&config, "schema_steps").await, tables);
    assert!(!bed.foundation.keys.file(ServiceName::Complaint).exists());
    try_open(&bed, ServiceName::Federation, &config).await.unwrap();
}

async fn a_lost_key_file_is_not_made_anew_over_existing_data(bed: Bed) {
    let (store, config) = used(&bed).await;
    let file = store.keys.path().to_owned();
    let kept = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let refused = refusal(&bed, ServiceName::Federation, &config).await;
    assert!(matches!(&refused, InstallationError::Lost { file: named, .. } if *named == file));
    let text = refused.to_string();
    assert!(
        text.contains(ServiceDatabase::new(ServiceName::Federation, &config).database()),
        "{text}"
    );
    assert!(!file.exists(), "no key file was made");
    lutong_operating::private::write(&file, &kept).unwrap();
    try_open(&bed, ServiceName::Federation, &config).await.unwrap();
}

async fn keys_of_another_installation_are_refused(bed: Bed) {
    let (store, config) = used(&bed).await;
    let file = store.keys.path().to_owned();
    let others = open(&bed, ServiceName::Identity).await.0;
    // One key of three differs.
    for name in ["kek.1", "index", "fingerprint"] {
        let line = |path: &std::path::Path| {
            let text = std::fs::read_to_string(path).unwrap();
            text.lines()
                .find(|line| line.starts_with(name))
                .unwrap()
                .to_owned()
        };
        let own = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, own.replace(&line(&file), &line(others.keys.path()))).unwrap();
        let refused = refusal(&bed, ServiceName::Federation, &config).await;
        assert!(
            matches!(&refused, InstallationError::OtherKey { key, .. } if key == name),
            "{refused}"
        );
        std::fs::write(&file, own).unwrap();
    }
    try_open(&bed, ServiceName::Federation, &config).await.unwrap();
}

async fn a_key_may_be_added_and_is_held_to_from_then_on(bed: Bed) {
    let (store, config) = used(&bed).await;
    let file = store.keys.path().to_owned();
    let own = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{own}kek.2 = {}\n", "ab".repeat(32))).unwrap();
    try_open(&bed, ServiceName::Federation, &config).await.unwrap();
    std::fs::write(&file, format!("{own}kek.2 = {}\n", "cd".repeat(32))).unwrap();
    let refused = refusal(&bed, ServiceName::Federation, &config).await;
    assert!(
        matches!(&refused, InstallationError::OtherKey { key, .. } if key == "kek.2"),
        "{refused}"
    );
    // The old key is still needed: a data key is wrapped under it.
    let without = own
        .lines()
        .filter(|line| !line.starts_with("kek.1"))
        .collect::<Vec<_>>()
        .join("\n");
    std::fs::write(&file, without).unwrap();
    assert!(try_open(&bed, ServiceName::Federation, &config).await.is_err());
}

async fn a_database_from_before_the_note_is_taken_over_only_with_the_keys_that_open_it(bed: Bed) {
    let (store, config) = used(&bed).await;
    let file = store.keys.path().to_owned();
    let own = std::fs::read_to_string(&file).unwrap();
    lutong_testing::tamper(&config, "DELETE FROM installation").await;
    std::fs::write(
        &file,
        own.replace("kek.1", "index.old") + &format!("kek.1 = {}\n", "ab".repeat(32)),
    )
    .unwrap();
    let refused = refusal(&bed, ServiceName::Federation, &config).await;
    assert!(
        matches!(refused, InstallationError::DoesNotOpen { .. }),
        "{refused}"
    );
    std::fs::remove_file(&file).unwrap();
    let refused = refusal(&bed, ServiceName::Federation, &config).await;
    assert!(matches!(refused, InstallationError::Lost { .. }), "{refused}");
    lutong_operating::private::write(&file, own.as_bytes()).unwrap();
    try_open(&bed, ServiceName::Federation, &config).await.unwrap();
}

async fn nobody_makes_a_key_file_where_it_is_given(mut bed: Bed) {
    bed.foundation.keys = KeyFolder::given(bed.foundation.keys.path.clone());
    let config = bed.storage::<Migrations>(ServiceName::Identity).await;
    let refused = refusal(&bed, ServiceName::Identity, &config).await;
    assert!(matches!(refused, InstallationError::Keys(_)), "{refused}");
    assert!(!bed.foundation.keys.file(ServiceName::Identity).exists());
}
