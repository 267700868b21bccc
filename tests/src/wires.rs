//! TCP proxies between services, one per pair of caller and callee. A test may cut, stall or slow down each of them.

use std::collections::BTreeMap;
use std::time::Duration;

use lutong_kernel::ServiceName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The state of a proxied connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireState {
    Clear,
    /// Connections are closed, and new ones are closed at once.
    Cut,
    /// Nothing is forwarded until the state is clear again.
    Stalled,
    /// Everything is delayed by this duration.
    Slow(Duration),
    /// Each chunk closes its connection with a probability of one in this many: every second time after it was
    /// forwarded, so that only the answer is lost.
    Failing(u32),
    /// One bit of a chunk is changed with a probability of one in this many.
    Corrupting(u32),
}

/// All proxies of a mesh: between two services, and between a service and its database (keyed by the service twice).
/// Dropping them closes them.
#[derive(Debug, Default)]
pub struct Wires(BTreeMap<(ServiceName, ServiceName), watch::Sender<WireState>>);

impl Wires {
    /// Adds a proxy; returns the port at which `from` reaches `to`.
    pub async fn lay(&mut self, from: ServiceName, to: ServiceName, port: u16) -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let near = listener.local_addr().unwrap().port();
        let (sender, state) = watch::channel(WireState::Clear);
        self.0.insert((from, to), sender);
        tokio::spawn(accept(listener, port, state));
        near
    }

    /// Sets the state of the proxies selected by `those`.
    pub fn set(&self, state: WireState, those: impl Fn(ServiceName, ServiceName) -> bool) {
        for ((from, to), wire) in &self.0 {
            if those(*from, *to) {
                wire.send_replace(state);
            }
        }
    }

    pub fn clear(&self) {
        self.set(WireState::Clear, |_, _| true);
    }
}

async fn accept(listener: TcpListener, port: u16, mut state: watch::Receiver<WireState>) {
    loop {
        let near = tokio::select! {
            near = listener.accept() => near,
            gone = state.changed() => match gone {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        let Ok((near, _)) = near else { continue };
        tokio::spawn(connect(near, port, state.clone()));
    }
}

async fn connect(near: TcpStream, port: u16, mut state: watch::Receiver<WireState>) {
    // While stalled, a new connection is accepted but not answered.
    if state.wait_for(|now| *now != WireState::Stalled).await.is_err() || is_cut(&state) {
        return;
    }
    let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else {
        return;
    };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
    // The first direction to end closes the connection.
    tokio::select! {
        () = carry(near_read, far_write, state.clone()) => {}
        () = carry(far_read, near_write, state) => {}
    }
}

fn is_cut(state: &watch::Receiver<WireState>) -> bool {
    *state.borrow() == WireState::Cut
}

async fn carry(mut read: OwnedReadHalf, mut write: OwnedWriteHalf, mut state: watch::Receiver<WireState>) {
    let mut piece = vec![0_u8; 16_384];
    loop {
        let length = tokio::select! {
            length = read.read(&mut piece) => length.unwrap_or(0),
            changed = state.changed() => {
                if changed.is_err() || is_cut(&state) {
                    return;
                }
                continue;
            }
        };
        if length == 0 {
            return;
        }
        let Ok(now) = state
            .wait_for(|now| *now != WireState::Stalled)
            .await
            .map(|now| *now)
        else {
            return;
        };
        if let WireState::Slow(by) = now {
            tokio::time::sleep(by).await;
        }
        let fate = match now {
            WireState::Failing(one_in) => random() % (2 * one_in),
            _ => u32::MAX,
        };
        if let WireState::Corrupting(one_in) = now
            && random().is_multiple_of(one_in)
        {
            let at = random() as usize % length;
            piece[at] ^= 1 << (random() % 8);
        }
        if now == WireState::Cut || fate == 0 || write.write_all(&piece[..length]).await.is_err() {
            return;
        }
        if fate == 1 {
            // Time for it to take effect at the other end, whose answer is lost.
            tokio::time::sleep(Duration::from_millis(20)).await;
            return;
        }
    }
}

fn random() -> u32 {
    let mut bytes = [0_u8; 4];
    lutong_kernel::Random::fill(&lutong_operating::entropy::Entropy, &mut bytes);
    u32::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn echo() -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = socket.split();
                    tokio::io::copy(&mut read, &mut write).await
                });
            }
        });
        port
    }

    async fn said(socket: &mut TcpStream, within: u64) -> Option<usize> {
        let mut piece = [0_u8; 8];
        socket.write_all(b"hello").await.ok()?;
        let answer = tokio::time::timeout(Duration::from_millis(within), socket.read(&mut piece)).await;
        answer.ok()?.ok()
    }

    #[tokio::test]
    async fn a_wire_carries_stalls_goes_on_and_is_cut() {
        let (from, to) = (ServiceName::RiskRules, ServiceName::CodeRendering);
        let mut wires = Wires::default();
        let port = wires.lay(from, to, echo().await).await;
        let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        assert_eq!(said(&mut socket, 2_000).await, Some(5));
        wires.set(WireState::Stalled, |one, other| (one, other) == (from, to));
        assert_eq!(said(&mut socket, 100).await, None);
        wires.clear();
        let mut piece = [0_u8; 5];
        socket.read_exact(&mut piece).await.unwrap();
        wires.set(WireState::Cut, |_, _| true);
        assert_eq!(socket.read(&mut piece).await.unwrap_or(0), 0);
        let mut again = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        assert!(matches!(said(&mut again, 2_000).await, None | Some(0)));
    }
}
