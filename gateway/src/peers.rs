//! The services behind the edge.

use lutong_kernel::ServiceName;
use lutong_transport::client::MeshChannel;

/// One channel a service; made by the composition root, which alone knows whether it is local or remote.
#[derive(Debug, Clone, Default)]
pub struct Peers(Vec<MeshChannel>);

impl Peers {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a channel; a later one to the same service takes the earlier one's place.
    #[must_use]
    pub fn with(mut self, channel: MeshChannel) -> Self {
        self.0.retain(|other| other.part() != channel.part());
        self.0.push(channel);
        self
    }

    pub fn get(&self, service: ServiceName) -> Option<MeshChannel> {
        self.0.iter().find(|channel| channel.part() == service).cloned()
    }
}

impl FromIterator<MeshChannel> for Peers {
    fn from_iter<I: IntoIterator<Item = MeshChannel>>(channels: I) -> Self {
        channels.into_iter().fold(Self::new(), Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lutong_proto::policy::Caller;
    use lutong_transport::client::LocalMesh;

    #[test]
    fn a_service_without_a_channel_is_not_there() {
        let mesh = LocalMesh::new();
        let peers: Peers = [mesh.channel(ServiceName::Identity, Caller::Gateway)]
            .into_iter()
            .collect();
        assert_eq!(
            peers.get(ServiceName::Identity).map(|c| c.part()),
            Some(ServiceName::Identity)
        );
        assert!(peers.get(ServiceName::Complaint).is_none());
    }
}
