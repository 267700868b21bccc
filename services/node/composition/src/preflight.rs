//! Checks a set-up before anything is served and reports all problems at once, each with its remedy. Also run by
//! `lutong config check`.

mod database;

use std::sync::Arc;

use lutong_chassis::KeyFolder;
use lutong_kernel::{Clock, Random, ServiceName};
use lutong_operating::health::Trouble;
use lutong_operating::tls::certificate;
use lutong_operating::tls::certificate::Validity;
use lutong_operating::wall_clock::WallClock;
use lutong_storage::crypto::KeyFile;
use lutong_transport::peer::Probe;

use crate::certified;
use crate::config::NodeConfig;
use crate::findings::Findings;
use crate::keys::{self, MeshKeys};
use crate::one_process;
use crate::wiring;

/// Checks the set-up of one service of the mesh, or of all in one process.
pub async fn check(service: Option<ServiceName>, config: &NodeConfig, clock: &dyn Clock) -> Findings {
    let mut findings = Findings::default();
    if let Err(error) = lutong_declaration::sources(&config.declaration) {
        findings.error(error);
    }
    if let Err(error) = lutong_complaint::relief_policy(&config.complaint) {
        findings.error(error);
    }
    match lutong_federation::trust(&config.federation) {
        Err(error) => findings.error(error),
        Ok((list, _)) => quotas(&list, &mut findings),
    }
    if service.is_none_or(|service| service == ServiceName::Gateway) {
        certified::check(config, clock, &mut findings);
    }
    if service.is_none_or(|service| service == ServiceName::Federation) {
        partner_tls(config, clock, &mut findings);
    }
    let listen = service.map_or(config.gateway.listen, |_| config.listen);
    if config.identity.trust_stated && !listen.ip().is_loopback() {
        findings.error(format_args!(
            "identity.trust_stated 不核实身份，只能在本机使用，而 {listen} 不是 / identity.trust_stated believes everybody, so it works on loopback only, and {listen} is not"
        ));
    }
    match service {
        None => one_process(config, &mut findings).await,
        Some(service) => one_service(service, config, clock, &mut findings).await,
    }
    findings
}

async fn one_process(config: &NodeConfig, findings: &mut Findings) {
    if !config.data.exists() {
        // The first start creates everything.
        return;
    }
    let keys = one_process::keys(&config.data);
    if !keys.makes {
        mesh_keys(&keys, findings);
    }
    for service in ServiceName::WITH_STORAGE {
        let storage = one_process::storage(&config.data, service);
        if one_process::is_used(&config.data, service) {
            database::check(service, &storage, &keys, findings).await;
        }
    }
}

async fn one_service(service: ServiceName, config: &NodeConfig, clock: &dyn Clock, findings: &mut Findings) {
    tls(service, config, clock, findings);
    peers(service, config, findings);
    if let Some(url) = &config.redis
        && let Err(error) = redis::Client::open(url.as_str())
    {
        findings.error(format_args!(
            "redis 地址不正确：{error} / redis: {error}: for example redis://redis:6379"
        ));
    }
    let keys = KeyFolder::given(&config.keys);
    mesh_keys(&keys, findings);
    if service == ServiceName::Gateway {
        return;
    }
    let url = config.storage.url.expose();
    if url.is_empty() {
        findings.error(
            "缺少 storage.url：网格中的服务需要自己的数据库 / storage.url is missing: a service of the mesh needs its database, for example LUTONG_STORAGE__URL=postgres://…",
        );
        return key_file(service, &keys, findings);
    }
    if url.starts_with("sqlite:") {
        findings.error(
            "网格中的服务不能使用 SQLite：请使用 PostgreSQL，或以单进程方式运行 lutong serve / a service of the mesh does not keep its data in SQLite: use PostgreSQL, or run everything in one process with `lutong serve`",
        );
        return key_file(service, &keys, findings);
    }
    database::check(service, &config.storage, &keys, findings).await;
}

/// Probes each peer. An absent peer is a warning only: it may be started later.
pub async fn check_peers(service: ServiceName, config: &NodeConfig, findings: &mut Findings) {
    let keys = KeyFolder::given(&config.keys);
    let Ok(mesh) = MeshKeys::open(&keys, &NoRandom) else {
        return;
    };
    for peer in wiring::peers(service) {
        let channel = match wiring::Links::Remote(config).channel(service, *peer) {
            Ok(channel) => channel,
            Err(error) => {
                findings.error(error);
                continue;
            }
        };
        let probe = Probe {
            from: service,
            to: *peer,
            addresses: config.peers.of(*peer).to_owned(),
            ca: config.tls.ca.clone(),
            channel,
            key: mesh.principal.clone(),
            clock: Arc::new(WallClock),
        };
        match probe.run().await {
            Ok(()) => {}
            Err(Trouble::Wrong(reason)) => findings.error(reason),
            Err(Trouble::Away(reason)) => findings.warn(reason),
        }
    }
}

/// The validity of a service's certificate; `None` if it cannot be used.
pub fn validity(service: ServiceName, config: &NodeConfig, clock: &dyn Clock) -> Option<Validity> {
    certificate::inspect(service, &config.tls, clock.now()).ok()
}

fn tls(service: ServiceName, config: &NodeConfig, clock: &dyn Clock, findings: &mut Findings) {
    let files = &config.tls;
    let unset = [&files.ca, &files.certificate, &files.key].map(|path| path.as_os_str().is_empty());
    if unset.contains(&true) {
        findings.error(
            "缺少 tls：网格中的服务需要证书 / tls is missing: a service of the mesh needs its certificate: `lutong certs dev`, then LUTONG_TLS__CA, LUTONG_TLS__CERTIFICATE, LUTONG_TLS__KEY",
        );
        return;
    }
    match certificate::inspect(service, files, clock.now()) {
        Err(wrong) => wrong.iter().for_each(|error| findings.error(error)),
        Ok(validity) if validity.ends_soon(clock.now()) => findings.warn(format_args!(
            "证书 {0} 将于 {1} 过期：请尽快换发 / the certificate {0} expires at {1}: have it issued anew",
            files.certificate.display(),
            validity.until
        )),
        Ok(_) => {}
    }
}

/// A partner that is answered and has no quota is refused for ever.
fn quotas(list: &lutong_federation::trust_list::TrustList, findings: &mut Findings) {
    for partner in list.without_quota() {
        findings.warn(format_args!(
            "federation.trust_list：伙伴 {partner} 未设配额，其每份报文都会被拒绝 / federation.trust_list: partner {partner} has no quota, so that each of its messages is refused as QUOTA_EXHAUSTED"
        ));
    }
}

/// The certificate that is shown to partners, and the authorities of theirs.
fn partner_tls(config: &NodeConfig, clock: &dyn Clock, findings: &mut Findings) {
    match lutong_federation::partner_certificate(&config.federation, clock.now()) {
        Err(wrong) => wrong
            .iter()
            .for_each(|error| findings.error(format_args!("federation.partner_tls: {error}"))),
        Ok(Some(validity)) if validity.ends_soon(clock.now()) => findings.warn(format_args!(
            "证书 {0} 将于 {1} 过期：请尽快换发 / the certificate {0} expires at {1}: have it issued anew",
            config.federation.partner_tls.certificate.display(),
            validity.until
        )),
        Ok(_) => {}
    }
}

fn peers(service: ServiceName, config: &NodeConfig, findings: &mut Findings) {
    for peer in wiring::peers(service) {
        let (addresses, name) = (config.peers.of(*peer), peer.as_snake());
        if addresses.trim().is_empty() {
            findings.error(format_args!(
                "缺少 peers.{name}：{service} 需要 {peer} / peers.{name} is missing: {service} calls {peer}, for example LUTONG_PEERS__{}=https://{peer}:9000",
                name.to_uppercase()
            ));
        }
        for address in addresses.split(',').map(str::trim) {
            if address.to_lowercase().starts_with("http:") {
                findings.error(format_args!(
                    "peers.{name} 的地址 {address} 未加密：网格内一律使用 https:// / peers.{name}: {address} is not encrypted: within the mesh every address begins with https://"
                ));
            }
        }
    }
}

fn mesh_keys(keys: &KeyFolder, findings: &mut Findings) {
    // Read-only: missing keys are created by the start, not by a check.
    let given = KeyFolder::given(&keys.path);
    if let Err(error) = MeshKeys::open(&given, &NoRandom) {
        findings.error(error);
    }
}

fn key_file(service: ServiceName, keys: &KeyFolder, findings: &mut Findings) {
    if let Err(error) = KeyFile::open_existing(&keys.file(service), &keys::names(service)) {
        findings.error(error);
    }
}

/// A check creates no keys, so it needs no randomness.
#[derive(Debug)]
struct NoRandom;

impl Random for NoRandom {
    fn fill(&self, _: &mut [u8]) {}
}
