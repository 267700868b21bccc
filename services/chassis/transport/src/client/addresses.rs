//! The addresses of a service's replicas: IP addresses from the settings, and names that are resolved repeatedly,
//! because a headless Kubernetes service has one address per pod.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures::future::BoxFuture;
use http::Uri;

use lutong_operating::tls::TlsError;

/// Finds the addresses of a name.
pub trait Resolve: Send + Sync {
    fn resolve(&self, host: String, port: u16) -> BoxFuture<'static, std::io::Result<Vec<SocketAddr>>>;
}

/// The system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, host: String, port: u16) -> BoxFuture<'static, std::io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host.as_str(), port)).await?.collect()) })
    }
}

/// The addresses in one `peers` setting.
#[derive(Clone)]
pub struct Addresses {
    scheme: String,
    fixed: BTreeSet<SocketAddr>,
    names: Vec<(String, u16)>,
    resolver: Arc<dyn Resolve>,
}

impl std::fmt::Debug for Addresses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Addresses({:?} {:?})", self.fixed, self.names)
    }
}

impl Addresses {
    /// Reads comma-separated URIs with a port each, all of one scheme.
    pub fn parse(text: &str, resolver: Arc<dyn Resolve>) -> Result<Self, TlsError> {
        let mut addresses = Self {
            scheme: String::new(),
            fixed: BTreeSet::new(),
            names: Vec::new(),
            resolver,
        };
        for one in text.split(',').map(str::trim).filter(|one| !one.is_empty()) {
            addresses
                .add(one)
                .ok_or_else(|| TlsError::Address(one.to_owned()))?;
        }
        if addresses.scheme.is_empty() {
            return Err(TlsError::Address(text.to_owned()));
        }
        Ok(addresses)
    }

    fn add(&mut self, one: &str) -> Option<()> {
        let uri: Uri = one.parse().ok()?;
        let scheme = uri.scheme_str()?;
        let default_port = if scheme == "https" { 443 } else { 80 };
        let (host, port) = (uri.host()?, uri.port_u16().unwrap_or(default_port));
        if !self.scheme.is_empty() && self.scheme != scheme {
            return None;
        }
        scheme.clone_into(&mut self.scheme);
        match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(ip) => drop(self.fixed.insert(SocketAddr::new(ip, port))),
            Err(_) => self.names.push((host.to_owned(), port)),
        }
        Some(())
    }

    pub fn uri(&self, address: SocketAddr) -> String {
        format!("{}://{address}", self.scheme)
    }

    /// The addresses that need no DNS lookup.
    pub fn fixed(&self) -> impl Iterator<Item = SocketAddr> {
        self.fixed.iter().copied()
    }

    pub fn has_names(&self) -> bool {
        !self.names.is_empty()
    }

    /// All current addresses; an error if a name could not be resolved.
    pub async fn look_up(&self) -> std::io::Result<BTreeSet<SocketAddr>> {
        let mut all = self.fixed.clone();
        for (host, port) in &self.names {
            all.extend(self.resolver.resolve(host.clone(), *port).await?);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Addresses, TlsError> {
        Addresses::parse(text, Arc::new(SystemResolver))
    }

    #[test]
    fn addresses_stand_and_names_are_looked_up() {
        let addresses =
            parse("https://10.0.0.1:9000, https://[fd00::1]:9000,https://identity-mesh:9000").unwrap();
        let fixed: Vec<String> = addresses.fixed().map(|address| addresses.uri(address)).collect();
        assert_eq!(fixed, ["https://10.0.0.1:9000", "https://[fd00::1]:9000"]);
        assert_eq!(addresses.names, [("identity-mesh".to_owned(), 9000)]);
    }

    #[test]
    fn what_is_no_uri_is_refused_by_name() {
        for bad in ["", " , ", "identity:9000", "identity", "https://a:1,http://b:1"] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
