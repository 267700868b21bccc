//! `federation mock`: a code system to try things on. It proves nothing and is reached from this machine alone.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use lutong_client::Failure;
use lutong_conformance::declaration::Declaration;
use lutong_conformance::mock::faults::{FaultKind, FaultScript};
use lutong_conformance::mock::{Mock, MockSetup, serve};
use lutong_kernel::PartnerCode;
use lutong_operating::entropy::Entropy;
use lutong_operating::wall_clock::WallClock;
use strum::VariantArray as _;

use super::conformance::{read_key, read_public_key, read_text, wrong};

#[derive(Debug, Args)]
pub struct MockArgs {
    /// What it declares of itself (TOML); its codes and people are the only ones that it knows.
    #[arg(long)]
    declaration: PathBuf,
    /// File of its private key (PKCS #8, PEM): a key for messages of the declaration.
    #[arg(long)]
    key: PathBuf,
    /// Which province it answers: two digits.
    #[arg(long)]
    partner: String,
    /// File of the public key of that province's messages (PEM).
    #[arg(long)]
    partner_key: PathBuf,
    /// How it breaks the contract (TOML); not at all by default.
    #[arg(long, long_help = kinds())]
    faults: Option<PathBuf>,
    /// Where it listens, on this machine.
    #[arg(long, default_value = "127.0.0.1:8480")]
    listen: SocketAddr,
}

/// What `--faults` is, with the kinds that there are.
fn kinds() -> String {
    let names: Vec<&str> = FaultKind::VARIANTS.iter().map(FaultKind::into_str).collect();
    format!(
        "How it breaks the contract (TOML); not at all by default. Kinds: {}",
        names.join(", ")
    )
}

impl MockArgs {
    pub async fn run(self) -> Result<(), Failure> {
        if !self.listen.ip().is_loopback() {
            return Err(Failure::Input(
                "--listen: 模拟系统只能在本机监听 / the mock listens on this machine alone".to_owned(),
            ));
        }
        let declaration = Declaration::parse(&read_text(&self.declaration)?);
        let declaration = declaration.map_err(|error| wrong(&self.declaration, &error))?;
        let faults = match &self.faults {
            None => FaultScript::default(),
            Some(path) => FaultScript::parse(&read_text(path)?).map_err(|error| wrong(path, &error))?,
        };
        let partner = PartnerCode::parse(&self.partner);
        let partner = partner.ok_or_else(|| {
            Failure::Input("--partner: 两位行政区划代码 / two digits of GB/T 2260".to_owned())
        })?;
        let mock = Mock::new(MockSetup {
            declaration,
            key: read_key(&self.key)?,
            partner: (partner, read_public_key(&self.partner_key)?),
            faults,
            clock: Arc::new(WallClock),
            random: Arc::new(Entropy),
        });
        let mock = mock.map_err(|error| wrong(&self.key, &error))?;
        let listener = tokio::net::TcpListener::bind(self.listen).await;
        let listener = listener.map_err(|error| Failure::Because(format!("{}: {error}", self.listen)))?;
        say!("http://{}", listener.local_addr()?);
        serve(mock, listener).await?;
        Ok(())
    }
}
