//! The network from which a call came, as a keyed hash: services may say that two calls came from one network, and nothing else about it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use lutong_storage::crypto::{Key, keyed_hash};
use lutong_transport::peer::PeerAddress;

/// Makes hashes of networks.
#[derive(Debug, Clone)]
pub struct NetworkHashes(Key);

impl NetworkHashes {
    pub const fn new(key: Key) -> Self {
        Self(key)
    }

    /// Metadata `lutong-network`.
    pub fn header(&self, from: PeerAddress) -> Option<HeaderValue> {
        let hash = keyed_hash(&self.0, from.network().to_string().as_bytes());
        HeaderValue::from_str(&URL_SAFE_NO_PAD.encode(hash)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(key: u8, address: &str) -> String {
        let from = PeerAddress(address.parse().unwrap());
        let header = NetworkHashes::new(Key::new([key; 32])).header(from).unwrap();
        header.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_network_has_one_hash_that_says_nothing_of_its_address() {
        let hash = header(1, "192.0.2.1:1000");
        assert_eq!(hash, header(1, "192.0.2.1:2000"), "the port is no part of it");
        assert_eq!(header(1, "[2001:db8:1:2::1]:1"), header(1, "[2001:db8:1:2::9]:1"));
        assert_ne!(hash, header(1, "192.0.2.2:1000"));
        assert_ne!(hash, header(2, "192.0.2.1:1000"), "another key, another hash");
        assert!(hash.len() <= lutong_transport::access::MAX_NETWORK && !hash.contains("192"));
    }
}
