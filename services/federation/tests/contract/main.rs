//! Contract tests of federation, on both engines.

#![allow(clippy::unwrap_used)]

mod asking;
mod audit;
mod codes;
mod colour_maps;
mod connections;
mod conversion_rollbacks;
mod evidence;
mod exchanges;
mod national_codes;
mod partner_codes;
mod partner_exchanges;
mod partner_qualities;
mod partners;
mod people;
mod sharing;
mod speed;
mod trust_lists;

use std::sync::atomic::{AtomicU32, Ordering};

use lutong_federation::trust_list::of_one_partner;
use lutong_federation::{FederationConfig, Migrations};
use lutong_kernel::random::SeededRandom;
use lutong_kernel::{Colour, Fault, ServiceName, Timestamp};
use lutong_proto::policy::{Caller, Role};
use lutong_storage::StorageConfig;
use lutong_testing::Bed;
use lutong_token::{Algorithm, Claims, Issuer, SigningKey};
use lutong_transport::access::{Principal, Roles};

/// Three partners: Jiangsu, Zhejiang with a revoked key, Henan with an expired key.
struct Federation {
    bed: Bed,
    storage: StorageConfig,
    jiangsu: SigningKey,
    zhejiang: SigningKey,
    henan: SigningKey,
}

fn key(seed: u64) -> SigningKey {
    SigningKey::generate(Algorithm::Es256, &SeededRandom::new(seed)).unwrap()
}

fn province(code: &str) -> Issuer {
    Issuer::parse(code).unwrap()
}

fn since() -> Timestamp {
    Timestamp::parse("2022-01-01T00:00:00+08:00").unwrap()
}

/// An entry as written by `of_one_partner`, without the list's header.
fn entry(code: &str, name: &str, key: &SigningKey, more: &str) -> String {
    let list = of_one_partner("x", (province(code), name), key.verifying_key(), since()).unwrap();
    let (_, entry) = list.split_once("[[partner]]").unwrap();
    format!("[[partner]]{entry}{more}\n")
}

async fn build(
    bed: &Bed,
    storage: &StorageConfig,
    list: Option<&str>,
    roots: Option<&str>,
) -> Result<(), String> {
    let written = |name: &str, text: &str| {
        let file = bed.foundation.keys.path.with_file_name(name);
        std::fs::write(&file, text).unwrap();
        file
    };
    let config = FederationConfig {
        trust_list: list.map(|text| written("trust-list.toml", text)),
        trust_root: roots.map(|pem| written("trust-root.pem", pem)),
        ..FederationConfig::default()
    };
    build_with(bed, storage, &config).await
}

async fn build_with(bed: &Bed, storage: &StorageConfig, config: &FederationConfig) -> Result<(), String> {
    let peers = lutong_federation::Peers {
        code_rendering: bed.channel(ServiceName::CodeRendering, Caller::Federation),
        identity: bed.channel(ServiceName::Identity, Caller::Federation),
        declaration: bed.channel(ServiceName::Declaration, Caller::Federation),
    };
    let component = lutong_federation::build(&bed.foundation, storage, config, peers).await;
    bed.bind(component.map_err(|error| error.to_string())?);
    Ok(())
}

async fn start(bed: Bed) -> Federation {
    let storage = bed.storage::<Migrations>(ServiceName::Federation).await;
    let (jiangsu, zhejiang, henan) = (key(32), key(33), key(41));
    let list = format!(
        "version = \"2022-11\"\n\n{}{}{}",
        entry("32", "江苏", &jiangsu, ""),
        entry(
            "33",
            "浙江",
            &zhejiang,
            "revoked_at = \"2022-11-01T00:00:00+08:00\""
        ),
        entry("41", "河南", &henan, "not_after = \"2022-11-01T00:00:00+08:00\""),
    );
    build(&bed, &storage, Some(&list), None).await.unwrap();
    Federation {
        bed,
        storage,
        jiangsu,
        zhejiang,
        henan,
    }
}

fn shown(key: &SigningKey, code: &str, at: Timestamp, colour: Colour) -> String {
    let claims = Claims::dynamic(province(code), at, [7; 24], colour, None).unwrap();
    key.sign(&claims).unwrap()
}

fn operator(account: &str) -> Principal {
    staff(account, Role::Operator)
}

fn staff(account: &str, role: Role) -> Principal {
    Principal {
        roles: Roles::of(&[role]),
        ..lutong_testing::citizen(account, None)
    }
}

fn fault(status: &tonic::Status) -> Fault {
    lutong_transport::status::to_fault(status, "federation")
}

fn metadata<'a>(refused: &'a Fault, key: &str) -> &'a str {
    let found = refused.metadata.iter().find(|(name, _)| name == key);
    found.map_or("", |(_, value)| value)
}

/// A request id that no other request of this run has.
fn next_request_id() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(10_000);
    format!(
        "00000000-0000-7000-9000-{:012}",
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

impl Federation {
    fn now(&self) -> Timestamp {
        self.bed.foundation.now()
    }
}
